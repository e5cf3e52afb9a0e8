"""Linux's TCP connection tracking: what the kernel makes of each segment of one connection.

`step` is the only code that changes an Entry on a segment's account. It reads the kernel's table,
then applies what the table cannot say, a small function each: reopened entry, ignored SYN,
challenge ACK, simultaneous open, RST, window, timers. The window is van Rooij's four
inequalities ("Real Stateful TCP Packet Filtering in IP Filter", SANE 2000) as Linux varies
them: a segment need only intersect its window, and the highest SACK edge stands for the ACK.

Facts from kernel documentation, commit messages and measurements (kernels.py names them); the
layout is ours. Left out: sequence offsets of NAT helpers, SYN proxy, eviction under pressure.
"""

from __future__ import annotations

from bypeer.core.entry import Entry, Rules, Side, Step
from bypeer.core.segment import NO_TIME, Segment
from bypeer.core.seq import add, before, distance
from bypeer.core.window import end_of, judge, read_options, stretch

# The compiled code needs these as C integers; test_conntrack holds them to their enums.
_ORIGINAL, _REPLY = range(2)
_NONE, _SYN_SENT, _SYN_RECV, _ESTABLISHED, _FIN_WAIT, _CLOSE_WAIT = range(6)  # CtState
_LAST_ACK, _TIME_WAIT, _CLOSE, _SYN_SENT2, _INVALID, _IGNORE = range(6, 12)
_SYN, _SYN_ACK, _FIN, _ACK, _RST, _NO_FLAGS, _BAD = range(7)  # Index
_NEW, _KNOWN, _RELATED, _REFUSED = range(4)  # Ctstate
_OK, _INVALID_RST, _INVALID_STATE, _IGNORED_STATE, _CHALLENGE_ACK = 0, 6, 7, 8, 9  # Reason
_BAD_FLAGS, _BAD_CHECKSUM, _TRUNCATED, _INVALID_NEW, _NOT_LOOSE = range(10, 15)
_SACK_PERM, _CLOSE_INIT, _BE_LIBERAL = 0x02, 0x04, 0x08  # Side.flags
_UNACKNOWLEDGED, _MAXACK_SET, _EXP_CHALLENGE_ACK, _SIMULTANEOUS_OPEN = 0x10, 0x20, 0x40, 0x80
_SUM_BAD = 2  # segment.BAD
_UNDATED = NO_TIME

# ns that a timer must still have to run for an out-of-window FIN or RST to lower it: 120 s.
_LOWERED_FROM = 120_000_000_000

# What is left to do for a segment, once a function has looked at it.
_CHECK, _ACCEPT, _STOP, _DONE = range(4)  # the middle two are window.PASSES, STOPS


def step(entry: Entry, direction: int, segment: Segment, rules: Rules, out: Step) -> None:
    """Let the entry see one segment, and say in `out` what the kernel makes of it.

    `direction` is the sender's, ORIGINAL or REPLY. On an entry in state NONE it does not matter:
    the segment makes the entry and its own direction the original one (see `out.direction`).
    Time only sets the deadline; whether the entry has `expired` before is the caller's to ask.
    """
    state = entry.state
    kind = rules.kinds[segment.flags & 0xFF]
    if state == _NONE:
        direction = _ORIGINAL
    out.reset(direction, kind, state)
    out.reason = _malformed(kind, segment, rules)
    if out.reason != _OK or (state == _NONE and not _begin(entry, kind, segment, rules, out)):
        return
    out.ctstate = _KNOWN if direction == _REPLY or entry.seen_reply else _NEW
    out.state_after = rules.cells[(direction * 6 + kind) * 10 + state]
    left = _CHECK
    if out.state_after != _ESTABLISHED:
        left = _exceptions(entry, direction, kind, segment, rules, out)
    if left == _CHECK:
        left = judge(entry, direction, kind, segment, rules, out)
        if out.ctstate == _REFUSED:
            _lower(entry, direction, kind, segment, rules, out)
    if left == _ACCEPT:
        _accept(entry, direction, kind, segment, rules, out)
    elif left == _STOP:
        out.state_after = state
        if direction == _REPLY and out.ctstate != _REFUSED:
            entry.seen_reply = True


