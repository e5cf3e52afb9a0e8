"""One of a picture's two coordinate systems: the range that it shows, its marks, and conntrack's bounds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from bypeer.core.picture import BULK, KINDS, Bound, Marks, Moment, Picture
from bypeer.report import axes, raster
from bypeer.report.axes import Box, Scale, Ticks
from bypeer.report.palette import LOOKS
from bypeer.report.raster import View
from bypeer.report.scene import Area, Glyph, Line, Part, Pixels, Text

Side = Callable[[Bound], int | None]  # one of the two bounds

NAMES = {name: row for row, (name, _) in enumerate(KINDS)}
DATA = frozenset(range(NAMES["data"], NAMES["trigger"] + 1))  # what has a place behind the frontier
FINE = 2  # pixels of the raster to a CSS pixel
SINGLE = 400  # marks of a rare kind that are drawn one by one; of more each is a few pixels
# How many times its length, the distance of the bounds or a usual lag the range of forwarded data may grow
# for the sake of other marks.
FAR, LAG = 4, 1_000_000
# How many times its length the range may grow for the sake of conntrack's bounds: by panel, lower and upper.
# Behind the frontier it is the lower one that late marks are to be seen against.
NEAR = {False: (0.6, 0.6), True: (20, 1)}
ALONG = 4  # CSS pixels from the frontier within which a bound runs along it
# (marks in view, pixels of the raster across that each of the bulk has)
DOTS = ((400, 8), (2_000, 6), (12_000, 5), (60_000, 4), (400_000, 3), (0, 2))


class Panel(NamedTuple):
    """A coordinate system."""

    box: Box
    across: Scale
    down: Scale
    ticks: Ticks
    behind: bool

    def place(self, low: int, size: int, behind: int) -> float:
        """Where a mark lies: its middle, or its end behind the frontier; kept inside the box."""
        value = -behind if self.behind else low + size / 2
        return min(max(self.down.at(value), self.box.top + 5), self.box.bottom - 5)


def fitted(picture: Picture, start: int, end: int, behind: bool) -> tuple[int, int]:
    """The range of octets to show of a stretch of time; of those behind the frontier the negative.

    Forwarded data decides, and whatever the story tells of. What lies far away from that is left to the edge,
    lest one stray number make all else invisible; so are bounds that lie far off.
    """
    within = raster.rows(picture.marks, start, end)
    every = raster.reaches(picture.marks, within, behind)
    told = axes.joined(*_told(picture, start, end, behind), (0, 0) if behind else None)
    decisive = axes.joined(every[NAMES["data"]], None if behind else every[NAMES["ack"]], told)
    core = decisive or axes.joined(*(every[kind] for kind in kinds(behind))) or (0, 0)
    bounds = [_reached(picture, start, end, side, behind) for side in SIDES]
    far = FAR * max(
        LAG, core[1] - core[0], *(max(core[0] - low, high - core[1]) for low, high in filter(None, bounds))
    )
    near = raster.reaches(picture.marks, within, behind, (core[0] - far, core[1] + far))
    core = axes.joined(core, *(near[kind] for kind in kinds(behind) if kind != NAMES["window"])) or core
    low, high = core
    for bound, share in zip(bounds, NEAR[behind], strict=True):
        nothing = core[0] == core[1]  # behind the frontier: then the bounds alone give a scale
        wider = axes.joined(core, bound) if nothing else axes.stretched(core, bound, share)
        low, high = axes.joined((low, high), wider) or core
    return axes.padded(low, high, 0.08)


def _reached(picture: Picture, start: int, end: int, side: Side, behind: bool) -> tuple[int, int] | None:
    """The least and the greatest of a bound; None if it is not known."""
    values = [value for _, value in samples(picture, start, end, 64, side, behind) if value is not None]
    return (min(values), max(values)) if values else None


def _told(picture: Picture, start: int, end: int, behind: bool) -> Iterator[tuple[int, int]]:
    for one in picture.moments:
        if one.low is None or not start <= one.ts <= end:
            continue
        if not behind:
            yield one.low, one.low + one.size
        elif NAMES[one.kind] in DATA:
            yield -lag(picture.marks, one), -lag(picture.marks, one)


def lag(marks: Marks, one: Moment) -> int:
    """Octets from a moment's end up to the frontier."""
    return frontier(marks, one.ts) - (one.low or 0) - one.size


