"""A real TCP packet, read and changed: what the path of a scenario does to what passes it.

Source: RFC 791, RFC 8200, RFC 9293, 3.1; RFC 1071 for the sums.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_TCP = 6


class Edit(NamedTuple):
    """What to change in a packet; what is None stays."""

    seq: int | None = None  # to be added, modulo 2**32
    ack: int | None = None
    flags: int | None = None  # instead of its own
    ttl: int | None = None  # instead of its own
    ip_id: int | None = None  # to be added, modulo 2**16: a copy with its original's would look forged
    id_is: int | None = None  # instead of its own
    tsval: int | None = None  # to be added
    payload: bytes | None = None  # instead of its own
    bare: bool = False  # without options
    window: int | None = None
    bad_sum: bool = False
    back: bool = False  # to where it came from: ends swapped; SEG.SEQ and SEG.ACK too


class Packet(NamedTuple):
    """A TCP packet in its parts."""

    version: int
    source: bytes
    target: bytes
    ttl: int
    ip_id: int  # 0 for IPv6
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    options: bytes
    payload: bytes


def parse(octets: bytes) -> Packet | None:
    """A packet as it is read from a TUN device; None if it is no whole TCP packet."""
    if len(octets) < 40:
        return None
    version = octets[0] >> 4
    if version == 4:
        head, protocol, ttl = (octets[0] & 15) * 4, octets[9], octets[8]
        source, target = octets[12:16], octets[16:20]
        ip_id = int.from_bytes(octets[4:6], "big")
    else:
        head, protocol, ttl, ip_id = 40, octets[6], octets[7], 0
        source, target = octets[8:24], octets[24:40]
    if protocol != _TCP or len(octets) < head + 20:
        return None
    sport, dport, seq, ack, offset, flags, window = struct.unpack_from(">HHIIBBH", octets, head)
    data = head + (offset >> 4) * 4
    return Packet(
        version, source, target, ttl, ip_id, sport, dport, seq, ack, flags, window,
        octets[head + 20 : data], octets[data:],
    )  # fmt: skip


def edited(packet: Packet, edit: Edit) -> bytes:
    """The packet, changed, as octets."""
    one = packet
    if edit.back:
        one = one._replace(
            source=one.target, target=one.source, sport=one.dport, dport=one.sport,
            seq=one.ack, ack=one.seq + len(one.payload),
        )  # fmt: skip
    if edit.tsval is not None:
        one = one._replace(options=_later(one.options, edit.tsval))
    one = one._replace(
        seq=one.seq + (edit.seq or 0) & 0xFFFF_FFFF,
        ack=one.ack + (edit.ack or 0) & 0xFFFF_FFFF,
        flags=one.flags if edit.flags is None else edit.flags,
        ttl=one.ttl if edit.ttl is None else edit.ttl,
        ip_id=one.ip_id + (edit.ip_id or 0) & 0xFFFF if edit.id_is is None else edit.id_is,
        payload=one.payload if edit.payload is None else edit.payload,
        options=b"" if edit.bare else one.options,
        window=one.window if edit.window is None else edit.window,
    )
    return built(one, bad_sum=edit.bad_sum)


def built(packet: Packet, *, bad_sum: bool = False) -> bytes:
    """A packet as octets, with its sums."""
    words = 5 + len(packet.options) // 4
    fixed = struct.pack(
        ">HHIIBBHHH", packet.sport, packet.dport, packet.seq, packet.ack, words << 4, packet.flags,
        packet.window, 0, 0,
    )  # fmt: skip
    segment = fixed + packet.options + packet.payload
    pseudo = packet.source + packet.target + struct.pack(">II", len(segment), _TCP)
    check = checksum(pseudo + segment) ^ (0x5555 if bad_sum else 0)
    segment = segment[:16] + check.to_bytes(2, "big") + segment[18:]
    if packet.version == 6:
        head = struct.pack(">IHBB", 6 << 28, len(segment), _TCP, packet.ttl)
        return head + packet.source + packet.target + segment
    size = 20 + len(segment)
    head = struct.pack(">BBHHHBBH", 0x45, 0, size, packet.ip_id, 0x4000, packet.ttl, _TCP, 0)
    head += packet.source + packet.target
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + segment


def checksum(octets: bytes) -> int:
    """RFC 1071's: the whole as one number modulo 2**16 - 1 is the sum of its words, carries added."""
    number = int.from_bytes(octets + bytes(len(octets) % 2), "big")
    # A sum of words is 0 only if they all are; else 0 stands for 2**16 - 1.
    return 0xFFFF - (number % 0xFFFF or (0xFFFF if number else 0))


def _later(options: bytes, by: int) -> bytes:
    """Options whose TSval is later by so much."""
    at = 0
    while at < len(options):
        kind = options[at]
        if kind < 2:
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if kind == 8 and size == 10 and at + 10 <= len(options):
            tsval = int.from_bytes(options[at + 2 : at + 6], "big") + by & 0xFFFF_FFFF
            return options[: at + 2] + tsval.to_bytes(4, "big") + options[at + 6 :]
        at += max(size, 2)
    return options
