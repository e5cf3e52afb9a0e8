"""Colour and shape of each kind of mark, and the colours round them.

The colours are Okabe and Ito's, which people with any usual kind of colour blindness tell apart, and some of
Paul Tol's; each kind has a shape besides, so that no colour is the only carrier of a meaning.
"""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """How marks of a kind look."""

    light: str  # colour on a light ground
    dark: str  # and on a dark one
    shape: str
    size: float  # across, in CSS pixels, where it is drawn by itself


LOOKS = {
    "ack": Look("#999999", "#999999", "dot", 3),
    "window": Look("#56B4E9", "#56B4E9", "dash", 4),
    "sack": Look("#CC79A7", "#CC79A7", "dot", 3),
    "data": Look("#0072B2", "#56A0E0", "dot", 3),
    "again": Look("#009E73", "#2CC295", "triangle-up", 8),
    "late": Look("#E69F00", "#E69F00", "diamond", 9),
    "beyond": Look("#B8A900", "#F0E442", "triangle-down", 9),
    "kept": Look("#D55E00", "#FF6E3A", "cross", 10),
    "trigger": Look("#D55E00", "#FF6E3A", "ring", 14),
    "rst-inside": Look("#CC79A7", "#CC79A7", "square", 10),
    "rst-outside": Look("#000000", "#FFFFFF", "square", 10),
    "rst-path": Look("#882255", "#CC6677", "star", 13),
    "rst-unknown": Look("#666666", "#AAAAAA", "square", 10),
    "rst-host": Look("#D55E00", "#FF6E3A", "big-x", 14),
}


def colour(kind: str, dark: bool) -> str:
    """The colour of a kind, as #RRGGBB."""
    return LOOKS[kind].dark if dark else LOOKS[kind].light


# What is not a mark: (light, dark). "bound" is conntrack's line, "refused" what lies on its far side.
_INKS = {
    "paper": ("#FFFFFF", "#15181C"),
    "panel": ("#FCFCFD", "#1B1F24"),
    "ink": ("#1A1D21", "#F0F2F4"),
    "soft": ("#565C64", "#A9B1BA"),
    "grid": ("#E3E6EA", "#2E343B"),
    "frame": ("#9AA1A9", "#5A626B"),
    "bound": ("#B04A00", "#FF9A5C"),
    "refused": ("#D55E00", "#FF6E3A"),
}


def ink(name: str, dark: bool) -> str:
    """The colour of that name, a kind of mark or a part of the picture, as #RRGGBB."""
    return colour(name, dark) if name in LOOKS else _INKS[name][dark]
