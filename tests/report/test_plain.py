"""Foreign text cannot drive a terminal or deceive a reader."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.report.plain import cleaned, plain
from tests.report import sample

ESCAPED = {
    "escape": ("a\x1b[31m", r"a\x1b[31m"),
    "C1 control sequence introducer": ("\x9b", r"\x9b"),
    "delete": ("\x7f", r"\x7f"),
    "nul and line feed": ("\0\n", r"\x00\x0a"),
    "right-to-left override": ("x\u202egpj", r"x\u202egpj"),
    "isolates": ("\u2066\u2069", r"\u2066\u2069"),
    "zero width": ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
    "line separator": ("\u2028", r"\u2028"),
    "no-break space": ("\xa0", r"\xa0"),
    "Hangul filler": ("\u3164", r"\u3164"),
    "variation selector": ("\ufe0f", r"\ufe0f"),
    "tag character": ("\U000e0041", r"\U000e0041"),
    "octet that is not UTF-8": ("\udcff", r"\udcff"),
}


@pytest.mark.parametrize(("text", "shown"), ESCAPED.values(), ids=ESCAPED)
def test_what_cannot_be_seen_is_escaped(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize("text", ["", "eth0", "C:\\captures\\a.pcap", "Grüße/日本語/🦀.pcap"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert plain(text) == text


@given(st.text(st.characters()))
def test_nothing_unseen_is_left(text: str) -> None:
    shown = plain(text)
    assert {unicodedata.category(one) for one in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} == set()
    assert plain(shown) == shown


def test_a_record_is_cleaned_at_any_depth() -> None:
    clean = cleaned(sample.hostile())
    assert "\x1b" not in repr(clean).replace("\\\\x1b", "")
    assert clean.inputs[0].path.startswith(r"/tmp/evil\x1b[2J\u202e")
    assert all(key.isprintable() for key in clean.inputs[0].weird)


def test_a_clean_record_stays() -> None:
    assert cleaned(sample.killed()) == sample.killed()


def test_a_command_keeps_its_lines() -> None:
    remedy = sample.remedies()[0]._replace(command="one\ntwo\x1b")
    assert cleaned(remedy).command == "one\ntwo\\x1b"
