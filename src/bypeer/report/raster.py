"""Marks to pixels: millions of them, in a picture that has room for a few thousand.

A pixel holds the kind of the mark on top, as its row of `KINDS` plus one; 0 is empty. Kinds stand in that
table in the order in which they are drawn, so the greater number wins, in whatever order marks come: what
is rare is never hidden by what is common.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from struct import pack
from typing import Any, NamedTuple

from bypeer.core.picture import KINDS, Marks
from bypeer.report.palette import LOOKS
from bypeer.report.shapes import stamp


class View(NamedTuple):
    """A stretch of a picture, and the pixels that it fills."""

    start: int  # ns since the origin: the left edge of the first column of pixels
    end: int  # the right edge of the last; after start
    low: int  # octets: the lower edge; those behind the frontier are taken as negative, so that late is low
    high: int  # the upper edge; above low
    width: int
    height: int
    behind: bool  # whether it shows how far the end of a mark lies behind the frontier, or what it spans


def rows(marks: Marks, start: int, end: int) -> range:
    """The marks from one time to another, both included."""
    return range(bisect_left(marks.ts, start), bisect_right(marks.ts, end))


def counts(marks: Marks, within: range) -> list[int]:
    """How many marks of each kind there are within."""
    kinds = marks.kind[within.start : within.stop].tobytes()
    return [kinds.count(kind) for kind in range(len(KINDS))]


def found(marks: Marks, within: range, kind: int) -> list[int]:
    """The rows within that are of that kind."""
    kinds, rows, at = marks.kind[within.start : within.stop].tobytes(), [], -1
    while (at := kinds.find(kind, at + 1)) >= 0:
        rows.append(within.start + at)
    return rows


EVERYWHERE = (-(1 << 62), 1 << 62)


def reaches(
    marks: Marks, within: range, behind: bool, limits: tuple[int, int] = EVERYWHERE
) -> list[tuple[int, int] | None]:
    """The lowest and the highest octet of each kind; None where there are no such marks inside the limits."""
    ends = array("q", [1, 0] * len(KINDS))
    values = marks.behind if behind else marks.low
    _reach(values, marks.size, marks.kind, behind, within.start, within.stop, limits[0], limits[1], ends)
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return [(low, high) if low <= high else None for low, high in pairs]


def draw(marks: Marks, view: View, sizes: Sequence[int]) -> bytearray:
    """The pixels of a view, row by row from the top.

    Args:
        marks: those of a picture.
        view: what to show of them, and in how many pixels.
        sizes: pixels across for each of KINDS; 0: not drawn.
    """
    canvas = bytearray(view.width * view.height)
    dots, starts = array("i"), array("i", [0])
    for (name, _), size in zip(KINDS, sizes, strict=True):
        dots.extend(stamp(LOOKS[name].shape, size) if size else ())
        starts.append(len(dots))
    within = rows(marks, view.start, view.end)
    if within and dots:
        values = marks.behind if view.behind else marks.low
        across, down = view.width / (view.end - view.start), view.height / (view.high - view.low)
        frame = (view.start, view.high, view.width, view.height, across, down, view.behind)
        columns = (marks.ts, values, marks.size, marks.kind)
        _draw(canvas, columns, within.start, within.stop, frame, dots, starts)
    return canvas


def _draw(
    canvas: bytearray,
    columns: tuple[Any, ...],
    at: int,
    stop: int,
    frame: tuple[Any, ...],
    dots: Any,
    starts: Any,
) -> None:
    ts, values, sizes, kinds = columns
    start, high, width, height, across, down, behind = frame
    for row in range(at, stop):
        kind = kinds[row]
        first, last = starts[kind], starts[kind + 1]
        if first == last:
            continue
        size = 0 if behind else sizes[row]
        low = -values[row] if behind else values[row]
        column = int((ts[row] - start) * across)
        # As octets may lie anywhere, clip before they become pixels.
        bottom, top = _pixel((high - low) * down, height), _pixel((high - low - size) * down, height)
        if bottom < 0 or top >= height:
            continue
        column = min(column, width - 1)
        code = kind + 1
        for line in range(max(top, 0), min(bottom, height - 1) + 1):
            spot = line * width + column
            if canvas[spot] < code:
                canvas[spot] = code
        middle = (top + bottom) // 2
        for dot in range(first, last, 2):
            x, y = column + dots[dot], middle + dots[dot + 1]
            if 0 <= x < width and 0 <= y < height and canvas[y * width + x] < code:
                canvas[y * width + x] = code


def _pixel(far: float, height: int) -> int:
    """A distance from the top in whole pixels; what lies outside is one pixel outside."""
    if far < 0:
        return -1
    if far > height:
        return height
    return min(int(far), height - 1)  # the lower edge itself belongs to the last row


def _reach(
    values: Any, sizes: Any, kinds: Any, behind: bool, at: int, stop: int, least: int, most: int, ends: Any
) -> None:
    for row in range(at, stop):
        kind = kinds[row]
        low = -values[row] if behind else values[row]
        high = low if behind else low + sizes[row]
        if low < least or high > most:
            continue
        fresh = ends[2 * kind] > ends[2 * kind + 1]
        if fresh or low < ends[2 * kind]:
            ends[2 * kind] = low
        if fresh or high > ends[2 * kind + 1]:
            ends[2 * kind + 1] = high


# A PNG of such pixels


def png(canvas: bytes | bytearray, width: int, height: int, colours: Sequence[str]) -> bytes:
    """Pixels of kinds as a PNG with a palette; what is empty is transparent.

    Source: PNG (Third Edition), 5 and 11.
    """
    lines = b"".join(b"\0" + canvas[at : at + width] for at in range(0, width * height, width))
    palette = b"\0\0\0" + b"".join(bytes.fromhex(colour[1:]) for colour in colours)
    header = pack(">2I5B", width, height, 8, 3, 0, 0, 0)  # 8 bits, a palette, not interlaced
    parts = (
        (b"IHDR", header),
        (b"PLTE", palette),
        (b"tRNS", b"\0"),
        (b"IDAT", zlib.compress(lines, 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*parts, strict=True)))


def _chunk(name: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))
