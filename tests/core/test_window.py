"""The window's bounds at -1, 0 and +1, and how segments move them.

Every answer for 6.18 here was checked on a 6.18.44 kernel.
"""

from __future__ import annotations

import pytest

from bypeer.core import entry, segment, tcp
from bypeer.core.kernels import (
    LINUX_5_10,
    LINUX_5_15,
    LINUX_6_18,
    CtState,
    Ctstate,
    Index,
    Kernel,
    Reason,
    Sysctls,
)
from bypeer.core.script import INITIAL
from bypeer.core.seq import distance
from tests import pure
from tests.core.tracking import play

# Windows of 1,000 and 2,000 octets: `>` may begin up to 2001 and `<` up to 1001.
NARROW = """
    > S 0:0(0) win 1000
    < S. 0:0(0) ack 1 win 2000
    > . 1:1(0) ack 1 win 1000
"""
WIDE = """
    > S 0:0(0) win 1000 <wscale 14>
    < S. 0:0(0) ack 1 win 1000 <wscale 1>
    > . 1:1(0) ack 1 win 10
"""
OK, SEQ_OVER, SEQ_UNDER, ACK_OVER, ACK_UNDER, OVERSHOOT = list(Reason)[:6]
# Segment; reason on 6.18; octets by which it fails; whether 6.18 lets it pass; whether 5.10 does.
BOUNDS = {
    "I at the edge": (NARROW + "> . 2001:2001(0) ack 1", OK, 0, True, True),
    "I across the edge": (NARROW + "> . 2001:2101(100) ack 1", OK, 0, True, True),
    "I beyond by one": (NARROW + "> . 2002:2002(0) ack 1", OVERSHOOT, 2, True, False),
    "overshoot by a window": (NARROW + "> . 4000:4000(0) ack 1", OVERSHOOT, 2000, True, False),
    "overshoot by more": (NARROW + "> . 4001:4001(0) ack 1", SEQ_OVER, 2000, False, False),
    "overshoot, its end counts": (NARROW + "> . 3000:4001(1001) ack 1", SEQ_OVER, 999, False, False),
    "overshoot and an unseen ACK": (NARROW + "> . 2002:2002(0) ack 2", SEQ_OVER, 1, False, False),
    "overshoot and a delayed ACK": (NARROW + "> . 2002:2002(0) ack -66000", SEQ_OVER, 1, False, False),
    "II at the edge": (NARROW + "> . -1999:-1999(0) ack 1", OK, 0, True, True),
    "II by its end": (NARROW + "> . -2099:-1999(100) ack 1", OK, 0, True, True),
    "II below by one": (NARROW + "> . -2000:-2000(0) ack 1", SEQ_UNDER, 1, True, False),
    "III at the edge": (NARROW + "> . 1:1(0) ack 1", OK, 0, True, True),
    "III above by one": (NARROW + "> . 1:1(0) ack 2", ACK_OVER, 1, False, False),
    "IV at the edge": (NARROW + "> . 1:1(0) ack -65999", OK, 0, True, True),
    "IV below by one": (NARROW + "> . 1:1(0) ack -66000", ACK_UNDER, 1, True, False),
    "IV of a wide window": (WIDE + "> . 1:1(0) ack -163839", OK, 0, True, True),
    "IV of a wide window, by one": (WIDE + "> . 1:1(0) ack -163840", ACK_UNDER, 1, True, False),
    "I from the reply side": (NARROW + "< . 1001:1001(0) ack 1", OK, 0, True, True),
    "I from the reply side, by one": (NARROW + "< . 1002:1002(0) ack 1", OVERSHOOT, 2, True, False),
    "II and III": (NARROW + "> . -2000:-2000(0) ack 2", ACK_OVER, 1, False, False),
    "II and IV": (NARROW + "> . -2000:-2000(0) ack -66000", SEQ_UNDER, 1, True, False),
    "half ahead": (NARROW + "> . -2147481647:-2147481647(0) ack 1", SEQ_OVER, 1 << 31, False, False),
    "half behind": (NARROW + "> . -2147481646:-2147481646(0) ack 1", SEQ_UNDER, 2147479647, True, False),
}  # fmt: skip


