"""The picture as PNG: the same scene as the SVG, with Pillow's letters, for what shows no SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from itertools import pairwise
from math import hypot
from typing import TYPE_CHECKING

from bypeer.core.picture import KINDS, Picture
from bypeer.report.chart import lay
from bypeer.report.inks import ink
from bypeer.report.palette import LOOKS, colour
from bypeer.report.plain import plain
from bypeer.report.scene import Area, Glyph, Line, Part, Pixels, Points, Scene, Text
from bypeer.report.shapes import scaled

if TYPE_CHECKING:
    from PIL import Image, ImageFont

FINER = 4  # shapes and slanted lines are drawn so many times larger, and then made smaller, for smooth edges


def render(
    picture: Picture,
    width: int = 1200,
    height: int = 800,
    dark: bool = False,
    window: tuple[int, int] | None = None,
    scale: int = 2,
) -> bytes:
    """The picture as a PNG file.

    Args:
        picture: what to show.
        width, height: CSS pixels.
        dark: for a dark ground.
        window: from when to when, ns since the origin; None: the moments that matter.
        scale: pixels of the file to a CSS pixel.

    Raises:
        ImportError: Pillow is not installed, or was built without letters (FreeType).
    """
    return painted(lay(_latin(picture), width, height, window), dark, scale)


def painted(scene: Scene, dark: bool, scale: int) -> bytes:
    """A scene as a PNG file."""
    from PIL import Image, PngImagePlugin

    said = PngImagePlugin.PngInfo()
    said.add_text("Title", scene.title)
    said.add_text("Description", scene.words)
    image = Image.new("RGB", (scene.width * scale, scene.height * scale), ink("paper", dark))
    canvas = _Canvas(image, dark, scale)
    for part in scene.parts:
        canvas.draw(part)
    out = BytesIO()
    image.save(out, "PNG", dpi=(96 * scale, 96 * scale), pnginfo=said)
    return out.getvalue()


class _Canvas:
    """An image that is being painted."""

    def __init__(self, image: Image.Image, dark: bool, scale: int) -> None:
        from PIL import ImageDraw

        self.image, self.dark, self.scale = image, dark, scale
        self.pen = ImageDraw.Draw(image)

    def draw(self, part: Part) -> None:
        match part:
            case Text():
                self.text(part)
            case Line():
                self.line(part)
            case Area():
                self.polygons([part.points], part.ink, part.share)
            case Glyph():
                shape = LOOKS[part.kind].shape
                self.polygons(scaled(shape, part.x, part.y, part.size + 1.6), "paper")
                self.polygons(scaled(shape, part.x, part.y, part.size), part.kind)
            case Pixels():
                self.pixels(part)

    def text(self, part: Text) -> None:
        where = (part.x * self.scale, part.y * self.scale)
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[part.anchor]
        font = _font(round(part.size * self.scale))
        rim = round(1.5 * self.scale) if part.halo else 0
        if rim:
            ground = ink("panel", self.dark)
            self.pen.text(where, part.text, ground, font, anchor, stroke_width=rim, stroke_fill=ground)
        # The font has no bold face: a stroke of a part of a pixel makes one.
        weight = self.scale * 0.22 if part.strong else 0
        colour = ink(part.ink, self.dark)
        self.pen.text(where, part.text, colour, font, anchor, stroke_width=weight, stroke_fill=colour)

    def line(self, part: Line) -> None:
        points = [(x * self.scale, y * self.scale) for x, y in part.points]
        dash = 3 * self.scale if part.dashed else 0
        half = part.width * self.scale / 2
        for (ax, ay), (bx, by) in _pieces(points, dash):
            if ax == bx or ay == by:  # crisp, on whole pixels
                left, top = round(min(ax, bx) - half * (ax == bx)), round(min(ay, by) - half * (ay == by))
                right, bottom = max(ax, bx) + half * (ax == bx), max(ay, by) + half * (ay == by)
                self.pen.rectangle(
                    (left, top, max(round(right) - 1, left), max(round(bottom) - 1, top)),
                    ink(part.ink, self.dark),
                )
            else:
                long = hypot(bx - ax, by - ay)
                dx, dy = (by - ay) / long * half, (ax - bx) / long * half
                corners = [(ax + dx, ay + dy), (bx + dx, by + dy), (bx - dx, by - dy), (ax - dx, ay - dy)]
                self.smooth([corners], part.ink, 1.0)

    def polygons(self, polygons: Sequence[Points], name: str, share: float = 1.0) -> None:
        self.smooth([[(x * self.scale, y * self.scale) for x, y in one] for one in polygons], name, share)

    def smooth(self, polygons: list[list[tuple[float, float]]], name: str, share: float) -> None:
        """Fills polygons, of which each cuts holes into the earlier ones, with smooth edges."""
        from PIL import Image, ImageChops, ImageDraw

        every = [point for one in polygons for point in one]
        left, top = int(min(x for x, _ in every)) - 1, int(min(y for _, y in every)) - 1
        width, height = int(max(x for x, _ in every)) - left + 2, int(max(y for _, y in every)) - top + 2
        finer = FINER if width * height < 100_000 else 1
        mask = Image.new("L", (width * finer, height * finer), 0)
        for one in polygons:
            layer = Image.new("L", mask.size, 0)
            places = [((x - left) * finer, (y - top) * finer) for x, y in one]
            ImageDraw.Draw(layer).polygon(places, fill=round(255 * share))
            mask = ImageChops.difference(mask, layer)
        mask = mask.resize((width, height), Image.Resampling.BOX)
        self.image.paste(ink(name, self.dark), (left, top, left + width, top + height), mask)

    def pixels(self, part: Pixels) -> None:
        from PIL import Image

        layer = Image.frombytes("P", (part.width, part.height), bytes(part.canvas))
        colours = ["#000000", *(colour(name, self.dark) for name, _ in KINDS)]
        layer.putpalette(b"".join(bytes.fromhex(one[1:]) for one in colours))
        mask = Image.frombytes("L", layer.size, bytes(part.canvas).translate(bytes([0, *[255] * 255])))
        box = part.box
        size = round((box.right - box.left) * self.scale), round((box.bottom - box.top) * self.scale)
        if size != layer.size:
            mask, layer = mask.resize(size), layer.resize(size)
        self.image.paste(
            layer.convert("RGB"), (round(box.left * self.scale), round(box.top * self.scale)), mask
        )


Piece = tuple[tuple[float, float], tuple[float, float]]


def _pieces(points: Sequence[tuple[float, float]], dash: float) -> Iterator[Piece]:
    """The straight pieces of a line; of a dashed one its dashes, which are as long as their gaps."""
    before = 0.0  # the line's length up to this piece
    for (ax, ay), (bx, by) in pairwise(points):
        long = hypot(bx - ax, by - ay)
        if not dash or not long:
            yield (ax, ay), (bx, by)
            continue
        edge = before // (2 * dash) * 2 * dash
        while edge < before + long:
            start, end = max(edge - before, 0) / long, min(edge + dash - before, long) / long
            if start < end:
                yield (
                    (ax + (bx - ax) * start, ay + (by - ay) * start),
                    (ax + (bx - ax) * end, ay + (by - ay) * end),
                )
            edge += 2 * dash
        before += long


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise ImportError("this Pillow was built without FreeType, which draws letters")
    return font


def _latin(picture: Picture) -> Picture:
    """The picture with everything else than ASCII escaped: Pillow's own font has no more."""
    return picture._replace(
        title=_ascii(picture.title),
        direction=_ascii(picture.direction),
        bounds_note=_ascii(picture.bounds_note),
        moments=[one._replace(letter=_ascii(one.letter), text=_ascii(one.text)) for one in picture.moments],
    )


def _ascii(text: str) -> str:
    return plain(text).encode("ascii", "backslashreplace").decode("ascii")
