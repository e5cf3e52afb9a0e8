"""A connection at one vantage, summed up while its segments pass: nothing here grows with its length."""

from __future__ import annotations

from bypeer.core import tcp
from bypeer.core.excerpt import Excerpt
from bypeer.core.segment import ABSENT, NO_TIME, Segment
from bypeer.core.seq import distance

TO_SERVER, TO_CLIENT = 0, 1  # directions; also rows of Connection.halves

# How many fingerprints of segments a connection keeps to be recognised by, per direction.
SKETCH = 24
MOST_MARKS = 16
TICK = 512  # segments; a power of two

_NO_SEQ = -1  # where a sequence number is not known
_MIX_SEQ, _MIX_ACK, _MASK = 0x9E3779B1, 0x85EBCA77, (1 << 31) - 1
# Copies that are C integers when compiled.
_NUMBERS, _SKETCH, _UNDATED, _TICK = (1 << 32) - 1, SKETCH, NO_TIME, TICK
_TO_SERVER, _TO_CLIENT = TO_SERVER, TO_CLIENT
_FIN, _SYN, _RST, _ACK = tcp.FIN, tcp.SYN, tcp.RST, tcp.ACK_


class Half:
    """What went one way: sequence numbers are absolute, -1 where not seen."""

    __slots__ = (
        "_kept", "_most", "_prints", "_reset_ttls", "_ttl", "_ttl_segments", "_ttls", "acked", "fin_end",
        "first", "high", "isn", "low", "mss", "octets", "resets", "sack_permitted", "segments",
        "timestamps", "tsval", "wscale",
    )  # fmt: skip

    segments: int
    octets: int  # of payload, retransmitted ones included
    resets: int
    isn: int  # sequence number of the SYN or SYN/ACK
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
    _ttl: int  # the first TTL seen, and how many segments had it; the others' are in _ttls
    _ttl_segments: int
    _ttls: dict[int, int] | None
    _reset_ttls: dict[int, int] | None
    _prints: list[int]  # the smallest fingerprints, in no order: _kept of them, the largest _most
    _kept: int
    _most: int

    def __init__(self) -> None:
        self.segments = self.octets = self.resets = 0
        self.isn = self.first = self.low = self.high = self.fin_end = self.acked = self.tsval = _NO_SEQ
        self.mss = self.wscale = ABSENT
        self.sack_permitted = self.timestamps = False
        self._ttl, self._ttl_segments, self._ttls, self._reset_ttls = -1, 0, None, None
        self._prints = [0] * 24  # SKETCH: a C array when compiled, whose size is no variable
        self._kept, self._most = 0, 0

    @property
    def ttls(self) -> dict[int, int]:
        """TTL: segments that are no RST."""
        return {} if self._ttl < 0 else {self._ttl: self._ttl_segments} | (self._ttls or {})

    @property
    def reset_ttls(self) -> dict[int, int]:
        """TTL: RSTs."""
        return self._reset_ttls or {}

    @property
    def ttl(self) -> int:
        """The usual TTL of this direction; 0 where nothing but RSTs was seen."""
        ttls = self.ttls
        return max(ttls, key=ttls.__getitem__) if ttls else 0

    @property
    def sketch(self) -> list[int]:
        """The smallest fingerprints of its segments, sorted: two captures of one stream keep the same."""
        return sorted([self._prints[at] for at in range(self._kept)])

    def note_reset(self, ttl: int) -> None:
        """Count a RST and its TTL."""
        self.resets += 1
        if self._reset_ttls is None:
            self._reset_ttls = {}
        self._reset_ttls[ttl] = self._reset_ttls.get(ttl, 0) + 1

    def note_ttl(self, ttl: int) -> None:
        """Count the TTL of a segment."""
        if self._ttl < 0:
            self._ttl = ttl
        if ttl == self._ttl:
            self._ttl_segments += 1
        else:
            if self._ttls is None:
                self._ttls = {}
            self._ttls[ttl] = self._ttls.get(ttl, 0) + 1

    def note_print(self, value: int) -> None:
        """Keep a fingerprint, if it is one of the smallest and new."""
        if self._kept == _SKETCH and value >= self._most:
            return
        largest = 0
        for at in range(self._kept):
            if self._prints[at] == value:
                return
            if self._prints[at] > self._prints[largest]:
                largest = at
        if self._kept < _SKETCH:
            self._prints[self._kept] = value
            self._kept += 1
            self._most = max(self._most, value)
            return
        self._prints[largest] = value
        self._most = value
        for at in range(_SKETCH):
            self._most = max(self._most, self._prints[at])


