"""Rounds to octets: the frames of a plan as a vantage sees them, as pcap or pcapng.

What differs from packet to packet (time, numbers, addresses) is filled into a copy of its row, many
rows at once. Checksums are right; of payload that is not kept they count zeros.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.rounds import COLUMN, LAG, MSS, ROWS, SERVERS, Plan, Row
from bypeer.core.tcp import ACK_, SYN

Table = NDArray[Any]  # structured: a row a packet

CHUNK = 1 << 23  # octets made at once
BEGAN = 1_760_000_000_000_000  # us since the epoch: 2025-10-09
SERVED = 0xC633_6401  # 198.51.100.1

FRAME = [  # RFC 894, RFC 791, RFC 9293
    ("ethernet", "u1", 12), ("ethertype", ">u2"),
    ("version", "u1"), ("tos", "u1"), ("total", ">u2"), ("id", ">u2"), ("fragment", ">u2"),
    ("ttl", "u1"), ("protocol", "u1"), ("ip_sum", ">u2"), ("src", ">u4"), ("dst", ">u4"),
    ("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"),
    ("offset", "u1"), ("flags", "u1"), ("win", ">u2"), ("tcp_sum", ">u2"), ("urgent", ">u2"),
    ("options", ">u4", 6),
]  # fmt: skip
BARE, LONGEST = 54, 78  # octets of a frame's headers, without options and with all

# What surrounds a frame in its file. A frame here is 2 octets longer than a multiple of 4.
BEFORE = {
    "pcap": [("s", "<u4"), ("us", "<u4"), ("captured", "<u4"), ("length", "<u4")],
    "pcapng": [(name, "<u4") for name in ("type", "block", "interface", "high", "low", "captured", "length")],
}
AFTER = {"pcap": [], "pcapng": [("pad", "u1", 2), ("again", "<u4")]}


@dataclass(frozen=True)
class Vantage:
    """Where a capture is taken."""

    clients: NDArray[np.uint32]  # address of each connection's client
    ttl: tuple[int, int, int]  # by who sent it
    inside: bool = False
    delay: int = 0  # us after the outside that the server's packets are seen, and the client's before


class Writer:
    """Makes the octets of a capture file: its head, then packets, many at once."""

    def __init__(self, form: str, vantage: Vantage, payload: bool = False, seed: int = 1) -> None:
        kept = MSS if payload else 0
        self.form, self.vantage = form, vantage
        frame = [*FRAME, ("payload", "u1", kept)]
        self.layout = np.dtype([*BEFORE[form], *frame, *AFTER[form]])
        self.at = np.dtype(BEFORE[form]).itemsize  # where the frame begins
        self.headers = slice(self.at, self.at + LONGEST)
        self.chunk = CHUNK // self.layout.itemsize  # packets
        self.snaplen = 262_144 if payload else 96
        # The payload: octet n of every stream is pool[n % (1 << 20)].
        pool = np.frombuffer(np.random.default_rng(seed).bytes(1 << 20), np.uint8)
        self.pool = np.concatenate([pool, pool[:MSS]])
        sums = np.cumsum(self.pool.view(">u2").astype(np.uint32), dtype=np.uint32)
        self.pool_sums = np.concatenate([np.zeros(1, np.uint32), sums])
        self.blanks = np.zeros(len(ROWS), self.layout)
        self.mask = np.zeros((len(ROWS), self.layout.itemsize), bool)
        for row, (blank, mask) in enumerate(zip(self.blanks, self.mask, strict=True)):
            self._blank(blank, mask, ROWS[row], kept)

    def head(self) -> bytes:
        """What a file begins with."""
        if self.form == "pcap":
            return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, self.snaplen, 1)
        section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
        return section + struct.pack("<IIHHII", 1, 20, 1, 0, self.snaplen, 20)

    def packets(self, plan: Plan, some: NDArray[np.int64]) -> memoryview:
        """The octets of these packets of the plan."""
        row, us, round_ = plan.row[some], plan.us[some], plan.round[some]
        connection, base = plan.connection[round_], plan.base[round_]
        made = self.blanks[row]
        server, acks = SERVERS[row], (COLUMN["flags"][row] & ACK_) != 0
        mine = np.where(server, 1, 0)
        each = np.arange(len(row))
        begins = (plan.isn[connection] + 1 + base) & 0xFFFF_FFFF
        made["seq"] = begins[each, mine] + COLUMN["seq"][row] & 0xFFFF_FFFF
        made["ack"] = np.where(acks, begins[each, 1 - mine] + COLUMN["ack"][row] & 0xFFFF_FFFF, 0)
        made["id"] = np.where(COLUMN["bare"][row], 0, base.sum(axis=1) // MSS + row & 0xFFFF)
        self._ends(made, connection, server)
        self._options(made, row, begins[:, 1], connection, us)
        sums = np.zeros(len(row), np.uint32)
        if self.layout["payload"].itemsize:
            sums = self._payload(made, row, base[each, mine])
        self._sums(made, row, sums)
        self._dates(made, BEGAN + us + np.where(server, self.vantage.delay, -self.vantage.delay))
        octets = made.view(np.uint8).reshape(len(row), -1)
        return octets[self.mask[row]].data

    def _blank(self, blank: Any, mask: NDArray[np.bool_], row: Row, kept: int) -> None:
        """What all packets of a row share, and which octets of the layout they fill."""
        sack, syn = row.sack[1] != 0, bool(row.flags & SYN)
        options = 0 if row.bare else 24 if sack else 20 if syn else 12
        length = BARE + options + row.size
        captured = BARE + options + min(row.size, kept)
        blank["ethernet"], blank["ethertype"] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], 0x0800
        blank["version"], blank["fragment"], blank["protocol"] = 0x45, 0x4000, 6
        blank["total"], blank["ttl"] = length - 14, self.vantage.ttl[row.who]
        blank["offset"], blank["flags"] = (20 + options) << 2, row.flags
        # 64 kB for data, as both ends see it: of the client unscaled in its SYN, then by 7 bits.
        blank["win"] = 0 if row.bare else 64_240 if syn else 512
        at = 0
        if syn:
            blank["options"][0], blank["options"][4], at = 0x020405B4, 0x01030307, 1
        if options:
            blank["options"][at] = 0x0402080A if syn else 0x0101080A
        if sack:
            blank["options"][3] = 0x0101050A
        blank["captured"], blank["length"] = captured, length
        if self.form == "pcapng":
            blank["type"], blank["block"] = 6, captured + 2 + 32
            blank["again"] = blank["block"]
        end = self.at + LONGEST + kept
        mask[: self.at + BARE + options] = True
        mask[self.at + LONGEST : self.at + LONGEST + min(row.size, kept)] = True
        mask[end:] = True

    def _ends(self, made: Table, connection: NDArray[np.int64], server: NDArray[np.bool_]) -> None:
        """Addresses and ports; the server's are the same everywhere."""
        client, port = self.vantage.clients[connection], 1024 + connection % 60_000
        made["src"], made["dst"] = np.where(server, SERVED, client), np.where(server, client, SERVED)
        made["sport"], made["dport"] = np.where(server, 443, port), np.where(server, port, 443)

    def _options(
        self, made: Table, row: NDArray[np.int64], server_begins: NDArray[np.int64],
        connection: NDArray[np.int64], us: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Timestamps (ms since each end began) and the SACK block."""
        server, syn = SERVERS[row], (COLUMN["flags"][row] & SYN) != 0
        old = np.where(COLUMN["seq"][row] == -LAG, 200, 0)  # a late one was sent 200 ms ago
        began = np.where(server, 7_000_000, 3_000_000) + connection * 1_000
        other = np.where(server, 3_000_000, 7_000_000) + connection * 1_000
        first = syn & ~server
        options = made["options"]
        options[:, 1] = np.where(syn, options[:, 1], began + us // 1_000 - old)
        options[:, 2] = np.where(syn, began + us // 1_000, other + us // 1_000 - 1 - old)
        options[:, 3] = np.where(syn & ~first, other + us // 1_000 - 1, options[:, 3])
        options[COLUMN["bare"][row]] = 0
        sacks = COLUMN["sack"][row, 1] != 0
        edges = (server_begins[sacks, None] + COLUMN["sack"][row[sacks]]) & 0xFFFF_FFFF
        options[sacks, 4:6] = edges

    def _payload(self, made: Table, row: NDArray[np.int64], base: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Copy each packet's part of the stream; its sum in words."""
        size = COLUMN["size"][row]
        at = (base + COLUMN["seq"][row]) % (1 << 20) & ~1
        made["payload"] = np.lib.stride_tricks.sliding_window_view(self.pool, MSS)[at]
        sums: NDArray[np.uint32] = self.pool_sums[(at + size) // 2] - self.pool_sums[at // 2]
        return sums

    def _sums(self, made: Table, row: NDArray[np.int64], payload: NDArray[np.uint32]) -> None:
        """Both checksums (RFC 1071)."""
        octets = made.view(np.uint8).reshape(len(row), -1)[:, self.headers]
        words = np.ascontiguousarray(octets).view(">u2").astype(np.uint32)
        made["ip_sum"] = _folded(words[:, 7:17].sum(axis=1))
        rest = made["total"].astype(np.uint32) - 20 + 6
        made["tcp_sum"] = _folded(words[:, 13:].sum(axis=1) + rest + payload)

    def _dates(self, made: Table, us: NDArray[np.int64]) -> None:
        if self.form == "pcap":
            made["s"], made["us"] = us // 1_000_000, us % 1_000_000
        else:
            made["high"], made["low"] = us >> 32, us & 0xFFFF_FFFF


def _folded(sums: NDArray[Any]) -> NDArray[Any]:
    sums = (sums & 0xFFFF) + (sums >> 16)
    return ~((sums & 0xFFFF) + (sums >> 16)) & 0xFFFF


def at_server(connections: int) -> Vantage:
    """On the server: as many clients as there are connections."""
    return Vantage(np.arange(connections, dtype=np.uint32) + 0x0A00_0001, (57, 64, 64))


def outside(connections: int) -> Vantage:
    """On the NAT host's outer interface: every client is 203.0.113.12."""
    return Vantage(np.full(connections, 0xCB00_710C, np.uint32), (63, 52, 64))


def inside(connections: int) -> Vantage:
    """Among the containers, 172.17.0.2 and on."""
    clients = (np.arange(connections, dtype=np.uint32) % 50) + 0xAC11_0002
    return Vantage(clients, (64, 51, 64), inside=True, delay=25)
