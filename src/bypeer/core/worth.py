"""Which rows of a table are worth more than to be counted.

Of a large capture most connections began and ended as they should, or went on when it ended. Nothing
is to be told of these, and to make a record of each would take longer than to read the capture. Rows lie
far apart in memory, so they are gone through once, and what is asked again of all of them is kept (`Digest`).
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bypeer.core import connection as summary
from bypeer.core import lines
from bypeer.core.addresses import Endpoint

if TYPE_CHECKING:
    from bypeer.core.connections import Connections

_FIRST, _ISN = summary.FIRST, summary.ISN
_SEED, _MIX = hash("bypeer.core.worth") & (1 << 64) - 1, 0x9E37_79B9_7F4A_7C15
_SEEN, _ENDED = 1, 2
_TELLS, _OVER, _THERE, _BACK, _RESET = 1, 2, 4, 8, 16  # of a row: see Digest.traits
_NUMBERS, _BACKWARDS = (1 << 32) - 1, 1 << 32
_AHEAD = 32  # slots that are under way from memory at once


class Apart(NamedTuple):
    """Connections that were counted and no more."""

    connections: int = 0
    open: int = 0  # of these: went on when the capture ended
    passed_over: int = 0  # further ones, that did not end in order: there were enough to look at


class Digest:
    """What is asked of all rows of a table."""

    __slots__ = ("numbers", "table", "traits")

    table: Connections
    # Both initial sequence numbers as one, 0 for what is not known: the same wherever it was captured.
    numbers: array[int]
    # Flags: tells something, ended in order, has a number there, has one back, has a RST.
    traits: bytearray

    def __init__(self, table: Connections, until: int) -> None:
        """`until`: see `connection.quiet`."""
        self.table, self.traits = table, bytearray(table.count)
        self.numbers = array("Q", bytes(8 * table.count))
        self._fill(table, until)

    def _fill(self, table: Connections, until: int) -> None:
        numbers, traits = self.numbers, self.traits
        for row in range(table.count):
            line, past = lines.line_at(table.pieces, row), lines.past_at(table.pieces, row)
            numbers[row] = lines.wrapped(past.isn[0]) << 32 | past.isn[1]
            found = 0 if summary.harmless(table.pieces, row, until) else _TELLS
            if summary.finished(table.pieces, row):
                found |= _OVER
            if lines.way_of(line, 0).known & _ISN:
                found |= _THERE
            if lines.way_of(line, 1).known & _ISN:
                found |= _BACK
            if past.resets[0] or past.resets[1]:
                found |= _RESET
            traits[row] = found


def telling(digest: Digest) -> list[int]:
    """The rows of which there may be something to tell."""
    found, traits = [], digest.traits
    for row in range(len(traits)):
        if traits[row] & _TELLS:
            found.append(row)
    return found


class Tally:
    """Initial sequence numbers, and whether one came again.

    An open hash table, since a set takes as long as the packets do.
    """

    __slots__ = ("_mask", "_memory", "_slots", "_states")

    _memory: bytearray  # of the slots
    _slots: Any
    _states: bytearray  # of each slot: how often its number came; 2: more than once
    _mask: int

    def __init__(self, rows: int) -> None:
        """`rows`: how many, at most, will be noted."""
        mask = 1023
        while mask < 4 * rows:
            mask = 2 * mask + 1
        self._memory, self._states, self._mask = bytearray(8 * (mask + 1)), bytearray(mask + 1), mask
        self._slots = lines.slots_of(self._memory)

    def _slot(self, key: int) -> int:
        """Where a number is, or would be."""
        at = lines.folded(key ^ _SEED, _MIX) & self._mask
        while self._states[at] and self._slots[at] != key:
            at = at + 1 & self._mask
        return at

    def _add(self, key: int) -> None:
        """Note a number."""
        at = self._slot(key)
        self._slots[at] = key
        if self._states[at] < 2:
            self._states[at] += 1

    def note(self, digest: Digest, rows: Iterable[int]) -> None:
        """Note both numbers of these rows."""
        known, traits = digest.numbers, digest.traits
        for row in rows:
            if traits[row] & _THERE:
                self._add(known[row] >> 32)
            if traits[row] & _BACK:
                self._add(known[row] & _NUMBERS | _BACKWARDS)

    def times(self, key: int) -> int:
        """How often it came: 0, 1 or 2, which is more than once."""
        return self._states[self._slot(key)]


def unnumbered(digest: Digest, rows: Iterable[int]) -> list[int]:
    """Those of these rows that have no initial sequence number."""
    found, traits = [], digest.traits
    for row in rows:
        if not traits[row] & (_THERE | _BACK):
            found.append(row)
    return found


def sharing(digest: Digest, numbers: Tally, but: set[int]) -> list[int]:
    """The rows that have one of these initial sequence numbers, but for some rows."""
    found, known = [], digest.numbers
    for row in range(len(known)):
        there = numbers.times(known[row] >> 32)
        if (there or numbers.times(known[row] & _NUMBERS | _BACKWARDS)) and row not in but:
            found.append(row)
    return found


def lone(
    digests: Sequence[Digest], rows: Sequence[Iterable[int]], among: Sequence[Collection[int]]
) -> list[list[int]]:
    """Which rows have initial sequence numbers that no other one has `among` all that may be theirs."""
    tally = Tally(sum([len(some) for some in among]))
    for digest, others in zip(digests, among, strict=True):
        tally.note(digest, others)
    found = []
    for digest, some in zip(digests, rows, strict=True):
        known, traits, alone = digest.numbers, digest.traits, []
        for row in some:
            if not traits[row] & (_THERE | _BACK):
                continue
            shared = traits[row] & _THERE and tally.times(known[row] >> 32) > 1
            if traits[row] & _BACK and tally.times(known[row] & _NUMBERS | _BACKWARDS) > 1:
                shared = True
            if not shared:
                alone.append(row)
        found.append(alone)
    return found


def surplus(digests: Sequence[Digest], rows: Sequence[Iterable[int]], most: int) -> list[list[int]]:
    """The rows beyond the first `most`, those with a RST first, then by time; one stays of each interface."""
    resets: list[tuple[int, int, int, int]] = []
    rest: list[tuple[int, int, int, int]] = []
    for at, (digest, some) in enumerate(zip(digests, rows, strict=True)):
        for row in some:
            past = lines.past_at(digest.table.pieces, row)
            (resets if digest.traits[row] & _RESET else rest).append((past.started, past.number, at, row))
    resets.sort()
    rest.sort()
    shown: set[tuple[int, int]] = set()
    found: list[list[int]] = [[] for _ in digests]
    for count, (_, _, at, row) in enumerate(resets + rest):
        digest = digests[at]
        place = at, lines.line_at(digest.table.pieces, row).interface
        if count >= most and place in shown:
            found[at].append(row)
        else:
            shown.add(place)
    return found


def usual(digest: Digest, row: int) -> bool:
    """Whether its RSTs have TTLs of their direction's other segments, so that none looks made nearby."""
    if not digest.traits[row] & _RESET:
        return True
    table = digest.table
    rare, past = table.rare.get(row) or summary.Rare(), lines.past_at(table.pieces, row)
    line = lines.line_at(table.pieces, row)
    for direction in range(2):
        way = lines.way_of(line, direction)
        if way.known & _FIRST and past.resets[direction]:
            for ttl in (past.reset_ttl[direction], *rare.reset_ttls[direction]):
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


