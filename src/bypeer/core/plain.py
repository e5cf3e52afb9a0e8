"""The frame that most frames are, without a detour: Ethernet, IPv4, TCP, no SYN and no RST.

`decode` would say the same of it, and of much else, more slowly; tests hold this to it.
"""

from __future__ import annotations

from typing import Any

from bypeer.core import lines, tcp, tuples
from bypeer.core import octets as net
from bypeer.core.frames import Frames
from bypeer.core.segment import Segment

_NUMBERS, _RARE, _SEED = 0xFFFF_FFFF, (tcp.SYN | tcp.RST) << 8, tuples.SEED
_NOP, _EOL, _TIMESTAMPS, _JUST_TIMESTAMPS = tcp.NOP, tcp.EOL, tcp.TIMESTAMPS, 0x0101_080A

# Ethernet's header has 14 octets, IPv4's 20, TCP's 20 and more: so IPv4 begins at octet 14 of a frame, TCP at
# 34. These numbers are written out below, since the C compiler then adds them up; several fields are loaded
# at once.


def read_plain(batch: Frames, octets: Any, row: int, stop: int, packets: Any, count: int) -> int:
    """Fill in packets from number `count` on, from frames `row` to `stop`; how many there are then.

    Ends before the first frame that is not plain, or of another interface than the first. SYNs and RSTs are
    not plain: more is to be told of them. `octets` are the batch's.
    """
    starts, captured = lines.column(batch.start), lines.column(batch.captured)
    interfaces, times = lines.column(batch.interface), lines.column(batch.ts)
    interface, raw, first = interfaces[row], octets, batch.first
    while row < stop and interfaces[row] == interface:
        ip, left = starts[row] + 14, captured[row] - 34
        # EtherType, version and header length; no fragment; the protocol.
        if left < 20 or net.le32(raw, ip - 2) & 0xFF_FFFF != 0x45_0008:
            break
        if net.u32(raw, ip + 6) & 0x3FFF_00FF != 6:
            break
        flags = net.le16(raw, ip + 32)  # the data offset in its first octet, the flags in its second
        header = flags >> 2 & 0x3C
        size, tsval = net.u16(raw, ip + 2) - 20 - header, 0
        if flags & _RARE or size < 0:
            break
        if header == 32 and left >= 32 and net.u32(raw, ip + 40) == _JUST_TIMESTAMPS:
            tsval = net.u32(raw, ip + 44)
        elif header != 20:
            if header < 20 or header > left:
                break
            tsval = _tsval(raw, ip + 40, ip + 20 + header)
        packet = lines.packet_at(packets, count)
        source, target = net.end_at(raw, ip + 12, ip + 20), net.end_at(raw, ip + 16, ip + 22)
        seq, ack = net.u32(raw, ip + 24), net.u32(raw, ip + 28)
        packet.source, packet.target = source, target
        packet.mixed = lines.tuple_hash(source, target, interface, _SEED)
        packet.seq, packet.ack, packet.end = seq, ack, seq + size + (flags >> 8 & 1) & _NUMBERS
        packet.print = lines.fingerprint(seq, ack, tsval)
        packet.flags, packet.ttl, packet.version = flags >> 8, raw[ip + 8], 4
        packet.interface, packet.ts, packet.frame = interface, times[row], first + row
        count += 1
        row += 1
    return count


def _tsval(octets: Any, at: int, stop: int) -> int:
    """The timestamp among options, as `decode` reads them, or 0."""
    found, raw = 0, octets
    while at < stop:
        if raw[at] == _NOP:
            at += 1
            continue
        if raw[at] == _EOL or stop - at < 2:
            break
        size = raw[at + 1]
        if size < 2 or size > stop - at:
            break
        if raw[at] == _TIMESTAMPS and size == 10:
            found = net.u32(raw, at + 2)
        at += size
    return found


def past_unwanted(batch: Frames, octets: Any, row: int, ports: bytearray) -> int:
    """The first frame from `row` on that may be wanted: of most the ports tell that they are not.

    ports[source port ^ destination port] is set where a frame is wanted. Ends before one that
    is not IPv4 in Ethernet, or of another interface than the first. `octets` are the batch's.
    """
    starts, captured = lines.column(batch.start), lines.column(batch.captured)
    interfaces = lines.column(batch.interface)
    hints, raw, interface = lines.octets_of(ports), octets, interfaces[row]
    while row < batch.count and interfaces[row] == interface and captured[row] >= 38:
        ip = starts[row] + 14
        if net.u16(raw, ip - 2) != 0x0800 or raw[ip] != 0x45 or raw[ip + 9] != 6:
            break
        if hints[net.u16(raw, ip + 20) ^ net.u16(raw, ip + 22)]:
            break
        row += 1
    return row


def take(packet: lines.Packet, segment: Segment) -> None:
    """Fill in a packet from a segment."""
    packet.src_hi, packet.src_lo, packet.sport = segment.src_hi, segment.src_lo, segment.sport
    packet.dst_hi, packet.dst_lo, packet.dport = segment.dst_hi, segment.dst_lo, segment.dport
    packet.source = tuples.end_of(segment.src_hi, segment.src_lo, segment.sport)
    packet.target = tuples.end_of(segment.dst_hi, segment.dst_lo, segment.dport)
    packet.interface, packet.ts, packet.frame = segment.interface, segment.ts, segment.frame
    packet.mixed = lines.tuple_hash(packet.source, packet.target, segment.interface, _SEED)
    packet.seq, packet.ack = segment.seq, segment.ack
    packet.end = segment.seq + segment.size + (segment.flags & 1) + (segment.flags >> 1 & 1) & _NUMBERS
    packet.print = lines.fingerprint(segment.seq, segment.ack, segment.tsval)
    packet.flags, packet.ttl, packet.version = segment.flags, segment.ttl, segment.version
    packet.wscale = segment.wscale
