"""Which rows of a table are worth more than to be counted.

Of a large capture most connections began and ended as they should, or went on when it ended. Nothing
is to be told of these, and to make a record of each would take longer than to read the capture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bypeer.core import connection as summary
from bypeer.core import lines
from bypeer.core.addresses import Endpoint

if TYPE_CHECKING:
    from bypeer.core.connections import Connections

_SKETCH, _FIRST, _ISN = summary.SKETCH, summary.FIRST, summary.ISN
_SEED, _MIX = hash("bypeer.core.worth") & (1 << 64) - 1, 0x9E37_79B9_7F4A_7C15
_SEEN, _ENDED = 1, 2


class Apart(NamedTuple):
    """Connections that were counted and no more."""

    connections: int = 0
    open: int = 0  # of these: went on when the capture ended
    passed_over: int = 0  # further ones, that did not end in order: there were enough to look at


def telling(table: Connections, until: int) -> list[int]:
    """The rows of which there may be something to tell; `until`: see `connection.quiet`."""
    return [row for row in range(table.count) if not summary.quiet(table.pieces, row, until)]


def numbers(table: Connections, rows: Iterable[int], there: set[int], back: set[int]) -> list[int]:
    """Add these rows' initial sequence numbers to the sets; the rows that have none."""
    unopened = []
    for row in rows:
        line, past = lines.line_at(table.pieces, row), lines.past_at(table.pieces, row)
        known, other = lines.way_of(line, 0).known & _ISN, lines.way_of(line, 1).known & _ISN
        if known:
            there.add(past.isn[0])
        if other:
            back.add(past.isn[1])
        if not known and not other:
            unopened.append(row)
    return unopened


def sharing(table: Connections, there: set[int], back: set[int]) -> list[int]:
    """The rows that have one of these as their initial sequence number, to the server or to the client."""
    hints = bytearray(1 << 20)
    for isn in (*there, *back):
        hints[isn & 0xF_FFFF] = 1
    found = []
    for row in range(table.count):
        past = lines.past_at(table.pieces, row)
        one, other = past.isn[0], past.isn[1]
        if (hints[one & 0xF_FFFF] and one in there) or (hints[other & 0xF_FFFF] and other in back):
            found.append(row)
    return found


def lone(
    tables: Sequence[Connections], rows: Sequence[Iterable[int]], among: Sequence[Iterable[int]]
) -> list[list[int]]:
    """Which rows have initial sequence numbers that no other one has `among` all that may be theirs."""
    once: set[int] = set()
    twice: set[int] = set()
    for table, some in zip(tables, among, strict=True):
        for row in some:
            for direction in range(2):
                key = _directed(table.pieces, row, direction)
                if key >= 0:
                    (twice if key in once else once).add(key)
    found = []
    for table, some in zip(tables, rows, strict=True):
        alone: list[int] = []
        for row in some:
            one, other = _directed(table.pieces, row, 0), _directed(table.pieces, row, 1)
            if max(one, other) >= 0 and one not in twice and other not in twice:
                alone.append(row)
        found.append(alone)
    return found


def _directed(pieces: Any, row: int, direction: int) -> int:
    """An initial sequence number as one of its direction; -1 where it is not known."""
    way = lines.way_of(lines.line_at(pieces, row), direction)
    return direction << 32 | lines.past_at(pieces, row).isn[direction] if way.known & _ISN else -1


def ranked(table: Connections, rows: Iterable[int]) -> list[tuple[bool, int, int, int]]:
    """Rows in the order in which they are looked at, theirs last: those with a RST first, then by time."""
    found = []
    for row in rows:
        past = lines.past_at(table.pieces, row)
        found.append((not (past.resets[0] or past.resets[1]), past.started, past.number, row))
    return sorted(found)


def interface(table: Connections, row: int) -> int:
    """Where it was captured: Segment.interface."""
    return lines.line_at(table.pieces, row).interface


def usual(table: Connections, row: int) -> bool:
    """Whether its RSTs have TTLs of their direction's other segments, so that none looks made nearby."""
    rare = table.rare.get(row)
    if rare is None:
        return True
    line = lines.line_at(table.pieces, row)
    for direction in range(2):
        way = lines.way_of(line, direction)
        if way.known & _FIRST:
            for ttl in rare.reset_ttls[direction]:
                if ttl != way.ttl and ttl not in rare.ttls[direction]:
                    return False
    return True


def near(table: Connections, prints: set[int], ends: set[Endpoint]) -> list[int]:
    """The rows that share a fingerprint or an endpoint with these: see `groups`."""
    hints, doors = bytearray(1 << 20), bytearray(1 << 16)
    for value in prints:
        hints[value & 0xF_FFFF] = 1
    for _, low, port in ends:
        doors[low + port & 0xFFFF] = 1
    found = []
    for row in range(table.count):
        line = lines.line_at(table.pieces, row)
        known = False
        if doors[line.client_lo + line.client_port & 0xFFFF]:
            known = (line.client_hi, line.client_lo, line.client_port) in ends
        if not known and doors[line.server_lo + line.server_port & 0xFFFF]:
            known = (line.server_hi, line.server_lo, line.server_port) in ends
        if known or _printed(table.pieces, row, prints, hints):
            found.append(row)
    return found


def _printed(pieces: Any, row: int, prints: set[int], hints: bytearray) -> bool:
    line, past = lines.line_at(pieces, row), lines.past_at(pieces, row)
    for direction in range(2):
        way = lines.way_of(line, direction)
        for at in range(direction * _SKETCH, direction * _SKETCH + way.kept):
            if hints[past.prints[at] & 0xF_FFFF] and past.prints[at] in prints:
                return True
    return False


def apart(tables: Sequence[Connections], joined: Sequence[Iterable[int]]) -> Apart:
    """How many connections there are beside the rows that are joined, each counted once."""
    mask, count, over = 1023, 0, 0
    while mask < 2 * sum(map(len, tables)):
        mask = 2 * mask + 1
    # An open hash table, since a set takes as long as the packets do: keys, and what is known.
    memory, known = bytearray(8 * (mask + 1)), bytearray(mask + 1)
    slots = lines.slots_of(memory)
    for table, rows in zip(tables, joined, strict=True):
        taken = bytearray(table.count)
        for row in rows:
            taken[row] = 1
        for row in range(table.count):
            if taken[row]:
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
