"""The story of one connection's end: a headline, and a lettered timeline.

As in the investigation that began this: A a segment as it should be, B the one that was not
forwarded, C the host's RST, ... X the other endpoint's next word, Y the answer that it died of.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.core.addresses import address
from bypeer.core.causes.model import Seen
from bypeer.core.conclusion import Conclusion
from bypeer.core.dump import dump
from bypeer.core.explanation import Event, EventKind
from bypeer.core.fate import received
from bypeer.core.groups import Place
from bypeer.core.kernels import LOG_PREFIX
from bypeer.core.resets import Reset
from bypeer.core.segment import NO_TIME
from bypeer.core.study import FOREVER, INSIDE, NOWHERE, OUTSIDE, Sighting, between
from bypeer.core.sweeps import fin

VantageId = Callable[[Sighting], str]


class Scene(NamedTuple):
    """A segment worth telling, before it has its letter."""

    sighting: Sighting
    kind: EventKind
    note: str
    late: bool = False  # belongs to the aftermath: X, Y


def octets_text(octets: int) -> str:
    """A size as people say it."""
    if octets < 10_000:
        return f"{octets} octets"
    return f"{octets / 1e6:.1f} MB" if octets >= 1_000_000 else f"{octets // 1000} kB"


def line(one: Sighting) -> str:
    """The segment as tcpdump prints it, with relative numbers."""
    segment = one.segment
    source = (segment.src_hi, segment.src_lo, segment.sport)
    target = (segment.dst_hi, segment.dst_lo, segment.dport)
    parts = [f"Flags [{tcp.letters(segment.flags)}]"]
    if segment.size or segment.flags & (tcp.SYN | tcp.FIN | tcp.RST):
        parts.append(f"seq {one.start}:{one.end}" if segment.size else f"seq {one.start}")
    if segment.flags & tcp.ACK_:
        parts.append(f"ack {one.ack}")
    parts.append(f"length {segment.size}")
    return f"{address(source)}.{source[2]} > {address(target)}.{target[2]}: {', '.join(parts)}"


# What happened, as scenes


def scenes(seen: Seen, conclusion: Conclusion) -> list[Scene]:
    """The segments that tell the story, in order."""
    told: list[Scene] = []
    first = conclusion.first
    if first is None or first.author != "host":
        told += _decoys(seen, first)
    if conclusion.silence is not None:
        told += _silent(seen, conclusion)
    elif first is not None:
        told += _killing(seen, first)
        told += _aftermath(seen, first)
    told += [
        Scene(one, "leak", "left the host untranslated: the peer cannot match it", late=True)
        for one in seen.leaks()[:1]
    ]
    unique = {id(scene.sighting): scene for scene in reversed(told)}
    return sorted(unique.values(), key=lambda scene: scene.sighting.ts)


def _killing(seen: Seen, first: Reset) -> list[Scene]:
    told = []
    trigger = first.trigger
    if trigger is not None:
        normal = _normal(seen, trigger)
        if normal is not None:
            told.append(Scene(normal, "normal", forwarding(seen, normal)))
        told.append(Scene(trigger, _kind(trigger, "trigger"), trigger_note(seen, first, trigger)))
    else:
        came = received(seen.study, INSIDE if first.author == "inside" else OUTSIDE)
        last = between(came, -FOREVER, first.ts - 1)
        told += [Scene(one, _kind(one, "segment"), forwarding(seen, one)) for one in last[-1:]]
        closing = fin(last)
        told += [Scene(closing, "fin", "one side had closed")] if closing is not None else []
    told.append(Scene(first.sighting, "reset", reset_note(first)))
    return told


def _decoys(seen: Seen, first: Reset | None) -> list[Scene]:
    """The first harmless RST of the host, so that nobody blames it."""
    decoys = [
        one for one in seen.resets if one.author == "host" and one is not first and one.effect == "harmless"
    ]
    if not decoys:
        return []
    one = decoys[0]
    more = f" ({len(decoys) - 1} more like it)" if len(decoys) > 1 else ""
    told = [Scene(one.sighting, "reset", reset_note(one) + more)]
    if one.trigger is not None:
        told.insert(0, Scene(one.trigger, "trigger", trigger_note(seen, one, one.trigger)))
    return told


def _aftermath(seen: Seen, first: Reset) -> list[Scene]:
    """X and Y: how the other endpoint learned of it, if it did."""
    told = []
    for side in (INSIDE, OUTSIDE):
        killer = seen.fates.killers[side]
        if killer is None or killer is first:
            continue
        if killer.trigger is not None:
            told.append(Scene(killer.trigger, "segment", forwarding(seen, killer.trigger), late=True))
        told.append(Scene(killer.sighting, "reset", reset_note(killer), late=True))
    rest = [one for one in seen.resets if one.author == "host" and one.ts > first.ts]
    if first.author == "host" and rest:
        note = "one more RST" if len(rest) == 1 else f"the last of {len(rest)} more RSTs"
        told.append(Scene(rest[-1].sighting, "reset", f"{note} that the host made", late=True))
    return told


def _silent(seen: Seen, conclusion: Conclusion) -> list[Scene]:
    silence = conclusion.silence
    assert silence is not None
    first, last = silence.copies[0], silence.copies[-1]
    told = [Scene(first, _kind(first, "segment"), forwarding(seen, first) + "; never answered")]
    note = f"sent {len(silence.copies)} times in {(last.ts - first.ts) / 1e9:.1f} s: no answer"
    told.append(Scene(last, "silence", note, late=True))
    told += [
        Scene(one, "segment", "an answer, not forwarded: " + judged(seen, one)) for one in silence.answers[:1]
    ]
    return told


def _normal(seen: Seen, trigger: Sighting) -> Sighting | None:
    """The last segment of the trigger's direction that was forwarded before it."""
    before = between(seen.study.at(trigger.side, trigger.direction), -FOREVER, trigger.ts - 1)
    both = seen.study.both
    return next(
        (one for one in reversed(before) if not one.is_rst and (one.twin is not None or not both)), None
    )


