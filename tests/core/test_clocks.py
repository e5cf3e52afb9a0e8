"""Two clocks, compared by what passed both: one, a constant, or a line; never more than is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.clocks import Ahead, Passed, ahead

S, MS = 10**9, 10**6  # ns
DELAYS = st.lists(st.tuples(st.integers(0, 3600 * S), st.integers(20_000, 50 * MS)), min_size=30, max_size=60)


def seen(rows: list[Passed], offset: int, rate: float, sign: int) -> list[Passed]:
    """What is seen of segments that passed inside at these times and took so long, one way."""
    return [(ts, offset + round(rate * ts) + sign * delay) for ts, delay in rows]


@given(outward=DELAYS, inward=DELAYS, offset=st.integers(-S, S), ppm=st.integers(-500, 500))
def test_no_segment_leaves_before_it_arrives(
    outward: list[Passed], inward: list[Passed], offset: int, ppm: int
) -> None:
    went, came = seen(outward, offset, ppm / 1e6, 1), seen(inward, offset, ppm / 1e6, -1)
    found = ahead(went, came)
    assert all(later - found.at(ts) >= -20_001 for ts, later in went)
    assert all(found.at(ts) - later >= -20_001 for ts, later in came)


def test_without_delays_that_tell_more_the_clocks_are_one() -> None:
    assert ahead([], []) == ahead([(0, 60_000)], [(0, -60_000)]) == Ahead()
    assert ahead([(0, 100)], []) == ahead([], [(0, -100)]) == Ahead()


def test_a_constant_is_preferred_where_it_is_possible() -> None:
    assert ahead([(0, 5 * S + MS), (S, 5 * S + MS)], [(0, 5 * S - MS), (S, 5 * S - 3 * MS)]) == Ahead(5 * S)


def test_the_same_rate_both_ways_is_found_to_a_millionth_of_a_millionth() -> None:
    rows = [(n * S, 30_000) for n in range(600)]
    found = ahead(seen(rows, 0, 50e-6, 1), seen(rows, 0, 50e-6, -1))
    assert found.rate == pytest.approx(50e-6, abs=1e-12)
    assert abs(found.at(300 * S) - 15 * MS) <= 1


def test_nothing_is_told_of_times_in_which_nothing_passed() -> None:
    rows = [(S * n, 30_000) for n in range(1, 11)]
    found = ahead(seen(rows, 0, 500e-6, 1), seen(rows, 0, 500e-6, -1))
    assert found.rate == pytest.approx(500e-6, rel=1e-3)
    assert (found.at(0), found.at(3600 * S)) == (found.at(S), found.at(10 * S))


def test_a_step_is_no_rate() -> None:
    rows = [(n * S, 30_000) for n in range(600)]
    stepped = [[(ts, later + (ts > 99 * S) * S) for ts, later in seen(rows, 0, 0, sign)] for sign in (1, -1)]
    assert ahead(*stepped).rate == 0
