"""Fingerprints of segments (lines.fingerprint), of which each direction of a connection keeps the smallest.

Two captures of one stream keep the same ones, whatever they have lost.
Source: the smallest hashes as a sample of a set (A. Broder, "On the resemblance and containment of
documents", 1997).
"""

from __future__ import annotations

from bypeer.core import lines
from bypeer.core.connection import SKETCH

_SKETCH, _UNSET = SKETCH, lines.UNSET  # copies that are C integers when compiled


def keep(way: lines.Way, past: lines.Past, direction: int, value: int) -> None:
    """Keep a fingerprint that is less than `way.most`.

    Until there is room for no more, they lie as they came, some perhaps twice: so a packet of a short
    connection touches one place of them. From then on they are in order, the largest first.
    """
    if way.most == _UNSET:
        past.prints[2 * way.kept + direction] = value
        way.kept += 1
        if way.kept == _SKETCH:
            _settle(way, past, direction)
        return
    at = 1
    while at < _SKETCH and past.prints[2 * at + direction] > value:
        at += 1
    if at < _SKETCH and past.prints[2 * at + direction] == value:
        return
    for place in range(1, at):  # the largest makes room
        past.prints[2 * place - 2 + direction] = past.prints[2 * place + direction]
    past.prints[2 * at - 2 + direction] = value
    way.most = past.prints[direction]


def _settle(way: lines.Way, past: lines.Past, direction: int) -> None:
    """Put them in order, and keep each once: there may be room again."""
    kept = 0
    for at in range(_SKETCH):
        value, place = past.prints[2 * at + direction], kept
        while place > 0 and past.prints[2 * place - 2 + direction] < value:
            place -= 1
        if place > 0 and past.prints[2 * place - 2 + direction] == value:
            continue
        for other in range(kept, place, -1):
            past.prints[2 * other + direction] = past.prints[2 * other - 2 + direction]
        past.prints[2 * place + direction] = value
        kept += 1
    way.kept = kept
    if kept == _SKETCH:
        way.most = past.prints[direction]
