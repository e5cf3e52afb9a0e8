"""Builds what the tests read: segments, packets, frames, and capture files of them.

Everything answers octets. Addresses are text; what is not given is what a plain packet has.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from itertools import pairwise
from typing import NamedTuple

from bypeer.core.tcp import ACK_

ETHERNET, RAW, LOOP, SLL, IPV4, IPV6, SLL2, NULL = 1, 101, 108, 113, 228, 229, 276, 0
CLIENT, SERVER = "10.0.0.1", "192.0.2.80"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::80"

# TCP options.
NOP, EOL = b"\x01", b"\x00"
SACK_PERMITTED = b"\x04\x02"


def mss(size: int) -> bytes:
    return struct.pack(">BBH", 2, 4, size)


def wscale(shift: int) -> bytes:
    return bytes((3, 3, shift))


def timestamps(tsval: int, tsecr: int) -> bytes:
    return struct.pack(">BBII", 8, 10, tsval, tsecr)


def sack(*blocks: tuple[int, int]) -> bytes:
    return bytes((5, 2 + 8 * len(blocks))) + b"".join(struct.pack(">II", *block) for block in blocks)


def checksum(octets: bytes) -> int:
    """Word by word, as RFC 1071 tells it: another way than decode's."""
    total = sum(struct.unpack(f">{(len(octets) + 1) // 2}H", octets + bytes(len(octets) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(
    flags: int = ACK_,
    seq: int = 1000,
    ack: int = 2000,
    *,
    sport: int = 40000,
    dport: int = 443,
    win: int = 512,
    options: bytes = b"",
    payload: bytes = b"",
    offset: int | None = None,
) -> bytes:
    """A segment; `ip` puts its checksum right. `offset` is the data offset, if it shall lie."""
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if offset is None else offset
    return struct.pack(">HHIIBBHHH", sport, dport, seq, ack, words << 4, flags, win, 0, 0) + options + payload


def ip(
    payload: bytes = b"",
    *,
    src: str = CLIENT,
    dst: str = SERVER,
    protocol: int = 6,
    ttl: int = 64,
    ip_id: int = 7,
    fragment: int = 0x4000,
    options: bytes = b"",
    length: int | None = None,
    extensions: Iterable[tuple[int, bytes]] = (),
) -> bytes:
    """An IPv4 or IPv6 packet. `length` is what its header says, if it shall lie.

    `extensions` are IPv6 header numbers and bodies, whose first octet this sets; `fragment`
    are IPv4's flags and offset.
    """
    one, two = ip_address(src).packed, ip_address(dst).packed
    if protocol == 6 and len(payload) >= 20:
        pseudo = one + two + struct.pack(">II", len(payload), 6)
        payload = payload[:16] + bytes(2) + payload[18:]
        payload = payload[:16] + struct.pack(">H", checksum(pseudo + payload)) + payload[18:]
    if len(one) == 4:
        words, total = 5 + len(options) // 4, 20 + len(options) + len(payload) if length is None else length
        head = struct.pack(">BBHHHBBH", 0x40 | words, 0, total, ip_id, fragment, ttl, protocol, 0) + one + two
        head = head[:10] + struct.pack(">H", checksum(head + options)) + head[12:]
        return head + options + payload
    chain = [*extensions, (protocol, b"")]
    inner = b"".join(bytes((following,)) + body[1:] for (_, body), (following, _) in pairwise(chain))
    total = len(inner) + len(payload) if length is None else length
    return struct.pack(">IHBB", 6 << 28, total, chain[0][0], ttl) + one + two + inner + payload


def ether_type(packet: bytes) -> int:
    return 0x86DD if packet[:1] and packet[0] >> 4 == 6 else 0x0800


def ethernet(packet: bytes, *tags: int, kind: int | None = None) -> bytes:
    """A frame; `tags` are EtherTypes of VLAN tags, outermost first."""
    kinds = [*tags, ether_type(packet) if kind is None else kind]
    return bytes(12) + b"\0\x2a".join(struct.pack(">H", one) for one in kinds) + packet


def sll(packet: bytes) -> bytes:
    return struct.pack(">HHH8xH", 0, 1, 6, ether_type(packet)) + packet


def sll2(packet: bytes, index: int = 3) -> bytes:
    return struct.pack(">HHIHBB8x", ether_type(packet), 0, index, 1, 0, 6) + packet


def null(packet: bytes, family: int = 2, order: str = "<") -> bytes:
    return struct.pack(order + "I", family) + packet


class Taken(NamedTuple):
    """A frame as a capture has it."""

    octets: bytes
    ts: int = 1_700_000_000_123_456_000  # ns
    length: int | None = None  # on the wire, if not all was captured
    interface: int = 0


def pcap(
    frames: Sequence[Taken],
    link_type: int = ETHERNET,
    *,
    order: str = "<",
    nano: bool = False,
    minor: int = 4,
) -> bytes:
    """A pcap file."""
    unit = 1 if nano else 1_000
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    pieces = [struct.pack(order + "IHHIIII", magic, 2, minor, 0, 0, 262144, link_type)]
    for one in frames:
        seconds, ns = divmod(one.ts, 1_000_000_000)
        wire = len(one.octets) if one.length is None else one.length
        pieces += [struct.pack(order + "IIII", seconds, ns // unit, len(one.octets), wire), one.octets]
    return b"".join(pieces)


def snoop(frames: Sequence[Taken], kind: int = 4, pad: bytes = b"") -> bytes:
    """A snoop file (RFC 1761); `kind` is its datalink type, `pad` is appended to each frame."""
    pieces = [b"snoop\0\0\0" + struct.pack(">II", 2, kind)]
    for one in frames:
        seconds, ns = divmod(one.ts, 1_000_000_000)
        wire = len(one.octets) if one.length is None else one.length
        body = one.octets + pad + bytes(-len(one.octets + pad) % 4)
        pieces += [struct.pack(">6I", wire, len(one.octets), 24 + len(body), 0, seconds, ns // 1_000), body]
    return b"".join(pieces)


def option(code: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng option."""
    return struct.pack(order + "HH", code, len(body)) + body + bytes(-len(body) % 4)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<", options: bytes = b"", length: int = -1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, length) + options, order)


def interface(link_type: int = ETHERNET, order: str = "<", options: bytes = b"", snaplen: int = 0) -> bytes:
    return block(1, struct.pack(order + "HHI", link_type, 0, snaplen) + options, order)


def enhanced(one: Taken, order: str = "<", options: bytes = b"", ticks: int | None = None) -> bytes:
    """A packet, dated in microseconds unless `ticks` says when."""
    ticks = one.ts // 1_000 if ticks is None else ticks
    wire = len(one.octets) if one.length is None else one.length
    high, low = ticks >> 32 & 0xFFFFFFFF, ticks & 0xFFFFFFFF
    head = struct.pack(order + "5I", one.interface, high, low, len(one.octets), wire)
    return block(6, head + one.octets + bytes(-len(one.octets) % 4) + options, order)


def pcapng(frames: Sequence[Taken], link_type: int = ETHERNET, order: str = "<") -> bytes:
    """A pcapng file of one section and one interface."""
    return section(order) + interface(link_type, order) + b"".join(enhanced(one, order) for one in frames)
