"""What the tracker remembers of a connection, what it says of a segment, and the rules it applies.

Records only; `conntrack.step` is what fills and changes them. On the hot path one Step is filled
again and again. Names td_* and the flags' numbers are the kernel's (section 4 of ARCHITECTURE.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from bypeer.core.kernels import (
    LOG_PREFIX,
    ORIGINAL_TABLE,
    REPLY_TABLE,
    RETRANS,
    UNACK,
    CtState,
    Ctstate,
    Index,
    Kernel,
    Reason,
    Sysctls,
    index_of,
)
from bypeer.core.segment import NO_TIME
from bypeer.core.seq import after

ORIGINAL, REPLY = 0, 1  # directions: from, to the sender of the entry's first segment
NO_BOUND = -1  # of a Step: this bound was not looked at

# Side.flags: what a direction's segments told (the kernel's IP_CT_TCP_FLAG_*).
WINDOW_SCALE, SACK_PERM, CLOSE_INIT, BE_LIBERAL = 0x01, 0x02, 0x04, 0x08
DATA_UNACKNOWLEDGED, MAXACK_SET = 0x10, 0x20
# Entry.last_flags has these too.
EXP_CHALLENGE_ACK, SIMULTANEOUS_OPEN = 0x40, 0x80

SECOND = 1_000_000_000  # ns
# Copies that are C integers when compiled.
_NONE, _NO_FLAGS, _REFUSED, _OK = int(CtState.NONE), int(Index.NONE), int(Ctstate.INVALID), int(Reason.OK)
_NO_BOUND, _UNDATED = NO_BOUND, NO_TIME
# Rules of a kernel that are about its log and its sysctls.
_NOT_FOR_STEP = {
    "numbered_log", "logs_ignored_index", "logs_invalid_new", "logs_unack", "has_ignore_invalid_rst",
}  # fmt: skip


def _cells(*tables: Mapping[CtState, tuple[CtState, ...]]) -> bytes:
    """Tables as Rules.cells."""
    states, indices = list(CtState)[: CtState.INVALID], range(Index.BAD)
    return bytes(table[state][index] for table in tables for index in indices for state in states)


# What all kernels have in common that there are.
_TABLES = ORIGINAL_TABLE, REPLY_TABLE
_CELLS, _KINDS = _cells(*_TABLES), bytes(index_of(flags) for flags in range(256))


class Rules:
    """A kernel and its settings, laid out for `step`: made once, used for many segments."""

    kernel: Kernel
    sysctls: Sysctls
    cells: bytes  # both tables: by direction, then Index, then state
    kinds: bytes  # the Index of each octet of flags
    timeouts: list[int]  # ns, as Sysctls.timeouts; the last two and CLOSE once more:
    retrans: int
    unack: int
    close: int
    liberal: bool
    loose: bool
    checksum: bool
    max_retrans: int
    ignore_invalid_rst: bool
    # kernels.RULES says what these mean.
    late_is_invalid: bool
    overshoot_counts: bool
    overshoot_passes: bool
    liberal_overshoot_counts: bool
    judged_together: bool
    closing_rst_unchecked: bool
    rst_after_syn_unchecked: bool
    own_syn_counts: bool
    zero_rst_unchecked: bool
    challenge_ack_noted: bool
    reinit_needs_syn: bool
    resync_keeps_liberal: bool
    inexact_rst_unack: bool
    lowers_timer: bool

    def __init__(self, kernel: Kernel, sysctls: Sysctls | None = None) -> None:
        sysctls = sysctls or Sysctls()
        self.kernel, self.sysctls = kernel, sysctls
        tables = kernel.original, kernel.reply
        self.cells, self.kinds = _CELLS if tables == _TABLES else _cells(*tables), _KINDS
        self.timeouts = [seconds * SECOND for seconds in sysctls.timeouts]
        self.retrans, self.unack = self.timeouts[RETRANS], self.timeouts[UNACK]
        self.close = self.timeouts[CtState.CLOSE]
        self.liberal, self.loose = sysctls.tcp_be_liberal, sysctls.tcp_loose
        self.checksum, self.max_retrans = sysctls.checksum, sysctls.tcp_max_retrans
        self.ignore_invalid_rst = kernel.has_ignore_invalid_rst and sysctls.tcp_ignore_invalid_rst
        for rule in kernel.sources:
            if rule not in _NOT_FOR_STEP:
                setattr(self, rule, getattr(kernel, rule))


class Side:
    """What one direction of a connection has shown of its sender."""

    __slots__ = ("estimated", "flags", "td_end", "td_maxack", "td_maxend", "td_maxwin", "td_scale")

    td_end: int  # sequence number after the highest octet sent
    td_maxend: int  # highest one that the other side permits
    td_maxwin: int  # widest window it offered, octets; 0: nothing seen from it yet
    td_maxack: int  # highest acknowledgement it sent, if flags & MAXACK_SET
    td_scale: int  # shift of its windows (RFC 7323), 0 to 14
    flags: int
    estimated: bool  # the capture began too late to know its bounds: they are only lower ones

    def __init__(self) -> None:
        self.forget(0)
        self.estimated = False

    def take(self, other: Side) -> None:
        """Be as the other."""
        self.td_end, self.td_maxend, self.td_maxwin = other.td_end, other.td_maxend, other.td_maxwin
        self.td_maxack, self.td_scale = other.td_maxack, other.td_scale
        self.flags, self.estimated = other.flags, other.estimated

    def widen(self, other: Side) -> None:
        """Move each bound to the other's, where that is further on."""
        if after(other.td_end, self.td_end):
            self.td_end = other.td_end
        if after(other.td_maxend, self.td_maxend):
            self.td_maxend = other.td_maxend
        if other.flags & MAXACK_SET and (
            not self.flags & MAXACK_SET or after(other.td_maxack, self.td_maxack)
        ):
            self.td_maxack = other.td_maxack
        self.td_maxwin = max(self.td_maxwin, other.td_maxwin)
        self.flags |= other.flags & ~DATA_UNACKNOWLEDGED
        self.estimated = self.estimated or other.estimated

    def forget(self, kept: int) -> None:
        """As new, but for those of its flags."""
        self.td_end = self.td_maxend = self.td_maxwin = self.td_maxack = self.td_scale = 0
        self.flags = kept


