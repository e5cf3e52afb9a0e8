"""Which segment was forwarded, and what each capture is known to have missed.

Twins are found by what forwarding leaves alone; where GRO or TSO cut the stream differently
on each side, by octet ranges. An absence counts only while the capture that would show the
segment was complete: acknowledged data that a side never saw proves that it was not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence

from bypeer.core import tcp
from bypeer.core.causal import settle
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.excerpt import WILD
from bypeer.core.study import FOREVER, INSIDE, NOWHERE, OUTSIDE, Hole, Side, Sighting, Study, identity

# ns: a twin may appear to precede its original by the error of the clock offset.
EARLY = 2_000_000
# ns: by so much on one clock.
JITTER = 20_000
# ns: forwarding takes less (queues of a busy host included), or it is another copy.
LATE = 2_000_000_000
_FOREVER = FOREVER  # a copy that is a C integer when compiled
_SOON = 1_000_000  # ns: forwarding may take so long even where it never did


def match(study: Study) -> None:
    """Find twins, order and holes; fills in `twin`, `delay` and `sure` of every sighting."""
    for direction in (TO_SERVER, TO_CLIENT):
        came = study.at(study.ingress(direction), direction)
        went = study.at(1 - study.ingress(direction), direction)
        if study.both:
            early = EARLY if study.apart else JITTER
            _pair(came, went, early, key_of=_exact)
            _pair(came, went, early, key_of=_loose)
            _tile(came, went, later=1)
            _tile(went, came, later=-1)
    settle(study)
    _unkept(study)
    for side in (INSIDE, OUTSIDE):
        if study.sides[side] is not None:
            for direction in (TO_SERVER, TO_CLIENT):
                _holes(study, side, direction)
            _filtered(study, side)
    if study.both:
        _orphans(study)
    others = [study.sides[OUTSIDE], study.sides[INSIDE]]  # by side
    for one in study.sightings:
        other = others[one.side]
        one.sure = one.twin is None and other is not None and other.complete(one.ts)


def _unkept(study: Study) -> None:
    """Note when nothing was kept at a side: a twin may be twice as far from there as any took."""
    if not study.crossings:
        return
    longest = 0
    for one in study.sightings:
        longest = max(longest, abs(one.delay))
    margin = _SOON + 2 * longest
    for crossing in study.crossings:
        info = study.sides[crossing.side]
        assert info is not None
        info.unkept.append((crossing.since - margin, crossing.until + margin))


def _exact(one: Sighting) -> tuple[int, ...]:
    return identity(one.segment)


def _loose(one: Sighting) -> tuple[int, ...]:
    """Without what a middlebox on the link may rewrite: identification, window."""
    segment = one.segment
    return (segment.seq, segment.ack, segment.size, segment.flags, segment.tsval, segment.tsecr, segment.sack)


def _pair(
    came: Iterable[Sighting],
    went: Sequence[Sighting],
    early: int,
    key_of: Callable[[Sighting], tuple[int, ...]],
) -> None:
    """Pair equal segments, each with the latest of its kind that came before it.

    Backwards in time, so that of two copies that came, the one is taken that was forwarded
    with the least delay, and a copy that was not forwarded stays alone.
    """
    waiting: dict[tuple[int, ...], list[Sighting]] = {}
    for one in came:
        if one.twin is None:
            waiting.setdefault(key_of(one), []).append(one)
    for one in reversed(went):
        if one.twin is not None:
            continue
        line = waiting.get(key_of(one), [])
        at = len(line) - 1
        while at >= 0 and line[at].ts > one.ts + early:
            at -= 1
        if at >= 0 and one.ts - line[at].ts < LATE:
            _join(line.pop(at), one)


def _join(came: Sighting, went: Sighting) -> None:
    came.twin, went.twin = went, came
    came.delay = went.delay = went.ts - came.ts


def _tile(whole: Sequence[Sighting], parts: Iterable[Sighting], later: int) -> None:
    """Find for each unpaired segment with data the unpaired ones that have its octets.

    `later` is 1 if the parts left and so come later, -1 if they came. A part may have octets of
    several wholes, but each of its octets goes to one: a copy that was not forwarded finds none
    left. Backwards in time, as in `_pair`.
    """
    left = _unpaired(parts, later)
    if not left:
        return
    starts = [one.start for one in left]
    given: dict[int, list[tuple[int, int]]] = {}  # by id of the part: ranges that went to a whole
    for one in whole[::-later]:
        if one.twin is None and one.end > one.start:
            tiles = _tiles(one, left, starts, later, given)
            for tile, span in tiles:
                given.setdefault(id(tile), []).append(span)
                if tile.twin is None:
                    tile.twin, tile.delay = one, abs(tile.ts - one.ts)
            if tiles:
                one.twin, one.delay = tiles[0][0], abs(tiles[0][0].ts - one.ts)


def _unpaired(parts: Iterable[Sighting], later: int) -> list[Sighting]:
    """Those with data and without a twin, by octets, then by time."""
    left = (one for one in parts if one.twin is None and one.end > one.start)
    return sorted(left, key=lambda one: (one.start, one.ts * later))


def _tiles(
    one: Sighting,
    left: Sequence[Sighting],
    starts: Sequence[int],
    later: int,
    given: Mapping[int, Sequence[tuple[int, int]]],
) -> list[tuple[Sighting, tuple[int, int]]]:
    """The segments that together have the octets of this one, with what each gives; or none."""
    at, tiles = one.start, []
    for part in left[max(bisect_right(starts, one.start) - _NEARBY, 0) :]:
        if part.start > at:
            break
        lag = (part.ts - one.ts) * later
        span = at, min(part.end, one.end)
        # What is cut or merged keeps its acknowledgement and its timestamp.
        fits = part.segment.tsval == one.segment.tsval and part.ack == one.ack and -EARLY <= lag < LATE
        if fits and at < part.end and not _meets(span, given.get(id(part), ())):
            tiles.append((part, span))
            at = part.end
            if at >= one.end:
                return tiles
    return []


def _meets(span: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in others)


# Copies of the same octets, left unpaired, that may precede the one that fits.
_NEARBY = 64


# What was missed


def _holes(study: Study, side: int, direction: int) -> None:
    """Data that its receiver acknowledged although this side never saw it."""
    here = []
    for one in study.at(side, direction):
        if not one.is_rst:
            here.append(one)
    here = _opened(here)
    found = study.sides[side]
    assert found is not None
    passed, when = _passed(study, direction) if study.both else (NOWHERE, 0)
    acked = max(_acknowledged(study, direction), passed)
    if not here:
        came = [one for one in study.at(1 - side, direction) if one.end <= acked and one.ts >= found.began]
        if came:  # and arrived: this direction was not captured
            found.holes.append(Hole(-FOREVER, FOREVER, came[-1].end - came[0].start))
        return
    missing = [gap for gap in _gaps(here) if gap[0] < acked]
    if missing or passed != NOWHERE:
        front, last = _places(study, side, here, missing), here[-1].ts
        if front < passed and passed - front < WILD:  # nothing of it came behind
            _add_hole(found, Hole(last, max(last, when), passed - front))


def _places(study: Study, side: int, here: list[Sighting], missing: Sequence[tuple[int, int]]) -> int:
    """Note between which of these segments the missing octets should have come.

    Gives the octet that should come behind them; FOREVER if more was read, and not kept.
    """
    found = study.sides[side]
    assert found is not None
    front, last = here[0].start, -FOREVER
    behind = [crossing.until for crossing in study.crossings if crossing.side == side]
    crossed = 0
    for one in here:
        while crossed < len(behind) and behind[crossed] <= one.ts:
            front, crossed = one.start, crossed + 1  # what lies between was read, and not kept
        octets = _overlap(missing, front, one.start) if front < one.start else 0
        if octets:
            _add_hole(found, Hole(last, one.ts, octets))
        if front < one.end and one.start - front < WILD:
            front = one.end
        last = one.ts
    return front if crossed == len(behind) else FOREVER


def _filtered(study: Study, side: int) -> None:
    """Note what a filter left out that takes nothing but SYNs, FINs and RSTs.

    Before any FIN there is an ACK of the SYN/ACK (RFC 9293, 3.5), and data before a RST beyond it.
    """
    opening, closing, info = _FOREVER, _FOREVER, study.sides[side]
    for one in study.at(side):
        flags = one.segment.flags
        if flags & tcp.FIN or (one.is_rst and one.start > 1):
            closing = min(closing, one.ts)
        elif flags & tcp.SYN:
            opening = min(opening, one.ts)
        elif not one.is_rst:
            return
    if info is not None and opening < closing < _FOREVER:
        info.filtered = True
        _add_hole(info, Hole(opening, closing, 0))


def _opened(rows: list[Sighting]) -> list[Sighting]:
    """Without what came before the SYN: bare ACKs of an older connection, with numbers of its own."""
    syn = 0
    for row, one in enumerate(rows):
        if one.segment.flags & tcp.SYN:
            syn = row
            break
    return rows if any(one.segment.size for one in rows[:syn]) else rows[syn:]


def _acknowledged(study: Study, direction: int) -> int:
    """How far the receiver has acknowledged what it was really sent."""
    sent, ack, both = NOWHERE, NOWHERE, study.both
    for one in study.sightings:
        if one.direction == direction and one.end > sent and (one.twin is not None or not both):
            sent = one.end
    for one in study.sightings:
        if one.direction != direction and ack < one.ack <= sent and not one.is_rst:
            ack = one.ack
    return ack


def _passed(study: Study, direction: int) -> tuple[int, int]:
    """The highest end of what came, was not seen to leave and was acknowledged just so: it did leave.

    With the time, ns, of that acknowledgement; NOWHERE if there is none.
    """
    alone: dict[int, int] = {}  # by end: when it came first
    passed, when = NOWHERE, -FOREVER
    for one in study.sightings:
        if one.is_rst or one.stray:
            continue
        if one.direction == direction:
            if one.twin is None and one.side == study.ingress(direction) and one.end > one.start:
                alone.setdefault(one.end, one.ts)
        elif one.ack > passed and alone.get(one.ack, FOREVER) < one.ts:
            passed, when = one.ack, one.ts
    return passed, when


def _gaps(rows: list[Sighting]) -> list[tuple[int, int]]:
    """Octets that none of these segments has, one at least, between those that they have."""
    gaps, ranges = [], []
    for one in rows:
        ranges.append((one.start, one.end))
    ranges.sort()
    front = ranges[0][0]
    for start, end in ranges:
        if front < start:
            gaps.append((front, start))
        front = max(front, end)
    return gaps


def _overlap(ranges: Iterable[tuple[int, int]], start: int, end: int) -> int:
    """How many of the octets from `start` to `end` lie in these ranges."""
    return sum(max(min(end, right) - max(start, left), 0) for left, right in ranges)


def _add_hole(side: Side, hole: Hole) -> None:
    """Holes that overlap in time are one loss."""
    for known in side.holes:
        if known.since <= hole.until and hole.since <= known.until:
            known.since, known.until = min(known.since, hole.since), max(known.until, hole.until)
            known.octets += hole.octets
            return
    side.holes.append(hole)


def _orphans(study: Study) -> None:
    """Segments that left the host and were never seen to arrive; it makes only RSTs by itself."""
    ingress = (study.ingress(TO_SERVER), study.ingress(TO_CLIENT))
    for one in study.sightings:
        if one.twin is not None or one.side == ingress[one.direction] or one.stray or one.is_rst:
            continue
        missed = study.sides[ingress[one.direction]]
        assert missed is not None
        if missed.complete(one.ts):
            missed.holes.append(Hole(one.ts, one.ts, one.segment.size))
