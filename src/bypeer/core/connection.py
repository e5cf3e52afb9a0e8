"""A connection at one vantage, summed up: what the table of connections tells of a row.

Nothing here grows with a connection's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bypeer.core import lines, tcp, tuples
from bypeer.core.segment import ABSENT, NO_TIME

TO_SERVER, TO_CLIENT = 0, 1  # directions; also rows of Connection.halves

# How many fingerprints of segments a connection keeps to be recognised by, per direction.
SKETCH = 24
# FINs and RSTs whose moment is kept: so many in the row itself, all together.
FEW_MARKS, MOST_MARKS = 3, 16
TICK = lines.TICK

LIVELY = 1_000_000_000  # ns: see `quiet`

# Line.traits
OPENED, RESET, VERSION6, RARE, CLOCK = 1, 2, 4, 8, 16
# Way.known
FIRST, ACKED, FIN_SEEN, ISN = 1, 2, 4, 8

# Copies that are C integers when compiled.
_NUMBERS, _HALF, _UNDATED = (1 << 32) - 1, 1 << 31, NO_TIME
_OPENED, _VERSION6, _SYN, _ABSENT = OPENED, VERSION6, tcp.SYN, ABSENT
_SPECIAL = tcp.SYN | tcp.FIN | tcp.RST
_CLOCK, _FIRST = CLOCK, FIRST

Mark = tuple[int, int]  # ns: some time before a moment, and that moment


class Half(NamedTuple):
    """What went one way: sequence numbers are absolute, -1 where not seen."""

    segments: int
    resets: int
    isn: int  # sequence number of the SYN or SYN/ACK
    first: int  # of the first segment seen
    low: int  # lowest sequence number seen
    high: int  # highest end seen, RSTs left out: theirs may be arbitrary
    fin_end: int  # the sequence number after the FIN
    acked: int  # highest SEG.ACK sent this way
    wscale: int  # of the SYN or SYN/ACK, or segment.ABSENT
    ttls: dict[int, int]  # TTL: segments that are no RST
    reset_ttls: dict[int, int]  # TTL: RSTs
    sketch: list[int]  # the smallest fingerprints, sorted: two captures of one stream keep the same

    @property
    def ttl(self) -> int:
        """The usual TTL of this direction; 0 where nothing but RSTs was seen."""
        ttls = self.ttls
        if len(ttls) == 1:
            return next(iter(ttls))  # as mostly: twice as fast
        return max(ttls, key=ttls.__getitem__) if ttls else 0


class Connection(NamedTuple):
    """One life of a tuple at one vantage."""

    number: int  # how many of its input began before
    interface: int  # Segment.interface
    version: int  # 4 or 6
    client: tuple[int, int, int]  # address in two halves, port
    server: tuple[int, int, int]
    opened: bool  # a SYN or SYN/ACK says who the client is; else it was guessed by port
    reset: bool  # the last segment was a RST
    finished: bool  # both directions were closed by FIN, and both FINs acknowledged
    quiet: bool  # it began as it should, and ended so or went on when the capture ended
    halves: tuple[Half, Half]  # TO_SERVER, TO_CLIENT
    first_frame: int
    last_frame: int
    started: int  # ns, or NO_TIME
    ended: int
    mark: Mark  # that of three to four TICKs before the last segment, and that segment's
    marks: Sequence[Mark]  # the moments of its FINs and RSTs, the first and the last of them (see `mark`)
    pause: int  # ns: the longest time without a segment
    paused: Mark  # when that began


class Rare:
    """What only a few connections have."""

    __slots__ = ("marks", "pending", "reset_ttls", "ttls")

    def __init__(self) -> None:
        self.ttls: tuple[dict[int, int], dict[int, int]] = ({}, {})  # but for the first one seen
        self.reset_ttls: tuple[dict[int, int], dict[int, int]] = ({}, {})  # here too
        self.marks: list[Mark] = []  # after the first FEW_MARKS
        self.pending: tuple[int, int] | None = None  # SEG.SEQ and wscale of a SYN that may open the next life

    def mark(self, since: int, at: int) -> None:
        """Remember a moment; of too many the middle ones are forgotten."""
        if len(self.marks) >= MOST_MARKS - FEW_MARKS:
            del self.marks[MOST_MARKS // 2 - FEW_MARKS]
        self.marks.append((since, at))


def clear(pieces: Any, row: int, packet: lines.Packet, number: int) -> None:
    """Make a row that of a connection of which that is the first packet, and that has that number."""
    line, past = lines.line_at(pieces, row), lines.past_at(pieces, row)
    if tuples.from_client(packet):
        past.client_hi, past.client_lo, past.client_port = packet.src_hi, packet.src_lo, packet.sport
        past.server_hi, past.server_lo, past.server_port = packet.dst_hi, packet.dst_lo, packet.dport
    else:
        past.client_hi, past.client_lo, past.client_port = packet.dst_hi, packet.dst_lo, packet.dport
        past.server_hi, past.server_lo, past.server_port = packet.src_hi, packet.src_lo, packet.sport
    line.client, line.server = packet.source, packet.target
    if not tuples.from_client(packet):
        line.client, line.server = packet.target, packet.source
    line.interface, line.ended, line.pause, line.dated = packet.interface, _UNDATED, 0, 0
    line.block = 0
    line.traits = (_OPENED if packet.flags & _SPECIAL == _SYN else 0) | (
        _VERSION6 if packet.version == 6 else 0
    )
    for direction in range(2):
        way = lines.way_of(line, direction)
        way.segments = way.low = way.high = way.acked = way.kept = way.ttl = way.known = 0
        way.most = lines.UNSET
        past.first[direction] = past.isn[direction] = past.fin_end[direction] = 0
        past.resets[direction], past.wscale[direction] = 0, _ABSENT
    past.number, past.first_frame, past.started = number, packet.frame, packet.ts
    past.marked = 0
    line.since = line.paused_since = line.paused_at = packet.ts
    past.clock[0] = past.clock[1] = past.clock[2] = past.clock[3] = packet.ts


def begin_way(pieces: Any, row: int, direction: int, packet: lines.Packet) -> None:
    """Take in a direction's first packet."""
    way, past = lines.way_of(lines.line_at(pieces, row), direction), lines.past_at(pieces, row)
    past.first[direction] = way.low = packet.seq
    way.high, way.ttl = packet.end, packet.ttl
    way.known |= _FIRST


