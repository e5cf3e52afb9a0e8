"""The table of connections at one vantage: tuples, incarnations, and a summary of each.

A connection is one life of a tuple. A tuple is used again when a SYN with a new initial
sequence number comes after the old life has ended, or is answered by a SYN/ACK that
acknowledges it; a lone SYN in mid-stream is only strange, and stays where it is.
"""

from __future__ import annotations

from bypeer.core import seq, tcp
from bypeer.core.segment import ABSENT, NO_TIME, Segment

TO_SERVER, TO_CLIENT = 0, 1  # directions; also rows of Connection.halves

# How many fingerprints of segments a connection keeps to be recognised by, per direction.
SKETCH = 24

_NO_SEQ = -1  # where a sequence number is not known
_MIX_SEQ, _MIX_ACK, _MASK = 0x9E3779B1, 0x85EBCA77, (1 << 31) - 1


class Half:
    """What went one way: sequence numbers are absolute, -1 where not seen."""

    __slots__ = (
        "acked",
        "fin_end",
        "first",
        "high",
        "isn",
        "low",
        "mss",
        "octets",
        "reset_ttls",
        "resets",
        "sack_permitted",
        "segments",
        "sketch",
        "timestamps",
        "tsval",
        "ttls",
        "wscale",
    )  # fmt: skip

    segments: int
    octets: int  # payload, retransmissions counted again
    resets: int
    isn: int  # of the SYN or SYN/ACK
    first: int  # of the first segment seen
    low: int  # lowest sequence number seen
    high: int  # highest end seen, RSTs left out: theirs may be arbitrary
    fin_end: int  # the sequence number after the FIN
    acked: int  # highest SEG.ACK sent this way
    mss: int
    wscale: int
    sack_permitted: bool
    timestamps: bool
    tsval: int  # last TSval, -1 without
    ttls: dict[int, int]  # TTL: segments that are no RST
    reset_ttls: dict[int, int]  # TTL: RSTs
    sketch: list[int]  # the smallest fingerprints (see `fingerprint`), sorted

    def __init__(self) -> None:
        self.segments = self.octets = self.resets = 0
        self.isn = self.first = self.low = self.high = self.fin_end = self.acked = self.tsval = _NO_SEQ
        self.mss = self.wscale = ABSENT
        self.sack_permitted = self.timestamps = False
        self.ttls = {}
        self.reset_ttls = {}
        self.sketch = []

    @property
    def ttl(self) -> int:
        """The usual TTL of this direction; 0 where nothing but RSTs was seen."""
        return max(self.ttls, key=self.ttls.__getitem__) if self.ttls else 0


class Connection:
    """One life of a tuple at one vantage."""

    __slots__ = (
        "client", "ended", "first_frame", "halves", "interface", "last_frame", "number", "opened", "pending",
        "reset", "server", "started", "version",
    )  # fmt: skip

    number: int  # row of its scan
    interface: int  # Segment.interface
    version: int  # 4 or 6
    client: tuple[int, int, int]  # address in two halves, port
    server: tuple[int, int, int]
    opened: bool  # a SYN or SYN/ACK says who the client is; else it was guessed by port
    halves: tuple[Half, Half]  # TO_SERVER, TO_CLIENT
    started: int  # ns, or NO_TIME
    ended: int
    first_frame: int
    last_frame: int
    reset: bool  # the last segment was a RST
    pending: Segment | None  # a SYN that may open the next life

    def __init__(self, number: int, segment: Segment) -> None:
        self.number, self.interface, self.version = number, segment.interface, segment.version
        source = (segment.src_hi, segment.src_lo, segment.sport)
        target = (segment.dst_hi, segment.dst_lo, segment.dport)
        self.opened = bool(segment.flags & tcp.SYN)
        self.client, self.server = (source, target) if _from_client(segment) else (target, source)
        self.halves = (Half(), Half())
        self.started = self.ended = segment.ts
        self.first_frame = self.last_frame = segment.frame
        self.pending = None
        self.reset = False

    @property
    def closed(self) -> bool:
        """Whether a FIN was seen each way, or a RST and then nothing but RSTs."""
        there, back = self.halves
        return self.reset or (there.fin_end >= 0 and back.fin_end >= 0)

    @property
    def finished(self) -> bool:
        """Whether both directions were closed by FIN and both FINs acknowledged."""
        there, back = self.halves
        return _covers(back.acked, there.fin_end) and _covers(there.acked, back.fin_end)


def _covers(acked: int, fin_end: int) -> bool:
    return acked >= 0 and fin_end >= 0 and seq.distance(acked, fin_end) >= 0


def _from_client(segment: Segment) -> bool:
    """Who opened: by SYN; else a guess, that the lower port is the server's."""
    if segment.flags & tcp.SYN:
        return not segment.flags & tcp.ACK_
    return segment.dport <= segment.sport


