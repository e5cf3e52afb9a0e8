"""The table of connections at one vantage: tuples and their incarnations.

A connection is one life of a tuple. A tuple is used again when a SYN with a new initial
sequence number comes after the old life has ended, or is answered by a SYN/ACK that
acknowledges it; a lone SYN in mid-stream is only strange, and stays where it is.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from bypeer.core import tcp
from bypeer.core.connection import TO_CLIENT, TO_SERVER, Connection, from_client, note, note_options
from bypeer.core.excerpt import Excerpt
from bypeer.core.segment import Segment
from bypeer.core.seq import add

FEWEST_SLOTS = 1024
# Rows at most, of about 0.7 kB: strangers can open as many connections as there are packets.
MOST_CONNECTIONS = 400_000

# Strangers choose tuples, so that none may know where they lead: Python's own secret of this process.
_SEED = hash("bypeer.core.connections") & (1 << 64) - 1
_MIX_PORT, _MIX_HIGH = 0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F
_MIX_1, _MIX_2 = 0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53
# Copies that are C integers when compiled.
_ALL, _NUMBERS, _MOST_CONNECTIONS = (1 << 64) - 1, (1 << 32) - 1, MOST_CONNECTIONS
_TO_SERVER, _TO_CLIENT = TO_SERVER, TO_CLIENT
_FIN, _SYN, _RST, _ACK = tcp.FIN, tcp.SYN, tcp.RST, tcp.ACK_


class Connections:
    """All connections of one input, in the order in which they began.

    Found by a hash of their tuple that is the same both ways. The table is open: a slot holds the
    hash's upper half and a row, and what does not fit its slot goes to the next one that is free.
    """

    __slots__ = ("_begun", "_mask", "_slots", "_tuples", "direction", "evicted", "keep", "keeps", "rows")

    rows: list[Connection]  # the latest MOST_CONNECTIONS at most, in the order in which they began
    evicted: int  # how many more there were
    keep: Mapping[int, Excerpt] | None  # where the segments of these rows go; None: all are kept
    keeps: bool
    direction: int  # of the segment that was placed last
    _begun: int  # connections so far
    _slots: array[int]  # upper half of the hash << 32 | row + 1, or 0
    _mask: int  # their number - 1
    _tuples: int  # how many are taken

    def __init__(self, keep: Mapping[int, Excerpt] | None = None) -> None:
        self.rows, self.keep, self.keeps = [], keep, keep is None or bool(keep)
        self.direction = self._tuples = self._begun = self.evicted = 0
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
            row.excerpt = None

    def _begin(self, at: int, upper: int, segment: Segment, before: Connection | None) -> Connection:
        """A new life in that slot, perhaps after another one of the tuple."""
        connection = Connection(self._begun, segment)
        self._begun += 1
        self.direction = _TO_SERVER if from_client(segment) else _TO_CLIENT
        if self.keeps:
            connection.excerpt = Excerpt() if self.keep is None else self.keep.get(connection.number)
        self.rows.append(connection)
        self._slots[at] = upper << 32 | len(self.rows)
        if before is None:
            self._tuples += 1
            if self._tuples * 2 > self._mask:
                self._grow()
        elif before.pending is not None and segment.flags & _ACK:
            note_options(connection.there, before.pending)
        note(connection, self.direction, segment)
        if len(self.rows) >= _MOST_CONNECTIONS:
            self._evict()
        return connection

    def _evict(self) -> None:
        """Forget half of the connections: those that ended as they should first, those with a RST last."""
        self.rows.sort(key=_dispensable)
        del self.rows[_MOST_CONNECTIONS // 2 :]
        self.rows.sort(key=_number)
        self.evicted = self._begun - len(self.rows)
        self._settle(self._mask + 1)

    def _grow(self) -> None:
        """Four times as many slots."""
        self._settle((self._mask + 1) * 4)

    def _settle(self, slots: int) -> None:
        """Give each tuple a slot anew, with the latest of its lives."""
        self._slots, self._mask, self._tuples = array("Q", bytes(8 * slots)), slots - 1, 0
        for row in range(len(self.rows)):
            connection = self.rows[row]
            mixed = tuple_hash_of(connection)
            upper, at = mixed >> 32, mixed & self._mask
            while self._slots[at]:
                slot = self._slots[at]
                if slot >> 32 == upper and connection.shares_tuple(self.rows[(slot & _NUMBERS) - 1]):
                    break
                at = at + 1 & self._mask
            else:
                self._tuples += 1
            self._slots[at] = upper << 32 | row + 1


def _dispensable(row: Connection) -> tuple[bool, bool, int]:
    """Last comes what is forgotten first."""
    reset = row.there.resets or row.back.resets
    return not reset and row.finished, not reset, -row.last_frame


def _number(row: Connection) -> int:
    return row.number


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
