"""A capture of any length, written to standard output and to no disk: downloads that do not end.

The connections are opened, then carry data, a block of rounds after the other. A block is the one
before with its numbers moved on, which is faster than what reads it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.packets import BEFORE, FRAME, Writer, at_server
from bench.rounds import COLUMN, COUNT, DATA, FIRST, GROWTH, OPEN, SERVERS, Plan

CONNECTIONS = 1_000
DEEP = 8  # rounds of each connection in a block
STEP = 10_000  # us between two of them
# All packets of a block have 12 octets of options, so their records are equally long.
RECORD = np.dtype([*BEFORE["pcap"], *FRAME[:-1], ("nops", ">u4"), ("tsval", ">u4"), ("tsecr", ">u4")])

SUMMED = ("seq", "ack", "tsval", "tsecr")  # what changes and TCP's checksum covers


def blocks() -> Iterator[memoryview]:
    """The octets of the file, for ever; each block lies where the one before did."""
    writer = Writer("pcap", at_server(CONNECTIONS))
    isn = np.random.default_rng(1).integers(0, 1 << 32, (CONNECTIONS, 2))
    base = np.zeros((CONNECTIONS, 2), np.int64)
    opened = _rounds(OPEN, 1, base, isn, 0)
    yield memoryview(writer.head())
    yield writer.packets(opened, np.arange(len(opened.row)))
    data = _rounds(DATA, DEEP, base + GROWTH[OPEN], isn, STEP)
    block = np.frombuffer(writer.packets(data, np.arange(len(data.row))), RECORD)
    sent = GROWTH[DATA, 1] * DEEP
    growth = {
        "seq": SERVERS[data.row] * sent,
        "ack": ~SERVERS[data.row] * sent,
        "id": 2 * DEEP,
        "tsval": STEP * DEEP // 1_000,
        "tsecr": STEP * DEEP // 1_000,
    }
    # In the machine's own byte order, side by side: several times faster than in the block.
    now = {name: block[name].astype(np.int64) for name in (*growth, "us", "s", "ip_sum", "tcp_sum")}
    ip_rest = 65_535 - now["ip_sum"] - now["id"]
    tcp_rest = 65_535 - now["tcp_sum"] - sum(now[name] for name in SUMMED)
    while True:
        yield block.data.cast("B")
        for name, grown in growth.items():
            now[name] = now[name] + grown & (0xFFFF if name == "id" else 0xFFFF_FFFF)
        now["ip_sum"] = _sum(ip_rest + now["id"])
        now["tcp_sum"] = _sum(tcp_rest + sum(now[name] for name in SUMMED))
        us = now["us"] + STEP * DEEP
        later = us >= 1_000_000
        now["us"], now["s"] = us - later * 1_000_000, now["s"] + later
        for name, numbers in now.items():
            block[name] = numbers.astype(block[name].dtype)


def _sum(total: NDArray[np.int64]) -> NDArray[np.int64]:
    """The checksum of words of any width: 2**16 is 1 modulo 65,535 (RFC 1071, 2)."""
    total = total + 65_535 * (1 << 20)  # it may be negative
    for _ in range(3):
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def _rounds(kind: int, deep: int, base: NDArray[np.int64], isn: NDArray[np.int64], us: int) -> Plan:
    """That many rounds of every connection; `base` is where each is before."""
    connection = np.tile(np.arange(CONNECTIONS), deep)
    turn = np.repeat(np.arange(deep), CONNECTIONS)
    row = np.tile(FIRST[kind] + np.arange(COUNT[kind]), len(connection))
    round_ = np.repeat(np.arange(len(connection)), COUNT[kind])
    # Connections follow each other so closely that their packets mix.
    times = us + turn[round_] * STEP + connection[round_] * 8 + COLUMN["us"][row]
    order = np.argsort(times, kind="stable")
    bases = base[connection] + turn[:, None] * GROWTH[kind]
    return Plan(row[order], round_[order], times[order], connection, bases, isn, np.full(len(turn), kind))


def main() -> None:
    """Write at least as many octets as the first argument says, or fewer if nobody reads on."""
    most, written = int(float(sys.argv[1])), 0
    try:
        for block in blocks():
            written += len(block)
            sys.stdout.buffer.write(block)
            if written >= most:
                break
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        sys.stderr.write(f"nobody read on after {written} octets\n")
        sys.stderr.flush()
        sys.stdout = None  # or Python tries to flush it once more


if __name__ == "__main__":
    main()
