"""What each endpoint's socket saw of a connection's end, and who fell silent.

An endpoint learns of a death only by a RST that reaches it. One that waits for data and is
never told hangs: "connection reset" and "connection timed out" are then the same incident.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.core.effect import CLOSED
from bypeer.core.explanation import EndpointOutcome
from bypeer.core.resets import ENDPOINTS, Reset
from bypeer.core.study import FOREVER, INSIDE, NOWHERE, OUTSIDE, Sighting, Study
from bypeer.core.sweeps import earlier, fin, highest_ack, highest_end

# Copies that are C integers when compiled.
_NOWHERE, _PROBES_NOT, _SYN = NOWHERE, tcp.SYN | tcp.FIN, tcp.SYN

# A segment was left without an answer if it was sent again so often, or waited so long (ns).
_REPEATS = 3
_PATIENCE = 1_000_000_000


class Silence(NamedTuple):
    """An endpoint kept sending something and nobody answered."""

    side: int  # of the endpoint that got no answer
    copies: tuple[Sighting, ...]  # what it sent, each time, at the side next to it
    since: int  # ns: the first of them
    answers: tuple[Sighting, ...]  # what the other endpoint did answer, if the host kept it back


class Fates(NamedTuple):
    """How both endpoints fared, by side."""

    outcomes: tuple[EndpointOutcome, EndpointOutcome]  # INSIDE, OUTSIDE
    killers: tuple[Reset | None, Reset | None]  # the RST that ended each, by side
    silence: Silence | None

    @property
    def failed(self) -> bool:
        """Whether an endpoint saw anything but a clean end."""
        return any(outcome in ("reset", "hung", "refused", "aborted") for outcome in self.outcomes)


def fates(study: Study, resets: Sequence[Reset]) -> Fates:
    """Say what became of both endpoints."""
    killers = (_killer(study, resets, INSIDE), _killer(study, resets, OUTSIDE))
    silence = _silence(study, resets)
    outcomes = tuple(_outcome(study, resets, side, killers, silence) for side in (INSIDE, OUTSIDE))
    return Fates((outcomes[0], outcomes[1]), killers, silence)


def _killer(study: Study, resets: Iterable[Reset], side: int) -> Reset | None:
    return next((one for one in resets if one.target(study) == side and one.effect == "lethal"), None)


def sent(study: Study, side: int) -> Sequence[Sighting]:
    """What an endpoint sent, at the side next to it, else as forwarded to the other."""
    way = study.outward if side == INSIDE else 1 - study.outward
    captured = side if study.sides[side] is not None else 1 - side
    return study.at(captured, way)


def received(study: Study, side: int) -> Sequence[Sighting]:
    """What reached an endpoint, at the side next to it; else what was sent to it."""
    way = 1 - study.outward if side == INSIDE else study.outward
    captured = side if study.sides[side] is not None else 1 - side
    segments = study.at(captured, way)
    return [one for one in segments if not one.stray] if study.join.strays else segments


def _outcome(
    study: Study, resets: Sequence[Reset], side: int, killers: Sequence[Reset | None], silence: Silence | None
) -> EndpointOutcome:
    """One endpoint's fate, from when it was killed, when the other was gone, and when it left."""
    own, got = sent(study, side), received(study, side)
    killer, other = killers[side], killers[1 - side]
    closing = fin(own)
    aborts = [one.ts for one in resets if one.author == ENDPOINTS[side] and _wilful(one, closing)]
    left = min([*aborts, *([closing.ts] if closing else [])], default=None)
    gone = min(
        [*([other.ts] if other else []), *([silence.since] if silence and silence.side == side else [])],
        default=None,
    )
    failed = gone
    if silence is not None and left is not None and silence.side != side and _withheld(silence):
        failed = min(gone or FOREVER, silence.since)  # it was kept from what it waited for
    if _completed(own, got, killer):
        return "completed"
    if (
        failed is not None
        and left is not None
        and left - failed >= _PATIENCE
        and (killer is None or killer.ts > left)
    ):
        return "hung"
    if aborts and (killer is None or min(aborts) <= killer.ts):
        return "aborted"
    if killer is not None and closing is not None and _parted(killer, closing, [*own, *got]):
        return "aborted"
    if killer is not None and silence is not None and silence.side != side:
        return "unknown"  # what was sent to it before had no answer: whether the RST came, nothing shows
    if killer is not None:
        return "refused" if killer.refuses else "reset"
    if silence is not None and silence.side == side:
        return "hung"
    if gone is not None and _waits(own, got, gone) and not _stranger(resets, side, closing):
        return "hung"
    return "unknown"


