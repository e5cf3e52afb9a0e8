"""The tracker's timers, settings and gaps. Its answers stand in tests/scripts (test_scripts.py).

What 6.18 answers here, a 6.18.44 kernel answered too. Scripts are in the notation of bypeer.core.script.
"""

from __future__ import annotations

import pytest

from bypeer.core import conntrack, entry, segment, tcp
from bypeer.core.conntrack import adopt, expired, resume
from bypeer.core.entry import ORIGINAL, REPLY, SECOND, Entry, Rules, Step, log_line
from bypeer.core.kernels import (
    LINUX_5_10,
    LINUX_6_18,
    RETRANS,
    TIMEOUTS,
    UNACK,
    CtState,
    Ctstate,
    Index,
    Reason,
    Sysctls,
    named,
)  # fmt: skip
from bypeer.core.script import START, parse
from tests import pure
from tests.core.tracking import (
    ASKED,
    CLOSED,
    CLOSING,
    CROSSED,
    HALF_CLOSED,
    LAST,
    OPEN,
    PICKED_UP,
    RESET,
    SYN,
    play,
)  # fmt: skip

# The last segment's entry: seconds that it may stay idle, repeats of the last acknowledgement.
TIMERS = {
    "a SYN": (SYN, 120),
    "a SYN/ACK": (ASKED, 60),
    "open": (OPEN, 432_000),
    "data unacknowledged": (OPEN + "> P. 1:101(100) ack 1", 300),
    "data acknowledged": (OPEN + "> P. 1:101(100) ack 1\n< . 1:1(0) ack 101", 432_000),
    "data acknowledged in part": (OPEN + "> P. 1:101(100) ack 1\n< . 1:1(0) ack 100", 300),
    "window closed": (OPEN + "< . 1:1(0) ack 1 win 0", 250),
    "window open again": (OPEN + "< . 1:1(0) ack 1 win 0\n< . 1:1(0) ack 1 win 1", 432_000),
    "repeated twice": (OPEN + "> . 1:1(0) ack 1\n" * 2, 432_000),
    "repeated thrice": (OPEN + "> . 1:1(0) ack 1\n" * 3, 250),
    "repeated, then another": (OPEN + "> . 1:1(0) ack 1\n" * 3 + "< . 1:1(0) ack 1", 432_000),
    "not a repeat: another window": (OPEN + "> . 1:1(0) ack 1 win 5\n> . 1:1(0) ack 1 win 6\n" * 3, 432_000),
    "repeats modulo 256": (OPEN + "> . 1:1(0) ack 1\n" * 256, 432_000),
    "a FIN": (CLOSING, 120),
    "half closed": (HALF_CLOSED, 60),
    "the other FIN": (LAST, 30),
    "closed": (CLOSED, 120),
    "reset": (RESET, 10),
    "an inexact RST": (OPEN + "< R 9:9(0)", 10),
    "crossed SYNs": (CROSSED + "< S 0:0(0)", 120),
    "picked up without answer": (PICKED_UP, 300),
    "picked up with its first answer": (PICKED_UP + "< . 1:1(0) ack 1", 300),
    "picked up and answered": (PICKED_UP + "< . 1:1(0) ack 1\n> . 1:1(0) ack 1", 432_000),
}  # fmt: skip


@pytest.mark.parametrize(("script", "seconds"), TIMERS.values(), ids=TIMERS)
def test_the_timer(script: str, seconds: int) -> None:
    timeouts = (*TIMEOUTS[:RETRANS], 250, TIMEOUTS[UNACK])
    assert play(script, sysctls=Sysctls(timeouts=timeouts)).entry.timeout == seconds * SECOND


def test_the_shorter_timer_only_shortens() -> None:
    sysctls = Sysctls(tcp_max_retrans=0, timeouts=(*TIMEOUTS[:RETRANS], 90, 90))
    assert play(LAST + "< F. 1:1(0) ack 2 win 0", sysctls=sysctls).entry.timeout == 30 * SECOND


