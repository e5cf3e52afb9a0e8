"""Which side of the NAT is which where no TTL tells, as in printed text: by time.

A segment is seen first on the side that it comes from. The clocks of two sides need not agree: what
they differ by counts once forwards and once backwards.
"""

from __future__ import annotations

from collections.abc import Mapping

from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.explanation import Role
from bypeer.core.groups import Place
from bypeer.core.nat import Join, between
from bypeer.core.segment import NO_TIME
from bypeer.core.study import Kept


def order(found: Join, kept: Kept, roles: Mapping[int, Role] | None = None) -> None:
    """Put the sides of a connection right, if neither TTLs nor the user (`roles`) have done it."""
    if len(found.places) < 2 or any(place.has_ttls for place in found.places):
        return
    if any(place.vantage[0] in (roles or {}) for place in found.places):
        return
    near, far = found.places if found.client_inside else found.places[::-1]
    one_clock = near.vantage[0] == far.vantage[0]
    forth, back = (_delay(near, far, way, kept, one_clock) for way in (TO_SERVER, TO_CLIENT))
    if (forth is None or back is None) and not (one_clock and forth != back):
        found.sure = False
    elif (forth or 0) < (back or 0):
        turned = between([far, near], {})
        found.inside, found.outside, found.client_inside = turned.inside, turned.outside, turned.client_inside


def _delay(near: Place, far: Place, way: int, kept: Kept, one_file: bool) -> int | None:
    """How much later the far place saw the segments of a direction than the near one: the median, in ns.

    Of undated segments in one file, how many frames later.
    """
    here, there = (_times(place, way, kept, one_file) for place in (near, far))
    delays = sorted(there[key] - ts for key, ts in here.items() if key in there)
    return delays[len(delays) // 2] if delays else None


def _times(place: Place, way: int, kept: Kept, one_file: bool) -> dict[tuple[int, ...], int]:
    """When each segment of a direction passed first."""
    found: dict[tuple[int, ...], int] = {}
    excerpt = kept.get((place.vantage, place.connection.number))
    for direction, one in excerpt.rows if excerpt is not None else ():
        if direction ^ place.flipped == way and (one.ts != NO_TIME or one_file):
            key = one.seq, one.ack, one.size, one.flags, one.tsval, one.tsecr
            found.setdefault(key, one.frame if one.ts == NO_TIME else one.ts)
    return found
