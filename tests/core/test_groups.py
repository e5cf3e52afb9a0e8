"""Which connections are the same, where strangers chose their numbers (test_nat.py has the rest)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bypeer.core.connections import Connections
from bypeer.core.groups import FEW, Place, grouped
from bypeer.core.segment import Segment
from tests.core.placing import CLIENT, NAT, SHAKEN, told


def places(*captures: Iterable[Segment]) -> list[Place]:
    found = []
    for number, segments in enumerate(captures):
        table = Connections()
        for segment in segments:
            table.place(segment)
        found += [Place((number, 0), row) for row in table.rows]
    return found


def sizes(found: Iterable[Place]) -> list[int]:
    return sorted(len(group) for group in grouped(found))


def test_the_same_numbers_on_both_sides_are_one_connection() -> None:
    assert sizes(places(told(SHAKEN), told(SHAKEN, client=NAT))) == [2]


def test_half_a_handshake_each_and_the_whole_elsewhere_are_one() -> None:
    syn, answer = told("> S 0:0(0)"), told("< S. 0:0(0) ack 1", client=NAT)
    assert sizes(places(syn, answer)) == [1, 1]
    assert sizes(places(syn, answer, told(SHAKEN, client=(*CLIENT[:2], 9)))) == [3]


def many(story: str, count: int) -> list[Segment]:
    """A story on as many tuples of one server."""
    return [one for port in range(count) for one in told(story, client=(0, CLIENT[1], 1_000 + port))]


HOSTILE = {
    "one initial number on every tuple": "> S 0:0(0)",
    "the same segments on every tuple, without a handshake": "< . 1:1001(1000) ack 1\n> . 1:1(0) ack 1001",
    "the same ranges, other segments": "< . 1:1001(1000) ack 1",
}


@pytest.mark.parametrize("story", HOSTILE.values(), ids=HOSTILE)
def test_what_very_many_have_in_common_makes_them_no_one_connection(story: str) -> None:
    crowd = places(many(story, 3 * FEW))
    found = grouped(crowd)
    assert sum(map(len, found)) == len(crowd) == 3 * FEW
    assert max(map(len, found)) <= FEW
