"""Which connections are joined: nothing that tells something is left out."""

from __future__ import annotations

import pytest

from bypeer.core import select as module
from bypeer.core.segment import NO_TIME
from bypeer.core.select import SAMPLE, Selection, select
from bypeer.core.tcp import RST
from tests.core.placing import CLOSED, NAT, RESET, SHAKEN, told
from tests.core.test_worth import LONE, table_of

MANY = [CLOSED] * (2 * SAMPLE)


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEW", 10)


def test_of_few_all_are_joined() -> None:
    found = select([table_of(CLOSED, RESET), table_of(CLOSED)], [NO_TIME, NO_TIME], 1_000)
    assert [[one.number for one in rows] for rows in found.connections] == [[0, 1], [0]]
    assert found.apart.connections == 0


def test_of_many_a_sample_and_those_that_tell() -> None:
    table = table_of(*MANY, RESET, *MANY, SHAKEN, LONE)
    found = select([table], [NO_TIME], 1_000)
    reset = len(MANY)
    told = [reset, 2 * reset + 1, 2 * reset + 2]
    assert [one.number for one in found.connections[0]] == [*range(SAMPLE), *told]
    assert found.apart == (2 * reset - SAMPLE, 0, 0)


LATER = CLOSED.split("\n", 3)[3]  # without its handshake
BROKEN = LATER + "< R 2:2(0)\n"
PAIRS = {
    "by numbers": (CLOSED, RESET),
    "by numbers, the other way": (RESET, CLOSED),
    "by a common segment": (CLOSED, BROKEN),
    "by a common segment, the other way": (BROKEN, CLOSED),
}


@pytest.mark.parametrize(("inner", "outer"), PAIRS.values(), ids=PAIRS)
def test_what_is_quiet_here_is_taken_with_what_tells_there(inner: str, outer: str) -> None:
    inside, outside = table_of(*MANY, inner), table_of(*MANY, outer, client=NAT)
    found = select([inside, outside], [NO_TIME, NO_TIME], 1_000)
    assert [[one.number for one in rows] for rows in found.connections] == [[*range(SAMPLE), len(MANY)]] * 2
    assert found.apart.connections == len(MANY) - SAMPLE, "each is counted once"


def rows(found: Selection) -> list[list[int]]:
    """Which rows beyond the sample were chosen."""
    return [[one.number for one in some if one.number >= len(MANY)] for some in found.connections]


def test_no_more_are_joined_than_will_be_looked_at() -> None:
    """Those with a RST come first, then the earliest; the rest is counted."""
    at, end = len(MANY), [NO_TIME]
    table = table_of(*MANY, SHAKEN, SHAKEN, RESET, SHAKEN, RESET, RESET)
    assert rows(select([table], end, 100)) == [[*range(at, at + 6)]]
    assert rows(select([table], end, 4)) == [[at, at + 2, at + 4, at + 5]]
    found = select([table], end, 2)
    assert rows(found) == [[at + 2, at + 4]]
    assert found.apart == (len(MANY) - SAMPLE, 0, 4)


def test_what_began_before_the_capture_and_ended_in_order_tells_nothing() -> None:
    table = table_of(*MANY, LATER, LATER, BROKEN)
    found = select([table], [NO_TIME], 1_000)
    assert rows(found) == [[len(MANY) + 2]]
    assert found.apart == (len(MANY) - SAMPLE + 2, 0, 0)
    both = select([table, table_of(*MANY, LATER, client=NAT)], [NO_TIME, NO_TIME], 1_000)
    assert both.apart == (len(MANY) - SAMPLE + 2, 0, 0), "what is seen twice is counted once"


def test_too_many_without_a_beginning_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """To find their mates would take minutes, and no more are looked at anyway."""
    monkeypatch.setattr(module, "MOST_UNOPENED", 2)
    at = len(MANY)
    table = table_of(*MANY, LONE, BROKEN, LONE, BROKEN, LONE)
    found = select([table], [NO_TIME], 1_000)
    assert rows(found) == [[at + 1, at + 3]], "those with a RST come first"
    assert found.apart == (at - SAMPLE, 0, 3)


def test_what_is_seen_elsewhere_too_is_joined() -> None:
    inside = table_of(*MANY, RESET, SHAKEN, RESET)
    outside = table_of(*MANY[1:], RESET, SHAKEN[: SHAKEN.rindex(">")], client=NAT)
    at = len(MANY)
    found = select([inside, outside], [NO_TIME, NO_TIME], 0)
    assert rows(found) == [[at, at + 2], [at]], "the first is seen twice; one more shows where it was taken"
    assert found.apart.passed_over == 1


def test_what_may_be_the_same_as_one_without_a_handshake_is_joined() -> None:
    table = table_of(*MANY, RESET, RESET, LONE)
    assert rows(select([table], [NO_TIME], 0)) == [[len(MANY), len(MANY) + 1, len(MANY) + 2]], "one server"


def test_a_rst_that_looks_made_nearby_is_joined() -> None:
    table = table_of(*MANY)
    for number in range(3):
        for segment in told(RESET, client=(*NAT[:2], 100 + number), isns=(7 + number, 9 + number)):
            if segment.flags & RST:
                segment.ttl = 64 - number % 2
            table.place(segment)
    assert rows(select([table], [NO_TIME], 1)) == [[len(MANY), len(MANY) + 1]]


def test_one_of_each_interface_is_joined() -> None:
    table = table_of(*MANY, RESET)
    for number in range(4):
        for segment in told(RESET, client=(*NAT[:2], 100 + number), isns=(7 + number, 9 + number)):
            segment.interface = number // 2
            table.place(segment)
    assert rows(select([table], [NO_TIME], 1)) == [[len(MANY), len(MANY) + 3]]
