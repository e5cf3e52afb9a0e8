"""The picture in a terminal: eight braille dots a character for common marks, a sign a kind for rare ones.

Without colour the signs still tell the kinds apart; where only ASCII can be shown, every kind has a sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from unicodedata import east_asian_width

from bypeer.core.picture import BULK, KINDS, Moment, Picture
from bypeer.report import axes, panel, raster
from bypeer.report.axes import Scale
from bypeer.report.chart import chosen, stretch, tidy, told
from bypeer.report.raster import View
from bypeer.report.words import clock

# Of each kind: its sign, its sign in ASCII, its colour (SGR parameters: these follow the terminal's theme).
SIGNS = {
    "ack": ("\u28c0", ".", "90"),
    "window": ("\u2809", "-", "36"),
    "sack": ("\u28c0", ",", "35"),
    "data": ("\u28ff", ":", "94"),
    "again": ("\u25b2", "^", "32"),
    "late": ("\u25c6", "o", "33"),
    "beyond": ("\u25bc", "v", "93"),
    "kept": ("\u00d7", "x", "31"),
    "trigger": ("\u25ce", "@", "1;31"),
    "rst-inside": ("\u25a3", "(", "1;35"),
    "rst-outside": ("\u25a0", ")", "1"),
    "rst-path": ("\u2605", "*", "1;95"),
    "rst-unknown": ("\u25a1", "?", "1;90"),
    "rst-host": ("\u2716", "#", "1;31"),
}
BOUND, LEADER, FRAME = ("\u2812", "_", "33"), ("\u2506", "|", "90"), ("\u2502", "|", "90")
LEAST_WIDTH, LEAST_HEIGHT = 20, 8
GUTTER = 8  # columns for the labels of an axis
# The dots of a braille character: the bit of each, by row and column (Unicode, 15.2: block 2800).
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))

Sign = tuple[str, str, str]
Cell = tuple[str, str]  # a character, its colour


class Plan(NamedTuple):
    """Which rows there is room for."""

    title: bool
    titles: bool  # of the panels
    units: bool  # of the axis of time
    legend: int  # rows
    key: int  # rows
    panels: tuple[int, ...]  # rows of each


def render(picture: Picture, width: int, height: int, colour: bool, ascii_only: bool) -> str:
    """The picture in so many columns and rows, a line feed after each row.

    Args:
        picture: what to show.
        width, height: of the terminal; less than 20 by 8 is taken as that.
        colour: whether ANSI colours may be used.
        ascii_only: whether nothing else than ASCII can be shown.
    """
    page = _Page(tidy(picture), max(width, LEAST_WIDTH), colour, ascii_only)
    return "".join(f"{line.rstrip()}\n" for line in page.lines(max(height, LEAST_HEIGHT)))


def planned(height: int, legend: int, moments: int) -> Plan:
    """How to divide the rows: the panels come first, then the legend, then what the letters mean."""
    titles = height >= 18
    fixed = 2 + (height >= 10) + (height >= 12) + 2 * titles
    legend = min(legend, 0 if height < 10 else 1 if height < 18 else 3 if height < 32 else 6)
    room = height - fixed - legend
    key = min(moments, max(room - 14, 0), 12)
    room -= key
    both = (room - room * 2 // 5, room * 2 // 5) if room >= 6 else (room,)
    return Plan(height >= 10, titles, height >= 12, legend, key, both)


class _Page:
    """How to set one picture."""

    def __init__(self, picture: Picture, width: int, colour: bool, ascii_only: bool) -> None:
        self.picture, self.width, self.colour, self.ascii = picture, width, colour, ascii_only
        self.start, self.end = stretch(picture, None)
        self.gutter = GUTTER if width >= 40 else 0
        self.columns = width - self.gutter - (self.gutter > 0)
        self.moments = [one for one in picture.moments if self.start <= one.ts <= self.end]
        self.across = Scale(self.start, self.end, 0, self.columns)

    def lines(self, height: int) -> Iterator[str]:
        legend = self.legend()
        plan = planned(height, len(legend), len(self.moments))
        if plan.title:
            yield self.text(f"{self.picture.title}  data {self.picture.direction}", "1")
        yield self.letters()
        for behind, rows in zip((False, True), plan.panels, strict=False):
            yield from self.panel(behind, rows, plan.titles)
        yield from self.times(plan.units)
        yield from legend[: plan.legend]
        yield from self.key(plan.key)

    # Characters

    def sign(self, sign: Sign) -> Cell:
        return sign[self.ascii], sign[2]

    def line(self, cells: Sequence[Cell]) -> str:
        """Cells as one line; neighbours of one colour share its sequence."""
        out, now = [], ""
        for character, colour in [*cells, ("", "")]:
            if self.colour and colour != now and (character != " " or now):
                out.append(("\x1b[0m" if now else "") + (f"\x1b[{colour}m" if colour else ""))
                now = colour
            out.append(character)
        return "".join(out)

    def text(self, text: str, colour: str = "", room: int = 0) -> str:
        return self.line([(one, colour) for one in self.fit(text, room or self.width)])

    def fit(self, text: str, room: int) -> str:
        """The text, cut to so many columns."""
        if self.ascii:
            text = text.encode("ascii", "backslashreplace").decode("ascii")
        if sum(map(_wide, text)) <= room:
            return text
        while text and sum(map(_wide, text)) > room - 2:
            text = text[:-1]
        return text.rstrip() + ".."[:room]

    # Rows

    def letters(self) -> str:
        """The letters of the moments, as near to their columns as they can be."""
        size = 2 if len(self.moments) * 2 <= self.columns // 2 else 1
        some = sorted(chosen(self.moments, self.columns // size), key=lambda one: one.ts)
        places = axes.spread(
            [self.across.at(one.ts) + 0.5 for one in some], [size] * len(some), 0, self.columns
        )
        cells = [(" ", "")] * (self.width)
        for one, place in zip(some, places, strict=True):
            at = self.width - self.columns + min(int(place - (size - 1) / 2), self.columns - 1)
            cells[at] = (self.fit(one.letter[:1], 1) or "?", _colour(one))
        return self.line(cells)

    def panel(self, behind: bool, rows: int, titled: bool) -> Iterator[str]:
        scale = Scale(*panel.fitted(self.picture, self.start, self.end, behind), rows, 0)
        ticks = axes.octets(scale.low, scale.high, max(rows // 2, 2))
        ticks = axes.turned(ticks) if behind else ticks
        if titled:
            title = "octets behind the frontier" if behind else "sequence number"
            unit = "" if ticks.title == "octets" else f", {ticks.title}"
            yield " " * (self.gutter and self.gutter + 1) + self.text(title + unit, "90", self.columns)
        labels = self.labels(scale, ticks.values, ticks.labels, rows) if self.gutter else {}
        for row, cells in enumerate(self.filled(scale, behind, rows)):
            edge = [self.sign(FRAME)] if self.gutter else []
            label = labels.get(row, "")
            yield self.line([(one, "") for one in label.rjust(self.gutter)[: self.gutter]] + edge + cells)

    def labels(self, scale: Scale, values: Sequence[int], labels: Sequence[str], rows: int) -> dict[int, str]:
        """The labels of a vertical axis by row, none next to another; 0 comes first."""
        found: dict[int, str] = {}
        for value, label in sorted(zip(values, labels, strict=True), key=lambda one: (one[0] != 0, -one[0])):
            row = min(int(scale.at(value)), rows - 1)
            if not found.keys() & {row - 1, row, row + 1} and len(label) < self.gutter + 1:
                found[row] = label
        return found

    def filled(self, scale: Scale, behind: bool, rows: int) -> list[list[Cell]]:
        """The cells of a panel: lines under marks, common marks under rare ones."""
        cells = [[(" ", "")] * self.columns for _ in range(rows)]
        for one in self.moments:
            for line in cells:
                line[min(int(self.across.at(one.ts)), self.columns - 1)] = self.sign(LEADER)
        finer = (1, 1) if self.ascii else (2, 4)
        bound = self.bounds(scale, behind, rows * finer[1], self.columns * finer[0])
        kinds = panel.kinds(behind)
        sizes = [int(row < BULK and row in kinds) for row in range(len(KINDS))]
        bulk = self.drawn(scale, behind, rows, finer, sizes)
        rare = self.drawn(
            scale, behind, rows, (1, 1), [int(row >= BULK and row in kinds) for row in range(len(KINDS))]
        )
        for row in range(rows):
            for column in range(self.columns):
                kind = rare[row * self.columns + column]
                if kind:
                    cells[row][column] = self.sign(SIGNS[KINDS[kind - 1][0]])
                else:
                    cells[row][column] = self.cell(bulk, bound, row, column) or cells[row][column]
        return cells

    def drawn(
        self, scale: Scale, behind: bool, rows: int, finer: tuple[int, int], sizes: list[int]
    ) -> bytearray:
        wide, high = self.columns * finer[0], rows * finer[1]
        view = View(self.start, self.end, scale.low, scale.high, wide, high, behind)
        return raster.draw(self.picture.marks, view, sizes)

    def bounds(self, scale: Scale, behind: bool, height: int, width: int) -> set[int]:
        """The dots of conntrack's bounds."""
        found = set()
        for side in panel.SIDES:
            values = panel.samples(self.picture, self.start, self.end, width, side, behind)
            for column, (_, value) in enumerate(values):
                if value is not None and scale.low < value < scale.high:
                    line = int((scale.high - value) / (scale.high - scale.low) * height)
                    found.add(line * width + column)
        return found

    def cell(self, bulk: bytearray, bound: set[int], row: int, column: int) -> Cell | None:
        """A cell of common marks and bounds; None where there is neither."""
        if self.ascii:
            at = row * self.columns + column
            kind = bulk[at]
            return self.sign(SIGNS[KINDS[kind - 1][0]]) if kind else self.sign(BOUND) if at in bound else None
        bits = kind = 0
        limit = False
        for down, pair in enumerate(DOTS):
            at = ((row * 4 + down) * self.columns + column) * 2
            for right, bit in enumerate(pair):
                if bulk[at + right]:
                    bits, kind = bits | bit, max(kind, bulk[at + right])
                elif at + right in bound:
                    bits, limit = bits | bit, True
        if not bits:
            return None
        return chr(0x2800 + bits), SIGNS[KINDS[kind - 1][0]][2] if kind or not limit else BOUND[2]

    def times(self, units: bool) -> Iterator[str]:
        """The axis of time."""
        ticks = axes.times(self.start, self.end, self.picture.origin, self.columns // 12)
        places = [self.across.at(value) for value in ticks.values]
        wide = [len(label) for label in ticks.labels]
        cells = [" "] * self.width
        left = self.width - self.columns
        for at in axes.distinct(places, wide, 2):
            first = left + min(max(int(places[at] - wide[at] / 2 + 0.5), 0), self.columns - wide[at])
            cells[first : first + wide[at]] = ticks.labels[at]
        yield "".join(cells)[: self.width]
        if units:
            yield " " * left + self.text(ticks.title, "90", self.columns)

    def legend(self) -> list[str]:
        """The kinds that are there, the rarest first, in rows."""
        many = raster.counts(self.picture.marks, raster.rows(self.picture.marks, self.start, self.end))
        entries = [
            (SIGNS[name], f"{text} {many[row]:,}") for row, (name, text) in enumerate(KINDS) if many[row]
        ]
        entries.reverse()
        if self.picture.bounds:
            entries.append((BOUND, "conntrack's bounds"))
        entries = [(sign, self.fit(text, self.width - 2)) for sign, text in entries]
        rows: dict[int, list[Cell]] = {}
        widths = [len(text) + 4 for _, text in entries]
        for (sign, text), (row, _) in zip(entries, axes.flowed(widths, self.width + 2), strict=True):
            rows.setdefault(row, []).extend([self.sign(sign), *((one, "") for one in f" {text}  ")])
        return [self.line(cells[:-2]) for cells in rows.values()]

    def key(self, rows: int) -> Iterator[str]:
        """What the letters stand for."""
        for one in chosen(self.moments, rows):
            when = f"{one.letter}  {clock(self.picture.origin + one.ts)}  "
            yield self.text(f"{when}{told(one)}")


def _colour(one: Moment) -> str:
    return SIGNS[one.kind][2] if panel.NAMES[one.kind] >= panel.NAMES["kept"] else ""


def _wide(character: str) -> int:
    return 2 if east_asian_width(character) in "WF" else 1
