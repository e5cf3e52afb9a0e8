"""Each segment of a connection through the tracker, in the order in which the host saw it.

Conntrack sees a segment when it arrives: an outward one inside, an inward one outside. What the
host made itself belongs to no entry and is left out. What was seen leaving, or was acknowledged
as new data, was let through whatever the model says: then the capture lacks segments and the
bounds become estimates (`conntrack.adopt`), or these are not the kernel's rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.conntrack import adopt, resume, step
from bypeer.core.entry import NO_BOUND, SACK_PERM, Entry, Rules, Step, log_line
from bypeer.core.kernels import Ctstate, Kernel, Reason, with_rules
from bypeer.core.rules import FATELESS
from bypeer.core.segment import ABSENT
from bypeer.core.study import FOREVER, NOWHERE, Crossing, Sighting, Study

# Copies that are C integers when compiled.
_OK, _KNOWN, _UNKNOWN = int(Reason.OK), int(Ctstate.ESTABLISHED), int(Reason.UNKNOWN_BOUND)
_NOWHERE, _FOREVER = NOWHERE, FOREVER
_WIDEST = 65_535  # octets, before scaling


class Judgement(NamedTuple):
    """What conntrack made of a segment, by the model."""

    ctstate: Ctstate
    reason: Reason
    bound: int | None  # sequence number that it failed, as on the wire
    beyond: int  # octets by which it failed
    log: str  # the line that this kernel would print, "" for none
    sure: bool  # holds even if the capture missed the widest window there could have been

    @property
    def invalid(self) -> bool:
        """Whether it was INVALID: not translated."""
        return self.ctstate == Ctstate.INVALID

    @property
    def says(self) -> str:
        """Its ctstate, "unknown" where the capture began too late to know the bounds."""
        return "unknown" if self.reason == Reason.UNKNOWN_BOUND else Ctstate(self.ctstate).name


@dataclass(slots=True)
class Replay:
    """One connection under one kernel's rules."""

    rules: Rules
    # By id of the sighting; of those that conntrack saw, the rest is ESTABLISHED without objection.
    judgements: dict[int, Judgement] = field(default_factory=dict)
    contradicted: list[Sighting] = field(default_factory=list)  # passed, though INVALID by these rules
    # Ids of those whose judgement rests on a rule that was only inferred for this kernel (`unsettled`).
    inferred: frozenset[int] = frozenset()

    @property
    def kernel(self) -> Kernel:
        """Whose rules these are."""
        kernel: Kernel = self.rules.kernel
        return kernel

    def of(self, sighting: Sighting) -> Judgement | None:
        """The judgement of a sighting that conntrack saw."""
        found = self.judgements.get(id(sighting))
        return _GOOD[_KNOWN] if found is None and sighting.tracked else found

    def refuses(self, sighting: Sighting) -> bool:
        """Whether conntrack called it INVALID."""
        judgement = self.judgements.get(id(sighting))
        return judgement is not None and judgement.invalid


def replay(
    study: Study,
    rules: Rules,
    seen: Sequence[Sighting],
    watch: Callable[[Sighting, Entry], None] | None = None,
) -> Replay:
    """Run what conntrack saw of one connection (`tracked`) through one kernel's tracker.

    `watch` is shown the entry behind each segment.
    """
    found = Replay(rules)
    entry, out = _begun(seen, rules), Step()
    crossed, crossings = 0, study.crossings
    until = crossings[0].until if crossings else _FOREVER
    for one in seen:
        while until <= one.ts and crossed < len(crossings):  # a file may say any time
            entry = _crossed(entry, crossings, crossed)
            crossed += 1
            until = crossings[crossed].until if crossed < len(crossings) else _FOREVER
        entry = _stepped(entry, one, rules, out)
        if out.reason == _OK:
            if out.ctstate != _KNOWN:
                found.judgements[id(one)] = _GOOD[out.ctstate]
            if watch is not None:
                watch(one, entry)
            continue
        judgement = _judgement(out, one, entry, study, rules.kernel)
        if judgement.invalid and one.passed:
            # While a capture misses segments, the tracker knows more than it shows.
            if judgement.sure and _whole(study, one.ts):
                found.contradicted.append(one)
            adopt(entry, one.direction, one.segment, rules)
            judgement = _ADOPTED
        found.judgements[id(one)] = judgement
        if watch is not None:
            watch(one, entry)
    return found


def _stepped(entry: Entry, one: Sighting, rules: Rules, out: Step) -> Entry:
    """The entry behind a segment."""
    before = entry.copy() if _kept_back(one, entry) else None
    step(entry, one.direction, one.segment, rules, out)
    if before is not None:
        if before.side(one.direction).td_maxwin == 0 and out.reason == _OK:
            out.reason = _UNKNOWN  # the first of its direction here, but not to the host
        if out.reason == _UNKNOWN:
            entry = before  # it may have been refused: what it says of itself is no bound for others
    if one.segment.cut and one.segment.flags & tcp.SYN:
        _unread(entry)
    return entry


def _kept_back(one: Sighting, entry: Entry) -> bool:
    """Whether a segment certainly went no further, and the bounds that it is held against are estimates."""
    estimated = entry.original.estimated or entry.reply.estimated
    return estimated and not one.passed and one.twin is None and one.sure


