"""Whether a verdict is right: held against what was expected, and against what sockets and counters say."""

from __future__ import annotations

from pathlib import Path

import pytest

from bypeer import api
from bypeer.core.explanation import Explanation
from bypeer.lab.judge import wrong
from bypeer.lab.scenario import OPEN, Expected, Scenario
from bypeer.lab.stage import Truth
from bypeer.lab.traffic import Ended
from bypeer.lab.witness import Counted, Resets

FOLDER = Path(__file__).parents[1] / "captures/late-segment"
CERTAIN = Expected("host", "NF01", "reset", "certain")


@pytest.fixture(scope="module")
def found() -> Explanation:
    """The host's RSTs kill a download: NF01, certain."""
    return api.explain([FOLDER / "inside.pcap", FOLDER / "outside.pcap"])


def truth(found: Explanation, made: int | None = None, error: str = "ECONNRESET") -> Truth:
    """What sockets and counters say, if it is told truly; else what is given."""
    named = sum(one.author == "host" for one in found.resets)
    counted = Counted({"host": Resets(named if made is None else made, 0, 0)}, 0, {}, {})
    return Truth(Ended(error, 0, 0), Ended("", 0, 0), counted, ())


def scenario(*expected: Expected, spoil: str = "", supports: tuple[str, ...] = ()) -> Scenario:
    return Scenario("one", "NF01", "", {"any": expected}, spoil=spoil, supports=supports)


def said(found: Explanation, one: Scenario, true: Truth, *, remedied: bool = False) -> list[str]:
    return wrong(one, "6.18.0", found, true, remedied=remedied)


def test_what_was_expected_is_right(found: Explanation) -> None:
    assert said(found, scenario(CERTAIN), truth(found)) == []
    assert said(found, scenario(OPEN, CERTAIN._replace(certainty="")), truth(found)) == []


def test_anything_else_is_wrong(found: Explanation) -> None:
    (line,) = said(found, scenario(OPEN, Expected("host", "NF02", "reset")), truth(found))
    assert line == "found host NF01 reset (certain); right would be undetermined or host NF02 reset"


def test_other_causes_have_to_be_found_possible(found: Explanation) -> None:
    assert said(found, scenario(CERTAIN, supports=("NF01",)), truth(found)) == []
    (line,) = said(found, scenario(CERTAIN, supports=("NF01", "PA02")), truth(found))
    assert line == "PA02 is not found to be possible"


def test_sockets_and_counters_know_better(found: Explanation) -> None:
    one = scenario(CERTAIN)
    assert len(said(found, one, truth(found, error=""))) == 1
    assert len(said(found, one, truth(found, made=99))) == 1
    assert len(said(found, one, truth(found, made=0))) == 2
    assert len(said(found, one, truth(found, made=99), remedied=True)) == 1


def test_spoilt_captures_need_not_show_each_rst(found: Explanation) -> None:
    spoilt = scenario(CERTAIN, spoil="thinned")
    assert said(found, spoilt, truth(found, made=99)) == []
    assert len(said(found, spoilt, truth(found, made=0))) == 2
