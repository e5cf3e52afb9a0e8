"""The kernels' tables, cell by cell, what sets kernels apart, and their names."""

from __future__ import annotations

import pytest

from bypeer.core import kernels, tcp
from bypeer.core.entry import log_line
from bypeer.core.kernels import (
    KERNELS,
    LINUX_4_19,
    LINUX_5_10,
    LINUX_5_15,
    LINUX_6_1,
    LINUX_6_12,
    LINUX_6_18,
    CtState,
    Ctstate,
    Index,
    Kernel,
    Reason,
    Sysctls,
    describe,
    index_of,
    named,
    with_rules,
)  # fmt: skip
from bypeer.core.rules import RULES, SERIES
from tests.core.tracking import ASKED, LAST, OPEN, REACHED, RESET, SYN, play

# A segment at those numbers, in each state: the state after, `ig` ignored, `IV` INVALID.
GRID = """
             >S  >S. >F. >.  >R. >U  <S  <S. <F. <.  <R. <U
NONE         SS  IV  IV  ES  IV  IV  -   -   -   -   -   -
SYN_SENT     SS  IV  IV  IV  CL  IV  S2  SR  IV  ig  CL  IV
SYN_RECV     ig  SR  FW  ES  CL  IV  IV  ig  FW  SR  CL  IV
ESTABLISHED  ig  IV  FW  ES  CL  IV  IV  ig  FW  ES  CL  IV
FIN_WAIT     ig  IV  LA  CW  CL  IV  IV  ig  LA  CW  CL  IV
CLOSE_WAIT   ig  IV  LA  CW  CL  IV  IV  ig  LA  CW  CL  IV
LAST_ACK     ig  IV  LA  TW  CL  IV  IV  ig  LA  TW  CL  IV
TIME_WAIT    SS  IV  TW  TW  CL  IV  SS  ig  TW  TW  CL  IV
CLOSE        ig  IV  CL  CL  CL  IV  IV  ig  CL  CL  CL  IV
SYN_SENT2    S2  SR  IV  IV  CL  IV  S2  SR  IV  ig  CL  IV
"""
SHORT = dict(zip(["SS", "SR", "ES", "FW", "CW", "LA", "TW", "CL", "S2"], list(CtState)[1:10], strict=True))


def cells() -> list[tuple[str, str, str]]:
    head, *rows = GRID.split("\n")[1:-1]
    return [
        (row.split()[0], column, answer)
        for row in rows
        for column, answer in zip(head.split(), row.split()[1:], strict=True)
        if answer != "-"
    ]


@pytest.mark.parametrize(("state", "column", "answer"), cells(), ids=lambda value: str(value))
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_each_cell_of_the_tables(kernel: Kernel, state: str, column: str, answer: str) -> None:
    script, *numbers = REACHED[state]
    way, flags = column[0], column[1:]
    ours, theirs = numbers if way == ">" else reversed(numbers)
    at = 0 if flags == "S" and state in ("SYN_SENT", "SYN_SENT2") else ours
    before = play(script, kernel)
    assert before.entry.state == CtState[state]
    after = play(f"{script}{way} {flags} {at}:{at}(0)" + (f" ack {theirs}" if "." in flags else ""), kernel)
    assert after.out.index == {"S": 0, "S.": 1, "F.": 2, ".": 3, "R.": 4, "U": 6}[flags]
    assert (after.out.ctstate == Ctstate.INVALID) == (answer == "IV")
    if answer in SHORT:
        assert (after.out.state_after, after.reason) == (SHORT[answer], Reason.OK)
        assert not after.out.ignored
    else:
        assert after.out.state_after == after.entry.state == CtState[state]
        assert after.out.ignored == (answer == "ig")


