"""Each segment of a connection through the tracker, in the order in which the host saw it.

Conntrack sees a segment when it arrives: an outward one inside, an inward one outside. What the
host made itself belongs to no entry and is left out. What was seen leaving, or was acknowledged
as new data, was let through whatever the model says: then the capture lacks segments and the
bounds become estimates (`conntrack.adopt`), or these are not the kernel's rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.conntrack import adopt, resume, step
from bypeer.core.entry import NO_BOUND, SACK_PERM, Entry, Rules, Step, log_line
from bypeer.core.kernels import Ctstate, Kernel, Reason, Sysctls, with_rules
from bypeer.core.rules import FATELESS
from bypeer.core.segment import ABSENT
from bypeer.core.study import FOREVER, NOWHERE, Crossing, Sighting, Study

_OK = int(Reason.OK)  # a copy that is a C integer when compiled
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

    kernel: Kernel
    judgements: dict[int, Judgement] = field(default_factory=dict)  # by id of the sighting
    contradicted: list[Sighting] = field(default_factory=list)  # passed, though INVALID by these rules
    # Ids of those whose judgement rests on a rule that was only inferred for this kernel (`unsettled`).
    inferred: frozenset[int] = frozenset()
    sysctls: Sysctls | None = None

    def of(self, sighting: Sighting) -> Judgement | None:
        """The judgement of a sighting that conntrack saw."""
        return self.judgements.get(id(sighting))

    def refuses(self, sighting: Sighting) -> bool:
        """Whether conntrack called it INVALID."""
        judgement = self.judgements.get(id(sighting))
        return judgement is not None and judgement.invalid


def replay(
    study: Study,
    kernel: Kernel,
    seen: Tracked,
    sysctls: Sysctls | None = None,
    watch: Callable[[Sighting, Entry], None] | None = None,
) -> Replay:
    """Run one connection through one kernel's tracker; `watch` is shown the entry behind each segment."""
    rules = Rules(kernel, sysctls)
    found = Replay(kernel, sysctls=sysctls)
    entry, out = Entry(), Step()
    if seen.sightings and not _opens(seen.sightings[:2]):
        resume(entry, rules, seen.sightings[0].segment.ts)
    crossed = 0
    for one in seen.sightings:
        while crossed < len(study.crossings) and study.crossings[crossed].until <= one.ts:
            entry = _crossed(entry, study.crossings, crossed)
            crossed += 1
        step(entry, one.direction, one.segment, rules, out)
        if one.segment.cut and one.segment.flags & tcp.SYN:
            _unread(entry)
        if out.reason == _OK:
            found.judgements[id(one)] = _GOOD[out.ctstate]
            if watch is not None:
                watch(one, entry)
            continue
        judgement = _judgement(out, one, entry, study, kernel)
        if judgement.invalid and id(one) in seen.passed:
            if judgement.sure:
                found.contradicted.append(one)
            adopt(entry, one.direction, one.segment, rules)
            judgement = _ADOPTED
        found.judgements[id(one)] = judgement
        if watch is not None:
            watch(one, entry)
    return found


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


def _opens(first: Sequence[Sighting]) -> bool:
    return any(one.segment.flags & tcp.SYN for one in first)


def unsettled(study: Study, found: Replay, seen: Tracked) -> frozenset[int]:
    """Ids of the sightings that would be judged otherwise if one of the inferred rules were otherwise."""
    kernel = found.kernel
    ids: set[int] = set()
    for rule in kernel.inferred:
        if rule not in FATELESS:
            turned = with_rules(kernel, {rule: not getattr(kernel, rule)})
            other = replay(study, turned, seen, found.sysctls).judgements
            ids |= {key for key, one in found.judgements.items() if one[:2] != other[key][:2]}
    return frozenset(ids)


_GOOD = [Judgement(ctstate, Reason.OK, None, 0, "", sure=True) for ctstate in Ctstate]
_ADOPTED = Judgement(Ctstate.ESTABLISHED, Reason.UNKNOWN_BOUND, None, 0, "", sure=False)


class Tracked(NamedTuple):
    """What conntrack saw of a connection, whatever the kernel."""

    sightings: Sequence[Sighting]
    passed: frozenset[int]  # ids of those that were certainly let through


def tracked(study: Study, made: frozenset[int]) -> Tracked:
    """The sightings that stand for the moment when conntrack saw a segment, by time.

    `made`: ids of what the host made itself.
    """
    seen = _arrived(study, made)
    return Tracked(seen, frozenset(_passed(study, seen)))


def _arrived(study: Study, made: frozenset[int]) -> list[Sighting]:
    ingress = (study.ingress(TO_SERVER), study.ingress(TO_CLIENT))
    seen = []
    for one in study.sightings:
        if not one.stray and (one.twin is None or one.side == ingress[one.direction]) and id(one) not in made:
            seen.append(one)
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


def _passed(study: Study, seen: Sequence[Sighting]) -> set[int]:
    """Which were certainly let through: seen to leave, or acknowledged when no copy explains it."""
    left = _all_left(study, seen)
    passed = set(left)
    acked, lowest = [NOWHERE, NOWHERE], [FOREVER, FOREVER]  # after this one, by direction
    for one in reversed(seen):
        new = one.start < one.end <= acked[1 - one.direction] and one.end <= lowest[one.direction]
        if new and not one.sure and not one.is_rst:
            passed.add(id(one))
        if one.is_rst:
            continue
        if one.end > one.start:
            lowest[one.direction] = min(one.start, lowest[one.direction])
        if one.ack != NOWHERE and id(one) in passed:
            acked[one.direction] = max(one.ack, acked[one.direction])
    acked = [NOWHERE, NOWHERE]  # before this one
    for one in seen:
        if id(one) not in left and one.end <= acked[1 - one.direction]:
            passed.discard(id(one))
        if one.ack != NOWHERE and not one.is_rst:
            acked[one.direction] = max(one.ack, acked[one.direction])
    return passed


def _all_left(study: Study, seen: Sequence[Sighting]) -> set[int]:
    """Ids of those that were seen to leave the host, translated."""
    ingress = (study.ingress(TO_SERVER), study.ingress(TO_CLIENT))
    left = set()
    for one in seen:
        if one.side != ingress[one.direction] if one.twin is None else not one.twin.stray:
            left.add(id(one))
    return left
