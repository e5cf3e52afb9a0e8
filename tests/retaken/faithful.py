"""Ways in which the same connection could have been taken otherwise, or could have been another one like it.

They keep all that a verdict rests on.
"""

from __future__ import annotations

from random import Random

from bypeer.core.nat import INITIAL_TTLS
from tests import make, scene
from tests.make import Taken
from tests.retaken.pair import Draft, Pair, Way, changed, headers, options, peers, snapped

_RST, _TIMESTAMPS, _SACK = 4, 8, 5
CLEAN = (
    scene.ASKED
    + """
    1.000 < F. 1449:1449(0) ack 101 win 509
    1.001 > F. 101:101(0) ack 1450 win 502
    1.002 < . 1450:1450(0) ack 102 win 509
"""
)


def other_numbers(pair: Pair, chance: Random) -> Pair:
    """With other initial sequence numbers, so that they wrap somewhere else."""
    known, shifts = peers(pair), [chance.getrandbits(32), chance.getrandbits(32)]
    if not known:
        return pair  # nothing tells the directions

    def change(_: str, draft: Draft) -> None:
        at, octets = draft.at, draft.octets
        mine, other = shifts if bytes(octets[at.source]) in known else shifts[::-1]
        flags, seq = octets[at.tcp + 13], draft.get(at.tcp + 4, 4)
        if seq or not flags & _RST:  # a RST that answers what had no ACK has none of its own
            draft.put(at.tcp + 4, seq + mine, 4)
        if draft.get(at.tcp + 8, 4):
            draft.put(at.tcp + 8, draft.get(at.tcp + 8, 4) + other, 4)
        for kind, pos, size in list(options(octets, at)):
            if kind == _SACK:
                for edge in range(pos, pos + size, 4):
                    _put_unaligned(draft, edge, draft.get(edge, 4) + other)

    return changed(pair, change)


def other_timestamps(pair: Pair, chance: Random) -> Pair:
    """With other clocks behind the timestamps option."""
    known, shifts = peers(pair), [chance.getrandbits(32), chance.getrandbits(32)]
    if not known:
        return pair  # nothing tells the directions

    def change(_: str, draft: Draft) -> None:
        at = draft.at
        mine, other = shifts if bytes(draft.octets[at.source]) in known else shifts[::-1]
        for kind, pos, size in list(options(draft.octets, at)):
            if kind == _TIMESTAMPS and size == 8:
                _put_unaligned(draft, pos, draft.get(pos, 4) + mine)
                if draft.get(pos + 4, 4):
                    _put_unaligned(draft, pos + 4, draft.get(pos + 4, 4) + other)

    return changed(pair, change)


def _put_unaligned(draft: Draft, at: int, value: int) -> None:
    """Write a number of four octets that may begin at an odd one."""
    if at % 2 == 0:
        draft.put(at, value, 4)
        return
    new = bytearray(draft.octets[at - 1 : at + 5])
    new[1:5] = (value & 0xFFFF_FFFF).to_bytes(4, "big")
    if len(new) == 6:
        draft.put_octets(at - 1, bytes(new))


def other_addresses(pair: Pair, chance: Random) -> Pair:
    """Between other hosts, one bit of whose addresses differs, and other ports above 1023."""
    mask = bytes((0, 0, chance.randrange(256), 0))
    ports = chance.randrange(1024, 60_000)

    def change(_: str, draft: Draft) -> None:
        at = draft.at
        for part in (at.source, at.target):
            old = bytes(draft.octets[part])
            new = bytes(a ^ b for a, b in zip(old, bytes(len(old) - 4) + mask, strict=True))
            draft.put_octets(part.start, new)
        for place in (at.tcp, at.tcp + 2):
            port = draft.get(place, 2)
            if port > 1023:
                draft.put(place, 1024 + (port - 1024 + ports) % (65536 - 1024), 2)

    return changed(pair, change)