def _kind(one: Sighting, otherwise: EventKind) -> EventKind:
    if one.segment.flags & tcp.SYN:
        return "syn"
    return "fin" if one.segment.flags & tcp.FIN and otherwise == "segment" else otherwise


# Notes beside the segments


def forwarding(seen: Seen, one: Sighting) -> str:
    """Whether it was forwarded, in words."""
    if one.twin is not None:
        return (
            "forwarded untranslated"
            if one.stray or one.twin.stray
            else f"forwarded ({one.delay / 1000:.0f} us)"
        )
    if not seen.study.both:
        return "the other side was not captured"
    return "not forwarded" if one.sure else "not seen on the other side, whose capture was not complete then"


class Frontier:
    """The highest end of what had been let through, by time: one for all segments that are asked about."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        # By side and direction: when something was let through, and the highest end from then on.
        self._found: dict[tuple[int, int], tuple[list[int], list[int]]] = {}

    def behind(self, one: Sighting) -> int:
        """Octets from the segment's end to the highest that was let through before; negative: beyond."""
        key = one.side, one.direction
        if key not in self._found:
            self._found[key] = self._reached(*key)
        times, highest = self._found[key]
        row = bisect_left(times, one.ts)
        return highest[row - 1] - one.end if row else 0

    def _reached(self, side: int, direction: int) -> tuple[list[int], list[int]]:
        both = self._seen.study.both
        passed = [
            one
            for one in self._seen.study.at(side, direction)
            if (one.twin is not None or not both) and not one.is_rst and not self._seen.refuses(one)
        ]
        return [one.ts for one in passed], list(accumulate((one.end for one in passed), max))