@pytest.mark.parametrize(("script", "reason", "beyond", "passes", "passed"), BOUNDS.values(), ids=BOUNDS)
def test_each_bound(script: str, reason: Reason, beyond: int, passes: bool, passed: bool) -> None:
    played = play(script)
    assert (played.reason, played.out.beyond) == (reason, beyond)
    assert (played.out.ctstate == Ctstate.ESTABLISHED) == passes
    assert played.out.ignored == (passes and reason != OK)
    assert (play(script, LINUX_5_10).out.ctstate == Ctstate.ESTABLISHED) == passed
    liberal = play(script, sysctls=Sysctls(tcp_be_liberal=True))
    assert (liberal.out.ctstate, liberal.reason, liberal.out.bound) == (Ctstate.ESTABLISHED, OK, -1)


def test_older_kernels_name_ii_before_iii() -> None:
    script = BOUNDS["II and III"][0]
    assert [play(script, kernel).reason for kernel in (LINUX_5_10, LINUX_6_18)] == [SEQ_UNDER, ACK_OVER]


def test_the_four_bounds_as_they_stood() -> None:
    out = play(NARROW + "> . 1:101(100) ack 1").out
    relative = [distance(out.seq_over, INITIAL[0]), distance(out.seq_under, INITIAL[0])]
    relative += [distance(out.ack_over, INITIAL[1]), distance(out.ack_under, INITIAL[1])]
    assert relative == [2002, -2000, 2, -66000]
    refused = play(NARROW + "> . 1:1(0) ack 2").out
    assert refused.bound == refused.ack_over
    assert play(NARROW + "< S 0:0(0)").out.seq_over == entry.NO_BOUND


# After the script: td_end, td_maxend (relative), td_maxwin of `>`, then of `<`.
MOVES = {
    "opened": (NARROW, (1, 2001, 1000), (1, 1001, 2000)),
    "data sent": (NARROW + "> . 1:101(100) ack 1 win 1000", (101, 2001, 1000), (1, 1001, 2000)),
    "resent": (NARROW + "> . 1:101(100) ack 1 win 1000\n" * 2, (101, 2001, 1000), (1, 1001, 2000)),
    "a wider window": (NARROW + "> . 1:1(0) ack 1 win 3000", (1, 2001, 3000), (1, 3001, 2000)),
    "a narrower one": (NARROW + "> . 1:1(0) ack 1 win 10", (1, 2001, 1000), (1, 1001, 2000)),
    "acknowledged": (
        NARROW + "< . 1:501(500) ack 1 win 2000\n> . 1:1(0) ack 501 win 1000",
        (1, 2001, 1000), (501, 1501, 2000)),
    "a closed window leaves one": (
        NARROW + "< . 1:1001(1000) ack 1 win 2000\n> . 1:1(0) ack 1001 win 0",
        (1, 2001, 1000), (1001, 1002, 2000)),
    "across the edge": (NARROW + "> . 2001:2101(100) ack 1 win 1000", (2101, 2001, 1000), (1, 1001, 2100)),
    "a little beyond": (NARROW + "> . 2002:2102(100) ack 1 win 1000", (2102, 2001, 1000), (1, 1001, 2000)),
    "ignored": (NARROW + "> . -2000:-2000(0) ack 1 win 9000", (1, 2001, 1000), (1, 1001, 2000)),
    "no acknowledgement": (NARROW + "> R 2001:2001(0) win 0", (2001, 2001, 1000), (1, 1001, 2000)),
    "scaled": (WIDE, (1, 1001, 163840), (1, 163841, 1000)),
    "never no window": ("> S 0:0(0) win 0", (1, 1, 1), (256, 257, 0)),
    "selective": (
        "> S 0:0(0) <sackOK>\n< S. 0:0(0) ack 1 win 2000 <sackOK>\n> . 1:1(0) ack 1 win 1000\n"
        "< . 1:101(100) ack 1 win 2000\n> . 1:1(0) ack 1 win 1000 <sack 51:101>",
        (1, 2001, 65535), (101, 1101, 2000)),
}  # fmt: skip


