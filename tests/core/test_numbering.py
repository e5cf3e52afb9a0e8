"""Sequence numbers without wrapping, held against streams of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.connections import Connections
from bypeer.core.excerpt import Excerpt
from bypeer.core.groups import Place
from bypeer.core.nat import Join
from bypeer.core.script import INITIAL, parse
from bypeer.core.study import NOWHERE, Side, Sighting, study


def numbered(story: str, isns: Sequence[int] = INITIAL, flipped: bool = False) -> list[Sighting]:
    """The segments of a script as one vantage has them."""
    table, rows = Connections(), []
    for line in parse(story, isns):
        one, ports = line.segment, (40_000, 443)[:: -1 if line.direction else 1]
        (one.sport, one.dport), one.version = ports, 4
        table.place(one)
        rows.append((table.direction, one))
    place = Place((0, 0), table.rows[0], flipped)
    kept = Excerpt()
    kept.rows = rows
    return study(Join(outside=place), {((0, 0), 0): kept}, {(0, 0): Side()}).sightings


def numbers(found: Sequence[Sighting]) -> list[tuple[int, int, int]]:
    return [(one.start, one.end, one.ack) for one in found]


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 2**29)), min_size=1, max_size=60)
ISN = st.one_of(st.integers(0, 2**32 - 1), st.integers(-5, 5).map(lambda near: near % 2**32))


@given(STEPS, ISN, ISN, st.booleans())
def test_numbers_run_on_through_any_number_of_wraps(steps: Any, ours: int, theirs: int, seen: bool) -> None:
    at, expected = [1, 1], []
    story = "> S 0:0(0)\n< S. 0:0(0) ack 1\n" if seen else ""
    for back, size in steps:
        way = int(back)
        expected.append((at[way], at[way] + size, at[1 - way]))
        story += f"{'><'[way]} . {at[way]}:{at[way] + size}({size}) ack {at[1 - way]}\n"
        at[way] += size
    found = numbers(numbered(story, (ours, theirs)))
    assert found[2 * seen :] == expected
    assert found[: 2 * seen] == [(0, 1, NOWHERE), (0, 1, 1)][: 2 * seen]


def test_several_wraps_are_really_reached() -> None:
    size = 2**29
    story = "".join(f"> . {at}:{at + size}({size}) ack 1\n" for at in range(1, 40 * size, size))
    assert numbers(numbered(story, (2**32 - 1, 5)))[-1] == (39 * size + 1, 40 * size + 1, 1)


COUNTED = {
    "from the SYN": ("> S 0:0(0)\n> . 1:11(10) ack 1", [(0, 1, NOWHERE), (1, 11, 1)]),
    "an old segment lies before": ("> S 0:0(0)\n> . -9:1(10) ack -5", [(0, 1, NOWHERE), (-9, 1, 1)]),
    "from the first segment": ("> . 7000:7010(10) ack 1", [(1, 11, 1)]),
    "from the first acknowledgement": (
        "> . 1:1(0) ack 5000\n< . 4990:5010(20) ack 1", [(1, 1, 1), (-9, 11, 1)]),
    "from the SYN/ACK alone": ("< S. 0:0(0) ack 1\n> . 1:2(1) ack 1", [(0, 1, 1), (1, 2, 1)]),
    "a RST of SEG.SEQ 0 is no beginning": (
        f"> R -{INITIAL[0]}:-{INITIAL[0]}(0)\n> . 900:910(10) ack 1", [(0, 0, NOWHERE), (1, 11, 1)]),
    "a RST is one otherwise": ("> R 800:800(0)\n> . 900:910(10) ack 1", [(1, 1, NOWHERE), (101, 111, 1)]),
    "a RST with ACK, too": (
        f"> R. -{INITIAL[0]}:-{INITIAL[0]}(0) ack 9\n< . 9:10(1) ack 1", [(1, 1, 1), (1, 2, 10**9 + 2)]),
    "FIN counts one": ("> . 1:1(0) ack 1\n> F. 1:3(2) ack 1", [(1, 1, 1), (1, 4, 1)]),
    "a RST's number is no progress": (
        "> S 0:0(0)\n> R 500000000:500000000(0)\n> R 2500000000:2500000000(0)",
        [(0, 1, NOWHERE), (500_000_000, 500_000_000, NOWHERE), (2_500_000_000 - 2**32,) * 2 + (NOWHERE,)]),
    "nor is a wild one": (
        "> S 0:0(0)\n> . 1500000000:1500000001(1) ack 1\n> . 3000000000:3000000001(1) ack 1",
        [(0, 1, NOWHERE), (1_500_000_000, 1_500_000_001, 1), (3 * 10**9 - 2**32, 3 * 10**9 - 2**32 + 1, 1)]),
}  # fmt: skip


@pytest.mark.parametrize(("story", "expected"), COUNTED.values(), ids=COUNTED)
def test_what_numbers_are_counted_from(story: str, expected: list[tuple[int, ...]]) -> None:
    assert numbers(numbered(story)) == expected


def test_a_place_that_is_turned_round_turns_its_directions() -> None:
    story = "> . 1:1(0) ack 1\n< . 1:1(0) ack 1"
    assert [one.direction for one in numbered(story)] == [TO_SERVER, TO_CLIENT]
    assert [one.direction for one in numbered(story, flipped=True)] == [TO_CLIENT, TO_SERVER]
