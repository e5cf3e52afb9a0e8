"""A closer look at one connection: its segments at both vantages, in one order of time.

Two sides, two directions: a segment that travels outward enters the NAT host inside (its
ingress) and leaves it outside (its egress); inward the other way round. Times are those of
the outside clock; sequence numbers are counted from the initial one, without wrapping.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from bypeer.core import copies, tcp
from bypeer.core.clocks import Ahead, ahead
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.excerpt import Bridge, Excerpt
from bypeer.core.groups import Place
from bypeer.core.nat import Join
from bypeer.core.numbering import number
from bypeer.core.segment import NO_TIME, Segment

INSIDE, OUTSIDE = 0, 1  # sides

NOWHERE = -(1 << 62)  # a relative sequence number that is not known
FOREVER = 1 << 62  # ns
# Copies that are C integers when compiled.
_NOWHERE, _FOREVER, _UNDATED, _RST, _FIN = NOWHERE, FOREVER, NO_TIME, tcp.RST, tcp.FIN

Kept = Mapping[tuple[tuple[int, int], int], Excerpt]  # by vantage and connection


class Sighting:
    """A segment as one side saw it (`_sighting`)."""

    __slots__ = (
        "ack", "delay", "direction", "end", "home", "is_rst", "passed", "segment", "side", "start", "stray",
        "sure", "tracked", "ts", "twin",
    )  # fmt: skip

    segment: Segment
    side: int  # INSIDE or OUTSIDE
    direction: int  # TO_SERVER or TO_CLIENT
    stray: bool  # with a tuple that belongs to the other side: not translated
    home: Place
    ts: int  # ns by the outside clock
    start: int  # SEG.SEQ, octets from the initial sequence number of its direction
    end: int  # the one after its last
    is_rst: bool
    ack: int  # SEG.ACK, octets from the initial number of the other direction; NOWHERE without
    twin: Sighting | None  # the same segment at the other side
    delay: int  # ns to or from the twin
    sure: bool  # without a twin: whether the other side's capture was complete then
    tracked: bool  # whether it stands for the moment when conntrack saw the segment (replay.py)
    passed: bool  # and was certainly let through


@dataclass(slots=True)
class Hole:
    """A time in which a side is known to have missed segments."""

    since: int  # ns: the last segment before, or -FOREVER
    until: int  # ns: the first after, or FOREVER
    octets: int  # of data known to be missing; 0 where only a segment is


@dataclass(slots=True)
class Side:
    """What one side's capture covers."""

    began: int = -FOREVER  # ns by the outside clock: first and last frame of the file
    ended: int = FOREVER
    holes: list[Hole] = field(default_factory=list)
    sightings: int = 0
    dropped: bool = False  # the file itself says that packets were dropped
    # Times of which nothing was kept, though all was read: near them a twin may not be at hand.
    unkept: list[tuple[int, int]] = field(default_factory=list)
    printed: bool = False  # it is text, of which a person may have left out any line
    # Times between two of its files, in order: packets may be missing, but nothing proves it.
    gaps: Sequence[tuple[int, int]] = ()
    filtered: bool = False  # nothing but SYNs, FINs and RSTs was taken
    copies: int = 0  # sightings left out, since nearly all were captured twice

    @property
    def lost(self) -> bool:
        """Whether packets were lost here and there.

        One hole is a cut; several, or one in a short capture, are losses. One between two files is
        neither: a file is missing there.
        """
        holes = sum(not self._between(hole.since, hole.until) for hole in self.holes)
        return self.dropped or self.filtered or holes > 2 or (holes > 0 and self.sightings < 100)

    @property
    def lossy(self) -> bool:
        """Whether packets were lost or lines may have been left out, so that an absence proves little."""
        return self.printed or self.lost

    def complete(self, since: int, until: int | None = None) -> bool:
        """Whether nothing can be missing at that time, or in the time from it `until` another."""
        last = since if until is None else until
        if since < self.began or self.ended < last:
            return False
        if self._between(since, last):
            return False
        if until is None and self.unkept and any(first <= since <= end for first, end in self.unkept):
            return False
        for hole in self.holes:  # noqa: SIM110 -- a generator a call would cost more than the holes
            if hole.since <= last and since <= hole.until:
                return False
        return True

    def _between(self, since: int, until: int) -> bool:
        """Whether some of that time lies between two files."""
        begun = bisect_right(self.gaps, until, key=_first) if self.gaps else 0
        return begun > 0 and since <= self.gaps[begun - 1][1]


@dataclass(slots=True)
class Crossing:
    """A time that was passed over at one side or both, and what is known of it."""

    side: int
    flipped: bool  # the bridge's directions are the other way round
    since: int  # ns by the outside clock
    until: int
    bridge: Bridge


