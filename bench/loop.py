"""The loops in which bench/tracker.py measures; compiled where bypeer is, else they would be the cost."""

from __future__ import annotations

from bypeer.core.conntrack import step
from bypeer.core.entry import Entry, Rules, Step
from bypeer.core.segment import Segment


def played(segments: list[Segment], ways: bytes, entry: Entry, rules: Rules, out: Step) -> None:
    """Every segment through the tracker; 2 in `ways` marks one that begins another conversation."""
    for row in range(len(segments)):
        segment = segments[row]
        way = ways[row]
        if way & 2:
            entry.clear()
        step(entry, way & 1, segment, rules, out)


def walked(segments: list[Segment], ways: bytes, entry: Entry) -> int:
    """The same without the tracker."""
    total = 0
    for row in range(len(segments)):
        segment = segments[row]
        way = ways[row]
        if way & 2:
            entry.clear()
        total += segment.flags
    return total


def copied(segments: list[Segment], ways: bytes, entry: Entry) -> int:
    """The same, and a new record of every segment."""
    total = 0
    for row in range(len(segments)):
        segment = segments[row]
        way = ways[row]
        if way & 2:
            entry.clear()
        copy = segment.copy()
        total += copy.flags
    return total
