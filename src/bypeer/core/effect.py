"""Whether a RST killed: by RFC 5961, and by what its target did afterwards.

An endpoint that follows RFC 5961, 3.2 dies only of a RST whose SEG.SEQ is exactly its RCV.NXT;
in the window it answers with a challenge ACK, beyond it does nothing. Linux also takes the
right edge of the highest octets it holds beyond a hole. What the target sends later settles it:
whoever acknowledges, or echoes the timestamp of, what was sent after the RST, has survived it;
unless it is found dead soon after, for a RST may be overtaken on its way (measured: by 7 ms,
inside the receiving host) and is as exact as before while nothing new reaches the target.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from bypeer.core import tcp
from bypeer.core.explanation import Effect
from bypeer.core.resets import ENDPOINTS, Reset
from bypeer.core.segment import ABSENT
from bypeer.core.study import NOWHERE, Sighting, Study
from bypeer.core.sweeps import earlier, highest_end

_NOWHERE, _ACK, _SYN = NOWHERE, tcp.ACK_, tcp.SYN  # copies that are C integers when compiled
_START = attrgetter("start")

CLOSED = "the connection had been closed already"


def judge(study: Study, resets: Sequence[Reset]) -> None:
    """Say of each RST whether it was lethal; the first that kills an endpoint is the one."""
    dead: dict[int, Reset] = {}
    for reset in resets:
        target = reset.target(study)
        if target in dead:
            _say(reset, "harmless", f"the {ENDPOINTS[target]} endpoint was dead already", sure=True)
            continue
        _judge(study, reset, target)
        if reset.effect == "lethal":
            dead[target] = reset
        if reset.author in ENDPOINTS and not _strays(reset):
            # Who resets has no connection any more, by its own will or because it never had one.
            dead.setdefault(ENDPOINTS.index(reset.author), reset)


def _strays(reset: Reset) -> bool:
    """Whether it, or what it answers, bears a tuple that the connection does not have there."""
    return any(one.stray for one in reset.seen) or (reset.trigger is not None and reset.trigger.stray)


def _say(reset: Reset, effect: Effect, because: str, sure: bool) -> None:
    reset.effect, reset.effect_because, reset.effect_sure = effect, because, sure


def _judge(study: Study, reset: Reset, target: int) -> None:
    rst, who = reset.sighting, ENDPOINTS[target]
    if any(one.stray and one.side == target for one in reset.seen) and reset.author == ENDPOINTS[1 - target]:
        _say(
            reset, "harmless", f"it left untranslated: the {who} endpoint knows no such connection", sure=True
        )
    elif study.both and rst.side != target and rst.twin is None and rst.sure:
        _kept(study, reset, target)
    elif _handshaking(study, reset):
        _refusal(reset, study)
    elif study.closed(_when(study, reset)):
        _say(reset, "harmless", CLOSED, sure=True)
    elif _closing(study, _when(study, reset)):
        _say(reset, "unknown", "both ends had closed, and what acknowledged that may be missing", sure=False)
    else:
        _exactness(study, reset, target)


def _kept(study: Study, reset: Reset, target: int) -> None:
    """Harmless if it was not forwarded; unless its target is found dead, or the capture lacks packets."""
    lost, (sent, own), who = study.sides[target], _toward(study, reset), ENDPOINTS[target]
    if _died(sent, own, reset.ts, reset.sighting.start):
        because = f"the {who} endpoint was gone afterwards, but the capture there does not show the RST"
        _say(reset, "unknown", because, sure=False)
        return
    sure = lost is not None and not lost.lossy
    _say(reset, "harmless" if sure else "unknown", f"the host did not forward it to the {who} endpoint", sure)


def _closing(study: Study, ts: int) -> bool:
    """Whether both ends had sent a FIN by then, once, and each capture may lack the last acknowledgement."""
    if not all(side is None or side.lossy for side in study.sides):
        return False
    closed = [one for one in study.sightings if one.ts < ts and one.segment.flags & tcp.FIN and not one.stray]
    once = {(one.direction, one.side) for one in closed}
    return len({way for way, _ in once}) == 2 and len(once) == len(closed)


def _toward(study: Study, reset: Reset) -> tuple[Sequence[Sighting], Sequence[Sighting]]:
    """What was sent to the target, and by it, at the side next to it (else at one that was captured)."""
    target = reset.target(study)
    side, way = target if study.sides[target] is not None else 1 - target, reset.sighting.direction
    sent = study.at(side, way)
    if study.both and not sent:
        side, sent = 1 - side, study.at(1 - side, way)  # one direction alone was captured there
    if study.join.strays:
        sent = [one for one in sent if not one.stray]
    return sent, study.at(side, 1 - way)


def _when(study: Study, reset: Reset) -> int:
    """When it passed at the side next to the target."""
    target = reset.target(study)
    return next((one.ts for one in reset.seen if one.side == target), reset.ts)


# Before the connection stood, after it ended


def _handshaking(study: Study, reset: Reset) -> bool:
    """Whether the target had sent its SYN and received no SYN/ACK yet."""
    sent, own = _toward(study, reset)
    ts = _when(study, reset)
    if any(one.ts < ts and not one.is_rst for one in sent):
        return False
    return any(one.segment.flags & tcp.OPENING == tcp.SYN and one.ts <= ts for one in own)


def _refusal(reset: Reset, study: Study) -> None:
    """RFC 9293, 3.10.7.3: in SYN-SENT a RST counts if it acknowledges the SYN."""
    rst = reset.sighting
    _, own = _toward(study, reset)
    syn = [one for one in own if one.segment.flags & tcp.SYN and one.ts <= _when(study, reset)]
    if rst.segment.flags & tcp.ACK_ and any(one.end == rst.ack for one in syn):
        _say(reset, "lethal", "it acknowledges the SYN: connection refused", sure=True)
        reset.refuses = True
    else:
        _say(reset, "harmless", "it does not acknowledge the SYN", sure=True)


# In mid-connection


def _exactness(study: Study, reset: Reset, target: int) -> None:
    sent, own = _toward(study, reset)
    ts, who, at = _when(study, reset), ENDPOINTS[target], reset.sighting.start
    before = earlier(sent, ts + 1)
    acked = _acked(before, own, ts)
    top = highest_end(before, acked)
    nxt = _contiguous(before, acked)
    exact = {nxt, top}
    if any(one.segment.flags & tcp.FIN and one.end == nxt for one in before):
        exact.add(nxt - 1)  # after the other's FIN Linux takes the number of the FIN itself, too
    edge = _permitted(before, _scale(study, reset.sighting.direction))
    survived, died = _survived(before, max(top, acked), edge, sent, own, ts), _died(sent, own, ts, at)
    captured = study.sides[target]
    known = captured is not None and captured.complete(ts) and not captured.lossy and acked != NOWHERE
    if acked != NOWHERE and at in exact and (died or not survived):
        _say(
            reset,
            "lethal",
            f"SEG.SEQ is exactly what the {who} endpoint expected next (RFC 5961)",
            known or died,
        )
    elif survived:
        _say(reset, "harmless", f"the {who} endpoint {survived} afterwards", sure=True)
    elif died and (not known or at > acked):
        _say(
            reset,
            "unknown",
            f"the {who} endpoint was gone afterwards, but SEG.SEQ is not what it expected",
            sure=False,
        )
    elif not known and at > acked:
        _say(reset, "unknown", f"what the {who} endpoint expected next was not captured", sure=False)
    else:
        off = at - nxt
        where = f"{abs(off)} octets {'beyond' if off > 0 else 'below'}"
        _say(reset, "harmless", f"SEG.SEQ is {where} what the {who} endpoint expected next (RFC 5961)", known)


def _acked(before: Sequence[Sighting], own: Iterable[Sighting], ts: int) -> int:
    """The highest octet that the target acknowledged by then, of what it can have received.

    A forged or misdirected acknowledgement of unseen data does not count.
    """
    top = acked = _NOWHERE
    for one in before:
        if one.end > top:
            top = one.end
    for one in own:
        if one.ack > acked and one.ts <= ts and not one.is_rst and (one.ack <= top or one.twin is not None):
            acked = one.ack
    return acked


def _contiguous(before: Iterable[Sighting], acked: int) -> int:
    """RCV.NXT: what the target acknowledged, and what reached it since without a hole."""
    nxt, beyond = acked, []
    for one in before:
        if one.end > acked:
            beyond.append(one)
    for one in sorted(beyond, key=_START):
        if one.start > nxt:
            break
        nxt = max(nxt, one.end)
    return nxt


def _survived(
    before: Sequence[Sighting],
    reach: int,
    edge: int,
    sent: Sequence[Sighting],
    own: Iterable[Sighting],
    ts: int,
) -> str:
    """What the target did that only a living one can, or "".

    `before`: what it had been sent by then, up to octet `reach`; `edge`: how far it might send.
    """
    newest = _newest(before)
    for one in own:
        if one.ts <= ts or one.is_rst or one.stray:
            continue
        if one.ack != _NOWHERE and one.ack > reach and _sent_since(sent, ts, one.ack):
            return "acknowledged what was sent"
        segment = one.segment
        if segment.timestamps and newest >= 0 and segment.tsecr > newest and segment.flags & _ACK:
            return "echoed a later timestamp"
        if edge != _NOWHERE and one.start <= edge < one.end:  # a stray burst beyond does not count
            return "sent more than it was allowed before"
    return ""


def _sent_since(sent: Iterable[Sighting], ts: int, octet: int) -> bool:
    for one in sent:  # noqa: SIM110 -- compiled, a loop is quicker than a generator
        if one.ts > ts and one.end >= octet:
            return True
    return False


def _newest(before: Iterable[Sighting]) -> int:
    """The newest timestamp among them, -1 without any."""
    newest = -1
    for one in before:
        if one.segment.timestamps:
            newest = max(newest, one.segment.tsval)
    return newest


def _permitted(before: Iterable[Sighting], scale: int) -> int:
    """The highest octet that the target may send, by the windows offered to it so far."""
    edge = _NOWHERE
    for one in before:
        if one.ack != _NOWHERE:
            win = one.segment.win
            edge = max(edge, one.ack + (win if one.segment.flags & _SYN else win << scale))
    return edge


def _scale(study: Study, direction: int) -> int:
    """The shift of the windows that this direction's sender offers; the widest where unknown."""
    for place in study.join.places:
        there, back = place.half(direction), place.half(1 - direction)
        if there.isn >= 0 and back.isn >= 0:
            both = there.wscale != ABSENT and back.wscale != ABSENT
            return min(there.wscale, tcp.WSCALE_MAX) if both else 0
    return tcp.WSCALE_MAX


def _died(sent: Iterable[Sighting], own: Iterable[Sighting], ts: int, at: int) -> bool:
    """Whether the target, having acknowledged nothing beyond `at`, answers as a stranger."""
    acks: set[int] | None = None
    for one in own:
        if one.ts <= ts:
            continue
        if one.is_rst and not one.segment.flags & _ACK:
            if acks is None:
                acks = {other.segment.ack for other in sent if other.ts >= ts and other.segment.flags & _ACK}
            if one.segment.seq in acks:
                return True
        if not one.is_rst and one.ack != _NOWHERE and one.ack > at:
            return False
    return False
