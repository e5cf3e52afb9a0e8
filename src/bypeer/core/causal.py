"""The segments of both sides in one order that can have been: none leaves before it arrives.

Times alone do not give it. Two clocks differ by more than the host takes to forward a segment, two taps of
one host stamp late, and coarse times are equal. But each file has an order, and what left the host had
arrived.

Source: L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System" (CACM 21, 7, 1978).
"""

from __future__ import annotations

from bypeer.core.study import FOREVER, INSIDE, OUTSIDE, Sighting, Study

_FOREVER, _OUTSIDE = FOREVER, OUTSIDE  # copies that are C integers when compiled


def settle(study: Study) -> None:
    """Put all sightings in that order, by `twin`, else by time; give each a time after the one before.

    So of two sightings the one with the lesser time came first. A time grows by the error of the clocks at
    most, else by one nanosecond.
    """
    study.sightings = _woven(list(study.at(INSIDE)), list(study.at(OUTSIDE)), study.outward)
    _date(study.sightings)
    for side, info in enumerate(study.sides):
        last = next((one for one in reversed(study.sightings) if one.side == side), None)
        if info is not None and last is not None:
            info.ended = max(info.ended, last.ts)


def _woven(inside: list[Sighting], outside: list[Sighting], outward: int) -> list[Sighting]:
    """Both sides in one order, each being in its own."""
    found: list[Sighting] = []
    gone: set[int] = set()  # ids of those that may be waited for
    here, there = 0, 0
    while here < len(inside) and there < len(outside):
        one, other = inside[here], outside[there]
        first = one.ts <= other.ts
        held, other_held = _held(one, outward, gone), _held(other, outward, gone)
        if held != other_held:  # if both are, the twins are not: then by time
            first = other_held
        if not first:
            one = other
            there += 1
        else:
            here += 1
        if one.twin is not None:
            gone.add(id(one))
        found.append(one)
    return found + inside[here:] + outside[there:]


def _held(one: Sighting, outward: int, gone: set[int]) -> bool:
    """Whether it left the host, where it has not yet arrived."""
    leaves = (one.direction == outward) == (one.side == _OUTSIDE)
    return leaves and one.twin is not None and id(one.twin) not in gone


def _date(sightings: list[Sighting]) -> None:
    before = -_FOREVER
    for one in sightings:
        if one.ts <= before < _FOREVER:
            one.ts = before + 1
        before = one.ts
