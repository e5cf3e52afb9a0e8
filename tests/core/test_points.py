"""The columns of a connection's segments: what `look_again` would tell of each, and no more than fit."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core import tcp
from bypeer.core.excerpt import Excerpt
from bypeer.core.points import Lane, Points
from bypeer.core.scan import collect, look_again, scan
from bypeer.core.segment import NO_TIME, Segment
from tests.drawing import collected, columns
from tests.scene import FAR, Memory, sources

STORY = f"""{FAR}
    0.052 > . 101:101(0) ack 61449 win 502 <sack 91449:92000>
    0.060 < . 1:1449(1448) ack 101 win 509 !
    0.061 H> R 101:101(0) win 0
    0.062 > F. 101:101(0) ack 91449 win 502
"""


def excerpted(memory: Memory) -> list[tuple[int, Segment]]:
    """All segments of the first connection, as records."""
    found, kept = scan(memory), Excerpt()
    look_again(memory, found, [(found.table.rows[0], kept)])
    return kept.rows


@pytest.mark.parametrize("how", [{}, {"timestamps": True}, {"ipv6": True}], ids=str)
def test_columns_say_what_records_do(how: dict[str, Any]) -> None:
    captures = sources(STORY, **how)
    for memory, points in zip(captures, collected(captures), strict=True):
        assert points is not None
        records = excerpted(memory)
        found = columns(points)
        assert points.count == points.passed == len(records) > 10
        assert found["way"] == [way for way, _ in records]
        for name in ("ts", "frame", "seq", "ack", "size", "tsval", "win", "flags"):
            assert found[name] == [getattr(one, name) for _, one in records]
        assert found["right"] == [one.dsack_right if one.sack_count else 0 for _, one in records]
        assert found["left"] == [one.dsack_left if one.sack_count else 0 for _, one in records]
    assert any(found["right"])


def test_other_connections_and_other_lives_stay_apart() -> None:
    first, _ = sources(f"{FAR} 0.1 > R. 101:101(0) ack 91449 win 0\n", FAR)
    later, _ = sources(FAR, isns=(5, 6))
    second = [one._replace(ts=one.ts + 10**9) for one in later.taken[1:]]
    memory = Memory([*first.taken[:-1], *second])
    found = scan(memory)
    rows = found.table.rows
    assert len(rows) == 3
    assert rows[0].client == rows[2].client
    taken = [Points(99) for _ in rows]
    collect(memory, found, [(row, Lane(points)) for row, points in zip(rows, taken, strict=True)])
    assert [one.passed for one in taken] == [sum(half.segments for half in row.halves) for row in rows]
    assert set(columns(taken[0])["frame"]).isdisjoint(columns(taken[2])["frame"])


def test_of_too_many_the_last_are_taken() -> None:
    captures = sources(STORY)
    every, some = collected(captures)[1], collected(captures, most=4)[1]
    assert every is not None
    assert some is not None
    assert (some.count, some.passed, some.skip) == (4, every.count, every.count - 4)
    assert columns(some) == {name: column[-4:] for name, column in columns(every).items()}


def test_more_than_were_announced_are_counted() -> None:
    points, segment = Points(2), Segment()
    for number in range(5):
        segment.frame = number
        points.see(0, False, segment)
    assert (points.count, points.passed, columns(points)["frame"]) == (2, 5, [0, 1])


@pytest.mark.parametrize("date", [NO_TIME, 1 << 62, -(1 << 62)])
def test_what_has_no_date_has_that_of_the_one_before(date: int) -> None:
    points, segment = Points(3), Segment()
    for ts in (date, 7, date):
        segment.ts = ts
        points.see(0, False, segment)
    assert columns(points)["ts"] == [0, 7, 7]


def test_strays_are_marked_as_such() -> None:
    leak = f"{FAR} 0.1 >~ F. 101:101(0) ack 91449 win 502\n"
    _, outside = collected(sources(leak))
    assert outside is not None
    found = columns(outside)
    assert [
        flags & tcp.FIN for flags, stray in zip(found["flags"], found["stray"], strict=True) if stray
    ] == [1]
