"""Which connections are one and the same, seen at several vantages or under several tuples.

By their initial sequence numbers; where the handshake was not captured, by the segments that they
share (`connection.fingerprint`); at last by sequence ranges that overlap both ways and an endpoint
that is equal, or by a tuple that belongs to another vantage.

Strangers choose numbers and tuples. So nothing here is tried on more than a few candidates: a number
that many connections have in common tells none of them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bypeer.core import seq
from bypeer.core.addresses import Endpoint
from bypeer.core.connection import TO_CLIENT, TO_SERVER, Connection, Half

# This many segments in common make two captures the same connection: a fingerprint has 31 bits.
_ALIKE = 2
# Candidates of a kind, at most, and places of one connection.
FEW = 64


@dataclass(slots=True)
class Place:
    """A connection as one vantage saw it."""

    vantage: tuple[int, int]  # input, Segment.interface
    connection: Connection
    flipped: bool = False  # the client was guessed wrong at this vantage

    @property
    def client(self) -> Endpoint:
        """The opener's address and port, as seen here."""
        return self.connection.server if self.flipped else self.connection.client

    @property
    def server(self) -> Endpoint:
        """The other's address and port, as seen here."""
        return self.connection.client if self.flipped else self.connection.server

    def half(self, direction: int) -> Half:
        """The summary of one direction."""
        return self.connection.halves[direction ^ self.flipped]

    @property
    def has_ttls(self) -> bool:
        """Whether any TTL is known."""
        return any(any(half.ttls) or any(half.reset_ttls) for half in self.connection.halves)

    @property
    def segments(self) -> int:
        """How many segments were seen here."""
        there, back = self.connection.halves
        return there.segments + back.segments


Group = list[Place]
K = TypeVar("K")
V = TypeVar("V")


def grouped(places: Iterable[Place]) -> list[Group]:
    """Places of the same connection together."""
    groups: dict[int, Group] = {}
    by_isn: dict[tuple[int, int], Group] = {}
    unopened: list[Place] = []
    for place in places:
        isns = [half.isn for half in place.connection.halves]
        keys = [(direction, isn) for direction, isn in enumerate(isns) if isn >= 0]
        if not keys:
            unopened.append(place)
            continue
        near = [by_isn[key] for key in keys if key in by_isn]
        group = _merged(groups, near, isns) if near else []
        group.append(place)
        groups[id(group)] = group
        if not near:  # as almost always in a single capture
            for key in keys:
                by_isn[key] = group
            continue
        for known in group:
            numbers = enumerate(half.isn for half in known.connection.halves)
            by_isn |= {(direction, isn): group for direction, isn in numbers if isn >= 0}
    found = list(groups.values())
    if unopened:
        _adopt(found, unopened)
    return found


def _merged(groups: dict[int, Group], near: Iterable[Group], isns: Sequence[int]) -> Group:
    """One group of those that fit these numbers; a new one, if none does."""
    fits = {id(one): one for one in near if len(one) < FEW and _agree(one, isns)}
    for key in fits:
        groups.pop(key, None)
    return [known for one in fits.values() for known in one]


def _agree(group: Group, isns: Sequence[int]) -> bool:
    """Whether both initial sequence numbers fit, where both are known."""
    return all(
        mine < 0 or theirs < 0 or mine == theirs
        for place in group
        for mine, theirs in zip((half.isn for half in place.connection.halves), isns, strict=True)
    )


@dataclass(slots=True)
class _Index:
    """Where to look for the group of a place that has no handshake."""

    prints: dict[int, list[Group]] = field(default_factory=dict)
    ends: dict[Endpoint, list[Group]] = field(default_factory=dict)
    tuples: dict[tuple[Endpoint, Endpoint], list[tuple[Place, Group]]] = field(default_factory=dict)

    def add(self, group: Group, places: Iterable[Place]) -> None:
        """Have these places of a group found."""
        for place in places:
            for half in place.connection.halves:
                for value in half.sketch:
                    _few(self.prints, value, group)
            _few(self.ends, place.client, group)
            _few(self.ends, place.server, group)
            if opened(place) or len(group) > 1:  # what belongs nowhere is no place where others might
                _few(self.tuples, (place.client, place.server), (place, group))


