"""Numbers without wraps, and what a side never saw."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bypeer.core import tcp
from bypeer.core.points import Points
from bypeer.core.segment import Segment
from bypeer.core.study import NOWHERE
from bypeer.core.trace import MOST_GAPS, Gaps, Trace

WRAP = 1 << 32


def points(*segments: tuple[int, int, int, int | None]) -> Points:
    """Of way, sequence number, octets and acknowledgement each, a ns apart; frames count from 1."""
    found, segment = Points(len(segments)), Segment()
    for number, (way, seq, size, ack) in enumerate(segments):
        segment.frame, segment.ts = number + 1, number
        segment.seq, segment.size, segment.ack = seq % WRAP, size, (ack or 0) % WRAP
        segment.flags = 0 if ack is None else tcp.ACK_
        found.see(way, False, segment)
    return found


def test_numbers_go_on_through_wraps() -> None:
    step, isns = 900_000_000, (WRAP - 5, 17)
    steps = [(1, isns[1] + 1 + at * step, step, isns[0] + 1) for at in range(30)]
    answers = [(0, isns[0] + 1, 0, isns[1] + 1 + (at + 1) * step) for at in range(30)]
    told = [one for pair in zip(steps, answers, strict=True) for one in pair]
    found = Trace(points(*told), 0, isns)
    assert list(found.start)[::2] == [1 + at * step for at in range(30)]
    assert list(found.numbers)[1::2] == [1 + (at + 1) * step for at in range(30)]
    assert list(found.front) == [0, 1 + 30 * step]
    assert max(found.front) > 6 * WRAP


def test_a_direction_can_be_counted_from_elsewhere() -> None:
    found = Trace(points((1, 100, 10, 5), (0, 5, 0, 110), (0, 5, 0, None)), 0, (4, 99))
    found.move(1, 3 * WRAP)
    assert list(found.start) == [1 + 3 * WRAP, 1, 1]
    assert list(found.numbers) == [1, 11 + 3 * WRAP, NOWHERE]


def test_what_was_acknowledged_and_never_seen_is_missed() -> None:
    told = points((1, 1, 10, 1), (1, 31, 10, 1), (1, 21, 5, 1), (0, 1, 0, 41), (1, 61, 10, 1))
    found = Trace(told, 0, (0, 0))
    assert found.missed(1) == [(0, 1), (0, 1)]  # 11 to 21 and 26 to 31, behind the first, before the second
    assert found.missed(0) == []
    assert (found.gaps[1].starts, found.gaps[1].ends) == ([11, 26, 41], [21, 31, 61])


def test_what_was_acknowledged_and_never_seen_is_lost() -> None:
    told = points((1, 1, 10, 1), (1, 21, 10, 1), (0, 1, 0, 41), (1, 61, 10, 1))
    found = Trace(told, 0, (0, 0))
    for shift in (0, 1 << 33):
        spans = {
            (1, 11): False,
            (11, 21): True,
            (20, 25): True,
            (31, 41): True,
            (41, 51): False,
            (15, 15): False,
        }
        assert {span: found.lost(1, span[0] + shift, span[1] + shift) for span in spans} == spans
        found.move(1, 1 << 33)
    assert not found.lost(0, 1, 2)
    assert Trace(points((0, 1, 0, 41)), 0, (0, 0)).lost(1, 1, 41)


def test_a_wild_number_is_no_gap() -> None:
    found = Trace(points((1, 1, 10, 1), (1, 1 + (1 << 31) - 9, 10, 1), (1, 11, 10, 1)), 0, (0, 0))
    assert (found.gaps[1].starts, found.front[1]) == ([], 21)


def test_rows_are_found_by_frame() -> None:
    found = Trace(points(*[(0, 1, 0, 1)] * 5), 0, (0, 0))
    assert [found.row(frame) for frame in range(8)] == [-1, 0, 1, 2, 3, 4, -1, -1]
    assert Trace(Points(0), 0, (0, 0)).row(1) == -1


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=40))
def test_gaps_are_what_a_set_would_say(seen: list[tuple[int, int]]) -> None:
    gaps, front, octets = Gaps(), 0, set[int]()
    for start, size in seen:
        end = start + size
        mine = set(range(start, end))
        if start > front:
            gaps.open(front, start, 0, 0)
        elif start < front:
            high = min(end, front)
            assert gaps.fill(start, high) == len(set(range(start, high)) - octets)
        octets |= mine
        front = max(front, end)
    found = {at for a, b in zip(gaps.starts, gaps.ends, strict=True) for at in range(a, b)}
    assert found == set(range(front)) - octets
    assert gaps.starts == sorted(gaps.starts)


def test_of_too_many_gaps_the_oldest_are_forgotten() -> None:
    gaps = Gaps()
    for at in range(MOST_GAPS + 5):
        gaps.open(2 * at, 2 * at + 1, 0, 0)
    assert (len(gaps.starts), gaps.starts[0], gaps.forgotten) == (MOST_GAPS, 10, True)
