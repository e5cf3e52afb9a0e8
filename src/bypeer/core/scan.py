"""One pass over a capture of any size: frames to connections, oddities and counts.

Nothing here grows with a connection's length, unless the caller asks for the segments of
some connections (`look_again`), which is how `study` comes to those worth it. A small capture
is read once: all its segments are kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bypeer.core import lines, plain, tcp
from bypeer.core.connection import Connection
from bypeer.core.connections import GROUP, Connections
from bypeer.core.decode import KINDS, LAST_TCP, OTHER, TCP, TUNNEL, UNSUPPORTED, decode
from bypeer.core.excerpt import Excerpt
from bypeer.core.frames import Frames, Interface, Source
from bypeer.core.points import Lane
from bypeer.core.segment import NO_TIME, Segment
from bypeer.core.trail import Trail
from bypeer.core.tuples import hash_of_ends

# Copies that are C integers when compiled.
_TCP, _TUNNEL, _UNSUPPORTED, _LAST_TCP = TCP, TUNNEL, UNSUPPORTED, LAST_TCP
_RST, _UNDATED, _GROUP, _ETHERNET = tcp.RST, NO_TIME, GROUP, 1


# Segments kept unasked, of all connections together (about 0.4 kB each).
MOST_KEPT = 16_384


@dataclass(slots=True)
class Scan:
    """What one pass over one capture found."""

    table: Connections = field(default_factory=Connections)
    kept: dict[int, Excerpt] | None = None  # by number of the connection; None: they must be read again
    small: bool = True  # few enough segments to keep all of them
    packets: int = 0
    tcp: int = 0  # frames whose first IP header carries TCP
    rst: int = 0
    kinds: dict[str, int] = field(default_factory=dict)  # everything but plain TCP, by decode.KINDS
    unsupported: dict[int, int] = field(default_factory=dict)  # link type: frames
    began: int = NO_TIME  # time of the first and the last dated frame, whatever it carried
    ended: int = NO_TIME
    undated: int = 0


def scan(source: Source, keep: bool = True) -> Scan:
    """Read all frames of a source. With `keep` all segments are kept, if they are no more than MOST_KEPT."""
    found = Scan()
    kept: dict[int, Excerpt] | None = {} if keep else None
    passing = Passing()
    passing.kept, passing.table.trail = kept, Trail()
    for batch in source.frames():
        passing.see(batch, source.interfaces)
        _clock(found, batch)
        if found.small and passing.count(TCP) > MOST_KEPT:
            kept, found.small = None, False
            passing.kept = None
    counts = [passing.count(kind) for kind in range(len(KINDS))]
    found.kept, found.table = kept, passing.table
    found.packets, found.tcp, found.rst = sum(counts), sum(counts[: LAST_TCP + 1]), passing.resets
    found.kinds = {
        KINDS[kind]: count for kind, count in enumerate(counts) if count and kind not in (TCP, OTHER)
    }
    found.unsupported = passing.unsupported
    return found


def look_again(source: Source, found: Scan, wanted: Sequence[tuple[Connection, Excerpt]]) -> None:
    """Fill the excerpts of some connections that a scan of this source found."""
    passing = Passing()
    passing.kept = {}
    _again(source, found, wanted, passing)


def collect(source: Source, found: Scan, wanted: Sequence[tuple[Connection, Lane]]) -> None:
    """Give the segments of some connections that a scan of this source found to their lanes, all of them."""
    passing = Passing()
    passing.lanes = {}
    _again(source, found, wanted, passing)


def _again(source: Source, found: Scan, wanted: Sequence[tuple[Connection, Any]], passing: Passing) -> None:
    """Read the source once more, where these connections are."""
    passing.want(wanted)
    for batch in source.again(found.table.spans([row for row, _ in wanted])):
        passing.see(batch, source.interfaces)


class Passing:
    """What is at hand while frames pass by: GROUP packets under way, and counts."""

    __slots__ = (
        "_count", "_counts", "_interface", "_interfaces", "_link_type", "_mask", "_memory", "_packets",
        "_ports", "_segment", "_tuples", "_wanted", "kept", "lanes", "resets", "table", "unsupported",
    )  # fmt: skip

    table: Connections
    kept: dict[int, Excerpt] | None  # by number of the connection: where its segments go
    lanes: dict[int, Lane] | None  # the same, as columns
    resets: int
    unsupported: dict[int, int]
    _memory: Any  # in which GROUP of them lie
    _packets: Any  # where the first one does
    _count: int  # how many those are now
    _segment: Segment
    _counts: array[int]
    _interface: int  # of the last frame
    _link_type: int
    _interfaces: Sequence[Interface]
    _wanted: (
        dict[int, Any] | None
    )  # an Excerpt or a Lane, by first frame of a connection: only these; None: all
    _tuples: array[int]  # hashes of their tuples, an open hash table
    _mask: int
    _ports: bytearray  # which client's ^ server's port they have

    def __init__(self) -> None:
        self.table, self.resets, self.unsupported = Connections(), 0, {}
        self.kept, self.lanes = None, None
        self._memory, self._segment = lines.packets(GROUP), Segment()
        self._packets = lines.first_of(self._memory)
        self._count, self._counts = 0, array("q", [0] * len(KINDS))
        self._interface, self._link_type, self._interfaces = -1, -1, ()
        self._wanted, self._tuples, self._mask, self._ports = None, array("Q", [0]), 0, bytearray(1 << 16)

    def count(self, kind: int) -> int:
        """Frames of that kind."""
        return self._counts[kind]

    def want(self, wanted: Sequence[tuple[Connection, Any]]) -> None:
        """Place the packets of these tuples only; these connections' segments go to what is with them."""
        self._wanted = {row.first_frame: one for row, one in wanted}
        size = 16
        while size < 4 * len(wanted):
            size *= 2
        self._tuples, self._mask = array("Q", bytes(8 * size)), size - 1
        for row, _ in wanted:
            self._ports[row.client[2] ^ row.server[2]] = 1
            mixed = hash_of_ends(row.client, row.server, row.interface)
            at = mixed & self._mask
            while self._tuples[at] and self._tuples[at] != mixed:
                at = at + 1 & self._mask
            self._tuples[at] = mixed

    def see(self, batch: Frames, interfaces: Sequence[Interface]) -> None:
        """Take in a batch of frames."""
        table, row, self._interfaces = self.table, 0, interfaces
        while row < batch.count:
            table.trace(batch.first + row, batch.offset[row])
            row = self._gather(batch, batch.octets, row)
            table.expect(self._packets, self._count)
            if self.kept is None and self.lanes is None:
                table.take(self._packets, self._count)
                continue
            for place in range(self._count):
                packet = lines.packet_at(self._packets, place)
                if self._wanted is not None and not self._is_wanted(packet.mixed):
                    continue
                found, at = table.arrive(packet), packet.frame - batch.first
                if self.kept is not None:
                    self._keep(found, batch, at)
                else:
                    self._draw(found, batch, at)

    def _gather(self, batch: Frames, octets: Any, row: int) -> int:
        """Decode frames from `row` on, until GROUP of them are TCP; the row behind the last."""
        packets, count, plain_ones = self._packets, 0, 0
        while row < batch.count and count < _GROUP:
            if self._interface != batch.interface[row]:
                self._turn(batch.interface[row])
            if self._link_type == _ETHERNET:
                before, stop = count, min(batch.count, row + _GROUP - count)
                if self._wanted is not None:
                    row = plain.past_unwanted(batch, octets, row, self._ports)
                    stop = min(batch.count, row + 1)
                if row < stop:
                    count = plain.read_plain(batch, octets, row, stop, packets, before)
                    row += count - before
                    plain_ones += count - before
                if row == stop or batch.interface[row] != self._interface:
                    continue
            if self._begin(batch, row, lines.packet_at(packets, count)):
                count += 1
            row += 1
        self._count = count
        self._counts[_TCP] += plain_ones
        return row

    def _begin(self, batch: Frames, row: int, packet: lines.Packet) -> bool:
        """Decode a frame the long way; whether it has a connection."""
        kind = self._decode(batch, row, False)
        plain.take(packet, self._segment)
        if kind <= _LAST_TCP and packet.flags & _RST:
            self.resets += 1
        if kind == _UNSUPPORTED:
            self.unsupported[self._link_type] = self.unsupported.get(self._link_type, 0) + 1
        self._counts[kind] += 1
        return kind in (_TCP, _TUNNEL)

    def _turn(self, interface: int) -> None:
        """From here on, frames are of that interface."""
        self._interface, self._link_type = interface, self._interfaces[interface].link_type

    def _decode(self, batch: Frames, row: int, verify: bool) -> int:
        """All that is to know of a frame, and its kind."""
        segment = self._segment
        if self._interface != batch.interface[row]:
            self._turn(batch.interface[row])
        segment.interface = batch.interface[row]
        segment.ts = batch.ts[row]
        segment.frame = batch.first + row
        segment.offset = batch.offset[row]
        segment.length = batch.length[row]
        return decode(
            batch.octets, batch.start[row], batch.captured[row], segment.length, self._link_type, segment,
            verify,
        )  # fmt: skip

    def _is_wanted(self, mixed: int) -> bool:
        """Whether a tuple is wanted, by its hash: another one with the same does no harm."""
        at = mixed & self._mask
        while self._tuples[at]:
            if self._tuples[at] == mixed:
                return True
            at = at + 1 & self._mask
        return False

    def _keep(self, row: int, batch: Frames, at: int) -> None:
        """Give a segment to its connection's excerpt, if it has one."""
        number, frame, kept = self.table.number(row), batch.first + at, self.kept
        assert kept is not None
        excerpt = kept.get(number)
        if self._wanted is not None:
            begun = self._wanted.get(frame)
            if begun is not None:
                excerpt = kept[number] = begun
        elif excerpt is None:
            excerpt = kept[number] = Excerpt()
        if excerpt is not None:
            self._decode(batch, at, True)
            excerpt.see(self.table.direction, self._segment)

    def _draw(self, row: int, batch: Frames, at: int) -> None:
        """Give a segment to its connection's lane, if it has one."""
        number, lanes, wanted = self.table.number(row), self.lanes, self._wanted
        assert lanes is not None
        assert wanted is not None
        lane: Lane | None = wanted.get(batch.first + at)
        if lane is not None:
            lanes[number] = lane
        else:
            lane = lanes.get(number)
        if lane is not None:
            self._decode(batch, at, False)
            lane.see(self.table.direction, self._segment)


def _clock(found: Scan, batch: Frames) -> None:
    """Widen the time that the capture covers by a batch's."""
    began, ended, undated, times = found.began, found.ended, 0, lines.column(batch.ts)
    row = 1
    while row < batch.count and times[row] >= times[row - 1]:
        row += 1
    # Mostly they are in order: then the first and the last tell all.
    step = max(1, batch.count - 1) if row >= batch.count and times[0] != _UNDATED else 1
    for row in range(0, batch.count, step):
        ts = times[row]
        if ts == _UNDATED:
            undated += 1
            continue
        if began == _UNDATED or ts < began:
            began = ts
        if ts > ended:  # NO_TIME is the least number there is
            ended = ts
    found.began, found.ended, found.undated = began, ended, found.undated + undated
