"""Which segments of which connections are worth a second look, within bounds.

A connection of which little was captured is kept whole. Of a longer one its beginning is, its
end, and the time round each FIN, each RST and the longest pause: what kills a connection shows
there. The time is the same at every vantage, so that both sides of the NAT can be matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bypeer.core.connection import TICK, TO_SERVER, Connection
from bypeer.core.entry import Rules
from bypeer.core.excerpt import HEAD, MOST_ROWS, Excerpt
from bypeer.core.groups import Place
from bypeer.core.kernels import KERNELS, newest
from bypeer.core.nat import Join
from bypeer.core.segment import NO_TIME

# Segments kept in all: about 0.4 kB each, and as much again while they are studied.
MOST_SEGMENTS = 32_768
WHOLE = 4 * TICK  # segments up to which a connection is kept whole
# ns. Forwarding takes no longer than these, as a rule.
_LEAST, _MARGIN, _AFTER = 1_000_000, 50_000_000, 1_000_000_000

Excerpts = dict[tuple[tuple[int, int], int], Excerpt]  # by vantage and connection


def choose(joins: Sequence[Join]) -> tuple[list[Join], Excerpts]:
    """What of these connections is kept, the first ones first, until there is no more room.

    Everything, if it is little enough.
    """
    chosen: list[Join] = []
    excerpts: Excerpts = {}
    if sum(place.segments for one in joins for place in one.places_and_strays) <= MOST_SEGMENTS:
        return list(joins), {_key(place): Excerpt() for one in joins for place in one.places_and_strays}
    rules = Rules(newest(KERNELS))
    room = MOST_SEGMENTS
    for one in joins:
        wanted = _excerpts(one, rules)
        room -= sum(_size(place, wanted[_key(place)]) for place in one.places_and_strays)
        if room < 0 and chosen:
            break
        chosen.append(one)
        excerpts |= wanted
    return chosen, excerpts


def _key(place: Place) -> tuple[tuple[int, int], int]:
    return place.vantage, place.connection.number


def _excerpts(one: Join, rules: Rules) -> Excerpts:
    """Each place of a connection whole, or the same stretches of time at each."""
    places = one.places_and_strays
    if all(place.segments <= WHOLE for place in places):
        return {_key(place): Excerpt() for place in places}
    ahead = {_key(place): _ahead(place, places[0]) for place in places}
    marks = [
        (since - ahead[_key(place)], at - ahead[_key(place)])
        for place in places
        for since, at in _marks(place.connection)
    ]
    merged = _merged(marks)
    return {
        key: Excerpt([(since + clock, until + clock) for since, until in merged], rules)
        for key, clock in ahead.items()
    }


def _marks(row: Connection) -> Iterable[tuple[int, int]]:
    """The moments of a connection that matter, each with one some time before."""
    marks = [*row.marks, row.mark]
    if row.pause:
        marks += [row.paused, (row.paused[1] + row.pause,) * 2]
    return [one for one in marks if one[0] != NO_TIME]


def _merged(marks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches round these moments, in order, none meeting another."""
    merged: list[tuple[int, int]] = []
    for since, until in sorted(_round(since, at) for since, at in marks):
        if merged and since <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(until, merged[-1][1])
        else:
            merged.append((since, until))
    return merged


def _round(since: int, at: int) -> tuple[int, int]:
    """From somewhat before to a quarter as long after, where no pause makes that too long."""
    span = at - since
    return since - max(_LEAST, min(span // 8, _MARGIN)), at + max(_LEAST, min(span // 4, _AFTER))


def _ahead(place: Place, reference: Place) -> int:
    """How far a vantage's clock is ahead of the reference's, ns, by when it saw the connection open.

    Zero in one file, or where that was not captured: then the clocks must agree.
    """
    if place.vantage[0] == reference.vantage[0]:
        return 0
    opened = all(one.half(TO_SERVER).isn >= 0 for one in (place, reference))
    return place.connection.started - reference.connection.started if opened else 0


def _size(place: Place, excerpt: Excerpt) -> int:
    """About how many segments an excerpt will have."""
    if not excerpt.partial:
        return place.segments
    return min(place.segments, HEAD + MOST_ROWS * len(excerpt.stretches) // 2)
