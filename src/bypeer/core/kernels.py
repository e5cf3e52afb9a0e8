"""The kernels whose TCP connection tracking `conntrack` models: tables, rules, log texts, timeouts.

A kernel is a column of RULES (rules.py), the two transition tables and the texts of its log lines.

Left out: NAT sequence offsets of helpers, SYN proxy, the distributions' own patches, and that from
5.17.6 to 6.7, in 6.1 until 6.1.77, a newer SYN before the answer switched window scaling off.
"""

# No annotations as text here: see explanation.py.
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

from bypeer.core import tcp
from bypeer.core.rules import FATELESS, PATCHES, RULES, SERIES


class CtState(IntEnum):
    """The kernel's enum tcp_conntrack: its numbers, its spelling."""

    NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT = range(5)
    CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2 = range(5, 10)
    INVALID, IGNORE = 10, 11  # no states: what a table may answer instead of one


class Index(IntEnum):
    """What the tables distinguish about a segment; the `index` of the kernel's log lines."""

    SYN, SYN_ACK, FIN, ACK, RST, NONE = range(6)
    BAD = 6  # no combination of flags that TCP allows


class Ctstate(IntEnum):
    """What a rule matches with `ct state`."""

    NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED = range(5)


class Reason(IntEnum):
    """Why the tracker answered as it did; those of REASONS have a log line."""

    OK = 0
    SEQ_OVER = 1  # inequality I: data begin beyond what the receiver permitted
    SEQ_UNDER = 2  # II: data end before the sender's newest less the receiver's largest window
    ACK_OVER = 3  # III: acknowledges octets that the tracker has not seen sent
    ACK_UNDER = 4  # IV: acknowledges less than any delay explains
    OVERSHOOT = 5  # I alone fails, and by no more than a window
    INVALID_RST = 6  # RST below the highest acknowledgement of its receiver
    INVALID_STATE = 7  # the table refuses
    IGNORED_STATE = 8  # the table lets it pass unjudged
    CHALLENGE_ACK = 9  # answers a SYN let through in LAST_ACK, so it does not end the connection
    BAD_FLAGS = 10
    BAD_CHECKSUM = 11
    TRUNCATED = 12  # the TCP header is longer than the packet
    INVALID_NEW = 13  # no connection can begin so
    NOT_LOOSE = 14  # middle of a connection, and tcp_loose is 0: refused without a word
    UNKNOWN_BOUND = 15  # ours: the capture began too late to know the bound (conntrack.resume)


NO, SS, SR, ES, FW, CW, LA, TW, CL, S2, IV, IG = CtState

# Segments of the original direction. Source: labels of 6.18, 6.12, 5.10; every cell measured on 6.18.44.
ORIGINAL_TABLE: Mapping[CtState, tuple[CtState, ...]] = {
    #    SYN SYN/ACK FIN ACK RST none
    NO: (SS, IV, IV, ES, IV, IV),  # ACK: picked up midstream, if tcp_loose
    SS: (SS, IV, IV, IV, CL, IV),  # RST: and if no reply was seen, the entry goes
    SR: (IG, SR, FW, ES, CL, IV),  # SYN/ACK: of a simultaneous open
    ES: (IG, IV, FW, ES, CL, IV),  # SYN: the peer may answer with a challenge ACK
    FW: (IG, IV, LA, CW, CL, IV),  # ACK: whoever sends it, it acknowledges the FIN
    CW: (IG, IV, LA, CW, CL, IV),
    LA: (IG, IV, LA, TW, CL, IV),
    TW: (SS, IV, TW, TW, CL, IV),  # SYN: the port is reused (RFC 9293, 3.6.1)
    CL: (SS, IV, CL, CL, CL, IV),
    S2: (S2, SR, IV, IV, CL, IV),
}

# Segments of the reply direction. Source: as above.
REPLY_TABLE: Mapping[CtState, tuple[CtState, ...]] = {
    #    SYN SYN/ACK FIN ACK RST none
    NO: (IV, IV, IV, IV, IV, IV),  # cannot be: the first segment makes the direction
    SS: (S2, SR, IV, IG, CL, IV),  # SYN: simultaneous open; ACK: a challenge to the SYN
    SR: (IV, IG, FW, SR, CL, IV),
    ES: (IV, IG, FW, ES, CL, IV),  # SYN/ACK: of a SYN that was let through unjudged
    FW: (IV, IG, LA, CW, CL, IV),
    CW: (IV, IG, LA, CW, CL, IV),
    LA: (IV, IG, LA, TW, CL, IV),
    TW: (SS, IG, TW, TW, CL, IV),  # SYN: the roles may change in a new connection
    CL: (IV, IG, CL, CL, CL, IV),
    S2: (S2, SR, IV, IG, CL, IV),
}

