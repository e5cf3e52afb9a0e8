"""Axes: ticks at round numbers, units, ranges that fit, and labels that keep clear of each other.

Values are integers, ns and octets. Ticks of time are counted from a moment that the axis names, chosen so
that they read like the digits that tcpdump prints: "ms after 22:26:19 UTC", 398, 400, 402.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from bypeer.report.words import clock

MINUTE, HOUR = 60 * 10**9, 3600 * 10**9
# How long a stretch must be to be told in a unit; the unit; what its ticks are counted from, 0: the origin.
TIMES = (
    (6 * HOUR, "h", HOUR, 0),
    (10 * MINUTE, "min", MINUTE, 0),
    (2 * 10**9, "s", 10**9, 0),
    (2 * 10**6, "ms", 10**6, 10**9),
    (2 * 10**3, "us", 10**3, 10**6),
    (0, "ns", 1, 10**3),
)
OCTETS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3), ("octets", 1))
FEWEST, MOST = 6, 12  # what may be asked for as the most ticks; at least two there are always
LONG = 10**5  # units that make a label too long, as four decimals do: then it counts from a number


class Ticks(NamedTuple):
    """Where an axis is marked, and how."""

    values: list[int]
    labels: list[str]
    title: str  # the unit, and what it is counted from


class Scale(NamedTuple):
    """Values to places along an axis."""

    low: int
    high: int  # above low
    start: float  # the place of low
    end: float

    def at(self, value: float) -> float:
        """The place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def times(start: int, end: int, origin: int, most: int = MOST) -> Ticks:
    """The ticks of a stretch of time, ns since the origin; that is ns since the epoch."""
    span = max(end - start, 1)
    _, unit, size, whole = next(row for row in TIMES if span >= row[0])
    base = (origin + start) // whole * whole - origin if whole else 0
    step = _step(span, most, _time_steps(span))
    values = _within(start, end, step, base)
    decimals = _decimals(step, size)
    since = clock(origin + base).rstrip("0").rstrip(".")
    return Ticks(values, [_number(one - base, size, decimals) for one in values], f"{unit} after {since} UTC")


def octets(low: int, high: int, most: int = MOST) -> Ticks:
    """The ticks of a range of octets; those below zero are labelled without sign by who wants that."""
    span = max(high - low, 1)
    step = _step(span, most, _steps())
    top = max(abs(low), abs(high))
    short = (row for row in OCTETS if row[1] <= max(top, 1) < LONG * row[1] and _decimals(step, row[1]) < 4)
    base = 0
    unit, size = next(short, ("", 0))
    if not size:
        unit, size = _unit(span)
        base = low // _above(span) * _above(span)
    decimals = _decimals(step, size)
    values = _within(low, high, step, base)
    title = f"{unit} above {amount(base)}" if base else unit
    return Ticks(values, [_number(one - base, size, decimals) for one in values], title)


def turned(ticks: Ticks) -> Ticks:
    """The same ticks with the other sign on their labels."""
    labels = [
        label.removeprefix("-") if label.startswith("-") or not value else f"-{label}"
        for value, label in zip(ticks.values, ticks.labels, strict=True)
    ]
    return ticks._replace(labels=labels)


def amount(octets: int) -> str:
    """A number of octets in the unit that reads best, exact: "35.55 MB"."""
    unit, size = _unit(abs(octets))
    digits = len(str(size)) - 1
    text = _number(octets, size, digits)
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def about(octets: int) -> str:
    """A number of octets in three digits or so: "1.2 MB"."""
    unit, size = _unit(abs(octets))
    return (
        f"{octets / size:.3g} {unit}"
        if size > 1 and abs(octets) < 1000 * size
        else f"{octets // size:,} {unit}"
    )


def _unit(octets: int) -> tuple[str, int]:
    return next(row for row in OCTETS if octets >= row[1] or row[1] == 1)


def _above(span: int) -> int:
    """The power of ten that is at least ten times the span."""
    return int(10 ** len(str(10 * span - 1)))


def _number(value: int, size: int, decimals: int) -> str:
    whole, rest = divmod(abs(value), size)
    text = f"{whole:,}" + (f".{rest * 10**decimals // size:0{decimals}d}" if decimals else "")
    return f"-{text}" if value < 0 else text


def _decimals(step: int, size: int) -> int:
    """Digits after the point that tell neighbouring multiples of the step apart, exactly."""
    decimals = 0
    while step * 10**decimals % size and decimals < 9:
        decimals += 1
    return decimals


