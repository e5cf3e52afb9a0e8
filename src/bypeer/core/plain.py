"""The frame that most frames are, without a detour: Ethernet, IPv4, TCP, no options but timestamps.

`decode` would say the same of it, and of much else, more slowly; tests hold this to it.
"""

from __future__ import annotations

from typing import Any

from bypeer.core import lines
from bypeer.core import octets as net
from bypeer.core.segment import ABSENT, Segment

_ETHERNET, _SHORTEST = 14, 54  # octets: the link layer's header; all three
_VERSION_4, _P_TCP = 0x0800_45, 6
_MAPPED = 0xFFFF << 32  # ::ffff:0:0/96, as decode has it
_BARE, _STAMPED = 5, 8  # TCP's data offset, in words
_JUST_TIMESTAMPS = 0x0101_080A
_NUMBERS, _SYN, _ABSENT = 0xFFFF_FFFF, 0x02, ABSENT


def read_plain(octets: Any, start: int, captured: int, packet: lines.Packet) -> bool:
    """Fill in a packet from octets[start : start + captured], if that is a plain frame.

    SYNs are not plain: they have options. Of the packet, interface, ts and frame are the caller's.
    """
    if captured < _SHORTEST:
        return False
    raw = octets
    ip = start + _ETHERNET
    tcp = ip + 20
    # EtherType, version and header length; not a later fragment, nor a first one; the protocol.
    if net.u16(raw, ip - 2) << 8 | raw[ip] != _VERSION_4 or raw[ip + 9] != _P_TCP:
        return False
    if net.u16(raw, ip + 6) & 0x3FFF:
        return False
    words, flags = raw[tcp + 12] >> 4, raw[tcp + 13]
    size = net.u16(raw, ip + 2) - 20 - words * 4
    if size < 0 or flags & _SYN:
        return False
    if words == _STAMPED:
        if captured < _SHORTEST + 12 or net.u32(raw, tcp + 20) != _JUST_TIMESTAMPS:
            return False
        packet.tsval = net.u32(raw, tcp + 24)
    elif words == _BARE:
        packet.tsval = 0
    else:
        return False
    packet.src_hi = packet.dst_hi = 0
    packet.src_lo, packet.dst_lo = _MAPPED | net.u32(raw, ip + 12), _MAPPED | net.u32(raw, ip + 16)
    packet.sport, packet.dport = net.u16(raw, tcp), net.u16(raw, tcp + 2)
    packet.seq, packet.ack = net.u32(raw, tcp + 4), net.u32(raw, tcp + 8)
    packet.end = packet.seq + size + (flags & 1) & _NUMBERS
    packet.flags, packet.ttl, packet.version, packet.wscale = flags, raw[ip + 8], 4, _ABSENT
    return True


def ports_of(octets: Any, start: int, captured: int) -> int:
    """Source port ^ destination port, if the frame is Ethernet and IPv4 without options; else -1."""
    if captured < _ETHERNET + 24:
        return -1
    raw = octets
    ip = start + _ETHERNET
    if net.u16(raw, ip - 2) << 8 | raw[ip] != _VERSION_4 or raw[ip + 9] != _P_TCP:
        return -1
    return net.u16(raw, ip + 20) ^ net.u16(raw, ip + 22)


def take(packet: lines.Packet, segment: Segment) -> None:
    """Fill in a packet from a segment."""
    packet.src_hi, packet.src_lo, packet.sport = segment.src_hi, segment.src_lo, segment.sport
    packet.dst_hi, packet.dst_lo, packet.dport = segment.dst_hi, segment.dst_lo, segment.dport
    packet.interface, packet.ts, packet.frame = segment.interface, segment.ts, segment.frame
    packet.seq, packet.ack, packet.tsval = segment.seq, segment.ack, segment.tsval
    packet.end = segment.seq + segment.size + (segment.flags & 1) + (segment.flags >> 1 & 1) & _NUMBERS
    packet.flags, packet.ttl, packet.version = segment.flags, segment.ttl, segment.version
    packet.wscale = segment.wscale
