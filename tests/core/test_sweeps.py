"""What is asked of all segments of a connection, held against what each of them says."""

from __future__ import annotations

from collections.abc import Sequence

from bypeer.core import tcp
from bypeer.core.segment import BAD, NO_TIME
from bypeer.core.study import NOWHERE, Sighting
from bypeer.core.sweeps import (
    damaged,
    earlier,
    fellows,
    fin,
    highest_ack,
    highest_end,
    larger,
    shortened,
    span,
    with_flags,
)
from tests.scene import ASKED, case

CLOSED = """
    0.030 < F. 1449:1449(0) ack 101 win 509
    0.031 > F. 101:101(0) ack 1450 win 502
    0.040 < R  9999:9999(0) win 0
"""


def told(story: str, **how: object) -> Sequence[Sighting]:
    return case(ASKED + story, sides="outside", **how).seen.study.sightings


def test_how_far_a_direction_got() -> None:
    rows = [one for one in told(CLOSED) if one.direction == 1]
    assert (highest_end(rows, 7), highest_ack(rows)) == (1450, 101)
    assert highest_end(rows[-1:], 7) == 7, "a RST counts for nothing"
    assert highest_ack([]) == NOWHERE
    closing = fin(rows)
    assert closing is not None
    assert closing.end == 1450
    assert fin(rows[:2]) is None


def test_the_first_with_a_flag() -> None:
    rows = told(CLOSED)
    assert with_flags(rows, tcp.SYN) is rows[0]
    assert with_flags(rows, tcp.RST) is rows[-1]
    assert with_flags(rows[1:-1], tcp.RST) is None


def test_when_they_passed() -> None:
    rows = list(told(CLOSED))
    assert span(rows) == (rows[0].ts, rows[-1].ts)
    assert span(rows[::-1]) == span(rows)
    assert span([]) is None
    for one in rows:
        one.segment.ts = NO_TIME
    assert span(rows) is None, "a date that was only taken over is none"


def test_what_is_strange_about_some() -> None:
    rows = told(CLOSED)
    assert larger(rows, 100) == [one for one in rows if one.segment.size > 100]
    assert len(larger(rows, 99)) == len(larger(rows, 100)) + 1
    assert damaged(rows) == shortened(rows) == []
    rows[3].segment.checksum, rows[4].segment.cut = BAD, True
    assert (damaged(rows), shortened(rows)) == ([rows[3]], [rows[4]])


def test_those_before_a_time() -> None:
    rows = told(CLOSED)
    assert earlier(rows, rows[2].ts) == list(rows[:2])
    assert earlier(rows, rows[-1].ts + 1) == list(rows[:-1]), "a RST counts for nothing"


def test_what_the_others_have_in_common_with_one() -> None:
    rows = [one for one in case(ASKED + CLOSED).seen.study.sightings if one.direction == 1 and one.side == 1]
    odd, *others = rows
    forwarded = [one for one in others if not one.is_rst and one.twin is not None]
    assert forwarded
    for number, one in enumerate(rows):
        one.segment.ttl, one.segment.ip_id = 50 + number, 7 + number
        one.segment.timestamps, one.segment.tsval = True, 100 + number
    found = fellows(rows, odd, 10**12)
    assert found == (len(forwarded), False, False, None, max(one.segment.tsval for one in forwarded))
    forwarded[0].segment.ttl, forwarded[0].segment.ip_id = 0, odd.segment.ip_id
    assert fellows(rows, odd, 10**12)[:3] == (len(forwarded), True, True)
    assert not fellows(rows, odd, 0).identification, "too long ago"
    assert fellows(rows, forwarded[-1], 10**12).least == min(100, *(one.segment.tsval for one in forwarded))
