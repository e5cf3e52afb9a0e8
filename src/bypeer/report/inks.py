"""The colours of a static picture by name, those of letters strong enough to be read.

WCAG 2.2, 1.4.3: letters need a contrast of 4.5 to their ground. Some colours of marks have less; letters in
such a colour take a darker or, on a dark ground, lighter shade of it.
"""

from __future__ import annotations

from functools import cache

from bypeer.report import palette

LETTERS = " letters"  # what is added to a name for the shade that letters have
LEAST = 4.5


@cache
def ink(name: str, dark: bool) -> str:
    """The colour of that name, as #RRGGBB."""
    colour = palette.ink(name.removesuffix(LETTERS), dark)
    if not name.endswith(LETTERS):
        return colour
    ground = palette.ink("panel", dark)
    shades = (_mixed(colour, "#FFFFFF" if dark else "#000000", share / 20) for share in range(21))
    return next(shade for shade in shades if contrast(shade, ground) >= LEAST)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21: WCAG 2.2, "contrast ratio"."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (part / 255 for part in bytes.fromhex(colour[1:]))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02X}" for one, two in pairs)
