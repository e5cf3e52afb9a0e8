"""Segments that one capture has twice are looked at once; what a path or a sender doubles is not touched."""

from __future__ import annotations

import pytest

from bypeer.core.copies import AT_ONCE
from bypeer.core.study import INSIDE, OUTSIDE
from tests.scene import FAR, case

KILL = (
    FAR + "0.060 < . 1449:2897(1448) ack 101 win 509 !\n0.0601 H> R 101:101(0) win 0\n"
    "0.061 > P. 101:201(100) ack 91449 win 502\n0.062 < R 91449:91449(0) win 0\n"
)
ANSWERS = "".join(f"0.07{at:02} > R 101:101(0) win 0\n" for at in range(20))


@pytest.mark.parametrize("twice", [("inside",), ("outside",), ("inside", "outside")])
def test_what_was_captured_twice_is_looked_at_once(twice: tuple[str, ...]) -> None:
    single, found = case(KILL + ANSWERS), case(KILL + ANSWERS, twice=twice)
    told = [(one.side, one.start, one.end, one.ack, one.is_rst) for one in single.seen.study.sightings]
    assert [(one.side, one.start, one.end, one.ack, one.is_rst) for one in found.seen.study.sightings] == told
    assert found.conclusion.cause == single.conclusion.cause == "NF01"
    assert [one.effect for one in found.seen.resets] == [one.effect for one in single.seen.resets]
    for side, name in ((INSIDE, "inside"), (OUTSIDE, "outside")):
        info = found.seen.study.sides[side]
        assert info is not None
        assert info.copies == (info.sightings if name in twice else 0)


def test_a_kernels_equal_answers_are_no_copies() -> None:
    found = case(FAR + ANSWERS).seen.study
    assert sum(one.is_rst for one in found.at(OUTSIDE)) == 20


UNTRANSLATED = {
    "a reply": (
        "0.200 <~ . 1:1449(1448) ack 101 win 509\n+.0001 ~> R 101:101(0) win 0\n"
        "0.300 > P. 101:201(100) ack 91449 win 502\n0.310 < R 91449:91449(0) win 0\n", "service", "NF07",
    ),
    "FINs": ("".join(f"{at} >~ F. 101:101(0) ack 91449 win 502\n" for at in (1, 2, 4, 8)), "client", "NF10"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNTRANSLATED)
def test_what_passed_untranslated_is_told_apart_without_interfaces(name: str) -> None:
    story, nat, code = UNTRANSLATED[name]
    seen = [case(FAR + story, nat=nat, merged=merged) for merged in ("blind", "interfaces")]
    blind, known = (
        [
            (one.side, one.direction, one.stray, one.ts, one.twin is not None)
            for one in found.seen.study.sightings
        ]
        for found in seen
    )
    assert blind == known
    assert any(stray for _, _, stray, _, _ in known)
    assert seen[0].conclusion.cause == seen[1].conclusion.cause == code


def test_a_rst_of_the_hosts_and_an_equal_one_that_it_forwards_are_two() -> None:
    story = FAR + (
        "0.060 < . 1449:2897(1448) ack 101 win 509 !\n0.0601 H> R 101:101(0) win 0 id 0\n"
        "0.0602 > R 101:101(0) win 0 id 0\n0.0603 > R 101:101(0) win 0 id 0\n"
    )
    for merged in ("blind", "interfaces"):
        found = case(story, merged=merged)
        assert [one.author for one in found.seen.resets] == ["host", "inside", "inside"]


@pytest.mark.parametrize("later", ["+.0001", f"+{2 * AT_ONCE / 10**9:.4f}"])
def test_some_copies_are_the_paths(later: str) -> None:
    lines = [line.strip() for line in FAR.splitlines() if line.strip()]
    copied = [one.split(None, 1)[1] for one in lines[-3:]]
    story = "\n".join(lines) + "".join(f"\n{later} {one} id {at}" for at, one in enumerate(copied, 7))
    found = case(story).seen.study
    assert len(found.at(OUTSIDE)) == len(lines) + 3
    assert all(side is not None and not side.copies for side in found.sides)
