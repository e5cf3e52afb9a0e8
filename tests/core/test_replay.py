"""Each segment through the tracker, in the order in which the host saw it."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.entry import Rules
from bypeer.core.explain import Case
from bypeer.core.kernels import KERNELS, LINUX_5_10, LINUX_6_18, Ctstate, Kernel, Reason, Sysctls
from bypeer.core.replay import Judgement, replay, tracked
from bypeer.core.study import Sighting
from tests.scene import ASKED, FAR, OPEN, case

OLD, NEW = ("4.19", "5.10", "5.15"), ("6.1", "6.6", "6.12", "6.18", "7.2", "7.3")
LATE = "< . 1:1449(1448) ack 101 win 509"  # a repeat, long after it was acknowledged
BEYOND = "< . 90000001:90000101(100) ack 101 win 509"


def judged(story: str, **how: Any) -> list[tuple[int, int, str, str]]:
    """Direction, start, ctstate and reason of what conntrack saw, in its order."""
    seen = case(story, **how).seen
    found = [(one, seen.judgement(one)) for one in seen.study.sightings]
    return [(one.direction, one.start, j.ctstate.name, j.reason.name) for one, j in found if j is not None]


def last(found: Case, direction: int = 1) -> tuple[Sighting, Judgement]:
    """The last segment of that direction that conntrack saw."""
    rows = [one for one in found.seen.study.sightings if one.direction == direction]
    seen = [one for one in rows if found.seen.judgement(one) is not None]
    judgement = found.seen.judgement(seen[-1])
    assert judgement is not None
    return seen[-1], judgement


def test_each_segment_once_in_the_order_of_its_arrival() -> None:
    # The client's first ACK is on its way through the host while the server's data arrive.
    story = OPEN.replace("0.011 > .  1:1(0) ack 1 win 502", "0.011 > . 1:1(0) ack 1 win 502 delay .5")
    found = judged(story + ".02 < . 1:101(100) ack 1\n.6 > . 1:1(0) ack 101\n.7 > R. 1:1(0) ack 101")
    assert found == [
        (0, 0, "NEW", "OK"), (1, 0, "ESTABLISHED", "OK"), (0, 1, "ESTABLISHED", "OK"),
        (1, 1, "ESTABLISHED", "OK"), (0, 1, "ESTABLISHED", "OK"), (0, 1, "ESTABLISHED", "OK"),
    ]  # fmt: skip


def test_the_inside_clock_does_not_change_the_order() -> None:
    story = ASKED + "+.01 > R. 101:101(0) ack 1449"
    assert judged(story, clock=3.7) == judged(story, clock=-3.7) == judged(story)


def test_what_the_host_made_is_left_out() -> None:
    found = case(ASKED + f"+.01 {BEYOND} !\n+.0001 H> R 101:101(0) win 0\n+.01 > R. 101:101(0) ack 1449")
    judgements = [(one.is_rst, found.seen.judgement(one)) for one in found.seen.study.sightings]
    # Both RSTs outside, and the client's inside: only this one went through conntrack.
    assert [judgement is not None for is_rst, judgement in judgements if is_rst] == [False, True, False]


def test_a_stray_is_left_out() -> None:
    found = case(ASKED + "+.01 >~ R. 101:101(0) ack 1449")
    strays = [one for one in found.seen.study.sightings if one.stray]
    assert [one.is_rst for one in strays] == [True]
    assert not set(strays) & set(tracked(found.seen.study, frozenset()))


def test_what_was_seen_only_leaving_was_let_through() -> None:
    found = case(ASKED + f"+.01 {LATE} -o\n+.01 {BEYOND} -o\n+.01 > R. 101:101(0) ack 1449")
    one, judgement = last(found)
    assert (one.start, one.side, one.twin) == (90000001, 0, None)
    assert (judgement.ctstate, judgement.reason) == (Ctstate.ESTABLISHED, Reason.UNKNOWN_BOUND)
    assert not judgement.sure


def test_one_side_alone_is_replayed_too() -> None:
    found = judged(ASKED + f"+.01 {BEYOND} !\n+.0001 H> R 101:101(0) win 0", sides="outside")
    assert found[-1] == (1, 90000001, "INVALID", "SEQ_OVER")
    assert len(found) == 8


# Judgements


def test_a_judgement_names_its_bound_as_on_the_wire_and_the_line_of_the_log() -> None:
    found = case(ASKED + f"+.01 {BEYOND} !\n+.0001 H> R 101:101(0) win 0")
    one, judgement = last(found)
    assert (judgement.ctstate, judgement.reason, judgement.invalid) == (
        Ctstate.INVALID, Reason.SEQ_OVER, True,
    )  # fmt: skip
    # The client's last word: ack 1449, window 502 << 7; the bound is the first number beyond.
    isn = one.segment.seq - one.start
    assert judgement.bound == (isn + 1449 + (502 << 7) + 1) % 2**32
    assert judgement.beyond == 90000001 - (1449 + (502 << 7))
    assert judgement.log == (
        f"nf_ct_proto_6: SEQ is over upper bound {judgement.bound} (over the window of the receiver)"
    )
    assert judgement.sure


def test_an_acceptable_segment_has_no_bound_and_no_line() -> None:
    assert last(case(ASKED + "+.01 > R. 101:101(0) ack 1449"))[1] == Judgement(
        Ctstate.ESTABLISHED, Reason.OK, None, 0, "", True
    )


def test_a_kernel_that_logs_nothing_says_nothing() -> None:
    story = "0 > S. 0:0(0) ack 1 !\n+.01 > R 1:1(0) win 0 !"
    found = {kernel.name: last(case(story, kernel=kernel, sides="inside"))[1] for kernel in KERNELS}
    assert {name: judgement.log for name, judgement in found.items() if judgement.log} == {
        name: "nf_ct_proto_6: invalid new" for name in ("6.12", "6.18", "7.2", "7.3")
    }  # fmt: skip


def test_the_sysctls_count() -> None:
    found = case(ASKED + f"+.01 {BEYOND} !\n+.0001 H> R 101:101(0) win 0")
    study, made = found.seen.study, frozenset(id(one.sighting) for one in found.seen.resets)
    one, seen = last(found)[0], tracked(study, made)
    assert replay(study, Rules(LINUX_6_18), seen).refuses(one)
    assert not replay(study, Rules(LINUX_6_18, Sysctls(tcp_be_liberal=True)), seen).refuses(one)


def test_of_what_conntrack_never_saw_there_is_no_judgement() -> None:
    found = case(ASKED + "+.01 > R. 101:101(0) ack 1449")
    # A segment is tracked where it arrives; its twin is the same segment, leaving.
    twin = next(one.twin for one in tracked(found.seen.study, frozenset()))
    assert twin is not None
    assert found.seen.replay.of(twin) is None
    assert not found.seen.replay.refuses(twin)


# A capture that lacks segments

CUT = "\n".join(FAR.splitlines()[8:]) + "\n"  # begins after the handshake


@pytest.mark.parametrize("kernel", [LINUX_5_10, LINUX_6_18], ids=lambda one: one.name)
@pytest.mark.parametrize("segment", [BEYOND, LATE])
def test_begun_too_late_nothing_is_refused_for_a_bound(segment: str, kernel: Kernel) -> None:
    found = case(CUT + f"+.01 {segment} !\n+.01 > R. 101:101(0) ack 91449", kernel=kernel)
    _, judgement = last(found)
    assert (judgement.ctstate, judgement.reason) == (Ctstate.ESTABLISHED, Reason.UNKNOWN_BOUND)


def test_begun_too_late_no_window_tells_how_late_is_too_late() -> None:
    """Windows whose scale was not captured seem to grow with each segment beyond them."""
    passed = "".join(
        f"{0.1 + at / 100} < . {at * 30000 + 1}:{at * 30000 + 30001}(30000) ack 1 win 509\n"
        f"{0.105 + at / 100} > . 1:1(0) ack {at * 30000 + 30001} win 502\n"
        for at in range(40)
    )
    found = case(passed + "0.6 < . 1000001:1001449(1448) ack 1 win 509 !\n0.6001 H> R 1:1(0) win 0\n")
    _, judgement = last(found)
    assert (judgement.reason, judgement.says) == (Reason.UNKNOWN_BOUND, "unknown")
    assert (found.conclusion.candidates[0], found.conclusion.certainty) == ("NF01", "likely")


def test_what_the_table_refuses_is_refused_whenever_it_began() -> None:
    found = case(CUT + "+.01 < S 5000:5000(0) !\n+.01 > R. 101:101(0) ack 91449")
    assert last(found)[1].reason == Reason.INVALID_STATE


# The client's window ends at 1449 + (502 << 7) = 65705. Another acknowledgement would have moved it.
GAP = f"""{ASKED}
    +.1 < . 300000:300100(100) ack 101
    +.001 > . 101:101(0) ack 1449 win 502 <nop,nop,sack 300000:300100>
