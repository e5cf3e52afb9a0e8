"""Sequence numbers of a connection's segments without wrapping: octets from the initial one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bypeer.core import seq, tcp
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.excerpt import WILD

if TYPE_CHECKING:
    from bypeer.core.study import Crossing, Study

# Copies that are C integers when compiled; the first two of study's, which imports this module.
_NOWHERE, _NEVER, _WILD, _ACK = -(1 << 62), 1 << 62, WILD, tcp.ACK_


def number(found: Study) -> None:
    """Count sequence numbers from the initial ones, through any number of wraps."""
    initial = [isn(found, TO_SERVER), isn(found, TO_CLIENT)]
    known = [initial[0] is not None, initial[1] is not None]
    base = [initial[0] or 0, initial[1] or 0]
    front = [0, 0]  # where each direction has got to
    first = [_NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE]  # end of the first segment, by side and direction
    crossings, crossed = found.crossings, 0
    until = crossings[0].until if crossings else _NEVER
    for one in found.sightings:
        segment, way, back = one.segment, one.direction, 1 - one.direction
        while until <= one.ts and crossed < len(crossings):  # a file may say any time
            _cross(crossings[crossed], first, front)
            crossed += 1
            until = crossings[crossed].until if crossed < len(crossings) else _NEVER
        acks = segment.flags & _ACK != 0
        if not known[way] and not (one.is_rst and not acks and segment.seq == 0):
            known[way], base[way] = True, seq.add(segment.seq, -1)
        one.start = _unwrapped(segment.seq, known[way], base[way], front[way])
        one.end = one.start + seq.distance(segment.size + (segment.flags & 1) + (segment.flags >> 1 & 1), 0)
        if acks:
            if not known[back]:
                known[back], base[back] = True, seq.add(segment.ack, -1)
            one.ack = _unwrapped(segment.ack, True, base[back], front[back])
        if not one.is_rst:
            if first[2 * one.side + way] == _NOWHERE:
                first[2 * one.side + way] = one.end
            if 0 < one.end - front[way] < _WILD:
                front[way] = one.end


def _cross(crossing: Crossing, first: list[int], front: list[int]) -> None:
    """Go on with each direction where it had got to behind what was passed over."""
    for way, advance in enumerate(crossing.bridge.advances):
        direction = way ^ crossing.flipped
        began = first[2 * crossing.side + direction]
        if began != _NOWHERE:
            front[direction] = max(front[direction], began + advance)


def _unwrapped(number: int, known: bool, base: int, front: int) -> int:
    return front + seq.distance(number, seq.add(base, front)) if known else 0


def isn(found: Study, direction: int) -> int | None:
    """The initial sequence number of a direction, if a SYN showed it."""
    for place in found.join.places:
        if place.half(direction).isn >= 0:
            return place.half(direction).isn
    return None
