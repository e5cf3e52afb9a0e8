"""What the table of connections has to do with, as it lies in memory: packets under way, and its rows.

Compiled modules take lines.pxd instead, where these are C structs, rows in a few large pieces of
memory, a Line two cache lines long; this module itself is not compiled (setup.py). A piece is never
moved.
"""

from __future__ import annotations

from typing import Any

PIECE = 512  # rows of a piece of memory
TICK = 512  # dated segments between two times that a row keeps; a power of two
UNSET = (1 << 32) - 1  # Way.most until there are as many fingerprints as are kept


class Packet:
    """What the table needs to know of a segment: fields as in Segment."""

    __slots__ = (
        "ack", "dport", "dst_hi", "dst_lo", "end", "flags", "frame", "interface", "mixed", "print", "seq",
        "source", "sport", "src_hi", "src_lo", "target", "ts", "ttl", "version", "wscale",
    )  # fmt: skip

    source: int  # both endpoints, as tuples.end_of has them
    target: int
    mixed: int  # the hash of its tuple
    print: int  # its fingerprint
    ts: int
    frame: int
    seq: int
    ack: int
    end: int
    interface: int
    wscale: int
    flags: int
    ttl: int
    version: int
    src_hi: int  # from here on only where an end does not tell all (tuples.widen)
    src_lo: int
    dst_hi: int
    dst_lo: int
    sport: int
    dport: int


class Way:
    """What went one way: what each packet may change."""

    __slots__ = ("acked", "high", "kept", "known", "low", "most", "segments", "ttl")

    segments: int
    low: int  # lowest sequence number seen
    high: int  # highest end seen, RSTs left out: theirs may be arbitrary
    acked: int  # highest SEG.ACK sent this way
    most: int  # the largest of its fingerprints, once there are as many as are kept; UNSET before
    kept: int  # how many lie there; until then some may be the same
    ttl: int  # the first one seen
    known: int  # which of these and of Past's numbers are known (connections.py)

    def __init__(self) -> None:
        self.segments = self.low = self.high = self.acked = self.kept = self.ttl = self.known = 0
        self.most = UNSET


class Line:
    """A connection's tuple, and what each packet may change."""

    __slots__ = (
        "block", "client", "dated", "ended", "interface", "last", "pause", "paused_at", "paused_since",
        "server", "since", "traits", "ways",
    )  # fmt: skip

    client: int  # both endpoints, as tuples.end_of has them
    server: int
    interface: int  # Segment.interface
    dated: int  # dated segments, modulo 2**16
    traits: int  # flags (connections.py)
    block: int  # of its last frame (trail.py)
    last: int  # the number of that
    ended: int  # ns: the last dated segment, or NO_TIME
    since: int  # ns: three to four TICKs before, the earliest time in Past.clock
    pause: int  # ns: the longest time without a segment
    paused_since: int  # ns: some time before that began
    paused_at: int  # ns: when it began
    ways: tuple[Way, Way]  # TO_SERVER, TO_CLIENT

    def __init__(self) -> None:
        self.client = self.server = self.interface = self.dated = self.traits = self.block = self.last = 0
        self.ended = self.since = self.pause = self.paused_since = self.paused_at = 0
        self.ways = (Way(), Way())


class Past:
    """What few packets change. Pairs are of TO_SERVER and TO_CLIENT."""

    __slots__ = (
        "client_hi", "client_lo", "client_port", "clock", "fin_end", "first", "first_frame", "isn", "marked",
        "marks", "number", "prints", "reset_ttl", "resets", "server_hi", "server_lo", "server_port",
        "started", "wscale",
    )  # fmt: skip

    client_hi: int  # addresses in two halves
    client_lo: int
    server_hi: int
    server_lo: int
    client_port: int
    server_port: int
    number: int  # how many connections began before
    first_frame: int
    started: int  # ns, or NO_TIME
    clock: list[int]  # ns: every TICK segments, the last four times
    first: list[int]  # sequence number of the first segment seen
    isn: list[int]
    fin_end: list[int]  # sequence number after the FIN
    resets: list[int]
    reset_ttl: list[int]  # of the first RST
    marks: list[int]  # ns: connection.Mark, FEW_MARKS of them
    marked: int  # how many those are
    wscale: list[int]
    prints: list[int]  # the smallest fingerprints (sketch.py): SKETCH pairs, Way.kept of them valid

    def __init__(self) -> None:
        self.client_hi = self.client_lo = self.server_hi = self.server_lo = 0
        self.client_port = self.server_port = 0
        self.number = self.first_frame = self.started = self.marked = 0
        self.clock, self.marks = [0] * 4, [0] * 6
        self.first, self.isn, self.fin_end, self.resets, self.wscale = ([0, 0] for _ in range(5))
        self.reset_ttl, self.prints = [0, 0], [0] * 48


