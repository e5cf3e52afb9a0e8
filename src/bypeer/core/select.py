"""Which connections of the captures are joined: all, if they are few; else those that may tell something.

A connection that is telling at one vantage may be a quiet one at another, so those that may be the
same are taken too: by initial sequence number, and where no handshake was captured by what `groups`
would look for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bypeer.core.addresses import Endpoint
from bypeer.core.connection import Connection
from bypeer.core.connections import Connections
from bypeer.core.segment import NO_TIME
from bypeer.core.worth import Apart, apart, near, sharing, telling

FEW = 2_000  # rows that are all joined, together
SAMPLE = 64  # rows of each input that are joined anyway: they show where it was taken


class Selection(NamedTuple):
    """What is joined, and how much is not."""

    connections: Sequence[Sequence[Connection]]  # by input
    apart: Apart


def select(tables: Sequence[Connections], ends: Sequence[int]) -> Selection:
    """Choose among the rows of each input's table.

    `ends`: when the inputs end, ns; NO_TIME where a connection that did not end is telling.
    """
    if sum(len(table) for table in tables) <= FEW:
        every = [list(range(len(table))) for table in tables]
        return Selection(_summaries(tables, every, ends), Apart())
    chosen = [
        {*telling(table, end), *range(min(SAMPLE, len(table)))}
        for table, end in zip(tables, ends, strict=True)
    ]
    fresh: Sequence[set[int]] = chosen
    while any(fresh):
        fresh = _more(tables, fresh, chosen)
        for rows, more in zip(chosen, fresh, strict=True):
            rows |= more
    rows_of = [sorted(rows) for rows in chosen]
    return Selection(_summaries(tables, rows_of, ends), apart(tables, chosen))


def _summaries(
    tables: Sequence[Connections], rows: Sequence[Sequence[int]], ends: Sequence[int]
) -> list[list[Connection]]:
    return [
        [table.connection(row, end) for row in some]
        for table, some, end in zip(tables, rows, ends, strict=True)
    ]


def _more(
    tables: Sequence[Connections], fresh: Sequence[set[int]], chosen: Sequence[set[int]]
) -> list[set[int]]:
    """The rows that may be the same connections as the fresh ones, and were not chosen yet."""
    there: set[int] = set()
    back: set[int] = set()
    prints: set[int] = set()
    clients: set[Endpoint] = set()
    for table, rows in zip(tables, fresh, strict=True):
        for row in rows:
            one = table.connection(row, NO_TIME)
            isns = [half.isn for half in one.halves]
            there.add(isns[0])
            back.add(isns[1])
            if max(isns) < 0:
                prints |= {value for half in one.halves for value in half.sketch}
                clients.add(one.client)
    there.discard(-1)
    back.discard(-1)
    found = []
    for table, known in zip(tables, chosen, strict=True):
        alike = set(sharing(table, there, back)) if there or back else set()
        if prints or clients:
            alike |= set(near(table, prints, clients))
        found.append(alike - known)
    return found
