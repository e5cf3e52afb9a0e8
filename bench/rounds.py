"""Connections as chains of rounds: what is in an input, before it is octets.

A connection is opened, then two data segments and an ACK again and again, now and then a loss or a
late segment, at last it is closed, reset or left open (ROUNDS). By the rules of Linux 5.10 a late
segment and the trigger of a "killed" round are INVALID, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bypeer.core.tcp import ACK_, FIN, PSH, RST, SYN

MSS = 1448  # octets; with timestamps a frame of 1,514
LAG, LEAP = 100 * MSS, 90_000_000  # octets: how late a late segment is, how far beyond the window another
SPACING = 5_000  # us from round to round, at least; none lasts longer than a quarter of it
RATE = 0.3  # packets a us of the whole file, at most
CLIENT, SERVER, HOST = range(3)  # HOST: the NAT host, in the client's name


class Row(NamedTuple):
    """A packet of a round; its numbers count from where its round begins."""

    us: int
    who: int
    flags: int
    seq: int = 0
    ack: int = 0
    size: int = 0  # octets
    sack: tuple[int, int] = (0, 0)  # the one block's edges
    unforwarded: bool = False  # outside only
    bare: bool = False  # no options, window 0: a RST of a host without that socket


def _loss() -> Iterator[Row]:
    """The first of nine segments is lost; eight ACKs say so, then it comes again."""
    for sent in range(1, 9):
        yield Row(100 * sent, SERVER, ACK_, seq=sent * MSS, size=MSS)
        yield Row(100 * sent + 60, CLIENT, ACK_, sack=(MSS, (sent + 1) * MSS))
    yield Row(1_000, SERVER, ACK_, size=MSS)
    yield Row(1_060, CLIENT, ACK_, ack=9 * MSS)


def _killed(by: int) -> tuple[Row, ...]:
    """An INVALID segment, the NAT host's RST for it, and how the client hears of that."""
    return (
        Row(0, SERVER, ACK_, seq=by, size=MSS, unforwarded=True),
        Row(20, HOST, RST, unforwarded=True, bare=True),
        Row(600, CLIENT, ACK_ | PSH, size=100),
        Row(1_000, SERVER, RST, bare=True),
    )


# name: the rows, and by how much the client's and the server's numbers grow
ROUNDS: dict[str, tuple[tuple[Row, ...], int, int]] = {
    "open": ((
        Row(0, CLIENT, SYN, seq=-1),
        Row(300, SERVER, SYN | ACK_, seq=-1),
        Row(360, CLIENT, ACK_),
        Row(400, CLIENT, ACK_ | PSH, size=200),
        Row(700, SERVER, ACK_, ack=200),
    ), 200, 0),
    "data": ((
        Row(0, SERVER, ACK_, size=MSS),
        Row(12, SERVER, ACK_ | PSH, seq=MSS, size=MSS),
        Row(90, CLIENT, ACK_, ack=2 * MSS),
    ), 0, 2 * MSS),
    "loss": (tuple(_loss()), 0, 9 * MSS),
    "late": ((
        Row(0, SERVER, ACK_, seq=-LAG, size=MSS),
        Row(60, CLIENT, ACK_, sack=(-LAG, MSS - LAG)),  # RFC 2883
    ), 0, 0),
    "fin": ((
        Row(0, SERVER, FIN | ACK_),
        Row(90, CLIENT, FIN | ACK_, ack=1),
        Row(400, SERVER, ACK_, seq=1, ack=1),
    ), 1, 1),
    "reset": ((Row(0, CLIENT, RST | ACK_),), 0, 0),
    "killed late": (_killed(-LAG), 100, 0),
    "killed beyond": (_killed(LEAP), 100, 0),
    "none": ((), 0, 0),
}  # fmt: skip
OPEN, DATA, LOSS, LATE, FIN_, RESET, KILLED_LATE, KILLED_BEYOND, NONE = range(len(ROUNDS))
LOSSES, LATES = 0.0207, 0.0002  # of rounds; so many losses that 5 % of packets have SACK blocks
RESETS, UNCLOSED = 0.01, 0.05  # of connections

ROWS = [row for rows, _, _ in ROUNDS.values() for row in rows]
COUNT = np.array([len(rows) for rows, _, _ in ROUNDS.values()])
FIRST = np.cumsum(COUNT) - COUNT  # row with which a round begins
GROWTH = np.array([[client, server] for _, client, server in ROUNDS.values()])
COLUMN = {name: np.array([getattr(row, name) for row in ROWS]) for name in Row._fields}
SERVERS = COLUMN["who"] == SERVER