class Connection:
    """One life of a tuple at one vantage."""

    __slots__ = (
        "_clock", "_marks", "_paused_at", "_paused_since", "_segments", "back", "client_hi", "client_lo",
        "client_port", "ended", "excerpt", "first_frame", "interface", "last_frame", "number", "opened",
        "pause", "pending", "reset", "server_hi", "server_lo", "server_port", "started", "there", "version",
    )  # fmt: skip

    number: int  # row of its scan
    interface: int  # Segment.interface
    version: int  # 4 or 6
    client_hi: int  # address in two halves
    client_lo: int
    client_port: int
    server_hi: int
    server_lo: int
    server_port: int
    opened: bool  # a SYN or SYN/ACK says who the client is; else it was guessed by port
    there: Half  # TO_SERVER
    back: Half  # TO_CLIENT
    started: int  # ns, or NO_TIME
    ended: int
    first_frame: int
    last_frame: int
    reset: bool  # the last segment was a RST
    pending: Segment | None  # a SYN that may open the next life
    pause: int  # ns: the longest time without a segment
    _marks: list[tuple[int, int]] | None
    _paused_since: int
    _paused_at: int
    _segments: int
    _clock: list[int]  # ns: every TICK segments, the last four times
    excerpt: Excerpt | None  # its segments; None: nobody asked for them

    def __init__(self, number: int, segment: Segment) -> None:
        self.number, self.interface, self.version = number, segment.interface, segment.version
        self.opened = segment.flags & tcp.SYN != 0
        if from_client(segment):
            self.client_hi, self.client_lo, self.client_port = segment.src_hi, segment.src_lo, segment.sport
            self.server_hi, self.server_lo, self.server_port = segment.dst_hi, segment.dst_lo, segment.dport
        else:
            self.client_hi, self.client_lo, self.client_port = segment.dst_hi, segment.dst_lo, segment.dport
            self.server_hi, self.server_lo, self.server_port = segment.src_hi, segment.src_lo, segment.sport
        self.there, self.back = Half(), Half()
        self.started = self.ended = segment.ts
        self.first_frame = self.last_frame = segment.frame
        self.pending = self.excerpt = None
        self.reset = False
        self._marks = None
        self.pause = self._segments = 0
        self._clock = [segment.ts, segment.ts, segment.ts, segment.ts]
        self._paused_since = self._paused_at = segment.ts

    @property
    def client(self) -> tuple[int, int, int]:
        """Address in two halves, port."""
        return self.client_hi, self.client_lo, self.client_port

    @property
    def server(self) -> tuple[int, int, int]:
        """Address in two halves, port."""
        return self.server_hi, self.server_lo, self.server_port

    @property
    def halves(self) -> tuple[Half, Half]:
        """What went to the server, what to the client."""
        return self.there, self.back

    @property
    def closed(self) -> bool:
        """Whether a FIN was seen each way, or a RST and then nothing but RSTs."""
        return self.reset or (self.there.fin_end >= 0 and self.back.fin_end >= 0)

    @property
    def finished(self) -> bool:
        """Whether both directions were closed by FIN and both FINs acknowledged."""
        return _covers(self.back.acked, self.there.fin_end) and _covers(self.there.acked, self.back.fin_end)

    @property
    def mark(self) -> tuple[int, int]:
        """A moment, ns: that of three to four TICKs before the last segment, and that segment's."""
        return self._clock[self._segments // _TICK + 1 & 3], self.ended

    @property
    def marks(self) -> list[tuple[int, int]]:
        """The moments of its FINs and RSTs, the first and the last of them (see `mark`)."""
        return self._marks or []

    @property
    def paused(self) -> tuple[int, int]:
        """The moment when the longest pause began."""
        return self._paused_since, self._paused_at

    def shares_tuple(self, other: Connection) -> bool:
        """Whether the other is another life of the same tuple, whoever opened it."""
        if self.interface != other.interface:
            return False
        ends = {self.client, self.server}
        return ends == {other.client, other.server}

    def note_time(self, ts: int) -> None:
        """Take in the time of the next segment."""
        if ts == _UNDATED:
            return
        if self.ended != _UNDATED and ts - self.ended > self.pause:
            self.pause, self._paused_at = ts - self.ended, self.ended
            self._paused_since = self._clock[self._segments // _TICK + 1 & 3]
        self.ended = ts
        if self._segments & _TICK - 1 == 0:
            self._clock[self._segments // _TICK & 3] = ts
        self._segments += 1

    def note_mark(self) -> None:
        """Remember the moment of the last segment."""
        if self._marks is None:
            self._marks = []
        if len(self._marks) >= MOST_MARKS:
            del self._marks[MOST_MARKS // 2]
        self._marks.append(self.mark)

    def direction(self, segment: Segment) -> int:
        """Which way the segment goes, if it is this connection's; else -1."""
        if self.interface != segment.interface:
            return -1
        if (
            self.client_lo == segment.src_lo and self.server_lo == segment.dst_lo
            and self.client_port == segment.sport and self.server_port == segment.dport
            and self.client_hi == segment.src_hi and self.server_hi == segment.dst_hi
        ):  # fmt: skip
            return _TO_SERVER
        if (
            self.client_lo == segment.dst_lo and self.server_lo == segment.src_lo
            and self.client_port == segment.dport and self.server_port == segment.sport
            and self.client_hi == segment.dst_hi and self.server_hi == segment.src_hi
        ):  # fmt: skip
            return _TO_CLIENT
        return -1


def _covers(acked: int, fin_end: int) -> bool:
    return acked >= 0 and fin_end >= 0 and distance(acked, fin_end) >= 0


def from_client(segment: Segment) -> bool:
    """Who opened: by SYN; else a guess, that the lower port is the server's."""
    if segment.flags & _SYN:
        return not segment.flags & _ACK
    return segment.dport <= segment.sport


def fingerprint(segment: Segment) -> int:
    """A number by which the same segment is known again at another vantage.

    NAT leaves SEG.SEQ, SEG.ACK and the timestamp alone; merging by GRO keeps the first of each.
    """
    mixed = (segment.seq * _MIX_SEQ) ^ (segment.ack * _MIX_ACK) ^ (segment.tsval * _MIX_SEQ >> 7)
    return mixed & _MASK


def note_options(half: Half, segment: Segment) -> None:
    """Take in what a SYN or SYN/ACK says."""
    half.isn = segment.seq
    half.mss, half.wscale = segment.mss, segment.wscale
    half.sack_permitted, half.timestamps = segment.sack_permitted, segment.timestamps


def note(connection: Connection, direction: int, segment: Segment) -> None:
    """Add a segment to the summary of its connection."""
    half = connection.back if direction else connection.there
    connection.last_frame = segment.frame
    connection.note_time(segment.ts)
    half.segments += 1
    flags = segment.flags
    connection.reset = flags & _RST != 0
    if flags & (_FIN | _RST):
        connection.note_mark()
    if flags & _RST:
        half.note_reset(segment.ttl)
        return
    half.note_ttl(segment.ttl)
    half.octets += segment.size
    if segment.timestamps:
        half.tsval = segment.tsval
    if flags & _SYN and half.isn < 0 and connection.opened:
        note_options(half, segment)
    end = segment.seq + segment.size + (flags & _FIN) + (flags >> 1 & 1) & _NUMBERS
    if half.first < 0:
        half.first = half.low = segment.seq
        half.high = end
    if distance(end, half.high) > 0:
        half.high = end
    if distance(segment.seq, half.low) < 0:
        half.low = segment.seq
    if flags & _FIN:
        half.fin_end = end
    if flags & _ACK and (half.acked < 0 or distance(segment.ack, half.acked) > 0):
        half.acked = segment.ack
    half.note_print(fingerprint(segment))
