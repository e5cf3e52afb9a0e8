"""Numbers in the machine's own order, in a buffer, and copies from one to another: each checked before."""

from __future__ import annotations

import sys

Octets = bytearray | memoryview


def half(octets: Octets, at: int) -> int:
    """The 16-bit number at `at`."""
    return _number(octets, at, 2)


def word(octets: Octets, at: int) -> int:
    """The 32-bit number at `at`."""
    return _number(octets, at, 4)


def put_half(octets: Octets, at: int, value: int) -> None:
    """Write a 16-bit number."""
    _put(octets, at, value.to_bytes(2, sys.byteorder))


def put_word(octets: Octets, at: int, value: int) -> None:
    """Write a 32-bit number."""
    _put(octets, at, value.to_bytes(4, sys.byteorder))


def put_long(octets: Octets, at: int, value: int) -> None:
    """Write a 64-bit number with a sign."""
    _put(octets, at, value.to_bytes(8, sys.byteorder, signed=True))


def long_(octets: Octets, at: int) -> int:
    """The 64-bit number with a sign at `at`."""
    number = _number(octets, at, 8)
    return number - (1 << 64) if number >> 63 else number


def copy(to: Octets, at: int, source: Octets, start: int, size: int) -> None:
    """Copy source[start : start + size] to to[at : at + size]."""
    _check(source, start, size)
    _put(to, at, source[start : start + size])


def _number(octets: Octets, at: int, size: int) -> int:
    _check(octets, at, size)
    return int.from_bytes(octets[at : at + size], sys.byteorder)


def _put(octets: Octets, at: int, value: bytes | Octets) -> None:
    _check(octets, at, len(value))
    octets[at : at + len(value)] = value


def _check(octets: Octets, at: int, size: int) -> None:
    if at < 0 or size < 0 or size > len(octets) - at:
        raise IndexError("outside the buffer")