# Where a rule shows: a script (and sysctls) whose last segment's answer depends on it. First the
# answer where the rule holds, then where it does not: ctstate, state after, reason.
NEW, EST, INV = Ctstate.NEW, Ctstate.ESTABLISHED, Ctstate.INVALID
ES, SR, SS, CL = CtState.ESTABLISHED, CtState.SYN_RECV, CtState.SYN_SENT, CtState.CLOSE
OK, OVER, OVERSHOOT = Reason.OK, Reason.SEQ_OVER, Reason.OVERSHOOT
UNDER, ACK_OVER, INVALID_RST = Reason.SEQ_UNDER, Reason.ACK_OVER, Reason.INVALID_RST
LIBERAL = Sysctls(tcp_be_liberal=True)
IGNORE_RST = Sysctls(tcp_ignore_invalid_rst=True)
LATE = OPEN + "< . -90000:-89000(1000) ack 1"
BEYOND = OPEN + "< . 65600:65700(100) ack 1"
LET_THROUGH = OPEN + "> S 500000:500000(0)\n"
SHOWS = {
    "late_is_invalid": (LATE, Sysctls(), (INV, ES, UNDER), (EST, ES, UNDER)),
    "overshoot_counts": (
        BEYOND + "\n> . 1:1(0) ack 65700", Sysctls(), (EST, ES, OK), (INV, ES, ACK_OVER)),
    "overshoot_passes": (
        BEYOND, Sysctls(), (EST, ES, OVERSHOOT), (INV, ES, OVERSHOOT)),
    "judged_together": (
        OPEN + "< . -90000:-89000(1000) ack 9", Sysctls(), (EST, ES, UNDER), (INV, ES, ACK_OVER)),
    "closing_rst_unchecked": (RESET + "< R -9:-9(0)", Sysctls(), (EST, CL, OK), (INV, CL, INVALID_RST)),
    "rst_after_syn_unchecked": (
        LET_THROUGH + "< R. 0:0(0) ack 500001", Sysctls(), (EST, CL, OK), (INV, ES, INVALID_RST)),
    "own_syn_counts": (
        LET_THROUGH + "> R. 900000:900000(0) ack 1000500257", Sysctls(), (EST, CL, OK), (INV, ES, OVER)),
    "zero_rst_unchecked": (
        ASKED + "> R -1000000000:-1000000000(0)", Sysctls(), (EST, SR, UNDER), (INV, SR, INVALID_RST)),
    "has_ignore_invalid_rst": (OPEN + "< R 0:0(0)", IGNORE_RST, (EST, ES, OK), (INV, ES, INVALID_RST)),
    "challenge_ack_noted": (
        SYN + "< . 830000:830000(0) ack 640000\n> R 640000:640000(0)",
        Sysctls(), (EST, CL, OK), (INV, SS, OVER)),
    "reinit_needs_syn": (ASKED + "< . 900000:900000(0) ack 1", Sysctls(), (INV, SR, OVER), (EST, SR, OK)),
    "resync_keeps_liberal": (
        "> . 1:1(0) ack 1\n< . 1:1(0) ack 1\n> S 500000:500000(0)\n< S. 1:1(0) ack 500001 <mss 1460>\n"
        "> . 500001:500001(0) ack 2\n< . 900000:900000(0) ack 500001",
        Sysctls(), (EST, ES, OK), (INV, ES, OVER)),
}  # fmt: skip


@pytest.mark.parametrize("rule", SHOWS)
def test_what_a_rule_changes(rule: str) -> None:
    script, sysctls, *answers = SHOWS[rule]
    # overshoot: the reason is known only where data beyond the window count
    base = LINUX_6_18._replace(overshoot_counts=True)
    for holds, answer in zip((True, False), answers, strict=True):
        played = play(script, base._replace(**{rule: holds}), sysctls)  # type: ignore[arg-type]
        assert (played.out.ctstate, played.out.state_after, played.reason) == answer


def test_a_late_segment_by_kernel() -> None:
    assert [play(LATE, kernel).out.ctstate for kernel in KERNELS] == [INV] * 3 + [EST] * 6


def test_data_beyond_the_window_by_kernel() -> None:
    answers = [(play(BEYOND, kernel).out.ctstate, play(BEYOND, kernel).reason) for kernel in KERNELS]
    assert answers == [(INV, OVER)] * 2 + [(INV, OVERSHOOT)] + [(EST, OVERSHOOT)] * 6
    acknowledged = BEYOND + "\n> . 1:1(0) ack 65700"
    assert [play(acknowledged, kernel).out.ctstate for kernel in KERNELS] == [INV] * 2 + [EST] * 7


def test_be_liberal_counts_data_beyond_the_window_since_6_1() -> None:
    ends = [play(BEYOND, kernel, LIBERAL).entry.reply.td_end for kernel in (LINUX_5_15, LINUX_6_1)]
    assert ends == [0xFFFF_FF01, 0xFFFF_FF00 + 65700 - (1 << 32)]


