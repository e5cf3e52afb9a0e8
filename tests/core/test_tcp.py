"""The TCP header's table: offsets and flag bits, held against a header built another way."""

from __future__ import annotations

import struct

import pytest

from bypeer.core import tcp
from bypeer.core.script import parse
from tests import make

HEADER = make.tcp(0xA5, 0x01020304, 0x05060708, sport=0x1122, dport=0x3344, win=0x5566, offset=9)
FIELDS = {
    "SPORT": (">H", 0x1122),
    "DPORT": (">H", 0x3344),
    "SEQ": (">I", 0x01020304),
    "ACK": (">I", 0x05060708),
    "OFFSET": (">B", 9 << 4),
    "FLAGS": (">B", 0xA5),
    "WINDOW": (">H", 0x5566),
}
LETTERS = {
    "F": tcp.FIN,
    "S": tcp.SYN,
    "R": tcp.RST,
    "P": tcp.PSH,
    ".": tcp.ACK_,
    "U": tcp.URG,
    "E": tcp.ECE,
    "W": tcp.CWR,
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_lies_where_the_table_says(field: str) -> None:
    layout, value = FIELDS[field]
    assert struct.unpack_from(layout, HEADER, getattr(tcp, field)) == (value,)


def test_the_last_fields_end_the_shortest_header() -> None:
    assert (tcp.CHECKSUM, tcp.URGENT, tcp.URGENT + 2) == (tcp.WINDOW + 2, tcp.CHECKSUM + 2, tcp.SHORTEST)


def test_option_kinds() -> None:
    assert [one[0] for one in (make.EOL, make.NOP, make.mss(1), make.wscale(1), make.SACK_PERMITTED)] == [
        tcp.EOL, tcp.NOP, tcp.MSS, tcp.WSCALE, tcp.SACK_PERMITTED,
    ]  # fmt: skip
    assert [one[0] for one in (make.sack((1, 2)), make.timestamps(1, 2))] == [tcp.SACK, tcp.TIMESTAMPS]


def test_flag_bits_are_in_the_order_of_the_header() -> None:
    assert list(LETTERS.values()) == [1, 2, 4, 8, 16, 32, 64, 128]


@pytest.mark.parametrize("letter", LETTERS)
def test_each_flag_has_tcpdumps_letter(letter: str) -> None:
    assert tcp.letters(LETTERS[letter]) == letter


def test_letters_are_in_tcpdumps_order() -> None:
    assert tcp.letters(tcp.ACK_ | tcp.SYN) == "S."
    assert tcp.letters(tcp.ACK_ | tcp.PSH | tcp.FIN) == "FP."
    assert tcp.letters(0xFF) == "FSRP.UEW"
    assert tcp.letters(0) == "none"


def test_scripts_read_what_letters_write() -> None:
    for flags in range(256):
        ack = " ack 1" if flags & tcp.ACK_ else ""
        (line,) = parse(f"> {tcp.letters(flags)} 0:0(0){ack}")
        assert line.segment.flags == flags