@dataclass(frozen=True)
class Plan:
    """Packets in order of time, and the rounds and connections that they belong to."""

    row: NDArray[np.int64]  # of a packet, in ROWS
    round: NDArray[np.int64]
    us: NDArray[np.int64]
    connection: NDArray[np.int64]  # of a round
    base: NDArray[np.int64]  # of a round: the client's and the server's next number, from 0
    isn: NDArray[np.int64]  # of a connection: the two initial sequence numbers
    kind: NDArray[np.int64]  # of a round

    def counts(self) -> dict[str, int]:
        """What there is of each kind."""
        rounds = np.bincount(self.kind, minlength=len(ROUNDS)).tolist()
        sacks = int((COLUMN["sack"][self.row, 1] != 0).sum())
        killed = rounds[KILLED_LATE] + rounds[KILLED_BEYOND]
        return {
            "connections": len(self.isn), "sack": sacks, "lost": rounds[LOSS],
            "late": rounds[LATE], "fin": rounds[FIN_], "reset": rounds[RESET], "killed": killed,
        }  # fmt: skip


@lru_cache(1)  # several inputs in a row hold the same packets
def plan(packets: int, connections: int, killed: int | None = None, seed: int = 1) -> Plan:
    """That many packets (at most 2 more) in that many connections, about as long each.

    Raises ValueError if they are too few. `killed` connections end by the NAT host's RST, half of
    them for a late segment; then there are no late ones that do no harm, and no other resets.
    """
    chance = np.random.default_rng(seed)
    kind, connection, first = _rounds(chance, packets, connections, killed)
    base = _bases(kind, first, connection)
    # Late by LAG needs so much before it; a fifth more, since some of it is taken away again below.
    short = base[:, 1] < LAG * 6 // 5
    kind[(kind == LATE) & short] = DATA
    kind[(kind == KILLED_LATE) & short] = KILLED_BEYOND
    data = np.flatnonzero(kind == DATA)
    surplus = (int(COUNT[kind].sum()) - packets) // COUNT[DATA]
    if not 0 <= surplus <= len(data):
        raise ValueError(f"{packets} packets are too few for {connections} connections")
    spared = np.ones(len(kind), bool)
    spared[chance.choice(data, surplus, replace=False)] = False
    kind, connection = kind[spared], connection[spared]
    first = np.searchsorted(connection, np.arange(connections))
    span = int(max(packets / RATE, 2 * SPACING * np.bincount(connection).max()))
    began = _round_times(chance, first, connection, span)
    count = COUNT[kind]
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row, round_ = np.repeat(FIRST[kind], count) + within, np.repeat(np.arange(len(kind)), count)
    us = began[round_] + COLUMN["us"][row]
    order = np.argsort(us, kind="stable")
    isn = chance.integers(0, 1 << 32, (connections, 2))
    return Plan(row[order], round_[order], us[order], connection, _bases(kind, first, connection), isn, kind)


def _rounds(
    chance: np.random.Generator, packets: int, connections: int, killed: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """A few more rounds than needed: kind and connection of each, and each connection's first."""
    mean = COUNT[DATA] * (1 - LOSSES) + COUNT[LOSS] * LOSSES
    body = max(packets / connections - COUNT[OPEN] - COUNT[FIN_], 0) / mean
    # 4 %, and one a connection: so much the draw may fall short of its mean.
    length = (body * chance.uniform(0.55, 1.53, connections) + 1.5).astype(np.int64) + 2
    connection = np.repeat(np.arange(connections), length)
    last = np.cumsum(length) - 1
    shares = {DATA: 1 - LOSSES - LATES, LOSS: LOSSES, LATE: LATES}
    ends = {FIN_: 1 - RESETS - UNCLOSED, RESET: RESETS, NONE: UNCLOSED}
    if killed is not None:
        shares, ends = {DATA: 1 - LOSSES, LOSS: LOSSES}, {FIN_: 1.0}
    kind = chance.choice(list(shares), len(connection), p=list(shares.values()))
    kind[last - length + 1] = OPEN
    kind[last] = chance.choice(list(ends), connections, p=list(ends.values()))
    victims = chance.permutation(connections)[: killed or 0]
    kind[last[victims]] = KILLED_BEYOND
    kind[last[victims[::2]]] = KILLED_LATE
    return kind, connection, last - length + 1


def _bases(
    kind: NDArray[np.int64], first: NDArray[np.int64], connection: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Both ends' next number at the beginning of each round, from 0."""
    grown = np.cumsum(GROWTH[kind], axis=0) - GROWTH[kind]
    based: NDArray[np.int64] = grown - grown[first][connection]
    return based


def _round_times(
    chance: np.random.Generator, first: NDArray[np.int64], connection: NDArray[np.int64], span: int
) -> NDArray[np.int64]:
    """When each round begins, us: connections begin in the first half and are of about the same length."""
    length = np.bincount(connection)
    step = max(span // 2 // int(length.max()), SPACING)
    begun = chance.integers(0, span // 2, len(first))
    place = np.arange(len(connection)) - first[connection]
    times: NDArray[np.int64] = (
        begun[connection] + place * step + chance.integers(0, step // 4, len(connection))
    )
    return times
