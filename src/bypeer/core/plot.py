"""The segments of both sides, in the order in which they came to the host, to the marks of a picture.

One pass. What there is to know of each segment lies in its columns and hints (trace.py); what is found
here are the frontier, which octets were sent before, and where the stream was not studied, what lies
more than the widest window behind.
"""

from __future__ import annotations

from array import array
from typing import Any

from bypeer.core import tcp
from bypeer.core.excerpt import WILD
from bypeer.core.picture import KINDS, Marks
from bypeer.core.study import INSIDE, NOWHERE, OUTSIDE
from bypeer.core.trace import AUTHOR, JUDGED, KEPT, LATE, OVER, REFUSED, TRIGGER, UNSEEN, Gaps, Trace

# Rows of picture.KINDS.
_NAMES = tuple(name for name, _ in KINDS)
_IS_ACK, _IS_WINDOW, _IS_SACK = (_NAMES.index(name) for name in ("ack", "window", "sack"))
_IS_DATA, _IS_AGAIN, _IS_LATE = (_NAMES.index(name) for name in ("data", "again", "late"))
_IS_BEYOND, _IS_KEPT, _IS_TRIGGER = (_NAMES.index(name) for name in ("beyond", "kept", "trigger"))
# By author, as trace.AUTHORS has them.
_RESETS = array(
    "B", [_NAMES.index(f"rst-{name}") for name in ("unknown", "inside", "outside", "path", "host")]
)

CODES = "qqIqBqqi"  # of Marks
MOST_OF_ONE = 4  # marks that one segment can become: acknowledgement, window, SACK block, trigger
_INSIDE, _OUTSIDE, _NOWHERE, _WILD, _FAR = INSIDE, OUTSIDE, NOWHERE, WILD, 1 << 28
_SYN, _FIN, _RST, _ACK = tcp.SYN, tcp.FIN, tcp.RST, tcp.ACK_
_KEPT, _UNSEEN, _LATE, _OVER, _REFUSED, _JUDGED, _TRIGGER = KEPT, UNSEEN, LATE, OVER, REFUSED, JUDGED, TRIGGER
_AUTHOR = AUTHOR
_NUMBERS, _SIGN = (1 << 32) - 1, 1 << 31
_NEVER = (1 << 63) - 1


