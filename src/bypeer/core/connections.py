"""The table of connections at one vantage: tuples, incarnations, and a summary of each.

A connection is one life of a tuple. A tuple is used again when a SYN with a new initial
sequence number comes after the old life has ended, or is answered by a SYN/ACK that
acknowledges it; a lone SYN in mid-stream is only strange, and stays where it is.
"""

from __future__ import annotations

from array import array

from bypeer.core import tcp
from bypeer.core.segment import ABSENT, NO_TIME, Segment
from bypeer.core.seq import add, distance

TO_SERVER, TO_CLIENT = 0, 1  # directions; also rows of Connection.halves

# How many fingerprints of segments a connection keeps to be recognised by, per direction.
SKETCH = 24
FEWEST_SLOTS = 1024

_NO_SEQ = -1  # where a sequence number is not known
_MIX_SEQ, _MIX_ACK, _MASK = 0x9E3779B1, 0x85EBCA77, (1 << 31) - 1
# Strangers choose tuples, so that none may know where they lead: Python's own secret of this process.
_SEED = hash("bypeer.core.connections") & (1 << 64) - 1
_MIX_PORT, _MIX_HIGH = 0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F
_MIX_1, _MIX_2 = 0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53
# Copies that are C integers when compiled.
_ALL, _NUMBERS, _SKETCH, _UNDATED = (1 << 64) - 1, (1 << 32) - 1, SKETCH, NO_TIME
_TO_SERVER, _TO_CLIENT = TO_SERVER, TO_CLIENT
_FIN, _SYN, _RST, _ACK = tcp.FIN, tcp.SYN, tcp.RST, tcp.ACK_


