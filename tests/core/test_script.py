"""Packet scripts to segments and back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core import tcp
from bypeer.core.expected import ALL, Answer, read_kernels, version
from bypeer.core.kernels import Sysctls
from bypeer.core.script import INITIAL, START, Story, parse, read, settings, written
from bypeer.core.segment import ABSENT, BAD, UNKNOWN, Segment

FIELDS = (
    "flags", "seq", "ack", "win", "size", "mss", "wscale", "sack_permitted", "timestamps", "tsval", "tsecr",
    "checksum", "sack_count", "sack", "dsack_left", "dsack_right",
)  # fmt: skip


def same(one: Segment, other: Segment) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in FIELDS)


def test_a_line_says_it_all() -> None:
    (line,) = parse(
        "+0.25 < PUEW. 5:105(100) ack 7 win 99 <mss 1460,sackOK,wscale 7,nop,TS val 3 ecr 4> => FIN_WAIT NEW"
    )
    one = line.segment
    assert (line.number, line.direction, line.expected()) == (1, 1, Answer("FIN_WAIT", "NEW"))
    assert line.text.startswith("+0.25 < PUEW. 5:105(100)")
    assert line.text.endswith(">")
    assert one.flags == tcp.PSH | tcp.URG | tcp.ECE | tcp.CWR | tcp.ACK_
    assert (one.seq, one.size, one.win) == ((INITIAL[1] + 5) % (1 << 32), 100, 99)
    assert one.ack == one.sack == INITIAL[0] + 7
    assert (one.mss, one.sack_permitted, one.wscale) == (1460, True, 7)
    assert (one.timestamps, one.tsval, one.tsecr) == (True, 3, 4)
    assert one.ts == START + 250_000_000


def test_what_a_line_leaves_out() -> None:
    (line,) = parse("> S 0:0(0)")
    one = line.segment
    assert (line.direction, line.expected(), line.answers) == (0, Answer(), ())
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
    assert [(line.number, *line.expected()[:2]) for line in lines] == [
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
    "> S 0:4294967296(4294967296)": "4294967296 is no number of 32 bits",
    "> . 0:0(0)": "`ack` goes with",
    "> S 0:0(0) ack 1": "`ack` goes with",
    "> . 0:0(0) (ack 1)": "`ack` goes with",
    "> S 0:0(0) (ack 1": "no segment",
    "> S 0:0(0) win 65536": "65536 is no number of 16 bits",
    "> S 0:9(9) long": "leaves no data",
    "> S 0:0(0) <fancy>": "no option: fancy",
    "> S 0:0(0) <mss x>": "invalid literal",
    "> S 0:0(0) <mss -1>": "-1 is no number of 16 bits",
    "> S 0:0(0) <wscale 256>": "256 is no number of 8 bits",
    "> S 0:0(0) <TS val 4294967296 ecr 0>": "no number of 32 bits",
    "> . 0:0(0) ack 1 <sack>": "one block to four",
    "> . 0:0(0) ack 1 <sack 1:2 1:2 1:2 1:2 1:2>": "one block to four",
    "> . 0:0(0) ack 1 <sack 1>": "invalid literal",
    "> S 0:0(0) =>": "no expectation",
    "> S 0:0(0) => NEW NEW": "NEW is none of NONE, SYN_SENT",
    "set tcp_loose 2": "no such setting",
    "set tcp_timeout_none 5": "no such setting",
    "set tcp_timeout_close 0": "no such setting",
    "set tcp_timeout_close 2147483648": "no such setting",
    "set tcp_max_retrans 256": "no such setting",
    "set tcp_loose": "no segment",
    "set tcp_loose x": "invalid literal",
    "initial 1": "no segment",
    "initial 1 4294967296": "no number of 32 bits",
    "story": "no segment",
    "on": "kernels are named as",
    "on 6.1 => NEW NEW": "no expectation above",
}


@pytest.mark.parametrize(("text", "why"), WRONG.items())
def test_a_script_that_makes_no_sense(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^line 1: .*{why}.*: {re.escape(text)}$"):
        list(parse(text))


TOO_LATE = {
    "set tcp_loose 0": "settings stand before all segments",
    "initial 1 2": "settings stand before all segments",
    "on 6.1": "kernels stand before its segments",
    "on 6.1 => SYN_SENT NEW": "no expectation above",
}


@pytest.mark.parametrize(("text", "why"), TOO_LATE.items())
def test_what_comes_too_late_makes_no_sense(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^line 2: {why}|^line 2: .*{why}"):
        read(f"> S 0:0(0)\n{text}")
    if text.startswith(("set", "initial")):
        with pytest.raises(ValueError, match=f"line 2: {why}"):
            read(f"story one\n{text}")


def test_two_stories_are_not_one() -> None:
    with pytest.raises(ValueError, match="too many"):
        list(parse("story one\nstory two"))


def test_the_line_at_fault_is_named() -> None:
    with pytest.raises(ValueError, match="line 3: start, end and size"):
        list(parse("> S 0:0(0)\n\n< S 0:5(3)"))


WHOLE = """
// Two connections that begin alike.
set tcp_loose 0
set tcp_timeout_close 500
set tcp_loose 1
initial 4294967295 7
on 5.15..

