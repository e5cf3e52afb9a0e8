"""What is packed comes back: undone here as the docstring of packed.py says, without its code."""

from __future__ import annotations

import zlib
from array import array
from base64 import b64decode
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.picture import KINDS, Bound, Marks
from bypeer.report.packed import Packed, packed_bounds, packed_marks
from tests.picture import picture
from tests.pure import load_compiled, load_pure

WINDOW, ACK = (next(row for row, (name, _) in enumerate(KINDS) if name == one) for one in ("window", "ack"))


def columns(packed: Packed) -> dict[str, list[int]]:
    """The columns as they were packed."""
    octets = zlib.decompress(b64decode(packed.text), wbits=-15)
    found, at = {}, 0
    for name, width, words in packed.columns:
        plane = list(octets[at : at + packed.rows]) if words else []
        at += len(plane)
        rows = plane.count(0) if words else packed.rows
        numbers = [
            int.from_bytes(bytes(octets[at + place * rows + row] for place in range(width)), "little")
            for row in range(rows)
        ]
        at += rows * width
        rest = iter(numbers)
        found[name] = [words[word - 1] if word else next(rest) for word in plane] if words else numbers
    assert at == len(octets)
    return found


def signed(value: int) -> int:
    return value >> 1 if value % 2 == 0 else -(value >> 1) - 1


def summed(values: Sequence[int], nothing: int | None = None) -> list[int | None]:
    """Running sums; with `nothing` a 0 stands for it, and others are one too high."""
    out: list[int | None] = []
    before = 0
    for value in values:
        if nothing is not None and not value:
            out.append(None)
            continue
        before += signed(value - (nothing is not None))
        out.append(before)
    return out


def unpacked(packed: Packed) -> Marks:
    """The marks again."""
    column = columns(packed)
    ends, front, advance = dict.fromkeys(range(len(KINDS)), 0), 0, 0
    low, behind = [], []
    outside = [one or 0 for one in summed(column["outside"], 0)]
    for row, kind in enumerate(column["kind"]):
        step = signed(column["low"][row]) + (advance if kind == WINDOW else 0)
        advance = step if kind == ACK else advance
        low.append(ends[kind] + step)
        end = ends[kind] = low[-1] + column["size"][row]
        front = max(front, end) if column["size"][row] and outside[row] else front
        front += signed(column["frontier"][row])
        behind.append(front - end)
    notes = [one - (1 << 32) if one >> 31 else one for one in column["note"]]
    inside = [one or 0 for one in summed(column["inside"], 0)]
    values = (summed(column["ts"]), low, column["size"], behind, column["kind"], outside, inside, notes)
    return Marks(*(array(code, one) for code, one in zip("qqIqBqqi", values, strict=True)))


def unbound(packed: Packed, marks: Marks) -> list[Bound]:
    """The bounds again."""
    column = columns(packed)
    rows, after = summed(column["row"]), summed(column["after"])
    lower, upper = summed(column["lower"], 0), summed(column["upper"], 0)
    found = []
    for at, count in enumerate(rows):
        assert count is not None
        edge = next((marks.low[row] for row in range(count - 1, -1, -1) if marks.kind[row] == WINDOW), 0)
        front = marks.behind[count - 1] + marks.low[count - 1] + marks.size[count - 1] if count else 0
        below, above = lower[at], upper[at]
        found.append(
            Bound(
                (after[at] or 0) + (marks.ts[count - 1] if count else 0),
                None if below is None else front - below,
                None if above is None else above + edge,
            )
        )
    return found


def test_a_download_comes_back() -> None:
    one = picture(3_000)
    packed = packed_marks(one.marks)
    assert unpacked(packed) == one.marks
    assert unbound(packed_bounds(one.bounds, one.marks), one.marks) == list(one.bounds)
    assert any(column.words for column in packed.columns)


def test_nothing_is_packed_as_nothing() -> None:
    empty = Marks(*(array(code) for code in "qqIqBqqi"))
    assert unpacked(packed_marks(empty)) == empty
    assert unbound(packed_bounds([], empty), empty) == []


FAR = st.integers(-(1 << 60), 1 << 60)
ROW = st.tuples(
    st.integers(0, 1 << 60),
    FAR,
    st.integers(0, (1 << 32) - 1),
    FAR,
    st.integers(0, len(KINDS) - 1),
    st.integers(0, 1 << 60),
    st.integers(0, 1 << 60),
    st.integers(-1, 5),
)
BOUND = st.tuples(st.integers(-5, 1 << 60), st.none() | FAR, st.none() | FAR)


@given(st.lists(ROW, max_size=40), st.lists(BOUND, max_size=20))
def test_any_numbers_come_back(rows: list[tuple[int, ...]], bounds: list[tuple[int, int, int]]) -> None:
    rows.sort(key=lambda row: row[0])
    values = zip(*rows, strict=True) if rows else [()] * 8
    marks = Marks(*(array(code, one) for code, one in zip("qqIqBqqi", values, strict=True)))
    assert unpacked(packed_marks(marks)) == marks
    told = [Bound(*one) for one in sorted(bounds, key=lambda one: one[0])]
    assert unbound(packed_bounds(told, marks), marks) == told


def test_compiled_or_not_the_text_is_the_same() -> None:
    pure, compiled = load_pure("bypeer.report.packed"), load_compiled("bypeer.report.packed")
    one = picture(2_000, seed=3)
    assert pure.packed_marks(one.marks) == compiled.packed_marks(one.marks)
    assert pure.packed_bounds(one.bounds, one.marks) == compiled.packed_bounds(one.bounds, one.marks)


def test_two_hundred_thousand_marks_are_small() -> None:
    one = picture(20_000)  # a tenth, since uncompiled it is slow
    size = len(packed_marks(one.marks).text) + len(packed_bounds(one.bounds, one.marks).text)
    assert size < 70_000
