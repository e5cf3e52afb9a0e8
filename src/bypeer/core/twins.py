"""Which segment was forwarded, of all of a long connection: what forward.py finds of a few, by columns.

The same rules: twins are alike in what forwarding leaves alone, each that left with the latest that had
come; of the rest, those that GRO or TSO cut otherwise go together by their octets. Rows whose hints say
PAIRED are left as they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from bypeer.core import lines, tcp
from bypeer.core.points import Points
from bypeer.core.trace import KEPT, PAIRED, UNSEEN, Trace

# ns, as in forward.py.
_EARLY, _LATE = 2_000_000, 2_000_000_000
# Rows in which the octets of a segment are looked for: before and behind those of the last one, and
# round those of the same time.
_BACK, _NEAR = 64, 512
# Rows among which a twin is looked for first: round that of the segment behind it.
_ABOVE, _TRIES = 8, 64

_FIN, _SYN, _RST = tcp.FIN, tcp.SYN, tcp.RST
_PAIRED, _KEPT, _UNSEEN = PAIRED, KEPT, UNSEEN
_SEED = (
    hash("bypeer.core.twins") & (1 << 64) - 1
)  # strangers choose numbers, so none may know where they lead
_MIX_1, _MIX_2, _MIX_3 = 0x9E37_79B9_7F4A_7C15, 0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53


def pair(came: Trace, went: Trace, way: int, early: int) -> None:
    """Find the twins of one direction, which `came` to the host at one side and `went` at the other.

    `early`: ns by which one may seem to leave before it came.
    """
    left = _in_order(came, went, way, early)
    if not left:
        return
    waiting = _Waiting(came)
    for row in range(came.points.count):
        if came.points.way[row] == way and came.twin[row] < 0 and not came.hints[row] & _PAIRED:
            waiting.add(row)
    for row in range(went.points.count - 1, -1, -1):
        if went.points.way[row] == way and went.twin[row] < 0 and not went.hints[row] & _PAIRED:
            found = waiting.take(went, row, early)
            if found >= 0:
                came.twin[found], went.twin[row] = row, found


def _in_order(came: Trace, went: Trace, way: int, early: int) -> int:
    """Pair what left in the order in which it came, as most does; how many that left are still alone.

    Backwards in time, near where the last twin was.
    """
    at, left, shift = came.points.count - 1, 0, went.shift - came.shift
    last = at
    for row in range(went.points.count - 1, -1, -1):
        if went.points.way[row] != way or went.hints[row] & _PAIRED:
            continue
        ts = went.points.ts[row] + shift
        while at >= 0 and came.points.ts[at] > ts + early:
            at -= 1
        near = min(at, last + _ABOVE)
        below = max(near - _TRIES, -1)
        while near > below and (
            came.points.way[near] != way
            or came.twin[near] >= 0
            or came.hints[near] & _PAIRED
            or not _alike(came.points, near, went.points, row)
        ):
            near -= 1
        if near > below and ts - came.points.ts[near] < _LATE:
            came.twin[near], went.twin[row] = row, near
            last = near
        else:
            left += 1
    return left


class _Waiting:
    """Rows of one side, by what they are; of those that are alike the latest first."""

    __slots__ = ("_keys", "_latest", "_mask", "_next", "_trace")

    def __init__(self, trace: Trace) -> None:
        size = 16
        while size < 2 * trace.points.count:
            size *= 2
        self._trace, self._mask = trace, size - 1
        self._keys = array("i", [0]) * size  # row + 1 of the first of a kind, 0: free
        self._latest = array("i", [-1]) * size  # the latest of it that still waits
        self._next = array("i", [-1]) * trace.points.count  # the one before, of the same kind

    def add(self, row: int) -> None:
        """Add a row that is later than all so far."""
        at = self._slot(self._trace, row)
        if not self._keys[at]:
            self._keys[at] = row + 1
        self._next[row], self._latest[at] = self._latest[at], row

    def take(self, went: Trace, row: int, early: int) -> int:
        """The latest that had come when that row of the other side went, or -1; to be asked for backwards."""
        at, came = self._slot(went, row), self._trace
        ts = went.points.ts[row] + went.shift - came.shift
        found = self._latest[at]
        while found >= 0 and came.points.ts[found] > ts + early:
            found = self._next[found]  # for all that went before it is too late as well
        self._latest[at] = found
        if found < 0 or ts - came.points.ts[found] >= _LATE:
            return -1
        self._latest[at] = self._next[found]
        return found

    def _slot(self, trace: Trace, row: int) -> int:
        """Where rows like that one are, or will be."""
        points = trace.points
        size, flags = points.size[row], points.flags[row]
        mixed = lines.wrapped((_SEED ^ points.seq[row] ^ size << 32) * _MIX_1)
        mixed = lines.wrapped((mixed ^ mixed >> 29 ^ points.ack[row] ^ flags << 33) * _MIX_2)
        mixed = lines.wrapped((mixed ^ mixed >> 32 ^ points.tsval[row]) * _MIX_3)
        at = (mixed ^ mixed >> 31) & self._mask
        while self._keys[at] and not _alike(self._trace.points, self._keys[at] - 1, points, row):
            at = at + 1 & self._mask
        return at


def _alike(points: Points, row: int, others: Points, other: int) -> bool:
    """Whether forwarding would make the one of the other."""
    return (
        points.seq[row] == others.seq[other]
        and points.ack[row] == others.ack[other]
        and points.size[row] == others.size[other]
        and points.flags[row] == others.flags[other]
        and points.tsval[row] == others.tsval[other]
        and points.left[row] == others.left[other]
        and points.right[row] == others.right[other]
    )


# Cut otherwise


def tile(wholes: Trace, others: Trace, way: int, later: int) -> None:
    """Find for each unpaired segment with data the unpaired ones of the other side that have its octets.

    `later` is 1 if those left and so come later, -1 if they came. Each of their octets goes to one.
    """
    left = _unpaired(others, way)
    rows = _unpaired(wholes, way) if len(left) else left
    tiles = _Tiles(others, left, later)
    for at in range(len(rows)):
        row = rows[at]
        wholes.twin[row] = tiles.under(wholes, row)


def _unpaired(trace: Trace, way: int) -> array[int]:
    """Rows with data and without a twin."""
    points = trace.points
    found = array("i", [0]) * points.count
    count = 0
    for row in range(points.count):
        alone = trace.twin[row] < 0 and not trace.hints[row] & _PAIRED
        if alone and points.way[row] == way and points.size[row] and not points.flags[row] & _RST:
            found[count] = row
            count += 1
    return found[:count]


class _Tiles:
    """Unpaired segments of one side, by time, and how much of each was given away."""

    __slots__ = ("_at", "_given", "_later", "_rows", "_time", "_trace")

    def __init__(self, trace: Trace, rows: Any, later: int) -> None:
        self._trace, self._rows, self._later = trace, rows, later
        self._given = array("q", [0]) * len(rows)  # up to which octet, from its own first on
        for at in range(len(rows)):
            self._given[at] = trace.start[rows[at]]
        self._at = 0  # where the last octets were found
        self._time = 0  # the first that is not earlier than the last segment asked about

    def under(self, wholes: Trace, row: int) -> int:
        """Give a segment the tiles that have its octets; the first one's row, -1 if they are not there."""
        ts = wholes.points.ts[row] + wholes.shift - self._trace.shift
        points, rows = self._trace.points, self._rows
        while self._time < len(rows) and points.ts[rows[self._time]] < ts - _EARLY:
            self._time += 1
        begin, end = wholes.start[row], wholes.start[row] + wholes.points.size[row]
        stamp = _stamp(wholes.points, row)
        found = self._from(self._at - _BACK, self._at + _BACK, begin, end, stamp, ts, row)
        if found < 0:
            since = self._time if self._later > 0 else self._time - _NEAR
            found = self._from(since, since + _NEAR + _BACK, begin, end, stamp, ts, row)
        return rows[found] if found >= 0 else -1

    def _from(self, since: int, until: int, begin: int, end: int, stamp: int, ts: int, whole: int) -> int:
        """Look for the first tile in a stretch of rows, then for those that follow; where the first is."""
        trace, rows = self._trace, self._rows
        at, first, have = max(since, 0), -1, begin
        until = min(until, len(rows))
        while at < until:
            row = rows[at]
            lag = (trace.points.ts[row] - ts) * self._later
            high = trace.start[row] + trace.points.size[row]
            if (
                self._given[at] <= have < high
                and _stamp(trace.points, row) == stamp
                and -_EARLY <= lag < _LATE
            ):
                first, have = (at if first < 0 else first), high
                if have >= end:
                    self._give(first, at, begin, end, stamp, whole)
                    return first
                until = min(at + _NEAR, len(rows))
            at += 1
        return -1

    def _give(self, first: int, last: int, begin: int, end: int, stamp: int, whole: int) -> None:
        """Give away the octets of the tiles from one to another."""
        trace, have = self._trace, begin
        for at in range(first, last + 1):
            row = self._rows[at]
            high = trace.start[row] + trace.points.size[row]
            if self._given[at] <= have < high and _stamp(trace.points, row) == stamp:
                self._given[at] = min(high, end)
                have = high
                if trace.twin[row] < 0:
                    trace.twin[row] = whole
        self._at = last


def _stamp(points: Points, row: int) -> int:
    """Its timestamp and its acknowledgement, which what is cut or merged keeps."""
    return lines.wrapped(points.tsval[row]) << 32 | points.ack[row]


# Not forwarded


def absent(came: Trace, went: Trace, way: int, spans: Sequence[tuple[int, int]]) -> None:
    """Say of each that came and has no twin whether it was not forwarded, or the other capture may lack it.

    `spans`: the times, ns by the outside clock, in which it may; in order, none meeting another.
    """
    at = 0
    edges = array("q", [edge for span in spans for edge in span])
    for row in range(came.points.count):
        if came.points.way[row] != way or came.twin[row] >= 0 or came.hints[row] & _PAIRED:
            continue
        ts = came.points.ts[row] + came.shift
        while at > 0 and ts <= edges[2 * at - 1]:
            at -= 1
        while at < len(edges) // 2 and edges[2 * at + 1] < ts:
            at += 1
        unseen = at < len(edges) // 2 and edges[2 * at] <= ts
        if not unseen:
            end = came.start[row] + came.points.size[row]
            unseen = went.lost(way, came.start[row], end)
        came.hints[row] |= _UNSEEN if unseen else _KEPT
