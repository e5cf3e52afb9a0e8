"""What is made by chance can be played, and what contradicts the truth is found."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from bypeer.lab.detour import ITSELF, Copy, Dealt, Meddling
from bypeer.lab.scenario import Scenario
from bypeer.lab.stage import Ran
from bypeer.lab.traffic import Traffic
from tests.lab import soak
from tests.lab.told import found, truth

QUIET = Scenario(name="soak", code="", says="", expected={})
COPIES = QUIET._replace(meddling=(Meddling("tcp dport 80", (ITSELF, Copy())),))
PATIENT = QUIET._replace(traffic=Traffic("chat", client="unread"))


def test_a_scenario_is_made_again_by_its_seed_and_number() -> None:
    first, again = ([soak.scenario(Random(f"x:{number}")) for number in range(50)] for _ in range(2))
    assert first == again
    assert len({str(one) for one in first}) == 50


@pytest.mark.lab
@pytest.mark.usefixtures("stage")
def test_some_plays_of_a_known_seed_are_told_rightly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(soak, "KEPT", tmp_path)
    assert soak.main("4", "known") == 0, capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def doubts(scenario: Scenario, told: Any, known: Any) -> list[str]:
    return list(soak.doubts(Ran(scenario, "6.18", None, told, None, known, (), 0.0)))


DEALT = [[Dealt(0, 0, 0, 0, 1)]]
WRONG = {
    "nobody": (QUIET, found("none", None, "unknown"), truth("ECONNRESET"), "nobody is said"),
    "somebody": (QUIET, found("inside", "EP02", "completed"), truth(), "no socket had an error"),
    "an INVALID cause": (
        QUIET, found("host", "NF01", "reset", resets=1), truth("ECONNRESET", made=1), "nothing was INVALID"
    ),
    "the path": (QUIET, found("on-path", "PA01", "reset"), truth("ECONNRESET"), "which did nothing"),
    "an end": (QUIET, found("outside", "EP02", "reset"), truth("ECONNRESET"), "made no RST"),
    "as the judge": (QUIET, found("none", None, "completed"), truth("TIMEOUT"), "its socket: TIMEOUT"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_contradicts_the_truth_is_found(name: str) -> None:
    scenario, told, known, words = WRONG[name]
    assert words in " ".join(doubts(scenario, told, known))


RIGHT = {
    "nobody": (QUIET, found("none", None, "completed"), truth()),
    "undetermined": (QUIET, found("none", None, "unknown", "undetermined"), truth("ECONNRESET")),
    "the path": (QUIET, found("on-path", "PA01", "reset"), truth("ECONNRESET", dealt=DEALT)),
    "a program that left": (QUIET, found("none", None, "completed"), truth("LEFT")),
    "a program that waited": (PATIENT, found("none", None, "completed"), truth("TIMEOUT")),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_may_be_so_is_let_pass(name: str) -> None:
    assert doubts(*RIGHT[name]) == []