def trigger_note(seen: Seen, reset: Reset, trigger: Sighting) -> str:
    """How the trigger lay, what became of it, what conntrack made of it."""
    parts = []
    lag = Frontier(seen).behind(trigger)
    known = max(
        (
            one.ack
            for one in seen.study.sightings
            if one.direction != trigger.direction and one.ts < trigger.ts and not one.is_rst
        ),
        default=NOWHERE,
    )
    if lag >= trigger.segment.size and trigger.end <= known:
        parts.append(f"late: {octets_text(lag)} behind, acknowledged already")
    elif known == NOWHERE and lag >= trigger.segment.size > 0:
        parts.append(f"{octets_text(lag)} behind the newest")
    elif -lag > trigger.segment.size + 1:
        parts.append(f"{octets_text(-lag - trigger.segment.size)} beyond what had come before")
    parts.append(forwarding(seen, trigger))
    arrived = trigger.twin if trigger.stray and trigger.twin is not None else trigger
    if reset.author == "host" or arrived is not trigger:
        parts.append(judged(seen, arrived))
    return "; ".join(part for part in parts if part)


def judged(seen: Seen, one: Sighting) -> str:
    """What conntrack made of it, in words; "" where it did not see it."""
    judgement = seen.judgement(one)
    if judgement is None:
        return ""
    if judgement.says == "unknown":
        return "conntrack's bounds are not known"
    text = judgement.log.removeprefix(LOG_PREFIX) if judgement.invalid else ""
    return f"conntrack: {judgement.ctstate.name}" + (f", {text}" if text else "")


def reset_note(reset: Reset) -> str:
    """Who made it and whether it killed."""
    author = {
        "host": "made by the NAT host itself",
        "inside": "made by the inside endpoint",
        "outside": "made by the peer",
        "on-path": "forged on the path",
        "unknown": "of unknown origin",
    }[reset.author]
    if reset.effect == "lethal":
        return f"RST {author}; lethal"
    return f"RST {author}; {reset.effect}: {reset.effect_because}"


# Letters


def lettered(seen: Seen, conclusion: Conclusion) -> list[tuple[Scene, str]]:
    """The scenes with their letters: from A on, the aftermath from X on."""
    told = scenes(seen, conclusion)
    early = [scene for scene in told if not scene.late]
    late = [scene for scene in told if scene.late]
    letters = [(scene, chr(ord("A") + at)) for at, scene in enumerate(early)]
    start = ord("Z") + 1 - max(len(late), 3)
    return letters + [(scene, chr(start + at)) for at, scene in enumerate(late)]


def events(seen: Seen, conclusion: Conclusion, vantage_id: VantageId) -> list[Event]:
    """The lettered timeline."""
    return [_event(scene, letter, vantage_id, seen) for scene, letter in lettered(seen, conclusion)]


def _event(scene: Scene, letter: str, vantage_id: VantageId, seen: Seen) -> Event:
    one, twin = scene.sighting, scene.sighting.twin
    return Event(
        letter,
        vantage_id(one),
        one.segment.frame,
        when(one),
        scene.kind,
        sentence(scene),
        vantage_id(twin) if twin is not None else None,
        twin.segment.frame if twin is not None else None,
        [dump(other.segment) for other in passing(seen, one)],
    )


def sentence(scene: Scene) -> str:
    """A scene in one line."""
    return f"{line(scene.sighting)} | {scene.note}"


def passing(seen: Seen, one: Sighting) -> list[Sighting]:
    """Where the segment was seen, in the order of its way."""
    if one.twin is None:
        return [one]
    return [one, one.twin] if one.side == seen.study.ingress(one.direction) else [one.twin, one]


def when(one: Sighting) -> int | None:
    """When it was seen, ns by the clock of its own vantage; None where the source has no date."""
    return None if one.segment.ts == NO_TIME else one.segment.ts


def peer_of(seen: Seen, side: int) -> str:
    """The address of an endpoint, as the side next to the other knows it."""
    join = seen.study.join
    place: Place = join.places[0]
    client = (side == INSIDE) == join.client_inside
    return address(place.client if client else place.server)
