"""What a study found of its segments, written over the columns of the whole connection.

The study has looked at a part of them, closely: where it has, its word counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from bypeer.core import tcp
from bypeer.core.causes.model import Seen
from bypeer.core.clocks import Ahead
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.forward import EARLY, JITTER
from bypeer.core.kernels import Reason
from bypeer.core.narrate import judged, reset_note
from bypeer.core.numbering import isn
from bypeer.core.points import Points
from bypeer.core.resets import Reset
from bypeer.core.study import FOREVER, INSIDE, NOWHERE, OUTSIDE, Sighting, Study
from bypeer.core.trace import (
    AUTHOR,
    AUTHORS,
    JUDGED,
    KEPT,
    LATE,
    OVER,
    PAIRED,
    REFUSED,
    TRIGGER,
    UNSEEN,
    Trace,
)
from bypeer.core.twins import absent, pair, tile

Traces = tuple[Trace | None, Trace | None]  # of INSIDE and OUTSIDE; None: not captured

_FURTHEST = 1 << 61  # ns: as in points.py
_NUMBERS = 1 << 32


class Notes:
    """Texts, each once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._rows: dict[str, int] = {}

    def row(self, text: str) -> int:
        """The row of a text, -1 for none."""
        if not text:
            return -1
        if text not in self._rows:
            self._rows[text] = len(self.texts)
            self.texts.append(text)
        return self._rows[text]


# Numbers


def trace(study: Study, points: tuple[Points | None, Points | None]) -> Traces:
    """Number the points of both sides as the study numbers its segments."""
    bases = [_base(study, points, way) for way in (TO_SERVER, TO_CLIENT)]
    clock = study.clock or Ahead()
    shifts = (clock.offset if -_FURTHEST < clock.offset < _FURTHEST else 0, 0)
    inner = points[INSIDE]
    if inner is not None and clock.rate:
        inner.lean(clock.since, clock.until, clock.rate)
    inside, outside = (
        None if one is None else Trace(one, shift, bases) for one, shift in zip(points, shifts, strict=True)
    )
    for side, one in ((INSIDE, inside), (OUTSIDE, outside)):
        if one is not None:
            _anchor(study, one, side)
    return inside, outside


def _base(study: Study, points: Sequence[Points | None], way: int) -> int:
    """The sequence number that is 0 in this direction."""
    known = isn(study, way)
    if known is not None:
        return known
    for one in study.sightings:
        if one.direction == way and not one.is_rst:
            return (one.segment.seq - one.start) % _NUMBERS
        if one.direction != way and one.ack != NOWHERE:
            return (one.segment.ack - one.ack) % _NUMBERS
    return 0


def _anchor(study: Study, found: Trace, side: int) -> None:
    """Count as the study does where both know a segment: their wraps may differ if much was not seen."""
    for way in (TO_SERVER, TO_CLIENT):
        for one in reversed(study.at(side, way)):
            row = -1 if one.is_rst else found.row(one.segment.frame)
            if row >= 0:
                if found.start[row] != one.start:
                    found.move(way, one.start - found.start[row])
                break


# What is known


def write(seen: Seen, traces: Traces, decisive: Sequence[Reset], notes: Notes) -> None:
    """Write twins, judgements, authors and triggers into the traces."""
    for one in seen.study.sightings:
        here = traces[one.side]
        row = -1 if here is None else here.row(one.segment.frame)
        if here is not None and row >= 0:
            _twin(seen.study, one, traces, here, row)
            _judgement(seen, one, here, row, notes)
    for reset in seen.resets:
        for one in reset.seen:
            _hint(traces, one, AUTHORS.index(reset.author) << AUTHOR, notes.row(reset_note(reset)))
        if reset.author == "host" and reset.trigger is not None and reset.trigger.twin is None:
            _hint(traces, reset.trigger, KEPT | PAIRED, -1)  # the host itself answered it
    for reset in decisive:
        if reset.trigger is not None:
            _hint(traces, _came(seen.study, reset.trigger), TRIGGER, -1)


