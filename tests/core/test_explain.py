"""The whole pipeline: what is looked at, by whose rules, with what the user knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bypeer.core import explain
from bypeer.core import scan as module
from bypeer.core.causes import CATALOGUE
from bypeer.core.explain import Analysis, analyse, interest
from bypeer.core.frames import Frames
from bypeer.core.kernels import KERNELS, LINUX_4_19, LINUX_5_10, LINUX_6_18
from tests.make import Taken
from tests.scene import ASKED, FAR, INSIDE, OPEN, OUTSIDE, Memory, case, frames, play, sources

BEYOND = "+.01 < . 90000001:90000101(100) ack 101 win 509 !\n"
HOST = ASKED + BEYOND + "+.0001 H> R 101:101(0) win 0\n"
LATE = FAR + "+.01 < . 1:1449(1448) ack 101 win 509"
HOST_LATE = LATE + " !\n+.0001 H> R 101:101(0) win 0\n"
SERVER = ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"
CLOSED = ASKED + (
    "+.01 > F. 101:101(0) ack 1449\n+.01 < F. 1449:1449(0) ack 102\n+.01 > . 102:102(0) ack 1450\n"
)
OLD, NEW = ("4.19", "5.10", "5.15"), ("6.1", "6.6", "6.12", "6.18", "7.2", "7.3")
ALL = OLD + NEW

# What is worth a look

INTEREST: dict[str, tuple[str, int]] = {
    "a RST": (SERVER, 3),
    "a RST after a clean end": (CLOSED + "+.01 < R 1450:1450(0) win 0", 3),
    "a RST with a strange tuple": (ASKED + "+.01 >~ R. 101:101(0) ack 1449", 3),
    "a strange tuple": (ASKED + "+.01 >~ . 101:101(0) ack 1449", 2),
    "no end": (ASKED, 1),
    "no beginning": ("0" + CLOSED[CLOSED.index(".012") :], 1),
    "one FIN": (ASKED + "+.01 > F. 101:101(0) ack 1449\n+.01 < . 1449:1449(0) ack 102", 1),
    "one side did not see the end": (CLOSED.replace("ack 1450", "ack 1450 -o"), 1),
    "all as it should be": (CLOSED, 0),
}


@pytest.mark.parametrize("name", INTEREST)
def test_what_a_closer_look_would_tell(name: str) -> None:
    story, worth = INTEREST[name]
    found = play(story)
    (one,) = found.joins
    assert interest(one) == worth
    assert len(found.cases) == (worth > 0)


def test_of_many_the_most_telling_are_looked_at_in_order_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "MOST_STUDIED", 3)
    stories = (ASKED, SERVER, CLOSED, ASKED, HOST, SERVER)
    found = play(*(story.replace("0.000", f"0.{at:03}", 1) for at, story in enumerate(stories)))
    assert len(found.joins) == 6
    ports = [case.seen.study.join.places[0].client[2] for case in found.cases]
    assert ports == [40001, 40004, 40005]
    assert found.passed_over == 2, "the two that are open still"


def test_only_the_segments_of_what_is_looked_at_are_kept() -> None:
    found = play(CLOSED, SERVER)
    (one,) = found.cases
    assert len(one.seen.study.sightings) == 2 * SERVER.count(" ack ") + 2
    assert {sighting.home.client[2] for sighting in one.seen.study.sightings} == {40001}


# By whose rules


def fitting(story: str, **how: Any) -> tuple[str, tuple[str, ...]]:
    found = case(story, **how)
    return found.seen.replay.kernel.name, tuple(found.seen.fitting)


KERNEL: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # story: the kernel whose rules are used, those that fit
    "nothing tells": (HOST, "7.3", ALL),
    "a late segment was refused and answered": (HOST_LATE, "5.10", OLD),
    "a late segment was forwarded": (LATE + "\n+.01 > R. 101:101(0) ack 91449", "7.3", NEW),
    "forwarded counts for more than answered": (
        HOST_LATE.replace("0.051", "0.0505 < . 1449:2897(1448) ack 101\n0.051"), "7.3", NEW
    ),
    "data a little beyond the window were forwarded": (
        ASKED + "+.01 < . 70000:70100(100) ack 101\n+.01 > R. 101:101(0) ack 1449", "7.3", NEW
    ),
    "no kernel forwards that": (
        ASKED + "+.01 < . 90000001:90000101(100) ack 101\n+.01 > R. 101:101(0) ack 1449", "7.3", ()
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KERNEL)
def test_the_packets_choose_the_kernel(name: str) -> None:
    story, used, fits = KERNEL[name]
    assert fitting(story) == (used, fits)


def test_the_newest_that_was_measured_is_used_before_newer_ones_that_were_not() -> None:
    assert not {"m"} & set(KERNELS[2].sources.values())  # 5.15
    assert fitting(HOST_LATE) == ("5.10", OLD)


@pytest.mark.parametrize("kernel", [LINUX_4_19, LINUX_5_10, LINUX_6_18])
def test_a_given_kernel_is_used_whatever_fits(kernel: Any) -> None:
    assert fitting(HOST_LATE, kernel=kernel) == (kernel.name, OLD)


# What the user knows


def test_roles_given_turn_it_round() -> None:
    assert play(SERVER).joins[0].client_inside
    turned = play(SERVER, roles={0: "outside", 1: "inside"})
    assert not turned.joins[0].client_inside
    assert [one.author for one in turned.cases[0].seen.resets] == ["inside"]


def test_a_lone_side_may_be_named() -> None:
    (one,) = play(SERVER, sides="inside", roles={0: "outside"}).joins
    assert (one.inside, one.outside is not None, one.sure) == (None, True, True)


def test_an_input_that_says_that_it_lacks_packets_is_lossy() -> None:
    for dropping in (0, 1):
        found = play(HOST, dropped=lambda number, dropping=dropping: number == dropping)
        sides = found.cases[0].seen.study.sides
        assert [side is not None and side.lossy for side in sides] == [dropping == 0, dropping == 1]


def test_what_passed_while_a_file_may_be_missing_is_not_known_to_be_dropped() -> None:
    (one,) = play(HOST_LATE).cases
    trigger = one.seen.resets[0].trigger
    assert trigger is not None
    assert (trigger.sure, one.conclusion.certainty) == (True, "certain")
    gap = trigger.ts - 1, trigger.ts + 1
    for sides, sure in (({INSIDE}, False), ({OUTSIDE}, True), ({INSIDE, OUTSIDE}, False)):
        found = play(HOST_LATE, gaps=lambda number, sides=sides: [gap] if number in sides else [])
        again = found.cases[0].seen.resets[0].trigger
        assert again is not None
        assert again.sure == sure
        assert (found.cases[0].conclusion.certainty == "certain") == sure
        assert not any(side.lossy for side in found.cases[0].seen.study.sides if side is not None)


def test_undated_captures_cover_all_time() -> None:
    undated = [Memory([one._replace(ts=-(1 << 63)) for one in side]) for side in frames(HOST)]
    found = analyse(undated)
    (one,) = found.cases
    assert not one.seen.study.dated
    assert all(side is not None and side.complete(0) for side in one.seen.study.sides)


# What comes out


def codes(found: Analysis) -> set[str]:
    answered = set(found.by_input)
    for one in found.cases:
        answered |= set(one.by_connection)
        for answers in one.by_reset.values():
            answered |= set(answers)
    return answered


def test_every_cause_answers_on_its_subject() -> None:
    found = play(HOST)
    assert codes(found) == {cause.code for cause in CATALOGUE}
    (one,) = found.cases
    assert set(one.by_reset) == {id(reset) for reset in one.seen.resets}


def test_of_nothing_there_is_nothing_but_the_whole() -> None:
    empty: list[Taken] = []
    found = analyse([Memory(empty), Memory(empty)])
    assert (found.joins, found.cases, [one.packets for one in found.scans]) == ([], [], [0, 0])
    assert set(found.by_input) == {cause.code for cause in CATALOGUE if cause.subject == "input"}
    assert analyse([]).joins == []


class Counted(Memory):
    """Counts how often it is read."""

    read = 0

    def frames(self) -> Iterator[Frames]:
        self.read += 1
        return super().frames()


@pytest.mark.parametrize(("story", "most", "times"), [(CLOSED, 0, 1), (SERVER, 0, 2), (SERVER, 100, 1)])
def test_only_a_large_capture_worth_a_look_is_read_again(
    monkeypatch: pytest.MonkeyPatch, story: str, most: int, times: int
) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", most)
    inside, outside = (Counted(one.taken) for one in sources(story))
    analyse([inside, outside])
    assert (inside.read, outside.read) == (times, times)


def test_what_began_first_comes_first() -> None:
    found = play(OPEN.replace("0.0", "5.0"), OPEN)
    assert [one.places[0].client[2] for one in found.joins] == [40001, 40000]
