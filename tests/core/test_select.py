"""Which connections are joined: nothing that tells something is left out."""

from __future__ import annotations

import pytest

from bypeer.core import select as module
from bypeer.core.segment import NO_TIME
from bypeer.core.select import SAMPLE, select
from tests.core.placing import CLOSED, NAT, RESET, SHAKEN
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
PAIRS = {
    "by numbers": (CLOSED, RESET),
    "by numbers, the other way": (RESET, CLOSED),
    "by a common segment": (CLOSED, LATER),
    "by a common segment, the other way": (LATER, CLOSED),
}


@pytest.mark.parametrize(("inner", "outer"), PAIRS.values(), ids=PAIRS)
def test_what_is_quiet_here_is_taken_with_what_tells_there(inner: str, outer: str) -> None:
    inside, outside = table_of(*MANY, inner), table_of(*MANY, outer, client=NAT)
    found = select([inside, outside], [NO_TIME, NO_TIME], 1_000)
    assert [[one.number for one in rows] for rows in found.connections] == [[*range(SAMPLE), len(MANY)]] * 2
    assert found.apart.connections == len(MANY) - SAMPLE, "each is counted once"
