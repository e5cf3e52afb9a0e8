"""Fingerprints of segments, of which each direction of a connection keeps the smallest: a sketch of it.

Two captures of one stream keep the same ones, whatever they have lost.
Source: the smallest hashes as a sample of a set (A. Broder, "On the resemblance and containment of
documents", 1997).
"""

from __future__ import annotations

from typing import Any

from bypeer.core import lines
from bypeer.core.connection import SKETCH

_MIX_SEQ, _MIX_ACK, _PRINT = 0x9E37_79B1, 0x85EB_CA77, (1 << 31) - 1
_SKETCH = SKETCH  # a copy that is a C integer when compiled


def fingerprint(seq: int, ack: int, tsval: int) -> int:
    """A number by which the same packet is known again at another vantage.

    NAT leaves SEG.SEQ, SEG.ACK and the timestamp alone; merging by GRO keeps the first of each.
    """
    mixed = (seq * _MIX_SEQ) ^ (ack * _MIX_ACK) ^ (tsval * _MIX_SEQ >> 7)
    return mixed & _PRINT


def print_packets(packets: Any, count: int) -> None:
    """Give the first `count` packets their fingerprints."""
    for place in range(count):
        packet = lines.packet_at(packets, place)
        packet.print = fingerprint(packet.seq, packet.ack, packet.tsval)


def keep(way: lines.Way, past: lines.Past, direction: int, value: int) -> None:
    """Keep a fingerprint, if it is one of the smallest and new."""
    base, kept = direction * _SKETCH, way.kept
    largest = base
    for at in range(base, base + kept):
        if past.prints[at] == value:
            return
        if past.prints[at] > past.prints[largest]:
            largest = at
    if kept < _SKETCH:
        past.prints[base + kept] = value
        way.kept = kept + 1
        if way.kept < _SKETCH:
            return
    else:
        past.prints[largest] = value
    most = value
    for at in range(base, base + _SKETCH):
        if past.prints[at] > most:
            most = past.prints[at]
    way.most = most