def _parted(killer: Reset, closing: Sighting, passed: Iterable[Sighting]) -> bool:
    """Whether it had closed after a long pause, and the RST answers its FIN: it left, and wants no more.

    Without a pause it may have said only that it had sent all, and have been reset while it waited.
    """
    answered = killer.trigger
    if answered is None or answered.segment.size or not answered.segment.flags & tcp.FIN:
        return False
    return closing.ts - max((one.ts for one in passed if one.ts < closing.ts), default=FOREVER) >= _PATIENCE


def _stranger(resets: Iterable[Reset], side: int, closing: Sighting | None) -> bool:
    """Whether it answered as one that has no connection, and so none to hang in."""
    return closing is None and any(
        one.author == ENDPOINTS[side] and one.passive and not any(where.stray for where in one.seen)
        for one in resets
    )


def _wilful(reset: Reset, closing: Sighting | None) -> bool:
    """Whether its sender ended a living connection, or had closed while the other still sent."""
    if reset.passive:
        return closing is not None and closing.ts <= reset.ts and reset.effect != "harmless"
    return reset.effect_because != CLOSED and not reset.refuses


def _completed(own: Sequence[Sighting], got: Sequence[Sighting], killer: Reset | None) -> bool:
    """Whether it had all that the other sent, and the other had, or was closed to, all of its own."""
    mine, theirs = fin(own), fin(got)
    if theirs is None:
        return False
    if killer is not None and killer.ts <= theirs.ts:
        return False
    top = highest_end(own, NOWHERE)
    all_read, all_sent = highest_ack(own) >= theirs.end, highest_ack(got) >= top
    if killer is None and mine is None:
        return False
    return all_read and all_sent if killer is not None else all_read or all_sent


def _waits(own: Sequence[Sighting], got: Iterable[Sighting], gone: int) -> bool:
    """Whether it had nothing unacknowledged, so that no answer would tell it that the other is gone."""
    top = highest_end(own, FOREVER)  # it never had a socket
    return highest_ack(got) >= top and not any(one.ts > gone for one in own if not one.stray)


def _silence(study: Study, resets: Iterable[Reset]) -> Silence | None:
    """What was sent again and again, before any RST killed, without an answer.

    Whoever gives up may send a RST of its own at last, the one that got no answer or the one that it
    was kept from: that comes after the silence.
    """
    lethal = next((one for one in resets if one.effect == "lethal"), None)
    for side in (INSIDE, OUTSIDE):
        found = _unanswered(study, side, FOREVER if lethal is None else lethal.ts)
        if found is None or (lethal is None and _answered_dead(resets, found)):
            continue
        if lethal is None or (lethal.author == ENDPOINTS[side] and not lethal.passive):
            return found
        if lethal.author == "host" and _astray(found):
            return found
        kept = lethal.author == ENDPOINTS[1 - side] and _withheld(found)
        if kept and lethal.ts - found.since >= _PATIENCE:
            return found
    return None


def _answered_dead(resets: Iterable[Reset], silence: Silence) -> bool:
    """Whether the other endpoint answered by RSTs that were forwarded: it is dead, but not silent."""
    other = ENDPOINTS[1 - silence.side]
    return any(
        one.author == other and one.passive and one.ts >= silence.since and one.sighting.twin is not None
        for one in resets
    )