def _steps() -> Iterator[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _time_steps(span: int) -> Iterator[int]:
    """Round lengths of time: minutes and hours are not decimal."""
    if span < 10 * MINUTE:
        yield from _steps()
    yield from (MINUTE * one for one in (1, 2, 5, 10, 15, 30))
    yield from (HOUR * one for one in (1, 2, 3, 6, 12))
    yield from (24 * HOUR * one for one in _steps())


def _step(span: int, most: int, steps: Iterator[int]) -> int:
    room = min(max(most, FEWEST), MOST)
    return next(step for step in steps if span // step + 1 <= room)


def _within(low: int, high: int, step: int, base: int) -> list[int]:
    first = base + -(-(low - base) // step) * step
    return list(range(first, max(high, low + 1) + 1, step))


# Ranges


def padded(low: int, high: int, share: float) -> tuple[int, int]:
    """The range with some room on both sides, and at least one value wide."""
    room = max(round((high - low) * share), 1)
    return low - room, high + room


def joined(*ranges: tuple[int, int] | None) -> tuple[int, int] | None:
    """The range that covers all of them; None is no range."""
    some = [one for one in ranges if one is not None]
    return (min(low for low, _ in some), max(high for _, high in some)) if some else None


def stretched(core: tuple[int, int], other: tuple[int, int] | None, share: float) -> tuple[int, int]:
    """The core, and of the other range what lies no further out than that share of the core's length."""
    if other is None:
        return core
    room = max(round((core[1] - core[0]) * share), 1)
    low = other[0] if core[0] - room <= other[0] else core[0]
    high = other[1] if other[1] <= core[1] + room else core[1]
    return min(core[0], low), max(core[1], high)


# Labels


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """The middles of labels on a line: as near to the wanted ones as can be without overlap, in their order.

    Least squares by pooling neighbours that would violate the order.

    Args:
        wanted: the middles, ascending.
        sizes: what each takes up, with the gap to its neighbour.
        low: where the first may begin.
        high: where the last must end; all of them fit between, else they end beyond it.
    """
    ends = list(accumulate(sizes))
    inset = [end - size / 2 for end, size in zip(ends, sizes, strict=True)]
    room = max(high - low - (ends[-1] if ends else 0), 0)
    pools: list[tuple[float, int]] = []  # mean, how many
    for place, own in zip(wanted, inset, strict=True):
        mean, many = place - own - low, 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, many = (before * count + mean * many) / (count + many), count + many
        pools.append((mean, many))
    shifts = [min(max(mean, 0), room) for mean, many in pools for _ in range(many)]
    return [low + shift + own for shift, own in zip(shifts, inset, strict=True)]


class Box(NamedTuple):
    """A rectangle, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether they overlap."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def inside(self, other: Box) -> bool:
        """Whether it lies in the other one."""
        across = other.left <= self.left and self.right <= other.right
        return across and other.top <= self.top and self.bottom <= other.bottom


def beside(
    x: float,
    y: float,
    width: float,
    height: float,
    away: float,
    room: Box,
    taken: Sequence[Box],
    cost: Callable[[Box], float],
) -> Box | None:
    """A place for a label next to a mark, clear of what is taken; None if there is none.

    Of several places it is the one that costs least, of equal ones the first: right, left, round about.

    Args:
        x, y: the middle of the mark.
        width, height: of the label.
        away: from the mark's middle to the label's nearest edge.
        room: what the label must stay inside.
        taken: what it must keep clear of.
        cost: what is lost by a label there.
    """
    far, places = away + height / 2, []
    for dx, dy in ((1, 0), (-1, 0), (1, -far), (1, far), (-1, -far), (-1, far), (0, -far), (0, far)):
        left = x + away if dx > 0 else x - away - width if dx < 0 else x - width / 2
        box = Box(left, y + dy - height / 2, left + width, y + dy + height / 2)
        if box.inside(room) and not any(box.meets(one) for one in taken):
            places.append(box)
    return min(places, key=cost, default=None)


def flowed(widths: Sequence[float], room: float) -> list[tuple[int, float]]:
    """Things in rows, as words in a paragraph: the row and the left edge of each."""
    places, row, left = [], 0, 0.0
    for width in widths:
        if left and left + width > room:
            row, left = row + 1, 0.0
        places.append((row, left))
        left += width
    return places


def distinct(places: Sequence[float], sizes: Sequence[float], gap: float) -> list[int]:
    """Which labels to show, from the first on, so that none comes nearer than the gap to the one before."""
    shown: list[int] = []
    edge = float("-inf")
    for at, (place, size) in enumerate(zip(places, sizes, strict=True)):
        if place - size / 2 >= edge:
            shown.append(at)
            edge = place + size / 2 + gap
    return shown


def overlapping(places: Sequence[float], sizes: Sequence[float]) -> bool:
    """Whether any labels on a line do."""
    spans = sorted((place - size / 2, place + size / 2) for place, size in zip(places, sizes, strict=True))
    return any(before[1] > after[0] + 1e-6 for before, after in pairwise(spans))
