"""Ways in which a connection could have been taken otherwise, that take something away.

A verdict may then become undetermined, but not another one.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from random import Random

from tests.make import Taken
from tests.retaken.pair import Draft, Headers, Pair, Way, end, headers, peers, snapped


def as_ipv6(pair: Pair, chance: Random) -> Pair:
    """With IPv6 for IPv4, which has no identification."""
    return {side: [_as_ipv6(one) for one in rows] for side, rows in pair.items()}


def _as_ipv6(one: Taken) -> Taken:
    at, octets = headers(one.octets), one.octets
    if at is None or at.version == 6:
        return one
    ends, prefix = octets[at.source.start : at.target.stop], bytes.fromhex("20010db8") + bytes(8)
    size = int.from_bytes(octets[at.ip + 2 : at.ip + 4], "big") - (at.tcp - at.ip)
    new = prefix + ends[:4] + prefix + ends[4:]
    head = struct.pack(">IHBB", 6 << 28, max(0, size), 6, octets[at.ttl]) + new
    draft = Draft(octets[:12] + b"\x86\xdd" + head + octets[at.tcp :], Headers(6, at.ip, at.ip + 40))
    draft.mend(draft.at.tcp + 16, ends + bytes(24), new, not Draft(octets, at).unfinished)
    length = (len(octets) if one.length is None else one.length) + draft.at.tcp - at.tcp
    return one._replace(octets=bytes(draft.octets), length=length)


def milliseconds(pair: Pair, chance: Random) -> Pair:
    """With times so coarse that what happened at once cannot be told apart."""
    unit = chance.choice((10_000, 100_000, 1_000_000, 10_000_000))
    return {side: [one._replace(ts=one.ts // unit * unit) for one in rows] for side, rows in pair.items()}


def cut_short(pair: Pair, chance: Random) -> Pair:
    """With a snapshot length that leaves out options."""
    return snapped(pair, chance.choice((54, 60, 64, 68, 74)))


def jittered(pair: Pair, chance: Random) -> Pair:
    """With each time wrong by some microseconds: several queues, or cores."""
    most = chance.choice((2_000, 20_000, 200_000))
    side = chance.choice(list(pair))
    rows = [one._replace(ts=one.ts + chance.randrange(most)) for one in pair[side]]
    return pair | {side: sorted(rows, key=lambda one: one.ts)}


def disordered(pair: Pair, chance: Random) -> Pair:
    """With neighbours in the wrong order in the file, each with its own time."""
    side, rows = chance.choice(list(pair)), []
    rows = list(pair[side])
    for at in range(len(rows) - 1):
        if chance.random() < 0.05:
            rows[at], rows[at + 1] = rows[at + 1], rows[at]
    return pair | {side: rows}


def doubled(pair: Pair, chance: Random) -> Pair:
    """With each packet taken twice at one side: a bridge and its port, or a mirror port."""
    side, later = chance.choice(list(pair)), chance.choice((0, 1_000, 20_000))
    rows = [row for one in pair[side] for row in (one, one._replace(ts=one.ts + later))]
    return pair | {side: sorted(rows, key=lambda one: one.ts)}


def scattered_losses(pair: Pair, chance: Random) -> Pair:
    """With some packets missing here and there."""
    share = chance.choice((0.002, 0.01, 0.05, 0.2))
    found = dict(pair)
    for side in chance.choice((("inside",), ("outside",), ("inside", "outside"))):
        found[side] = [one for one in pair[side] if chance.random() > share] or pair[side][:1]
    return found


def one_lost(pair: Pair, chance: Random) -> Pair:
    """With one packet missing."""
    side = chance.choice(list(pair))
    at = chance.randrange(max(1, len(pair[side])))
    return pair | {side: pair[side][:at] + pair[side][at + 1 :] or pair[side]}


def burst_lost(pair: Pair, chance: Random) -> Pair:
    """With some packets that followed one another missing."""
    side = chance.choice(list(pair))
    rows = pair[side]
    since = chance.randrange(max(1, len(rows)))
    until = since + chance.randrange(1, max(2, len(rows) // 4))
    return pair | {side: rows[:since] + rows[until:] or rows[:1]}


def began_late(pair: Pair, chance: Random) -> Pair:
    """With one capture, or both, begun in the middle."""
    found, share = dict(pair), chance.random()
    for side in chance.choice((("inside",), ("outside",), ("inside", "outside"))):
        rows = pair[side]
        found[side] = rows[int(len(rows) * share) :] or rows[-1:]
    return found


def ended_early(pair: Pair, chance: Random) -> Pair:
    """With one capture, or both, ended in the middle."""
    found, share = dict(pair), chance.random()
    for side in chance.choice((("inside",), ("outside",), ("inside", "outside"))):
        rows = pair[side]
        found[side] = rows[: 1 + int(len(rows) * share)]
    return found


def one_way(pair: Pair, chance: Random) -> Pair:
    """With one direction alone taken at one side (tcpdump -Q, a tap)."""
    side, known, from_peer = chance.choice(list(pair)), peers(pair), chance.random() < 0.5
    rows = [
        one
        for one in pair[side]
        if (at := headers(one.octets)) is None or (one.octets[at.source] in known) == from_peer
    ]
    return pair | {side: rows or pair[side][:1]}


def flags_only(pair: Pair, chance: Random) -> Pair:
    """With a filter that takes SYNs, FINs and RSTs alone, at one side or both."""
    found = dict(pair)
    for side in chance.choice((("inside",), ("outside",), ("inside", "outside"))):
        rows = [one for one in pair[side] if (at := headers(one.octets)) and one.octets[at.tcp + 13] & 7]
        found[side] = rows or pair[side][:1]
    return found


def no_connection_apart(pair: Pair, chance: Random) -> Pair:
    """With a filter for one port at a time, as tickets have it: at each side the busiest pair of ends."""
    found = {}
    for side, rows in pair.items():
        counts: dict[frozenset[tuple[bytes, int]], int] = {}
        for one in rows:
            if (at := headers(one.octets)) is not None:
                both = frozenset((end(one.octets, at, False), end(one.octets, at, True)))
                counts[both] = counts.get(both, 0) + 1
        busiest = max(counts, key=lambda both: counts[both], default=frozenset())
        found[side] = [one for one in rows if _between(one, busiest)] or rows[:1]
    return found


def _between(one: Taken, both: frozenset[tuple[bytes, int]]) -> bool:
    at = headers(one.octets)
    return at is not None and frozenset((end(one.octets, at, False), end(one.octets, at, True))) == both


def resegmented(pair: Pair, chance: Random) -> Pair:
    """With segments that follow one another at one side put together, as a network card does (GRO, LRO)."""
    side, rows, found = chance.choice(list(pair)), [], []
    rows = pair[side]
    joined = [_joined(one, other) if chance.random() < 0.6 else None for one, other in pairwise(rows)]
    at = 0
    while at < len(rows):
        whole = joined[at] if at < len(joined) else None
        found.append(rows[at] if whole is None else whole)
        at += 1 if whole is None else 2
    return pair | {side: found}


def _joined(one: Taken, other: Taken) -> Taken | None:
    """One segment of two that GRO would have put together; None where it would not."""
    at, behind = headers(one.octets), headers(other.octets)
    if at is None or behind is None or at != behind or at.version != 4:
        return None
    if one.octets[at.source.start : at.target.stop + 4] != other.octets[at.source.start : at.target.stop + 4]:
        return None
    if one.octets[at.tcp + 8 : at.tcp + 14] != other.octets[at.tcp + 8 : at.tcp + 14]:  # SEG.ACK, flags
        return None
    if one.octets[at.tcp + 13] != 0x10 or one.octets[at.ttl] != other.octets[at.ttl]:
        return None
    header = (one.octets[at.tcp + 12] >> 4) * 4
    if (
        header != (other.octets[at.tcp + 12] >> 4) * 4
        or one.octets[at.tcp + 20 : at.tcp + header] != other.octets[at.tcp + 20 : at.tcp + header]
    ):
        return None
    sizes = [int.from_bytes(row.octets[at.ip + 2 : at.ip + 4], "big") - 20 - header for row in (one, other)]
    numbers = [int.from_bytes(row.octets[at.tcp + 4 : at.tcp + 8], "big") for row in (one, other)]
    if min(sizes) <= 0 or (numbers[0] + sizes[0]) & 0xFFFF_FFFF != numbers[1] or sum(sizes) > 60_000:
        return None
    draft = Draft(one.octets[: at.tcp + header], at)
    draft.put(at.ip + 2, sum(sizes) + 20 + header, 2)
    return Taken(bytes(draft.octets), other.ts, at.tcp + header + sum(sizes))


LOSSY: dict[str, Way] = {
    one.__name__: one
    for one in (
        as_ipv6, milliseconds, cut_short, jittered, disordered, doubled, scattered_losses, one_lost,
        burst_lost, began_late, ended_early, one_way, flags_only, no_connection_apart, resegmented,
    )
}  # fmt: skip