class Entry:
    """A tracked connection. A new one is in state NONE: its first segment makes it."""

    __slots__ = (
        "assured", "deadline", "gaps", "last_ack", "last_dir", "last_end", "last_flags", "last_index",
        "last_seq", "last_win", "last_wscale", "original", "reply", "retrans", "seen_reply", "state",
        "timeout",
    )  # fmt: skip

    state: int  # CtState
    original: Side
    reply: Side
    seen_reply: bool  # a segment came back (IPS_SEEN_REPLY)
    assured: bool  # the handshake was completed (IPS_ASSURED)
    # Of the last segment that counted, or the last ignored one:
    last_index: int  # Index
    last_dir: int
    last_seq: int
    last_ack: int
    last_end: int
    last_win: int  # unscaled
    last_wscale: int
    last_flags: int
    retrans: int  # times the last acknowledgement was repeated, modulo 256
    timeout: int  # ns that the last renewal gave it
    deadline: int  # ns since the epoch when it expires, or NO_TIME
    gaps: int  # times the capture was found to lack segments: then the bounds are lower estimates

    def __init__(self) -> None:
        self.original, self.reply = Side(), Side()
        self.gaps = 0
        self.clear()

    def clear(self) -> None:
        """Back to NONE, as when the kernel deletes the entry."""
        self.state = _NONE
        self.original.forget(0)
        self.reply.forget(0)
        self.original.estimated = self.reply.estimated = False
        self.seen_reply = self.assured = False
        self.last_index = _NO_FLAGS
        self.last_dir = self.last_seq = self.last_ack = self.last_end = 0
        self.last_win = self.last_wscale = self.last_flags = self.retrans = 0
        self.timeout, self.deadline = 0, _UNDATED

    def copy(self) -> Entry:
        """The same in a record of its own."""
        other = Entry()
        other.original.take(self.original)
        other.reply.take(self.reply)
        other.state, other.seen_reply, other.assured = self.state, self.seen_reply, self.assured
        other.last_index, other.last_dir, other.last_seq = self.last_index, self.last_dir, self.last_seq
        other.last_ack, other.last_end, other.last_win = self.last_ack, self.last_end, self.last_win
        other.last_wscale, other.last_flags, other.retrans = self.last_wscale, self.last_flags, self.retrans
        other.timeout, other.deadline, other.gaps = self.timeout, self.deadline, self.gaps
        return other

    def side(self, direction: int) -> Side:
        """What the sender of that direction has shown."""
        return self.reply if direction else self.original


class Step:
    """What the tracker made of one segment."""

    __slots__ = (
        "ack_over", "ack_under", "beyond", "bound", "ctstate", "direction", "index", "lowered", "reason",
        "reopened", "seq_over", "seq_under", "state_after", "state_before", "unreplied",
    )  # fmt: skip

    ctstate: int  # Ctstate
    direction: int  # ORIGINAL or REPLY; a segment that makes an entry is always ORIGINAL
    index: int  # Index
    state_before: int  # CtState
    state_after: int  # CtState; NONE only where there is no entry
    reason: int  # Reason
    bound: int  # sequence number that the segment failed, as the log has it, or NO_BOUND
    beyond: int  # octets by which it failed; of an OVERSHOOT as the log has them
    # The four bounds that it was held against, each the first number that fails, or NO_BOUND.
    seq_over: int  # SEG.SEQ must be before this
    seq_under: int  # its end must be after this
    ack_over: int  # SEG.ACK, or the highest SACK edge, must be before this
    ack_under: int  # and after this
    lowered: bool  # the entry's timer was lowered on account of this refused segment
    reopened: bool  # the entry was deleted and made anew by this segment
    unreplied: bool  # the entry is gone: a RST and no reply before it

    def __init__(self) -> None:
        self.reset(ORIGINAL, _NO_FLAGS, _NONE)

    def reset(self, direction: int, index: int, state: int) -> None:
        """As for a segment that is not judged yet."""
        self.ctstate, self.reason = _REFUSED, _OK
        self.direction, self.index = direction, index
        self.state_before = self.state_after = state
        self.bound = self.seq_over = self.seq_under = self.ack_over = self.ack_under = _NO_BOUND
        self.beyond = 0
        self.lowered = self.reopened = self.unreplied = False

    @property
    def ignored(self) -> bool:
        """Whether it passed without counting: neither state nor timer changed."""
        return self.ctstate != Ctstate.INVALID and self.reason not in (Reason.OK, Reason.UNKNOWN_BOUND)


def log_line(step: Step, kernel: Kernel) -> str | None:
    """What this kernel logs with nf_conntrack_log_invalid=6, up to ` IN=`; None if nothing."""
    text = kernel.texts.get(Reason(step.reason))
    if text is None:
        return None
    state = CtState(step.state_before).name
    return LOG_PREFIX + text.format(
        bound=step.bound, octets=step.beyond, index=step.index, direction=step.direction, state=state
    )
