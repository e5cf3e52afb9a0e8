"""pcapng files.

Models draft-ietf-opsawg-pcapng: sections of either byte order, their interfaces numbered
through the file, packets in all three kinds of block, comments and loss counters, journal
entries (journal.py), which are numbered among the frames as Wireshark does. Name resolution,
decryption secrets and unknown blocks are passed over by their length.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from bypeer.capture.model import LONGEST_TEXT, Capture
from bypeer.capture.stream import LARGEST_FRAME, SIZE, Stream
from bypeer.capture.walk import Clocks, packets
from bypeer.core.frames import BATCH, Frames, Interface
from bypeer.core.segment import NO_TIME

# Block types (section 10.1 of the draft); the packet block (2) is obsolete.
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _STATISTICS, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 5, 6
_JOURNAL = 9
_BYTE_ORDER = 0x1A2B3C4D
_SHORTEST_BLOCK = 12  # type, total length, and the latter again

# Options: any block's, section 4.2's (interface), 4.3's (packet), 4.6's (statistics).
_END, _COMMENT = 0, 1
_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _IF_TSOFFSET = 2, 3, 9, 14
_EPB_DROPCOUNT, _ISB_IFDROP, _ISB_OSDROP = 4, 5, 7

_MOST_INTERFACES = 1 << 16  # Segment.interface keeps 16 bits for them
_SECOND = 1_000_000_000
_UNKNOWN_DROPS = 0xFFFF  # of the packet block


class _Damage(Exception):  # noqa: N818  (it never leaves this module)
    """What is wrong with the block at hand."""


class _Order:
    """The blocks' fixed fields, in one byte order."""

    def __init__(self, sign: str) -> None:
        self.two, self.option, self.four = Struct(sign + "II"), Struct(sign + "HH"), Struct(sign + "I")
        self.section = Struct(sign + "HHq")  # version, section length
        self.interface = Struct(sign + "HHI")  # link type, reserved, snaplen
        self.enhanced = Struct(sign + "7I")  # type, total, interface, time, time, captured, length
        self.packet = Struct(sign + "HHIIII")  # interface, drops, time, time, captured, length
        self.name = "little" if sign == "<" else "big"


_ORDERS = {sign: _Order(sign) for sign in "<>"}


class _Clock:
    """How an interface counts time: ns = ticks * times // over + plus."""

    def __init__(self) -> None:
        self.times, self.over, self.plus = 1_000, 1, 0  # microseconds, where nothing is said

    def resolve(self, resolution: int) -> None:
        """Take in if_tsresol: a negative power of 10, or with the top bit set of 2."""
        exponent = resolution & 0x7F
        if resolution & 0x80:
            self.times, self.over = _SECOND, 1 << exponent
        else:
            self.times, self.over = _SECOND, 10**exponent
        if self.times % self.over == 0:
            self.times, self.over = self.times // self.over, 1

    def ns(self, ticks: int) -> int:
        """Nanoseconds since the epoch, rounded down, or NO_TIME where 64 bits do not hold them."""
        ns = ticks * self.times // self.over + self.plus
        return ns if NO_TIME < ns < -NO_TIME else NO_TIME


