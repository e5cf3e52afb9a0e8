"""Arithmetic on TCP sequence numbers, which are octets modulo 2**32.

Models RFC 9293, 3.4. An order exists only between numbers under 2**31 apart; nothing here
checks that, because the widest window is 65535 << 14 octets.
"""

from __future__ import annotations

HALF = 1 << 31
WRAP = 1 << 32
MASK = WRAP - 1  # also of negative numbers, which `%` in C is not


def after(a: int, b: int) -> bool:
    """Whether octet `a` of a stream comes after octet `b`.

    Both are sequence numbers: octets modulo 2**32. The answer means something only while
    they lie under 2**31 apart; the widest window is 65535 << 14 octets.

    Source: RFC 9293, 3.4; RFC 7323, 2.3; after() in the kernel's include/net/tcp.h.
    """
    return distance(a, b) > 0


def before(a: int, b: int) -> bool:
    """Whether octet `a` of a stream comes before octet `b` (see `after`)."""
    return distance(a, b) < 0


def distance(a: int, b: int) -> int:
    """How many octets `a` lies after `b`: -2**31 <= distance < 2**31.

    Source: RFC 9293, 3.4 (the comparison is a signed subtraction modulo 2**32).
    """
    gap = (a - b) & MASK
    return gap - WRAP if gap >= HALF else gap


def add(a: int, octets: int) -> int:
    """The sequence number `octets` (of either sign) further on than `a`."""
    return (a + octets) & MASK


def later(a: int, b: int) -> int:
    """Whichever of the two sequence numbers comes later."""
    return a if distance(a, b) > 0 else b