@pytest.mark.parametrize(("script", "original", "reply"), MOVES.values(), ids=MOVES)
def test_where_the_bounds_move(script: str, original: tuple[int, ...], reply: tuple[int, ...]) -> None:
    both = play(script).entry
    found = [
        (distance(side.td_end, isn), distance(side.td_maxend, isn), side.td_maxwin)
        for side, isn in zip((both.original, both.reply), INITIAL, strict=True)
    ]
    assert found == [original, reply]


@pytest.mark.parametrize("kernel", [LINUX_5_10, LINUX_5_15])
def test_overshoot_leaves_no_trace_before_it_counts(kernel: Kernel) -> None:
    side = play(NARROW + "> . 2002:2102(100) ack 1", kernel).entry.original
    counts = kernel is LINUX_5_15
    assert distance(side.td_end, INITIAL[0]) == (2102 if counts else 1)
    assert bool(side.flags & entry.DATA_UNACKNOWLEDGED) == counts


OPTIONS = {
    "none": ("", 0, 0),
    "all": ("mss 1460,sackOK,wscale 7", 7, entry.WINDOW_SCALE | entry.SACK_PERM),
    "too wide a scale": ("wscale 15", 14, entry.WINDOW_SCALE),
    "no scaling": ("wscale 0", 0, entry.WINDOW_SCALE),
    "timestamps": ("TS val 1 ecr 0", 0, 0),
}


@pytest.mark.parametrize(("options", "scale", "flags"), OPTIONS.values(), ids=OPTIONS)
def test_the_options_of_a_syn(options: str, scale: int, flags: int) -> None:
    side = play(f"> S 0:0(0) <{options}>").entry.original
    assert (side.td_scale, side.flags) == (scale, flags)


def test_a_syn_without_options_keeps_those_of_the_first() -> None:
    both = [play(f"> S 0:0(0) <wscale 7>\n> S 9:9(0){more}").entry.original for more in ("", " <mss 1460>")]
    assert [side.td_scale for side in both] == [7, 0]


def test_a_newer_segment_of_an_opening_side_by_kernel() -> None:
    """Before 6.1 any segment began a handshake anew, and took the options it had."""
    for more, scale in (("", 7), (" <TS val 1 ecr 1>", 0), (" <sack 1:2>", 0)):
        script = f"> S 0:0(0) <wscale 7>\n< S. 0:0(0) ack 1 <wscale 7>\n< . 90:190(100) ack 1{more}"
        assert play(script, LINUX_5_10).entry.reply.td_scale == scale
        assert play(script).entry.reply.td_scale == 7


NUMBERS = {
    "_SYN_SENT _SYN_RECV": [CtState.SYN_SENT, CtState.SYN_RECV],
    "_OK _SEQ_OVER _SEQ_UNDER _ACK_OVER _ACK_UNDER _OVERSHOOT _UNKNOWN_BOUND":
        [*list(Reason)[:6], Reason.UNKNOWN_BOUND],
    "_ACK _REFUSED _REPLY": [Index.ACK, Ctstate.INVALID, entry.REPLY],
    "_WINDOW_SCALE _SACK_PERM _BE_LIBERAL _UNACKNOWLEDGED _MAXACK_SET":
        [entry.WINDOW_SCALE, entry.SACK_PERM, entry.BE_LIBERAL, entry.DATA_UNACKNOWLEDGED, entry.MAXACK_SET],
    "_F_SYN _F_RST _F_ACK": [tcp.SYN, tcp.RST, tcp.ACK_],
    "_NO_OPTION _WSCALE_MAX": [segment.ABSENT, tcp.WSCALE_MAX],
}  # fmt: skip


@pytest.mark.parametrize(("names", "values"), NUMBERS.items())
def test_the_compiled_code_s_numbers(names: str, values: list[int]) -> None:
    source = pure.load_pure("bypeer.core.window")
    assert [getattr(source, name) for name in names.split()] == values
