"""The shapes of marks as polygons, so that SVG, PNG and pixels show the same ones.

Coordinates run from -1 to 1, y downwards. Several polygons of a shape cut holes in each other (even-odd).
"""

from __future__ import annotations

from array import array
from functools import cache
from math import cos, pi, sin

Polygon = tuple[tuple[float, float], ...]


def _round(radius: float, corners: int = 24) -> Polygon:
    return tuple(
        (radius * cos(2 * pi * at / corners), radius * sin(2 * pi * at / corners)) for at in range(corners)
    )


def _star(points: int, inner: float) -> Polygon:
    steps = [(pi * at / points - pi / 2, inner if at % 2 else 1) for at in range(2 * points)]
    return tuple((far * cos(turn), far * sin(turn)) for turn, far in steps)


def _turned_cross(arm: float) -> Polygon:
    """An X whose arms are so thick, half across."""
    # A plus of arms along the axes, turned by 45 degrees; its tips on the unit square.
    far, near = 2**0.5 - arm, arm
    plus = [(near, near), (far, near), (far, -near), (near, -near), (near, -far), (-near, -far)]
    plus += [(-near, -near), (-far, -near), (-far, near), (-near, near), (-near, far), (near, far)]
    half = 0.5**0.5
    return tuple(((x - y) * half, (x + y) * half) for x, y in plus)


SHAPES: dict[str, tuple[Polygon, ...]] = {
    "dot": (_round(1, 16),),
    "dash": (((-1, -0.3), (1, -0.3), (1, 0.3), (-1, 0.3)),),
    "triangle-up": (((0, -1), (1, 0.8), (-1, 0.8)),),
    "triangle-down": (((0, 1), (-1, -0.8), (1, -0.8)),),
    "diamond": (((0, -1), (1, 0), (0, 1), (-1, 0)),),
    "square": (((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),),
    "cross": (_turned_cross(0.2),),
    "big-x": (_turned_cross(0.33),),
    "ring": (_round(1), _round(0.62)),
    "star": (_star(5, 0.45),),
}


def scaled(shape: str, x: float, y: float, size: float) -> list[list[tuple[float, float]]]:
    """The polygons of a shape round a place, `size` across."""
    half = size / 2
    return [[(x + dx * half, y + dy * half) for dx, dy in polygon] for polygon in SHAPES[shape]]


@cache
def stamp(shape: str, size: int) -> array[int]:
    """The pixels of a shape `size` pixels across: dx, dy, dx, dy ... from its middle."""
    if size <= 1:
        return array("i", [0, 0])
    start = -(size // 2)
    shift = 0.0 if size % 2 else 0.5
    pixels = array("i")
    for dy in range(start, start + size):
        for dx in range(start, start + size):
            if _covers(SHAPES[shape], (dx + shift) * 2 / size, (dy + shift) * 2 / size):
                pixels.extend((dx, dy))
    return pixels or array("i", [0, 0])


def _covers(polygons: tuple[Polygon, ...], x: float, y: float) -> bool:
    """Whether a point lies inside, by the number of edges that a ray to the right crosses."""
    inside = False
    for polygon in polygons:
        for (ax, ay), (bx, by) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
            if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                inside = not inside
    return inside
