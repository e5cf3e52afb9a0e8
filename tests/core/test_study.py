"""One connection's segments of both sides in one order of time: clocks, and numbers without wrapping."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.excerpt import Excerpt
from bypeer.core.groups import Place
from bypeer.core.nat import Join, join
from bypeer.core.scan import scan
from bypeer.core.segment import NO_TIME
from bypeer.core.study import FOREVER, INSIDE, OUTSIDE, Hole, Side, Study, between, study
from tests.scene import ASKED, OPEN, START, Memory, play, sources

MS, S = 10**6, 10**9  # ns


def studied(*captures: Memory, roles: Any = None) -> Study:
    """The one connection of these captures."""
    scans = [scan(one) for one in captures]
    (found,) = join({number: one.table.rows for number, one in enumerate(scans)}, roles)
    kept, coverage = {}, {}
    for number, one in enumerate(scans):
        assert one.kept is not None
        for row in one.table.rows:
            kept[(number, row.interface), row.number] = one.kept[row.number]
            coverage[number, row.interface] = Side(one.began, one.ended)
    return study(found, kept, coverage)


def played(story: str, **how: Any) -> Study:
    return studied(*sources(story, **how))


def error(found: Study, clock: float) -> int:
    """How far the offset is off, in ns; `clock` is what the inside clock was ahead."""
    assert found.offset is not None
    return found.offset + round(clock * S)


# Clocks

CLOCKS = st.integers(-(10**9), 10**9).map(lambda ms: ms / 1000)  # s
NATS = ("client", "port", "service", "routed")


@given(clock=CLOCKS, nat=st.sampled_from(NATS), delay=st.integers(0, 900))
def test_any_clock_offset_is_found(clock: float, nat: str, delay: int) -> None:
    found = played(ASKED, clock=clock, nat=nat, delay=delay / 10**6)
    assert abs(error(found, clock)) < MS
    whole = [(one.side, one.direction, one.start, one.ack) for one in found.sightings]
    for side, direction, start, ack in whole:
        assert (1 - side, direction, start, ack) in whole
    arrivals = [one for one in found.sightings if one.side == found.ingress(one.direction)]
    lines = [one.ts - arrivals[0].ts for one in arrivals]
    assert lines == pytest.approx([0, 10 * MS, 11 * MS, 12 * MS, 22 * MS, 23 * MS, 24 * MS], abs=2 * MS)


@given(clock=CLOCKS, out=st.integers(0, 50), back=st.integers(0, 50))
def test_the_error_is_at_most_half_the_delays(clock: float, out: int, back: int) -> None:
    story = "".join(
        f"{line} delay {(out if '>' in line else back) / 1000}\n"
        for line in ASKED.splitlines() if line.strip()
    )  # fmt: skip
    found = played(story, clock=clock)
    # No offset was needed: then the truth lies between the same bounds as zero, give or take jitter.
    limit = (out + back) / 2 if found.offset else out + back + 0.02
    assert abs(error(found, clock)) <= limit * MS


ONE_CLOCK = {
    "equal clocks": 0,
    "less than the way out takes": 15e-6,
    "less than the way in takes": -15e-6,
    "within what two taps err": 39e-6,
    "and the other way": -39e-6,
}


@pytest.mark.parametrize("clock", ONE_CLOCK.values(), ids=ONE_CLOCK)
def test_zero_is_believed_where_it_is_possible(clock: float) -> None:
    assert played(ASKED, clock=clock, delay=20e-6).offset == 0


@pytest.mark.parametrize("clock", [45e-6, -45e-6])
def test_zero_is_not_believed_where_it_is_not(clock: float) -> None:
    found = played(ASKED, clock=clock, delay=20e-6)
    assert found.offset
    assert error(found, clock) == 0


OUTWARD = "\n".join(f"0.{at} > . {at}:{at}(0) ack 1 ttl 64" for at in range(10, 15))
INWARD = "\n".join(f"0.{at} < . {at}:{at}(0) ack 1 ttl 57" for at in range(10, 15))


@pytest.mark.parametrize("way", ["outward", "inward"])
@pytest.mark.parametrize("clock", [5000, -5000, 0, 0.5, -0.5])
def test_with_one_direction_only_a_clock_is_known_but_for_the_delay(way: str, clock: float) -> None:
    found = played(OUTWARD if way == "outward" else INWARD, clock=clock, delay=0.001)
    # A delay of up to a second is taken for one: the clocks may as well be equal.
    as_delay = 0 <= (-clock if way == "outward" else clock) < 1
    assert found.offset == (0 if as_delay else round(-clock * S) + (MS if way == "outward" else -MS))


def test_with_one_direction_only_jitter_is_no_offset() -> None:
    assert played(OUTWARD, clock=30e-6, delay=20e-6).offset == 0


def test_nothing_in_common_is_no_offset() -> None:
    found = played(OPEN + "+1 > . 1:1(0) ack 1", clock=7, delay=0)
    assert found.offset == -7 * S
    inner, outer = sources(OPEN, clock=7)
    outer.taken = [one for one in outer.taken if one.ts < START + 5 * MS]
    outer.taken = [one._replace(octets=one.octets[:4] + b"\xaa\xbb" + one.octets[6:]) for one in outer.taken]
    assert studied(inner, outer).offset == 0


def test_copies_do_not_set_the_clock() -> None:
    # The same segment twice, each side having missed another one: far apart, but no proof.
    again = "\n+1 > . 1:1(0) ack 1 win 7 id 9 -o\n+90 > . 1:1(0) ack 1 win 7 id 9 -i\n"
    found = played(OPEN + "+1 > . 1:1(0) ack 1 win 7 id 9 " + again)
    assert found.offset == 0


def test_strays_do_not_set_the_clock() -> None:
    assert played(ASKED + "+1 >~ . 101:101(0) ack 1449 win 502 delay 1.5", clock=3).offset == -3 * S


# An hour of it: a question and an answer each ten seconds.
HOUR = OPEN + "\n".join(
    f"{10 * n} > P. {n}:{n + 1}(1) ack {n} win 502\n{10 * n}.01 < P. {n}:{n + 1}(1) ack {n + 1} win 509"
    for n in range(1, 360)
)


@pytest.mark.parametrize("clock", [0, 3, -3])
@pytest.mark.parametrize("drift", [20e-6, -20e-6, 200e-6, 1e-6])
def test_a_clock_that_is_faster_is_found(clock: float, drift: float) -> None:
    found = played(HOUR, clock=clock, drift=drift)
    assert found.clock is not None
    assert found.clock.rate == pytest.approx(-drift, rel=0.01)
    for one in found.sightings:
        twins = [
            two for two in found.sightings if two.side != one.side and two.segment.ip_id == one.segment.ip_id
        ]
        arrived = one.side == found.ingress(one.direction)
        assert [two.ts - one.ts for two in twins] == [
            pytest.approx(20_000 if arrived else -20_000, abs=20_000)
        ]


@pytest.mark.parametrize("moved", [(0,), (1,), (0, 1)], ids=["inside", "outside", "both"])
def test_any_time_may_be_told(moved: tuple[int, ...]) -> None:
    captures = sources(ASKED)
    for side in moved:
        captures[side].taken = [one._replace(ts=one.ts + (1 << 62)) for one in captures[side].taken]
    found = studied(*captures)
    assert len(found.sightings) == 14
    assert max(one.ts for one in found.sightings) - min(one.ts for one in found.sightings) < S


def test_a_clock_that_was_set_meanwhile_is_no_faster_one() -> None:
    inner, outer = sources(HOUR)
    inner.taken = [one._replace(ts=one.ts + (one.ts > START + 1000 * S) * S) for one in inner.taken]
    found = studied(inner, outer)
    assert found.clock is not None
    assert found.clock.rate == 0


@pytest.mark.parametrize("merged", ["blind", "interfaces"])
def test_one_file_has_one_clock(merged: str) -> None:
    found = played(ASKED, clock=0.1, merged=merged)
    assert (found.offset, found.both) == (0, True)


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_a_side_alone_has_no_offset(side: str) -> None:
    found = played(ASKED, sides=side)
    assert (found.offset, found.both) == (None, False)
    assert [info is not None for info in found.sides] == [side == "inside", side == "outside"]
    assert {one.side for one in found.sightings} == {("inside", "outside").index(side)}


def test_the_inside_capture_is_put_on_the_outside_clock() -> None:
    found = played(ASKED, clock=100)
    inner, outer = found.sides
    assert inner is not None
    assert outer is not None
    assert (inner.began, inner.ended) == pytest.approx((outer.began, outer.ended), abs=MS)
    assert outer.began == START - S


# Dates


def test_all_sightings_are_in_order_of_time() -> None:
    found = played(ASKED, clock=-3)
    assert [one.ts for one in found.sightings] == sorted(one.ts for one in found.sightings)
    assert [one.side for one in found.sightings if one.direction == TO_SERVER][:2] == [INSIDE, OUTSIDE]
    assert found.dated


def test_an_undated_segment_takes_the_date_before() -> None:
    inner, outer = sources(ASKED, linger=0)
    for number in (2, 3):
        outer.taken[number] = outer.taken[number]._replace(ts=NO_TIME)
    found = studied(inner, outer)
    rows = found.at(OUTSIDE)
    assert not found.dated
    assert [one.segment.frame for one in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert rows[1].ts == rows[2].ts == rows[3].ts < rows[4].ts


def test_undated_strays_stay_in_the_order_of_the_file() -> None:
    story = OPEN + "1.0 >~ . 1:101(100) ack 1\n2.0 > . 1:1(0) ack 1"
    inner, outer = sources(story, linger=0)
    outer.taken = [one._replace(ts=NO_TIME) for one in outer.taken]
    assert [one.segment.frame for one in studied(inner, outer).at(OUTSIDE)] == [1, 2, 3, 4, 5]


# What it says of itself


@pytest.mark.parametrize(("nat", "outward"), [("client", TO_SERVER), ("port", TO_CLIENT)])
def test_where_a_direction_enters(nat: str, outward: int) -> None:
    found = played(ASKED, nat=nat)
    assert found.outward == outward
    assert (found.ingress(outward), found.ingress(1 - outward)) == (INSIDE, OUTSIDE)


def test_sightings_by_side_and_direction() -> None:
    found = played(ASKED + "+1 >~ R 101:101(0)", sides="both")
    assert len(found.sightings) == 16
    for side in (INSIDE, OUTSIDE):
        info = found.sides[side]
        assert info is not None
        assert info.sightings == len(found.at(side)) == 8
        ways = [list(found.at(side, way)) for way in (TO_SERVER, TO_CLIENT)]
        assert [len(way) for way in ways] == [5, 3]
        assert {id(one) for way in ways for one in way} == {id(one) for one in found.at(side)}
    assert list(played(OUTWARD).at(INSIDE, TO_CLIENT)) == []


def test_strays_are_marked_and_on_the_side_where_they_were_seen() -> None:
    found = played(ASKED + "+1 >~ R 101:101(0)\n+1 < R 1449:1449(0)")
    assert [(one.side, one.direction, one.is_rst) for one in found.sightings if one.stray] == [
        (OUTSIDE, TO_SERVER, True)
    ]
    assert sum(one.is_rst for one in found.sightings) == 4


def test_a_stray_of_a_side_that_was_not_captured_is_kept() -> None:
    found = played(OPEN, sides="outside")
    other = Place((0, 0), found.join.places[0].connection)
    lone = Join(outside=found.join.outside, strays=[("inside", other)])
    kept = Excerpt()
    kept.rows = [(one.direction, one.segment) for one in found.sightings]
    again = study(lone, {((0, 0), 0): kept}, {(0, 0): Side()})
    assert [one.stray for one in again.at(INSIDE)] == [True] * 3
    assert again.sides[INSIDE] is None


def test_between_has_both_ends() -> None:
    rows = played(ASKED).at(INSIDE)
    dates = [one.ts for one in rows]
    assert list(between(rows, dates[1], dates[3])) == list(rows[1:4])
    assert list(between(rows, dates[1] + 1, dates[3] - 1)) == [rows[2]]
    assert list(between(rows, dates[-1] + 1, FOREVER)) == []


LOSSY = {
    "nothing missing": (Side(), False),
    "the file says so": (Side(dropped=True), True),
    "a hole in a short capture": (Side(holes=[Hole(0, 1, 1)], sightings=99), True),
    "a hole in a long one": (Side(holes=[Hole(0, 1, 1)], sightings=100), False),
    "two holes": (Side(holes=[Hole(0, 1, 1)] * 2, sightings=100), False),
    "three holes": (Side(holes=[Hole(0, 1, 1)] * 3, sightings=100), True),
    "where a file is missing": (Side(holes=[Hole(0, 1, 1)] * 3, gaps=[(1, 9)]), False),
    "there, and elsewhere": (Side(holes=[Hole(0, 1, 1), Hole(10, 11, 1)], gaps=[(1, 9)]), True),
}


@pytest.mark.parametrize(("side", "lossy"), LOSSY.values(), ids=LOSSY)
def test_a_lossy_capture(side: Side, lossy: bool) -> None:
    assert side.lossy == lossy


def test_a_capture_is_complete_from_its_beginning_to_its_end_but_for_holes() -> None:
    side = Side(10, 90, [Hole(30, 40, 1), Hole(50, 50, 0)])
    complete = [at for at in range(100) if side.complete(at)]
    assert complete == [*range(10, 30), *range(41, 50), *range(51, 91)]
    assert Side().complete(START)


def test_nor_is_it_where_a_file_may_be_missing() -> None:
    side = Side(10, 90, gaps=[(30, 40), (50, 50)])
    assert [at for at in range(100) if side.complete(at)] == [*range(10, 30), *range(41, 50), *range(51, 91)]
    spans = {
        (10, 29): True,
        (10, 30): False,
        (41, 49): True,
        (41, 60): False,
        (35, 36): False,
        (51, 90): True,
    }
    assert {span: side.complete(*span) for span in spans} == spans


def test_the_times_between_files_are_put_on_the_outside_clock() -> None:
    found = play(ASKED, clock=5, gaps=lambda number: [(START, START + S), (START + 2 * S, START + 3 * S)])
    sides = [side.gaps for side in found.cases[0].seen.study.sides if side is not None]
    offset = found.cases[0].seen.study.offset
    assert offset is not None
    assert abs(offset + 5 * S) < MS
    assert sides[1] == [(START, START + S), (START + 2 * S, START + 3 * S)]
    assert sides[0] == [(since + offset, until + offset) for since, until in sides[1]]