def _whole(study: Study, ts: int) -> bool:
    """Whether no capture is known to miss anything at that time."""
    return all(side is None or side.complete(ts) for side in study.sides)


def _unread(entry: Entry) -> None:
    """Go on from a SYN whose options snaplen cut: any scale may have made windows wider than they look."""
    entry.gaps += 1
    for side in (entry.original, entry.reply):
        side.estimated = True
        side.flags |= SACK_PERM


def _crossed(entry: Entry, crossings: Sequence[Crossing], at: int) -> Entry:
    """The entry behind what was passed over: as the vantage's own tracker had it.

    Where both sides passed the same time over, each may lack what was under way to it just then.
    """
    one = crossings[at]
    if one.flipped or one.bridge.refused:
        entry.original.estimated = entry.reply.estimated = True
        entry.gaps += 1
    found = entry if one.flipped else one.bridge.entry.copy()
    found.gaps = entry.gaps
    found.original.estimated = entry.original.estimated
    found.reply.estimated = entry.reply.estimated
    if at and one.since < crossings[at - 1].until:
        found.original.widen(entry.original)
        found.reply.widen(entry.reply)
    return found


def _begun(seen: Sequence[Sighting], rules: Rules) -> Entry:
    """The entry before the first segment: one that is known already, if the capture began too late."""
    entry = Entry()
    if seen and not any(one.segment.flags & tcp.SYN for one in seen[:2]):
        resume(entry, rules, seen[0].segment.ts)
    return entry


def unsettled(study: Study, found: Replay, seen: Sequence[Sighting]) -> frozenset[int]:
    """Ids of the sightings that would be judged otherwise if one of the inferred rules were otherwise."""
    kernel = found.kernel
    ids: set[int] = set()
    for rule in kernel.inferred:
        if rule not in FATELESS:
            turned = with_rules(kernel, {rule: not getattr(kernel, rule)})
            other = replay(study, Rules(turned, found.rules.sysctls), seen)
            mine, others = found.judgements, other.judgements
            ids |= {key for key in {*mine, *others} if _fate(mine, key) != _fate(others, key)}
    return frozenset(ids)


_GOOD = [Judgement(ctstate, Reason.OK, None, 0, "", sure=True) for ctstate in Ctstate]
_ADOPTED = Judgement(Ctstate.ESTABLISHED, Reason.UNKNOWN_BOUND, None, 0, "", sure=False)


def _fate(judgements: Mapping[int, Judgement], key: int) -> tuple[Ctstate, Reason]:
    return judgements.get(key, _GOOD[_KNOWN])[:2]


def tracked(study: Study, made: frozenset[int]) -> list[Sighting]:
    """The sightings that stand for the moment when conntrack saw a segment, by time; notes it in them.

    `made`: ids of what the host made itself.
    """
    there, back = study.ingress(TO_SERVER), study.ingress(TO_CLIENT)
    seen = []
    for one in study.sightings:
        ingress = back if one.direction else there
        one.passed = False
        one.tracked = not one.stray and (one.twin is None or one.side == ingress)
        if one.tracked and made and id(one) in made:
            one.tracked = False
        if one.tracked:
            seen.append(one)
    _pass(seen, there, back)
    return seen


def _judgement(out: Step, one: Sighting, entry: Entry, study: Study, kernel: Kernel) -> Judgement:
    bound = None if out.bound == NO_BOUND else out.bound
    sure = entry.gaps == 0 or out.beyond > _slack(one, study)
    log = log_line(out, kernel) or ""
    return Judgement(Ctstate(out.ctstate), Reason(out.reason), bound, out.beyond, log, sure)


def _slack(one: Sighting, study: Study) -> int:
    """How far a bound may be off, at most, where the capture missed something: the widest window."""
    scales = [place.half(1 - one.direction).wscale for place in study.join.places]
    scale = max((scale for scale in scales if scale != ABSENT), default=tcp.WSCALE_MAX)
    return _WIDEST << min(scale, tcp.WSCALE_MAX)


def _pass(seen: Sequence[Sighting], there: int, back: int) -> None:
    """Note which were certainly let through: seen to leave, or acknowledged when no copy explains it.

    `there`, `back`: the side where each direction enters the host.
    """
    acked, lowest = [_NOWHERE, _NOWHERE], [_FOREVER, _FOREVER]  # after this one, by direction
    for one in reversed(seen):
        way = one.direction
        one.passed = _left(one, there, back)
        if not one.passed and not one.sure and not one.is_rst:
            one.passed = one.start < one.end <= acked[1 - way] and one.end <= lowest[way]
        if one.is_rst:
            continue
        if one.end > one.start:
            lowest[way] = min(one.start, lowest[way])
        if one.ack != _NOWHERE and one.passed:
            acked[way] = max(one.ack, acked[way])
    acked = [_NOWHERE, _NOWHERE]  # before this one
    for one in seen:
        way = one.direction
        if one.passed and one.end <= acked[1 - way] and not _left(one, there, back):
            one.passed = False
        if one.ack != _NOWHERE and not one.is_rst:
            acked[way] = max(one.ack, acked[way])


def _left(one: Sighting, there: int, back: int) -> bool:
    """Whether it was seen to leave the host, translated."""
    if one.twin is None:
        return one.side != (back if one.direction else there)
    return not one.twin.stray
