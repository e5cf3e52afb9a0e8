"""The picture as SVG: one file, no script, nothing to fetch; marks beyond number are an image inside."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from bypeer.core.picture import KINDS, Picture
from bypeer.report.chart import lay
from bypeer.report.inks import ink
from bypeer.report.palette import LOOKS, colour
from bypeer.report.raster import png
from bypeer.report.scene import Area, Glyph, Line, Part, Pixels, Points, Scene, Text
from bypeer.report.shapes import scaled

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def render(
    picture: Picture,
    width: int = 1200,
    height: int = 800,
    dark: bool = False,
    window: tuple[int, int] | None = None,
) -> str:
    """The picture as an SVG document.

    Args:
        picture: what to show.
        width, height: CSS pixels.
        dark: for a dark ground.
        window: from when to when, ns since the origin; None: the moments that matter.
    """
    return written(lay(picture, width, height, window), dark)


def written(scene: Scene, dark: bool) -> str:
    """A scene as an SVG document."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{scene.width}" height="{scene.height}" '
        f'viewBox="0 0 {scene.width} {scene.height}" role="img" aria-labelledby="title words" '
        f'font-family="{FONT}">',
        f'<title id="title">{escape(scene.title)}</title>',
        f'<desc id="words">{escape(scene.words)}</desc>',
        *(_part(part, dark) for part in scene.parts),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _part(part: Part, dark: bool) -> str:
    match part:
        case Text():
            return _text(part, dark)
        case Line():
            dash = ' stroke-dasharray="3 3"' if part.dashed else ""
            stroke = f'stroke="{ink(part.ink, dark)}" stroke-width="{_number(part.width)}"{dash}'
            return f'<path d="M{_path(part.points)}" fill="none" {stroke}/>'
        case Area():
            share = "" if part.share == 1 else f' fill-opacity="{_number(part.share)}"'
            return f'<path d="M{_path(part.points)}Z" fill="{ink(part.ink, dark)}"{share}/>'
        case Glyph():
            outline = "".join(
                f"M{_path(one)}Z" for one in scaled(LOOKS[part.kind].shape, part.x, part.y, part.size)
            )
            rim = f'stroke="{ink("paper", dark)}" stroke-width="0.8" paint-order="stroke"'
            fill = f'fill="{colour(part.kind, dark)}" fill-rule="evenodd"'
            return f'<path class="{part.kind}" d="{outline}" {fill} {rim}/>'
        case Pixels():
            return _pixels(part, dark)


def _text(part: Text, dark: bool) -> str:
    anchor = "" if part.anchor == "start" else f' text-anchor="{part.anchor}"'
    weight = ' font-weight="bold"' if part.strong else ""
    rim = f' stroke="{ink("panel", dark)}" stroke-width="3" paint-order="stroke"' if part.halo else ""
    return (
        f'<text x="{_number(part.x)}" y="{_number(part.y)}" font-size="{_number(part.size)}" '
        f'fill="{ink(part.ink, dark)}"{anchor}{weight}{rim}>{escape(part.text)}</text>'
    )


def _pixels(part: Pixels, dark: bool) -> str:
    image = png(part.canvas, part.width, part.height, [colour(name, dark) for name, _ in KINDS])
    box = part.box
    return (
        f'<image x="{_number(box.left)}" y="{_number(box.top)}" width="{_number(box.right - box.left)}" '
        f'height="{_number(box.bottom - box.top)}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{b64encode(image).decode()}"/>'
    )


def _path(points: Points) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
