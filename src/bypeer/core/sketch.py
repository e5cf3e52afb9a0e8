"""Fingerprints of segments (lines.fingerprint), of which each direction of a connection keeps the smallest.

Two captures of one stream keep the same ones, whatever they have lost.
Source: the smallest hashes as a sample of a set (A. Broder, "On the resemblance and containment of
documents", 1997).
"""

from __future__ import annotations

from bypeer.core import lines
from bypeer.core.connection import SKETCH

_SKETCH = SKETCH  # a copy that is a C integer when compiled


def keep(way: lines.Way, past: lines.Past, direction: int, value: int) -> None:
    """Keep a fingerprint, if it is one of the smallest and new. They lie in order, the largest first."""
    kept, at = way.kept, 0
    while at < kept and past.prints[2 * at + direction] > value:
        at += 1
    if at < kept and past.prints[2 * at + direction] == value:
        return
    if kept == _SKETCH:  # the largest makes room
        for place in range(1, at):
            past.prints[2 * place - 2 + direction] = past.prints[2 * place + direction]
        past.prints[2 * at - 2 + direction] = value
    else:
        for place in range(kept, at, -1):
            past.prints[2 * place + direction] = past.prints[2 * place - 2 + direction]
        past.prints[2 * at + direction] = value
        way.kept = kept + 1
    if way.kept == _SKETCH:
        way.most = past.prints[direction]
