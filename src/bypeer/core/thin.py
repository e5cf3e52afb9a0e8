"""Which of a picture's marks to keep where there are too many to draw.

What is rare always stays, and so does everything in the stretch that is shown first. Of the rest, time is
cut into columns, and of each kind in each column the marks stay that make its outline: first, last, lowest,
highest, least and most behind. Drawn at a column a pixel or wider the picture looks the same.
"""

from __future__ import annotations

from array import array
from typing import Any

from bypeer.core.picture import BULK, Marks

OUTLINE = 6  # marks that make the outline of a kind in a column
LEAST = 4  # one part in so many of the room is the bulk's, even if what is never left out fills all of it
TRIES = 8  # looks for finer columns

_OUTLINE, _BULK = OUTLINE, BULK


def thin(marks: Marks, most: int, focus: tuple[int, int]) -> tuple[Marks, int]:
    """At most about `most` of the marks, and how many were left out.

    More than `most` stay if there are about as many rare ones and ones in focus, or more.

    Args:
        marks: in order of time.
        most: how many marks to keep.
        focus: the stretch of time of which all is kept, both ends included; ns since the origin.
    """
    count = len(marks.ts)
    if count <= most or not count:
        return marks, 0
    kept = bytearray(count)
    fixed = _fixed(marks.ts, marks.kind, kept, focus[0], focus[1])
    kept = _finest(marks, kept, max(most - fixed, most // LEAST), fixed)
    left = kept.count(1)
    return Marks(*(_taken(column, kept, left) for column in marks)), count - left


def _finest(marks: Marks, fixed: bytearray, room: int, start: int) -> bytearray:
    """What stays with the finest columns that keep to the room. Quiet times leave columns empty."""
    columns = max(room // (OUTLINE * BULK), 1)
    best = _outlined(marks, bytearray(fixed), columns)
    for _ in range(TRIES):
        used = best.count(1) - start
        if 2 * used > room or not used:
            break
        columns *= room // used
        finer = _outlined(marks, bytearray(fixed), columns)
        if finer.count(1) - start > room:
            break
        best = finer
    return best


def _fixed(ts: Any, kinds: Any, kept: bytearray, start: int, end: int) -> int:
    """Marks what is never left out; returns how many that are."""
    found = 0
    for row in range(len(ts)):
        if kinds[row] >= _BULK or start <= ts[row] <= end:
            kept[row] = 1
            found += 1
    return found


def _outlined(marks: Marks, kept: bytearray, columns: int) -> bytearray:
    """`kept` with the outline of each kind in each of so many columns of time."""
    wide = (marks.ts[-1] - marks.ts[0]) // columns + 1
    _outline(marks.ts, marks.low, marks.size, marks.behind, marks.kind, kept, wide)
    return kept


def _outline(ts: Any, lows: Any, sizes: Any, behinds: Any, kinds: Any, kept: Any, wide: int) -> None:
    # Of each kind: the column that it is in, and the outline there so far.
    at = array("q", [-1] * _BULK)
    rows = array("q", [0] * (_BULK * _OUTLINE))
    start = ts[0]
    for row in range(len(ts)):
        kind = kinds[row]
        if kind >= _BULK:
            continue
        column = (ts[row] - start) // wide
        base = kind * _OUTLINE
        if column == at[kind]:
            _extend(rows, base, row, lows, sizes, behinds)
            continue
        if at[kind] >= 0:
            _keep(rows, base, kept)
        at[kind] = column
        for one in range(base, base + _OUTLINE):
            rows[one] = row
    for kind in range(_BULK):
        if at[kind] >= 0:
            _keep(rows, kind * _OUTLINE, kept)


def _extend(rows: Any, base: int, row: int, lows: Any, sizes: Any, behinds: Any) -> None:
    """Takes a row into an outline: first, last, lowest, highest, least and most behind."""
    rows[base + 1] = row
    if lows[row] < lows[rows[base + 2]]:
        rows[base + 2] = row
    best = rows[base + 3]
    if lows[row] + sizes[row] > lows[best] + sizes[best]:
        rows[base + 3] = row
    if behinds[row] < behinds[rows[base + 4]]:
        rows[base + 4] = row
    if behinds[row] > behinds[rows[base + 5]]:
        rows[base + 5] = row


def _keep(rows: Any, base: int, kept: Any) -> None:
    for one in range(base, base + _OUTLINE):
        kept[rows[one]] = 1


def _taken(column: Any, kept: bytearray, count: int) -> Any:
    """The rows of a column that are kept, in a column of the same type."""
    out = array(column.typecode, bytes(count * column.itemsize))
    _take(memoryview(column).cast("B"), kept, memoryview(out).cast("B"), column.itemsize)
    return out


def _take(column: Any, kept: Any, out: Any, wide: int) -> None:
    to = 0
    for row in range(len(kept)):
        if kept[row]:
            for at in range(wide):
                out[to + at] = column[row * wide + at]
            to += wide
