from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.link import network, past_tags, told_by_version
from bypeer.core.segment import Segment
from tests import make

PACKET, PACKET6 = make.ip(make.tcp()), make.ip(make.tcp(), src=make.CLIENT6, dst=make.SERVER6)
NO_IP, ENDS_EARLY, WRONG_VERSION, UNKNOWN_LINK = -1, -2, -3, -4
LLC = b"\xaa\xaa\x03\0\0\0"
PPPOE = b"\x11\0\0\x01\0\0"

# name: link type, what lies before the IP header; each is tried with both versions of IP
BEFORE = {
    "Ethernet": (1, lambda p: make.ethernet(b"", kind=make.ether_type(p))),
    "802.1Q": (1, lambda p: make.ethernet(b"", 0x8100, kind=make.ether_type(p))),
    "802.1ad": (1, lambda p: make.ethernet(b"", 0x88A8, 0x8100, kind=make.ether_type(p))),
    "three tags": (1, lambda p: make.ethernet(b"", 0x9100, 0x9100, 0x8100, kind=make.ether_type(p))),
    "LLC and SNAP": (1, lambda p: make.ethernet(LLC, kind=100) + make.ether_type(p).to_bytes(2, "big")),
    "802.1BR": (1, lambda p: make.ethernet(bytes(6), kind=0x893F) + make.ether_type(p).to_bytes(2, "big")),
    "FabricPath": (1, lambda p: make.ethernet(bytes(2), kind=0x8903) + make.ethernet(p)[:14]),
    "PPPoE": (1, lambda p: make.ethernet(PPPOE, kind=0x8864) + (b"\0\x21" if p[0] >> 4 == 4 else b"\0\x57")),
    "MPLS": (1, lambda p: make.ethernet(b"\0\0\0\x40\0\0\x11\x40", kind=0x8847)),
    "SLL": (113, lambda p: make.sll(p)[:16]),
    "SLL2": (276, lambda p: make.sll2(p)[:20]),
    "raw": (101, lambda p: b""),
    "raw of BSD": (12, lambda p: b""),
    "raw of OpenBSD": (14, lambda p: b""),
    "loop": (108, lambda p: make.null(b"", 2 if p[0] >> 4 == 4 else 24, ">")),
    "null": (0, lambda p: make.null(b"", 2 if p[0] >> 4 == 4 else 30, "<")),
    "null of a big-endian host": (0, lambda p: make.null(b"", 2 if p[0] >> 4 == 4 else 28, ">")),
}


def found(frame: bytes, link_type: int, start: int = 0) -> int:
    octets = bytearray(start) + frame
    return network(octets, start, len(octets), link_type, Segment())


@pytest.mark.parametrize("packet", [PACKET, PACKET6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("name", BEFORE)
def test_the_ip_header_is_found_behind(name: str, packet: bytes) -> None:
    link_type, before = BEFORE[name]
    head = before(packet)
    assert found(head + packet, link_type) == len(head)
    assert found(head + packet, link_type, start=77) == len(head) + 77


@pytest.mark.parametrize("name", BEFORE)
def test_a_frame_cut_in_the_link_layer_has_no_ip_header(name: str) -> None:
    link_type, before = BEFORE[name]
    head = before(PACKET)
    for size in range(len(head) + 1):
        assert found(head[:size], link_type) in (NO_IP, ENDS_EARLY)


ANSWERS = {
    "ARP": (1, make.ethernet(bytes(28), kind=0x0806), NO_IP),
    "PPPoE without IP": (1, make.ethernet(PPPOE + b"\xc0\x21" + PACKET, kind=0x8864), NO_IP),
    "LLC without SNAP": (1, make.ethernet(b"\x42\x42\x03" + bytes(40), kind=38), NO_IP),
    "MPLS over no IP": (1, make.ethernet(b"\0\0\x01\x40\0\0", kind=0x8847), NO_IP),
    "MPLS without end": (1, make.ethernet(bytes(400), kind=0x8848), NO_IP),
    "tags without end": (1, make.ethernet(b"", *[0x8100] * 5000), NO_IP),
    "SNAP in tags without end": (1, make.ethernet((LLC + b"\x81\0\0\0\0\x08") * 9000, kind=8), NO_IP),
    "IPv6 announced as IPv4": (1, make.ethernet(PACKET6, kind=0x0800), WRONG_VERSION),
    "IPv4 where only IPv6 may be": (229, PACKET, WRONG_VERSION),
    "IPv6 where only IPv4 may be": (228, PACKET6, WRONG_VERSION),
    "raw, of version 5": (101, b"\x55" + PACKET, NO_IP),
    "another address family": (0, make.null(PACKET, 7), NO_IP),
    "a family beyond all": (0, make.null(PACKET, 0x01010101), NO_IP),
    "802.11": (105, PACKET, UNKNOWN_LINK),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_there_is_no_ip_header_in(name: str) -> None:
    link_type, frame, answer = ANSWERS[name]
    assert found(frame, link_type) == answer


def test_ipv4_and_ipv6_link_types_have_nothing_before() -> None:
    assert found(PACKET, 228) == found(PACKET6, 229) == 0


def test_sll2_adds_its_interface_index() -> None:
    segment, frame = Segment(), make.sll2(PACKET, 0xFFFF_FFFE)
    segment.interface = 5
    network(bytearray(frame), 0, len(frame), 276, segment)
    assert segment.interface == 0xFFFF_FFFE << 16 | 5


@given(st.binary(max_size=80), st.sampled_from([0, 1, 12, 14, 101, 108, 113, 228, 229, 276]))
def test_an_answer_lies_inside_whatever_the_octets(octets: bytes, link_type: int) -> None:
    at = found(octets, link_type)
    assert -4 < at < len(octets)
    assert at < 0 or octets[at] >> 4 in (4, 6)


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 0xFFFF))
def test_tags_are_walked_from_anywhere(octets: bytes, at: int, kind: int) -> None:
    assert past_tags(bytearray(octets), at, len(octets), kind) < max(1, len(octets))
    assert told_by_version(bytearray(octets), at, len(octets)) < max(1, len(octets))
