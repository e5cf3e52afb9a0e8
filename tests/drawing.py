"""A story of tests/scene.py, or any captures in memory, as far as its pictures need them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bypeer.core.draw import draw, sheet
from bypeer.core.explain import analyse
from bypeer.core.explanation import Input
from bypeer.core.nat import join
from bypeer.core.picture import KINDS, Marks, Picture
from bypeer.core.points import MOST, Points
from bypeer.core.scan import Scan, collect, scan
from tests.scene import Memory, sources

NAMES = [name for name, _ in KINDS]


def collected(captures: Sequence[Any], most: int = MOST) -> tuple[Points | None, Points | None]:
    """The points of the one connection of these captures."""
    scans = [scan(one) for one in captures]
    (found,) = join({number: one.table.rows for number, one in enumerate(scans)}, None)
    taken = sheet(found, most)
    _fill(captures, scans, taken)
    return taken.points


def _fill(captures: Sequence[Any], scans: Sequence[Scan], taken: Any) -> None:
    for number, (source, found) in enumerate(zip(captures, scans, strict=True)):
        lanes = [(row, lane) for at, row, lane in taken.lanes if at == number]
        if lanes:
            collect(source, found, lanes)


def pictured(captures: Sequence[Any], marks: int = 1_000_000, most: int = MOST, **told: Any) -> Picture:
    """The picture of the first connection that is looked at; `told` goes to `analyse`."""
    analysis = analyse(captures, anyway=True, **told)
    case = analysis.cases[0]
    taken = sheet(case.seen.study.join, most)
    _fill(captures, analysis.scans, taken)
    inputs = [Input(f"{number}", None, "", 0, 0, 0, {}, None, []) for number in range(len(captures))]
    return draw(case, "c1", taken, inputs, analysis.printed, marks)


def drawn(story: str, marks: int = 1_000_000, most: int = MOST, **how: Any) -> Picture:
    """The picture of a story."""
    printed = frozenset(range(2)) if how.get("printed") else frozenset()
    return pictured(sources(story, **how), marks, most, printed=printed)


def kinds(marks: Marks) -> dict[str, int]:
    """How many marks there are of each kind."""
    return dict(Counter(NAMES[kind] for kind in marks.kind))


def rows(picture: Picture, *wanted: str) -> list[tuple[int, int, int]]:
    """Low, size and behind of the marks of these kinds, in order of time."""
    marks = picture.marks
    return [
        (marks.low[row], marks.size[row], marks.behind[row])
        for row in range(len(marks.ts))
        if NAMES[marks.kind[row]] in wanted
    ]


def columns(points: Any) -> dict[str, list[int]]:
    """All that was taken of the segments."""
    names = ("ts", "frame", "seq", "ack", "size", "tsval", "left", "right", "win", "flags", "way", "stray")
    return {name: list(getattr(points, name))[: points.count] for name in names}


__all__ = ["Memory", "collected", "columns", "drawn", "kinds", "pictured", "rows"]
