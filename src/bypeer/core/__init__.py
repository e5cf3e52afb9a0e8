"""The pure part: arrays and records in, arrays and records out. Read explain.py first."""