def further_away(pair: Pair, chance: Random) -> Pair:
    """With more routers between the NAT and those outside."""
    known, hops = peers(pair), chance.randrange(1, 25)

    def change(side: str, draft: Draft) -> None:
        at = draft.at
        ttl = draft.octets[at.ttl]
        made_here = side == "inside" and ttl in INITIAL_TTLS  # by the NAT host, in a peer's name
        if bytes(draft.octets[at.source]) in known and ttl > hops + 2 and not made_here:
            even = at.ttl & ~1
            both = bytearray(draft.octets[even : even + 2])
            both[at.ttl & 1] -= hops
            draft.put_octets(even, bytes(both))

    return changed(pair, change)


def other_clock(pair: Pair, chance: Random) -> Pair:
    """By a clock that is ahead of the other's, or behind it."""
    side, ahead = chance.choice(list(pair)), round(chance.choice((0.4, 30, 7200, 10**7)) * 1e9)
    ahead = chance.choice((-1, 1)) * (ahead + chance.randrange(10**8))
    return pair | {side: [one._replace(ts=one.ts + ahead) for one in pair[side]]}


def drifting_clock(pair: Pair, chance: Random) -> Pair:
    """By a clock that runs faster than the other, or slower."""
    side, rate = chance.choice(list(pair)), chance.uniform(-40e-6, 40e-6)
    rows = pair[side]
    if not rows:
        return pair
    began = rows[0].ts
    return pair | {side: [one._replace(ts=one.ts + round((one.ts - began) * rate)) for one in rows]}


def microseconds(pair: Pair, chance: Random) -> Pair:
    """With times in microseconds."""
    return {side: [one._replace(ts=one.ts // 1000 * 1000) for one in rows] for side, rows in pair.items()}


def headers_only(pair: Pair, chance: Random) -> Pair:
    """With the headers alone captured, of which the longest have 14 + 20 + 60 octets, or 40 for IPv6."""
    return snapped(pair, chance.choice((114, 120)))


def tagged(pair: Pair, chance: Random) -> Pair:
    """With a VLAN tag outside."""
    tag = b"\x81\x00" + chance.randrange(1, 4095).to_bytes(2, "big")
    rows = [
        one._replace(
            octets=one.octets[:12] + tag + one.octets[12:],
            length=(len(one.octets) if one.length is None else one.length) + 4,
        )
        for one in pair["outside"]
    ]
    return pair | {"outside": rows}


def another_port(pair: Pair, chance: Random) -> Pair:
    """Where the NAT chose another port for what it translates."""
    by = chance.randrange(1, 2_000)
    host = _addresses(pair["outside"]) - _addresses(pair["inside"])

    def change(side: str, draft: Draft) -> None:
        at = draft.at
        for place, part in ((at.tcp, at.source), (at.tcp + 2, at.target)):
            port = draft.get(place, 2)
            if side == "outside" and bytes(draft.octets[part]) in host and 32_000 < port < 63_000:
                draft.put(place, port + by, 2)

    return changed(pair, change)


def _addresses(rows: list[Taken]) -> set[bytes]:
    found = set()
    for one in rows:
        if (at := headers(one.octets)) is not None:
            found |= {one.octets[at.source], one.octets[at.target]}
    return found


def among_others(pair: Pair, chance: Random) -> Pair:
    """With connections beside it that end as they should."""
    count, isns = chance.randrange(1, 6), (chance.getrandbits(32), chance.getrandbits(32))
    beside, found = scene.frames(*[CLEAN] * count, linger=0, isns=isns), {}
    since = min(one.ts for rows in pair.values() for one in rows) - scene.START + chance.randrange(10**9)
    for side, more in zip(pair, beside, strict=True):
        rows = [Taken(make.ethernet(one.octets), one.ts + since, 14 + len(one.octets)) for one in more]
        found[side] = sorted([*pair[side], *rows], key=lambda one: one.ts)
    return found


FAITHFUL: dict[str, Way] = {
    one.__name__: one
    for one in (
        other_numbers, other_timestamps, other_addresses, further_away, other_clock, drifting_clock,
        microseconds, headers_only, tagged, another_port, among_others,
    )
}  # fmt: skip
