"""Which connections are where in a capture, so that a second reading can leave out the rest.

A block is some frames that follow one another. Each connection is noted once for each block that it has
frames in; where blocks or notes become too many, every two blocks become one. So a trail does not grow
with the capture, and is the coarser the longer that is. Where that leaves too many notes still, or hardly any
frame is of the same connection as one just before, there are none: then all counts that lies between a
connection's first frame and its last.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from bypeer.core import lines
from bypeer.core.connection import Connection
from bypeer.core.frames import Span

MOST_BLOCKS, MOST_NOTES = 1 << 16, 1 << 20  # of 24 and 4 octets
# Octets between two blocks that are read rather than left out: a jump costs about as much.
NEAR = 96 << 10

# Copies that are C integers when compiled.
_MOST_BLOCKS, _MOST_NOTES, _NEAR = MOST_BLOCKS, MOST_NOTES, NEAR
_SOME = 64  # blocks from which on notes for three of four frames are too many


class Trail:
    """Blocks of frames, numbered from 1, and the rows of a table that have frames in each."""

    __slots__ = ("_begins", "_due", "_frames", "_offsets", "_rows", "_stride", "block", "notes", "vague")

    block: int  # the number of the block that frames now belong to; 0: there is none yet
    vague: bool  # there are no notes
    notes: int  # how many there are
    _frames: array[int]  # by block: the number of its first frame
    _offsets: array[int]  # octets from the start of the file to that
    _begins: array[int]  # which note is its first
    _rows: array[int]  # notes, block after block
    _stride: int  # calls of `begin` that make a block
    _due: int  # how many are left until the next

    def __init__(self) -> None:
        self.block, self.vague, self.notes, self._stride, self._due = 0, False, 0, 1, 0
        self._frames, self._offsets = array("q", bytes(8 * 1024)), array("q", bytes(8 * 1024))
        self._begins, self._rows = array("q", bytes(8 * 1024)), array("I", bytes(4 * 1024))

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is sent to another process: to be asked there, not to be added to."""
        held = [_octets(self._frames), _octets(self._offsets), _octets(self._begins), _octets(self._rows)]
        return received, (held, self.block, self.notes, self.vague)

    def receive(self, held: list[bytes], block: int, notes: int, vague: bool) -> None:
        """Have what another process sent."""
        self._frames, self._offsets = array("q", held[0]), array("q", held[1])
        self._begins, self._rows = array("q", held[2]), array("I", held[3])
        self.block, self.notes, self.vague = block, notes, vague

    @property
    def full(self) -> bool:
        """Whether it must be halved before the next `begin`."""
        return self.block >= _MOST_BLOCKS - 1 or self.notes >= _MOST_NOTES

    def begin(self, frame: int, offset: int) -> None:
        """Further frames follow, from this one on, which lies at that offset."""
        if self._due:
            self._due -= 1
            return
        self._due = self._stride - 1
        self.block += 1
        if self.block >= len(self._frames):
            self._frames, self._offsets = _doubled(self._frames), _doubled(self._offsets)
            self._begins = _doubled(self._begins)
        self._frames[self.block], self._offsets[self.block] = frame, offset
        self._begins[self.block] = self.notes
        looked_at = self.block >= _SOME and self.block & self.block - 1 == 0  # now and then
        if looked_at and self.notes * 4 > (frame - self._frames[1]) * 3:
            self.forget()

    def room(self, count: int) -> Any:
        """Have room for so many more notes, rows from number `notes` on: where the first of all lies."""
        while self.notes + count > len(self._rows):
            self._rows = _doubled(self._rows)
        return lines.rows_of(self._rows)

    def note(self, row: int) -> None:
        """A row has a frame in this block: said once for each."""
        self.room(1)
        self._rows[self.notes] = row
        self.notes += 1

    def halve(self, rows: int) -> None:
        """Make one block of every two, the table having so many rows. Block n becomes (n + 1) // 2."""
        seen, notes, blocks = array("I", bytes(4 * rows + 4)), 0, 0
        for block in range(1, self.block + 1):
            first, stop = self._begins[block], self.notes
            if block < self.block:
                stop = self._begins[block + 1]
            if block & 1:
                blocks += 1
                self._frames[blocks], self._offsets[blocks] = self._frames[block], self._offsets[block]
                self._begins[blocks] = notes
            for at in range(first, stop):
                row = self._rows[at]
                if seen[row] != blocks:
                    seen[row] = blocks
                    self._rows[notes] = row
                    notes += 1
        self.block, self.notes, self._due = blocks, notes, 0
        self._stride *= 2
        if notes >= _MOST_NOTES // 4 * 3:
            self.forget()

    def forget(self) -> None:
        """Do without notes: they are too many, tell too little, or the rows have changed their places."""
        self.vague, self.notes = True, 0
        self._begins, self._rows = array("q", bytes(8 * len(self._begins))), array("I", bytes(4))

    def spans(self, rows: Sequence[Connection], count: int) -> list[Span]:
        """Where the frames of these connections are, in a table of so many rows."""
        wanted, lives = bytearray(count), merged(rows)
        if not self.vague:
            for row in rows:
                wanted[row.number] = 1
        found: list[Span] = []
        at = 0
        for block in range(1, self.block + 1):
            first, last, stop = self._frames[block], lives[-1][1], -1
            if block < self.block:
                last, stop = self._frames[block + 1] - 1, self._offsets[block + 1]
            while at < len(lives) and lives[at][1] < first:
                at += 1
            if at == len(lives):
                break
            if last < lives[at][0] or not (self.vague or self._has(block, wanted)):
                continue
            offset, before = self._offsets[block], found[-1] if found else None
            if before is not None and 0 <= offset - before.stop < _NEAR:
                found[-1] = Span(before.first, last, before.offset, stop)
            else:
                found.append(Span(first, last, offset, stop))
        if found:  # the file may have grown
            found[-1] = found[-1]._replace(last=min(found[-1].last, lives[-1][1]))
        return found

    def _has(self, block: int, wanted: bytearray) -> bool:
        """Whether a block has frames of a wanted row."""
        stop = self._begins[block + 1] if block < self.block else self.notes
        flags, rows = lines.octets_of(wanted), lines.rows_of(self._rows)
        for at in range(self._begins[block], stop):  # noqa: SIM110 -- a generator a call would cost more
            if flags[rows[at]]:
                return True
        return False


def merged(rows: Sequence[Connection]) -> list[tuple[int, int]]:
    """From which frame to which these connections last, in order, none meeting another."""
    lives: list[tuple[int, int]] = []
    for row in sorted(rows, key=_first):
        if lives and row.first_frame <= lives[-1][1]:
            lives[-1] = lives[-1][0], max(row.last_frame, lives[-1][1])
        else:
            lives.append((row.first_frame, row.last_frame))
    return lives


def _first(row: Connection) -> int:
    return row.first_frame


def _octets(numbers: Any) -> bytes:
    return memoryview(numbers).tobytes()


def _doubled(numbers: Any) -> Any:
    """A column with twice the room."""
    held = memoryview(numbers)
    return array(held.format, held.tobytes() + bytes(held.nbytes))


def received(*sent: Any) -> Trail:
    """The trail that another process sent."""
    trail = Trail()
    trail.receive(*sent)
    return trail
