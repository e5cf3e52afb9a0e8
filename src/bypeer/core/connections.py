"""The table of connections at one vantage: tuples, their incarnations, and a summary of each.

A connection is one life of a tuple. A tuple is used again when a SYN with a new initial
sequence number comes after the old life has ended, or is answered by a SYN/ACK that
acknowledges it; a lone SYN in mid-stream is only strange, and stays where it is.

The hot path: a packet finds its slot by a hash, its row by the slot, and changes two cache lines of
it (lines.py). Both are a wait for memory, so packets come in groups: `expect` has the processor load
what `arrive` needs a little later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bypeer.core import connection as summary
from bypeer.core import lines, plain, sketch, tcp, tuples
from bypeer.core.connection import FEW_MARKS, TO_CLIENT, TO_SERVER, Connection, Rare
from bypeer.core.frames import Span
from bypeer.core.segment import ABSENT, NO_TIME, Segment
from bypeer.core.trail import Trail

GROUP = 64  # packets that are under way at once

FEWEST_SLOTS = 1024
# Rows at most, of about 0.5 kB: strangers can open as many connections as there are packets.
MOST_CONNECTIONS = 400_000

# Copies that are C integers when compiled.
_OPENED, _RESET, _VERSION6 = summary.OPENED, summary.RESET, summary.VERSION6
_RARE = summary.RARE
_FIRST, _ACKED, _FIN_SEEN, _ISN = summary.FIRST, summary.ACKED, summary.FIN_SEEN, summary.ISN
_NUMBERS, _HALF, _MOST_CONNECTIONS = (1 << 32) - 1, 1 << 31, MOST_CONNECTIONS
_TO_SERVER, _TO_CLIENT, _UNDATED = TO_SERVER, TO_CLIENT, NO_TIME
_SYN, _RST, _ACK, _FIN, _SPECIAL = tcp.SYN, tcp.RST, tcp.ACK_, tcp.FIN, tcp.SYN | tcp.FIN | tcp.RST
_USUAL, _BEGUN = _SPECIAL | _ACK, _FIRST | _ACKED
_ABSENT, _FEW_MARKS = ABSENT, FEW_MARKS
_IN_PART = tuples.IN_PART
# Rows of which the nearest cache does not hold what each packet changes, the next not what some do.
_MANY, _MORE = 512, 4096


class Connections:
    """All connections of one input, in the order in which they began.

    Found by a hash of their tuple that is the same both ways. The table is open: a slot holds the
    hash's upper half and a row, and what does not fit its slot goes to the next one that is free.
    """

    __slots__ = (
        "_alone", "_begun", "_block", "_held", "_mask", "_memory", "_slots", "_table", "_tuples", "count",
        "direction", "evicted", "pieces", "rare", "trail",
    )  # fmt: skip

    evicted: int  # connections that were forgotten, beyond the latest MOST_CONNECTIONS
    direction: int  # of the segment that was placed last
    _begun: int  # connections so far
    count: int  # rows
    _held: list[Any]  # what the pieces lie in
    pieces: Any  # rows (lines.py)
    _table: Any  # what the slots lie in
    _slots: Any  # upper half of the hash << 32 | row + 1, or 0
    _mask: int  # their number - 1
    _tuples: int  # how many are taken
    _alone: Any  # memory for one packet
    trail: Trail | None  # where the rows' frames are, if that is noted
    _block: int  # its latest block; 0: there are no notes
    rare: dict[int, Rare]  # by row

    def __init__(self) -> None:
        self.direction = self._tuples = self._begun = self.count = self.evicted = 0
        self.rare, self._alone = {}, lines.packets(1)
        self.trail, self._block = None, 0
        self._memory = bytearray(8 * (MOST_CONNECTIONS // lines.PIECE + 2))
        self.pieces, self._held = lines.pieces(self._memory), []
        self._table, self._mask = bytearray(8 * FEWEST_SLOTS), FEWEST_SLOTS - 1
        self._slots = lines.slots_of(self._table)

    def __len__(self) -> int:
        return self.count

    @property
    def rows(self) -> list[Connection]:
        """A summary of each."""
        return [self.connection(row) for row in range(self.count)]

    def connection(self, row: int, until: int = NO_TIME) -> Connection:
        """The summary of a row; `until` is when the capture ended, if some may go on (`quiet`)."""
        return summary.summed_up(self.pieces, row, self.rare.get(row), until)

    def number(self, row: int) -> int:
        """How many connections began before this one."""
        return lines.past_at(self.pieces, row).number

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is sent to another process: to be looked at there, not to be added to."""
        held = [lines.content(self.pieces, number) for number in range(len(self._held))]
        return received, (held, self.count, self._begun, self.evicted, self.rare, self.trail)

    def receive(self, held: list[Any], count: int, begun: int, evicted: int, *rest: Any) -> None:
        """Have the rows that another process sent."""
        for number, content in enumerate(held):
            self._held.append(lines.piece(self.pieces, number))
            lines.fill(self.pieces, number, content)
        self.count, self._begun, self.evicted = count, begun, evicted
        self.rare, self.trail = rest

    def spans(self, rows: Sequence[Connection]) -> list[Span]:
        """Where the frames of these connections are."""
        assert self.trail is not None
        return self.trail.spans(rows, self.count)

    # A packet

    def expect(self, packets: Any, count: int) -> None:
        """Begin to look for the connections of so many packets, GROUP at most."""
        if self.count >= _MANY:
            more = self.count >= _MORE
            lines.fetch(packets, count, self.pieces, self._slots, self._mask, _SPECIAL if more else -1)

    def trace(self, frame: int, offset: int) -> None:
        """Further frames follow, from this one on, which lies at that offset."""
        trail = self.trail
        if trail is None:
            return
        if trail.full:
            trail.halve(self.count)
            for row in range(self.count):
                line = lines.line_at(self.pieces, row)
                line.block = (line.block + 1) // 2
        trail.begin(frame, offset)
        self._block = 0 if trail.vague else trail.block

    def take(self, packets: Any, count: int) -> None:
        """Take in so many packets that were expected: most of them the short way."""
        trail = self.trail if self.trail is not None else Trail()
        slots, mask, notes = self._slots, self._mask, trail.room(count)
        for place in range(count):
            packet = lines.packet_at(packets, place)
            slot = lines.slot_of(slots, mask, packet.mixed)
            if not slot or not self._add((slot & _NUMBERS) - 1, packet, trail, notes):
                self.arrive(packet)
                slots, mask, notes = self._slots, self._mask, trail.room(count)

    def _add(self, row: int, packet: lines.Packet, trail: Trail, notes: Any) -> bool:
        """Do what `arrive` would do, but for `direction`, if a packet changes what most packets do."""
        line, ts = lines.line_at(self.pieces, row), packet.ts
        pause = lines.wrapped(ts - line.ended)  # a large one, if either is undated or they are out of order
        there = line.client ^ packet.source | line.server ^ packet.target
        back = line.client ^ packet.target | line.server ^ packet.source
        part = (packet.source | packet.target) & _IN_PART
        if line.interface != packet.interface or min(there, back) or part:
            return False
        direction: int = there != 0
        way = lines.way_of(line, direction)
        if packet.flags & _USUAL != _ACK or way.known & _BEGUN != _BEGUN or way.ttl != packet.ttl:
            return False
        if line.traits & _RESET or line.dated & lines.TICK - 1 == 0 or pause > lines.wrapped(line.pause):
            return False
        if self._block:  # as in `_leave`, but without a branch, since either is likely
            notes[trail.notes] = row
            trail.notes += line.block != self._block
            line.block = self._block
        way.segments += 1
        line.last, line.ended, line.dated = packet.frame, ts, line.dated + 1 & 0xFFFF
        way.high, way.low = lines.later(packet.end, way.high), lines.earlier(packet.seq, way.low)
        way.acked = lines.later(packet.ack, way.acked)
        if packet.print < way.most:
            sketch.keep(way, lines.past_at(self.pieces, row), direction, packet.print)
        return True

    def place(self, segment: Segment) -> int:
        """Take in a segment that comes alone."""
        packet = lines.packet_at(lines.first_of(self._alone), 0)
        plain.take(packet, segment)
        self.expect(lines.first_of(self._alone), 1)
        return self.arrive(packet)

    def arrive(self, packet: lines.Packet) -> int:
        """The row of an expected packet's connection; `direction` is then the packet's there.

        Adds the packet to the connection's summary; begins a new life where it must.
        """
        mixed = packet.mixed
        upper, at = mixed >> 32, mixed & self._mask
        while True:
            slot = self._slots[at]
            if not slot:
                return self._begin(at, upper, packet, -1)
            if slot >> 32 == upper:
                row: int = (slot & _NUMBERS) - 1
                line = lines.line_at(self.pieces, row)
                direction = self._direction(line, row, packet)
                if direction >= 0:
                    break
            at = at + 1 & self._mask
        if packet.flags & _SYN and self._reborn(row, direction, packet):
            return self._begin(at, upper, packet, row)
        self.direction = direction
        self._note(line, row, direction, packet)
        return row

    def _direction(self, line: lines.Line, row: int, packet: lines.Packet) -> int:
        """Which way the packet goes, if it is of this tuple; else -1.

        Without a branch but such as hardly ever differ, since either way is as likely: 0 is a match.
        """
        there = line.client ^ packet.source | line.server ^ packet.target
        back = line.client ^ packet.target | line.server ^ packet.source
        if line.interface != packet.interface or min(there, back):
            return -1
        if (packet.source | packet.target) & _IN_PART:
            return tuples.direction(lines.past_at(self.pieces, row), packet)
        return 1 if there else 0

    def _note(self, line: lines.Line, row: int, direction: int, packet: lines.Packet) -> None:
        """Add a packet to the summary of its connection."""
        way = lines.way_of(line, direction)
        way.segments += 1
        line.last = packet.frame
        if line.block != self._block:
            self._leave(line, row)
        ts = packet.ts
        if ts != _UNDATED:
            if line.dated & lines.TICK - 1 == 0 or ts - line.ended > line.pause:
                summary.moment(self.pieces, row, ts)
            line.ended = ts
            line.dated = line.dated + 1 & 0xFFFF
        if line.traits & _RESET and not packet.flags & _RST:
            line.traits ^= _RESET
        if not packet.flags & _SPECIAL or not self._special(line, row, direction, packet):
            self._advance(line, row, direction, packet)

    def _leave(self, line: lines.Line, row: int) -> None:
        """Leave a note in the trail, the first for this row in this block."""
        line.block = self._block
        if self._block and self.trail is not None:
            self.trail.note(row)

    def _advance(self, line: lines.Line, row: int, direction: int, packet: lines.Packet) -> None:
        """Widen what is known of a direction's numbers."""
        way = lines.way_of(line, direction)
        if not way.known & _FIRST:
            summary.begin_way(self.pieces, row, direction, packet)
        if way.ttl != packet.ttl:
            self._other_ttl(line, row, direction, packet.ttl)
        way.high, way.low = lines.later(packet.end, way.high), lines.earlier(packet.seq, way.low)
        if packet.flags & _ACK:
            way.acked = lines.later(packet.ack, way.acked) if way.known & _ACKED else packet.ack
            way.known |= _ACKED
        if packet.print < way.most:
            sketch.keep(way, lines.past_at(self.pieces, row), direction, packet.print)

    def _other_ttl(self, line: lines.Line, row: int, direction: int, ttl: int) -> None:
        """Count a TTL that is not the direction's first."""
        _count(self._rarity(line, row).ttls[direction], ttl)

    def _special(self, line: lines.Line, row: int, direction: int, packet: lines.Packet) -> bool:
        """A SYN, FIN or RST; whether it is a RST, whose numbers may be arbitrary."""
        way, past, flags = lines.way_of(line, direction), lines.past_at(self.pieces, row), packet.flags
        if flags & (_FIN | _RST):
            self._mark(line, row)
        if flags & _RST:
            if not past.resets[direction]:
                past.reset_ttl[direction] = packet.ttl
            elif packet.ttl != past.reset_ttl[direction]:
                _count(self._rarity(line, row).reset_ttls[direction], packet.ttl)
            past.resets[direction] += 1
            line.traits |= _RESET
            return True
        if flags & _SPECIAL == _SYN and line.traits & _OPENED and not way.known & _ISN:
            self._options(line, row, direction, packet.seq, packet.wscale)
        if flags & _FIN:
            past.fin_end[direction] = packet.end
            way.known |= _FIN_SEEN
        return False

    def _mark(self, line: lines.Line, row: int) -> None:
        """Remember the moment of the last packet."""
        past = lines.past_at(self.pieces, row)
        if past.marked < _FEW_MARKS:
            past.marks[2 * past.marked], past.marks[2 * past.marked + 1] = line.since, line.ended
            past.marked += 1
        else:
            self._rarity(line, row).mark(line.since, line.ended)

    def _options(self, line: lines.Line, row: int, direction: int, isn: int, wscale: int) -> None:
        """Take in what a SYN or SYN/ACK says."""
        way, past = lines.way_of(line, direction), lines.past_at(self.pieces, row)
        past.isn[direction], past.wscale[direction] = isn, wscale
        way.known |= _ISN

    def _rarity(self, line: lines.Line, row: int) -> Rare:
        if line.traits & _RARE == 0:
            line.traits |= _RARE
            self.rare[row] = Rare()
        return self.rare[row]

    # Lives of a tuple

    def _reborn(self, row: int, direction: int, packet: lines.Packet) -> bool:
        """Whether a SYN or SYN/ACK opens another life of the tuple."""
        line, past = lines.line_at(self.pieces, row), lines.past_at(self.pieces, row)
        way, other = lines.way_of(line, direction), lines.way_of(line, 1 - direction)
        if way.known & _ISN and past.isn[direction] == packet.seq:
            return False
        if packet.flags & (_FIN | _RST):
            return False  # no opening but a malformed packet
        closed = line.traits & _RESET != 0 or way.known & other.known & _FIN_SEEN != 0
        if packet.flags & _ACK:
            opening = self.rare[row].pending if line.traits & _RARE else None
            if opening is not None and packet.ack == (opening[0] + 1) & _NUMBERS:
                return True
            # Its SYN was not captured, unless it is a late answer to this life's own.
            own = other.known & _ISN and packet.ack == (past.isn[1 - direction] + 1) & _NUMBERS
            return closed and not own
        if not closed:
            self._rarity(line, row).pending = packet.seq, packet.wscale
        return closed

    def _begin(self, at: int, upper: int, packet: lines.Packet, before: int) -> int:
        """A new life in that slot, perhaps after another one of the tuple."""
        tuples.widen(packet)
        row = self.count
        if row % lines.PIECE == 0 and row // lines.PIECE == len(self._held):
            self._held.append(lines.piece(self.pieces, row // lines.PIECE))
        self.count += 1
        summary.clear(self.pieces, row, packet, self._begun)
        self._begun += 1
        self._slots[at] = upper << 32 | row + 1
        line = lines.line_at(self.pieces, row)
        if before < 0:
            self._tuples += 1
            if self._tuples * 2 > self._mask:
                self._settle((self._mask + 1) * 4)
        elif before in self.rare and packet.flags & _ACK:
            opening = self.rare[before].pending
            if opening is not None:
                self._options(line, row, _TO_SERVER, opening[0], opening[1])
        self.direction = _TO_SERVER if tuples.from_client(packet) else _TO_CLIENT
        self._note(line, row, self.direction, packet)
        if self.count >= _MOST_CONNECTIONS:
            row = self._evict()
        return row

    # Too many

    def _evict(self) -> int:
        """Forget half of the rows: those that ended as they should first, those with a RST last.

        Where the latest row is now.
        """
        latest, rare = self.count - 1, self.rare
        order = sorted(range(latest), key=self._dispensable)
        kept = [*sorted(order[: _MOST_CONNECTIONS // 2 - 1]), latest]
        self.rare, self._block = {}, 0
        if self.trail is not None:
            self.trail.forget()
        for target, source in enumerate(kept):
            if source in rare:
                self.rare[target] = rare[source]
            if source != target:
                lines.move(self.pieces, source, target)
        self.count = len(kept)
        self.evicted = self._begun - self.count
        self._settle(self._mask + 1)
        return self.count - 1

    def _dispensable(self, row: int) -> tuple[bool, bool, int, int]:
        return summary.dispensable(self.pieces, row)

    def _settle(self, slots: int) -> None:
        """Give each tuple a slot anew, with the latest of its lives."""
        self._table, self._mask, self._tuples = lines.room(8 * slots), slots - 1, 0
        self._slots = lines.slots_of(self._table)
        for row in range(self.count):
            line = lines.line_at(self.pieces, row)
            mixed = tuples.hash_of(line)
            upper, at = mixed >> 32, mixed & self._mask
            while self._slots[at]:
                slot = self._slots[at]
                other = lines.past_at(self.pieces, (slot & _NUMBERS) - 1)
                if slot >> 32 == upper and tuples.one_tuple(lines.past_at(self.pieces, row), other):
                    break
                at = at + 1 & self._mask
            else:
                self._tuples += 1
            self._slots[at] = upper << 32 | row + 1


def _count(counts: dict[int, int], key: int) -> None:
    counts[key] = counts.get(key, 0) + 1


def received(*sent: Any) -> Connections:
    """The table that another process sent."""
    table = Connections()
    table.receive(*sent)
    return table
