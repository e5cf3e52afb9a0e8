"""Which side is which, where only time tells."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.explain import Analysis, analyse
from bypeer.core.explanation import Role
from bypeer.core.nat import Join
from bypeer.core.segment import NO_TIME
from tests.scene import ASKED, How, play, sources

INNER, OUTER = ("172.17.0.2", 40000), ("203.0.113.12", 40000)
TO_SERVER_ONLY = "0 > S 0:0(0) win 1000\n+.1 > . 1:1(0) ack 1\n+.1 > P. 1:9(8) ack 1\n+.1 > R 9:9(0)\n"
WAYS: dict[str, dict[str, Any]] = {
    "two texts": {},
    "two texts, clocks apart": {"clock": 3600.0},
    "two texts, clocks apart the other way": {"clock": -3600.0},
    "one text": {"merged": "blind"},
    "one text that names the interfaces": {"merged": "interfaces"},
    "a published port": {"nat": "port"},
    "a published port, one text": {"nat": "port", "merged": "blind"},
    "IPv6": {"ipv6": True, "merged": "blind"},
}


def joined(story: str, **how: Any) -> Join:
    (found,) = play(story, printed=True, **how).joins
    return found


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_a_segment_is_seen_first_where_it_comes_from(how: dict[str, Any]) -> None:
    found = joined(ASKED + "+.1 < R. 1449:1449(0) ack 101", **how)
    assert found.inside is not None
    assert found.outside is not None
    asked = How(**how)
    tuples = [asked.tuples(inside=True), asked.tuples(inside=False)]
    ports = [(place.client[2], place.server[2]) for place in (found.inside, found.outside)]
    assert ports == [(one[1], one[3]) for one in tuples]
    assert found.client_inside == asked.client_inside
    earlier = found.inside if found.client_inside else found.outside
    assert earlier.connection.started == min(one.connection.started for one in found.places) or asked.clock
    assert found.sure


def test_one_direction_tells_on_one_clock_only() -> None:
    there = joined(TO_SERVER_ONLY, merged="interfaces")
    assert there.inside is not None
    assert there.sure
    assert address(there) == "172.17.0.2"
    assert not joined(TO_SERVER_ONLY, clock=5.0).sure


def undated(merged: str) -> Analysis:
    rows = sources(ASKED + "+.1 < R. 1449:1449(0) ack 101", printed=True, merged=merged)
    for row in rows:
        row.taken = [one._replace(ts=NO_TIME) for one in row.taken]
    return analyse(rows, printed=frozenset(range(len(rows))))


def test_without_times_the_order_in_one_text_tells() -> None:
    (one,), (two,) = undated("blind").joins, undated("no").joins
    assert address(one) == "172.17.0.2"
    assert (one.sure, two.sure) == (True, False)


def test_where_the_sides_are_a_guess_the_verdict_is_open() -> None:
    certainties = [undated(merged).cases[0].conclusion.certainty for merged in ("blind", "no")]
    assert certainties == ["likely", "undetermined"]


def test_what_the_user_says_stands() -> None:
    roles: dict[int, Role] = {0: "outside", 1: "inside"}  # which is not so
    found = joined(ASKED + "+.1 < R. 1449:1449(0) ack 101", roles=roles)
    assert address(found) == "203.0.113.12"


def test_without_any_segment_in_common_the_sides_are_not_sure() -> None:
    story = "0 > S 0:0(0) -o\n+.1 < S. 0:0(0) ack 1 -o\n+.1 > . 1:1(0) ack 1 -o\n+.1 > P. 1:9(8) ack 1 -i\n"
    story += "+.1 < . 1:1(0) ack 9 -i\n+.1 < R. 1:1(0) ack 9 -i"
    found = [one for one in play(story, printed=True).joins if len(one.places) == 2]
    assert not any(one.sure for one in found)


def address(found: Join) -> str:
    assert found.inside is not None
    low = found.inside.client[1]
    return ".".join(str(low >> shift & 255) for shift in (24, 16, 8, 0))
