from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.serial import past_cisco, past_frame_relay, past_hdlc
from tests.core.headers import ENDS_EARLY, NO_IP, PACKET, Before, found, is_found, kind, ppp

DLCI = b"\x18\x41"
NLPID = {4: b"\xcc", 6: b"\x8e"}

BEFORE: Before = {
    "PPP": (9, lambda p: ppp(p)),
    "PPP, its protocol in one octet": (9, lambda p: ppp(p)[1:]),
    "PPP in HDLC": (50, lambda p: b"\xff\x03" + ppp(p)),
    "PPP in HDLC, in one octet": (50, lambda p: b"\xff\x03" + ppp(p)[1:]),
    "PPP of MPLS": (9, lambda p: b"\x02\x81\0\0\x11\x40"),
    "PPP with the direction as address": (166, lambda p: b"\x01\x03" + ppp(p)),
    "PPP with the direction in front": (204, lambda p: b"\0\xff\x03" + ppp(p)),
    "Cisco's HDLC": (104, lambda p: b"\x0f\0" + kind(p)),
    "Cisco's HDLC as PPP": (9, lambda p: b"\x8f\0" + kind(p)),
    "Cisco's HDLC with the direction": (205, lambda p: b"\x01\x0f\0" + kind(p)),
    "Frame Relay": (107, lambda p: DLCI + b"\x03" + NLPID[p[0] >> 4]),
    "Frame Relay, padded": (107, lambda p: DLCI + b"\x03\0" + NLPID[p[0] >> 4]),
    "Frame Relay with SNAP": (107, lambda p: DLCI + b"\x03\0\x80\0\0\0" + kind(p)),
    "Frame Relay with a frame": (107, lambda p: DLCI + b"\x03\0\x80\0\x80\xc2\0\x07" + bytes(12) + kind(p)),
    "Frame Relay with PPP": (107, lambda p: DLCI + b"\x03\xcf" + ppp(p)),
    "Frame Relay of Cisco": (107, lambda p: DLCI + kind(p)),
    "Frame Relay with a long address": (107, lambda p: b"\x18\x40\x40\x01" + kind(p)),
    "Frame Relay with the direction": (206, lambda p: b"\0" + DLCI + kind(p)),
}  # fmt: skip


@pytest.mark.parametrize("name", BEFORE)
def test_the_ip_header_is_found_behind(name: str) -> None:
    assert is_found(BEFORE[name])


ANSWERS = {
    "PPP's own protocols": (9, b"\xff\x03\xc0\x21" + PACKET, NO_IP),
    "Cisco's keepalive": (104, b"\x8f\0\x80\x35" + bytes(14), NO_IP),
    "Frame Relay without end of address": (107, bytes(9), NO_IP),
    "Frame Relay's own signals": (107, DLCI + b"\x03\x08" + bytes(9), NO_IP),
    "Frame Relay with SNAP of others": (107, DLCI + b"\x03\0\x80\0\0\x0c\x08\0" + PACKET, NO_IP),
    "an address alone": (107, b"\0", ENDS_EARLY),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_there_is_no_ip_header_in(name: str) -> None:
    link_type, frame, answer = ANSWERS[name]
    assert found(frame, link_type) == answer


@given(st.binary(max_size=60), st.integers(0, 60))
def test_lines_are_walked_from_anywhere(octets: bytes, at: int) -> None:
    for walk in (past_cisco, past_frame_relay, past_hdlc):
        assert walk(bytearray(octets), at, len(octets)) < max(1, len(octets))