def expired(entry: Entry, ts: int) -> bool:
    """Whether the kernel has forgotten the entry by `ts` (ns since the epoch); then `clear` it."""
    return entry.state != _NONE and entry.deadline != _UNDATED and ts != _UNDATED and ts >= entry.deadline


def resume(entry: Entry, rules: Rules, ts: int) -> None:
    """Begin an entry of which the kernel saw the handshake and the capture did not.

    Unlike the kernel's own pick-up, which stops judging such a flow, the bounds are estimated
    from what is seen. They are lower ones, so a failed bound proves nothing: UNKNOWN_BOUND.
    """
    entry.clear()
    entry.state = _ESTABLISHED
    entry.seen_reply = entry.assured = True
    for side in (entry.original, entry.reply):
        side.flags = _SACK_PERM
        side.estimated = True
    entry.gaps += 1
    _renew(entry, rules.timeouts[_ESTABLISHED], ts)


def adopt(entry: Entry, direction: int, segment: Segment, rules: Rules) -> None:
    """Take a segment that `step` refused but that was seen forwarded: the capture lacks segments.

    Moves state and bounds as little as makes it fit, and counts a gap: from then on the bounds are
    lower estimates (td_maxwin may have been larger, td_end further). Changes nothing where no lack
    explains it: a combination of flags that no kernel lets pass.
    """
    kind = rules.kinds[segment.flags & 0xFF]
    if kind == _BAD:
        return
    refused = entry.state == _NONE or rules.cells[(direction * 6 + kind) * 10 + entry.state] == _INVALID
    entry.gaps += 1
    if refused and kind == _SYN:
        entry.clear()
    elif refused:
        gaps = entry.gaps
        resume(entry, rules, segment.ts)
        entry.gaps = gaps
    else:
        stretch(entry, direction, segment)
    step(entry, direction, segment, rules, Step())


def _malformed(kind: int, segment: Segment, rules: Rules) -> int:
    """What is wrong with the segment itself, of which no connection is the judge."""
    if segment.size < 0:
        return _TRUNCATED
    if rules.checksum and segment.checksum == _SUM_BAD:
        return _BAD_CHECKSUM
    return _BAD_FLAGS if kind == _BAD else _OK


def _begin(entry: Entry, kind: int, segment: Segment, rules: Rules, out: Step) -> bool:
    """Make an entry of its first segment; whether that may be one."""
    cell = rules.cells[kind * 10]
    if cell == _INVALID or (cell != _SYN_SENT and not rules.loose):
        out.reason = _INVALID_NEW if cell == _INVALID else _NOT_LOOSE
        return False
    side = entry.original
    side.td_end = side.td_maxend = end_of(segment)
    side.td_maxwin = segment.win or 1
    if cell == _SYN_SENT:
        read_options(side, segment, rules)
    else:  # picked up in its middle: its windows' scale is unknown, so they are not held against it
        side.td_maxend = add(side.td_end, side.td_maxwin)
        side.flags = entry.reply.flags = _SACK_PERM | _BE_LIBERAL
    return True


def _exceptions(
    entry: Entry, direction: int, kind: int, segment: Segment, rules: Rules, out: Step
) -> int:  # fmt: skip
    """What the table's answer does not tell, unless it is ESTABLISHED."""
    cell = out.state_after
    if cell == _INVALID:
        out.ctstate, out.reason = _REFUSED, _INVALID_STATE
        return _STOP
    if cell == _IGNORE:
        return _ignored(entry, direction, kind, segment, rules, out)
    if cell == _SYN_SENT and entry.state >= _TIME_WAIT:
        return _reopened(entry, direction, kind, segment, rules, out)
    if cell == _CLOSE and kind == _RST:
        return _reset(entry, direction, segment, rules, out)
    if cell == _TIME_WAIT and entry.state == _LAST_ACK:
        return _last_ack(entry, direction, kind, out)
    _simultaneous(entry, direction, kind, out)
    return _CHECK