class Plot:
    """Marks under way, and what has passed so far. `began` is the time of the earliest mark, ns."""

    __slots__ = (
        "_acked", "_behind", "_columns", "_edge", "_front", "_gaps", "_ingress", "_inside", "_kind", "_last",
        "_low", "_main", "_note", "_now", "_outside", "_pending", "_pending_end", "_scale", "_sent",
        "_size", "_sorted", "_started", "_traces", "_ts", "_unseen", "_widest", "_window", "began",
        "count",
    )  # fmt: skip

    def __init__(
        self, traces: tuple[Trace | None, Trace | None], main: int, outward: int, scale: int
    ) -> None:
        """Room for all marks.

        `traces`: of both sides, None where one was not captured. `main`: the direction whose data is
        drawn; `outward`: the one from the inside endpoint to the outside one. `scale`: by which the
        windows are shifted that limit the main direction, -1 if that is not known.
        """
        self._traces, self._main, self._scale = traces, main, scale
        self._ingress = array("b", [0, 0])  # by direction, where it enters the host
        self._ingress[outward], self._ingress[1 - outward] = _INSIDE, _OUTSIDE
        room = sum(
            _room(one, main, self._ingress, side) for side, one in enumerate(traces) if one is not None
        )
        self._columns = [array(code, [0]) * room for code in CODES]
        self._ts, self._low, self._size, self._behind = self._columns[:4]
        self._kind, self._outside, self._inside, self._note = self._columns[4:]
        self.count = 0
        self._sorted, self._last, self.began = True, -_NEVER, 0
        self._gaps = Gaps()
        self._started = False
        self._front = self._sent = 0  # highest end that passed, and that was sent at all
        self._acked = 0  # highest SEG.ACK of the main direction
        self._widest = 0  # the widest window that limits it, octets; 0: not known
        self._edge = _NOWHERE  # the highest octet that it permits
        self._window = _NOWHERE  # the edge that was drawn last
        self._pending, self._pending_end = -1, 0  # a mark far above the edge: a stray, or a hole before it
        self._now = 0
        self._unseen = -1

    def draw(self, since: int, unseen: int) -> None:
        """Draw all rows, those before `since` left out.

        `since`: ns by the outside clock. `unseen`: the note for what was not seen at the other side.
        """
        self._unseen = unseen
        inside, outside = self._traces
        here = there = 0
        while True:
            first, second = _time(inside, here), _time(outside, there)
            if first == second == _NEVER:
                return
            if first < second:
                if first >= since:
                    self._row(inside, outside, _INSIDE, here)
                here += 1
            else:
                if second >= since:
                    self._row(outside, inside, _OUTSIDE, there)
                there += 1

    def marks(self, origin: int) -> Marks:
        """The marks in order of time, which counts from `origin`, ns. To be asked for once."""
        for row in range(self.count):
            self._ts[row] -= origin
        columns: list[Any] = self._columns
        self._columns = []
        # A column that something looks into cannot be cut.
        self._ts = self._low = self._behind = self._outside = self._inside = array("q")
        self._size, self._kind, self._note = array("I"), array("B"), array("i")
        for column in columns:
            del column[self.count :]
        if not self._sorted:  # a clock that was set, or packets of several queues
            order = sorted(range(self.count), key=columns[0].__getitem__)
            columns = [array(one.typecode, [one[row] for row in order]) for one in columns]
        return Marks(*columns)

    def _row(self, trace: Any, other: Any, side: int, row: int) -> None:
        """Draw a segment where it was seen first on its way."""
        way, twin = trace.points.way[row], trace.twin[row]
        if twin >= 0 and self._ingress[way] != side:
            return
        self._now = trace.points.ts[row] + trace.shift
        frame, frames = trace.points.frame[row], 0
        if twin >= 0:
            frames = other.points.frame[twin]
        outside, inside = (frame, frames) if side == _OUTSIDE else (frames, frame)
        note = -1
        if trace.notes and row in trace.notes:
            note = trace.notes[row]
        elif trace.hints[row] & _UNSEEN:
            note = self._unseen
        if trace.points.flags[row] & _RST:
            self._reset(trace, row, way, outside, inside, note)
        elif way == self._main:
            self._data(trace, row, outside, inside, note)
        else:
            self._answer(trace, row, outside, inside, note)

    # The main direction

    def _data(self, trace: Any, row: int, outside: int, inside: int, note: int) -> None:
        """Draw a segment of the main direction at its SEG.SEQ."""
        hints, flags, size = trace.hints[row], trace.points.flags[row], trace.points.size[row]
        start = trace.start[row]
        end = start + size + (flags & 1) + (flags >> 1 & 1)
        if not self._started:
            self._started = True
            self._front = self._sent = start
        if start == end and not hints & (_KEPT | _TRIGGER | _OVER):
            return  # an acknowledgement of the few octets that go the other way
        kind = self._kind_of(start, end, hints)
        if kind == _IS_BEYOND or hints & (_KEPT | _REFUSED):
            behind = self._front - end  # it does not move the frontier
            if start <= self._sent < end and kind != _IS_BEYOND:
                self._sent = end
        else:
            behind = self._pass(start, end, hints)
        self._put(start, size, behind, kind, outside, inside, note)
        if hints & _TRIGGER:
            self._put(start, size, behind, _IS_TRIGGER, outside, inside, note)

    def _kind_of(self, start: int, end: int, hints: int) -> int:
        """What a segment of the main direction is."""
        repeated = False
        if hints & _OVER == 0 and start < self._sent:
            high = min(end, self._sent)
            repeated = self._gaps.fill(start, high) < high - start
        if hints & _KEPT:
            return _IS_KEPT
        if hints & _OVER:
            return _IS_BEYOND
        if hints & _LATE or (not hints & _JUDGED and self._widest and end < self._front - self._widest):
            return _IS_LATE
        return _IS_AGAIN if repeated else _IS_DATA

    def _pass(self, start: int, end: int, hints: int) -> int:
        """Move the frontier by a segment; how far it lies behind it then."""
        self._settle(start)
        if end <= self._front:
            return self._front - end
        far = start > self._edge if self._edge != _NOWHERE else start - self._front > _WILD
        if far and not hints & _JUDGED:
            self._pending, self._pending_end = self.count, end
            return self._front - end
        self._reach(start, end)
        return 0

    def _settle(self, start: int) -> None:
        """Decide what a mark far above the edge was, by the next one: a stray, or the first behind a hole."""
        pending = self._pending
        if pending < 0:
            return
        self._pending = -1
        if start >= self._low[pending]:
            self._reach(self._low[pending], self._pending_end)
            self._behind[pending] = 0
            self._widest = 0  # windows were missed as well
        elif self._edge != _NOWHERE and self._kind[pending] == _IS_DATA:
            self._kind[pending] = _IS_BEYOND

    def _reach(self, start: int, end: int) -> None:
        if start > self._sent:
            self._gaps.open(self._sent, start, 0, 0)
        self._front = end
        if end > self._sent:
            self._sent = end

    # What answers it

    def _answer(self, trace: Any, row: int, outside: int, inside: int, note: int) -> None:
        """Draw a segment of the other direction at its SEG.ACK."""
        points, hints, ack = trace.points, trace.hints[row], trace.numbers[row]
        if ack == _NOWHERE:
            if hints & (_KEPT | _TRIGGER):
                self._call(hints, self._acked, outside, inside, note)
            return
        behind = self._front - ack
        if hints & _TRIGGER:
            self._put(ack, 0, behind, _IS_TRIGGER, outside, inside, note)
        if hints & _KEPT:
            self._put(ack, 0, behind, _IS_KEPT, outside, inside, note)
            return
        self._put(ack, 0, behind, _IS_ACK, outside, inside, note)
        if points.right[row]:
            self._sack(points, row, ack, outside, inside, note)
        if self._acked < ack <= self._sent or not self._started:
            self._acked = ack
        scale = 0 if points.flags[row] & _SYN else self._scale
        if scale < 0:
            return
        width = points.win[row] << scale
        edge = ack + width
        if edge != self._window and not points.flags[row] & _SYN:
            self._put(edge, 0, self._front - edge, _IS_WINDOW, outside, inside, note)
            self._window = edge
        self._widest = max(self._widest, width)
        self._edge = max(self._edge, edge)

    def _call(self, hints: int, low: int, outside: int, inside: int, note: int) -> None:
        """Draw a segment that acknowledges nothing."""
        if hints & _KEPT:
            self._put(low, 0, self._front - low, _IS_KEPT, outside, inside, note)
        if hints & _TRIGGER:
            self._put(low, 0, self._front - low, _IS_TRIGGER, outside, inside, note)

    def _sack(self, points: Any, row: int, ack: int, outside: int, inside: int, note: int) -> None:
        """Draw the first block, which is what has come last (RFC 2018, 4) or was a duplicate (RFC 2883)."""
        low = ack + ((points.left[row] - points.ack[row] & _NUMBERS) ^ _SIGN) - _SIGN
        size = points.right[row] - points.left[row] & _NUMBERS
        if size < _FAR:
            self._put(low, size, self._front - low - size, _IS_SACK, outside, inside, note)

    def _reset(self, trace: Any, row: int, way: int, outside: int, inside: int, note: int) -> None:
        """Draw a RST at its SEG.SEQ or, if that is of the other direction, where acknowledgements are."""
        low = self._acked
        if way == self._main:
            low = trace.start[row]
            if low - self._front > _FAR or self._front - low > _FAR or not self._started:
                low = self._front
        kind = _RESETS[trace.hints[row] >> _AUTHOR]
        self._put(low, 0, self._front - low, kind, outside, inside, note)

    def _put(
        self, low: int, size: int, behind: int, kind: int, outside: int, inside: int, note: int
    ) -> None:  # fmt: skip
        at = self.count
        self._ts[at], self._low[at], self._size[at], self._behind[at] = self._now, low, size, behind
        self._kind[at], self._outside[at], self._inside[at], self._note[at] = kind, outside, inside, note
        if self._now < self._last:
            self._sorted = False
        if not at or self._now < self.began:
            self.began = self._now
        self._last = self._now
        self.count = at + 1


def _time(trace: Any, row: int) -> int:
    """When a row was seen, by the outside clock; later than all behind the last one."""
    if trace is None or row >= trace.points.count:
        return _NEVER
    ts: int = trace.points.ts[row] + trace.shift
    return ts


def _room(trace: Trace, main: int, ingress: Any, side: int) -> int:
    """How many marks the rows of a side can become at most."""
    points, room = trace.points, 0
    for row in range(points.count):
        if trace.twin[row] >= 0 and ingress[points.way[row]] != side:
            continue
        room += 1
        if trace.hints[row] & _TRIGGER:
            room += 1
        if points.way[row] != main:
            room += 2 if points.right[row] else 1
    return room
