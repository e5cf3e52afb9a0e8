"""A mark lies at the pixel where it must, and what is rare is seen whatever surrounds it."""

from __future__ import annotations

import random
import zlib
from array import array
from struct import unpack

import pytest

from bypeer.core.picture import BULK, KINDS
from bypeer.report import raster
from bypeer.report.palette import LOOKS
from bypeer.report.raster import View
from bypeer.report.shapes import SHAPES, stamp
from tests.forks import NAMES, Row, columns
from tests.pure import load_compiled, load_pure

VIEW = View(1000, 2000, 0, 500, 100, 50, behind=False)  # 10 ns and 10 octets to a pixel
BEHIND = VIEW._replace(low=-400, high=100, behind=True)
ONE = [1] * len(KINDS)


def drawn(rows: list[Row], view: View = VIEW, sizes: list[int] = ONE) -> dict[tuple[int, int], str]:
    """The pixels that are not empty: x, y from the top, and the kind."""
    canvas = raster.draw(columns(sorted(rows)), view, sizes)
    assert len(canvas) == view.width * view.height
    return {(at % view.width, at // view.width): KINDS[kind - 1][0] for at, kind in enumerate(canvas) if kind}


@pytest.mark.parametrize("kind", NAMES)
def test_a_point_is_one_pixel(kind: str) -> None:
    assert drawn([(1005, 5, 0, 0, NAMES[kind])]) == {(0, 49): kind}
    assert drawn([(1999, 495, 0, 0, NAMES[kind])]) == {(99, 0): kind}
    assert drawn([(1500, 255, 0, 0, NAMES[kind])]) == {(50, 24): kind}


def test_a_mark_spans_its_octets() -> None:
    assert drawn([(1105, 105, 30, 0, NAMES["data"])]) == {(10, y): "data" for y in (36, 37, 38, 39)}


def test_behind_the_frontier_a_mark_lies_where_its_end_does() -> None:
    # Its end lies 145 octets behind; the frontier, 0, is 100 below the upper edge.
    assert drawn([(1105, 7, 20, 145, NAMES["late"])], BEHIND) == {(10, 24): "late"}
    assert drawn([(1105, 7, 0, -55, NAMES["beyond"])], BEHIND) == {(10, 4): "beyond"}


def test_the_edges() -> None:
    kind = NAMES["data"]
    inside = [(1000, 0, 0, 0, kind), (2000, 499, 0, 0, kind)]
    assert set(drawn(inside)) == {(0, 49), (99, 0)}
    assert set(drawn([(2000, 500, 0, 0, kind)])) == {(99, 0)}
    outside = [
        (999, 9, 0, 0, kind),
        (2001, 9, 0, 0, kind),
        (1500, -20, 0, 0, kind),
        (1500, 501, 0, 0, kind),
        (1500, 2**62, 0, 0, kind),
        (1500, -(2**62), 2**32 - 1, 0, kind),
    ]
    assert drawn(outside) == {}
    assert set(drawn([(1500, -(2**40), 0, 0, kind), (1500, 250, 2**31, 0, kind)])) == {
        (50, y) for y in range(26)
    }


def test_what_is_not_wanted_is_not_drawn() -> None:
    rows = [(1100, 100, 0, 0, NAMES["ack"]), (1200, 100, 0, 0, NAMES["late"])]
    assert set(drawn(rows, sizes=[0] * BULK + [1] * 10).values()) == {"late"}
    assert drawn(rows, sizes=[0] * len(KINDS)) == {}


def test_what_is_rare_lies_on_top_whatever_comes_first() -> None:
    for upto in range(1, len(KINDS) + 1):
        some = list(NAMES.values())[:upto]
        for kinds in (some, some[::-1]):
            rows = [(1500, 250 - at, 0, 0, kind) for at, kind in enumerate(kinds)]
            marks = columns(rows)._replace(low=array("q", [250] * upto))
            assert set(raster.draw(marks, VIEW, ONE)) == {0, upto}


def test_shapes_are_of_the_size_asked_for_and_differ() -> None:
    assert {look.shape for look in LOOKS.values()} == set(SHAPES)
    for name in SHAPES:
        for size in range(1, 20):
            dots = stamp(name, size)
            xs, ys = dots[::2], dots[1::2]
            assert max(xs) - min(xs) < size
            assert max(ys) - min(ys) < size
            if size > 3 and name != "dash":
                assert max(ys) - min(ys) >= size * 0.5 - 1
    assert len({tuple(stamp(name, 14)) for name in SHAPES}) == len(SHAPES)


def test_a_larger_mark_surrounds_its_place() -> None:
    pixels = drawn([(1505, 255, 0, 0, NAMES["rst-outside"])], sizes=[5] * len(KINDS))
    assert set(pixels) >= {(50 + dx, 24 + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)}
    assert all(abs(x - 50) <= 2 and abs(y - 24) <= 2 for x, y in pixels)
    corner = drawn([(1000, 0, 0, 0, NAMES["rst-outside"])], sizes=[9] * len(KINDS))
    assert corner
    assert all(0 <= x <= 4 and 45 <= y < 50 for x, y in corner)


def test_counts_and_reaches() -> None:
    marks = columns(
        [
            (1, 10, 5, 100, NAMES["data"]),
            (2, 7, 0, 0, NAMES["ack"]),
            (3, 4, 2, -9, NAMES["data"]),
            (4, 1, 1, 1, 5),
        ]
    )
    within = raster.rows(marks, 1, 3)
    assert within == range(3)
    assert {row: many for row, many in enumerate(raster.counts(marks, within)) if many} == {0: 1, 3: 2}
    assert raster.found(marks, within, NAMES["data"]) == [0, 2]
    assert raster.found(marks, range(1, 3), NAMES["data"]) == [2]
    assert raster.reaches(marks, within, behind=False)[:4] == [(7, 7), None, None, (4, 15)]
    assert raster.reaches(marks, within, behind=False, limits=(4, 8))[:4] == [(7, 7), None, None, (4, 6)]
    assert raster.reaches(marks, within, behind=True)[:4] == [(0, 0), None, None, (-100, 9)]


def crowd(count: int) -> list[Row]:
    """So many marks of the bulk all over the view, and one of each rare kind among them."""
    chance = random.Random(3)
    rows = [
        (chance.randint(1000, 2000), chance.randint(0, 499), chance.randint(0, 20), 0, chance.randrange(BULK))
        for _ in range(count)
    ]
    rare = [(1010 + 90 * at, 30 + 40 * at, 0, 0, BULK + at) for at in range(len(KINDS) - BULK)]
    return sorted(rows + rare)


def seen(module: object, count: int) -> bytearray:
    canvas: bytearray = module.draw(columns(crowd(count)), VIEW, ONE)  # type: ignore[attr-defined]
    assert {kind - 1 for kind in canvas if kind > BULK} == set(range(BULK, len(KINDS)))
    return canvas


def test_each_rare_kind_is_seen_among_many() -> None:
    seen(raster, 20_000)


def test_compiled_draws_the_same_and_two_million() -> None:
    compiled, plain = load_compiled("bypeer.report.raster"), load_pure("bypeer.report.raster")
    assert seen(compiled, 20_000) == seen(plain, 20_000)
    chance = random.Random(5)
    ts = sorted(chance.randrange(1000, 2001) for _ in range(2000))
    marks = columns(
        [(when, chance.randrange(500), chance.randrange(30), 0, at % BULK) for at, when in enumerate(ts)]
    )
    many = columns(sorted([*zip(*marks[:5], strict=True), (1500, 250, 0, 0, NAMES["rst-host"])]))
    for _ in range(10):  # 2,000 marks a thousand times over, all at their places
        many = many._make(column + column for column in many)
    order = sorted(range(len(many.ts)), key=many.ts.__getitem__)
    many = many._make(type(column)(column.typecode, map(column.__getitem__, order)) for column in many)
    assert len(many.ts) > 2_000_000
    canvas = compiled.draw(many, VIEW, ONE)
    assert canvas.count(NAMES["rst-host"] + 1) == 1


def test_a_png_of_kinds() -> None:
    canvas = bytes([0, 1, 2, 0, 3, 14])
    colours = [f"#{row:02x}{row + 1:02x}{row + 2:02x}" for row in range(14)]
    data = raster.png(canvas, 3, 2, colours)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (size,), name = unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        assert unpack(">I", data[at + 8 + size : at + 12 + size]) == (zlib.crc32(name + body),)
        chunks[name], at = body, at + 12 + size
    assert list(chunks) == [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]
    assert unpack(">2I5B", chunks[b"IHDR"]) == (3, 2, 8, 3, 0, 0, 0)
    assert zlib.decompress(chunks[b"IDAT"]) == b"\0" + canvas[:3] + b"\0" + canvas[3:]
    assert chunks[b"PLTE"][3:6] == bytes([0, 1, 2])
    assert chunks[b"tRNS"] == b"\0"
