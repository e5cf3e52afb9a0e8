"""Capture files to frames: told apart by their magic numbers, streamed, never held whole."""