@dataclass(slots=True)
class Study:
    """One connection under the glass."""

    join: Join
    sightings: list[Sighting]  # both sides, by time
    sides: tuple[Side | None, Side | None]  # INSIDE, OUTSIDE; None: not captured
    crossings: list[Crossing] = field(default_factory=list)  # by time
    clock: Ahead | None = None  # how far the outside clock is ahead of the inside clock
    dated: bool = True
    rows: dict[tuple[int, int], list[Sighting]] = field(default_factory=dict)  # by side and direction
    reaches: dict[tuple[int, int], list[tuple[int, int, bool]]] = field(default_factory=dict)  # the same
    # What RSTs may answer (resets.py), by side, direction, whether the RST has ACK: by its number, by time.
    numbered: dict[tuple[int, int, bool], dict[int, list[Sighting]]] = field(default_factory=dict)
    closings: list[tuple[int, int]] = field(default_factory=list)  # since when it was closed (1), or not (0)

    @property
    def offset(self) -> int | None:
        """How many ns the outside clock was ahead of the inside clock at first; None: not both are known."""
        return None if self.clock is None else self.clock.offset

    @property
    def apart(self) -> bool:
        """Whether the sides have clocks that differ."""
        return self.clock is not None and (self.clock.offset, self.clock.rate) != (0, 0.0)

    @property
    def outward(self) -> int:
        """The direction from the inside endpoint to the outside one."""
        return TO_SERVER if self.join.client_inside else TO_CLIENT

    def ingress(self, direction: int) -> int:
        """The side where a segment of this direction enters the NAT host."""
        return INSIDE if direction == self.outward else OUTSIDE

    @property
    def both(self) -> bool:
        """Whether both sides were captured."""
        inside, outside = self.sides
        return inside is not None and outside is not None

    def at(self, side: int, direction: int | None = None) -> Sequence[Sighting]:
        """Sightings of one side (and direction), by time. Not to be changed."""
        if direction is None:
            return [one for one in self.sightings if one.side == side]
        return self.rows.get((side, direction), ())

    def reached(self, side: int, direction: int) -> list[tuple[int, int, bool]]:
        """Before each of `at`, and after all: highest end, newest TSval, whether any had one; no RSTs."""
        if (side, direction) not in self.reaches:
            highest, newest, stamped = NOWHERE, -1, False
            found = self.reaches[side, direction] = [(highest, newest, stamped)]
            for one in self.at(side, direction):
                if not one.is_rst and not one.stray:
                    highest = max(highest, one.end)
                    newest = max(newest, one.segment.tsval)
                    stamped = stamped or one.segment.timestamps
                found.append((highest, newest, stamped))
        return self.reaches[side, direction]

    def closed(self, ts: int) -> bool:
        """Whether both ends had sent a FIN by then, and both were acknowledged."""
        if not self.closings:
            self.closings = _closings(self.sightings)
        return self.closings[bisect_right(self.closings, ts, key=_first) - 1][1] != 0


def _closings(sightings: Iterable[Sighting]) -> list[tuple[int, int]]:
    """Since when both ends' FINs were sent and acknowledged, or not any more: at least one row."""
    ends, acks, before, found = [_NOWHERE, _NOWHERE], [_NOWHERE, _NOWHERE], 0, [(-FOREVER, 0)]
    for one in sightings:
        if one.is_rst or one.stray:
            continue
        way = one.direction
        if one.segment.flags & _FIN:
            ends[way] = max(ends[way], one.end)
        if one.ack != _NOWHERE:
            acks[way] = max(acks[way], one.ack)
        both = ends[0] != _NOWHERE and ends[1] != _NOWHERE
        now = 1 if both and acks[1] >= ends[0] and acks[0] >= ends[1] else 0
        if now != before:
            found.append((one.ts, now))
            before = now
    return found


def study(join: Join, kept: Kept, coverage: Mapping[tuple[int, int], Side]) -> Study:
    """Gather the segments of one connection from both sides.

    `coverage` tells, by vantage, what time its capture covers.
    """
    found = Study(join, [], (_side(join.inside, coverage), _side(join.outside, coverage)))
    for side, place in ((INSIDE, join.inside), (OUTSIDE, join.outside)):
        if place is not None:
            found.sightings += _gather(place, side, kept, stray=False)
            found.crossings += _crossings(place, side, kept)
    for role, place in join.strays:
        found.sightings += _gather(place, INSIDE if role == "inside" else OUTSIDE, kept, stray=True)
    if join.merged:
        copies.tell_apart(found)
    if join.strays or join.merged:
        found.sightings.sort(key=lambda one: (one.side, one.segment.frame))  # they come among the others
    _date(found)
    copies.leave_out(found)
    if found.both:
        _align(found)
    if not _in_order(found.sightings):
        found.sightings.sort(key=_WHEN)
    found.crossings.sort(key=lambda one: one.until)
    number(found)
    _by_row(found)
    return found


def _in_order(sightings: Sequence[Sighting]) -> bool:
    before = -_FOREVER
    for one in sightings:
        if one.ts < before:
            return False
        before = one.ts
    return True


