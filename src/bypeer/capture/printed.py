"""A packet as a printed line shows it, and the frame that stands for it.

The frame holds an IP packet without a link layer (link type RAW) that says what the line said.
What the line did not say is 0 in it: TTL, identification, the checksum of a payload.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct

from bypeer.core import tcp

PASSED_OVER = "lines that are no packet"

RAW = 101  # https://www.tcpdump.org/linktypes.html

# Frames that decode counts as what they are: no IP; TCP in a tunnel; a later fragment of TCP.
OTHER = b"\0"
TUNNEL = bytes.fromhex(
    "45000028000000000004 0000 0000000000000000 4500001400000000 0006 0000 0000000000000000"
)
FRAGMENT = bytes.fromhex("45000028000000010006 0000 0000000000000000")

_IPV4, _IPV6 = Struct(">BxHHHBBxx4s4s"), Struct(">IHBB16s16s")
_TCP = Struct(">HHIIBBHHH")
_PORTS = Struct(">HH")
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96 (RFC 4291, 2.5.5.2)
_MOST_OPTIONS = 40  # octets: the data offset has four bits
_LONGEST = 0xFFFF
_MOST_SACKS = 4


@dataclass(slots=True)
class Printed:
    """A TCP packet, or something else where `source` is empty: then `frame` is what stands for it."""

    ts: int  # ns since the epoch, or NO_TIME
    interface: int = 0
    frame: bytes = OTHER
    source: bytes = b""  # 16 octets; IPv4 as ::ffff:a.b.c.d
    target: bytes = b""
    sport: int = 0
    dport: int = 0
    flags: int | None = None  # None: the line shows no TCP header beyond the ports
    seq: int | None = None  # as printed, until numbers.py has undone what made it relative
    ack: int | None = None
    size: int = 0  # payload octets
    win: int = 0
    urgent: int = 0
    options: bytes = b""  # without SACK
    sacks: list[tuple[int, int]] = field(default_factory=list)
    cut: bool = False  # snaplen cut the options
    header: int | None = None  # data offset in octets where it is a wrong one
    room: int = 0  # octets of IP payload, then
    sound: bool | None = None  # the checksum, if printed
    ttl: int = 0
    ip_id: int = 0
    df: bool = False


def build(one: Printed) -> tuple[bytes, int]:
    """The frame for a packet, and its length on the wire; the payload is left out."""
    if not one.source:
        return one.frame, len(one.frame)
    if one.flags is None:
        segment, room = _PORTS.pack(one.sport, one.dport), tcp.SHORTEST + one.size
    else:
        segment, room = _segment(one)
    if one.source.startswith(_MAPPED) and one.target.startswith(_MAPPED):
        total = _IPV4.size + room
        shown = total if total <= _LONGEST else 0  # as BIG TCP: then the frame's length counts
        header = _IPV4.pack(
            0x45, shown, one.ip_id, one.df << 14, one.ttl, 6, one.source[12:], one.target[12:]
        )
    else:
        total = _IPV6.size + room
        shown = room if room <= _LONGEST else 0
        header = _IPV6.pack(6 << 28, shown, 6, one.ttl, one.source, one.target)
    return header + segment, total


def _segment(one: Printed) -> tuple[bytes, int]:
    """The TCP header, and the size of the IP payload."""
    assert one.flags is not None
    options = _options(one)
    size = tcp.SHORTEST + len(options) + 4 * one.cut
    offset, room = size // 4, size + one.size
    if one.header is not None:
        offset, room = one.header // 4, one.room
    fields = [one.sport, one.dport, one.seq or 0, one.ack or 0, offset << 4, one.flags, one.win]
    segment = _TCP.pack(*fields, 0, one.urgent) + options
    if room == len(segment):  # else the sum is over octets that nobody has
        total = _sum(one, segment) ^ (0 if one.sound is not False else _LONGEST)
        segment = _TCP.pack(*fields, total, one.urgent) + options
    return segment, room


def _options(one: Printed) -> bytes:
    """The options, with as many SACK blocks as fit."""
    most = _MOST_OPTIONS - 4 * one.cut
    options = one.options[:most]
    blocks = one.sacks[: min(_MOST_SACKS, (most - len(options) - 2) // 8)]
    if blocks:
        options += bytes((tcp.SACK, 2 + 8 * len(blocks)))
        options += b"".join(edge.to_bytes(4, "big") for block in blocks for edge in block)
    return options + bytes(-len(options) % 4)


def _sum(one: Printed, segment: bytes) -> int:
    """The checksum that is right (RFC 9293, 3.1); see decode for the arithmetic."""
    words = sum(int.from_bytes(part, "big") for part in (one.source, one.target, segment))
    return _LONGEST - (words + 6 + len(segment)) % _LONGEST
