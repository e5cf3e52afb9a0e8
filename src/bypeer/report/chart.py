"""A picture laid out: title, letters, two panels, legend, and what the letters stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from bypeer.core.picture import KINDS, Moment, Picture
from bypeer.report import axes, panel, raster
from bypeer.report.axes import Box, Scale, Ticks
from bypeer.report.inks import LETTERS
from bypeer.report.palette import LOOKS
from bypeer.report.panel import NAMES, Panel
from bypeer.report.plain import cleaned, plain
from bypeer.report.scene import Area, Glyph, Line, Part, Scene, Text, cut, measured
from bypeer.report.words import clock, date, span

LEAST_WIDTH, LEAST_HEIGHT = 480, 360
MARGIN, LEFT, RIGHT = 16, 88, 22
SMALL, ROW = 12, 19  # letters of most text; the height of its rows
FLAG = 20  # what a letter takes up along the top
TOP = 108  # where the panels begin: above are title and letters
BETWEEN = 30  # from panel to panel
AXIS = 44  # below the panels: labels of the axis of time
LEAST_PANELS = 120  # height of both together that nothing may take away
KEYS = 10  # moments that are told of below the panels
# The mark of a moment is larger than others of its kind.
LARGER = 1.35
HAIR = 3  # pixels from line to line


def lay(picture: Picture, width: int, height: int, window: tuple[int, int] | None = None) -> Scene:
    """The scene of a picture.

    Args:
        picture: what to show.
        width, height: in CSS pixels; what is too small to be read is taken as 480 by 360.
        window: from when to when, ns since the origin; None: the moments that matter.
    """
    width, height = max(width, LEAST_WIDTH), max(height, LEAST_HEIGHT)
    picture = tidy(picture)
    start, end = stretch(picture, window)
    moments = [one for one in picture.moments if start <= one.ts <= end]
    shown = panel.fitted(picture, start, end, behind=False)
    fit = (height - TOP - BETWEEN - AXIS - LEAST_PANELS) // ROW
    legend = list(_legend(picture, start, end, shown, width - 2 * MARGIN, fit))
    key = list(_key(moments, picture.origin, width - 2 * MARGIN)) if height >= 520 else []
    below = AXIS + _rows(legend) * ROW + (8 + _rows(key) * ROW if key else 0)
    panels = _panels(picture, start, end, width, height - below)
    ticks = axes.times(start, end, picture.origin, (width - LEFT) // 90)
    parts: list[Part] = [Area(((0, 0), (width, 0), (width, height), (0, height)), "paper")]
    parts += _heading(picture, start, end, width)
    parts += _grounds(panels, ticks, [panels[0].across.at(one.ts) for one in moments])
    for one in panels:
        parts += _filled(picture, one, moments, start, end)
    parts += _flags(moments, panels)
    parts += _foot(ticks, panels)
    parts += _moved(legend, MARGIN, panels[1].box.bottom + 50)
    parts += _moved(key, MARGIN, panels[1].box.bottom + 58 + _rows(legend) * ROW)
    return Scene(width, height, f"{picture.title}, {picture.direction}", words(picture), parts)


def tidy(picture: Picture) -> Picture:
    """The picture with what is shown of its text made plain."""
    return picture._replace(
        title=plain(picture.title),
        direction=plain(picture.direction),
        bounds_note=plain(picture.bounds_note),
        moments=cleaned(list(picture.moments)),
    )


def stretch(picture: Picture, window: tuple[int, int] | None) -> tuple[int, int]:
    """The stretch of time to show, with a little room so that nothing lies on the edge."""
    start, end = window or picture.focus
    return axes.padded(min(start, end), max(start, end, start + 20), 0.015)


def whole(picture: Picture) -> tuple[int, int]:
    """From the first mark or moment to the last."""
    times = [one.ts for one in picture.moments] + [*picture.marks.ts[:1], *picture.marks.ts[-1:]]
    return (min(times), max(times)) if times else picture.focus


def words(picture: Picture) -> str:
    """The picture for those who do not see it: its moments, a line each."""
    lines = [
        f"{picture.title}, {picture.direction}: time against sequence number, and octets behind the frontier."
    ]
    lines += [f"{one.letter} {clock(picture.origin + one.ts)} UTC: {one.text}" for one in picture.moments]
    return "\n".join(lines)


# The parts


def _heading(picture: Picture, start: int, end: int, width: int) -> Iterator[Part]:
    room = width - 2 * MARGIN
    yield Text(cut(picture.title, 18, room), MARGIN, 30, 18, "ink", strong=True)
    first, last = whole(picture)
    begin = picture.origin + start
    all_of_it = "" if last - first <= end - start else f" of {span(round_span(last - first))}"
    shown = f"{span(round_span(end - start))}{all_of_it}"
    parts = [f"data {picture.direction}", shown, f"from {clock(begin)} UTC on {date(begin)}"]
    if picture.thinned:
        parts.append(f"{picture.thinned:,} marks of common kinds left out")
    if picture.skipped:
        parts.append(f"{picture.skipped:,} segments before it not drawn")
    yield Text(cut("  |  ".join(parts), SMALL, room), MARGIN, 50, SMALL, "soft")


def round_span(ns: int) -> int:
    """A span in three digits: more would only be the room at the edges."""
    return round(ns, min(3 - len(str(ns)), 0))


def _panels(picture: Picture, start: int, end: int, width: int, bottom: int) -> list[Panel]:
    room = bottom - TOP - BETWEEN
    tops = (TOP, TOP + room * 0.6 + BETWEEN)
    bottoms = (TOP + room * 0.6, TOP + room + BETWEEN)
    panels = []
    for behind, top, low in zip((False, True), tops, bottoms, strict=True):
        box = Box(LEFT, round(top), width - RIGHT, round(low))
        down = Scale(*panel.fitted(picture, start, end, behind), box.bottom, box.top)
        ticks = axes.octets(down.low, down.high, round((box.bottom - box.top) / 34))
        ticks = axes.turned(ticks) if behind else ticks
        across = Scale(start, end, box.left, box.right)
        panels.append(Panel(box, across, down, ticks, behind))
    return panels


def _grounds(panels: Sequence[Panel], times: Ticks, leads: Sequence[float]) -> Iterator[Part]:
    for one in panels:
        box = one.box
        yield Area(_corners(box), "panel")
        for value in times.values:
            x = one.across.at(value)
            yield Line(((x, box.top), (x, box.bottom)), "grid")
        places = [one.down.at(value) for value in one.ticks.values]
        clear = axes.distinct([-y for y in places], [SMALL] * len(places), 3)
        for value, label, y in ((one.ticks.values[at], one.ticks.labels[at], places[at]) for at in clear):
            yield Line(((box.left, y), (box.right, y)), "frame" if one.behind and not value else "grid")
            yield Text(label, box.left - 7, y + 4, SMALL, "ink", "end")
        yield _title(one, [] if one.behind else leads)


def _title(one: Panel, leads: Sequence[float]) -> Text:
    """What a panel shows, above it, where the fewest lines of letters run."""
    box, unit = one.box, "" if one.ticks.title == "octets" else f", {one.ticks.title}"
    text = f"{'octets behind the frontier' if one.behind else 'sequence number'}{unit}"
    left = Text(text, box.left, box.top - 7, SMALL, "soft")
    right = left._replace(x=box.right, anchor="end")
    middle = left._replace(x=(box.left + box.right) / 2, anchor="middle")
    return min((left, right, middle), key=lambda word: sum(word.box.left < x < word.box.right for x in leads))


def _corners(box: Box) -> list[tuple[float, float]]:
    return [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]


def _filled(picture: Picture, one: Panel, moments: Sequence[Moment], start: int, end: int) -> Iterator[Part]:
    shown = [(moment, glyph) for moment in moments if (glyph := _glyph(picture, one, moment))]
    taken = [_around(glyph) for _, glyph in shown]
    marks = list(panel.drawn(picture, one, start, end))
    names = list(_names(one, shown, taken, marks))
    under, over = panel.limits(picture, one, start, end, taken)
    yield from under
    yield from _hairs(one, moments)
    yield from marks
    yield Line([*_corners(one.box), _corners(one.box)[0]], "frame")
    yield from (glyph for _, glyph in shown)
    yield from over
    yield from names


def _hairs(one: Panel, moments: Sequence[Moment]) -> Iterator[Line]:
    """Lines at the times of moments; of those that would run into each other the rarest."""
    drawn: list[float] = []
    for moment in rarest(moments):
        x = one.across.at(moment.ts)
        if all(abs(x - other) >= HAIR for other in drawn):
            drawn.append(x)
            yield Line(((x, one.box.top), (x, one.box.bottom)), _ink(moment), 1.0, dashed=True)


def _glyph(picture: Picture, one: Panel, moment: Moment) -> Glyph | None:
    """The mark of a moment in a panel, if it has a place there."""
    if moment.low is None or (one.behind and NAMES[moment.kind] not in panel.DATA):
        return None
    y = one.place(moment.low, moment.size, panel.lag(picture.marks, moment))
    return Glyph(moment.kind, one.across.at(moment.ts), y, max(LOOKS[moment.kind].size, 6) * LARGER)


def _around(glyph: Glyph) -> Box:
    half = glyph.size / 2
    return Box(glyph.x - half, glyph.y - half, glyph.x + half, glyph.y + half)


def _names(
    one: Panel, shown: Sequence[tuple[Moment, Glyph]], taken: list[Box], marks: Sequence[Part]
) -> Iterator[Text]:
    """The letters next to their marks, with words at the first of each rare kind. The rarest choose first."""
    told: set[str] = set()
    hidden = partial(panel.hidden, marks)
    for moment, glyph in sorted(shown, key=lambda pair: -NAMES[pair[0].kind]):
        rare = NAMES[moment.kind] >= NAMES["kept"] and moment.kind not in told
        told.add(moment.kind)
        texts = [f"{moment.letter}  {KINDS[NAMES[moment.kind]][1]}"] * rare + [moment.letter]
        for text in texts:
            word = Text(text, 0, 0, 13, _ink(moment), strong=True, halo=True)
            wide = word.box.right - word.box.left
            box = axes.beside(glyph.x, glyph.y, wide, 14, glyph.size / 2 + 4, one.box, taken, hidden)
            if box is not None:
                taken.append(box)
                before = box.right < glyph.x
                x = box.right if before else box.left
                yield word._replace(x=x, y=box.bottom - 3, anchor="end" if before else "start")
                break


def _ink(moment: Moment) -> str:
    """Rare kinds lend their letters their colour."""
    return moment.kind + LETTERS if NAMES[moment.kind] >= NAMES["kept"] else "soft"


def _flags(moments: Sequence[Moment], panels: Sequence[Panel]) -> Iterator[Part]:
    """The letters along the top, spread so that none hides another, and lines to their times."""
    box = panels[0].box
    fit = int((box.right - box.left) // FLAG)
    some = sorted(chosen(moments, fit), key=lambda one: one.ts)
    wanted = [panels[0].across.at(one.ts) for one in some]
    places = axes.spread(wanted, [FLAG] * len(some), box.left, box.right)
    for one, x, at in zip(some, places, wanted, strict=True):
        yield Line(((x, 77), (x, 82), (at, TOP - 20), (at, TOP)), _ink(one), 1.0)
        yield Area(_corners(Box(x - 8, 60, x + 8, 78)), _ink(one))
        yield Text(one.letter[:2], x, 74, 13, "paper", "middle", strong=True)


def rarest(moments: Sequence[Moment]) -> list[Moment]:
    """The moments with those of rare kinds first, of one kind in the order of the story."""
    return sorted(moments, key=lambda one: -NAMES[one.kind])


def chosen(moments: Sequence[Moment], most: int) -> list[Moment]:
    """So many of the moments as there is room for, the rarest, in the order of the story."""
    best = sorted(range(len(moments)), key=lambda at: (-NAMES[moments[at].kind], at))[:most]
    return [moments[at] for at in sorted(best)]


def _foot(times: Ticks, panels: Sequence[Panel]) -> Iterator[Part]:
    box = panels[1].box
    places = [panels[1].across.at(value) for value in times.values]
    wide = [measured(label, SMALL) for label in times.labels]
    for at in axes.distinct(places, wide, 8):
        yield Text(times.labels[at], places[at], box.bottom + 15, SMALL, "ink", "middle")
    yield Text(times.title, (box.left + box.right) / 2, box.bottom + 32, SMALL, "soft", "middle")


# Below


def entries(picture: Picture, start: int, end: int, shown: tuple[int, int]) -> list[tuple[str, str]]:
    """The kinds that are there, the rarest first, with what a legend says of each."""
    within = raster.rows(picture.marks, start, end)
    many = raster.counts(picture.marks, within)
    reaches = raster.reaches(picture.marks, within, behind=False)
    found = []
    for row, (name, text) in reversed(list(enumerate(KINDS))):
        reach = reaches[row]
        if reach is not None:
            far = " (further up)" if reach[0] > shown[1] else " (further down)" if reach[1] < shown[0] else ""
            found.append((name, f"{text}{far} {many[row]:,}"))
    return found


def _legend(
    picture: Picture, start: int, end: int, shown: tuple[int, int], room: float, most: int
) -> Iterator[Part]:
    """The kinds and their signs, in so many rows at most; places from the top left of the legend."""
    every = entries(picture, start, end, shown)
    if picture.bounds_note:
        every.append(("bound", picture.bounds_note))
    widths = [measured(cut(text, SMALL, room - 40), SMALL) + 30 for _, text in every]
    for (kind, text), (row, x) in zip(every, axes.flowed(widths, room), strict=True):
        if row >= most:
            return
        y = row * ROW
        if kind == "bound" and picture.bounds:
            yield Line(((x, y), (x + 14, y)), "bound", 1.5)
        elif kind != "bound":
            yield Glyph(kind, x + 7, y, min(max(LOOKS[kind].size, 6), 12))
        yield Text(cut(text, SMALL, room - 40), x + 19, y + 4, SMALL, "ink")


def _key(moments: Sequence[Moment], origin: int, room: float) -> Iterator[Part]:
    """What the letters stand for, in two columns if that leaves all their text; places from the top left."""
    some = chosen(moments, KEYS)
    texts = [f"{clock(origin + one.ts)}  {told(one)}" for one in some]
    half = len(some) > 3 and all(measured(text, SMALL) <= room / 2 - 42 for text in texts)
    long = -(-len(some) // 2) if half else len(some)
    wide = room / 2 if half else room
    for at, (one, text) in enumerate(zip(some, texts, strict=True)):
        x, y = at // long * wide, at % long * ROW + 4
        yield Text(one.letter, x, y, SMALL, _ink(one), strong=True)
        yield Text(cut(text, SMALL, wide - 42), x + 22, y, SMALL, "ink")
    if len(some) < len(moments):
        yield Text(f"and {len(moments) - len(some)} more", 22, long * ROW + 4, SMALL, "soft")


def told(moment: Moment) -> str:
    """What became of a segment, and then, for what room there is, the segment."""
    segment, bar, fate = moment.text.partition(" | ")
    return f"{fate}  |  {segment}" if bar else segment


def _rows(parts: Sequence[Part]) -> int:
    return len({round(part.y) for part in parts if isinstance(part, Text)})


def _moved(parts: Sequence[Part], right: float, down: float) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, Line):
            yield part._replace(points=[(x + right, y + down) for x, y in part.points])
        elif isinstance(part, Text | Glyph):
            yield part._replace(x=part.x + right, y=part.y + down)
