"""One side's points, numbered from the initial sequence number through any number of wraps.

And which octets that side never saw although later ones passed: what its capture missed, if they were
acknowledged. The other columns are for twins.py and draw.py to fill in.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence

from bypeer.core import tcp
from bypeer.core.excerpt import WILD
from bypeer.core.points import Points
from bypeer.core.study import NOWHERE

# Trace.hints: what is known of a segment beyond its columns.
KEPT = 1  # it was not forwarded
UNSEEN = 2  # not seen on the other side, which proves nothing
LATE = 4  # by the tracker's rules, ends below its lower bound
OVER = 8  # begins above its upper one
REFUSED = 16  # INVALID
JUDGED = 32  # the tracker's bounds were known: what is not LATE or OVER by them is neither
TRIGGER = 64  # a RST that decided something answers it
PAIRED = 128  # its twin is known, or that it has none
AUTHOR = 8  # bits above are of a RST: row of AUTHORS
AUTHORS = ("unknown", "inside", "outside", "on-path", "host")

MOST_GAPS = 1_024

_WILD, _NOWHERE, _SIGN, _NUMBERS = WILD, NOWHERE, 1 << 31, (1 << 32) - 1
_FIN, _SYN, _RST, _ACK = tcp.FIN, tcp.SYN, tcp.RST, tcp.ACK_


class Gaps:
    """Octets of a stream that were not seen, between others that were: disjoint ranges in order."""

    __slots__ = ("ends", "forgotten", "starts", "times")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.times: list[tuple[int, int]] = []  # ns: the last segment before the gap, the first behind it
        self.forgotten = False  # there were more than MOST_GAPS

    def open(self, start: int, end: int, since: int, until: int) -> None:
        """Octets were passed over; they lie above all others."""
        if len(self.starts) == MOST_GAPS:
            del self.starts[0], self.ends[0], self.times[0]
            self.forgotten = True
        self.starts.append(start)
        self.ends.append(end)
        self.times.append((since, until))

    def fill(self, start: int, end: int) -> int:
        """Octets were seen after all: how many of them were missing."""
        at, found = bisect_right(self.ends, start), 0
        while at < len(self.starts) and self.starts[at] < end:
            low, high, times = self.starts[at], self.ends[at], self.times[at]
            found += min(high, end) - max(low, start)
            rest = [(a, b) for a, b in ((low, start), (end, high)) if a < b]
            self.starts[at : at + 1] = [a for a, _ in rest]
            self.ends[at : at + 1] = [b for _, b in rest]
            self.times[at : at + 1] = [times] * len(rest)
            at += len(rest)
        return found

    def meet(self, start: int, end: int) -> bool:
        """Whether some of these octets are missing."""
        at = bisect_right(self.ends, start)
        return at < len(self.starts) and self.starts[at] < end

    def move(self, octets: int) -> None:
        """Count from elsewhere."""
        self.starts = [start + octets for start in self.starts]
        self.ends = [end + octets for end in self.ends]


class Trace:
    """Points with their numbers, twins and hints: columns as long as theirs."""

    __slots__ = (
        "acked", "began", "front", "gaps", "hints", "notes", "numbers", "octets", "points", "shift", "start",
        "twin",
    )  # fmt: skip

    points: Points
    shift: int  # ns that the outside clock is ahead of this side's
    start: array[int]  # "q": SEG.SEQ, octets from the initial number of its direction
    numbers: array[int]  # "q": SEG.ACK, octets from that of the other direction; NOWHERE without
    twin: array[int]  # "i": row of the same segment at the other side, -1: none
    hints: array[int]  # "H"
    notes: dict[int, int]  # by row
    gaps: tuple[Gaps, Gaps]  # of each direction: what this side did not see
    front: array[int]  # "q": of each direction, the highest end
    acked: array[int]  # "q": the highest SEG.ACK of it, sent the other way
    octets: array[int]  # "q": payload of it, repeats included
    began: array[int]  # "B": whether this direction was seen at all

    def __init__(self, points: Points, shift: int, bases: Sequence[int]) -> None:
        """Number the points; `bases`: initial sequence numbers, by direction."""
        count = points.count
        self.points, self.shift, self.notes = points, shift, {}
        self.start, self.numbers = array("q", [0]) * count, array("q", [0]) * count
        self.twin, self.hints = array("i", [-1]) * count, array("H", [0]) * count
        self.gaps = (Gaps(), Gaps())
        self.front, self.acked = array("q", [0, 0]), array("q", [_NOWHERE, _NOWHERE])
        self.began, self.octets = array("B", [0, 0]), array("q", [0, 0])
        self._number(bases[0], bases[1])

    def _number(self, there: int, back: int) -> None:
        points, begun = self.points, array("q", [0, 0])  # how far each direction has got, wild ones left out
        base, last = array("q", [there, back]), array("q", [0, 0])
        for row in range(points.count):
            way, flags = points.way[row], points.flags[row]
            start = begun[way] + _signed(points.seq[row] - base[way] - begun[way])
            end = start + points.size[row] + (flags & 1) + (flags >> 1 & 1)
            self.start[row] = start
            self.octets[way] += points.size[row]
            self.numbers[row] = _NOWHERE
            if flags & _ACK:
                ack = begun[1 - way] + _signed(points.ack[row] - base[1 - way] - begun[1 - way])
                self.numbers[row] = ack
                if flags & _RST == 0 and self.acked[1 - way] < ack:
                    self.acked[1 - way] = ack
            if flags & _RST:
                continue
            if 0 < end - begun[way] < _WILD:
                begun[way] = end
            if end > start:
                self._cover(way, start, end, last[way], points.ts[row])
            last[way] = points.ts[row]

    def _cover(self, way: int, start: int, end: int, since: int, until: int) -> None:
        """Take in octets that were seen."""
        front = self.front[way]
        if not self.began[way]:
            self.began[way], self.front[way] = 1, end
        elif start > front:
            if start - front < _WILD:
                self.gaps[way].open(front, start, since, until)
                self.front[way] = end
        else:
            if start < front and self.gaps[way].starts:
                self.gaps[way].fill(start, min(end, front))
            if end > front:
                self.front[way] = end

    def move(self, way: int, octets: int) -> None:
        """Count a direction from elsewhere."""
        points, gaps = self.points, self.gaps[way]
        gaps.move(octets)
        self.front[way] += octets
        if self.acked[way] != _NOWHERE:
            self.acked[way] += octets
        for row in range(points.count):
            if points.way[row] == way:
                self.start[row] += octets
            elif self.numbers[row] != _NOWHERE:
                self.numbers[row] += octets

    def missed(self, way: int) -> list[tuple[int, int]]:
        """The times, by its own clock, in which this side missed octets that were acknowledged."""
        gaps = self.gaps[way]
        acked = min(self.acked[way], self.front[way])
        return [times for start, times in zip(gaps.starts, gaps.times, strict=True) if start < acked]

    def lost(self, way: int, start: int, end: int) -> bool:
        """Whether some of these octets were acknowledged here and never seen, so that they did pass."""
        if start == end or end > self.acked[way]:
            return False
        gaps = self.gaps[way]
        return not self.began[way] or end > self.front[way] or gaps.meet(start, end)

    def row(self, frame: int) -> int:
        """The row of a frame, or -1."""
        frames, low, high = self.points.frame, 0, self.points.count
        while low < high:
            middle = (low + high) // 2
            if frames[middle] < frame:
                low = middle + 1
            else:
                high = middle
        return low if low < self.points.count and frames[low] == frame else -1


def _signed(number: int) -> int:
    """A difference of sequence numbers, from -2**31 on."""
    return ((number & _NUMBERS) ^ _SIGN) - _SIGN