"""
UPPER = 300_100 + (502 << 7)  # after it


def test_across_a_gap_the_bounds_are_lower_ones() -> None:
    # Forwarded, though beyond the window: the captures lack segments, or it is another kernel.
    found = case(GAP + "+.01 > R. 101:101(0) ack 1449", kernel=LINUX_6_18)
    rows = [(one.start, found.seen.judgement(one)) for one in found.seen.study.sightings if one.direction]
    (adopted,) = [judgement for start, judgement in rows if start == 300000 and judgement is not None]
    assert adopted == Judgement(Ctstate.ESTABLISHED, Reason.UNKNOWN_BOUND, None, 0, "", False)


@pytest.mark.parametrize(
    ("beyond", "sure"), [(10_000_000, True), ((65535 << 7) + 1, True), (65535 << 7, False)]
)
def test_across_a_gap_invalid_is_sure_only_beyond_the_widest_window(beyond: int, sure: bool) -> None:
    start = UPPER + beyond
    story = GAP + f"+.01 < . {start}:{start + 100}(100) ack 101 !\n+.0001 H> R 101:101(0) win 0"
    _, judgement = last(case(story, kernel=LINUX_6_18))
    assert (judgement.invalid, judgement.sure) == (True, sure)


@pytest.mark.parametrize(("options", "sure"), [("", False), ("<mss 1460,wscale 2>", True)])
def test_the_widest_window_is_scaled_as_the_handshake_says_else_by_14(options: str, sure: bool) -> None:
    opening = GAP.replace("<mss 1460,sackOK,wscale 7>", options)
    story = opening + "+.01 < . 2000000:2000100(100) ack 101 !\n+.0001 H> R 101:101(0) win 0"
    assert last(case(story, kernel=LINUX_6_18))[1].sure is sure


# Let through, though not seen to leave: acknowledged, when the capture that would show it missed segments

END = "+.5 > R. 101:101(0) ack 1449"
# The inside capture misses 1449:1649, which the client acknowledges.
MISSED = "+.01 < . 1449:1549(100) ack {0} {1}\n+.001 < . 1549:1649(100) ack 101 -i\n"
ONWARD = "+.001 < . 1649:1749(100) ack 101\n+.01 > . 101:101(0) ack 1749\n"


def orphan(story: str) -> Judgement:
    """What is made of 1449:1549, which acknowledges what the client never sent: INVALID as it stands."""
    found = case(ASKED + story + END)
    (one,) = [
        one for one in found.seen.study.sightings if (one.direction, one.start) == (1, 1449) and one.ack
    ]
    judgement = found.seen.judgement(one)
    assert judgement is not None
    return judgement


ORPHANS: dict[str, tuple[str, bool]] = {
    # after ASKED: whether it is taken for let through
    "acknowledged": (MISSED.format(9101, "-i") + ONWARD, True),
    "acknowledged, and that alone shows that it was missed": (
        "+.01 < . 1449:1549(100) ack 9101 -i\n+.01 > . 101:101(0) ack 1549\n", True
    ),
    "another number is acknowledged, and the inside capture missed nothing then": (
        "+.01 < . 1449:1549(100) ack 9101 !\n+.01 > . 101:101(0) ack 1500\n", False
    ),
    "not acknowledged": (MISSED.format(9101, "-i") + "+.001 < . 1649:1749(100) ack 101\n", False),
    "a copy explains the acknowledgement": (
        MISSED.format(9101, "-i") + "+.001 < . 1449:1549(100) ack 101\n" + ONWARD, False
    ),
    "a RST's acknowledgement does not count": (
        MISSED.format(9101, "-i") + "+.001 < . 1649:1749(100) ack 101\n+.01 > R. 101:101(0) ack 1749\n", False
    ),
    "acknowledged before it came": (
        "+.001 < . 1449:1749(300) ack 101\n+.001 > . 101:101(0) ack 1749\n"
        "+.01 < . 1749:1849(100) ack 101 -i\n+.001 < . 1449:1549(100) ack 9101 -i\n"
        "+.001 < . 1849:1949(100) ack 101\n+.001 > . 101:101(0) ack 1949\n", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORPHANS)
def test_what_was_acknowledged_as_new_was_let_through(name: str) -> None:
    story, through = ORPHANS[name]
    found = case(ASKED + story + END)
    (one,) = [one for one in found.seen.study.sightings if one.segment.size and one.ack == 9101]
    judgement = found.seen.judgement(one)
    assert judgement is not None
    assert (judgement.invalid, judgement.reason == Reason.UNKNOWN_BOUND) == (not through, through)


# Which kernels fit


def contradicted(story: str, *kernels: Kernel) -> set[str]:
    """The kernels whose rules would have refused what was seen forwarded."""
    return {one.name for one in kernels or KERNELS if case(story, kernel=one).seen.replay.contradicted}


@pytest.mark.parametrize(
    ("story", "names"),
    [
        (FAR + f"+.01 {LATE}\n+.01 > R. 101:101(0) ack 91449", set(OLD)),
        (FAR + f"+.01 {LATE} !\n+.01 > R. 101:101(0) ack 91449", set()),
        (ASKED + "+.01 < . 70000:70100(100) ack 101\n" + END, set(OLD)),
        (ASKED + f"+.01 {BEYOND}\n" + END, {*OLD, *NEW}),
        # It left, and the capture that would show what came before it missed that.
        (ASKED + f"+.01 {BEYOND} -o\n+.01 > R. 101:101(0) ack 90000101", set()),
        (CUT + f"+.01 {BEYOND}\n+.01 > R. 101:101(0) ack 91449", set()),
    ],
    ids=["late", "late, not forwarded", "a little beyond", "far beyond", "out of a gap", "begun too late"],
)
def test_what_was_forwarded_contradicts_a_kernel_that_would_have_refused_it(
    story: str, names: set[str]
) -> None:
    assert contradicted(story) == names


# A segment that leaves a hole of 100 kB, in a window of 128 kB; or of 1,000 octets, were it not scaled.
REFUSED = (
    FAR.replace("win 502", "win 1000")
    + "+.01 < . 191449:192897(1448) ack 101 win 509 !\n+.0001 H> R 101:101(0) win 0\n"
    "+.01 > P. 101:201(100) ack 91449 win 1000\n+.01 < R 91449:91449(0) win 0"
)


def test_windows_may_be_wider_than_they_look_where_the_options_of_the_handshake_were_cut() -> None:
    found = case(REFUSED, kernel=LINUX_5_10)
    assert found.conclusion.candidates == ["NF04", "NF12"]
    cut = case(
        REFUSED.replace("wscale 7>", "wscale 7> cut 46"), kernel=LINUX_5_10
    )  # mss and sackOK are there
    refused = next(one for one in cut.seen.study.sightings if one.start == 191_449)
    judgement = cut.seen.judgement(refused)
    assert judgement is not None
    assert judgement.reason == Reason.UNKNOWN_BOUND
    assert cut.conclusion.certainty == "likely"  # by unscaled windows it would be certain: NF02