def _simultaneous(entry: Entry, direction: int, kind: int, out: Step) -> None:
    """Two SYNs crossed (RFC 9293, 3.5): then the reply side's ACK completes the handshake."""
    if out.state_after == _SYN_SENT2:
        entry.last_flags |= _SIMULTANEOUS_OPEN
    elif out.state_after == _SYN_RECV and kind == _ACK and entry.last_flags & _SIMULTANEOUS_OPEN:
        out.state_after = _ESTABLISHED


def _last_ack(entry: Entry, direction: int, kind: int, out: Step) -> int:
    """In LAST_ACK, an ACK may answer a SYN let through (RFC 5961, 4.2), not the last FIN."""
    answers = entry.last_index == _SYN and entry.last_dir != direction
    if kind != _ACK or not answers or not entry.last_flags & _EXP_CHALLENGE_ACK:
        return _CHECK
    entry.last_flags &= ~_EXP_CHALLENGE_ACK
    out.reason = _CHALLENGE_ACK
    return _STOP


def _reopened(
    entry: Entry, direction: int, kind: int, segment: Segment, rules: Rules, out: Step
) -> int:  # fmt: skip
    """A SYN on a closed connection: a new one, if the old was closed in order or by its sender."""
    state = entry.state
    in_order = (entry.original.flags | entry.reply.flags) & _CLOSE_INIT
    if not in_order and (entry.last_dir != direction or entry.last_index != _RST):
        return _ignored(entry, direction, kind, segment, rules, out)
    entry.clear()
    step(entry, _ORIGINAL, segment, rules, out)
    out.reopened = True
    out.state_before = state
    return _DONE


def _ignored(
    entry: Entry, direction: int, kind: int, segment: Segment, rules: Rules, out: Step
) -> int:  # fmt: skip
    """Let a SYN, SYN/ACK or ACK pass that may show the ends in step and the entry not; note it.

    The SYN/ACK to a SYN noted so puts the entry in step: its handshake is the true one.
    """
    answers = kind == _SYN_ACK and entry.last_index == _SYN and entry.last_dir != direction
    if answers and segment.ack == entry.last_end:
        _resync(entry, rules)
        out.state_after = _SYN_RECV
        return _CHECK
    entry.last_index, entry.last_dir = kind, direction
    entry.last_seq, entry.last_end, entry.last_win = segment.seq, end_of(segment), segment.win
    if kind == _SYN and direction == _ORIGINAL:
        side = Side()
        read_options(side, segment, rules)
        entry.last_flags, entry.last_wscale = side.flags, side.td_scale
        if entry.state == _LAST_ACK:
            entry.last_flags |= _EXP_CHALLENGE_ACK
    if rules.challenge_ack_noted and kind == _ACK and entry.state == _SYN_SENT:
        entry.last_ack = segment.ack
    out.reason = _IGNORED_STATE
    return _STOP


def _resync(entry: Entry, rules: Rules) -> None:
    """Take the noted SYN for the connection's own, and forget its answerer."""
    side, other = entry.side(entry.last_dir), entry.side(1 - entry.last_dir)
    side.td_end = side.td_maxend = entry.last_end
    side.td_maxwin = entry.last_win or 1
    side.td_scale = entry.last_wscale
    entry.last_flags &= ~_EXP_CHALLENGE_ACK
    side.flags = entry.last_flags
    other.forget(other.flags & _BE_LIBERAL if rules.resync_keeps_liberal else 0)


