"""Which connections are one and the same, seen at several vantages, and where the NAT is.

The mapping is not asked for. Connections are the same when their initial sequence numbers
are; where the handshake was not captured, when they share segments (`connection.fingerprint`);
at last when their sequence ranges overlap both ways and one endpoint is the same.

Then the vantages are put in order along the path: a forwarded packet has one hop less. The
NAT lies where the tuple changes. `inside` is the side whose addresses it hides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bypeer.core.addresses import private
from bypeer.core.connection import TO_CLIENT, TO_SERVER, Connection, Half
from bypeer.core.explanation import Nat, Role
from bypeer.core.groups import Place, grouped, opened
from bypeer.core.segment import NO_TIME

# What systems set the TTL of their own packets to: 64 (Linux, BSD), 128 (Windows), 255
# (routers, Solaris), 32 (old Windows). Seen undiminished, the sender is on this very link.
INITIAL_TTLS = frozenset((32, 64, 128, 255))


@dataclass(slots=True)
class Join:
    """One connection: where it was seen, and the NAT between."""

    inside: Place | None = None
    outside: Place | None = None
    client_inside: bool = True  # whether the inside endpoint opened it
    nat: Nat = "unknown"
    sure: bool = True  # the role of a lone vantage may be a guess
    beyond: bool = False  # `outside` was taken beyond the host's own interface: at a router or the peer
    extra: list[tuple[Role, Place]] = field(default_factory=list)  # further captures of it
    strays: list[tuple[Role, Place]] = field(default_factory=list)  # its packets with a wrong tuple

    @property
    def places(self) -> list[Place]:
        """Where it was seen with its proper tuple: inside, outside."""
        return [place for place in (self.inside, self.outside) if place is not None]

    @property
    def places_and_strays(self) -> list[Place]:
        """Where its packets were seen at all, but for further captures of a side."""
        return [*self.places, *(place for _, place in self.strays)]

    @property
    def merged(self) -> bool:
        """Whether both sides lie in one capture that does not tell its interfaces apart."""
        here, there = self.inside, self.outside
        return here is not None and there is not None and here.vantage == there.vantage

    @property
    def started(self) -> int:
        """Time of the first segment, by the clock of the first place; NO_TIME if undated."""
        return min((place.connection.started for place in self.places), default=NO_TIME)


def join(
    connections: Mapping[int, Sequence[Connection]], roles: Mapping[int, Role] | None = None
) -> list[Join]:
    """Connections by input to joins, in order of time.

    `roles` says which inputs the user called inside or outside.
    """
    places = [Place((number, row.interface), row) for number, rows in connections.items() for row in rows]
    found = [_arrange(group, roles or {}) for group in grouped(places)]
    return sorted(found, key=lambda one: (one.started, one.places[0].connection.number))


# Order along the path


def _arrange(group: list[Place], roles: Mapping[int, Role]) -> Join:
    """Say of each place whether it is inside, outside, further out, or a stray."""
    if len(group) == 1:
        return _alone(group[0], roles)
    mains, strays = _mains(group)
    fullest = max(mains, key=lambda place: place.segments)  # it shares most with each other place
    mains.sort(key=lambda place: _depth(place, fullest))
    found = _alone(mains[0], roles) if len(mains) == 1 else between(mains, roles)
    within = [main for role, main in found.extra if role == "inside"]
    within += [found.inside] if found.inside is not None else []
    for place in strays:
        inside = any(main.vantage == place.vantage for main in within)
        found.strays.append(("inside" if inside and not found.merged else "outside", place))
    return found


def _mains(group: Sequence[Place]) -> tuple[list[Place], list[Place]]:
    """The places with a proper tuple, one a vantage, and the rest.

    A vantage that holds both sides (`-i any` without interface numbers, merged files) shows
    the connection under two tuples one hop apart: both are proper. Where no TTL is known (printed
    text), both are if the endpoint that NAT hides was sent something by either: strays it sends.
    """
    if len({place.vantage for place in group}) == len(group):
        return list(group), []  # as almost always
    mains: list[Place] = []
    strays: list[Place] = []
    for vantage in dict.fromkeys(place.vantage for place in group):
        here = [place for place in group if place.vantage == vantage]
        here.sort(key=lambda place: (-opened(place), -place.segments))
        first, rest = here[0], here[1:]
        twins = [one for one in rest if opened(one) == opened(first) and _one_hop(one, first)]
        mains += [first, *twins[:1]]
        strays += [one for one in rest if one not in twins[:1]]
    return mains, strays


def _one_hop(one: Place, other: Place) -> bool:
    """Whether two tuples at one vantage are those of the two sides of the host there."""
    if one.has_ttls or other.has_ttls:
        return abs(_depth(one, other)) == 1
    hidden = TO_CLIENT if one.client != other.client else TO_SERVER  # towards it
    if not (one.half(hidden).segments and other.half(hidden).segments):
        return False
    return any(set(one.half(way).sketch) & set(other.half(way).sketch) for way in (TO_SERVER, TO_CLIENT))


def _depth(place: Place, reference: Place) -> float:
    """How many hops further from the client than the reference; 0 where TTLs do not tell."""
    steps = _steps(place, reference) if place is not reference else []
    return sum(steps) / len(steps) if steps else 0.0


def _steps(place: Place, reference: Place) -> list[int]:
    """The same by each direction that tells."""
    steps = []
    for direction, sign in ((TO_SERVER, 1), (TO_CLIENT, -1)):
        mine, theirs = place.half(direction).ttl, reference.half(direction).ttl
        if mine and theirs:
            steps.append(sign * (theirs - mine))
    return steps


def _alone(place: Place, roles: Mapping[int, Role]) -> Join:
    """A lone vantage: a packet that has not lost a hop comes from an endpoint right here."""
    client, server = place.half(TO_SERVER).ttl in INITIAL_TTLS, place.half(TO_CLIENT).ttl in INITIAL_TTLS
    given = roles.get(place.vantage[0])
    if given == "inside" or (given is None and client and not server):
        return Join(inside=place, client_inside=client or not server, sure=given is not None)
    if not (client or server):
        made_here = [_made_here(place.half(way)) for way in (TO_SERVER, TO_CLIENT)]
        if made_here[0] != made_here[1]:
            # The host's own RSTs leave towards the outside: their direction tells which way that is.
            return Join(outside=place, client_inside=made_here[TO_SERVER])
    return Join(outside=place, client_inside=not client or server, sure=given is not None)


def _made_here(half: Half) -> bool:
    """Whether RSTs of this direction have lost no hop, although its other segments have."""
    return bool(half.ttls) and any(ttl in INITIAL_TTLS and ttl not in half.ttls for ttl in half.reset_ttls)


def between(mains: list[Place], roles: Mapping[int, Role]) -> Join:
    """Two vantages or more, nearest to the client first."""
    cut = _boundary(mains, roles)
    near, far = mains[: cut + 1], mains[cut + 1 :]
    found = Join(nat=_nat(near[-1], far[0]))
    found.client_inside = _client_inside(near[-1], far[0], found.nat, roles)
    inner, outer = (near[::-1], far) if found.client_inside else (far, near[::-1])
    if found.nat == "none" and not roles:
        beyond = _both_beyond(near, far)
        if beyond is not None:
            return beyond
    found.inside, found.outside = _fullest(inner), _fullest(outer)
    # Both directions have to say so: one alone may be full of what a forger sent.
    steps = _steps(found.outside, found.inside)
    found.beyond = bool(steps) and all(abs(step) > 1 for step in steps)
    found.extra = [("inside", place) for place in inner if place is not found.inside]
    found.extra += [("peer", place) for place in outer if place is not found.outside]
    return found


def _fullest(side: Sequence[Place]) -> Place:
    """Of the places at the same hop as the nearest to the NAT, the one that saw most."""
    if len(side) == 1:
        return side[0]
    level = [place for place in side if abs(_depth(place, side[0])) < 1]
    return max(level, key=lambda place: place.segments)


def _boundary(mains: Sequence[Place], roles: Mapping[int, Role]) -> int:
    """The row after which the NAT lies."""
    for row in range(len(mains) - 1):
        given = [roles.get(mains[at].vantage[0]) for at in (row, row + 1)]
        if None not in given and given[0] != given[1]:
            return row
    for row in range(len(mains) - 1):
        if _nat(mains[row], mains[row + 1]) != "none":
            return row
    for row in range(len(mains) - 1):
        if _depth(mains[row + 1], mains[row]) >= 1:
            return row
    return 0


def _nat(near: Place, far: Place) -> Nat:
    source, target = near.client != far.client, near.server != far.server
    if source:
        return "both" if target else "source"
    return "destination" if target else "none"


def _both_beyond(near: Sequence[Place], far: Sequence[Place]) -> Join | None:
    """Captures without a NAT between them may all lie beyond the host: at its outside, at the peer.

    The host's own RSTs tell: they start undiminished at the nearest of them. Else a peer whose
    packets start right at one of them, with an address that is not a private one, is outside.
    """
    onward, backward = [*near, *far], [*far[::-1], *near[::-1]]
    first, last = onward[0], backward[0]
    if any(_made_here(place.half(TO_SERVER)) for place in near):
        return _beyond(onward, client_inside=True)
    if any(_made_here(place.half(TO_CLIENT)) for place in far):
        return _beyond(backward, client_inside=False)
    client, server = first.half(TO_SERVER).ttl in INITIAL_TTLS, last.half(TO_CLIENT).ttl in INITIAL_TTLS
    if client or (server and private(last.server) and not private(last.client)):
        return None
    return _beyond(onward, client_inside=True, sure=server)


def _beyond(places: Sequence[Place], client_inside: bool, sure: bool = True) -> Join:
    """All of these, the nearest to the host first, on its outer side."""
    extra: list[tuple[Role, Place]] = [("peer", place) for place in places[1:]]
    return Join(outside=places[0], client_inside=client_inside, extra=extra, sure=sure)


def _client_inside(near: Place, far: Place, nat: Nat, roles: Mapping[int, Role]) -> bool:
    """Whether the client is the endpoint behind the NAT; else the server is."""
    given = roles.get(near.vantage[0])
    if given is not None:
        return given == "inside"
    if roles.get(far.vantage[0]) is not None:
        return roles[far.vantage[0]] == "outside"
    if nat == "source":
        return True
    client = near.half(TO_SERVER).ttl in INITIAL_TTLS
    there = far.half(TO_CLIENT)
    server = (there.ttl or max(there.reset_ttls, default=0)) in INITIAL_TTLS  # it may have but refused
    if client != server:
        return client
    if nat == "none":
        return True
    # A published port hides a private server; a service's virtual address is as private as its pods.
    return private(near.server) or not private(far.server)