class Half:
    """What went one way: sequence numbers are absolute, -1 where not seen."""

    __slots__ = (
        "_kept", "_most", "_prints", "_ttl", "_ttl_segments", "_ttls", "acked", "fin_end", "first", "high",
        "isn", "low", "mss", "octets", "reset_ttls", "resets", "sack_permitted", "segments", "timestamps",
        "tsval", "wscale",
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
    reset_ttls: dict[int, int]  # TTL: RSTs
    _ttl: int  # the first TTL seen, and how many segments had it; the others' are in _ttls
    _ttl_segments: int
    _ttls: dict[int, int] | None
    _prints: list[int]  # the smallest fingerprints, in no order: _kept of them, the largest _most
    _kept: int
    _most: int

    def __init__(self) -> None:
        self.segments = self.octets = self.resets = 0
        self.isn = self.first = self.low = self.high = self.fin_end = self.acked = self.tsval = _NO_SEQ
        self.mss = self.wscale = ABSENT
        self.sack_permitted = self.timestamps = False
        self.reset_ttls = {}
        self._ttl, self._ttl_segments, self._ttls = -1, 0, None
        self._prints = [0] * 24  # SKETCH: a C array when compiled, whose size is no variable
        self._kept, self._most = 0, 0

    @property
    def ttls(self) -> dict[int, int]:
        """TTL: segments that are no RST."""
        return {} if self._ttl < 0 else {self._ttl: self._ttl_segments} | (self._ttls or {})

    @property
    def ttl(self) -> int:
        """The usual TTL of this direction; 0 where nothing but RSTs was seen."""
        ttls = self.ttls
        return max(ttls, key=ttls.__getitem__) if ttls else 0

    @property
    def sketch(self) -> list[int]:
        """The smallest fingerprints of its segments, sorted: two captures of one stream keep the same."""
        return sorted([self._prints[at] for at in range(self._kept)])

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
        "back", "client_hi", "client_lo", "client_port", "ended", "first_frame", "interface", "kept",
        "last_frame", "number", "opened", "pending", "reset", "server_hi", "server_lo", "server_port",
        "started", "there", "version",
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
    kept: list[tuple[int, Segment]] | None  # direction, segment; None: nobody asked for them

    def __init__(self, number: int, segment: Segment) -> None:
        self.number, self.interface, self.version = number, segment.interface, segment.version
        self.opened = segment.flags & tcp.SYN != 0
        if _from_client(segment):
            self.client_hi, self.client_lo, self.client_port = segment.src_hi, segment.src_lo, segment.sport
            self.server_hi, self.server_lo, self.server_port = segment.dst_hi, segment.dst_lo, segment.dport
        else:
            self.client_hi, self.client_lo, self.client_port = segment.dst_hi, segment.dst_lo, segment.dport
            self.server_hi, self.server_lo, self.server_port = segment.src_hi, segment.src_lo, segment.sport
        self.there, self.back = Half(), Half()
        self.started = self.ended = segment.ts
        self.first_frame = self.last_frame = segment.frame
        self.pending = self.kept = None
        self.reset = False

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


def _from_client(segment: Segment) -> bool:
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


def _options(half: Half, segment: Segment) -> None:
    half.isn = segment.seq
    half.mss, half.wscale = segment.mss, segment.wscale
    half.sack_permitted, half.timestamps = segment.sack_permitted, segment.timestamps


def note(connection: Connection, direction: int, segment: Segment) -> None:
    """Add a segment to the summary of its connection."""
    half = connection.back if direction else connection.there
    connection.last_frame = segment.frame
    if segment.ts != _UNDATED:
        connection.ended = segment.ts
    half.segments += 1
    flags = segment.flags
    connection.reset = flags & _RST != 0
    if flags & _RST:
        half.resets += 1
        half.reset_ttls[segment.ttl] = half.reset_ttls.get(segment.ttl, 0) + 1
        return
    half.note_ttl(segment.ttl)
    half.octets += segment.size
    if segment.timestamps:
        half.tsval = segment.tsval
    if flags & _SYN and half.isn < 0 and connection.opened:
        _options(half, segment)
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


class Connections:
    """All connections of one input, in the order in which they began.

    Found by a hash of their tuple that is the same both ways. The table is open: a slot holds the
    hash's upper half and a row, and what does not fit its slot goes to the next one that is free.
    """

    __slots__ = ("_mask", "_slots", "_tuples", "direction", "keep", "keeps", "rows")

    rows: list[Connection]
    keep: frozenset[int] | None  # rows whose segments are kept; None: all
    keeps: bool
    direction: int  # of the segment that was placed last
    _slots: array[int]  # upper half of the hash << 32 | row + 1, or 0
    _mask: int  # their number - 1
    _tuples: int  # how many are taken

    def __init__(self, keep: frozenset[int] | None = None) -> None:
        self.rows, self.keep, self.keeps = [], keep, keep is None or bool(keep)
        self.direction = self._tuples = 0
        self._slots, self._mask = array("Q", bytes(8 * FEWEST_SLOTS)), FEWEST_SLOTS - 1

    def place(self, segment: Segment) -> Connection:
        """The connection that the segment belongs to; `direction` is then the segment's there.

        Adds the segment to the connection's summary; begins a new life where it must.
        """
        mixed = tuple_hash(segment)
        upper, at = mixed >> 32, mixed & self._mask
        while True:
            slot = self._slots[at]
            if not slot:
                return self._begin(at, upper, segment, None)
            if slot >> 32 == upper:
                connection = self.rows[(slot & _NUMBERS) - 1]
                direction = connection.direction(segment)
                if direction >= 0:
                    break
            at = at + 1 & self._mask
        if segment.flags & _SYN and _reborn(connection, direction, segment):
            return self._begin(at, upper, segment, connection)
        self.direction = direction
        note(connection, direction, segment)
        return connection

    def forget(self) -> None:
        """Keep no segments, and none of those that were."""
        self.keeps = False
        for row in self.rows:
            row.kept = None

    def _begin(self, at: int, upper: int, segment: Segment, before: Connection | None) -> Connection:
        """A new life in that slot, perhaps after another one of the tuple."""
        connection = Connection(len(self.rows), segment)
        self.direction = _TO_SERVER if _from_client(segment) else _TO_CLIENT
        if self.keeps and (self.keep is None or connection.number in self.keep):
            connection.kept = []
        self.rows.append(connection)
        self._slots[at] = upper << 32 | len(self.rows)
        if before is None:
            self._tuples += 1
            if self._tuples * 2 > self._mask:
                self._grow()
        elif before.pending is not None and segment.flags & _ACK:
            _options(connection.there, before.pending)
        note(connection, self.direction, segment)
        return connection

    def _grow(self) -> None:
        """Four times as many slots."""
        old = self._slots
        self._mask = (self._mask + 1) * 4 - 1
        self._slots = array("Q", bytes(8 * (self._mask + 1)))
        for row in range(len(old)):
            slot = old[row]
            if slot:
                at = tuple_hash_of(self.rows[(slot & _NUMBERS) - 1]) & self._mask
                while self._slots[at]:
                    at = at + 1 & self._mask
                self._slots[at] = slot


def tuple_hash(segment: Segment) -> int:
    """64 bits that are the same for both directions of a tuple; unforeseeable from run to run."""
    source = _mixed(segment.src_hi, segment.src_lo, segment.sport)
    target = _mixed(segment.dst_hi, segment.dst_lo, segment.dport)
    return _folded(source, target, segment.interface)


def tuple_hash_of(connection: Connection) -> int:
    """The same of a connection's tuple."""
    client = _mixed(connection.client_hi, connection.client_lo, connection.client_port)
    server = _mixed(connection.server_hi, connection.server_lo, connection.server_port)
    return _folded(client, server, connection.interface)


def _mixed(high: int, low: int, port: int) -> int:
    """An endpoint as 64 bits (the finishing steps of MurmurHash3, with a secret seed)."""
    mixed = (low ^ _SEED) + port * _MIX_PORT + high * _MIX_HIGH & _ALL
    mixed = (mixed ^ mixed >> 33) * _MIX_1 & _ALL
    return mixed ^ mixed >> 29


def _folded(one: int, other: int, interface: int) -> int:
    mixed = one + other + interface * _MIX_PORT & _ALL
    mixed = (mixed ^ mixed >> 32) * _MIX_2 & _ALL
    return mixed ^ mixed >> 32


def _reborn(connection: Connection, direction: int, segment: Segment) -> bool:
    """Whether a SYN or SYN/ACK opens another life of the tuple."""
    half, other = connection.there, connection.back
    if direction:
        half, other = other, half
    if half.isn == segment.seq:
        return False
    if segment.flags & (_FIN | _RST):
        return False  # no opening but a malformed segment
    if segment.flags & _ACK:
        opening = connection.pending
        if opening is not None and segment.ack == add(opening.seq, 1):
            return True
        # Its SYN was not captured, unless it is a late answer to this life's own.
        return connection.closed and not (other.isn >= 0 and segment.ack == add(other.isn, 1))
    if connection.closed:
        return True
    connection.pending = segment.copy()
    return False
