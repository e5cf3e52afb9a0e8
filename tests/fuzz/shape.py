"""Where the parts of a capture lie: what a mutation needs to know to hit something.

It believes what the octets say only as far as they go, for it is shown mutated ones too.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

Span = tuple[int, int]  # first octet, octet after the last


@dataclass(slots=True)
class Shape:
    """The parts of a capture."""

    order: str = "<"
    fields: list[Span] = field(default_factory=list)  # numbers
    units: list[Span] = field(default_factory=list)  # records, blocks, lines
    frames: list[Span] = field(default_factory=list)
    text: bool = False

    def number(self, octets: bytes, at: int, size: int = 4) -> int:
        """A number, noted as a field; 0 beyond the end."""
        if at + size > len(octets):
            return 0
        self.fields.append((at, at + size))
        return int.from_bytes(octets[at : at + size], "little" if self.order == "<" else "big")


def shape(octets: bytes) -> Shape:
    """The parts of a capture of any format; of what is none, its lines."""
    for order in "<>":
        if len(octets) >= 24 and struct.unpack(order + "I", octets[:4])[0] in MAGICS:
            return _pcap(octets, order)
    if octets[:4] == b"\n\r\r\n":
        return _pcapng(octets, "<" if octets[8:12] == b"\x4d\x3c\x2b\x1a" else ">")
    if octets[:5] == b"snoop":
        return _snoop(octets)
    return _text(octets)


MAGICS = (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34, 0x1C0001AB, 0x1C0001AC)


def _pcap(octets: bytes, order: str) -> Shape:
    found, at = Shape(order), 24
    for where, size in ((0, 4), (4, 2), (6, 2), (16, 4), (20, 4)):
        found.number(octets, where, size)
    while at + 16 <= len(octets):
        captured = [found.number(octets, at + where) for where in (0, 4, 8, 12)][2]
        stop = min(len(octets), at + 16 + captured)
        found.units.append((at, stop))
        found.frames.append((at + 16, stop))
        at = stop
    return found


def _snoop(octets: bytes) -> Shape:
    found, at = Shape(">"), 16
    for where in (8, 12):
        found.number(octets, where)
    while at + 24 <= len(octets):
        _, captured, record, *_ = [found.number(octets, at + where) for where in range(0, 24, 4)]
        stop = min(len(octets), at + max(24, record))
        found.units.append((at, stop))
        found.frames.append((at + 24, min(stop, at + 24 + captured)))
        at = stop
    return found


# Block type: octets of its fixed part, and where in it the captured length is.
_BLOCKS = {0x0A0D0D0A: (16, None), 1: (8, None), 2: (20, 12), 3: (4, 0), 5: (12, None), 6: (20, 12)}


def _pcapng(octets: bytes, order: str) -> Shape:
    found, at = Shape(order), 0
    while at + 12 <= len(octets):
        kind, total = found.number(octets, at), found.number(octets, at + 4)
        stop = min(len(octets), at + max(12, total))
        found.units.append((at, stop))
        found.number(octets, stop - 4)
        fixed, captured = _BLOCKS.get(kind, (0, None))
        numbers = {where: found.number(octets, at + 8 + where) for where in range(0, fixed, 4)}
        body = at + 8 + fixed
        if captured is not None:
            size = min(numbers[captured], stop - 4 - body)
            found.frames.append((body, body + size))
            body += size + 3 & ~3
        if kind in _BLOCKS and kind != 3:
            _options(found, octets, body, stop - 4)
        at = stop
    return found


def _options(found: Shape, octets: bytes, at: int, stop: int) -> None:
    while at + 4 <= stop:
        code, size = found.number(octets, at, 2), found.number(octets, at + 2, 2)
        if code == 0:
            return
        at += 4 + (size + 3 & ~3)


def _text(octets: bytes) -> Shape:
    lines = [match.span() for match in re.finditer(rb"[^\n]*\n", octets)]
    numbers = [match.span() for match in re.finditer(rb"\d+", octets)]
    return Shape("<", numbers, lines, lines, text=True)