# Seconds. The first ten are by CtState; then the two that other rules choose.
# Source: Documentation/networking/nf_conntrack-sysctl.rst; NONE is never chosen.
RETRANS, UNACK = 10, 11
TIMEOUTS = (120, 120, 60, 432_000, 120, 60, 30, 120, 10, 120, 300, 300)
TIMERS = (*list(CtState.__members__)[:10], "max_retrans", "unacknowledged")  # their names

# RFC 9293 has no list; this is the kernel's, PSH, ECE and CWR set aside. Measured on 6.18.44.
_URG, _ACK, _RST, _SYN, _FIN = tcp.URG, tcp.ACK_, tcp.RST, tcp.SYN, tcp.FIN
GOOD_FLAGS: Mapping[int, Index] = {
    _SYN: Index.SYN,
    _SYN | _URG: Index.SYN,
    _SYN | _ACK: Index.SYN_ACK,
    _FIN | _ACK: Index.FIN,
    _FIN | _ACK | _URG: Index.FIN,
    _ACK: Index.ACK,
    _ACK | _URG: Index.ACK,
    _RST: Index.RST,
    _RST | _ACK: Index.RST,
}


def index_of(flags: int) -> Index:
    """Which column of the tables a segment with these flags reads, or BAD."""
    return GOOD_FLAGS.get(flags & ~(tcp.PSH | tcp.ECE | tcp.CWR), Index.BAD)


class Sysctls(NamedTuple):
    """The settings that change the tracker's answers, with their defaults (net.netfilter.*)."""

    tcp_be_liberal: bool = False  # a failed window check lets pass; other checks stay
    tcp_loose: bool = True  # pick connections up in their middle
    tcp_max_retrans: int = 3  # repeats of an acknowledgement before the shorter timer
    tcp_ignore_invalid_rst: bool = False  # only where the kernel has it (5.14)
    # nf_conntrack_checksum. Off, unlike the kernel's default: a capture taken before offload
    # shows bad sums that never were on the wire.
    checksum: bool = False
    timeouts: tuple[int, ...] = TIMEOUTS  # s; nf_conntrack_tcp_timeout_*


class Kernel(NamedTuple):
    """One kernel's tracker. A rule's field says whether it holds; RULES says it in words."""

    name: str
    version: tuple[int, int]
    late_is_invalid: bool
    overshoot_counts: bool
    overshoot_passes: bool
    liberal_overshoot_counts: bool
    judged_together: bool
    closing_rst_unchecked: bool
    rst_after_syn_unchecked: bool
    own_syn_counts: bool
    zero_rst_unchecked: bool
    has_ignore_invalid_rst: bool
    challenge_ack_noted: bool
    reinit_needs_syn: bool
    resync_keeps_liberal: bool
    inexact_rst_unack: bool
    lowers_timer: bool
    numbered_log: bool
    logs_ignored_index: bool
    logs_invalid_new: bool
    logs_unack: bool
    sources: Mapping[str, str]  # rule -> m, r or i
    original: Mapping[CtState, tuple[CtState, ...]]
    reply: Mapping[CtState, tuple[CtState, ...]]
    texts: Mapping[Reason, str]
    lowered: str  # text of the second line, where a refused segment lowers the timer

    @property
    def inferred(self) -> tuple[str, ...]:
        """The rules whose cell nobody has measured or read on this series."""
        return tuple(rule for rule, source in self.sources.items() if source == "i")


# Log texts after the prefix `nf_ct_proto_6: `. {bound} a sequence number, {octets} a count,
# {index} an Index, {direction} 0 or 1, {state} a CtState. Source: conntrack.md, 4; 6.18.44 measured.
_UNNUMBERED: Mapping[Reason, str] = {
    Reason.SEQ_OVER: "SEQ is over the upper bound (over the window of the receiver)",
    Reason.SEQ_UNDER: "SEQ is under the lower bound (already ACKed data retransmitted)",
    Reason.ACK_OVER: "ACK is over the upper bound (ACKed data not seen yet)",
    Reason.ACK_UNDER: "ACK is under the lower bound (possible overly delayed ACK)",
    Reason.OVERSHOOT: "{octets} bytes more than expected",
    Reason.INVALID_RST: "invalid rst",
    Reason.INVALID_STATE: "invalid state",
    Reason.IGNORED_STATE: "invalid packet ignored in state {state} ",
    Reason.CHALLENGE_ACK: "challenge-ack ignored",
    Reason.BAD_FLAGS: "invalid tcp flag combination",
    Reason.BAD_CHECKSUM: "bad checksum",
    Reason.TRUNCATED: "truncated packet",
}
_NUMBERED: Mapping[Reason, str] = {
    Reason.SEQ_OVER: "SEQ is over upper bound {bound} (over the window of the receiver)",
    Reason.SEQ_UNDER: "SEQ is under lower bound {bound} (already ACKed data retransmitted)",
    Reason.ACK_OVER: "ACK is over upper bound {bound} (ACKed data not seen yet)",
    Reason.ACK_UNDER: "ignored ACK under lower bound {bound} (possible overly delayed)",
    Reason.INVALID_STATE: "packet (index {index}) in dir {direction} invalid, state {state}",
}
_IGNORED_INDEX = {Reason.IGNORED_STATE: "packet (index {index}) in dir {direction} ignored, state {state}"}
_INVALID_NEW = {Reason.INVALID_NEW: "invalid new"}
# {index}, {direction}: of the refused segment; {answered}: Index of the one before; {jiffies} by CONFIG_HZ.
_LOWERED = "packet (index {index}, dir {direction}) response for index {answered} lower timeout to {jiffies}"
_LOWERED_UNACK = "lowered timeout to UNACK"
LOG_PREFIX = "nf_ct_proto_6: "


