"""Blocks of a TPACKET_V3 ring to a history: the one place that sees every packet, so it is compiled.

On the way the packets that somebody waits for are looked out, by their TCP flags.

Source: Documentation/networking/packet_mmap.rst; include/uapi/linux/if_packet.h.
"""

from __future__ import annotations

from typing import NamedTuple

from bypeer.core.decode import TCP, TUNNEL, decode
from bypeer.core.segment import Segment
from bypeer.live import memory
from bypeer.live.history import OUTGOING, History

# Octets from the start of a block: whose it is, its packets, where the first one lies.
AT_STATUS = 8
_AT_COUNT, _AT_FIRST = 12, 16
# From the start of a packet's header (struct tpacket3_hdr, and struct sockaddr_ll behind it).
_AT_SECONDS, _AT_NANOSECONDS, _AT_CAPTURED, _AT_LENGTH, _AT_FLAGS, _AT_MAC = 4, 8, 12, 16, 20, 24
_AT_TCI, _AT_TPID, _AT_PROTOCOL, _AT_WAY, _WHOLE = 32, 36, 50, 58, 68
_TAGGED, _TPID_TOLD = 1 << 4, 1 << 6  # TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID
_VLAN = 0x8100

_ADDRESSES, _ETHERNET_HEADER, _TAG = 12, 14, 4  # octets of Ethernet
_SECOND = 1_000_000_000
_ETHERNET = 1  # LINKTYPE_ETHERNET
_TCP, _TUNNEL, _OUTGOING = TCP, TUNNEL, OUTGOING


class Caught(NamedTuple):
    """A segment that somebody waits for."""

    segment: Segment  # `frame` counts the packets of the vantage; `offset` is where it lies in the history
    outgoing: bool  # whether this machine sent it


class Blocks:
    """What takes blocks, and what was caught out of them.

    At most `most` segments are kept in `caught`, for whoever takes them from there; all are counted.
    """

    __slots__ = ("caught", "caught_ever", "cooked", "history", "most", "nothing", "segment", "watched")

    def __init__(self, history: History, cooked: bool, watched: int, most: int) -> None:
        """`cooked`: packets begin at IP; `watched`: catch segments with one of these TCP flags."""
        self.history, self.cooked, self.watched, self.most = history, cooked, watched, most
        self.caught: list[Caught] = []
        self.caught_ever = 0
        self.segment = Segment()
        self.nothing = memoryview(bytes(_ADDRESSES))

    def take(self, ring: memoryview, at: int, size: int) -> int:
        """Add the packets of the block in ring[at : at + size]; how many they were."""
        count = memory.word(ring, at + _AT_COUNT)
        pos = at + memory.word(ring, at + _AT_FIRST)
        before = at
        for _ in range(count):
            assert before < pos <= at + size - _WHOLE
            self._take(ring, pos, at + size)
            before = pos
            pos += memory.word(ring, pos)
        return count

    def _take(self, ring: memoryview, pos: int, end: int) -> None:
        """Add the packet whose header lies at `pos`."""
        ts = memory.word(ring, pos + _AT_SECONDS) * _SECOND + memory.word(ring, pos + _AT_NANOSECONDS)
        captured, length = memory.word(ring, pos + _AT_CAPTURED), memory.word(ring, pos + _AT_LENGTH)
        flags = memory.word(ring, pos + _AT_FLAGS)
        way = ring[pos + _AT_WAY]
        start = pos + memory.half(ring, pos + _AT_MAC)
        assert start + captured <= end
        history = self.history
        view = history.view
        if self.cooked:
            more = _ETHERNET_HEADER
            to = history.place(ts, captured + more, length + more, way)
            memory.copy(view, to, self.nothing, 0, _ADDRESSES)
            memory.copy(view, to + _ADDRESSES, ring, pos + _AT_PROTOCOL, 2)
            memory.copy(view, to + more, ring, start, captured)
        elif flags & _TAGGED and captured >= _ADDRESSES:
            more = _TAG  # the kernel, or the device, took it out
            to = history.place(ts, captured + more, length + more, way)
            memory.copy(view, to, ring, start, _ADDRESSES)
            self._tag(ring, pos, to + _ADDRESSES, flags)
            memory.copy(view, to + _ADDRESSES + more, ring, start + _ADDRESSES, captured - _ADDRESSES)
        else:
            more = 0
            to = history.place(ts, captured, length, way)
            memory.copy(view, to, ring, start, captured)
        if self.watched:
            self._watch(to, captured + more, length + more, ts, way)

    def _tag(self, ring: memoryview, pos: int, to: int, flags: int) -> None:
        """Write the VLAN tag that stands beside the packet: IEEE 802.1Q, 9.4; in network order."""
        tpid = memory.half(ring, pos + _AT_TPID) if flags & _TPID_TOLD else _VLAN
        tci = memory.word(ring, pos + _AT_TCI)
        view = self.history.view
        view[to], view[to + 1] = tpid >> 8, tpid & 255
        view[to + 2], view[to + 3] = tci >> 8 & 255, tci & 255

    def _watch(self, at: int, captured: int, length: int, ts: int, way: int) -> None:
        """Catch the packet at that place of the history if it has one of the flags."""
        segment = self.segment
        segment.interface = 0
        kind = decode(self.history.octets, at, captured, length, _ETHERNET, segment)
        if kind != _TCP and kind != _TUNNEL:
            return
        if segment.flags & self.watched == 0:
            return
        self.caught_ever += 1
        if len(self.caught) >= self.most:
            return
        segment.frame, segment.offset, segment.ts, segment.length = self.history.added, at, ts, length
        self.caught.append(Caught(segment.copy(), way == _OUTGOING))
