"""Packet scripts to segments and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core import tcp
from bypeer.core.script import INITIAL, START, parse, written
from bypeer.core.segment import ABSENT, Segment

FIELDS = (
    "flags", "seq", "ack", "win", "size", "mss", "wscale", "sack_permitted", "timestamps", "tsval", "tsecr",
    "sack_count", "sack", "dsack_left", "dsack_right",
)  # fmt: skip


def same(one: Segment, other: Segment) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in FIELDS)


def test_a_line_says_it_all() -> None:
    (line,) = parse(
        "+0.25 < PUEW. 5:105(100) ack 7 win 99 <mss 1460,sackOK,wscale 7,nop,TS val 3 ecr 4> => FIN_WAIT NEW"
    )
    one = line.segment
    assert (line.number, line.direction, line.state, line.ctstate) == (1, 1, "FIN_WAIT", "NEW")
    assert one.flags == tcp.PSH | tcp.URG | tcp.ECE | tcp.CWR | tcp.ACK_
    assert (one.seq, one.size, one.win) == ((INITIAL[1] + 5) % (1 << 32), 100, 99)
    assert one.ack == one.sack == INITIAL[0] + 7
    assert (one.mss, one.sack_permitted, one.wscale) == (1460, True, 7)
    assert (one.timestamps, one.tsval, one.tsecr) == (True, 3, 4)
    assert one.ts == START + 250_000_000


def test_what_a_line_leaves_out() -> None:
    (line,) = parse("> S 0:0(0)")
    one = line.segment
    assert (line.direction, line.state, line.ctstate) == (0, None, None)
    assert (one.seq, one.ack, one.win, one.size, one.ts) == (INITIAL[0], 0, 65_535, 0, START)
    assert (one.mss, one.wscale, one.sack_permitted, one.timestamps, one.sack_count) == (
        ABSENT,
        ABSENT,
        False,
        False,
        0,
    )


def test_comments_blank_lines_and_expectations() -> None:
    story = """// a story

> S 0:0(0) => SYN_SENT
   # aside
< none -1:-1(0) => - INVALID // so
> R 0:0(0) => - -"""
    lines = list(parse(story))
    assert [(line.number, line.state, line.ctstate) for line in lines] == [
        (3, "SYN_SENT", None), (5, None, "INVALID"), (6, None, None),
    ]  # fmt: skip
    assert lines[1].segment.flags == 0
    assert lines[1].segment.seq == INITIAL[1] - 1


def test_waits_add_up() -> None:
    assert [line.segment.ts - START for line in parse("+1 > S 0:0(0)\n> S 0:0(0)\n+0.5 > S 0:0(0)")] == [
        10**9, 10**9, 15 * 10**8,
    ]  # fmt: skip


SACKS = {
    "one": ("sack 51:101", 1, 101, (51, 101)),
    "the highest counts": ("sack 51:101 201:301 151:161", 3, 301, (51, 101)),
    "none above the acknowledgement": ("sack 1:5", 1, 7, (1, 5)),
}


@pytest.mark.parametrize(("option", "count", "highest", "first"), SACKS.values(), ids=SACKS)
def test_sack_blocks(option: str, count: int, highest: int, first: tuple[int, int]) -> None:
    (line,) = parse(f"< . 1:1(0) ack 7 <nop,nop,{option}>")
    one = line.segment
    assert (one.sack_count, one.sack) == (count, INITIAL[0] + highest)
    assert (one.dsack_left, one.dsack_right) == tuple(INITIAL[0] + edge for edge in first)


WRONG = {
    "> S 0:0": "no segment",
    "S 0:0(0)": "no segment",
    "> S 0:1(0)": "do not agree",
    "> . 0:0(0)": "`ack` goes with",
    "> S 0:0(0) ack 1": "`ack` goes with",
    "> S 0:0(0) win 65536": "16 bits",
    "> S 0:0(0) <fancy>": "no option: fancy",
    "> S 0:0(0) <mss x>": "line 1: .*invalid literal",
    "> . 0:0(0) ack 1 <sack>": "no block",
    "> . 0:0(0) ack 1 <sack 1>": "invalid literal",
    "> S 0:0(0) =>": "no segment",
}


@pytest.mark.parametrize(("text", "why"), WRONG.items())
def test_a_script_that_makes_no_sense(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"line 1: .*{why}|{why}"):
        list(parse(text))


def test_the_line_at_fault_is_named() -> None:
    with pytest.raises(ValueError, match="line 3: start, end and size"):
        list(parse("> S 0:0(0)\n\n< S 0:5(3)"))


NUMBER = st.integers(0, (1 << 32) - 1)


@st.composite
def some_segments(draw: st.DrawFn) -> Segment:
    one = Segment()
    one.flags = draw(st.integers(0, 255))
    one.seq, one.win, one.size = draw(NUMBER), draw(st.integers(0, 65_535)), draw(st.integers(0, 65_535))
    one.mss = draw(st.sampled_from((ABSENT, 0, 1460, 65_535)))
    one.wscale = draw(st.sampled_from((ABSENT, 0, 14, 255)))
    one.sack_permitted = draw(st.booleans())
    if draw(st.booleans()):
        one.timestamps, one.tsval, one.tsecr = True, draw(NUMBER), draw(NUMBER)
    if one.flags & tcp.ACK_:
        one.ack = one.sack = draw(NUMBER)
        one.sack_count = draw(st.integers(0, 2))
    if one.sack_count:
        one.dsack_left = (one.ack + 10) % (1 << 32)
        one.dsack_right = one.sack = (one.ack + 20) % (1 << 32)
    if one.sack_count > 1:
        one.sack = (one.ack + draw(st.integers(20, 1 << 30))) % (1 << 32)
    return one


@given(some_segments(), st.integers(0, 1))
def test_there_and_back(one: Segment, direction: int) -> None:
    text = written(direction, one)
    (line,) = parse(text)
    assert line.direction == direction
    assert same(line.segment, one)
    assert written(direction, line.segment) == text