def _lines(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Kernel that its log lines are, by its rules."""
    chosen = dict(_UNNUMBERED)
    for rule, texts in (("numbered_log", _NUMBERED), ("logs_ignored_index", _IGNORED_INDEX),
                        ("logs_invalid_new", _INVALID_NEW)):  # fmt: skip
        if rules[rule]:
            chosen |= texts
    return {"texts": chosen, "lowered": _LOWERED_UNACK if rules["logs_unack"] else _LOWERED}


def _profile(column: int) -> Kernel:
    cells = {row.rule: row.cells.split()[column] for row in RULES}
    holds: dict[str, Any] = {rule: cell[0] == "+" for rule, cell in cells.items()}
    major, minor = SERIES[column].split(".")
    return Kernel(
        SERIES[column],
        (int(major), int(minor)),
        sources={rule: cell[1] for rule, cell in cells.items()},
        original=ORIGINAL_TABLE,
        reply=REPLY_TABLE,
        **_lines(holds),
        **holds,
    )


def with_rules(kernel: Kernel, changed: Mapping[str, bool]) -> Kernel:
    """The kernel with some rules otherwise, and the texts of its log lines accordingly."""
    rules = {row.rule: getattr(kernel, row.rule) for row in RULES} | dict(changed)
    return kernel._replace(**_lines(rules), **rules)


KERNELS: tuple[Kernel, ...] = tuple(_profile(column) for column in range(len(SERIES)))
LINUX_4_19, LINUX_5_10, LINUX_5_15, LINUX_6_1, LINUX_6_6, LINUX_6_12, LINUX_6_18 = KERNELS[:7]


def numbers(version: str) -> tuple[int, int, int]:
    """Major, minor and patch level (0: none given) of a version; ValueError if it is none."""
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?(?![^.+-])", version.strip())
    if match is None:
        raise ValueError(f"{version!r} is no kernel version: write it as `uname -r` does, as 5.10 or 6.12.74")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def named(version: str) -> Kernel:
    """The kernel whose tracker behaves as this version's, a `uname -r` or the start of one.

    Takes the newest series at or below it; of a series that RULES does not have, all is inferred. A
    patch level of 0 means unknown, as Debian's 5.10.0-32-amd64 hides it; then the series as it was
    last seen counts.
    """
    *series, patch = numbers(version)
    found = [kernel for kernel in KERNELS if kernel.version <= tuple(series)]
    if not found:
        raise ValueError(f"Linux {version} is older than {SERIES[0]}, the oldest whose tracking is known")
    kernel = found[-1]
    if kernel.version != tuple(series):
        return kernel._replace(sources=dict.fromkeys(kernel.sources, "i"))
    changed = {rule: holds for at, since, rule, holds in PATCHES if tuple(series) == at and since <= patch}
    changed = {rule: holds for rule, holds in changed.items() if holds != getattr(kernel, rule)}
    read = dict(kernel.sources) | dict.fromkeys(changed, "r")
    return with_rules(kernel, changed)._replace(sources=read)


@cache
def alike() -> list[list[Kernel]]:
    """The kernels in groups of which each lets the same segments pass; the oldest first."""
    groups: dict[tuple[bool, ...], list[Kernel]] = {}
    for kernel in KERNELS:
        key = tuple(getattr(kernel, row.rule) for row in RULES if row.rule not in FATELESS)
        groups.setdefault(key, []).append(kernel)
    return list(groups.values())


def newest(kernels: Sequence[Kernel]) -> Kernel:
    """The newest of them, of those whose rules were measured if there is one."""
    measured = [one for one in kernels if "m" in one.sources.values()]
    return (measured or kernels)[-1]


def describe(kernel: Kernel) -> Iterator[str]:
    """What sets this kernel apart, a sentence a rule."""
    for row in RULES:
        holds = getattr(kernel, row.rule)
        words = row.holds if holds else row.fails
        yield words + (" (inferred, not measured)" if kernel.sources[row.rule] == "i" else "")
