"""What a static picture is made of: lines, areas, shapes, pixels, text. SVG and PNG draw a list of these.

Places and sizes are CSS pixels from the top left. Colours are named: see `palette.ink`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from bypeer.report.axes import Box

Points = Sequence[tuple[float, float]]


class Text(NamedTuple):
    """One line of text."""

    text: str
    x: float
    y: float  # of the baseline
    size: float
    ink: str
    anchor: Literal["start", "middle", "end"] = "start"
    strong: bool = False
    halo: bool = False  # with a rim of the ground's colour, so that it reads on top of marks

    @property
    def box(self) -> Box:
        """The rectangle that it takes up, rather too wide than too narrow."""
        wide = measured(self.text, self.size, self.strong)
        left = self.x - {"start": 0.0, "middle": wide / 2, "end": wide}[self.anchor]
        return Box(left, self.y - self.size * 0.8, left + wide, self.y + self.size * 0.25)


class Line(NamedTuple):
    """A line through points."""

    points: Points
    ink: str
    width: float = 1.0
    dashed: bool = False


class Area(NamedTuple):
    """A polygon, filled."""

    points: Points
    ink: str
    share: float = 1.0  # 0: not to be seen, 1: opaque


class Glyph(NamedTuple):
    """The shape of a kind of mark."""

    kind: str
    x: float
    y: float
    size: float


class Pixels(NamedTuple):
    """Marks that are too many to be drawn one by one: see `raster.draw`."""

    box: Box
    canvas: bytearray
    width: int
    height: int


Part = Text | Line | Area | Glyph | Pixels


class Scene(NamedTuple):
    """All that is to draw, from the ground up."""

    width: int
    height: int
    title: str  # what it shows, in a line
    words: str  # what it shows, for those who do not see it
    parts: list[Part]


# Thousandths of a letter's size that ASCII from the space on takes in Helvetica, as all its kin do.
_WIDTHS = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556),
    *(556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778),
    *(722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278),
    *(278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
    *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
)
_OTHER = 1000  # a letter of any other script
# Fonts differ, and which one shows an SVG is not known: DejaVu's is among the widest.
_SPARE, _BOLD = 1.17, 1.12


def measured(text: str, size: float, strong: bool = False) -> float:
    """About how wide a text is, rather too wide than too narrow."""
    total = sum(_WIDTHS[ord(one) - 32] if " " <= one <= "~" else _OTHER for one in text)
    return total * size * _SPARE * (_BOLD if strong else 1) / 1000


def cut(text: str, size: float, room: float) -> str:
    """The text, shortened with dots so that it fits."""
    if measured(text, size) <= room:
        return text
    short = text
    while short and measured(short + "...", size) > room:
        short = short[: -1 - len(short) // 32]
    return short.rstrip() + "..." if short else ""