def _came(study: Study, one: Sighting) -> Sighting:
    """Where a segment was seen first on its way."""
    return one.twin if one.twin is not None and one.side != study.ingress(one.direction) else one


def _twin(study: Study, one: Sighting, traces: Traces, here: Trace, row: int) -> None:
    other = traces[1 - one.side]
    if one.twin is not None and other is not None:
        here.twin[row] = other.row(one.twin.segment.frame)
        here.hints[row] |= PAIRED
    elif one.sure:
        here.hints[row] |= PAIRED
        if one.side == study.ingress(one.direction):
            lost = other is not None and other.lost(one.direction, one.start, one.end)
            here.hints[row] |= UNSEEN if lost else KEPT


def _judgement(seen: Seen, one: Sighting, here: Trace, row: int, notes: Notes) -> None:
    found = seen.judgement(one)
    if found is None:
        return
    if found.reason != Reason.UNKNOWN_BOUND:
        here.hints[row] |= JUDGED
    if found.reason == Reason.SEQ_UNDER:
        here.hints[row] |= LATE
    elif found.reason in (Reason.SEQ_OVER, Reason.OVERSHOOT):
        here.hints[row] |= OVER
    if found.invalid:
        here.hints[row] |= REFUSED
    if found.invalid:
        here.notes[row] = notes.row(judged(seen, one))
    elif found.reason in (Reason.SEQ_UNDER, Reason.SEQ_OVER, Reason.OVERSHOOT):
        here.notes[row] = notes.row(judged(seen, one) + ", although beyond its bound")


def _hint(traces: Traces, one: Sighting, hint: int, note: int) -> None:
    here = traces[one.side]
    row = -1 if here is None else here.row(one.segment.frame)
    if here is not None and row >= 0:
        here.hints[row] |= hint
        if note >= 0:
            here.notes[row] = note


# What is not


def match(study: Study, traces: Traces) -> None:
    """Find the twins that the study does not know, and which segments were not forwarded."""
    if traces[INSIDE] is None or traces[OUTSIDE] is None:
        return
    early = EARLY if study.apart else JITTER
    for way in (TO_SERVER, TO_CLIENT):
        side = study.ingress(way)
        came, went = traces[side], traces[1 - side]
        assert came is not None
        assert went is not None
        pair(came, went, way, early)
        tile(came, went, way, 1)
        tile(went, came, way, -1)
        absent(came, went, way, _lacking(study, 1 - side, went, way))


def _lacking(study: Study, side: int, found: Trace, way: int) -> list[tuple[int, int]]:
    """The times, ns by the outside clock, of which a side's capture may lack segments of a direction."""
    known = study.sides[side]
    points = found.points
    if known is None or known.lossy or found.gaps[way].forgotten or not points.count:
        return [(-FOREVER, FOREVER)]
    began = max(known.began, points.ts[0] + found.shift) if points.skip else known.began
    spans = [(-FOREVER, began - 1), (known.ended + 1, FOREVER), *known.gaps]
    spans += [(hole.since, hole.until) for hole in known.holes]
    spans += [(since + found.shift, until + found.shift) for since, until in found.missed(way)]
    merged: list[tuple[int, int]] = []
    for since, until in sorted((max(a, -FOREVER), min(b, FOREVER)) for a, b in spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], until)
        else:
            merged.append((since, until))
    return merged


def scale(study: Study, main: int) -> int:
    """By how many bits the windows are shifted that limit a direction; -1 if no handshake tells."""
    offered = []
    for way in (TO_SERVER, TO_CLIENT):
        halves = [place.half(way) for place in study.join.places if place.half(way).isn >= 0]
        if not halves:
            return -1
        offered.append(max(half.wscale for half in halves))
    return min(offered[1 - main], tcp.WSCALE_MAX) if min(offered) >= 0 else 0
