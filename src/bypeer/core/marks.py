"""What is written beside the packets of a case file: which are twins, and what was found of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bypeer.core.explain import Analysis
from bypeer.core.explanation import Explanation


class Mark(NamedTuple):
    """What is said of one frame."""

    packet_id: int | None = None  # the same at each place where the segment was seen
    comments: Sequence[str] = ()


Marks = Mapping[int, Mark]  # by frame number


def marks(analysis: Analysis, found: Explanation) -> dict[int, Marks]:
    """The marks of each input: twins of all connections that were studied, the lettered lines as comments."""
    ids: dict[tuple[int, int], int] = {}
    for case in analysis.cases:
        for one in case.seen.study.sightings:
            if one.twin is not None and one.side == case.seen.study.ingress(one.direction):
                number = len(ids)
                for each in (one, one.twin):
                    ids.setdefault((each.home.vantage[0], each.segment.frame), number)
    comments: dict[tuple[int, int], list[str]] = {}
    inputs = {one.id: one.input for one in found.vantages}
    for connection in found.connections:
        for event in connection.events:
            comment = f"bypeer: {connection.id} {event.letter}: {event.text}"
            comments.setdefault((inputs[event.vantage], event.frame), []).append(comment)
    marked: dict[int, dict[int, Mark]] = {}
    for row, frame in {**ids, **comments}:
        key = row, frame
        marked.setdefault(row, {})[frame] = Mark(ids.get(key), comments.get(key, ()))
    return {row: frames for row, frames in marked.items()}
