"""Which rows of a table are worth more than to be counted.

Of a large capture most connections began and ended as they should, or went on when it ended. Nothing
is to be told of these, and to make a record of each would take longer than to read the capture.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bypeer.core import connection as summary
from bypeer.core import lines
from bypeer.core.addresses import Endpoint

if TYPE_CHECKING:
    from bypeer.core.connections import Connections

_SEED, _MIX = hash("bypeer.core.worth") & (1 << 64) - 1, 0x9E37_79B9_7F4A_7C15
_SEEN, _ENDED = 1, 2


class Apart(NamedTuple):
    """Connections that were counted and no more."""

    connections: int = 0
    open: int = 0  # of these: went on when the capture ended


def telling(table: Connections, until: int) -> list[int]:
    """The rows of which there may be something to tell; `until`: see `connection.quiet`."""
    return [row for row in range(table.count) if not summary.quiet(table.pieces, row, until)]


def sharing(table: Connections, there: set[int], back: set[int]) -> list[int]:
    """The rows that have one of these as their initial sequence number, to the server or to the client."""
    hints = bytearray(1 << 16)
    for isn in (*there, *back):
        hints[isn & 0xFFFF] = 1
    found = []
    for row in range(table.count):
        past = lines.past_at(table.pieces, row)
        one, other = past.isn[0], past.isn[1]
        if (hints[one & 0xFFFF] and one in there) or (hints[other & 0xFFFF] and other in back):
            found.append(row)
    return found


def near(table: Connections, prints: set[int], ends: set[Endpoint]) -> list[int]:
    """The rows that share a fingerprint or an endpoint with these: see `groups`."""
    hints, doors = bytearray(1 << 20), bytearray(1 << 16)
    for value in prints:
        hints[value & 0xF_FFFF] = 1
    for _, low, port in ends:
        doors[low + port & 0xFFFF] = 1
    found = []
    for row in range(table.count):
        past = lines.past_at(table.pieces, row)
        known = False
        if doors[past.client_lo + past.client_port & 0xFFFF]:
            known = (past.client_hi, past.client_lo, past.client_port) in ends
        if not known and doors[past.server_lo + past.server_port & 0xFFFF]:
            known = (past.server_hi, past.server_lo, past.server_port) in ends
        if known or _printed(table.pieces, row, prints, hints):
            found.append(row)
    return found


def _printed(pieces: Any, row: int, prints: set[int], hints: bytearray) -> bool:
    line, past = lines.line_at(pieces, row), lines.past_at(pieces, row)
    for direction in range(2):
        way = lines.way_of(line, direction)
        for at in range(way.kept):
            value = past.prints[2 * at + direction]
            if hints[value & 0xF_FFFF] and value in prints:
                return True
    return False


def apart(tables: Sequence[Connections], joined: Sequence[Container[int]]) -> Apart:
    """How many connections there are beside the rows that are joined, each counted once."""
    mask, count, over = 1023, 0, 0
    while mask < 2 * sum(map(len, tables)):
        mask = 2 * mask + 1
    # An open hash table, since a set takes as long as the packets do: keys, and what is known.
    memory, known = bytearray(8 * (mask + 1)), bytearray(mask + 1)
    slots = lines.slots_of(memory)
    for table, rows in zip(tables, joined, strict=True):
        for row in range(table.count):
            if row in rows:
                continue
            key = _key(table.pieces, row)
            at = lines.folded(key ^ _SEED, _MIX) & mask
            while known[at] and slots[at] != key:
                at = at + 1 & mask
            if not known[at]:
                slots[at], known[at] = key, _SEEN
                count += 1
            if known[at] == _SEEN and summary.finished(table.pieces, row):
                known[at] = _ENDED
                over += 1
    return Apart(count, count - over)


def _key(pieces: Any, row: int) -> int:
    """Both initial sequence numbers as one: the same wherever the connection was captured."""
    past = lines.past_at(pieces, row)
    return lines.wrapped(past.isn[0]) << 32 | past.isn[1]