def _by_row(found: Study) -> None:
    """The sightings of each side and direction."""
    rows: list[list[Sighting]] = [[], [], [], []]
    for one in found.sightings:
        rows[2 * one.side + one.direction].append(one)
    for at, some in enumerate(rows):
        side, direction = divmod(at, 2)
        info = found.sides[side]
        if some:
            found.rows[side, direction] = some
        if info is not None:
            info.sightings += len(some)


def _side(place: Place | None, coverage: Mapping[tuple[int, int], Side]) -> Side | None:
    if place is None:
        return None
    known = coverage[place.vantage]
    return Side(known.began, known.ended, dropped=known.dropped, printed=known.printed, gaps=known.gaps)


def _crossings(place: Place, side: int, kept: Kept) -> list[Crossing]:
    excerpt = kept.get((place.vantage, place.connection.number))
    bridges = [] if excerpt is None else excerpt.bridges
    return [Crossing(side, place.flipped, one.since, one.until, one) for one in bridges]


def _gather(place: Place, side: int, kept: Kept, stray: bool) -> list[Sighting]:
    excerpt = kept.get((place.vantage, place.connection.number))
    rows, flipped = [] if excerpt is None else excerpt.rows, place.flipped
    return [_sighting(segment, side, direction ^ flipped, place, stray) for direction, segment in rows]


def _sighting(segment: Segment, side: int, direction: int, home: Place, stray: bool) -> Sighting:
    one = Sighting.__new__(Sighting)  # there are thousands: to call an __init__ takes longer than this
    one.segment, one.side, one.direction, one.home, one.stray = segment, side, direction, home, stray
    one.ts, one.is_rst = segment.ts, segment.flags & _RST != 0
    one.start = one.end = one.ack = _NOWHERE
    one.twin, one.delay = None, 0
    one.sure = one.tracked = one.passed = False
    return one


def _date(found: Study) -> None:
    """Segments without a date take that of the one before, so that the file's order holds."""
    last, dated = [0, 0], True
    for one in found.sightings:
        if one.ts == _UNDATED:
            dated = False
            one.ts = last[one.side]
        last[one.side] = one.ts
    found.dated = dated


# Clocks


def _align(found: Study) -> None:
    """Put both sides on the outside clock."""
    clock = found.clock = _clock(found)
    if not clock.offset and not clock.rate:
        return
    inner = found.sides[INSIDE]
    assert inner is not None
    inner.began, inner.ended = _moved(inner.began, clock), _moved(inner.ended, clock)
    inner.gaps = [(_moved(since, clock), _moved(until, clock)) for since, until in inner.gaps]
    for one in found.sightings:
        if one.side == INSIDE:
            one.ts = _moved(one.ts, clock)
    for crossing in found.crossings:
        if crossing.side == INSIDE:
            crossing.since, crossing.until = _moved(crossing.since, clock), _moved(crossing.until, clock)


def _moved(ts: int, clock: Ahead) -> int:
    return ts if ts in (-FOREVER, FOREVER) else ts + clock.at(ts)


def identity(segment: Segment) -> tuple[int, ...]:
    """What forwarding leaves alone (GRO and TSO aside)."""
    return (
        segment.seq, segment.ack, segment.size, segment.flags, segment.win,
        segment.tsval, segment.tsecr, segment.sack, segment.ip_id,
    )  # fmt: skip


def _clock(found: Study) -> Ahead:
    """How far the outside clock is ahead of the inside clock."""
    inside, outside = found.join.places
    if inside.vantage[0] == outside.vantage[0]:
        return Ahead()  # one file, one clock
    passed: list[list[tuple[int, int]]] = [[], []]
    for direction in (TO_SERVER, TO_CLIENT):
        there, back = _unique(found, INSIDE, direction), _unique(found, OUTSIDE, direction)
        for key, one in there.items():
            other = back.get(key)
            if other is not None:
                passed[direction == found.outward].append((one.ts, other.ts - one.ts))
    return ahead(passed[1], passed[0])


def between(rows: Sequence[Sighting], since: int, until: int) -> Sequence[Sighting]:
    """Those of rows in order of time that passed from `since` to `until`, both included."""
    return rows[bisect_left(rows, since, key=_WHEN) : bisect_right(rows, until, key=_WHEN)]


def _first(gap: tuple[int, int]) -> int:
    return gap[0]


_WHEN = attrgetter("ts")


def _unique(found: Study, side: int, direction: int) -> dict[tuple[int, ...], Sighting]:
    """Segments that were seen only once there, by what they are."""
    once: dict[tuple[int, ...], Sighting] = {}
    twice = set()
    for one in found.sightings:
        if one.side == side and one.direction == direction and not one.stray:
            key = identity(one.segment)
            if key in once:
                twice.add(key)
            once[key] = one
    for key in twice:
        del once[key]
    return once
