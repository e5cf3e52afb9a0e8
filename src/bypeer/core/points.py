"""The segments of one connection at one side of the NAT, as columns: what its picture is drawn from.

Of a segment only what is drawn or tells its twin. There is room for a number of them that is known
before; of more than that the last ones are taken and the others counted, because what a picture is
about lies at the end.
"""

from __future__ import annotations

from array import array

from bypeer.core.segment import Segment

MOST = 5_000_000  # segments of one side that are taken: a picture of so many on both takes 1 GB to make

# ns: dates beyond are as good as none, and differences between two that are not fit 64 bits.
_FURTHEST = 1 << 61


class Points:
    """Columns, `count` rows in file order; of `passed` segments the first `skip` were not taken."""

    __slots__ = (
        "ack", "count", "flags", "frame", "last", "left", "passed", "right", "room", "seq", "size", "skip",
        "stray", "ts", "tsval", "way", "win",
    )  # fmt: skip

    ts: array[int]  # "q": ns by the clock of its own capture; undated: that of the one before
    frame: array[int]  # "q"
    seq: array[int]  # "I": SEG.SEQ, as on the wire
    ack: array[int]  # "I": SEG.ACK; void without the flag
    size: array[int]  # "I": payload octets
    tsval: array[int]  # "I"
    left: array[int]  # "I": the first SACK block; both 0 without one
    right: array[int]  # "I"
    win: array[int]  # "H": SEG.WND, unscaled
    flags: array[int]  # "B"
    way: array[int]  # "B": direction
    stray: array[int]  # "B": came or went with a tuple that belongs to the other side

    def __init__(self, segments: int, most: int = MOST) -> None:
        """Room for so many segments, or for the last `most` of them."""
        self.room = min(segments, most)
        self.skip = segments - self.room
        self.count = self.passed = self.last = 0
        self.ts, self.frame = array("q", [0]) * self.room, array("q", [0]) * self.room
        self.seq, self.ack = array("I", [0]) * self.room, array("I", [0]) * self.room
        self.size, self.tsval = array("I", [0]) * self.room, array("I", [0]) * self.room
        self.left, self.right = array("I", [0]) * self.room, array("I", [0]) * self.room
        self.win = array("H", [0]) * self.room
        self.flags, self.way = array("B", [0]) * self.room, array("B", [0]) * self.room
        self.stray = array("B", [0]) * self.room

    def lean(self, since: int, until: int, rate: float) -> None:
        """Correct a clock that is slow by so many ns each ns from `since`, where it is right, to `until`."""
        for row in range(self.count):
            self.ts[row] += round(rate * (min(max(self.ts[row], since), until) - since))

    def see(self, way: int, stray: bool, segment: Segment) -> None:
        """Take in the next segment."""
        self.passed += 1
        if -_FURTHEST < segment.ts < _FURTHEST:
            self.last = segment.ts
        if self.passed <= self.skip or self.count == self.room:
            return
        row = self.count
        self.count = row + 1
        self.ts[row], self.frame[row] = self.last, segment.frame
        self.seq[row], self.ack[row] = segment.seq, segment.ack
        self.size[row], self.tsval[row] = segment.size, segment.tsval
        if segment.sack_count:
            self.left[row], self.right[row] = segment.dsack_left, segment.dsack_right
        self.win[row], self.flags[row] = segment.win, segment.flags
        self.way[row], self.stray[row] = way, stray


class Lane:
    """How the segments of one tuple at one vantage come to a side's points."""

    __slots__ = ("flipped", "points", "stray")

    def __init__(self, points: Points, flipped: bool = False, stray: bool = False) -> None:
        self.points, self.flipped, self.stray = points, flipped, stray

    def see(self, direction: int, segment: Segment) -> None:
        """Take in the tuple's next segment; `direction` as its own vantage has it."""
        self.points.see(direction ^ self.flipped, self.stray, segment)