def _reset(entry: Entry, direction: int, segment: Segment, rules: Rules, out: Step) -> int:
    """A RST: believed, refused, or passed without closing (RFC 5961, 3.2: a challenge may follow)."""
    state = entry.state
    if rules.closing_rst_unchecked and _FIN_WAIT <= state <= _CLOSE:
        return _ACCEPT
    receiver = entry.side(1 - direction)
    outdated = rules.rst_after_syn_unchecked and entry.last_index == _SYN
    if receiver.flags & _MAXACK_SET and not outdated:
        established = state == _ESTABLISHED and entry.assured
        if rules.zero_rst_unchecked and segment.seq == 0 and not established:
            return _CHECK
        if before(segment.seq, receiver.td_maxack) and not rules.ignore_invalid_rst:
            out.ctstate, out.reason = _REFUSED, _INVALID_RST
            out.bound, out.beyond = receiver.td_maxack, distance(receiver.td_maxack, segment.seq)
            return _STOP
        follows = entry.last_index == _ACK and entry.last_dir == direction and segment.seq == entry.last_end
        if not established or segment.seq == receiver.td_maxack or follows:
            return _CHECK
        out.state_after = state
    return _ACCEPT if _answers_ignored(entry, direction, segment, rules) else _CHECK


def _answers_ignored(entry: Entry, direction: int, segment: Segment, rules: Rules) -> bool:
    """Whether a RST answers a SYN or ACK let through; then the window is no measure for it."""
    if segment.ack == entry.last_end:
        if entry.last_index == _SYN:
            if entry.seen_reply and (rules.own_syn_counts or entry.last_dir != direction):
                return True
        elif entry.last_index == _ACK and not entry.assured:
            return True
    challenged = rules.challenge_ack_noted and entry.state == _SYN_SENT and entry.last_index == _ACK
    return challenged and entry.last_dir == _REPLY and segment.seq == entry.last_ack


def _accept(entry: Entry, direction: int, kind: int, segment: Segment, rules: Rules, out: Step) -> None:
    """Change the state, then the timer, of an entry whose segment counts."""
    state, new = entry.state, out.state_after
    entry.last_index, entry.last_dir, entry.state = kind, direction, new
    if new == _FIN_WAIT and state != _FIN_WAIT:
        side = entry.side(direction)
        side.flags |= _CLOSE_INIT
    timeout = _timeout(entry, kind, rules)
    seen_reply = entry.seen_reply
    entry.seen_reply = seen_reply or direction == _REPLY
    if seen_reply:
        if new == _ESTABLISHED and state in (_ESTABLISHED, _SYN_RECV):
            entry.assured = True
    elif kind == _RST:  # nothing but a RST came back
        entry.clear()
        out.unreplied = True
        return
    elif kind == _SYN and state == _SYN_SENT:  # a repeated SYN does not keep the entry alive
        return
    elif new == _ESTABLISHED and timeout > rules.unack:
        timeout = rules.unack
    _renew(entry, timeout, segment.ts)


def _renew(entry: Entry, timeout: int, ts: int) -> None:
    entry.timeout = timeout
    entry.deadline = ts + timeout if ts != _UNDATED else _UNDATED


def _timeout(entry: Entry, kind: int, rules: Rules) -> int:
    """How long the entry may now stay idle, ns (conntrack.md, 6: the order of choice)."""
    timeout: int = rules.timeouts[entry.state]
    if entry.retrans >= rules.max_retrans and timeout > rules.retrans:
        return rules.retrans
    if kind == _RST and not rules.inexact_rst_unack:
        return rules.close
    open_ended = (entry.original.flags | entry.reply.flags) & _UNACKNOWLEDGED != 0
    if kind == _RST and entry.state != _CLOSE:
        open_ended = True  # the other end may challenge it, and the connection live on
    if open_ended and timeout > rules.unack:
        return rules.unack
    return rules.retrans if entry.last_win == 0 and timeout > rules.retrans else timeout


def _lower(entry: Entry, direction: int, kind: int, segment: Segment, rules: Rules, out: Step) -> None:
    """A FIN or RST out of window, after one from the other side: both ends may be gone."""
    if not rules.lowers_timer or not entry.assured or (kind != _RST and kind != _FIN):
        return
    if entry.last_dir == direction or (entry.last_index != _FIN and entry.last_index != _RST):
        entry.last_index, entry.last_dir = kind, direction
        return
    dated = segment.ts != _UNDATED and entry.deadline != _UNDATED
    left = entry.deadline - segment.ts if dated else entry.timeout
    if left >= _LOWERED_FROM and left > rules.unack:
        _renew(entry, rules.unack, segment.ts)
        out.lowered = True
