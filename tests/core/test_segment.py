"""The record of one segment: nothing of it is lost in a copy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.segment import ABSENT, BAD, GOOD, NO_TIME, UNKNOWN, Segment
from bypeer.core.tcp import ACK_, FIN, RST, SYN

FIELDS = Segment.__slots__
TRUTHS = ("df", "sack_permitted", "timestamps", "cut")


def values(segment: Segment) -> dict[str, int]:
    return {name: getattr(segment, name) for name in FIELDS}


def filled() -> Segment:
    """A segment that has another value in every field."""
    segment = Segment()
    for number, name in enumerate(FIELDS, 1):
        setattr(segment, name, name in TRUTHS or number)
    return segment


def test_a_new_segment_says_nothing() -> None:
    absent = {"ts": NO_TIME, "mss": ABSENT, "wscale": ABSENT, "checksum": UNKNOWN}
    assert values(Segment()) == dict.fromkeys(FIELDS, 0) | absent


def test_the_answers_on_a_checksum_differ() -> None:
    assert len({UNKNOWN, GOOD, BAD}) == 3


def test_no_date_is_before_every_date() -> None:
    assert min(0, -(10**18)) > NO_TIME


@pytest.mark.parametrize("name", FIELDS)
def test_a_copy_keeps_the_field(name: str) -> None:
    original = filled()
    assert getattr(original.copy(), name) == getattr(original, name) != getattr(Segment(), name)


@pytest.mark.parametrize("name", FIELDS)
def test_a_copy_is_a_record_of_its_own(name: str) -> None:
    original = filled()
    kept = original.copy()
    setattr(original, name, 0)
    assert values(kept) == values(filled())


ENDS = {
    "a bare ACK has no length": (ACK_, 0, 0),
    "data": (ACK_, 100, 100),
    "SYN counts one": (SYN, 0, 1),
    "FIN counts one": (FIN | ACK_, 0, 1),
    "both, with data": (SYN | FIN, 100, 102),
    "RST counts nothing": (RST, 0, 0),
    "a RST's text counts": (RST, 5, 5),
}


@pytest.mark.parametrize(("flags", "size", "length"), ENDS.values(), ids=ENDS)
def test_the_end_of_a_segment(flags: int, size: int, length: int) -> None:
    segment = Segment()
    segment.seq, segment.flags, segment.size = 1000, flags, size
    assert segment.end == 1000 + length


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**20), st.integers(0, 255))
def test_the_end_wraps(seq: int, size: int, flags: int) -> None:
    segment = Segment()
    segment.seq, segment.flags, segment.size = seq, flags, size
    length = size + bool(flags & SYN) + bool(flags & FIN)
    assert segment.end == (seq + length) & 0xFFFF_FFFF
