from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.octets import u16, u32, u64, words


@given(st.binary(min_size=8, max_size=12))
def test_numbers_are_in_network_order_at_every_place(octets: bytes) -> None:
    for at in range(len(octets) - 7):
        for size, read in ((2, u16), (4, u32), (8, u64)):
            assert read(bytearray(octets), at) == int.from_bytes(octets[at : at + size], "big")


def test_beyond_the_buffer_is_an_error_not_a_guess() -> None:
    for size, read in ((2, u16), (4, u32), (8, u64)):
        with pytest.raises(IndexError):
            read(bytearray(size), 1)


@given(st.binary(max_size=40))
def test_words_add_up_as_in_a_checksum(octets: bytes) -> None:
    whole = octets + bytes(len(octets) & 1)
    total = sum(u16(bytearray(whole), at) for at in range(0, len(whole), 2))
    assert words(bytearray(b"x" + octets), 1, 1 + len(octets)) == total % 0xFFFF