def test_a_repeated_syn_does_not_renew() -> None:
    entry = play(SYN + "+50 > S 0:0(0)").entry
    assert entry.deadline == START + 120 * SECOND
    assert not expired(entry, entry.deadline - 1)
    assert expired(entry, entry.deadline)
    assert not expired(entry, segment.NO_TIME)
    entry.clear()
    assert not expired(entry, START * 2)


def test_undated_segments_set_no_deadline() -> None:
    entry, rules = Entry(), Rules(LINUX_6_18)
    (line,) = parse("> S 0:0(0)")
    line.segment.ts = segment.NO_TIME
    conntrack.step(entry, ORIGINAL, line.segment, rules, Step())
    assert (entry.deadline, entry.timeout) == (segment.NO_TIME, 120 * SECOND)
    assert not expired(entry, START)


OUT_OF_WINDOW = {
    "both": (OPEN, "< R 900000:900000(0)\n+1 > R 900000:900000(0)", 300, True),
    "both, a FIN first": (OPEN, "< F. 900000:900000(0) ack 1\n+1 > F. 900000:900000(0) ack 1", 300, True),
    "one twice": (OPEN, "< R 900000:900000(0)\n< R 900000:900000(0)", 432_000, False),
    "data and RST": (OPEN, "< . 900000:900000(0) ack 1\n> R 900000:900000(0)", 432_000, False),
    "not assured": (ASKED, "< R 900000:900000(0)\n> R 900000:900000(0)", 60, False),
    "late anyway": (CLOSED, "> F. 900000:900000(0) ack 2\n+1 < F. 900000:900000(0) ack 2", 120, False),
}


@pytest.mark.parametrize(
    ("reached", "script", "seconds", "lowered"), OUT_OF_WINDOW.values(), ids=OUT_OF_WINDOW
)
def test_fin_or_rst_out_of_window(reached: str, script: str, seconds: int, lowered: bool) -> None:
    played = play(reached + script)
    assert played.answers[-1][1] == "INVALID"
    assert (played.out.lowered, played.entry.timeout) == (lowered, seconds * SECOND)
    old = play(reached + script, LINUX_6_18._replace(lowers_timer=False))
    assert not old.out.lowered
    assert old.entry.timeout == play(reached).entry.timeout


def test_lowering_an_undated_timer() -> None:
    played = play(OPEN)
    for line in parse("< R 900000:900000(0)\n> R 900000:900000(0)"):
        line.segment.ts = segment.NO_TIME
        played.see(line)
    assert (played.out.lowered, played.entry.timeout) == (True, 300 * SECOND)


def test_a_refused_segment_counts_as_no_reply() -> None:
    played = play(SYN + "< F. 1:1(0) ack 1")
    assert (played.reason, played.entry.seen_reply) == (Reason.INVALID_STATE, False)
    assert play(SYN + "< F. 1:1(0) ack 1\n> S 0:0(0)").out.ctstate == Ctstate.NEW


MALFORMED = {
    "bad flags": (OPEN + "> FS 1:1(0)", Sysctls(), Reason.BAD_FLAGS),
    "no flags": (OPEN + "> none 1:1(0)", Sysctls(), Reason.BAD_FLAGS),
    "not the beginning": ("> R 1:1(0)", Sysctls(), Reason.INVALID_NEW),
    "not loose": (PICKED_UP, Sysctls(tcp_loose=False), Reason.NOT_LOOSE),
}


