"""Numbers in network byte order (`le16`, `le32`: the other), of a buffer whose length was checked before."""

from __future__ import annotations


def u16(octets: bytearray, at: int) -> int:
    """The 16-bit number at `at`."""
    return octets[at] << 8 | octets[at + 1]


def u32(octets: bytearray, at: int) -> int:
    """The 32-bit number at `at`."""
    high = octets[at] << 8 | octets[at + 1]
    return high << 16 | octets[at + 2] << 8 | octets[at + 3]


def le32(octets: bytearray, at: int) -> int:
    """The 32-bit number at `at` in little-endian order."""
    low = octets[at] | octets[at + 1] << 8
    return low | (octets[at + 2] | octets[at + 3] << 8) << 16


def le16(octets: bytearray, at: int) -> int:
    """The 16-bit number at `at` in little-endian order."""
    return octets[at] | octets[at + 1] << 8


def end_at(octets: bytearray, address: int, port: int) -> int:
    """An endpoint of IPv4 as 64 bits (tuples.end_of), its address and its port lying there."""
    return u32(octets, address) << 32 | u16(octets, port) << 16


def u64(octets: bytearray, at: int) -> int:
    """The 64-bit number at `at`."""
    high = u32(octets, at)
    return high << 32 | u32(octets, at + 4)


def words(octets: bytearray, at: int, end: int) -> int:
    """The 16-bit numbers from `at` to `end` added up, modulo 2**16 - 1; an odd last octet is an upper one."""
    return (int.from_bytes(octets[at:end], "big") << (end - at & 1) * 8) % 0xFFFF
