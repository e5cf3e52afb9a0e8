"""An Explanation, made readable: text for people, markdown for tickets, JSON for programs.

Pure functions from records to str: nothing here opens or prints anything. What text and markdown
say, and in which order, is in story.py; they only set it.
"""
