"""Arithmetic modulo 2**32, at the wrap and in general."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.seq import add, after, before, distance, later
from tests import pure

NUMBERS = st.integers(0, (1 << 32) - 1)
APART = st.integers(-(1 << 31) + 1, (1 << 31) - 1)  # octets between which an order exists

TABLE = {
    "equal": (7, 7, 0),
    "one ahead": (8, 7, 1),
    "one behind": (7, 8, -1),
    "over the wrap": (0, 0xFFFF_FFFF, 1),
    "back over it": (0xFFFF_FFFF, 0, -1),
    "as far ahead as may be": (0x7FFF_FFFF, 0, 0x7FFF_FFFF),
    "as far behind as may be": (0x8000_0001, 0, -0x7FFF_FFFF),
    "half of all numbers": (0x8000_0000, 0, -0x8000_0000),
}


@pytest.mark.parametrize(("a", "b", "octets"), TABLE.values(), ids=TABLE)
def test_distance(a: int, b: int, octets: int) -> None:
    assert distance(a, b) == octets
    assert after(a, b) == (octets > 0)
    assert before(a, b) == (octets < 0)
    assert later(a, b) == (a if octets > 0 else b)
    assert add(b, octets) == a


@given(NUMBERS, APART)
def test_order_holds_wherever_the_wrap_lies(a: int, octets: int) -> None:
    b = add(a, octets)
    assert 0 <= b < 1 << 32
    assert distance(b, a) == octets
    assert after(b, a) == before(a, b) == (octets > 0)
    assert later(a, b) == later(b, a) == (b if octets > 0 else a)


@given(NUMBERS, st.integers(-(1 << 40), 1 << 40), st.integers(-(1 << 40), 1 << 40))
def test_steps_add_up(a: int, one: int, other: int) -> None:
    assert add(add(a, one), other) == add(a, one + other)


@given(NUMBERS, NUMBERS)
def test_compiled_and_source_agree(a: int, b: int) -> None:
    source, compiled = pure.load_pure("bypeer.core.seq"), pure.load_compiled("bypeer.core.seq")
    for name in ("after", "before", "distance", "add", "later"):
        assert getattr(source, name)(a, b) == getattr(compiled, name)(a, b)
