"""The tracker's window: whether a segment fits what both directions showed so far.

Four inequalities for a segment of SEG.SEQ s, its end e, and a, the highest of SEG.ACK and the SACK
edges; `sender` and `receiver` are the two Sides, seen from the segment:

      I  s <= sender.td_maxend                        II  e >= sender.td_end - receiver.td_maxwin
    III  a <= receiver.td_end                         IV  a >= receiver.td_end - max(66000, sender.td_maxwin)

Source: G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (SANE 2000), as Linux
varies it (conntrack.md, 1 and 2); measured at each bound on 6.18.44. Comparisons are the
kernel's to the last number: `before` of a bound's neighbour, not a signed distance of zero.
"""

from __future__ import annotations

from bypeer.core.entry import Entry, Rules, Side, Step
from bypeer.core.segment import Segment
from bypeer.core.seq import add, before

# The compiled code needs these as C integers; test_window holds them to their enums.
_REPLY = 1
_SYN_SENT, _SYN_RECV = 1, 2  # CtState
_ACK = 3  # Index
_REFUSED = 3  # Ctstate
_OK, _SEQ_OVER, _SEQ_UNDER, _ACK_OVER, _ACK_UNDER, _OVERSHOOT = range(6)  # Reason
_UNKNOWN_BOUND = 15
_WINDOW_SCALE, _SACK_PERM, _BE_LIBERAL, _UNACKNOWLEDGED, _MAXACK_SET = 0x01, 0x02, 0x08, 0x10, 0x20
_F_SYN, _F_RST, _F_ACK = 0x02, 0x04, 0x10  # tcp.SYN ...
_NO_OPTION, _WSCALE_MAX = -1, 14  # segment.ABSENT, tcp.WSCALE_MAX

# Octets by which an acknowledgement may lag behind, where no window was wider (MAXACKWINDOW).
_ACK_LAG = 66_000
_MASK = 0xFFFF_FFFF  # of sequence numbers, where a call of seq.add would cost too much

# What the tracker is to do with a segment.
PASSES, STOPS = 1, 2
_PASSES, _STOPS = 1, 2


def end_of(segment: Segment) -> int:
    """The sequence number after the segment's last (SYN and FIN count)."""
    return (segment.seq + segment.size + (segment.flags & 1) + (segment.flags >> 1 & 1)) & _MASK


def read_options(side: Side, segment: Segment, rules: Rules) -> None:
    """The options of a SYN. One without any leaves what an earlier one said."""
    scaled = segment.wscale != _NO_OPTION
    others = segment.sack_permitted or segment.mss != _NO_OPTION or segment.timestamps
    if not scaled and not others and not segment.sack_count:
        return
    side.flags &= _BE_LIBERAL if rules.resync_keeps_liberal else 0
    side.td_scale = min(segment.wscale, _WSCALE_MAX) if scaled else 0
    side.flags |= (_WINDOW_SCALE if scaled else 0) | (_SACK_PERM if segment.sack_permitted else 0)


def judge(entry: Entry, direction: int, kind: int, segment: Segment, rules: Rules, out: Step) -> int:
    """Hold a segment against the window and, if it fits, move the bounds: PASSES or STOPS."""
    sender, receiver = entry.original, entry.reply
    if direction == _REPLY:
        sender, receiver = receiver, sender
    seq, end, flags = segment.seq, end_of(segment), segment.flags
    ack = segment.ack
    sack = segment.sack if receiver.flags & _SACK_PERM else ack
    if _begins(entry, sender, receiver, direction, end, sack, segment, rules) and not flags & _F_ACK:
        return _PASSES  # the second SYN of a simultaneous open
    if not flags & _F_ACK or (ack == 0 and flags & _F_RST):
        ack = sack = receiver.td_end  # nothing acknowledged: as if all were
    if flags & _F_RST and seq == 0 and entry.state == _SYN_SENT:
        seq = end = sender.td_end  # RFC 9293, 3.10.7.1: the answer to a SYN without ACK
    reason = _failed(sender, receiver, seq, end, sack, rules, out)
    if reason != _OK:
        if not sender.estimated and not receiver.estimated:
            return _conclude(sender, reason, seq, end, sack, rules, out)
        out.reason = _UNKNOWN_BOUND
        _stretch(sender, receiver, seq, end, sack)
    elif receiver.estimated and before(end, sender.td_end):
        out.reason = _UNKNOWN_BOUND  # late: too late or not, tells a window that was not captured
    _advance(sender, receiver, seq, end, ack, sack, segment)
    if kind == _ACK:
        _count_repeat(entry, direction, seq, ack, end, segment.win)
    return _PASSES