def moment(pieces: Any, row: int, ts: int) -> None:
    """A tick of its clock, or the longest pause so far; else its first dated packet."""
    line, past = lines.line_at(pieces, row), lines.past_at(pieces, row)
    if line.traits & _CLOCK == 0:
        line.traits |= _CLOCK
        past.clock[0] = past.clock[1] = past.clock[2] = past.clock[3] = ts
        line.since = line.paused_since = line.paused_at = ts
    elif ts - line.ended > line.pause:
        line.pause, line.paused_since, line.paused_at = ts - line.ended, line.since, line.ended
    if line.dated & lines.TICK - 1 == 0:
        past.clock[line.dated // lines.TICK & 3] = ts
        line.since = past.clock[line.dated // lines.TICK + 1 & 3]


def summed_up(pieces: Any, row: int, rare: Rare | None, until: int) -> Connection:
    """The summary of a row of the table; `until`: see `quiet`."""
    line, past, rare = lines.line_at(pieces, row), lines.past_at(pieces, row), rare or Rare()
    marks = [(past.marks[2 * at], past.marks[2 * at + 1]) for at in range(past.marked)]
    return Connection(
        past.number,
        line.interface,
        6 if line.traits & VERSION6 else 4,
        (past.client_hi, past.client_lo, past.client_port),
        (past.server_hi, past.server_lo, past.server_port),
        line.traits & OPENED != 0,
        line.traits & RESET != 0,
        finished(pieces, row),
        quiet(pieces, row, until),
        (_half(pieces, row, TO_SERVER, rare), _half(pieces, row, TO_CLIENT, rare)),
        past.first_frame,
        line.last,
        past.started,
        line.ended,
        (line.since, line.ended),
        [*marks, *rare.marks],
        line.pause,
        (line.paused_since, line.paused_at),
    )


def _half(pieces: Any, row: int, direction: int, rare: Rare) -> Half:
    line, past = lines.line_at(pieces, row), lines.past_at(pieces, row)
    way = lines.way_of(line, direction)
    known, resets, others = way.known, past.resets[direction], rare.ttls[direction]
    first = known & FIRST != 0
    return Half(
        way.segments,
        resets,
        past.isn[direction] if known & ISN else -1,
        past.first[direction] if first else -1,
        way.low if first else -1,
        way.high if first else -1,
        past.fin_end[direction] if known & FIN_SEEN else -1,
        way.acked if known & ACKED else -1,
        past.wscale[direction],
        ({way.ttl: way.segments - resets - sum(others.values())} | others) if first else {},
        ({past.reset_ttl[direction]: resets - sum(rare.reset_ttls[direction].values())} if resets else {})
        | rare.reset_ttls[direction],
        sorted({past.prints[2 * at + direction] for at in range(way.kept)}),
    )


def finished(pieces: Any, row: int) -> bool:
    """Whether both directions were closed by FIN and both FINs acknowledged."""
    line, past = lines.line_at(pieces, row), lines.past_at(pieces, row)
    for direction in range(2):
        way, other = lines.way_of(line, direction), lines.way_of(line, 1 - direction)
        if not way.known & FIN_SEEN or not other.known & ACKED:
            return False
        if other.acked - past.fin_end[direction] & _NUMBERS >= _HALF:
            return False
    return True


def quiet(pieces: Any, row: int, until: int) -> bool:
    """Whether a connection began as it should, and ended so or went on `until` (ns) the capture ended.

    With NO_TIME for that, none went on. One goes on if its last segment is no older than LIVELY, and
    if it never paused for so long: then no retransmission of it went unanswered for longer.
    """
    return lines.line_at(pieces, row).traits & OPENED != 0 and _went_well(pieces, row, until, ISN)


def harmless(pieces: Any, row: int, until: int) -> bool:
    """Whether it is quiet, or would be if its beginning had been captured."""
    if lines.line_at(pieces, row).traits & OPENED:
        return quiet(pieces, row, until)
    return _went_well(pieces, row, until, FIRST)


def _went_well(pieces: Any, row: int, until: int, both: int) -> bool:
    """Whether a connection ended as it should, or went on, that of both directions being known."""
    line, past = lines.line_at(pieces, row), lines.past_at(pieces, row)
    if past.resets[0] or past.resets[1]:
        return False
    if finished(pieces, row):
        return True
    if until == _UNDATED or line.ended == _UNDATED or until - line.ended > LIVELY or line.pause > LIVELY:
        return False
    there, back = lines.way_of(line, 0).known, lines.way_of(line, 1).known
    return there & back & both != 0 and not (there | back) & FIN_SEEN


def dispensable(pieces: Any, row: int) -> tuple[bool, bool, int, int]:
    """Last comes what is forgotten first: what ended as it should; what has a RST is forgotten last."""
    line, past = lines.line_at(pieces, row), lines.past_at(pieces, row)
    reset = past.resets[0] + past.resets[1] > 0
    return not reset and finished(pieces, row), not reset, -line.ended, -past.number
