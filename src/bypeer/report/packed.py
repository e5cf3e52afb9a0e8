"""Marks by the million in a text: columns as what they differ from a guess, by planes of octets, deflated.

A number becomes its difference from what the numbers before suggest, then an unsigned one (zig-zag: 0, -1, 1,
-2 ... become 0, 1, 2, 3 ...). Then the lowest octets of a whole column stand together, then the next ones:
most are alike, which deflate likes. Of a column that mostly holds a few numbers, as sizes are, each of these
is a word, of one octet. unpack.js undoes it.

The guesses: a time is the one before; `low` is the end of the last mark of the same kind, and the window's
edge moves on as the last acknowledgement did; the frontier (`behind` plus the mark's end) is the one
before, or the mark's own end, if that is higher and it was data seen outside; a frame is the last one seen
at its vantage. A bound is told by the last mark that is not after it: that one's row, how much later the
bound is, how far its frontier is above the lower bound; and by how far the upper one is above the last edge
of the window.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bypeer.core.picture import KINDS, Bound, Marks

# How planes are deflated. Most look like noise with runs in it, of which Z_RLE makes as little as level 6 in
# a tenth of the time; what repeats patterns is worth a search for them.
NOISE = (6, zlib.Z_RLE)
PATTERN = (4, zlib.Z_DEFAULT_STRATEGY)
PATTERNED = frozenset(["kind", "outside", "inside", "note", "row", "after"])
WORDED = frozenset(["low", "size"])
WORDS = 255
END = b"\x03\x00"  # an empty last block (RFC 1951, 3.2.3)
UNSEEN = 0  # a frame that there is none of
UNBOUND = -(1 << 62)  # how a bound that there is none of stands in a column

_MASK = (1 << 64) - 1
_SHIFT = 54  # of 64 bits the upper ten
_SLOTS, _SPREAD, _WORDS = 1 << (64 - _SHIFT), 0x9E37_79B9_7F4A_7C15, WORDS  # Knuth: 2**64 by the golden ratio
_KINDS, _UNBOUND = len(KINDS), UNBOUND
_ACK, _WINDOW = (next(row for row, (name, _) in enumerate(KINDS) if name == one) for one in ("ack", "window"))


class Column(NamedTuple):
    """How a column lies: planes of octets, and before them, if it has words, a plane of these."""

    name: str
    octets: int  # of each number, and so planes
    words: list[int]  # what 1, 2 ... stand for in the plane of words; 0: a number that lies in the planes


class Packed(NamedTuple):
    """Columns as text."""

    rows: int
    columns: list[Column]  # in the order in which they lie
    text: str  # base64 of deflated octets (RFC 1951)


def packed_marks(marks: Marks) -> Packed:
    """The columns ts, low, frontier, size, kind, outside, inside, note; of the last -1 is 2**32 - 1."""
    rows = len(marks.ts)
    low, frontier = _empty(rows), _empty(rows)
    guess(marks.low, marks.size, marks.behind, marks.kind, marks.outside, low, frontier)
    columns = [
        ("ts", _steps(marks.ts)),
        ("low", low),
        ("frontier", frontier),
        ("size", marks.size),
        ("kind", marks.kind),
        ("outside", _seen(marks.outside, UNSEEN)),
        ("inside", _seen(marks.inside, UNSEEN)),
        ("note", array("I", marks.note.tobytes())),
    ]
    return _pack(rows, columns)


def packed_bounds(bounds: Sequence[Bound], marks: Marks) -> Packed:
    """The columns row, after, lower, upper; the first two are of the mark by which a bound is told."""
    rows = len(bounds)
    ts = array("q", [one.ts for one in bounds])
    lower = array("q", [UNBOUND if one.lower is None else one.lower for one in bounds])
    upper = array("q", [UNBOUND if one.upper is None else one.upper for one in bounds])
    row, after = array("q", bytes(8 * rows)), array("q", bytes(8 * rows))
    relate(marks.ts, marks.low, marks.size, marks.behind, marks.kind, ts, lower, upper, row, after)
    columns = [
        ("row", _steps(row)),
        ("after", _steps(after)),
        ("lower", _seen(lower, UNBOUND)),
        ("upper", _seen(upper, UNBOUND)),
    ]
    return _pack(rows, columns)


def _pack(rows: int, columns: Sequence[tuple[str, array[int]]]) -> Packed:
    octets: list[bytes] = []
    told = []
    for name, column in columns:
        how = PATTERN if name in PATTERNED else NOISE
        words, plane, rest = _worded(column) if name in WORDED else ([], b"", column)
        planes = list(_planes(rest))
        told.append(Column(name, len(planes), words))
        octets += [_deflated(one, *how) for one in ([plane, *planes] if words else planes)]
    return Packed(rows, told, b64encode(b"".join([*octets, END])).decode("ascii"))


def _worded(column: array[int]) -> tuple[list[int], bytes, array[int]]:
    """The words of a column, its plane of them, the numbers that are no words; no words if many are none."""
    values = column if column.typecode == "Q" else array("Q", column)
    rest, plane, found = _empty(len(values)), bytearray(len(values)), array("Q", bytes(8 * WORDS))
    left = words(values, found, plane, rest)
    if 4 * left > len(values):
        return [], b"", column
    used = max(plane, default=0)
    return found[:used].tolist(), bytes(plane), rest[:left]


def _deflated(plane: bytes, level: int, strategy: int) -> bytes:
    """Blocks that end on an octet and refer to nothing before, so that they may follow one another."""
    packer = zlib.compressobj(level, wbits=-15, strategy=strategy)
    return packer.compress(plane) + packer.flush(zlib.Z_FULL_FLUSH)


def _planes(column: array[int]) -> Iterator[bytes]:
    """The lowest octets of all numbers, the next ones ..., up to the last that are not all zero."""
    wide = column.itemsize
    octets = column.tobytes()
    places = range(wide) if sys.byteorder == "little" else range(wide - 1, -1, -1)
    planes = [octets[place::wide] for place in places]
    while planes and not planes[-1].strip(b"\0"):
        planes.pop()
    yield from planes


def _empty(rows: int) -> array[int]:
    return array("Q", bytes(8 * rows))


def _steps(values: array[int]) -> array[int]:
    """Each as its difference from the one before, zig-zag."""
    out = _empty(len(values))
    steps(values, out)
    return out


def _seen(values: array[int], nothing: int) -> array[int]:
    """The same plus one, where `nothing` is 0 and no number to differ from."""
    out = _empty(len(values))
    steps_between(values, nothing, out)
    return out


def steps(values: array[int], out: array[int]) -> None:
    """Differences from the value before, zig-zag, into `out`."""
    before = 0
    for row in range(len(values)):
        step = values[row] - before
        before = values[row]
        out[row] = ((step << 1) ^ (step >> 63)) & _MASK


def steps_between(values: array[int], nothing: int, out: array[int]) -> None:
    """As `steps`, plus one, among those values that are not `nothing`, which is 0."""
    before = 0
    for row in range(len(values)):
        if values[row] == nothing:
            out[row] = 0
            continue
        step = values[row] - before
        before = values[row]
        out[row] = (((step << 1) ^ (step >> 63)) + 1) & _MASK


def words(values: array[int], found: array[int], plane: bytearray, rest: array[int]) -> int:
    """Fills `found` with the first that differ, `plane` with rows of it plus one, `rest` with the others.

    Returns how many are in `rest`.
    """
    slots, known, left = bytearray(_SLOTS), 0, 0
    for row in range(len(values)):
        value = values[row]
        slot = ((value * _SPREAD) & _MASK) >> _SHIFT
        while slots[slot] and found[slots[slot] - 1] != value:
            slot = (slot + 1) % _SLOTS
        if not slots[slot] and known < _WORDS:
            found[known] = value
            known += 1
            slots[slot] = known
        plane[row] = slots[slot]
        if not slots[slot]:
            rest[left] = value
            left += 1
    return left


def guess(
    low: array[int],
    size: array[int],
    behind: array[int],
    kind: array[int],
    outside: array[int],
    lows: array[int],
    frontiers: array[int],
) -> None:
    """What `low` and the frontier differ from what is guessed of them, zig-zag."""
    ends = array("q", bytes(8 * _KINDS))
    frontier = advance = 0
    for row in range(len(low)):
        end = low[row] + size[row]
        step = low[row] - ends[kind[row]]
        ends[kind[row]] = end
        if kind[row] == _ACK:
            advance = step
        elif kind[row] == _WINDOW:
            step -= advance
        lows[row] = ((step << 1) ^ (step >> 63)) & _MASK
        if size[row] and outside[row] and end > frontier:
            frontier = end
        step = behind[row] + end - frontier
        frontier += step
        frontiers[row] = ((step << 1) ^ (step >> 63)) & _MASK


def relate(
    ts: array[int],
    low: array[int],
    size: array[int],
    behind: array[int],
    kind: array[int],
    when: array[int],
    lower: array[int],
    upper: array[int],
    rows: array[int],
    after: array[int],
) -> None:
    """Bounds by marks: `rows` and `after` are filled in, `lower` and `upper` become what they differ by."""
    row, edge = -1, 0
    for at in range(len(when)):
        while row + 1 < len(ts) and ts[row + 1] <= when[at]:
            row += 1
            if kind[row] == _WINDOW:
                edge = low[row]
        rows[at] = row + 1  # 0: before all marks
        after[at] = when[at] - (ts[row] if row >= 0 else 0)
        if lower[at] != _UNBOUND:
            lower[at] = (behind[row] + low[row] + size[row] if row >= 0 else 0) - lower[at]
        if upper[at] != _UNBOUND:
            upper[at] -= edge
