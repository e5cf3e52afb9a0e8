"""Addresses and ports: two halves of 128 bits as decode has them, and as people write them."""

from __future__ import annotations

# The upper half of 100::/64, which is nobody's (RFC 6666): addresses that stand for printed names.
NAMED = 0x0100 << 48

Endpoint = tuple[int, int, int]  # address in two halves (Segment.src_hi, src_lo), port


def address(endpoint: Endpoint) -> str:
    """The address alone, as people write it."""
    high, low, _ = endpoint
    if high == 0 and low >> 32 == 0xFFFF:
        return ".".join(str(low >> shift & 255) for shift in (24, 16, 8, 0))
    from ipaddress import IPv6Address  # only where there is IPv6: 6 ms of start-up

    return str(IPv6Address(high << 64 | low))


def endpoint_text(endpoint: Endpoint) -> str:
    """`address:port`, with brackets round IPv6."""
    text = address(endpoint)
    return f"[{text}]:{endpoint[2]}" if ":" in text else f"{text}:{endpoint[2]}"


def private(endpoint: Endpoint) -> bool:
    """Whether the address is one that the Internet does not route.

    Source: RFC 1918 (10/8, 172.16/12, 192.168/16), RFC 6598 (100.64/10), RFC 4193 (fc00::/7).
    """
    high, low, _ = endpoint
    if high or low >> 32 != 0xFFFF:
        return high >> 57 == 0xFC >> 1
    address = low & 0xFFFF_FFFF
    return (
        address >> 24 == 10
        or address >> 20 == 0xAC1
        or address >> 16 == 0xC0A8
        or address >> 22 == (100 << 24 | 64 << 16) >> 22
    )