def fingerprint(segment: Segment) -> int:
    """A number by which the same segment is known again at another vantage.

    NAT leaves SEG.SEQ, SEG.ACK and the timestamp alone; merging by GRO keeps the first of each.
    """
    mixed = (segment.seq * _MIX_SEQ) ^ (segment.ack * _MIX_ACK) ^ (segment.tsval * _MIX_SEQ >> 7)
    return mixed & _MASK


def _sketch(half: Half, segment: Segment) -> None:
    """Keep the SKETCH smallest fingerprints: two captures of one stream keep the same ones."""
    value = fingerprint(segment)
    kept = half.sketch
    if len(kept) == SKETCH and value >= kept[-1]:
        return
    if value in kept:
        return
    kept.append(value)
    kept.sort()
    if len(kept) > SKETCH:
        kept.pop()


def _options(half: Half, segment: Segment) -> None:
    half.isn = segment.seq
    half.mss, half.wscale = segment.mss, segment.wscale
    half.sack_permitted, half.timestamps = segment.sack_permitted, segment.timestamps


def note(connection: Connection, direction: int, segment: Segment) -> None:
    """Add a segment to the summary of its connection."""
    half = connection.halves[direction]
    connection.last_frame = segment.frame
    if segment.ts != NO_TIME:
        connection.ended = segment.ts
    half.segments += 1
    flags = segment.flags
    connection.reset = flags & tcp.RST != 0
    if flags & tcp.RST:
        half.resets += 1
        half.reset_ttls[segment.ttl] = half.reset_ttls.get(segment.ttl, 0) + 1
        return
    half.ttls[segment.ttl] = half.ttls.get(segment.ttl, 0) + 1
    if flags & tcp.SYN and half.isn < 0 and connection.opened:
        _options(half, segment)
    end = segment.end
    if half.first < 0:
        half.first = half.low = segment.seq
        half.high = end
    if seq.distance(end, half.high) > 0:
        half.high = end
    if seq.distance(segment.seq, half.low) < 0:
        half.low = segment.seq
    half.octets += segment.size
    if segment.timestamps:
        half.tsval = segment.tsval
    if flags & tcp.FIN:
        half.fin_end = end
    if flags & tcp.ACK_ and (half.acked < 0 or seq.distance(segment.ack, half.acked) > 0):
        half.acked = segment.ack
    _sketch(half, segment)


class Connections:
    """All connections of one input, in the order in which they began."""

    __slots__ = ("_lives", "rows")

    def __init__(self) -> None:
        self.rows: list[Connection] = []
        self._lives: dict[tuple[int, ...], tuple[Connection, int]] = {}

    def place(self, segment: Segment) -> tuple[Connection, int]:
        """The connection that the segment belongs to, and its direction there.

        Adds the segment to the connection's summary; begins a new life where it must.
        """
        key = (
            segment.interface, segment.src_hi, segment.src_lo, segment.sport,
            segment.dst_hi, segment.dst_lo, segment.dport,
        )  # fmt: skip
        found = self._lives.get(key)
        if found is None or (segment.flags & tcp.SYN and self._reborn(*found, segment)):
            opening = None if found is None else found[0].pending
            found = self._begin(key, segment, opening)
        connection, direction = found
        note(connection, direction, segment)
        return found

    def _begin(
        self, key: tuple[int, ...], segment: Segment, opening: Segment | None
    ) -> tuple[Connection, int]:
        connection = Connection(len(self.rows), segment)
        direction = TO_SERVER if _from_client(segment) else TO_CLIENT
        self.rows.append(connection)
        self._lives[key] = (connection, direction)
        self._lives[(key[0], *key[4:7], *key[1:4])] = (connection, 1 - direction)
        if opening is not None and segment.flags & tcp.ACK_:
            _options(connection.halves[TO_SERVER], opening)
        return connection, direction

    def _reborn(self, connection: Connection, direction: int, segment: Segment) -> bool:
        """Whether a SYN or SYN/ACK opens another life of the tuple."""
        half = connection.halves[direction]
        if half.isn == segment.seq:
            return False
        if segment.flags & (tcp.FIN | tcp.RST):
            return False  # no opening but a malformed segment
        if segment.flags & tcp.ACK_:
            opening = connection.pending
            if opening is not None and segment.ack == seq.add(opening.seq, 1):
                return True
            # Its SYN was not captured, unless it is a late answer to this life's own.
            asked = connection.halves[1 - direction].isn
            return connection.closed and not (asked >= 0 and segment.ack == seq.add(asked, 1))
        if connection.closed:
            return True
        connection.pending = segment.copy()
        return False