@pytest.mark.parametrize(("script", "sysctls", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_refused_whatever_the_connection(script: str, sysctls: Sysctls, reason: Reason) -> None:
    played = play(script, sysctls=sysctls)
    assert (played.out.ctstate, played.reason) == (Ctstate.INVALID, reason)
    assert played.entry.state == played.out.state_before


@pytest.mark.parametrize(
    ("checked", "checksum"), [(True, segment.BAD), (True, segment.GOOD), (False, segment.BAD)]
)
def test_a_bad_checksum_counts_if_asked(checked: bool, checksum: int) -> None:
    (line,) = parse("> S 0:0(0)")
    line.segment.checksum = checksum
    out = Step()
    conntrack.step(Entry(), ORIGINAL, line.segment, Rules(LINUX_6_18, Sysctls(checksum=checked)), out)
    bad = checked and checksum == segment.BAD
    assert out.reason == (Reason.BAD_CHECKSUM if bad else Reason.OK)


def test_a_header_longer_than_its_packet() -> None:
    (line,) = parse("> S 0:0(0)")
    line.segment.size = -4
    out = Step()
    conntrack.step(Entry(), ORIGINAL, line.segment, Rules(LINUX_6_18), out)
    assert log_line(out, LINUX_6_18) == "nf_ct_proto_6: truncated packet"


def test_be_liberal_spares_the_window_only() -> None:
    liberal = Sysctls(tcp_be_liberal=True)
    assert play(OPEN + "< . 900000:900000(0) ack 900000", sysctls=liberal).reason == Reason.OK
    played = play(OPEN + "< R 0:0(0)", sysctls=liberal)
    assert (played.reason, played.out.bound, played.out.beyond) == (Reason.INVALID_RST, 0xFFFF_FF01, 1)


def test_ignore_invalid_rst() -> None:
    played = play(OPEN + "< R 0:0(0)", sysctls=Sysctls(tcp_ignore_invalid_rst=True))
    assert (played.reason, played.entry.state) == (Reason.OK, CtState.ESTABLISHED)
    assert (
        play(OPEN + "< R 0:0(0)", LINUX_5_10, Sysctls(tcp_ignore_invalid_rst=True)).answers[-1][1]
        == "INVALID"
    )


def segments(script: str) -> list[tuple[int, segment.Segment]]:
    return [(line.direction, line.segment) for line in parse(script)]


def test_resume_judges_by_estimates_only() -> None:
    entry, rules, out = Entry(), Rules(LINUX_6_18), Step()
    resume(entry, rules, START)
    assert (entry.state, entry.assured, entry.gaps) == (CtState.ESTABLISHED, True, 1)
    assert entry.deadline == START + 432_000 * SECOND
    script = """
        < . 1:1001(1000) ack 1 win 10
        > . 1:1(0) ack 1001 win 10
        < . 900000:901000(1000) ack 1 win 10
        > . 1:1(0) ack 902000 win 10
        > . 1:1(0) ack 1 win 10
        < . -900000:-899000(1000) ack 1 win 10
        < R 0:0(0)"""
    reasons = []
    for direction, one in segments(script):
        conntrack.step(entry, direction, one, rules, out)
        reasons.append(Reason(out.reason).name)
        assert out.ctstate == (Ctstate.INVALID if reasons[-1] == "INVALID_RST" else Ctstate.ESTABLISHED)
        assert not out.ignored
    assert reasons == ["OK", "OK", *["UNKNOWN_BOUND"] * 4, "INVALID_RST"]
    assert entry.gaps == 1
    entry.clear()
    assert not entry.original.estimated


# What the model refuses, though it was seen forwarded; then a segment that fits only because of it.
GAPS = {
    "sent further": (OPEN, "< . 900000:900100(100) ack 1", "> . 1:1(0) ack 900100"),
    "acknowledges unseen octets": (OPEN, "< . 1:1(0) ack 9000", "< . 1:1(0) ack 8999"),
    "late, on an old kernel": (OPEN, "> . -90000:-90000(0) ack 1", "> . -90000:-90000(0) ack 1"),
    "very late acknowledgement": (OPEN, "< . 1:1(0) ack -90000", "< . 1:1(0) ack -90000"),
    "no acknowledgement": (OPEN, "< R 900000:900000(0)", "< . 900000:900000(0) ack 1"),
    "the SYN/ACK was missed": (SYN, "> . 1:1(0) ack 1", "< . 1:1001(1000) ack 1"),
    "the SYN was missed": ("", "< S. 0:0(0) ack 1", "> . 1:1(0) ack 1"),
    "a new connection the other way": (OPEN, "< S 7000:7000(0)", "> S. 90000:90000(0) ack 7001"),
}


@pytest.mark.parametrize(("reached", "refused", "fits"), GAPS.values(), ids=GAPS)
def test_adopt_makes_room(reached: str, refused: str, fits: str) -> None:
    old = play(reached + refused, LINUX_5_10)
    assert old.out.ctstate == Ctstate.INVALID
    ((direction, one),) = segments(refused)
    adopt(old.entry, direction, one, old.rules)
    assert old.entry.gaps == 1
    turned = "new connection" in reached + refused or one.flags == tcp.SYN
    ((direction, one),) = segments(fits)
    conntrack.step(old.entry, direction ^ turned, one, old.rules, old.out)
    assert old.out.ctstate == Ctstate.ESTABLISHED


def test_adopt_cannot_explain_bad_flags() -> None:
    played = play(OPEN)
    ((direction, one),) = segments("< FS 1:1(0)")
    adopt(played.entry, direction, one, played.rules)
    assert (played.entry.gaps, played.entry.state) == (0, CtState.ESTABLISHED)


def test_the_patch_that_lets_an_inexact_rst_linger() -> None:
    for kernel, seconds in ((named("6.12.116"), 10), (named("6.12.117"), 300)):
        assert play(OPEN + "< R 9:9(0)", kernel).entry.timeout == seconds * SECOND
        assert play(OPEN + "< R 1:1(0)", kernel).entry.timeout == 10 * SECOND


# s of ESTABLISHED and of CLOSE, a RST, and the timeout before 6.12.117 and since.
RST_TIMERS = {
    "one that does not close lowers only": (200, 10, "< R 9:9(0)", (10, 200)),
    "one that closes keeps CLOSE's own": (9000, 250, "< R 1:1(0)", (250, 250)),
    "but unacknowledged data count there too": (
        9000,
        7000,
        "> . 1:101(100) ack 1\n< R. 1:1(0) ack 1",
        (7000, 300),
    ),
}


@pytest.mark.parametrize("name", RST_TIMERS)
def test_the_timer_after_a_rst_is_chosen_like_any_other_since_6_12_117(name: str) -> None:
    established, close, script, seconds = RST_TIMERS[name]
    timeouts = list(TIMEOUTS)
    timeouts[CtState.ESTABLISHED], timeouts[CtState.CLOSE] = established, close
    for version, timeout in zip(("6.12.116", "6.12.117"), seconds, strict=True):
        played = play(OPEN + script, named(version), Sysctls(timeouts=tuple(timeouts)))
        assert played.entry.timeout == timeout * SECOND


NUMBERS = {
    "_NONE _SYN_SENT _SYN_RECV _ESTABLISHED _FIN_WAIT _CLOSE_WAIT _LAST_ACK _TIME_WAIT _CLOSE _SYN_SENT2"
    " _INVALID _IGNORE": list(CtState),
    "_SYN _SYN_ACK _FIN _ACK _RST _NO_FLAGS _BAD": list(Index),
    "_NEW _KNOWN _RELATED _REFUSED": list(Ctstate)[:4],
    "_OK": [Reason.OK],
    "_INVALID_RST _INVALID_STATE _IGNORED_STATE _CHALLENGE_ACK _BAD_FLAGS _BAD_CHECKSUM _TRUNCATED"
    " _INVALID_NEW _NOT_LOOSE": list(Reason)[6:15],
    "_ORIGINAL _REPLY": [ORIGINAL, REPLY],
    "_SACK_PERM _CLOSE_INIT _BE_LIBERAL _UNACKNOWLEDGED _MAXACK_SET _EXP_CHALLENGE_ACK _SIMULTANEOUS_OPEN":
        [entry.SACK_PERM, entry.CLOSE_INIT, entry.BE_LIBERAL, entry.DATA_UNACKNOWLEDGED, entry.MAXACK_SET,
         entry.EXP_CHALLENGE_ACK, entry.SIMULTANEOUS_OPEN],
    "_SUM_BAD _UNDATED": [segment.BAD, segment.NO_TIME],
}  # fmt: skip


@pytest.mark.parametrize(("names", "values"), NUMBERS.items())
def test_the_compiled_code_s_numbers(names: str, values: list[int]) -> None:
    source = pure.load_pure("bypeer.core.conntrack")
    assert [getattr(source, name) for name in names.split()] == values