def is_pcapng(head: bytes) -> bool:
    """Whether a file that starts so is one."""
    return head[:4] == b"\n\r\r\n" and head[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a")


def read(stream: Stream, capture: Capture) -> Iterator[Frames]:
    """Read the blocks of a stream that stands at the start of the file."""
    return _Reader(stream, capture).batches()


class _Reader:
    """A walk over the blocks of one file."""

    def __init__(self, stream: Stream, capture: Capture) -> None:
        self.stream, self.capture = stream, capture
        self.frames = Frames()
        self.frames.octets = stream.octets
        self.order = _ORDERS["<"]
        self.blocks = 0  # of this batch that the walk has left to _block
        self.section = 0  # row of the section's first interface
        self.clocks: list[_Clock] = []  # a row an interface of the file
        self.simple = Clocks()  # those of this section, as far as the walk may read them
        self.snaplens: list[int] = []
        self.kinds = {
            _SECTION: self._section,
            _INTERFACE: self._interface,
            _ENHANCED: self._enhanced,
            _PACKET: self._packet,
            _SIMPLE: self._simple,
            _STATISTICS: self._statistics,
            _JOURNAL: self._journal,
        }

    def batches(self) -> Iterator[Frames]:
        """Walk the file to its end, or to damage."""
        stream, frames, more = self.stream, self.frames, True
        while more:
            try:
                while self._run() < BATCH and self._whole() and not self._breaks():
                    self._block()
                if not stream.took(max(frames.count, self.blocks)):
                    raise _Damage("")
                self.blocks = 0
                if not frames.count:
                    more = self._more()
            except _Damage as damage:
                self.capture.damaged(stream, str(damage))
                more = False
            if frames.count:
                yield self.capture.deliver(frames)
                self.capture.onward(stream, frames)

    def _run(self) -> int:
        """Add the plain enhanced packet blocks that lie ready; say how many frames there are now.

        Blocks of unknown kind are passed over; whatever is unusual about a block, options included,
        is left to `_block`.
        """
        stream = self.stream
        base, little = stream.offset - stream.pos, self.order.name == "little"
        stream.pos = packets(
            stream.octets, stream.pos, stream.end, base, self.frames, little, self.section, self.simple
        )
        return self.frames.count

    def _breaks(self) -> bool:
        """Whether the next block ends the batch: a frame that is none of ours, so its number is left out."""
        return self.frames.count > 0 and self._extent()[0] == _JOURNAL

    # Blocks. Each of these stands at a block that lies whole in the buffer.

    def _extent(self) -> tuple[int, int]:
        """Type and total length of the block whose first 12 octets lie ready."""
        kind, total = self.order.two.unpack_from(self.stream.octets, self.stream.pos)
        if kind == _SECTION:  # it reads the same both ways, and brings its own byte order
            total = self._section_order().two.unpack_from(self.stream.octets, self.stream.pos)[1]
        if total < _SHORTEST_BLOCK or total % 4:
            raise _Damage(f"a block of {total} octets, which no block has")
        if total > SIZE and kind in self.kinds and kind != _JOURNAL:
            raise _Damage(f"a block of {total} octets, more than one of its type has")
        return kind, total

    def _section_order(self) -> _Order:
        at = self.stream.pos + 8
        for order in _ORDERS.values():
            if order.four.unpack_from(self.stream.octets, at)[0] == _BYTE_ORDER:
                return order
        raise _Damage("a section without a byte-order magic number")

    def _whole(self) -> bool:
        return self.stream.unread >= _SHORTEST_BLOCK and self._extent()[1] <= self.stream.unread

    def _more(self) -> bool:
        """Have the next block whole in the buffer, or skip it if it is too large; False at the end."""
        stream = self.stream
        if not stream.fill(_SHORTEST_BLOCK):
            if stream.unread or stream.failure:
                raise _Damage("cut short in a block header")
            return False
        kind, total = self._extent()
        if total <= SIZE:
            if not stream.fill(total):
                raise _Damage("cut short in a block")
        elif not stream.skip(total):
            raise _Damage("cut short in a block")
        elif kind == _JOURNAL:
            self.frames.first += 1
            self.capture.odd("journal entries too large to be read")
        return True

    def _block(self) -> None:
        stream = self.stream
        kind, total = self._extent()
        if kind == _SECTION:
            self.order = self._section_order()
        stop = stream.pos + total - 4
        if self.order.four.unpack_from(stream.octets, stop)[0] != total:
            raise _Damage(f"a block whose two lengths differ, the first {total} octets")
        self.blocks += 1
        take = self.kinds.get(kind)
        if take is not None:
            take(stream.pos + 8, stop)
        stream.pos += total

    def _section(self, at: int, stop: int) -> None:
        self._room(at, stop, 16)
        major, minor, _ = self.order.section.unpack_from(self.stream.octets, at + 4)
        if major != 1 or minor not in (0, 2):  # 1.2 was written by some, and is 1.0 (section 4.1)
            raise _Damage(f"a section of version {major}.{minor}")
        self.section, self.simple = len(self.clocks), Clocks()
        for code, start, size in self._options(at + 16, stop, strict=True):
            if code == _COMMENT:
                self._comment(0, start, size)

    def _interface(self, at: int, stop: int) -> None:
        self._room(at, stop, 8)
        if len(self.clocks) >= _MOST_INTERFACES:
            raise _Damage(f"more than {_MOST_INTERFACES} interfaces")
        link_type, _, snaplen = self.order.interface.unpack_from(self.stream.octets, at)
        clock, texts = _Clock(), {_IF_NAME: "", _IF_DESCRIPTION: ""}
        for code, start, size in self._options(at + 8, stop, strict=True):
            if code == _COMMENT:
                self._comment(0, start, size)
            elif code in texts:
                octets = self.stream.octets[start : start + min(size, LONGEST_TEXT)]
                texts[code] = octets.rstrip(b"\0").decode("utf-8", "replace")
            elif code == _IF_TSRESOL and size == 1:
                clock.resolve(self.stream.octets[start])
            elif code == _IF_TSOFFSET and size == 8:
                clock.plus = self._number(start, 8, signed=True) * _SECOND
        self.clocks.append(clock)
        self.simple.add(clock.times, clock.over, clock.plus)
        self.snaplens.append(snaplen)
        self.capture.interfaces.append(Interface(link_type, texts[_IF_NAME], texts[_IF_DESCRIPTION]))

    def _enhanced(self, at: int, stop: int) -> None:
        self._room(at, stop, 20)
        interface, high, low, captured, length = self.order.enhanced.unpack_from(self.stream.octets, at - 8)[
            2:
        ]
        options = self._frame(at + 20, stop, interface, captured, length, high << 32 | low)
        for code, start, size in self._options(options, stop):
            if code == _COMMENT:
                self._comment(self.frames.first + self.frames.count - 1, start, size)
            elif code == _EPB_DROPCOUNT and size == 8:
                self.capture.lost(self.section + interface, "epb_dropcount", self._number(start, 8), so_far=1)

    def _packet(self, at: int, stop: int) -> None:
        self._room(at, stop, 20)
        interface, drops, high, low, captured, length = self.order.packet.unpack_from(self.stream.octets, at)
        options = self._frame(at + 20, stop, interface, captured, length, high << 32 | low)
        if drops != _UNKNOWN_DROPS:
            self.capture.lost(self.section + interface, "epb_dropcount", drops, so_far=1)
        for code, start, size in self._options(options, stop):
            if code == _COMMENT:
                self._comment(self.frames.first + self.frames.count - 1, start, size)

    def _simple(self, at: int, stop: int) -> None:
        self._room(at, stop, 4)
        (length,) = self.order.four.unpack_from(self.stream.octets, at)
        if self.section == len(self.clocks):
            raise _Damage("a packet in a section that has no interface")
        snaplen = self.snaplens[self.section] or length
        self._frame(at + 4, stop, 0, min(length, snaplen), length, None)

    def _frame(
        self, at: int, stop: int, interface: int, captured: int, length: int, ticks: int | None
    ) -> int:
        """Add a frame to the batch, and say where the options after it start."""
        if interface >= len(self.clocks) - self.section:
            raise _Damage(f"a packet from interface {interface}, which the section does not have")
        if captured > LARGEST_FRAME or captured > stop - at:
            raise _Damage(f"a packet of {captured} octets, more than its block or any frame has")
        frames, row, interface = self.frames, self.frames.count, self.section + interface
        frames.start[row], frames.captured[row], frames.length[row] = at, captured, length
        frames.ts[row] = NO_TIME if ticks is None else self.clocks[interface].ns(ticks)
        frames.interface[row] = interface
        frames.offset[row] = self.stream.offset
        frames.count += 1
        return at + (captured + 3 & ~3)

    def _statistics(self, at: int, stop: int) -> None:
        self._room(at, stop, 12)
        interface = self._number(at, 4)
        if interface >= len(self.clocks) - self.section:
            return
        for code, start, size in self._options(at + 12, stop):
            if code in (_ISB_IFDROP, _ISB_OSDROP) and size == 8:
                counter = "isb_ifdrop" if code == _ISB_IFDROP else "isb_osdrop"
                # Counted from the start of the capture, so the last block has them all.
                self.capture.lost(self.section + interface, counter, self._number(start, 8))

    def _journal(self, at: int, stop: int) -> None:
        """Take in an entry. It stands alone between two batches: see `_breaks`."""
        assert not self.frames.count
        self.frames.first += 1
        from bypeer.capture import journal  # here: with json it costs 2 ms, and only case files have entries

        event = journal.event(bytes(self.stream.octets[at:stop]))
        if event is not None:
            self.capture.event(event, stop - at)
        else:
            self.capture.odd("journal entries that are not bypeer's")

    # Parts of blocks.

    def _room(self, at: int, stop: int, size: int) -> None:
        if stop - at < size:
            raise _Damage("a block too short for its type")

    def _options(self, at: int, stop: int, strict: bool = False) -> Iterator[tuple[int, int, int]]:
        """Code, start and size of each option.

        Where one runs over the block's end, that is the end of them; or it is damage, if
        `strict`: where an interface and its clock hang on it.
        """
        while stop - at >= 4:
            code, size = self.order.option.unpack_from(self.stream.octets, at)
            if code == _END:
                return
            at += 4
            if size > stop - at:
                if strict:
                    raise _Damage(f"an option of {size} octets, more than its block has")
                return
            yield code, at, size
            at += size + 3 & ~3

    def _number(self, at: int, size: int, signed: bool = False) -> int:
        octets = self.stream.octets[at : at + size]
        return int.from_bytes(octets, "little" if self.order.name == "little" else "big", signed=signed)

    def _comment(self, frame: int, at: int, size: int) -> None:
        self.capture.comment(frame, bytes(self.stream.octets[at : at + min(size, LONGEST_TEXT)]))
