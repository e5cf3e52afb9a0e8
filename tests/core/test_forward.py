"""Which segment was forwarded, in whatever pieces; what a capture missed; when an absence is sure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bypeer.core.forward import match
from bypeer.core.study import INSIDE, OUTSIDE, Hole, Study
from bypeer.core.tcp import ACK_, SYN
from tests import make
from tests.core.test_study import studied
from tests.make import Taken
from tests.scene import ASKED, OPEN, START, Memory, sources

MS, S = 10**6, 10**9  # ns


def matched(*captures: Memory) -> Study:
    found = studied(*captures)
    match(found)
    return found


def played(story: str, **how: Any) -> Study:
    return matched(*sources(story, **how))


def alone(found: Study) -> list[tuple[int, int]]:
    """Side and start of what has no twin."""
    return [(one.side, one.start) for one in found.sightings if one.twin is None]


def sure(found: Study) -> list[bool]:
    """Whether each absence is one."""
    return [one.sure for one in found.sightings if one.twin is None]


def holes(found: Study, side: int) -> list[Hole]:
    info = found.sides[side]
    assert info is not None
    return info.holes


def at(seconds: float) -> int:
    """A date of a story, ns."""
    return START + round(seconds * S)


def near(one: int, seconds: float) -> bool:
    return abs(one - at(seconds)) < 2 * MS


# Twins


@pytest.mark.parametrize("nat", ["client", "port", "service", "routed"])
@pytest.mark.parametrize("clock", [0, 1000, -1000])
@pytest.mark.parametrize("timestamps", [False, True])
def test_everything_forwarded_has_a_twin(nat: str, clock: int, timestamps: bool) -> None:
    found = played(ASKED, nat=nat, clock=clock, timestamps=timestamps, delay=0.0005)
    assert len(found.sightings) == 14
    for one in found.sightings:
        assert one.twin is not None
        assert one.twin.twin is one
        assert (one.twin.side, one.twin.segment.seq) == (1 - one.side, one.segment.seq)
        assert one.delay == one.twin.delay == MS / 2
        assert not one.sure
    assert holes(found, INSIDE) == holes(found, OUTSIDE) == []


def test_what_was_not_forwarded_is_alone_and_surely() -> None:
    found = played(ASKED + "+1 < . 1449:1549(100) ack 101 !\n+1 > . 101:201(100) ack 1449 !")
    assert alone(found) == [(OUTSIDE, 1449), (INSIDE, 101)]
    assert sure(found) == [True, True]


COPY = "> . 1:101(100) ack 1 win 502 id 9"
COPIES = {
    # lines after the handshake: of two equal segments, which (by its date) was not forwarded
    "a late duplicate": (f"1.0 {COPY}\n1.1 {COPY} !", [1.1]),
    "the first": (f"1.0 {COPY} !\n1.1 {COPY}", [1.0]),
    "neither": (f"1.0 {COPY} !\n1.1 {COPY} !", [1.0, 1.1]),
    "both forwarded": (f"1.0 {COPY}\n1.1 {COPY}", []),
    "in one breath, both forwarded": (f"1.0 {COPY}\n1.00001 {COPY}", []),
    "the middle one": (f"1.0 {COPY}\n1.1 {COPY} !\n1.2 {COPY}", [1.1]),
    "a duplicate soon after": (f"1.0 {COPY}\n1.003 {COPY} !", [1.003]),
    "told apart by its identification": (f"1.0 {COPY}\n1.0001 {COPY[:-1]}8 !", [1.0001]),
    "told apart by its window": (f"1.0 {COPY}\n1.0001 {COPY.replace('502', '501')} !", [1.0001]),
}


@pytest.mark.parametrize(("lines", "lost"), COPIES.values(), ids=COPIES)
def test_of_exact_copies_each_leaves_once(lines: str, lost: list[float]) -> None:
    found = played(OPEN + lines)
    rest = [one for one in found.sightings if one.twin is None]
    assert [one.ts for one in rest] == [at(date) for date in lost]
    assert all(one.side == INSIDE and one.sure for one in rest)


def test_a_duplicate_in_the_same_breath_was_not_forwarded_before_it_came() -> None:
    found = played(OPEN + f"1.0 {COPY}\n1.0005 {COPY} !")
    assert [one.ts for one in found.sightings if one.twin is None] == [at(1.0005)]


@pytest.mark.parametrize(("delay", "paired"), [(1.9, True), (2.1, False)])
def test_forwarding_takes_no_more_than_two_seconds(delay: float, paired: bool) -> None:
    found = played(OPEN + f"1.0 > . 1:101(100) ack 1 delay {delay}", linger=5)
    assert alone(found) == ([] if paired else [(INSIDE, 1), (OUTSIDE, 1)])


def rewritten(taken: Sequence[Taken], where: int, octets: bytes) -> list[Taken]:
    return [
        one._replace(octets=one.octets[:where] + octets + one.octets[where + len(octets) :]) for one in taken
    ]


REWRITTEN = {"identification": (4, True), "window": (34, True), "acknowledgement": (28, False)}


@pytest.mark.parametrize(("where", "twins"), REWRITTEN.values(), ids=REWRITTEN)
def test_what_a_middlebox_may_rewrite(where: int, twins: bool) -> None:
    inner, outer = sources(OPEN + "1.0 > . 1:1(0) ack 1\n2.0 > P. 1:1(0) ack 1 !")
    outer.taken = rewritten(outer.taken, where, b"\x77\x77")
    rest = [one for one in matched(inner, outer).sightings if one.twin is None and not one.segment.flags & 2]
    assert len(rest) == (1 if twins else 5), "the flags must agree"


def test_one_side_alone_has_no_twins_and_no_certainty() -> None:
    for side in ("inside", "outside"):
        found = played(ASKED, sides=side)
        assert len(alone(found)) == 7
        assert not any(sure(found))


# One stream cut differently on each side


def packet(start: int, size: int, ttl: int, tsval: int = 7, ack: int = 5001) -> bytes:
    options = make.NOP * 2 + make.timestamps(tsval, 5)
    segment = make.tcp(seq=1001 + start, ack=ack, options=options, payload=bytes(size))
    return make.ip(segment, ttl=ttl, ip_id=(start + size) & 0xFFFF)


def pieces(cuts: Sequence[int], ttl: int, later: int, **more: Any) -> list[Taken]:
    """The octets from the first cut to the last, in pieces, 10 us an octet."""
    return [
        Taken(packet(start, end - start, ttl, **more), START + start * 10_000 + later)
        for start, end in pairwise(cuts)
    ]


def cut(came: Sequence[Taken], went: Sequence[Taken]) -> Study:
    """What came and went, after a handshake that puts both on one clock."""
    back = {"src": make.SERVER, "dst": make.CLIENT}
    files = []
    for taken, ttls, out, home in ((came, (64, 56), 0, 3), (went, (63, 57), 1, 2)):
        syn = make.ip(make.tcp(SYN, 1000, 0), ttl=ttls[0])
        answer = make.ip(make.tcp(SYN | ACK_, 5000, 1001, sport=443, dport=40000), ttl=ttls[1], **back)
        shaken = [Taken(one, START - S + after * 20_000) for one, after in ((syn, out), (answer, home))]
        files.append(Memory([*shaken, *sorted(taken, key=lambda one: one.ts)]))
    return matched(*files)


WENT = 200_000  # ns after it came


CUTS = st.sets(st.integers(1, 99), max_size=12).map(lambda cuts: [0, *sorted(cuts), 100])
FINER = st.tuples(CUTS, st.sets(st.integers(1, 99), max_size=12)).map(
    lambda both: (both[0], sorted({*both[0], *both[1]}))
)


@given(FINER)
@example(([0, 100], [0, 1, 100]))
def test_a_segment_that_left_in_pieces_is_matched(cuts: tuple[list[int], list[int]]) -> None:
    found = cut(pieces(cuts[0], 64, 0), pieces(cuts[1], 63, WENT))
    assert alone(found) == []
    for one in found.sightings:
        assert one.twin is not None
        assert one.twin.side != one.side
        assert max(one.start, one.twin.start) < min(one.end, one.twin.end), "twins share octets"
        assert 0 <= one.delay < 2 * MS


def test_pieces_that_left_as_one_are_matched() -> None:
    assert alone(cut(pieces([0, 10, 20, 100], 64, 0), pieces([0, 100], 63, WENT))) == []


@given(CUTS, CUTS)
@example([0, 10, 20, 40, 100], [0, 15, 40, 100])
def test_a_stream_cut_at_random_on_each_side_is_matched(came: list[int], went: list[int]) -> None:
    assert alone(cut(pieces(came, 64, 0), pieces(went, 63, WENT))) == []


def test_a_whole_of_which_only_a_piece_was_seen_to_leave_has_left() -> None:
    outer = pieces([0, 20, 40, 60, 80, 100], 63, WENT)
    found = cut(pieces([0, 60, 100], 64, 0), outer[:-1])
    assert alone(found) == []


def test_a_copy_of_a_whole_that_came_after_its_pieces_left_is_alone() -> None:
    inner = pieces([0, 100], 64, 0) + pieces([0, 100], 64, 50 * MS)
    found = cut(inner, pieces([0, 30, 100], 63, WENT))
    assert [one.ts for one in found.sightings if one.twin is None] == [START + 50 * MS]


def test_a_copy_of_a_whole_that_was_dropped_before_is_alone() -> None:
    inner = pieces([0, 100], 64, 0) + pieces([0, 100], 64, 50 * MS)
    found = cut(inner, pieces([0, 30, 100], 63, 50 * MS + WENT))
    assert [one.ts for one in found.sightings if one.twin is None] == [START]


UNLIKE = {
    "another timestamp": pieces([0, 30, 100], 63, WENT, tsval=8),
    "another acknowledgement": pieces([0, 30, 100], 63, WENT, ack=5002),
    "too late": pieces([0, 30, 100], 63, 2 * S + MS),
    "too early": pieces([0, 30, 100], 63, -3 * MS),
    "octets before": pieces([-100, -50, 0], 63, 2 * MS),
    "octets behind": pieces([100, 150, 200], 63, WENT),
}


@pytest.mark.parametrize("outer", UNLIKE.values(), ids=UNLIKE)
def test_pieces_of_another_whole(outer: list[Taken]) -> None:
    assert [side for side, _ in alone(cut(pieces([0, 100], 64, 0), outer))].count(OUTSIDE) == 2


def test_many_copies_before_the_piece_that_fits() -> None:
    # Copies of the first octets, with other timestamps; not more than are looked back over.
    early = [Taken(packet(0, 30, 63, tsval=100 + number), START) for number in range(40)]
    found = cut(pieces([0, 100], 64, 0), early + pieces([0, 30, 100], 63, WENT))
    assert [side for side, _ in alone(found)] == [OUTSIDE] * 40


# What a capture missed

ANSWER = "\n".join(
    f"1.{n:02} < . {1 + n * 100}:{101 + n * 100}(100) ack 1 {{{n}}}\n1.{n:02}1 > . 1:1(0) ack {101 + n * 100}"
    for n in range(10)
)


def answered(**lost: str) -> str:
    """Ten segments of data, each acknowledged; marks for some of them."""
    return OPEN + ANSWER.format(*(lost.get(f"n{n}", "") for n in range(10)))


@pytest.mark.parametrize(("mark", "side"), [("-i", INSIDE), ("-o", OUTSIDE)])
def test_acknowledged_data_never_seen_is_a_hole(mark: str, side: int) -> None:
    found = played(answered(n4=mark))
    (hole,) = holes(found, side)
    assert (near(hole.since, 1.03), near(hole.until, 1.05), hole.octets) == (True, True, 100)
    assert holes(found, 1 - side) == []
    assert alone(found) == [(1 - side, 401)]


def test_a_hole_makes_an_absence_unsure_while_it_lasts() -> None:
    drops = "".join(f"\n{date} < . 901:1001(100) ack 1 win 7 !" for date in (1.025, 1.045, 3.0))
    found = played(answered(n4="-i") + drops)
    assert [one.sure for one in found.sightings if one.segment.win == 7] == [True, False, True]


@pytest.mark.parametrize("end", ["", "\n2 > . 1:1(0) ack 1001\n2.1 < . 1001:1001(0) ack 1"])
def test_the_last_data_acknowledged_but_never_seen_is_a_hole(end: str) -> None:
    found = played(answered(n9="-i") + end)
    (hole,) = holes(found, INSIDE)
    assert (near(hole.since, 1.08), hole.octets) == (True, 100)
    assert near(hole.until, 2.1 if end else 1.091)
    assert (holes(found, OUTSIDE), alone(found), sure(found)) == ([], [(OUTSIDE, 901)], [False])


def test_a_fin_acknowledged_but_never_seen_is_a_hole() -> None:
    story = answered() + "\n2 < F. 1001:1001(0) ack 1 -i\n2.1 > . 1:1(0) ack 1002"
    assert [hole.octets for hole in holes(played(story), INSIDE)] == [1]


@pytest.mark.parametrize("ack", [951, 1051])
def test_the_last_data_of_which_something_else_is_acknowledged_is_no_hole(ack: int) -> None:
    found = played(answered(n9="!").replace("ack 1001", f"ack {ack}"))
    assert holes(found, INSIDE) == holes(found, OUTSIDE) == []


def test_an_acknowledgement_before_the_data_is_no_hole() -> None:
    found = played(answered() + "\n2 > . 1:1(0) ack 1101\n2.1 < . 1001:1101(100) ack 1 !")
    assert holes(found, INSIDE) == holes(found, OUTSIDE) == []
    assert sure(found) == [True]


def test_what_the_host_dropped_is_no_hole() -> None:
    # Sent again and then acknowledged.
    found = played(answered(n4="!") + "\n1.5 < . 401:501(100) ack 1\n1.51 > . 1:1(0) ack 1001")
    assert holes(found, INSIDE) == holes(found, OUTSIDE) == []


def test_what_nobody_acknowledged_is_no_hole() -> None:
    found = played(
        OPEN + "1.0 < . 1:101(100) ack 1\n1.1 < . 101:201(100) ack 1 -i\n1.2 < . 201:301(100) ack 1"
    )
    assert [hole for hole in holes(found, INSIDE) if hole.octets and hole.since != hole.until] == []


def test_losses_that_overlap_are_one_hole_and_others_two() -> None:
    (one,) = holes(played(answered(n4="-o", n5="-o")), OUTSIDE)
    assert (near(one.since, 1.03), near(one.until, 1.06), one.octets) == (True, True, 200)
    found = holes(played(answered(n2="-o", n7="-o")), OUTSIDE)
    assert [hole.octets for hole in found] == [100, 100]
    (both,) = holes(played(answered(n4="-o", n6="-o")), OUTSIDE)
    assert (near(both.since, 1.03), near(both.until, 1.07), both.octets) == (True, True, 200)


def test_a_hole_at_a_side_alone() -> None:
    found = played(answered(n4="-i"), sides="inside")
    assert [hole.octets for hole in holes(found, INSIDE)] == [100]


def test_an_acknowledgement_of_what_was_never_sent_proves_nothing() -> None:
    beyond = OPEN + "1.0 < . 1:101(100) ack 1\n1.1 < . 201:301(100) ack 1 !\n1.2 > . 1:1(0) ack 250"
    found = played(beyond)
    assert holes(found, OUTSIDE) == []


def test_a_wild_number_is_no_hole() -> None:
    story = answered() + "\n2.0 < . 1500000000:1500000001(1) ack 1\n2.1 > . 1:1(0) ack 1500000001\n"
    found = played(story + "2.2 < . 1001:1101(100) ack 1\n2.3 < . 1101:1201(100) ack 1")
    assert alone(found) == []
    assert len(holes(found, OUTSIDE)) == 1


# Orphans

ORPHANS = {
    "a segment without data": ("> . 1:1(0) ack 1 win 9 -i", INSIDE, 0),
    "inward": ("< . 1:1(0) ack 1 win 9 -o", OUTSIDE, 0),
    "data, the last": ("> . 1:101(100) ack 1 -i", INSIDE, 100),
    "not a RST": ("> R 1:1(0) -i", INSIDE, None),
    "not what left untranslated": (">~ . 1:1(0) ack 1 -i", INSIDE, None),
    "not what arrived only": ("> . 1:1(0) ack 1 -o", OUTSIDE, None),
}


@pytest.mark.parametrize(("line", "side", "octets"), ORPHANS.values(), ids=ORPHANS)
def test_what_left_without_having_come(line: str, side: int, octets: int | None) -> None:
    found = played(answered() + f"\n5.0 {line}")
    (one,) = [one for one in found.sightings if one.twin is None]
    assert holes(found, side) == ([] if octets is None else [Hole(one.ts, one.ts, octets)])
    assert one.sure == (octets is None)


# When an absence is sure


SPANS = {
    "all the time": (0, 9, [True, True, True]),
    "begun late": (1.5, 9, [False, True, True]),
    "ended early": (0, 2.5, [True, True, False]),
    "both": (1.5, 2.5, [False, True, False]),
}


@pytest.mark.parametrize(("since", "until", "expected"), SPANS.values(), ids=SPANS)
def test_nothing_is_sure_outside_the_other_capture(since: float, until: float, expected: list[bool]) -> None:
    drops = "".join(f"\n{date} < . 1:101(100) ack 1 !" for date in (1, 2, 3))
    inner, outer = sources(OPEN + drops + "\n1.6 > . 1:1(0) ack 1")
    other = make.ip(bytes(8), protocol=17)
    inner.taken = [one for one in inner.taken if at(since) <= one.ts <= at(until)]
    inner.taken = [Taken(other, at(since)), *inner.taken, Taken(other, at(until))]
    found = matched(inner, outer)
    assert [one.sure for one in found.sightings if one.segment.size] == expected


def test_the_files_own_clock_says_when_it_was_complete() -> None:
    story = OPEN + "1 < . 1:101(100) ack 1 !\n2 < . 1:101(100) ack 1 !"
    for clock in (500, -500):
        inner, outer = sources(story, clock=clock, linger=0)
        inner.taken.append(Taken(make.ip(bytes(8), protocol=17), at(1.5 + clock)))
        assert sure(matched(inner, outer)) == [True, False]


def test_an_older_connections_ack_before_the_syn_is_no_sign_of_loss() -> None:
    """Its numbers are another connection's: what lies between them and the new ones was never sent."""
    found = played(
        """
        0.000 > S  0:0(0)         win 64240
        0.010 < .  5000:5000(0)   ack 77777 win 509
        0.011 > R  77777:77777(0) win 0
        1.000 > S  0:0(0)         win 64240
        1.010 < S. 90000:90000(0) ack 1   win 65160
        1.011 > .  1:1(0) ack 90001   win 502
        """
    )
    assert holes(found, INSIDE) == holes(found, OUTSIDE) == []
    lacking = played(OPEN + "1 < . 1:101(100) ack 1 -i -o\n2 < . 101:201(100) ack 1\n2.1 > . 1:1(0) ack 201")
    assert holes(lacking, INSIDE)
    assert holes(lacking, OUTSIDE)
