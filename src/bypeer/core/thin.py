"""Which of a picture's marks to keep where there are too many to draw."""

from __future__ import annotations

from bypeer.core.picture import BULK, Marks


def thin(marks: Marks, most: int, focus: tuple[int, int]) -> tuple[Marks, int]:
    """At most about `most` marks, and how many were left out: all rare ones stay, and all within `focus`.

    Of the rest each n-th of its kind stays.
    """
    count = len(marks.ts)
    if count <= most:
        return marks, 0
    fixed = [
        kind >= BULK or focus[0] <= ts <= focus[1] for ts, kind in zip(marks.ts, marks.kind, strict=True)
    ]
    every, seen = -(-(count - sum(fixed)) // max(most - sum(fixed), 1)), [0] * BULK
    kept = []
    for row in range(count):
        kind = marks.kind[row]
        if fixed[row]:
            kept.append(row)
        else:
            if seen[kind] % every == 0:
                kept.append(row)
            seen[kind] += 1
    columns = [type(column)(column.typecode, [column[row] for row in kept]) for column in marks]
    return Marks(*columns), count - len(kept)
