from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.wireless import past_avs, past_prism, past_radiotap, past_wireless
from tests.core.headers import ENDS_EARLY, NO_IP, PACKET, Before, found, is_found, little, snap

FROM, BOTH, ORDER, PROTECTED = 0x0200, 0x0300, 0x8000, 0x4000
DATA, QOS, NULL, BEACON = 0x0008, 0x0088, 0x0048, 0x0080
AGGREGATE, MESH = b"\x80\0", b"\0\x01"


def header(control: int = DATA | FROM, more: bytes = b"", fragment: int = 0) -> bytes:
    """An 802.11 header: frame control, duration, three addresses, sequence control, and what follows."""
    return struct.pack("<HH18xH", control, 0, 16 | fragment) + more


def radiotap(*words: int, fields: bytes = b"") -> bytes:
    return struct.pack("<BBH", 0, 0, 4 + 4 * len(words) + len(fields)) + little(*words) + fields


BEFORE: Before = {
    "802.11": (105, lambda p: header() + snap(p)),
    "four addresses": (105, lambda p: header(DATA | BOTH, bytes(6)) + snap(p)),
    "QoS": (105, lambda p: header(QOS | FROM, bytes(2)) + snap(p)),
    "QoS and HT control": (105, lambda p: header(QOS | FROM | ORDER, bytes(6)) + snap(p)),
    "an aggregate": (105, lambda p: header(QOS | FROM, AGGREGATE + bytes(13) + b"\x50") + snap(p)),
    "a mesh": (105, lambda p: header(QOS | BOTH, bytes(6) + MESH + bytes(6)) + snap(p)),
    "a mesh with addresses": (
        105,
        lambda p: header(QOS | BOTH, bytes(6) + MESH + b"\x02" + bytes(17)) + snap(p),
    ),
    "radiotap": (127, lambda p: radiotap(0) + header() + snap(p)),
    "radiotap with flags": (127, lambda p: radiotap(2, fields=b"\x10") + header() + snap(p)),
    "radiotap, padded": (127, lambda p: radiotap(2, fields=b"\x20") + header(QOS | FROM, bytes(4)) + snap(p)),
    "radiotap with time, padded": (
        127,
        lambda p: radiotap(3, fields=bytes(8) + b"\x20") + header(QOS, bytes(4)) + snap(p),
    ),
    "radiotap of two words, padded": (
        127,
        lambda p: radiotap(0x8000_0003, 0, fields=bytes(12) + b"\x20") + header(QOS, bytes(4)) + snap(p),
    ),
    "AVS": (163, lambda p: struct.pack(">II", 0x80211001, 64) + bytes(56) + header() + snap(p)),
    "Prism": (119, lambda p: little(0x44, 144) + bytes(136) + header() + snap(p)),
    "AVS under Prism's name": (
        119,
        lambda p: struct.pack(">II", 0x80211002, 20) + bytes(12) + header() + snap(p),
    ),
}


@pytest.mark.parametrize("name", BEFORE)
def test_the_ip_header_is_found_behind(name: str) -> None:
    assert is_found(BEFORE[name])


REST = snap(PACKET) + PACKET
ANSWERS = {
    "a beacon": (105, header(BEACON) + REST, NO_IP),
    "no data": (105, header(NULL) + REST, NO_IP),
    "an encrypted frame": (105, header(DATA | PROTECTED) + REST, NO_IP),
    "a later fragment": (105, header(fragment=1) + REST, NO_IP),
    "another version": (105, header(DATA | 1) + REST, NO_IP),
    "radiotap too short for itself": (127, struct.pack("<BBHI", 0, 0, 7, 0) + header() + REST, NO_IP),
    "radiotap beyond the frame": (127, struct.pack("<BBHI", 0, 0, 999, 0) + header() + REST, ENDS_EARLY),
    "AVS too short for itself": (163, struct.pack(">II", 0x80211001, 7) + header() + REST, NO_IP),
    "Prism cut": (119, bytes(143), ENDS_EARLY),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_there_is_no_ip_header_in(name: str) -> None:
    link_type, frame, answer = ANSWERS[name]
    assert found(frame, link_type) == answer


def test_words_without_end_are_no_padding() -> None:
    frame = radiotap(*[0x8000_0002] * 9) + header() + REST
    assert found(frame, 127) == len(frame) - len(PACKET)


def test_flags_that_lie_beyond_the_header_are_none() -> None:
    frame = radiotap(3, fields=bytes(4)) + header() + REST
    assert found(frame, 127) == len(frame) - len(PACKET)


@given(st.binary(max_size=200), st.integers(0, 60), st.booleans())
def test_frames_are_walked_from_anywhere(octets: bytes, at: int, padded: bool) -> None:
    walks = [past_avs, past_prism, past_radiotap, lambda *where: past_wireless(*where, padded)]
    for walk in walks:
        assert walk(bytearray(octets), at, len(octets)) < max(1, len(octets))
