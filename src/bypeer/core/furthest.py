"""How far the segments of one direction reach: their highest end and acknowledgement, and the FIN."""

from __future__ import annotations

from collections.abc import Iterable

from bypeer.core import tcp
from bypeer.core.study import NOWHERE, Sighting

_FIN, _NOWHERE = tcp.FIN, NOWHERE  # copies that are C integers when compiled


def fin(segments: Iterable[Sighting]) -> Sighting | None:
    """The first FIN among them."""
    for one in segments:
        if one.segment.flags & _FIN and not one.is_rst:
            return one
    return None


def highest_ack(segments: Iterable[Sighting]) -> int:
    """The highest acknowledgement among them, RSTs left out."""
    highest = _NOWHERE
    for one in segments:
        if one.ack > highest and not one.is_rst:
            highest = one.ack
    return highest


def highest_end(segments: Iterable[Sighting], default: int) -> int:
    """The highest end among them, RSTs left out; `default` if there is none."""
    highest = _NOWHERE
    for one in segments:
        if one.end > highest and not one.is_rst:
            highest = one.end
    return default if highest == _NOWHERE else highest
