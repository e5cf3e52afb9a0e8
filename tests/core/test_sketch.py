"""Fingerprints, and what two vantages have in common by them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.connection import SKETCH, TO_CLIENT, TO_SERVER
from bypeer.core.lines import fingerprint
from bypeer.core.segment import Segment
from tests.core.placing import NAT, placed, told
from tests.core.test_connection import stream


def printed(segment: Segment) -> int:
    return fingerprint(segment.seq, segment.ack, segment.tsval)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=80), st.randoms())
def test_two_vantages_keep_the_same_sketch(starts: list[int], chance: Any) -> None:
    story = stream((start, 100) for start in starts)
    inner = told(story)
    outer = told(story, client=NAT, ttl=63)
    chance.shuffle(outer)
    (here,), _ = placed(inner)
    (there,), _ = placed(outer)
    assert here.halves[TO_SERVER].sketch == there.halves[TO_SERVER].sketch
    expected = sorted({printed(segment) for segment in inner})[:SKETCH]
    assert here.halves[TO_SERVER].sketch == expected
    assert here.halves[TO_CLIENT].sketch == []


FINGERS = {
    "seq": "> . 2:2(0) ack 1 <TS val 7 ecr 0>",
    "ack": "> . 1:1(0) ack 2 <TS val 7 ecr 0>",
    "timestamp": "> . 1:1(0) ack 1 <TS val 8 ecr 0>",
}


@pytest.mark.parametrize("other", FINGERS.values(), ids=FINGERS)
def test_what_a_fingerprint_tells_apart(other: str) -> None:
    (first,), (second,) = told("> . 1:1(0) ack 1 <TS val 7 ecr 0>"), told(other)
    assert printed(first) != printed(second)


def test_what_a_fingerprint_does_not_look_at() -> None:
    (first,) = told("> . 1:101(100) ack 1 win 7")
    (second,) = told("> P. 1:301(300) ack 1 win 9", client=NAT, ttl=5)
    assert printed(first) == printed(second)
    assert 0 <= printed(first) < 2**31
