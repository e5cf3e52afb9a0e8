"""What lies before IP, link type by link type: for the tests of link.py and of what it is made of."""

from __future__ import annotations

import struct
from collections.abc import Callable

from bypeer.core.link import network
from bypeer.core.segment import Segment
from tests import make

PACKET, PACKET6 = make.ip(make.tcp()), make.ip(make.tcp(), src=make.CLIENT6, dst=make.SERVER6)
NO_IP, ENDS_EARLY, WRONG_VERSION, UNKNOWN_LINK = -1, -2, -3, -4

Before = dict[str, tuple[int, Callable[[bytes], bytes]]]  # link type, what lies before this packet


def found(frame: bytes, link_type: int, start: int = 0) -> int:
    """Where link.py finds the IP header."""
    octets = bytearray(start) + frame
    return network(octets, start, len(octets), link_type, Segment())


def is_found(before: tuple[int, Callable[[bytes], bytes]]) -> bool:
    """Whether both versions of IP are found behind this, at any place, and not where it is cut."""
    link_type, head = before
    for packet in (PACKET, PACKET6):
        octets = head(packet)
        if any(found(octets + packet, link_type, start) != start + len(octets) for start in (0, 77)):
            return False
        if any(found(octets[:size], link_type) not in (NO_IP, ENDS_EARLY) for size in range(len(octets) + 1)):
            return False
    return True


def kind(packet: bytes) -> bytes:
    """The EtherType of IPv4 or IPv6."""
    return make.ether_type(packet).to_bytes(2, "big")


def ppp(packet: bytes) -> bytes:
    """PPP's protocol number of IPv4 or IPv6."""
    return b"\0\x21" if packet[0] >> 4 == 4 else b"\0\x57"


def snap(packet: bytes) -> bytes:
    """LLC and SNAP."""
    return b"\xaa\xaa\x03\0\0\0" + kind(packet)


def little(*numbers: int) -> bytes:
    """32-bit numbers, the least octet first."""
    return struct.pack(f"<{len(numbers)}I", *numbers)
