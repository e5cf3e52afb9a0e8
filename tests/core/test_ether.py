from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.ether import past_ethernet, past_labels, past_type, told_by_version
from tests import make
from tests.core.headers import ENDS_EARLY, NO_IP, WRONG_VERSION, Before, found, is_found, kind, ppp, snap

from tests.core.headers import PACKET, PACKET6  # isort: skip

PPPOE = b"\x11\0\0\x01\0\x50"
ADDRESSES = bytes(12)

BEFORE: Before = {
    "Ethernet": (1, lambda p: make.ethernet(b"", kind=make.ether_type(p))),
    "802.1Q": (1, lambda p: make.ethernet(b"", 0x8100, kind=make.ether_type(p))),
    "802.1ad": (1, lambda p: make.ethernet(b"", 0x88A8, 0x8100, kind=make.ether_type(p))),
    "three tags": (1, lambda p: make.ethernet(b"", 0x9100, 0x9100, 0x8100, kind=make.ether_type(p))),
    "LLC and SNAP": (1, lambda p: make.ethernet(snap(p), kind=100)),
    "SNAP of Cisco's bridges": (1, lambda p: make.ethernet(b"\xaa\xaa\x03\0\0\xf8" + kind(p), kind=100)),
    "a frame in SNAP": (
        1,
        lambda p: make.ethernet(b"\xaa\xaa\x03\0\x80\xc2\0\x07\0\0" + ADDRESSES, kind=100) + kind(p),
    ),
    "LLC of IP": (1, lambda p: make.ethernet(b"\x06\x06\x03", kind=100)),
    "802.1BR": (1, lambda p: make.ethernet(bytes(6), kind=0x893F) + kind(p)),
    "VN-Tag": (1, lambda p: make.ethernet(bytes(4), kind=0x8926) + kind(p)),
    "EDSA": (1, lambda p: make.ethernet(bytes(6), kind=0xDADA) + kind(p)),
    "FabricPath": (1, lambda p: make.ethernet(bytes(2), kind=0x8903) + make.ethernet(p)[:14]),
    "802.1ah": (1, lambda p: make.ethernet(bytes(4), kind=0x88E7) + make.ethernet(p)[:14]),
    "802.1ah in a backbone VLAN": (
        1,
        lambda p: make.ethernet(bytes(4), 0x88A8, kind=0x88E7) + make.ethernet(p)[:14],
    ),
    "TRILL": (1, lambda p: make.ethernet(b"\0\x1f" + bytes(4), kind=0x22F3) + make.ethernet(p)[:14]),
    "TRILL with options": (
        1,
        lambda p: make.ethernet(b"\0\x80" + bytes(12), kind=0x22F3) + make.ethernet(p)[:14],
    ),
    "MACsec": (1, lambda p: make.ethernet(bytes(6), kind=0x88E5) + kind(p)),
    "MACsec with a channel": (1, lambda p: make.ethernet(b"\x20" + bytes(13), kind=0x88E5) + kind(p)),
    "PPPoE": (1, lambda p: make.ethernet(PPPOE, kind=0x8864) + ppp(p)),
    "MPLS": (1, lambda p: make.ethernet(b"\0\0\0\x40\0\0\x11\x40", kind=0x8847)),
    "MPLS in PPPoE": (1, lambda p: make.ethernet(PPPOE + b"\x02\x81\0\0\x11\x40", kind=0x8864)),
}


@pytest.mark.parametrize("name", BEFORE)
def test_the_ip_header_is_found_behind(name: str) -> None:
    assert is_found(BEFORE[name])


ANSWERS = {
    "ARP": (make.ethernet(bytes(28), kind=0x0806), NO_IP),
    "PPPoE without IP": (make.ethernet(PPPOE + b"\xc0\x21" + PACKET, kind=0x8864), NO_IP),
    "LLC without SNAP": (make.ethernet(b"\x42\x42\x03" + bytes(40), kind=38), NO_IP),
    "SNAP of another organisation": (make.ethernet(b"\xaa\xaa\x03\0\0\x0c\x08\0" + PACKET, kind=99), NO_IP),
    "LLC of IP, with numbers": (make.ethernet(b"\x06\x06\0\0" + PACKET, kind=99), NO_IP),
    "MACsec, encrypted": (make.ethernet(b"\x0c" + bytes(5) + b"\x08\0" + PACKET, kind=0x88E5), NO_IP),
    "MPLS over no IP": (make.ethernet(b"\0\0\x01\x40\0\0", kind=0x8847), NO_IP),
    "MPLS without end": (make.ethernet(bytes(400), kind=0x8848), NO_IP),
    "tags without end": (make.ethernet(b"", *[0x8100] * 5000), NO_IP),
    "SNAP in tags without end": (
        make.ethernet((snap(PACKET)[:6] + b"\x81\0\0\0\0\x08") * 9000, kind=8),
        NO_IP,
    ),
    "IPv6 announced as IPv4": (make.ethernet(PACKET6, kind=0x0800), WRONG_VERSION),
    "no frame": (bytes(13), ENDS_EARLY),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_there_is_no_ip_header_in(name: str) -> None:
    frame, answer = ANSWERS[name]
    assert found(frame, 1) == answer


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 0xFFFF))
def test_tags_are_walked_from_anywhere(octets: bytes, at: int, kind: int) -> None:
    walks = [past_ethernet, past_labels, told_by_version, lambda *where: past_type(*where, kind)]
    for walk in walks:
        assert walk(bytearray(octets), at, len(octets)) < max(1, len(octets))
