"""Which rows are worth more than to be counted."""

from __future__ import annotations

from typing import Any

from bypeer.core.connections import Connections
from bypeer.core.script import INITIAL
from bypeer.core.segment import NO_TIME
from bypeer.core.worth import Apart, Digest, Tally, apart, lone, near, sharing, telling
from tests.core.placing import CLIENT, CLOSED, RESET, SERVER, SHAKEN, told

ANSWERED = "< S. 0:0(0) ack 1\n"
LONE = "> . 1:1(0) ack 1 <TS val 5 ecr 6>\n"


def tally_of(digest: Digest, *rows: int) -> Tally:
    """Their initial sequence numbers."""
    tally = Tally(len(rows))
    tally.note(digest, rows)
    return tally


def table_of(*stories: str, client: Any = CLIENT) -> Connections:
    """A connection a story, each of its own client port and initial numbers."""
    table = Connections()
    for number, story in enumerate(stories):
        ours = [isn + number * 1_000_000 for isn in INITIAL]
        for segment in told(story, client=(*client[:2], 50_000 + number), isns=ours):
            table.place(segment)
    return table


def test_what_did_not_end_is_telling() -> None:
    table = table_of(CLOSED, SHAKEN, RESET, CLOSED, LONE)
    assert telling(Digest(table, NO_TIME)) == [1, 2, 4]
    assert telling(Digest(table, table.connection(1).ended)) == [2, 4], "the second went on"


def test_those_with_the_same_numbers() -> None:
    table = table_of(CLOSED, CLOSED, LONE, CLOSED)
    digest = Digest(table, NO_TIME)
    assert sharing(digest, tally_of(digest, 1), set()) == [1]
    assert sharing(digest, tally_of(digest, 0, 1, 2, 3), set()) == [0, 1, 3]
    assert sharing(digest, tally_of(digest, 0, 1, 2, 3), {1, 2}) == [0, 3]
    assert sharing(digest, tally_of(digest), set()) == []
    turned = Connections()
    for segment in told(CLOSED, isns=[isn + 1_000_000 for isn in INITIAL[::-1]]):
        turned.place(segment)
    assert sharing(digest, tally_of(Digest(turned, NO_TIME), 0), set()) == [], "the other's number"


def test_one_number_of_two_is_enough() -> None:
    whole = Digest(table_of(CLOSED, CLOSED), NO_TIME)
    half = Connections()
    for segment in told(ANSWERED):
        half.place(segment)
    assert sharing(whole, tally_of(Digest(half, NO_TIME), 0), set()) == [0]


def test_whose_numbers_nobody_else_has() -> None:
    inside, outside = Digest(table_of(CLOSED, CLOSED, LONE), NO_TIME), Digest(table_of(CLOSED), NO_TIME)
    assert lone([inside, outside], [[0, 1, 2], [0]], [[0, 1, 2], [0]]) == [[1], []]
    assert lone([inside, outside], [[0, 1, 2], [0]], [[0, 1, 2], []]) == [[0, 1], [0]]


def test_those_with_a_common_segment_or_endpoint() -> None:
    table = table_of(CLOSED, LONE, CLOSED)
    prints = {table.connection(2).halves[1].sketch[0]}
    assert near(table, prints, set()) == [2]
    assert near(table, {1}, {(*CLIENT[:2], 50_001)}) == [1]
    assert near(table, set(), {SERVER}) == [0, 1, 2]
    assert near(table, set(), {(1, *SERVER[1:])}) == []


def test_the_rest_is_counted_once() -> None:
    inside = Digest(table_of(CLOSED, SHAKEN, CLOSED, RESET), NO_TIME)
    outside = Digest(table_of(CLOSED, SHAKEN), NO_TIME)
    assert apart([inside], [{3}]) == Apart(3, 1)
    assert apart([inside, outside], [{3}, set()]) == Apart(3, 1)
    assert apart([inside, outside], [{0, 3}, {0}]) == Apart(2, 1)
