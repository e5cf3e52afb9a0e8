"""What the table of connections has to do with, as it lies in memory: packets under way, and its rows.

Compiled modules take lines.pxd instead, where these are C structs, rows in a few large pieces of
memory, a Line two cache lines long; this module itself is not compiled (setup.py). A piece is never
moved.
"""

from __future__ import annotations

from typing import Any

PIECE = 512  # rows of a piece of memory


class Packet:
    """What the table needs to know of a segment: fields as in Segment."""

    __slots__ = (
        "ack", "dport", "dst_hi", "dst_lo", "end", "flags", "frame", "interface", "seq", "sport", "src_hi",
        "src_lo", "ts", "tsval", "ttl", "version", "wscale",
    )  # fmt: skip

    src_hi: int
    src_lo: int
    dst_hi: int
    dst_lo: int
    interface: int
    ts: int
    frame: int
    seq: int
    ack: int
    end: int
    tsval: int
    sport: int
    dport: int
    wscale: int
    flags: int
    ttl: int
    version: int


class Way:
    """What went one way: what each packet may change."""

    __slots__ = ("acked", "high", "kept", "known", "low", "most", "segments", "ttl")

    segments: int
    low: int  # lowest sequence number seen
    high: int  # highest end seen, RSTs left out: theirs may be arbitrary
    acked: int  # highest SEG.ACK sent this way
    most: int  # the largest of its fingerprints
    kept: int  # how many those are
    ttl: int  # the first one seen
    known: int  # which of these and of Past's numbers are known (connections.py)

    def __init__(self) -> None:
        self.segments = self.low = self.high = self.acked = self.most = self.kept = self.ttl = self.known = 0


class Line:
    """A connection's tuple, and what each packet may change."""

    __slots__ = (
        "client_hi", "client_lo", "client_port", "dated", "ended", "interface", "pause", "server_hi",
        "server_lo", "server_port", "traits", "ways",
    )  # fmt: skip

    client_hi: int  # addresses in two halves
    client_lo: int
    server_hi: int
    server_lo: int
    interface: int  # Segment.interface
    ended: int  # ns: the last dated segment, or NO_TIME
    pause: int  # ns: the longest time without a segment
    client_port: int
    server_port: int
    dated: int  # dated segments, modulo 2**16
    traits: int  # flags (connections.py)
    ways: tuple[Way, Way]  # TO_SERVER, TO_CLIENT

    def __init__(self) -> None:
        self.client_hi = self.client_lo = self.server_hi = self.server_lo = 0
        self.interface = self.ended = self.pause = 0
        self.client_port = self.server_port = self.dated = self.traits = 0
        self.ways = (Way(), Way())


class Past:
    """What few packets change, the rarest last. Pairs are of TO_SERVER and TO_CLIENT."""

    __slots__ = (
        "clock", "fin_end", "first", "first_frame", "isn", "marked", "marks", "number", "paused_at",
        "paused_since", "prints", "resets", "started", "wscale",
    )  # fmt: skip

    number: int  # how many connections began before
    first_frame: int
    started: int  # ns, or NO_TIME
    paused_since: int
    paused_at: int
    clock: list[int]  # ns: every TICK segments, the last four times
    marks: list[int]  # ns: connection.Mark, FEW_MARKS of them
    marked: int  # how many those are
    first: list[int]  # sequence number of the first segment seen
    isn: list[int]
    fin_end: list[int]  # sequence number after the FIN
    resets: list[int]
    wscale: list[int]
    prints: list[int]  # the smallest fingerprints, in no order: SKETCH places for each way

    def __init__(self) -> None:
        self.number = self.first_frame = self.started = self.paused_since = self.paused_at = 0
        self.marked = 0
        self.clock, self.marks = [0] * 4, [0] * 6
        self.first, self.isn, self.fin_end, self.resets, self.wscale = ([0, 0] for _ in range(5))
        self.prints = [0] * 48


def packets(count: int) -> Any:
    """Memory for so many packets."""
    return [Packet() for _ in range(count)]


def packet_at(memory: Any, place: int) -> Packet:
    """One of them."""
    packet: Packet = memory[place]
    return packet


def pieces(memory: bytearray) -> Any:
    """Where the pieces lie: in memory that has eight octets for each."""
    return []


def piece(found: Any, number: int) -> bytearray:
    """Have one more piece, of PIECE empty rows; the memory that must be held on to."""
    found.extend((Line(), Past()) for _ in range(PIECE))
    return bytearray()


def content(found: Any, number: int) -> Any:
    """What a piece holds, as it can be sent to another process."""
    return found[number * PIECE : (number + 1) * PIECE]


def fill(found: Any, number: int, held: Any) -> None:
    """Have a piece hold that."""
    found[number * PIECE : (number + 1) * PIECE] = held


def line_at(found: Any, row: int) -> Line:
    """A row's hot half."""
    line: Line = found[row][0]
    return line


def past_at(found: Any, row: int) -> Past:
    """A row's cold half."""
    past: Past = found[row][1]
    return past


def move(found: Any, source: int, target: int) -> None:
    """Put a row where another one was."""
    found[target] = found[source]
    found[source] = (Line(), Past())


def way_of(line: Line, direction: int) -> Way:
    """One direction of a line."""
    return line.ways[direction]


def slots_of(octets: bytearray) -> Any:
    """Memory as 64-bit numbers."""
    return memoryview(octets).cast("Q")


def fetch_slot(slots: Any, at: int) -> None:
    """Have the processor load a slot that is wanted soon."""


def fetch_line(found: Any, row: int) -> None:
    """Have the processor load a line that is wanted soon."""


def fetch_past(found: Any, row: int, sketch: int) -> None:
    """Have it load the cold half, if the row is so new that it has fewer fingerprints than that."""


def wrapped(number: int) -> int:
    """A number modulo 2**64."""
    return number & (1 << 64) - 1