def stretch(entry: Entry, direction: int, segment: Segment) -> None:
    """Move the bounds as little as makes the segment fit."""
    sender, receiver = entry.side(direction), entry.side(1 - direction)
    sack = segment.sack if receiver.flags & _SACK_PERM else segment.ack
    if not segment.flags & _F_ACK:
        sack = receiver.td_end
    _stretch(sender, receiver, segment.seq, end_of(segment), sack)


def _begins(
    entry: Entry, sender: Side, receiver: Side, direction: int, end: int, sack: int,
    segment: Segment, rules: Rules,
) -> bool:  # fmt: skip
    """Start the sender's bounds, if this is its first segment or a newer handshake.

    Whether it is a SYN that begins its direction.
    """
    syn = segment.flags & _F_SYN != 0
    if not sender.td_maxwin:
        if syn:
            _open(sender, receiver, direction, end, True, segment, rules)
        else:
            _pick_up(sender, receiver, end, sack, segment.win)
        return syn
    if not before(sender.td_end, end):
        return False
    if rules.reinit_needs_syn:
        if syn and (entry.state == _SYN_SENT or entry.state == _SYN_RECV):
            _open(sender, receiver, direction, end, direction == _REPLY, segment, rules)
            return direction == _REPLY
    elif entry.state == (_SYN_RECV if direction == _REPLY else _SYN_SENT):
        _open(sender, receiver, direction, end, False, segment, rules)
    return False


def _open(
    sender: Side, receiver: Side, direction: int, end: int, settles: bool, segment: Segment, rules: Rules
) -> None:  # fmt: skip
    """Start the sender's bounds with a SYN. If that `settles` it, both must offer scaling or none has it."""
    sender.td_end = sender.td_maxend = end
    sender.td_maxwin = segment.win or 1
    read_options(sender, segment, rules)
    if settles and not sender.flags & receiver.flags & _WINDOW_SCALE:
        sender.td_scale = receiver.td_scale = 0


def _pick_up(sender: Side, receiver: Side, end: int, sack: int, win: int) -> None:
    """Start the sender's bounds in the middle of its stream."""
    wnd = win << sender.td_scale
    sender.td_end = end
    sender.td_maxwin = wnd or 1
    sender.td_maxend = add(end, sender.td_maxwin)
    if not receiver.td_maxwin:
        receiver.td_end = receiver.td_maxend = sack
    elif sack == add(receiver.td_end, 1):
        receiver.td_end = sack  # the answer to a keep-alive


def _failed(
    sender: Side, receiver: Side, seq: int, end: int, sack: int, rules: Rules, out: Step
) -> int:  # fmt: skip
    """Which inequality the segment fails, a Reason; `out` has the bounds."""
    seen, width, lag = receiver.td_end, receiver.td_maxwin, sender.td_maxwin
    newest = sender.td_end
    out.seq_over = (sender.td_maxend + 1) & _MASK
    out.seq_under = (newest - width - 1) & _MASK
    out.ack_over = (seen + 1) & _MASK
    out.ack_under = (seen - (lag if lag > _ACK_LAG else _ACK_LAG) - 1) & _MASK
    late = width != 0 and not before(out.seq_under, end)
    believed = before(sack, out.ack_over)
    if not before(seq, out.seq_over):
        slight = width != 0 and add(end, 2 - out.seq_over) <= width
        if rules.overshoot_counts and slight and not late and believed and before(out.ack_under, sack):
            return _OVERSHOOT
        return _SEQ_OVER
    if not believed and not (late and rules.judged_together):
        return _ACK_OVER
    if late:
        return _SEQ_UNDER
    return _OK if before(out.ack_under, sack) else _ACK_UNDER