def apart(digests: Sequence[Digest], joined: Sequence[Iterable[int]]) -> Apart:
    """How many connections there are beside the rows that are joined, each counted once.

    Of those without initial sequence numbers it is not known which are the same: of one input's at most.
    """
    mask, count, over = 1023, 0, 0
    while mask < 2 * sum([len(digest.traits) for digest in digests]):
        mask = 2 * mask + 1
    # An open hash table, since a set takes as long as the packets do: keys, and what is known.
    memory, states = bytearray(8 * (mask + 1)), bytearray(mask + 1)
    slots = lines.slots_of(memory)
    for digest, rows in zip(digests, joined, strict=True):
        traits, keys = digest.traits, digest.numbers
        taken, size = bytearray(len(traits)), len(traits)
        for row in rows:
            taken[row] = 1
        for row in range(size):
            if row + _AHEAD < size:
                lines.fetch_slot(slots, lines.folded(keys[row + _AHEAD] ^ _SEED, _MIX) & mask)
            if taken[row] or not traits[row] & (_THERE | _BACK):
                continue
            key = keys[row]
            at = lines.folded(key ^ _SEED, _MIX) & mask
            while states[at] and slots[at] != key:
                at = at + 1 & mask
            if not states[at]:
                slots[at], states[at] = key, _SEEN
                count += 1
            if states[at] == _SEEN and traits[row] & _OVER:
                states[at] = _ENDED
                over += 1
    beside = max(map(_nameless, digests, joined), default=(0, 0))
    return Apart(count + beside[0], count - over + beside[1])


def _nameless(digest: Digest, rows: Iterable[int]) -> tuple[int, int]:
    """How many rows without numbers there are beside these, and how many of them went on."""
    traits, taken, count, still = digest.traits, bytearray(len(digest.traits)), 0, 0
    for row in rows:
        taken[row] = 1
    for row in range(len(traits)):
        if not taken[row] and not traits[row] & (_THERE | _BACK):
            count += 1
            still += traits[row] & _OVER == 0
    return count, still
