"""Which connections of the captures are joined: all, if they are few; else those that may tell something.

A connection that is telling at one vantage may be a quiet one at another, so those that may be the
same are taken too: by initial sequence number, and where no handshake was captured by what `groups`
would look for. Of those that can be no other's, no more are made records of than will be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bypeer.core.addresses import Endpoint
from bypeer.core.connection import Connection
from bypeer.core.connections import Connections
from bypeer.core.worth import (
    Apart,
    Digest,
    Tally,
    apart,
    lone,
    near,
    sharing,
    surplus,
    telling,
    unnumbered,
    usual,
)

FEW = 2_000  # rows that are all joined, together
MOST_UNOPENED = 8_192  # telling rows without a handshake that are joined: to find their mates takes long
SAMPLE = 64  # rows of each input that are joined anyway: they show where it was taken


class Selection(NamedTuple):
    """What is joined, and how much is not."""

    connections: Sequence[Sequence[Connection]]  # by input
    apart: Apart


def select(tables: Sequence[Connections], ends: Sequence[int], most: int) -> Selection:
    """Choose among the rows of each input's table.

    `ends`: when the inputs end, ns; NO_TIME where a connection that did not end is telling. `most`:
    how many connections are looked at, those with a RST first, then by time.
    """
    if sum(len(table) for table in tables) <= FEW:
        every = [list(range(len(table))) for table in tables]
        return Selection(_summaries(tables, every, ends), Apart())
    digests = [Digest(table, end) for table, end in zip(tables, ends, strict=True)]
    told = [telling(one) for one in digests]
    dropped = surplus(digests, list(map(unnumbered, digests, told)), MOST_UNOPENED)
    told = [sorted({*rows} - {*some}) if some else rows for rows, some in zip(told, dropped, strict=True)]
    chosen = [{*rows, *range(min(SAMPLE, len(table)))} for table, rows in zip(tables, told, strict=True)]
    fresh: Sequence[set[int]] = chosen
    while any(fresh):
        fresh = _more(digests, fresh, chosen)
        for rows, more in zip(chosen, fresh, strict=True):
            rows |= more
    beside = apart(digests, [{*rows, *some} for rows, some in zip(chosen, dropped, strict=True)])
    passed_over = _pass_over(digests, told, chosen, most)
    # At every input they may be the same ones.
    passed_over += max(len({*some} - rows) for rows, some in zip(chosen, dropped, strict=True))
    beside = beside._replace(passed_over=passed_over)
    return Selection(_summaries(tables, [sorted(rows) for rows in chosen], ends), beside)


def _pass_over(
    digests: Sequence[Digest], told: Sequence[list[int]], chosen: Sequence[set[int]], most: int
) -> int:
    """Take from the chosen rows the telling ones that will not be looked at; how many.

    These are seen nowhere else, look like others of their interface, and `most` others come before them.
    """
    alone, kin = lone(digests, told, chosen), _kin(digests, chosen)
    like_others = [
        [row for row in rows if row >= SAMPLE and row not in near_by and usual(digest, row)]
        for digest, rows, near_by in zip(digests, alone, kin, strict=True)
    ]
    found = surplus(digests, like_others, most)
    for rows, some in zip(chosen, found, strict=True):
        rows.difference_update(some)
    return sum(map(len, found))


def _kin(digests: Sequence[Digest], chosen: Sequence[set[int]]) -> list[set[int]]:
    """The rows that `groups` may take for the same as one of the chosen that has no handshake."""
    prints: set[int] = set()
    ends: set[Endpoint] = set()
    for digest, rows in zip(digests, chosen, strict=True):
        for row in unnumbered(digest, rows):
            one = digest.table.connection(row)
            prints |= {value for half in one.halves for value in half.sketch}
            ends |= {one.client, one.server}
    return [set(near(one.table, prints, ends)) if ends else set() for one in digests]


def _summaries(
    tables: Sequence[Connections], rows: Sequence[Sequence[int]], ends: Sequence[int]
) -> list[list[Connection]]:
    return [
        [table.connection(row, end) for row in some]
        for table, some, end in zip(tables, rows, ends, strict=True)
    ]


def _more(digests: Sequence[Digest], fresh: Sequence[set[int]], chosen: Sequence[set[int]]) -> list[set[int]]:
    """The rows that may be the same connections as the fresh ones, and were not chosen yet."""
    numbers = Tally(sum(map(len, fresh)))
    prints: set[int] = set()
    clients: set[Endpoint] = set()
    for digest, rows in zip(digests, fresh, strict=True):
        numbers.note(digest, rows)
        for row in unnumbered(digest, rows):
            one = digest.table.connection(row)
            prints |= {value for half in one.halves for value in half.sketch}
            clients.add(one.client)
    found = []
    for digest, known in zip(digests, chosen, strict=True):
        alike = set(sharing(digest, numbers, known))
        if prints or clients:
            alike |= set(near(digest.table, prints, clients)) - known
        found.append(alike)
    return found