def _withheld(silence: Silence) -> bool:
    """Whether the host let nothing of it pass: so it had failed both ends."""
    return all(one.twin is None and one.sure for one in silence.copies)


def _astray(silence: Silence) -> bool:
    """Whether what got no answer left the host untranslated: so it had failed its sender before any RST."""
    return any(one.twin is not None and one.twin.stray for one in silence.copies)


def _unanswered(study: Study, side: int, until: int) -> Silence | None:
    own, got = earlier(sent(study, side), until), earlier(received(study, side), until)
    acked = max(highest_ack(got), _opened(own))
    first = _first_beyond(own, acked)
    if first == _NOWHERE:
        return _unprobed(study, side, own, got, least=_REPEATS if until == FOREVER else _REPEATS - 1)
    copies = tuple(one for one in own if one.start <= first < one.end)
    last = max((one.ts for one in got), default=copies[0].ts)
    late = [one for one in copies if one.ts >= last]
    if len(copies) < 2 or (len(copies) < _REPEATS and copies[-1].ts - copies[0].ts < _PATIENCE):
        return None
    if _answered_unseen(study, side, copies[0]):
        return None
    found = Silence(side, copies, copies[0].ts, _kept_back(study, side, copies))
    return found if late or _withheld(found) else None  # whoever never got it may have said something else


def _answered_unseen(study: Study, side: int, first: Sighting) -> bool:
    """Whether the other side shows an answer at a time of which this side's capture may lack it."""
    for one in study.at(1 - side, 1 - first.direction):
        if one.twin is None and not one.sure and not one.is_rst and not one.stray and one.ack > first.start:
            return True
    return False


def _first_beyond(own: Iterable[Sighting], acked: int) -> int:
    """The lowest octet at which one of these starts that is not all acknowledged; NOWHERE without any."""
    first, open_ended = _NOWHERE, False
    for one in own:
        if one.end > acked and one.end > one.start and (not open_ended or one.start < first):
            first, open_ended = one.start, True
    return first


def _opened(own: Iterable[Sighting]) -> int:
    """Where its own SYN ends, if it says more than that: the answer came by another way."""
    syn: Sighting | None = None
    for one in own:
        if syn is None and one.segment.flags & _SYN:
            syn = one
    if syn is None:
        return _NOWHERE
    for one in own:
        if one.ack != _NOWHERE and one.ts > syn.ts and not one.segment.flags & _SYN:
            return syn.end
    return _NOWHERE


def _unprobed(
    study: Study, side: int, own: Sequence[Sighting], got: Sequence[Sighting], least: int
) -> Silence | None:
    """Keepalive probes (SEG.SEQ = SND.NXT - 1; RFC 9293, 3.8.4) that nobody answered.

    At `least` so many: fewer do where whoever sent them gave up with a RST.
    """
    probes = _probes(own, highest_end(own, NOWHERE), got[-1].ts if got else NOWHERE)
    if len(probes) < least:
        return None
    return Silence(side, tuple(probes), probes[0].ts, _kept_back(study, side, probes))


def _probes(own: Iterable[Sighting], top: int, last: int) -> list[Sighting]:
    """Those after a time that lie just below the highest octet."""
    found = []
    for one in own:
        below = one.start == top - 1 and one.end <= top
        if below and one.ts > last and one.ack != _NOWHERE and not one.segment.flags & _PROBES_NOT:
            found.append(one)
    return found


def _kept_back(study: Study, side: int, copies: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """Answers of the other endpoint that arrived at the host and were not forwarded."""
    if not study.both:
        return ()
    answers = study.at(1 - side, 1 - copies[0].direction)
    return tuple(
        one
        for one in answers
        if one.ts >= copies[0].ts and one.twin is None and one.sure and not one.is_rst and not one.stray
    )