+1 > S 0:0(0)      => SYN_SENT NEW

story  the answer comes   // at once
< S. 0:0(0) ack 1  => SYN_RECV ESTABLISHED
on ..6.0           => SYN_RECV INVALID seq-over timer CLOSE
   on 5.16         => - -

story nothing else
on 6.1
"""


def test_a_whole_script() -> None:
    script = read(WHOLE)
    assert script.settings == (("tcp_loose", 1), ("tcp_timeout_close", 500))
    one, two = script.stories
    assert (one.name, two.name) == ("the answer comes", "nothing else")
    assert (one.kernels, two.kernels) == (read_kernels("5.15.."), read_kernels("6.1"))
    syn, answer = one.lines
    assert two.lines == (syn,)
    assert (syn.segment.seq, answer.segment.seq, answer.segment.ack) == (0xFFFF_FFFF, 7, 0)
    assert (syn.segment.ts, answer.segment.ts) == (START + 10**9,) * 2
    assert [str(answer.expected(version(release))) for release in ("6.0", "5.16.9", "6.1", "4.19")] == [
        "SYN_RECV INVALID seq-over timer CLOSE", "- -", "SYN_RECV ESTABLISHED",
        "SYN_RECV INVALID seq-over timer CLOSE",
    ]  # fmt: skip
    assert str(answer.expected()) == "SYN_RECV ESTABLISHED"


def test_each_story_is_dated_from_where_it_begins() -> None:
    one, two = read("+1 > S 0:0(0)\nstory a\n+1 > S 0:0(0)\nstory b\n+2 > S 0:0(0)").stories
    assert [(line.segment.ts - START) // 10**9 for line in (*one.lines, *two.lines)] == [1, 2, 1, 3]


def test_an_empty_script_is_a_story_of_nothing() -> None:
    assert read("// nothing\n").stories == (Story("", ALL, ()),)


SETTINGS = {
    "tcp_be_liberal": 1, "tcp_loose": 0, "tcp_ignore_invalid_rst": 1, "checksum": 1, "tcp_max_retrans": 9,
    "tcp_timeout_time_wait": 77, "tcp_timeout_unacknowledged": 78,
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), SETTINGS.items())
def test_settings_there_and_back(name: str, value: int) -> None:
    base = Sysctls()
    told = read(f"set {name} {value}").sysctls(base)
    assert told != base
    assert list(settings(told, base)) == [f"set {name} {value}"]
    assert list(settings(told, told)) == []


NUMBER = st.integers(0, (1 << 32) - 1)


@st.composite
def some_segments(draw: st.DrawFn) -> Segment:
    one = Segment()
    one.flags = draw(st.integers(0, 255))
    one.seq, one.win, one.size = draw(NUMBER), draw(st.integers(0, 65_535)), draw(st.integers(0, 65_535))
    one.checksum = draw(st.sampled_from((UNKNOWN, BAD)))
    if draw(st.booleans()):
        one.size = draw(st.sampled_from((0, -1)))
    one.ack = one.sack = draw(st.sampled_from((0, 1, INITIAL[0], 0xFFFF_FFFF)))
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