def _few(index: dict[K, list[V]], key: K, value: V) -> None:
    line = index.setdefault(key, [])
    if len(line) < FEW and not any(value is known for known in line):
        line.append(value)


def _adopt(groups: list[Group], unopened: Iterable[Place]) -> None:
    """Add the places without a handshake to the group they fit, the largest first."""
    index = _Index()
    for group in groups:
        index.add(group, group)
    for place in sorted(unopened, key=lambda one: -one.segments):
        group = _by_sketch(index, place) or _by_range(index, place) or _by_tuple(index, place) or []
        if not group:
            groups.append(group)
        group.append(place)
        index.add(group, group if len(group) == 2 else (place,))


def _open(groups: Iterable[Group]) -> list[Group]:
    """Those that have room."""
    return [one for one in groups if len(one) < FEW]


def _by_sketch(index: _Index, place: Place) -> Group | None:
    """The group that shares most segments with this place."""
    votes: dict[int, tuple[int, Group]] = {}
    for half in place.connection.halves:
        for value in half.sketch:
            for group in _open(index.prints.get(value, ())):
                count = votes.get(id(group), (0, group))[0]
                votes[id(group)] = (count + 1, group)
    best = max(votes.values(), key=lambda vote: vote[0], default=None)
    if best is None or best[0] < min(_ALIKE, place.segments):
        return None
    _orient(place, best[1])
    return best[1]


def _orient(place: Place, group: Group) -> None:
    """Turn the place round where its client was guessed unlike the group's."""
    for half, other in ((TO_SERVER, TO_CLIENT), (TO_CLIENT, TO_SERVER)):
        for known in group:
            if set(place.connection.halves[half].sketch) & set(known.half(other).sketch):
                place.flipped = True
                return


def _by_range(index: _Index, place: Place) -> Group | None:
    """The one group whose sequence numbers run through the same ranges, with a common endpoint."""
    if any(half.first < 0 for half in place.connection.halves):
        return None
    near = _open([*index.ends.get(place.client, ()), *index.ends.get(place.server, ())])
    fits = []
    for group in {id(one): one for one in near}.values():
        for flipped in (False, True):
            place.flipped = flipped
            if any(_same_stream(place, known) for known in group):
                fits.append((group, flipped))
                break
    if len(fits) != 1:
        place.flipped = False
        return None
    place.flipped = fits[0][1]
    return fits[0][0]


def _by_tuple(index: _Index, place: Place) -> Group | None:
    """The group that has, at another vantage, just this tuple: packets that left untranslated.

    The last that began before, where the tuple was used several times.
    """
    ends = (place.client, place.server)
    fits: list[tuple[bool, int, bool, Group]] = []
    for turned, there in enumerate((ends, ends[::-1])):
        for known, group in index.tuples.get(there, ()):
            if known.vantage != place.vantage and len(group) < FEW:
                began = known.connection.started
                fits.append((began <= place.connection.started, began, bool(turned), group))
    if not fits:
        return None
    _, _, place.flipped, group = max(fits, key=lambda fit: fit[:2])
    return group


def _same_stream(one: Place, other: Place) -> bool:
    """Whether ranges overlap both ways, one endpoint is the same, and the vantage is not."""
    for way in (TO_SERVER, TO_CLIENT):  # first what most others fail at: numbers are arbitrary
        mine, theirs = one.half(way), other.half(way)
        if mine.first < 0 or theirs.first < 0 or not _overlap(mine, theirs):
            return False
    if one.vantage == other.vantage and (one.client, one.server) == (other.client, other.server):
        return False
    return one.client == other.client or one.server == other.server


def _overlap(mine: Half, theirs: Half) -> bool:
    return seq.distance(mine.low, theirs.high) <= 0 and seq.distance(theirs.low, mine.high) <= 0


def opened(place: Place) -> bool:
    """Whether its handshake was captured, or half of it."""
    return any(half.isn >= 0 for half in place.connection.halves)
