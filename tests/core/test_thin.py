"""What is left out of a picture is not missed in it."""

from __future__ import annotations

import random
from array import array

from hypothesis import given
from hypothesis import strategies as st

from bypeer.core import thin as source
from bypeer.core.picture import BULK, KINDS, Marks
from bypeer.core.thin import LEAST, OUTLINE, thin
from tests.forks import NAMES, Row, columns, fork
from tests.pure import load_compiled, load_pure

ROWS = st.lists(
    st.tuples(
        st.integers(0, 10**6),
        st.integers(-(2**40), 2**40),
        st.integers(0, 2**32 - 1),
        st.integers(-(2**40), 2**40),
        st.integers(0, len(KINDS) - 1),
    ),
    max_size=60,
).map(sorted)


def rows_of(marks: Marks) -> list[Row]:
    return list(zip(*marks[:5], strict=True))


def download(count: int, seed: int = 1) -> Marks:
    """Marks of the bulk, a burst and then quiet, with a rare one here and there."""
    chance = random.Random(seed)
    ts = sorted(chance.randint(0, 10**6 if at % 2 else 10**9) for at in range(count))
    return columns(
        [
            (
                when,
                chance.randint(0, 10**9),
                chance.randint(0, 3000),
                chance.randint(-(10**6), 10**6),
                at % BULK,
            )
            if at % 500
            else (when, 7, 1, 5, NAMES["late"])
            for at, when in enumerate(ts)
        ]
    )


def test_few_marks_stay_as_they_are() -> None:
    marks = fork(200).marks
    assert thin(marks, len(marks.ts), (0, 0)) == (marks, 0)
    assert thin(columns([]), 0, (0, 0)) == (columns([]), 0)


def test_what_is_left_out_is_counted_and_the_room_is_kept() -> None:
    marks = download(60_000)
    for most in (10_000, 20_000, 40_000):
        kept, left = thin(marks, most, (0, -1))
        assert len(kept.ts) + left == 60_000
        assert most / 4 < len(kept.ts) <= most
        assert [column.typecode for column in kept] == [column.typecode for column in marks]


def test_rare_marks_and_those_in_focus_stay() -> None:
    marks = download(30_000)
    focus = (400_000, 450_000)
    kept, left = thin(marks, 5_000, focus)
    assert left > 10_000

    def dear(row: Row) -> bool:
        return row[4] >= BULK or focus[0] <= row[0] <= focus[1]

    assert list(filter(dear, rows_of(kept))) == list(filter(dear, rows_of(marks)))
    assert sum(map(dear, rows_of(marks))) > 500


def test_marks_that_stay_are_whole_and_in_order() -> None:
    marks = download(20_000)
    kept, _ = thin(marks, 6_000, (0, 0))
    every = list(zip(*marks, strict=True))
    stayed = list(zip(*kept, strict=True))
    assert stayed == [every[row] for row in kept.outside]
    assert list(kept.outside) == sorted(kept.outside)


def test_the_outline_stays_column_by_column() -> None:
    marks = download(50_000)
    kept = source._outlined(marks, bytearray(50_000), 100)
    wide = (marks.ts[-1] - marks.ts[0]) // 100 + 1
    stayed = [row for row, flag in zip(rows_of(marks), kept, strict=True) if flag]
    for kind in range(BULK):
        for of in (
            lambda row: row[0],
            lambda row: row[1],
            lambda row: row[1] + row[2],
            lambda row: row[3],
        ):
            assert extremes(rows_of(marks), kind, wide, of) == extremes(stayed, kind, wide, of)
    assert len(stayed) <= 101 * BULK * OUTLINE


def extremes(rows: list[Row], kind: int, wide: int, of: object) -> dict[int, tuple[int, int]]:
    """The least and the greatest of a value in each column of time."""
    found: dict[int, tuple[int, int]] = {}
    for row in rows:
        if row[4] == kind:
            value = of(row)  # type: ignore[operator]
            column = (row[0] - rows[0][0]) // wide
            low, high = found.get(column, (value, value))
            found[column] = (min(low, value), max(high, value))
    return found


def test_a_skeleton_of_the_bulk_stays_beside_any_number_of_rare_ones() -> None:
    late = [(at, at, 1, 5, NAMES["late"]) for at in range(0, 40_000, 2)]
    data = [(at, at, 1, 0, NAMES["data"]) for at in range(1, 40_000, 2)]
    kept, left = thin(columns(sorted(late + data)), 2_000, (0, 0))
    assert kept.kind.count(NAMES["late"]) == 20_000
    assert 100 < kept.kind.count(NAMES["data"]) <= 2_000 / LEAST + 1
    assert left == 20_000 - kept.kind.count(NAMES["data"])


@given(rows=ROWS, most=st.integers(0, 40), focus=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)))
def test_any_marks(rows: list[Row], most: int, focus: tuple[int, int]) -> None:
    kept, left = thin(columns(rows), most, focus)
    assert len(kept.ts) + left == len(rows)
    assert all(row[4] < BULK for row in set(rows) - set(rows_of(kept)))


def test_compiled_and_plain_keep_the_same() -> None:
    compiled, plain = load_compiled("bypeer.core.thin"), load_pure("bypeer.core.thin")
    marks = download(20_000, seed=4)
    for most, focus in ((3_000, (5, 900)), (9_000, (0, -1))):
        one, other = compiled.thin(marks, most, focus), plain.thin(marks, most, focus)
        assert [array("q", column) for column in one[0]] == [array("q", column) for column in other[0]]
        assert one[1] == other[1]
