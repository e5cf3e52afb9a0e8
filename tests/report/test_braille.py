"""The picture in a terminal: of any size, in ASCII, without colour, of foreign text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bypeer.core.picture import KINDS, Picture
from bypeer.report.braille import DOTS, SIGNS, planned, render
from tests.forks import NAMES, columns, fork, moment, picture

FORK = fork(1200)
SGR = re.compile(r"\x1b\[[0-9;]*m")


def bare(text: str) -> list[str]:
    return SGR.sub("", text).splitlines()


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 220), height=st.integers(1, 70), colour=st.booleans(), ascii_only=st.booleans())
def test_any_size(width: int, height: int, colour: bool, ascii_only: bool) -> None:
    lines = bare(render(FORK, width, height, colour, ascii_only))
    assert len(lines) <= max(height, 8)
    assert all(len(line) <= max(width, 20) for line in lines)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (20, 8)])
def test_all_of_the_height_is_used_or_enough(width: int, height: int) -> None:
    assert len(bare(render(FORK, width, height, False, False))) in range(min(height - 1, 45), height + 1)


def test_ascii_is_ascii_and_no_colour_is_no_colour() -> None:
    assert render(FORK, 80, 24, False, True).isascii()
    assert "\x1b" not in render(FORK, 80, 24, False, False)
    text = render(FORK, 80, 24, True, False)
    assert bare(text) == bare(render(FORK, 80, 24, False, False))
    for line in text.splitlines():  # every line ends as it began
        assert not SGR.findall(line) or SGR.findall(line)[-1] == "\x1b[0m"


def test_signs_differ() -> None:
    for sign in (0, 1):
        rare = [SIGNS[name][sign] for name in NAMES if sign or NAMES[name] >= NAMES["again"]]
        assert len(set(rare)) == len(rare)
    assert list(SIGNS) == [name for name, _ in KINDS]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_rare_kind_is_seen_and_told(ascii_only: bool) -> None:
    rows = [(at * 10, at * 10, 5, 0, NAMES["data"]) for at in range(2000)]
    rare = [
        (100 + 1900 * at, 18_000 - 1900 * at, 0, 900, kind) for at, kind in enumerate(range(4, len(KINDS)))
    ]
    text = render(picture(columns(sorted(rows + rare)), (0, 20_000)), 100, 40, False, ascii_only)
    lines = bare(text)
    for name, words in KINDS[4:]:
        sign = SIGNS[name][ascii_only]
        assert f"{sign} {words} 1" in text
        edge = "|" if ascii_only else "\u2502"
        assert any(sign in line.partition(edge)[2] for line in lines if edge in line), name


def point(ts: int, low: int) -> Picture:
    """A focus of 1000 ns and data at both its corners, and a point of data."""
    rows = [(0, 0, 0, 0, NAMES["data"]), (ts, low, 0, 0, NAMES["data"]), (1000, 1000, 0, 0, NAMES["data"])]
    return picture(columns(sorted(rows)), (0, 1000))


def test_a_mark_lies_at_the_dot_where_it_must() -> None:
    lines = bare(render(point(300, 700), 80, 24, False, False))
    rows = [line for line in lines if "\u2502" in line]
    upper = rows[: len(rows) - len(rows) * 2 // 5]
    found = {
        (column * 2 + right, row * 4 + down)
        for row, line in enumerate(upper)
        for column, one in enumerate(line.partition("\u2502")[2])
        for down, pair in enumerate(DOTS)
        for right, bit in enumerate(pair)
        if 0x2800 <= ord(one) < 0x2900 and ord(one) - 0x2800 & bit
    }
    # 71 columns of 2 dots for 1000 ns and 15 at either end; rows of 4 for 1000 octets and 60 at either.
    high = 4 * len(upper)
    wanted = (int(315 / 1030 * 142), int(360 / 1120 * high))
    assert len(found) == 3
    assert wanted in found


def test_moments_stand_on_top_in_order_and_are_told() -> None:
    lines = bare(render(FORK, 200, 60, False, False))
    assert lines[1].split() == ["A", "B", "C", "X", "Y"]
    for one in FORK.moments:
        assert any(line.startswith(f"{one.letter}  22:26:") and one.text in line for line in lines)


def test_the_letter_stands_above_its_mark() -> None:
    made = picture(FORK.marks, FORK.focus, [one for one in FORK.moments if one.letter == "B"], FORK.bounds)
    lines = bare(render(made, 80, 24, False, False))
    at = lines[1].index("B")
    assert any(line[at : at + 1] == SIGNS["trigger"][0] for line in lines)


def test_foreign_text_neither_controls_nor_leaves_ascii() -> None:
    bad = "\x1b[2J\u202e\x9b\x07\r\n\u7f51\ud800"
    moments = [moment(bad, 500, 5, 1, "kept", bad), moment("", 600, 5, 1, "kept", "")]
    made = picture(columns([]), (0, 1000), moments)._replace(title=bad, direction=bad)
    for ascii_only in (False, True):
        lines = bare(render(made, 80, 24, True, ascii_only))
        assert all(line.isprintable() for line in lines)
        assert not ascii_only or all(line.isascii() for line in lines)


def test_an_empty_picture() -> None:
    assert bare(render(picture(columns([]), (0, 0)), 80, 24, True, False))


def test_rows_are_shared_out_panels_first() -> None:
    for height in range(8, 80):
        plan = planned(height, 3, 5)
        used = 2 + plan.title + 2 * plan.titles + plan.units + plan.legend + plan.key + sum(plan.panels)
        assert used <= height
        assert sum(plan.panels) >= min(height - 5, 8)
    assert planned(60, 3, 5).key == 5
