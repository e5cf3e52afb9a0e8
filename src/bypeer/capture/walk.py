"""The plain records that lie whole in a buffer, to the columns of a batch: the hot half of the readers.

Both walks stop before the first record that is unusual in any way, or that the buffer does not
hold whole; what it is then is for the reader to find out (pcap.py, pcapng.py). No octet is read
that does not lie before `end`.
"""

from __future__ import annotations

from array import array

from bypeer.capture.stream import LARGEST_FRAME
from bypeer.core import lines
from bypeer.core import octets as net
from bypeer.core.frames import BATCH, Frames

# How a pcap file orders the two lengths of a record.
AS_TODAY, PERHAPS_SWAPPED, SWAPPED = range(3)

# Copies that are C integers when compiled.
_BATCH, _LARGEST = BATCH, LARGEST_FRAME
_AS_TODAY, _SWAPPED = AS_TODAY, SWAPPED
_SECOND = 1_000_000_000
# Block types; those below 6 that the reader does not take are 0 and 4.
_ENHANCED, _JOURNAL, _SECTION = 6, 9, 0x0A0D_0D0A
_SHORTEST = 12  # octets of a block
_FIXED = 32  # octets of one without its packet and options


def ordered(captured: int, length: int, order: int, pad: int) -> tuple[int, int]:
    """Put the two lengths right: version 2.3 files have them in either order, older ones swapped.

    `pad` octets of the record's header are counted by them.
    """
    if order == SWAPPED or (order == PERHAPS_SWAPPED and captured > length):
        captured, length = length, captured
    return max(0, captured - pad), max(0, length - pad)


def records(
    octets: bytearray, pos: int, end: int, base: int, frames: Frames, little: bool,
    size: int, unit: int, order: int, pad: int,
) -> int:  # fmt: skip
    """Add the pcap records from octets[pos:end] to the batch; where the first one left begins.

    `base` is the file's offset of octets[0], `size` that of a record's header, `unit` the ns of a
    unit of its fraction of a second.
    """
    assert 0 <= pos <= end <= len(octets)
    assert size >= 16
    assert frames.count >= 0
    raw, row = octets, frames.count
    starts, sizes = lines.column(frames.start), lines.column(frames.captured)
    lengths, times = lines.column(frames.length), lines.column(frames.ts)
    interfaces, offsets = lines.column(frames.interface), lines.column(frames.offset)
    while row < _BATCH and end - pos >= size:
        if little:
            seconds, fraction = net.le32(raw, pos), net.le32(raw, pos + 4)
            captured, length = net.le32(raw, pos + 8), net.le32(raw, pos + 12)
        else:
            seconds, fraction = net.u32(raw, pos), net.u32(raw, pos + 4)
            captured, length = net.u32(raw, pos + 8), net.u32(raw, pos + 12)
        if order != _AS_TODAY and (order == _SWAPPED or captured > length):
            captured, length = length, captured
        if pad:
            captured, length = max(0, captured - pad), max(0, length - pad)
        at = pos + size
        if captured > _LARGEST or captured > end - at:
            break
        starts[row], sizes[row], lengths[row] = at, captured, length
        times[row] = seconds * _SECOND + fraction * unit
        interfaces[row], offsets[row] = 0, base + pos
        pos = at + captured
        row += 1
    frames.count = row
    return pos


class Clocks:
    """How the interfaces of a section count time, for those that need no division: a row each."""

    __slots__ = ("most", "plus", "rows", "times")

    rows: int
    times: array[int]  # ns a tick
    plus: array[int]  # ns
    most: array[int]  # more ticks than these could overflow; -1: this clock needs a division

    def __init__(self) -> None:
        self.rows = 0
        self.times, self.plus, self.most = (array("q", [0]) for _ in range(3))

    def add(self, times: int, over: int, plus: int) -> None:
        """A further interface, on which ns = ticks * times // over + plus."""
        if self.rows == len(self.times):  # twice as many, so that many interfaces cost a copy each
            room = array("q", bytes(8 * self.rows))
            self.times = array("q", self.times) + room
            self.plus = array("q", self.plus) + room
            self.most = array("q", self.most) + room
        simple = over == 1 and abs(plus) < 1 << 62
        self.times[self.rows] = times
        self.plus[self.rows] = plus if simple else 0
        self.most[self.rows] = (1 << 62) // times - 1 if simple else -1
        self.rows += 1


def _told_twice(raw: bytearray, pos: int, end: int, total: int, little: bool) -> bool:
    """Whether a block of that length lies at `pos`, which its end says too."""
    if total < _SHORTEST or total % 4 or total > end - pos:
        return False
    at = pos + total - 4
    return (net.le32(raw, at) if little else net.u32(raw, at)) == total


def packets(
    octets: bytearray, pos: int, end: int, base: int, frames: Frames, little: bool, first: int, clocks: Clocks
) -> int:  # fmt: skip
    """Add the plain Enhanced Packet Blocks from octets[pos:end] to the batch; where the rest begins.

    A plain one has no options, and its time needs no more than 64 bits. Blocks of unknown types are passed
    over. `first` is the file's row of the section's first interface.
    """
    assert 0 <= pos <= end <= len(octets)
    assert frames.count >= 0
    raw, row = octets, frames.count
    starts, sizes = lines.column(frames.start), lines.column(frames.captured)
    lengths, times = lines.column(frames.length), lines.column(frames.ts)
    interfaces, offsets = lines.column(frames.interface), lines.column(frames.offset)
    tick, plus, most = lines.column(clocks.times), lines.column(clocks.plus), lines.column(clocks.most)
    while row < _BATCH and end - pos >= _FIXED:
        if little:
            kind, total, interface = net.le32(raw, pos), net.le32(raw, pos + 4), net.le32(raw, pos + 8)
            high, low = net.le32(raw, pos + 12), net.le32(raw, pos + 16)
            captured, length = net.le32(raw, pos + 20), net.le32(raw, pos + 24)
        else:
            kind, total, interface = net.u32(raw, pos), net.u32(raw, pos + 4), net.u32(raw, pos + 8)
            high, low = net.u32(raw, pos + 12), net.u32(raw, pos + 16)
            captured, length = net.u32(raw, pos + 20), net.u32(raw, pos + 24)
        strange = kind in (0, 4) or (kind > _ENHANCED and kind != _SECTION and kind != _JOURNAL)
        if strange and _told_twice(raw, pos, end, total, little):
            pos += total  # of no interest here
            continue
        ticks = high << 32 | low
        whole = _FIXED + (captured + 3 & ~3)
        if kind != _ENHANCED or captured > _LARGEST or total != whole or total > end - pos:
            break
        again = net.le32(raw, pos + total - 4) if little else net.u32(raw, pos + total - 4)
        if again != total or interface >= clocks.rows or not 0 <= ticks <= most[interface]:
            break
        starts[row], sizes[row], lengths[row] = pos + 28, captured, length
        times[row] = ticks * tick[interface] + plus[interface]
        interfaces[row], offsets[row] = first + interface, base + pos
        pos += total
        row += 1
    frames.count = row
    return pos
