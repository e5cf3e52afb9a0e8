from __future__ import annotations

import re

import pytest

from bypeer.core.causes import CATALOGUE, named
from bypeer.core.causes.model import Cause, Seen, side_name
from bypeer.core.study import INSIDE, OUTSIDE, Sighting
from tests import scene

# The catalogue


def test_codes_are_unique_and_in_order() -> None:
    codes = [cause.code for cause in CATALOGUE]
    families = ["NF", "EP", "PA", "AR"]
    assert codes == sorted(set(codes), key=lambda code: (families.index(code[:2]), code))


@pytest.mark.parametrize("cause", CATALOGUE, ids=lambda cause: str(cause.code))
def test_a_cause_has_its_page(cause: Cause) -> None:
    assert cause.summary.endswith((".", ":"))
    assert cause.summary == cause.page.splitlines()[0]
    heads = re.findall(r"^([A-Z][a-z]+(?: by)?): ", cause.page, re.MULTILINE)
    assert "Predicts" in heads
    assert "Remedy" in heads
    assert {"Refuted by", "Untestable"} & set(heads)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cause.name)


def test_a_cause_is_found_by_its_code_in_any_case() -> None:
    assert named("nf01") is named("NF01")
    assert named("NF01").name == "late-segment"
    with pytest.raises(KeyError):
        named("XX01")


@pytest.mark.parametrize(("code", "subject"), [("NF01", "reset"), ("NF10", "connection"), ("PA05", "input")])
def test_what_it_is_tested_on(code: str, subject: str) -> None:
    assert named(code).subject == subject


def test_sides_have_names() -> None:
    assert (side_name(INSIDE), side_name(OUTSIDE)) == ("inside", "outside")


# What the tests may ask

MISSED = "1.000 < . 1449:2897(1448) ack 101 win 509 !\n"


def seen_of(story: str, **how: str) -> tuple[Seen, Sighting]:
    """What was seen, and the segment that arrived outside when the story was one second old."""
    seen = scene.case(scene.ASKED + story, **how).seen
    (one,) = [one for one in seen.study.at(OUTSIDE) if one.ts == scene.START + 10**9]
    return seen, one


POSITIONS = {
    "next": ("1.000 < . 1449:2897(1448) ack 101 win 509 !", "OK"),
    "leaves a hole": ("1.000 < . 1450:2897(1447) ack 101 win 509 !", "SEQ_OVER"),
    "acknowledges what was never sent": ("1.000 < . 1449:2897(1448) ack 102 win 509 !", "ACK_OVER"),
    "acknowledged already": ("1.000 < . 1:1449(1448) ack 101 win 509 !", "SEQ_UNDER"),
    "the last octet is new": ("1.000 < . 2:1450(1448) ack 101 win 509 !", "OK"),
    "no data": ("1.000 < . 1:1(0) ack 101 win 509 !", "OK"),
}


@pytest.mark.parametrize(("line", "reason"), POSITIONS.values(), ids=POSITIONS)
def test_where_a_segment_lies(line: str, reason: str) -> None:
    seen, one = seen_of(line)
    assert seen.position(one).name == reason


# What comes after a segment that was not forwarded, and the SEG.SEQ of the one that shows it.
ALIVE = {
    "the next of its direction": ("+.1 < . 2897:4345(1448) ack 101 win 509", 2897),
    "a FIN the other way": ("+.1 > F. 101:101(0) ack 1449 win 502", 101),
    "a RST the other way": ("+.1 > R. 101:101(0) ack 1449 win 502", 101),
    "data the other way would have made it": ("+.1 > P. 101:201(100) ack 1449 win 502", None),
    "a FIN that leaked": ("+.1 >~ F. 101:101(0) ack 1449 win 502", None),
    "one of a stranger": ("+.1 ~< . 2897:4345(1448) ack 101 win 509", None),
    "what was not forwarded either": ("+.1 < . 2897:4345(1448) ack 101 win 509 !", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize(("after", "start"), ALIVE.values(), ids=ALIVE)
def test_what_shows_that_the_entry_was_there(after: str, start: int | None) -> None:
    seen, one = seen_of(MISSED + after)
    shown = seen.alive(one)
    assert (shown.start if shown is not None else None) == start


RECOVERED = {
    "forwarded after one went out": (
        "+.1 > . 101:101(0) ack 1449 win 502\n+.1 < . 1449:2897(1448) ack 101 win 509", 1449,
    ),
    "forwarded without": ("+.1 < . 1449:2897(1448) ack 101 win 509", None),
    "never again": ("+.1 > . 101:101(0) ack 1449 win 502\n+.1 < . 1449:2897(1448) ack 101 win 509 !", None),
}  # fmt: skip


@pytest.mark.parametrize(("after", "start"), RECOVERED.values(), ids=RECOVERED)
def test_when_forwarding_begins_again(after: str, start: int | None) -> None:
    seen, one = seen_of(MISSED + after)
    shown = seen.recovered(one)
    assert (shown.start if shown is not None else None) == start


REFUSED = {
    "though one had gone out": (
        "+.1 > . 101:101(0) ack 1449 win 502\n+.1 < . 2897:4345(1448) ack 101 win 509 !", 2897,
    ),
    "but none had gone out": ("+.1 < . 2897:4345(1448) ack 101 win 509 !", None),
    "but only a FIN had gone out": (
        "+.1 > F. 101:101(0) ack 1449 win 502\n+.1 < . 2897:4345(1448) ack 102 win 509 !", None,
    ),
    "but what went out was held back": (
        "+.1 > . 101:101(0) ack 1449 win 502 !\n+.1 < . 2897:4345(1448) ack 101 win 509 !", None,
    ),
    "after one that was forwarded": (
        "+.1 > . 101:101(0) ack 1449 win 502\n+.1 < . 1449:2897(1448) ack 101 win 509\n"
        "+.1 < . 2897:4345(1448) ack 101 win 509 !", 2897,
    ),
    "but only a RST": (
        "+.1 > . 101:101(0) ack 1449 win 502\n+.1 < R. 1449:1449(0) ack 101 win 509 !", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("after", "start"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_later(after: str, start: int | None) -> None:
    seen, one = seen_of(MISSED + after)
    shown = seen.refused_later(one)
    assert (shown.start if shown is not None else None) == start


def test_how_long_nothing_had_passed() -> None:
    seen, one = seen_of("1.000 < . 1449:2897(1448) ack 101 win 509")
    assert seen.idle(one) == 976_000_000 - 20_000  # since the last acknowledgement left at 0.02402
    assert one.twin is not None
    assert seen.idle(one.twin) == seen.idle(one) + 20_000  # its own arrival does not count
    assert seen.idle(seen.study.sightings[0]) == 0


@pytest.mark.parametrize(("nat", "translated"), [("client", True), ("port", True), ("routed", False)])
def test_whether_the_host_translates(nat: str, translated: bool) -> None:
    seen = scene.case(scene.ASKED, nat=nat).seen
    assert seen.translated is translated


def test_what_leaked() -> None:
    seen, _ = seen_of(MISSED + "+.1 >~ F. 101:101(0) ack 1449 win 502")
    assert [(one.start, one.side) for one in seen.leaks()] == [(101, OUTSIDE)]
