"""The segments of one connection that are kept for a closer look: all of them, or some stretches.

A connection may last as long as it likes: what is kept of it is its beginning and the stretches
of time that somebody asked for. Of what lies between, a Bridge keeps what the tracker and the
sequence numbers made of it, so that a replay goes on behind it as if it had seen all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.core.conntrack import resume, step
from bypeer.core.entry import Entry, Rules, Step
from bypeer.core.segment import NO_TIME, Segment
from bypeer.core.seq import distance

HEAD = 64  # segments kept of a connection's beginning
MOST_ROWS = 4_096  # segments kept of one stretch, whatever was asked for

# A jump of more than this is no progress of the stream but a stray number.
WILD = 1 << 30
_WILD, _HEAD, _MOST_ROWS, _UNDATED = WILD, HEAD, MOST_ROWS, NO_TIME
_RST, _SYN, _REFUSED = tcp.RST, tcp.SYN, 3  # Ctstate.INVALID
_NUMBERS = 0xFFFF_FFFF


class Bridge(NamedTuple):
    """What lies between two stretches: passed over, but not unseen."""

    row: int  # of the first segment behind it
    since: int  # ns: the last segment before it
    until: int  # ns: the first segment behind it
    advances: tuple[int, int]  # octets from each direction's first end to its highest before `until`
    entry: Entry  # the tracker's, as this vantage alone shows it
    refused: int  # segments in between that the tracker would not have let pass: then it is a guess


class Excerpt:
    """What is kept of a connection at one vantage, and how far the passing segments have brought it."""

    __slots__ = (
        "_advances", "_at", "_entry", "_fronts", "_known", "_last", "_out", "_refused", "_room",
        "_rules", "_skipping", "bridges", "rows", "stretches",
    )  # fmt: skip

    rows: list[tuple[int, Segment]]  # direction, segment; in file order
    stretches: Sequence[tuple[int, int]]  # ns: from and until when segments are wanted, in order
    bridges: list[Bridge]

    def __init__(self, stretches: Sequence[tuple[int, int]] = (), rules: Rules | None = None) -> None:
        """Keep all; with `rules`, the beginning and these stretches."""
        self.rows, self.bridges, self.stretches, self._rules = [], [], tuple(stretches), rules
        self._at = self._refused = 0
        self._room = MOST_ROWS  # rows that the stretch may still take
        self._skipping = False
        self._last = NO_TIME
        self._known = [False, False]
        self._fronts, self._advances = [0, 0], [0, 0]
        self._entry = None if rules is None else Entry()
        self._out = None if rules is None else Step()

    @property
    def partial(self) -> bool:
        """Whether segments may be left out."""
        return self._rules is not None

    def see(self, direction: int, segment: Segment) -> None:
        """Take in the connection's next segment; it is copied if it is kept."""
        if self._rules is None:
            self.rows.append((direction, segment.copy()))
            return
        if self._wanted(segment.ts):
            if self._skipping:
                self._cross(segment.ts)
            self.rows.append((direction, segment.copy()))
            self._last = segment.ts
        elif not self._skipping:
            self._skipping, self._refused = True, 0
        self._track(direction, segment)

    def _wanted(self, ts: int) -> bool:
        if len(self.rows) < _HEAD:
            return True
        while self._at < len(self.stretches) and ts > self.stretches[self._at][1]:
            self._at += 1
            self._room = _MOST_ROWS
        if self._at == len(self.stretches) or ts < self.stretches[self._at][0] or not self._room:
            return False
        self._room -= 1
        return True

    def _cross(self, ts: int) -> None:
        assert self._entry is not None
        advances = self._advances[0], self._advances[1]
        bridge = Bridge(len(self.rows), self._last, ts, advances, self._entry.copy(), self._refused)
        self.bridges.append(bridge)
        self._skipping = False

    def _track(self, direction: int, segment: Segment) -> None:
        """Let the numbers and the tracker see it. RSTs are left out: theirs may be the host's own."""
        entry, out, rules = self._entry, self._out, self._rules
        if segment.flags & _RST or entry is None or out is None or rules is None:
            return
        end = segment.seq + segment.size + (segment.flags & 1) + (segment.flags >> 1 & 1) & _NUMBERS
        ahead = distance(end, self._fronts[direction])
        if not self._known[direction]:
            self._known[direction], self._fronts[direction] = True, end
        elif 0 < ahead < _WILD:
            self._fronts[direction] = end
            self._advances[direction] += ahead
        if entry.state == 0 and not segment.flags & _SYN:
            resume(entry, rules, segment.ts)
        step(entry, direction, segment, rules, out)
        if out.ctstate == _REFUSED:
            self._refused += 1
