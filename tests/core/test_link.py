from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.link import network
from bypeer.core.segment import Segment
from tests import make
from tests.core.headers import ENDS_EARLY, NO_IP, PACKET, PACKET6, UNKNOWN_LINK, WRONG_VERSION

from tests.core.headers import Before, found, is_found, kind, little, ppp, snap  # isort: skip

ADDRESSES = bytes(12)


def nflog(order: str, packet: bytes = PACKET) -> bytes:
    """The family; attributes: packet header, prefix (padded), and the payload's own header."""
    attributes = [(1, bytes(4)), (10, b"seven.."), (9, packet)]
    octets = bytes((2 if packet[0] >> 4 == 4 else 10, 0, 0, 0)) + b"".join(
        struct.pack(order + "HH", 4 + len(body), number) + body + bytes(-len(body) % 4)
        for number, body in attributes
    )
    return octets[: octets.index(packet)]


JUNIPER, EXTENDED = b"MGC\x01", b"MGC\x81\0\x03\x01\x01\x06"
BEFORE: Before = {
    "SLL": (113, lambda p: make.sll(p)[:16]),
    "SLL with LLC": (113, lambda p: bytes(14) + b"\0\x04" + snap(p)),
    "SLL2": (276, lambda p: make.sll2(p)[:20]),
    "raw": (101, lambda p: b""),
    "raw of BSD": (12, lambda p: b""),
    "raw of OpenBSD": (14, lambda p: b""),
    "loop": (108, lambda p: make.null(b"", 2 if p[0] >> 4 == 4 else 24, ">")),
    "null": (0, lambda p: make.null(b"", 2 if p[0] >> 4 == 4 else 30, "<")),
    "null of a big-endian host": (0, lambda p: make.null(b"", 2 if p[0] >> 4 == 4 else 28, ">")),
    "SLIP": (8, lambda p: bytes(16)),
    "FDDI": (10, lambda p: b"\x50" + ADDRESSES + snap(p)),
    "Token Ring": (6, lambda p: b"\x10\x40" + ADDRESSES + snap(p)),
    "Token Ring, routed": (
        6,
        lambda p: b"\x10\x40" + bytes(6) + b"\x80" + bytes(5) + b"\x06\x30" + bytes(4) + snap(p),
    ),
    "ATM": (100, snap),
    "ATM of BSD": (11, snap),
    "ATM_CLIP": (106, lambda p: b""),
    "ATM_CLIP with LLC": (106, snap),
    "SUNATM": (123, lambda p: bytes(4) + snap(p)),
    "PPPoE alone": (51, lambda p: b"\x11\0\0\x01\0\x50" + ppp(p)),
    "ENC": (109, lambda p: bytes((2 if p[0] >> 4 == 4 else 24, *bytes(11)))),
    "IP over Fibre Channel": (122, lambda p: bytes(16) + snap(p)),
    "IP over IEEE 1394": (138, lambda p: bytes(16) + kind(p)),
    "IPNET": (226, lambda p: bytes((1, 2 if p[0] >> 4 == 4 else 26, 0, 0, 0, 0, 0, len(p), *bytes(16)))),
    "IPoIB": (242, lambda p: bytes(40) + kind(p) + b"\0\0"),
    "NETANALYZER": (240, lambda p: bytes(4) + ADDRESSES + kind(p)),
    "EPON": (259, lambda p: b"\xd5\x55\x55\0\0\x39" + ADDRESSES + kind(p)),
    "Broadcom's tag": (281, lambda p: ADDRESSES + bytes(4) + kind(p)),
    "Broadcom's tag in front": (282, lambda p: bytes(4) + ADDRESSES + kind(p)),
    "Marvell's tag": (284, lambda p: ADDRESSES + bytes(4) + kind(p)),
    "Marvell's tag with an EtherType": (285, lambda p: ADDRESSES + b"\xda\xda" + bytes(6) + kind(p)),
    "Marvell's tag and a VLAN": (284, lambda p: ADDRESSES + bytes(4) + b"\x81\0\0\x01" + kind(p)),
    "PFLOG": (117, lambda p: b"\x3d\x02" + bytes(62)),
    "NFLOG": (239, lambda p: nflog("<", p)),
    "NFLOG of a big-endian host": (239, lambda p: nflog(">", p)),
    "PPI": (192, lambda p: b"\0\0\x0c\0" + little(1) + bytes(4) + make.ethernet(p)[:14]),
    "PKTAP": (258, lambda p: little(108, 1, 1) + bytes(96) + make.ethernet(p)[:14]),
    "Juniper's Ethernet": (178, lambda p: JUNIPER + bytes(12) + kind(p)),
    "Juniper's Ethernet, extended": (178, lambda p: EXTENDED + bytes(12) + kind(p)),
    "Juniper without link layer": (178, lambda p: b"MGC\x03" + bytes(4)),
    "Juniper's PPP": (179, lambda p: JUNIPER + b"\xff\x03" + ppp(p)),
    "Juniper's Frame Relay": (180, lambda p: JUNIPER + b"\x18\x41" + kind(p)),
    "Juniper's Cisco HDLC": (181, lambda p: JUNIPER + b"\x0f\0" + kind(p)),
}


@pytest.mark.parametrize("name", BEFORE)
def test_the_ip_header_is_found_behind(name: str) -> None:
    if BEFORE[name][1](PACKET):
        assert is_found(BEFORE[name])
    else:
        assert found(PACKET, BEFORE[name][0]) == found(PACKET6, BEFORE[name][0]) == 0


ANSWERS = {
    "IPv4 where only IPv6 may be": (229, PACKET, WRONG_VERSION),
    "IPv6 where only IPv4 may be": (228, PACKET6, WRONG_VERSION),
    "raw, of version 5": (101, b"\x55" + PACKET, NO_IP),
    "another address family": (0, make.null(PACKET, 7), NO_IP),
    "a family beyond all": (0, make.null(PACKET, 0x01010101), NO_IP),
    "CAN in SLL": (113, bytes(14) + b"\0\x0c" + b"\x06\x06\x03" + PACKET, NO_IP),
    "Token Ring's own frames": (6, bytes(14) + snap(PACKET) + PACKET, NO_IP),
    "NFLOG with an attribute of no size": (239, bytes(200), NO_IP),
    "NFLOG without a payload": (239, nflog("<")[:-4], ENDS_EARLY),
    "a PPI header in a PPI header": (192, b"\0\0\x08\0" + little(192) + bytes(99), NO_IP),
    "PKTAP shorter than itself": (258, little(11, 1, 1) + PACKET, NO_IP),
    "PKTAP beyond the frame": (258, little(999, 1, 1) + PACKET, ENDS_EARLY),
    "a link type unknown inside": (192, b"\0\0\x08\0" + little(147) + PACKET, UNKNOWN_LINK),
    "Juniper without its magic number": (178, bytes(40), NO_IP),
    "no link type": (147, PACKET, UNKNOWN_LINK),
    "one of snoop's": (1 << 32 | 5, PACKET, UNKNOWN_LINK),
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


@given(st.binary(max_size=200), st.integers(0, 300))
def test_an_answer_lies_inside_whatever_the_octets(octets: bytes, link_type: int) -> None:
    at = found(octets, link_type)
    assert -5 < at < len(octets)
    assert at < 0 or octets[at] >> 4 in (4, 6)
