"""Trails: whatever was noted, however coarse it has become, a second reading misses no wanted frame."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bypeer.core import connections
from bypeer.core import trail as module
from bypeer.core.connections import Connections
from bypeer.core.frames import Span
from bypeer.core.trail import NEAR, Trail
from tests.core.placing import CLIENT, told
from tests.pure import here

SIZE = NEAR // 3  # octets from a frame to the next
plain_only = pytest.mark.skipif(
    here() == "compiled", reason="a compiled module's constants cannot be changed"
)


def table_of(rows: Sequence[int], every: int = 1, size: int = SIZE) -> Connections:
    """A table after a frame of each of these connections, in blocks of so many frames."""
    table = Connections()
    table.trail = Trail()
    (segment,) = told("> . 1:1(0) ack 1")
    for at, row in enumerate(rows):
        if at % every == 0:
            table.trace(at + 1, at * size)
        segment.frame, segment.sport = at + 1, CLIENT[2] + row
        table.place(segment)
    return table


def spans(table: Connections, ports: set[int]) -> list[Span]:
    return table.spans([row for row in table.rows if row.client[2] - CLIENT[2] in ports])


def covered(found: Sequence[Span]) -> set[int]:
    return {frame for one in found for frame in range(one.first, one.last + 1)}


def test_what_is_near_is_read_and_what_is_far_is_not() -> None:
    rows = [1, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    assert spans(table_of(rows), {1}) == [Span(1, 4, 0, 4 * SIZE), Span(9, 9, 8 * SIZE, 9 * SIZE)]
    assert spans(table_of(rows, size=SIZE // 2), {1}) == [Span(1, 9, 0, 9 * (SIZE // 2))]
    assert spans(table_of(rows), {0}) == [Span(2, 10, SIZE, -1)], "nobody knows where the last one ends"


def test_a_block_is_read_whole() -> None:
    rows = [0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert spans(table_of(rows, every=3), {1}) == [Span(7, 7, 6 * SIZE, -1)]
    assert spans(table_of([*rows, 1], every=3), {1}) == [Span(7, 10, 6 * SIZE, -1)]


def test_offsets_begin_anew_with_a_file() -> None:
    table = Connections()
    table.trail = Trail()
    (segment,) = told("> . 1:1(0) ack 1")
    for frame, offset, port in ((1, 24, 4007), (2, 9_000_000, 4008), (3, 24, 4007), (4, 8_000_000, 4008)):
        table.trace(frame, offset)
        segment.frame, segment.sport = frame, port
        table.place(segment)
    wanted = [row for row in table.rows if row.client[2] == 4007]
    assert table.spans(wanted) == [Span(1, 1, 24, 9_000_000), Span(3, 3, 24, 8_000_000)]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.integers(0, 9), min_size=1, max_size=60),
    every=st.integers(1, 4),
    size=st.sampled_from([1, SIZE, NEAR]),
    wanted=st.sets(st.integers(0, 9), min_size=1),
    bounds=st.tuples(st.integers(3, 40), st.integers(2, 80)),
)
def test_no_wanted_frame_is_missed(
    monkeypatch: pytest.MonkeyPatch,
    rows: list[int],
    every: int,
    size: int,
    wanted: set[int],
    bounds: tuple[int, int],
) -> None:
    """However few blocks and notes there may be."""
    if here() != "compiled":
        monkeypatch.setattr(module, "_MOST_BLOCKS", bounds[0])
        monkeypatch.setattr(module, "_MOST_NOTES", bounds[1])
    table = table_of(rows, every, size)
    if not wanted & set(rows):
        return
    found = spans(table, wanted)
    frames = {at + 1 for at, row in enumerate(rows) if row in wanted}
    assert frames <= covered(found)
    assert found == sorted(found)
    assert all(one.last < after.first for one, after in pairwise(found))
    assert max(covered(found)) == max(frames)
    assert all(one.offset == (one.first - 1) * size for one in found)
    assert all(one.stop in (-1, one.last * size) for one in found[:-1])


@plain_only
def test_it_becomes_coarser_and_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BLOCKS", 16)
    table = table_of([0] * 50 + [1] + [0] * 449)
    assert table.trail is not None
    assert table.trail.block < 16
    assert not table.trail.vague
    (span,) = spans(table, {1})
    assert span.first <= 51 <= span.last
    assert 8 <= span.last - span.first + 1 <= 64


@plain_only
def test_too_many_notes_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a connection's life tells where it is."""
    monkeypatch.setattr(module, "_MOST_NOTES", 32)
    table = table_of([*range(100), *range(100)])
    assert table.trail is not None
    assert table.trail.vague
    (span,) = spans(table, {50})
    assert span == Span(51, 151, 50 * SIZE, 152 * SIZE)


def test_notes_that_tell_little_are_given_up() -> None:
    """Where connections take turns frame by frame, each block has most of them."""
    for rows, vague in ([*range(50)] * 6, True), ([row // 10 for row in range(3_000)], False):
        table = table_of(rows, every=4)
        assert table.trail is not None
        assert table.trail.vague == vague


@plain_only
def test_rows_that_moved_are_told_by_their_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_MOST_CONNECTIONS", 8)
    table = table_of([*range(20), 19])
    assert table.evicted
    assert table.trail is not None
    assert table.trail.vague
    assert spans(table, {19}) == [Span(20, 21, 19 * SIZE, -1)]


@plain_only
def test_without_notes_it_still_becomes_coarser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_NOTES", 8)
    monkeypatch.setattr(module, "_MOST_BLOCKS", 16)
    table = table_of([*range(20), *[7] * 500])
    assert table.trail is not None
    assert table.trail.vague
    assert table.trail.block < 16
    (span,) = spans(table, {19})
    assert span.first <= 20 <= span.last < 100


def test_a_trail_is_the_same_in_another_process() -> None:
    table = table_of([1, 0, 0, 1, 0, 0, 0, 0, 1, 0])
    there = pickle.loads(pickle.dumps(table))
    assert spans(there, {1}) == spans(table, {1})