# The kernel's words: a script, and the log line of its last segment by 5.10, 5.15, 6.1 and 6.18.
WORDS = {
    "late": (OPEN + "> . -90000:-90000(0) ack 1", (
        "SEQ is under the lower bound (already ACKed data retransmitted)",
        "SEQ is under the lower bound (already ACKed data retransmitted)",
        "SEQ is under lower bound 999934465 (already ACKed data retransmitted)",
        "SEQ is under lower bound 999934465 (already ACKed data retransmitted)")),
    "beyond": (OPEN + "> . 900000:900000(0) ack 1", (
        "SEQ is over the upper bound (over the window of the receiver)",
        "SEQ is over the upper bound (over the window of the receiver)",
        "SEQ is over upper bound 1000065537 (over the window of the receiver)",
        "SEQ is over upper bound 1000065537 (over the window of the receiver)")),
    "a little beyond": (OPEN + "> . 65537:65537(0) ack 1", (
        "SEQ is over the upper bound (over the window of the receiver)",
        *["2 bytes more than expected"] * 3)),
    "unseen": (OPEN + "< . 1:1(0) ack 2", (
        "ACK is over the upper bound (ACKed data not seen yet)",
        "ACK is over the upper bound (ACKed data not seen yet)",
        "ACK is over upper bound 1000000002 (ACKed data not seen yet)",
        "ACK is over upper bound 1000000002 (ACKed data not seen yet)")),
    "delayed": (OPEN + "< . 1:1(0) ack -66000", (
        "ACK is under the lower bound (possible overly delayed ACK)",
        "ACK is under the lower bound (possible overly delayed ACK)",
        "ignored ACK under lower bound 999934000 (possible overly delayed)",
        "ignored ACK under lower bound 999934000 (possible overly delayed)")),
    "refused by state": (OPEN + "< S 0:0(0)", (
        "invalid state", "invalid state",
        *["packet (index 0) in dir 1 invalid, state ESTABLISHED"] * 2)),
    "ignored by state": (OPEN + "> S 0:0(0)", (
        "invalid packet ignored in state ESTABLISHED ",
        *["packet (index 0) in dir 0 ignored, state ESTABLISHED"] * 3)),
    "challenge": (LAST + "> S 9:9(0)\n< . 2:2(0) ack 2", ("challenge-ack ignored",) * 4),
    "RST": (OPEN + "< R 0:0(0)", ("invalid rst",) * 4),
    "flags": ("> SF 0:0(0)", ("invalid tcp flag combination",) * 4),
    "begins nothing": ("> R 0:0(0)", (None, None, None, "invalid new")),
    "good": (OPEN, (None,) * 4),
}  # fmt: skip


@pytest.mark.parametrize(("script", "lines"), WORDS.values(), ids=WORDS)
def test_the_log_line(script: str, lines: tuple[str | None, ...]) -> None:
    for kernel, line in zip((LINUX_5_10, LINUX_5_15, LINUX_6_1, LINUX_6_18), lines, strict=True):
        written = log_line(play(script, kernel).out, kernel)
        assert written == (line and f"nf_ct_proto_6: {line}")


def test_flags_by_index() -> None:
    push, urgent = tcp.PSH | tcp.ECE | tcp.CWR, tcp.URG
    assert index_of(tcp.SYN | push) == index_of(tcp.SYN | urgent) == Index.SYN
    assert index_of(tcp.ACK_ | urgent | push) == Index.ACK
    assert index_of(tcp.FIN | tcp.ACK_ | urgent) == Index.FIN
    assert index_of(tcp.SYN | tcp.ACK_) == Index.SYN_ACK
    assert index_of(tcp.RST) == index_of(tcp.RST | tcp.ACK_) == Index.RST
    good = {index for index in (index_of(flags) for flags in range(256)) if index != Index.BAD}
    assert Index.NONE not in good
    assert sum(index_of(flags) != Index.BAD for flags in range(256)) == 9 * 8


NAMES = {
    "5.10.0-32-amd64": LINUX_5_10, "5.10": LINUX_5_10, "5.10.262": LINUX_5_10, "4.19": LINUX_4_19,
    " 6.12.117+deb13-cloud-amd64": LINUX_6_12, "6.18.44-fc": LINUX_6_18, "6.1.192": LINUX_6_1,
}  # fmt: skip
# Versions between the series that were looked at: the one below it, and where that is known from.
BETWEEN = {
    "5.4.0-150-generic": LINUX_4_19, "6.2.16": LINUX_6_1, "6.2.200": LINUX_6_1, "7.1": LINUX_6_18,
    "7.4": KERNELS[-1],
}  # fmt: skip


