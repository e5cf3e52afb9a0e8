"""What stays of too many marks."""

from __future__ import annotations

from array import array

from bypeer.core.picture import BULK, KINDS, Marks
from bypeer.core.thin import thin

COUNT = 10_000


def marks() -> Marks:
    """One a ns; every hundredth is a rare one."""
    kinds = [len(KINDS) - 1 if row % 100 == 0 else row % BULK for row in range(COUNT)]
    rows = array("q", range(COUNT))
    return Marks(
        rows, rows, array("I", [1]) * COUNT, rows, array("B", kinds), rows, rows, array("i", [-1]) * COUNT
    )


def test_few_stay_as_they_are() -> None:
    assert thin(marks(), COUNT, (0, 0)) == (marks(), 0)


def test_the_rare_ones_and_those_in_focus_stay() -> None:
    found, left_out = thin(marks(), 1_000, (400, 499))
    assert len(found.ts) + left_out == COUNT
    assert {len(column) for column in found} == {len(found.ts)}
    kept = set(found.ts)
    assert set(range(0, COUNT, 100)) | set(range(400, 500)) <= kept
    assert list(found.ts) == sorted(kept)
    assert [found.kind[at] for at in range(len(found.ts))] == [marks().kind[ts] for ts in found.ts]
