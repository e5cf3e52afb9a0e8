"""Each segment of a connection through the tracker, in the order in which the host saw it.

Conntrack sees a segment when it arrives: an outward one inside, an inward one outside. What the
host made itself belongs to no entry and is left out. What was seen leaving, or was acknowledged
as new data, was let through whatever the model says: then the capture lacks segments and the
bounds become estimates (`conntrack.adopt`), or these are not the kernel's rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.core.conntrack import adopt, resume, step
from bypeer.core.entry import NO_BOUND, Entry, Rules, Step, log_line
from bypeer.core.kernels import Ctstate, Kernel, Reason, Sysctls
from bypeer.core.segment import ABSENT
from bypeer.core.study import FOREVER, NOWHERE, Sighting, Study

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

    def of(self, sighting: Sighting) -> Judgement | None:
        """The judgement of a sighting that conntrack saw."""
        return self.judgements.get(id(sighting))

    def refuses(self, sighting: Sighting) -> bool:
        """Whether conntrack called it INVALID."""
        judgement = self.judgements.get(id(sighting))
        return judgement is not None and judgement.invalid


def replay(study: Study, kernel: Kernel, seen: Tracked, sysctls: Sysctls | None = None) -> Replay:
    """Run one connection through one kernel's tracker."""
    rules = Rules(kernel, sysctls)
    found = Replay(kernel)
    entry, out = Entry(), Step()
    if seen.sightings and not any(one.segment.flags & tcp.SYN for one in seen.sightings[:2]):
        resume(entry, rules, seen.sightings[0].segment.ts)
    for one in seen.sightings:
        step(entry, one.direction, one.segment, rules, out)
        if out.reason == Reason.OK:
            found.judgements[id(one)] = _GOOD[out.ctstate]
            continue
        judgement = _judgement(out, one, entry, study, kernel)
        if judgement.invalid and id(one) in seen.passed:
            if judgement.sure:
                found.contradicted.append(one)
            adopt(entry, one.direction, one.segment, rules)
            judgement = _ADOPTED
        found.judgements[id(one)] = judgement
    return found


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
    seen = [one for one in study.sightings if _arrives(study, one) and id(one) not in made]
    return Tracked(seen, frozenset(_passed(study, seen)))


def _arrives(study: Study, one: Sighting) -> bool:
    return not one.stray and (one.side == study.ingress(one.direction) or one.twin is None)


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
    left = {id(one) for one in seen if _left(study, one)}
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


def _left(study: Study, one: Sighting) -> bool:
    """Whether it was seen to leave the host, translated."""
    if one.twin is not None:
        return not one.twin.stray
    return one.side != study.ingress(one.direction)