def packets(count: int) -> Any:
    """Memory for so many packets."""
    return [Packet() for _ in range(count)]


def first_of(memory: Any) -> Any:
    """Where the first of them lies."""
    return memory


def packet_at(found: Any, place: int) -> Packet:
    """One of them."""
    packet: Packet = found[place]
    return packet


def pieces(memory: bytearray) -> Any:
    """Where the pieces lie: in memory that has eight octets for each."""
    return []


def room(octets: int) -> Any:
    """Memory that is all 0: that much."""
    return bytearray(octets)


def piece(found: Any, number: int) -> Any:
    """Have one more piece, of PIECE empty rows, the next one; what must be held on to."""
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


def column(numbers: Any) -> Any:
    """A column of a batch, or of a table: an array of 64-bit numbers."""
    return numbers


def rows_of(numbers: Any) -> Any:
    """A column of 32-bit numbers."""
    return numbers


def octets_of(memory: bytearray) -> Any:
    """Memory as octets."""
    return memory


def slots_of(octets: Any) -> Any:
    """Memory as 64-bit numbers."""
    return memoryview(octets).cast("Q")


def slot_of(slots: Any, mask: int, mixed: int) -> int:
    """What the slot of a hash holds: the first from its place on that has its upper half, or none."""
    at = mixed & mask
    while slots[at] and slots[at] >> 32 != mixed >> 32:
        at = at + 1 & mask
    found: int = slots[at]
    return found


def fetch_slot(slots: Any, at: int) -> None:
    """Have the processor load a slot that is wanted soon."""


def fetch(packets: Any, count: int, found: Any, slots: Any, mask: int, special: int) -> None:
    """Have the processor load what so many packets are about to change.

    With `special`, the flags of those that change more than a Line, of the Past too; else it is -1.
    """


def wrapped(number: int) -> int:
    """A number modulo 2**64."""
    return number & (1 << 64) - 1


def later(one: int, other: int) -> int:
    """The later of two sequence numbers; the other one, where they are 2**31 apart (seq.py)."""
    return one if 0 < (one - other & 0xFFFF_FFFF) < 1 << 31 else other


def earlier(one: int, other: int) -> int:
    """The earlier of two sequence numbers; the one, where they are 2**31 apart."""
    return one if 0 < (other - one & 0xFFFF_FFFF) <= 1 << 31 else other


def folded(one: int, other: int) -> int:
    """Both halves of a product of 128 bits as one."""
    product = one * other
    return (product >> 64 ^ product) & (1 << 64) - 1


def tuple_hash(one: int, other: int, interface: int, seed: int) -> int:
    """Two ends to 64 bits, in either order (the product is that of wyhash)."""
    mixed = wrapped(folded(one ^ seed, other ^ seed) + interface * 0x9E37_79B9_7F4A_7C15)
    mixed = wrapped(mixed * 0xC4CE_B9FE_1A85_EC53)
    return mixed ^ mixed >> 32


def fingerprint(seq: int, ack: int, tsval: int) -> int:
    """A number below 2**31 by which the same packet is known again at another vantage.

    NAT leaves SEG.SEQ, SEG.ACK and the timestamp alone; merging by GRO keeps the first of each.
    """
    return (seq * 0x9E37_79B1 ^ ack * 0x85EB_CA77 ^ tsval * 0x9E37_79B1 >> 7) & 0x7FFF_FFFF