@pytest.mark.parametrize(("version", "kernel"), NAMES.items())
def test_named(version: str, kernel: Kernel) -> None:
    assert named(version) == kernel


@pytest.mark.parametrize(("version", "kernel"), BETWEEN.items())
def test_a_series_that_nobody_looked_at_is_inferred(version: str, kernel: Kernel) -> None:
    found = named(version)
    assert found.inferred == tuple(kernel.sources)
    assert found._replace(sources=kernel.sources) == kernel


def test_named_knows_patches() -> None:
    assert not named("6.1.8").challenge_ack_noted
    assert named("6.1.9").challenge_ack_noted
    assert named("6.1.175").own_syn_counts
    assert not named("6.1.176").own_syn_counts
    assert named("5.10.258").own_syn_counts
    assert not named("5.10.259").own_syn_counts
    assert not named("5.10.109").resync_keeps_liberal
    assert named("5.10.110").resync_keeps_liberal
    assert not named("6.12.116").inexact_rst_unack
    assert named("6.12.117").inexact_rst_unack


def test_what_a_patch_changed_was_read_not_measured() -> None:
    assert (named("5.10.258").sources["own_syn_counts"], LINUX_5_10.sources["own_syn_counts"]) == ("r", "m")
    assert named("6.12.100").sources["late_is_invalid"] == "m"


LONG = "packet (index {index}, dir {direction}) response for index {answered} lower timeout to {jiffies}"
SHORT_LINE = "lowered timeout to UNACK"


@pytest.mark.parametrize(("version", "text"), [
    ("6.1.183", LONG), ("6.1.184", SHORT_LINE), ("6.12.103", LONG), ("6.12.104", SHORT_LINE),
    ("6.18.44", LONG), ("7.2", SHORT_LINE),
])  # fmt: skip
def test_the_line_of_a_lowered_timer(version: str, text: str) -> None:
    assert named(version).lowered == text


def test_the_texts_follow_the_rules() -> None:
    kernel = with_rules(LINUX_6_18, {"numbered_log": False, "logs_unack": True})
    assert kernel.texts[Reason.SEQ_UNDER] == LINUX_5_10.texts[Reason.SEQ_UNDER]
    assert kernel.texts[Reason.INVALID_NEW] == "invalid new"
    assert kernel.lowered == SHORT_LINE
    assert with_rules(kernel, {"numbered_log": True, "logs_unack": False}) == LINUX_6_18


@pytest.mark.parametrize("version", ["", "banana", "4.18.9", "3.10.0-1160.el7", "6"])
def test_no_such_kernel(version: str) -> None:
    with pytest.raises(
        ValueError, match="kernel version" if version in ("", "banana", "6") else "older than"
    ):
        named(version)


def test_describe_says_what_differs() -> None:
    old, new = set(describe(LINUX_5_10)), set(describe(LINUX_6_18))
    assert "a segment or acknowledgement from below the window (late) is INVALID" in old
    assert "a late segment or acknowledgement passes, ignored" in new
    alike = {row.holds if getattr(LINUX_5_10, row.rule) else row.fails for row in RULES
             if getattr(LINUX_5_10, row.rule) == getattr(LINUX_6_18, row.rule)}  # fmt: skip
    assert old & new <= alike
    assert len(old - new) > 10
    assert all(line.endswith("(inferred, not measured)") for line in describe(kernels.LINUX_6_6))


def test_what_is_only_inferred() -> None:
    assert LINUX_6_18.inferred == LINUX_5_10.inferred == ()
    assert "own_syn_counts" in kernels.LINUX_4_19.inferred
    assert set(KERNELS[SERIES.index("6.6")].inferred) == set(LINUX_6_18.sources)


def test_where_none_was_measured_the_newest_is_used() -> None:
    assert kernels.newest((kernels.LINUX_4_19, kernels.LINUX_5_15)) is kernels.LINUX_5_15
    assert kernels.newest((kernels.LINUX_5_10, kernels.LINUX_5_15)) is kernels.LINUX_5_10


def test_kernels_are_alike_where_they_differ_in_log_and_timers_only() -> None:
    groups = kernels.alike()
    assert [one for group in groups for one in group] == list(kernels.KERNELS)
    assert [one.late_is_invalid for group in groups for one in group[:1]] == [True, True, True, False]