def frontier(marks: Marks, ts: int) -> int:
    """The highest end of data at a time; 0 before the first mark."""
    at = bisect_right(marks.ts, ts) - 1
    return marks.low[at] + marks.size[at] + marks.behind[at] if at >= 0 else 0


def kinds(behind: bool) -> list[int]:
    """The kinds that a panel shows."""
    return sorted(DATA) if behind else list(range(len(KINDS)))


# Marks


def drawn(picture: Picture, panel: Panel, start: int, end: int) -> Iterator[Part]:
    """The marks of a panel: the many as pixels, the rare ones one by one on top."""
    marks, within = picture.marks, raster.rows(picture.marks, start, end)
    many = raster.counts(marks, within)
    bulk = next(size for limit, size in DOTS if sum(many) <= limit or not limit)
    sizes, single = [0] * len(KINDS), []
    for kind in kinds(panel.behind):
        if kind < BULK:
            sizes[kind] = bulk + (2 if KINDS[kind][0] == "window" else 0)
        elif many[kind] <= SINGLE:
            single.append(kind)
        else:
            sizes[kind] = max(bulk, round(LOOKS[KINDS[kind][0]].size * 0.7))
    box = panel.box
    width, height = round((box.right - box.left) * FINE), round((box.bottom - box.top) * FINE)
    view = View(start, end, panel.down.low, panel.down.high, width, height, panel.behind)
    yield Pixels(box, raster.draw(marks, view, sizes), width, height)
    for kind in single:
        look = LOOKS[KINDS[kind][0]]
        for row in raster.found(marks, within, kind):
            y = panel.place(marks.low[row], marks.size[row], marks.behind[row])
            yield Glyph(
                KINDS[kind][0],
                panel.across.at(marks.ts[row]),
                y,
                look.size * (1 if many[kind] <= 60 else 0.7),
            )


def hidden(parts: Sequence[Part], box: Box) -> int:
    """About how much of the marks a label there would hide."""
    lost = 0
    for part in parts:
        if isinstance(part, Glyph):
            half = part.size / 2
            lost += 50 * box.meets(Box(part.x - half, part.y - half, part.x + half, part.y + half))
        elif isinstance(part, Pixels):
            left, right = (round((x - part.box.left) * FINE) for x in (box.left, box.right))
            for line in range(
                round((box.top - part.box.top) * FINE), round((box.bottom - part.box.top) * FINE)
            ):
                pixels = part.canvas[line * part.width + left : line * part.width + right]
                lost += len(pixels) - pixels.count(0)
    return lost


# Conntrack's bounds


def _lower(bound: Bound) -> int | None:
    return bound.lower


def _upper(bound: Bound) -> int | None:
    return bound.upper


SIDES: tuple[Side, ...] = (_lower, _upper)


def samples(
    picture: Picture, start: int, end: int, columns: int, side: Side, behind: bool
) -> Iterator[tuple[int, int | None]]:
    """A bound in the middle of each of so many columns of time, as far as it is known."""
    for column in range(columns if picture.bounds else 0):
        ts = start + (end - start) * (2 * column + 1) // (2 * columns)
        at = bisect_right(picture.bounds, ts, key=lambda one: one.ts) - 1
        value = side(picture.bounds[at]) if at >= 0 else None
        if value is not None and behind:
            value -= frontier(picture.marks, ts)
        yield ts, value


