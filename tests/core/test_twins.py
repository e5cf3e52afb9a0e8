"""Twins by columns: those that forward.py finds of the same segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.forward import JITTER
from bypeer.core.forward import match as study_match
from bypeer.core.overlay import Traces, match, trace
from bypeer.core.study import INSIDE, OUTSIDE, Study
from bypeer.core.trace import KEPT, UNSEEN
from bypeer.core.twins import absent, pair, tile
from tests.core.test_study import studied
from tests.core.test_trace import points
from tests.drawing import collected
from tests.make import Taken
from tests.scene import FAR, OPEN, Memory, sources

FATES = ("forwarded", "dropped", "twice", "swapped")


def traced(*captures: Memory) -> tuple[Study, Traces]:
    """A study with its twins, and the columns of the same connection with none yet."""
    found = studied(*captures)
    study_match(found)
    return found, trace(found, collected(captures))


def by_columns(found: Traces) -> set[tuple[int, int]]:
    """Frames of twins, inside and outside."""
    inside, outside = found
    assert inside is not None
    assert outside is not None
    pairs = {(inside.points.frame[row], outside.points.frame[inside.twin[row]])
             for row in range(inside.points.count) if inside.twin[row] >= 0}  # fmt: skip
    return pairs | {(inside.points.frame[outside.twin[row]], outside.points.frame[row])
                    for row in range(outside.points.count) if outside.twin[row] >= 0}  # fmt: skip


def by_study(found: Study) -> set[tuple[int, int]]:
    return {
        (one.segment.frame, one.twin.segment.frame)
        if one.side == INSIDE
        else (one.twin.segment.frame, one.segment.frame)
        for one in found.sightings
        if one.twin is not None
    }


def same(*captures: Memory) -> None:
    study, traces = traced(*captures)
    match(study, traces)
    assert by_columns(traces) == by_study(study) != set()
    absence = {
        (side, one.points.frame[row])
        for side, one in enumerate(traces)
        if one is not None
        for row in range(one.points.count)
        if one.hints[row] & KEPT
    }
    assert absence == {
        (one.side, one.segment.frame)
        for one in study.sightings
        if one.sure and one.side == study.ingress(one.direction)
    }


STORIES = {
    "a late one": FAR + " 0.060 < . 1:1449(1448) ack 101 win 509 !\n",
    "two copies, one forwarded": FAR + " 0.060 < . 1:1449(1448) ack 101 win 509 !\n"
    " 0.061 < . 1:1449(1448) ack 101 win 509\n",
    "a bogus part of one that the outside capture lacks": FAR.replace(
        "ack 101 win 509\n    0.041", "ack 101 win 509 -o\n    0.041"
    )
    + " 0.042 < . 31449:31549(100) ack 100034 win 509 !\n",
    "by the host": FAR + " 0.060 < . 1:1449(1448) ack 101 win 509 !\n 0.061 H> R 101:101(0) win 0\n",
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("how", [{}, {"timestamps": True}, {"clock": 3.7}, {"nat": "port"}], ids=str)
def test_the_same_as_of_a_study(story: str, how: dict[str, Any]) -> None:
    same(*sources(story, **how))


@settings(deadline=None)  # whole captures, on machines that are busy
@given(st.lists(st.sampled_from(FATES), min_size=5, max_size=60))
def test_the_same_whatever_becomes_of_segments(fates: Sequence[str]) -> None:
    lines, at = [OPEN], 1
    for number, fate in enumerate(fates):
        mark = " !" if fate == "dropped" else f" delay {'0.003' if fate == 'swapped' else '0.00002'}"
        line = f"{0.02 + number * 0.001:.6f} < . {at}:{at + 1000}(1000) ack 1 win 509{mark}"
        lines += [line] * (2 if fate == "twice" else 1)
        at += 1000 * (fate != "dropped")
    same(*sources("\n".join(lines)))


def _merged(memory: Memory, every: int) -> Memory:
    """What GRO would make of it: so many data segments in a row are one."""
    kept: list[Taken] = []
    for one in memory.taken:
        size = len(one.octets) - 40
        if size > 0 and one.octets[9] == 6 and kept and len(kept[-1].octets) - 40 < size * every:
            before = kept[-1]
            if len(before.octets) > 40 and before.octets[12:24] == one.octets[12:24]:
                joined = before.octets + one.octets[40:]
                length = len(joined).to_bytes(2, "big")
                kept[-1] = before._replace(octets=joined[:2] + length + joined[4:], ts=one.ts)
                continue
        kept.append(one)
    return Memory(kept)


@pytest.mark.parametrize("every", [2, 3, 7])
@pytest.mark.parametrize("side", [INSIDE, OUTSIDE])
def test_cut_otherwise(every: int, side: int) -> None:
    story = OPEN + "".join(
        f"{0.02 + at * 0.00001:.6f} < . {1 + at * 1000}:{1001 + at * 1000}(1000) ack 1 win 509\n"
        for at in range(210)
    )
    captures = sources(story)
    captures[side] = _merged(captures[side], every)
    study, traces = traced(*captures)
    match(study, traces)
    here = traces[side]
    assert here is not None
    assert here.points.count < 120
    for one in traces:
        assert one is not None
        assert all(twin >= 0 for twin in one.twin)
        assert not any(one.hints)
    assert by_columns(traces) == by_study(study)


def test_many_that_are_alike_cost_no_more() -> None:
    """All at one time and the same: n * n comparisons would take minutes."""
    count = 20_000
    came = [(1, 1, 10, 1)] * count
    study, (inside, outside) = traced(*sources(FAR))
    assert study
    assert inside is not None
    assert outside is not None
    here, there = (type(inside)(points(*came), 0, (0, 0)) for _ in range(2))
    for one in (here, there):
        for row in range(count):
            one.points.ts[row] = 5
    pair(here, there, 1, JITTER)
    assert sorted(here.twin) == list(range(count))


@pytest.mark.parametrize(
    ("spans", "unseen"),
    [
        ([], []),
        ([(2, 3)], [2, 3]),
        ([(-99, 0), (3, 3), (5, 99)], [0, 3, 5]),
        ([(-(1 << 62), 1 << 62)], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_an_absence_proves_nothing_where_the_capture_lacks_something(
    spans: list[tuple[int, int]], unseen: list[int]
) -> None:
    _, (inside, _) = traced(*sources(FAR))
    assert inside is not None
    found = type(inside)(points(*[(1, 1, 10, 1)] * 6), 0, (0, 0))
    other = type(inside)(points(), 0, (0, 0))
    absent(found, other, TO_CLIENT, spans)
    absent(found, other, TO_SERVER, [])
    assert [row for row in range(6) if found.hints[row] & UNSEEN] == unseen
    assert [row for row in range(6) if found.hints[row] & KEPT] == [
        row for row in range(6) if row not in unseen
    ]


def test_octets_go_to_one_whole_only() -> None:
    """Of two equal wholes that came, the parts of one left."""
    study, (inside, _) = traced(*sources(FAR))
    assert study
    assert inside is not None
    wholes = type(inside)(points((1, 1, 20, 1), (1, 1, 20, 1)), 0, (0, 0))
    parts = type(inside)(points((1, 1, 10, 1), (1, 11, 10, 1)), 0, (0, 0))
    tile(wholes, parts, TO_CLIENT, 1)
    assert sorted(wholes.twin) == [-1, 0]
    assert len(set(parts.twin)) == 1
