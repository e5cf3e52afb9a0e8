"""Ticks are few, round and distinct; labels keep clear of each other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.report import axes
from bypeer.report.axes import Box
from tests.forks import ORIGIN

MS = 10**6
LENGTHS = st.one_of(st.integers(1, 100), st.integers(1, 10**18))


@given(start=st.integers(-(10**18), 10**18), length=LENGTHS, most=st.integers(1, 30))
def test_ticks_of_time(start: int, length: int, most: int) -> None:
    ticks = axes.times(start, start + length, ORIGIN, most)
    assert 2 <= len(ticks.values) <= 12
    assert all(start <= value <= start + length for value in ticks.values)
    assert len(set(ticks.labels)) == len(ticks.labels) == len(ticks.values)
    assert len({after - before for before, after in pairwise(ticks.values)}) == 1


@given(low=st.integers(-(2**50), 2**50), length=st.integers(1, 2**50), most=st.integers(1, 30))
def test_ticks_of_octets(low: int, length: int, most: int) -> None:
    ticks = axes.octets(low, low + length, most)
    assert 2 <= len(ticks.values) <= 12
    assert all(low <= value <= low + length for value in ticks.values)
    assert len(set(ticks.labels)) == len(ticks.labels) == len(ticks.values)
    assert all(len(label) <= 12 for label in ticks.labels)


@pytest.mark.parametrize(
    ("start", "length", "labels", "title"),
    [
        # Origin 22:26:11.120345; 8.28 s later it is 22:26:19.400345.
        (8_280 * MS, 16 * MS, ["402", "404", "406"], "ms after 22:26:19 UTC"),
        (8_293 * MS + 719_000, 40_000, ["65", "70", "75"], "us after 22:26:19.414 UTC"),
        (8_293 * MS + 719_000, 40, ["0", "5", "10"], "ns after 22:26:19.414064 UTC"),
        (0, 8_300 * MS, ["0", "1", "2"], "s after 22:26:11.120345 UTC"),
        (0, 3_000_000 * MS, ["0", "5", "10"], "min after 22:26:11.120345 UTC"),
        (0, 5 * 86_400_000 * MS, ["0", "12", "24"], "h after 22:26:11.120345 UTC"),
        (0, 2_500 * MS, ["0.0", "0.5", "1.0"], "s after 22:26:11.120345 UTC"),
    ],
)
def test_time_is_told_as_tcpdump_prints_it(start: int, length: int, labels: list[str], title: str) -> None:
    ticks = axes.times(start, start + length, ORIGIN)
    assert (ticks.labels[:3], ticks.title) == (labels, title)


@pytest.mark.parametrize(
    ("low", "high", "labels", "title"),
    [
        (34_355_910, 35_731_526, ["34.4", "34.6", "34.8"], "MB"),
        (0, 900, ["0", "100", "200"], "octets"),
        (0, 9_000, ["0", "1", "2"], "kB"),
        (0, 14_000_000_000, ["0", "2", "4"], "GB"),
        (2_899_000_000, 2_900_100_000, ["2,899.0", "2,899.1"], "MB"),
        (-1_200_000, 100_000, ["-1.2", "-1.0", "-0.8"], "MB"),
        (35_556_934, 35_558_000, ["35,557.0", "35,557.1"], "kB"),
        (355_569_345_670, 355_569_346_200, ["5,700", "5,750"], "octets above 355.56934 GB"),
        (2_899_000_000, 2_899_000_001, ["0", "1"], "octets above 2.899 GB"),
    ],
)
def test_octets_are_told_in_units(low: int, high: int, labels: list[str], title: str) -> None:
    ticks = axes.octets(low, high)
    assert (ticks.labels[: len(labels)], ticks.title) == (labels, title)


def test_the_sign_turned() -> None:
    assert axes.turned(axes.octets(-1_000, 500, 6)).labels == ["1.0", "0.5", "0.0", "-0.5"]


@given(octets=st.integers(-(2**60), 2**60))
def test_an_amount_is_exact(octets: int) -> None:
    number, unit = axes.amount(octets).split(" ")
    digits = number.replace(",", "").split(".")
    size = dict(axes.OCTETS)[unit]
    fraction = digits[1] if len(digits) > 1 else ""
    value = abs(int(digits[0])) * size + int((fraction + "0" * 12)[:12] or 0) * size // 10**12
    assert (-value if number.startswith("-") else value) == octets


PLACES = st.lists(st.floats(-50, 1050), min_size=1, max_size=25).map(sorted)


@given(wanted=PLACES, size=st.floats(1, 40))
def test_spread_labels_neither_overlap_nor_leave(wanted: list[float], size: float) -> None:
    sizes = [size] * len(wanted)
    places = axes.spread(wanted, sizes, 0, 1000)
    assert not axes.overlapping(places, [size - 1e-6] * len(wanted))
    assert places[0] >= size / 2 - 1e-6
    assert places[-1] <= 1000 - size / 2 + 1e-6


def test_labels_with_room_stay_where_they_want_to_be() -> None:
    assert axes.spread([100, 300, 301, 700], [20, 20, 20, 20], 0, 1000) == [100, 290.5, 310.5, 700]
    assert axes.spread([], [], 0, 10) == []


@given(
    marks=st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), max_size=25),
    width=st.floats(5, 200),
)
def test_labels_beside_marks_overlap_nothing(marks: list[tuple[float, float]], width: float) -> None:
    room = Box(0, 0, 400, 300)
    taken = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in marks]
    for x, y in marks:
        box = axes.beside(x, y, width, 14, 7, room, taken, cost=lambda one: one.left)
        if box is not None:
            assert box.inside(room)
            assert not any(box.meets(one) for one in taken)
            taken.append(box)


def test_a_label_goes_where_it_costs_least() -> None:
    room = Box(0, 0, 400, 300)
    right = axes.beside(200, 150, 50, 14, 7, room, [], cost=lambda one: 0)
    left = axes.beside(200, 150, 50, 14, 7, room, [], cost=lambda one: one.right)
    assert (right, left) == (Box(207, 143, 257, 157), Box(143, 143, 193, 157))
    assert axes.beside(200, 150, 500, 14, 7, room, [], cost=lambda one: 0) is None


def test_things_flow_into_rows() -> None:
    assert axes.flowed([40, 50, 30, 200, 10], 100) == [(0, 0), (0, 40), (1, 0), (2, 0), (3, 0)]


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        (None, (0, 100)),
        ((20, 30), (0, 100)),
        ((-50, 150), (-50, 150)),
        ((-51, 150), (0, 150)),
        ((120, 10**9), (0, 100)),
    ],
)
def test_a_range_grows_only_so_far(other: tuple[int, int] | None, wanted: tuple[int, int]) -> None:
    assert axes.stretched((0, 100), other, 0.5) == wanted