def limits(
    picture: Picture, panel: Panel, start: int, end: int, taken: list[Box]
) -> tuple[list[Part], list[Part]]:
    """What goes under the marks, and on top of them: the lines and areas of the bounds, and words to them."""
    under: list[Part] = []
    over: list[Part] = []
    for side, text in ((_lower, "below conntrack's lower bound"), (_upper, "above conntrack's upper bound")):
        columns = round(panel.box.right - panel.box.left)
        every = list(samples(picture, start, end, columns, side, panel.behind))
        known = [(ts, value) for ts, value in every if value is not None]
        if not panel.behind and _idle(picture, panel, known, side is _lower):
            continue
        inside = [one for one in known if panel.down.low <= one[1] <= panel.down.high]
        for run in _runs(every):
            places = [(panel.across.at(ts), _clamped(panel, value)) for ts, value in run]
            if inside:
                edge = panel.box.bottom if side is _lower else panel.box.top
                under.append(Area([(places[0][0], edge), *places, (places[-1][0], edge)], "refused", 0.09))
            under += [
                Line(_lean(part), "bound", 1.5, dashed=side is _upper) for part in _visible(places, panel.box)
            ]
        if inside:
            over += _worded(
                panel,
                [(panel.across.at(ts), panel.down.at(value)) for ts, value in inside],
                text,
                side is _lower,
                taken,
            )
        elif known:
            over += _elsewhere(panel, known, text, taken)
    return under, over


def _idle(picture: Picture, panel: Panel, known: list[tuple[int, int]], below: bool) -> bool:
    """Whether a bound says nothing at this range: it runs along the frontier, and no event lies beyond it."""
    heights = [(ts, panel.down.at(value)) for ts, value in known]
    if any(abs(y - panel.down.at(frontier(picture.marks, ts))) > ALONG for ts, y in heights):
        return False
    for one in picture.moments:
        at = bisect_right(heights, one.ts, key=lambda pair: pair[0]) - 1
        if one.low is not None and at >= 0:
            far = panel.down.at(one.low) - heights[at][1]
            if (far if below else -far) > 2 * ALONG:
                return False
    return True


def _clamped(panel: Panel, value: int) -> float:
    return min(max(panel.down.at(value), panel.box.top), panel.box.bottom)


def _runs(every: list[tuple[int, int | None]]) -> Iterator[list[tuple[int, int]]]:
    """The stretches in which a bound is known."""
    run: list[tuple[int, int]] = []
    for ts, value in every:
        if value is not None:
            run.append((ts, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _visible(places: list[tuple[float, float]], box: Box) -> Iterator[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for x, y in places:
        if box.top < y < box.bottom:
            run.append((x, y))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _lean(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same line without points that lie between two at the same height."""
    middle = [
        one
        for before, one, after in zip(places, places[1:], places[2:], strict=False)
        if not before[1] == one[1] == after[1]
    ]
    return places if len(places) < 3 else [places[0], *middle, places[-1]]


def _worded(
    panel: Panel, places: list[tuple[float, float]], text: str, below: bool, taken: list[Box]
) -> Iterator[Text]:
    """The words to a bound, on its far side, where there is room."""
    for share in (0.02, 0.25, 0.5, 0.7, 0.1, 0.4):
        word = Text(text, places[int(share * (len(places) - 1))][0] + 4, 0, 11, "bound", halo=True)
        wide = word.box.right - word.box.left
        heights = [y for x, y in places if word.x <= x <= word.x + wide]
        if not heights:
            continue
        word = word._replace(y=max(heights) + 13 if below else min(heights) - 5)
        if word.box.inside(panel.box) and not any(word.box.meets(one) for one in taken):
            taken.append(word.box)
            yield word
            return


def _elsewhere(panel: Panel, known: list[tuple[int, int]], text: str, taken: list[Box]) -> Iterator[Text]:
    """The words to a bound that lies outside of what is shown."""
    value = known[-1][1]
    up = value > panel.down.high
    far = value - panel.down.high if up else panel.down.low - value
    words = f"{text}: {axes.about(far)} further {'up' if up else 'down'}"
    y = panel.box.top + 14 if up else panel.box.bottom - 7
    right = Text(words, panel.box.right - 6, y, 11, "bound", "end", halo=True)
    left = right._replace(x=panel.box.left + 6, anchor="start")
    free = (word for word in (right, left) if not any(word.box.meets(one) for one in taken))
    for word in islice(free, 1):
        taken.append(word.box)
        yield word
