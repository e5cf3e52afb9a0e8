"""The timeline as lines of tcpdump: to be pasted, and read again."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from bypeer.api import explain
from bypeer.core.explanation import Explanation
from bypeer.report.tcpdump import render
from tests.capture.printing import EXCERPT
from tests.report import sample

CAPTURES = Path(__file__).parent.parent / "captures"
PAIRS = sorted(path.name for path in CAPTURES.iterdir() if path.is_dir())


def read(directory: Path, text: str) -> Explanation:
    path = directory / "printed.txt"
    path.write_text(text, encoding="utf-8")
    return explain([path])


def test_letters_lines_and_what_is_left_out() -> None:
    found = sample.killed()
    (connection,) = found.connections
    events = [one._replace(dump=[f"{one.letter}1", f"{one.letter}2"]) for one in connection.events]
    text = render(found._replace(connections=[connection._replace(events=events)]))
    letters = [one.letter for one in events]
    assert [line for line in text.splitlines() if len(line) == 1] == letters
    assert text.count("...\n") == sum(ord(b) - ord(a) > 1 for a, b in pairwise(letters)) > 0
    assert text.startswith("A\nA1\nA2\n\nB\nB1\nB2\n\n")


def test_the_investigations_own_shape(tmp_path: Path) -> None:
    """What went in comes out: the same letters, and the same segments under each."""
    text = render(read(tmp_path, EXCERPT))
    facts = re.compile(r"^(\S+) .*?([\d.]+ > [\d.]+): Flags (\[\S+\]).*(length \d+)$")
    said = [(found.groups() if (found := facts.match(line)) else line) for line in text.splitlines()]
    given = EXCERPT.replace(".https", ".443").splitlines()
    expected = [(found.groups() if (found := facts.match(line)) else line) for line in given]
    assert said == [line for at, line in enumerate(expected) if line != "" or expected[at - 1] != "..."]


@pytest.mark.parametrize("name", PAIRS)
def test_it_can_be_read_again(tmp_path: Path, name: str) -> None:
    first = explain(sorted((CAPTURES / name).glob("*.pcap")))
    text = render(first)
    again = read(tmp_path, text)
    assert sum(": Flags [" in line for line in text.splitlines()) == again.inputs[0].packets
    # All of its lines, and so its two sides and its resets, are in the second telling's captures.
    (before,) = [one for one in first.connections if one.id == first.verdict.connection]
    (after,) = again.connections
    assert after.outside == before.outside
    if name != "entry-missing":  # of which a single segment was seen twice: too few to join by
        assert after.inside == before.inside
    lines = {line for one in before.events for line in one.dump}
    assert {line for one in after.events for line in one.dump} <= lines
    assert again.inputs[0].rst == sum("[R" in line for line in lines)


def test_without_events_the_verdict() -> None:
    found = sample.killed()._replace(connections=[])
    assert render(found).startswith("The NAT host itself reset this download")
    assert render(found).count("\n") == 1


def test_foreign_text_is_made_plain() -> None:
    found = sample.killed()
    (connection,) = found.connections
    hostile = connection.events[0]._replace(dump=["a\x1b[2Jb"])
    assert "a\\x1b[2Jb" in render(found._replace(connections=[connection._replace(events=[hostile])]))