def _conclude(
    sender: Side, reason: int, seq: int, end: int, sack: int, rules: Rules, out: Step
) -> int:  # fmt: skip
    """What follows from a failed inequality."""
    liberal = rules.liberal or sender.flags & _BE_LIBERAL != 0
    if reason == _OVERSHOOT and (rules.liberal_overshoot_counts or not liberal):
        sender.td_end = end
        sender.flags |= _UNACKNOWLEDGED
    if liberal:
        return _PASSES
    out.reason = reason
    passes = not rules.late_is_invalid
    if reason == _OVERSHOOT:
        out.bound, out.beyond = out.seq_over, add(end, 2 - out.seq_over)  # as the kernel counts it
        passes = rules.overshoot_passes
    elif reason == _SEQ_OVER:
        out.bound, out.beyond = out.seq_over, add(seq, 1 - out.seq_over)
        passes = False
    elif reason == _ACK_OVER:
        out.bound, out.beyond = out.ack_over, add(sack, 1 - out.ack_over)
        passes = False
    elif reason == _SEQ_UNDER:
        out.bound, out.beyond = out.seq_under, add(out.seq_under, 1 - end)
    else:
        out.bound, out.beyond = out.ack_under, add(out.ack_under, 1 - sack)
    if not passes:
        out.ctstate = _REFUSED
    return _STOPS


def _advance(
    sender: Side, receiver: Side, seq: int, end: int, ack: int, sack: int, segment: Segment
) -> None:  # fmt: skip
    """Move the bounds of both directions by a segment that fits."""
    wnd = segment.win if segment.flags & _F_SYN else segment.win << sender.td_scale
    widest = (wnd + sack - ack) & _MASK
    if sender.td_maxwin < widest:
        sender.td_maxwin = widest
    if before(sender.td_end, end):
        sender.td_end = end
        sender.flags |= _UNACKNOWLEDGED
    if segment.flags & _F_ACK and (not sender.flags & _MAXACK_SET or before(sender.td_maxack, ack)):
        sender.td_maxack = ack
        sender.flags |= _MAXACK_SET
    if receiver.td_maxwin and before(sender.td_maxend, end):
        receiver.td_maxwin = add(receiver.td_maxwin, end - sender.td_maxend)
    permitted = (sack + wnd) & _MASK
    if before((receiver.td_maxend - 1) & _MASK, permitted):
        receiver.td_maxend = permitted if wnd else add(permitted, 1)
    if ack == receiver.td_end:
        receiver.flags &= ~_UNACKNOWLEDGED


def _stretch(sender: Side, receiver: Side, seq: int, end: int, sack: int) -> None:
    """Move each bound that the segment fails to where it fits."""
    width, seen, lag = receiver.td_maxwin, receiver.td_end, sender.td_maxwin
    newest = sender.td_end
    if before(sender.td_maxend, seq):
        sender.td_maxend = end
    if width and before(end, add(newest, -width)):
        receiver.td_maxwin = add(newest, -end)
    if before(seen, sack):
        receiver.td_end = sack
    elif before(sack, add(seen, -(lag if lag > _ACK_LAG else _ACK_LAG))):
        sender.td_maxwin = add(seen, -sack)


def _count_repeat(entry: Entry, direction: int, seq: int, ack: int, end: int, win: int) -> None:
    """Count the repeats of one acknowledgement: they shorten the timer (conntrack.md, 6)."""
    same = entry.last_dir == direction and entry.last_seq == seq and entry.last_ack == ack
    if same and entry.last_end == end and entry.last_win == win:
        entry.retrans = (entry.retrans + 1) & 0xFF
    else:
        entry.last_dir, entry.last_seq, entry.last_ack = direction, seq, ack
        entry.last_end, entry.last_win, entry.retrans = end, win, 0
