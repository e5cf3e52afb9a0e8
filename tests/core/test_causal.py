"""Both sides in one order that can have been, whatever the clocks say."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.explain import Case, analyse
from bypeer.core.forward import match
from bypeer.core.kernels import KERNELS
from bypeer.core.study import INSIDE, OUTSIDE, Study
from tests.core.test_study import studied
from tests.scene import ASKED, FAR, START, Memory, case, frames, sources

# The client acknowledges at once: 2 us after the host has forwarded the data.
QUICK = ASKED + "".join(
    f"{0.1 + at / 100:.5f} < . {1449 + 1000 * at}:{2449 + 1000 * at}(1000) ack 101 win 509\n"
    f"{0.1 + at / 100 + 0.000022:.6f} > . 101:101(0) ack {2449 + 1000 * at} win 502\n"
    for at in range(40)
)
KILL = (
    FAR + "0.060 < . 1449:2897(1448) ack 101 win 509 !\n0.0601 H> R 101:101(0) win 0\n"
    "0.061 > P. 101:201(100) ack 91449 win 502\n0.062 < R 91449:91449(0) win 0\n"
)


def coarse(story: str, unit: int) -> list[Memory]:
    """The captures of a story, with times that are whole units of so many ns."""
    return [
        Memory([one._replace(ts=one.ts // unit * unit) for one in rows]) for rows in frames(story) if rows
    ]


def settled(*captures: Memory) -> Study:
    found = studied(*captures)
    match(found)
    return found


def possible(found: Study) -> bool:
    """Whether nothing leaves before it arrives, and each side is in its own order."""
    places = {id(one): place for place, one in enumerate(found.sightings)}
    for one in found.sightings:
        leaves = one.side != found.ingress(one.direction)
        if leaves and one.twin is not None and places[id(one.twin)] > places[id(one)]:
            return False
    for side in (INSIDE, OUTSIDE):
        numbers = [one.segment.frame for one in found.sightings if one.side == side]
        if numbers != sorted(numbers):
            return False
    return all(one.ts < other.ts for one, other in pairwise(found.sightings))


@given(micros=st.integers(-39, 39), drift=st.floats(-30e-6, 30e-6))
def test_clocks_that_differ_a_little_do_not_change_the_order(micros: int, drift: float) -> None:
    found = settled(*sources(QUICK, clock=micros / 10**6, drift=drift))
    assert possible(found)

    acks = [one for one in found.sightings if one.side == INSIDE and one.direction == found.outward]
    for ack in acks[4:]:
        data = [one.end for one in found.sightings if one.ts < ack.ts and one.direction != found.outward]
        assert max(data) >= ack.ack, "what is acknowledged had come"


@pytest.mark.parametrize("unit", [1_000, 1_000_000, 10_000_000, 10**9])
def test_equal_times_are_told_apart_by_what_was_forwarded(unit: int) -> None:
    assert possible(settled(*coarse(QUICK, unit)))


def test_times_are_those_of_the_capture_but_for_the_order() -> None:
    found = settled(*coarse(QUICK, 1_000_000))
    assert all(0 <= one.ts - one.segment.ts < 1_000 for one in found.sightings)


def test_one_side_alone_is_in_the_order_of_its_file() -> None:
    assert possible(settled(*sources(QUICK, sides="outside")))


def test_a_side_covers_its_last_segment_still() -> None:
    found = settled(*coarse(ASKED, 10**9))
    for side, info in enumerate(found.sides):
        assert info is not None
        assert info.ended >= max(one.ts for one in found.sightings if one.side == side) > START


def told(captures: list[Memory]) -> Case:
    (found,) = analyse(captures).cases
    return found


@pytest.mark.parametrize("unit", [1_000_000, 10_000_000])
def test_coarse_times_do_not_change_the_verdict(unit: int) -> None:
    exact, found = case(KILL), told(coarse(KILL, unit))
    assert (found.conclusion.killed_by, found.conclusion.cause) == ("host", "NF01")
    assert exact.conclusion.cause == "NF01"
    assert [one.effect for one in found.seen.resets] == [one.effect for one in exact.seen.resets]


@pytest.mark.parametrize("micros", [-39, -30, 30, 39])
def test_a_kernel_is_not_contradicted_by_the_clocks(micros: int) -> None:
    found = case(QUICK, clock=micros / 10**6)
    assert len(found.seen.fitting) == len(KERNELS)
