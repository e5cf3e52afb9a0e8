"""What text shows of a connection: no TTL, perhaps not all lines. So nothing of it is certain."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.explain import Analysis
from bypeer.core.explanation import Explanation
from bypeer.core.kernels import Reason
from bypeer.core.narrate import events
from bypeer.core.study import OUTSIDE, Side, Sighting
from tests.core.test_describe import described
from tests.core.test_resets import CLIENT, HOST, SERVER
from tests.scene import ASKED, FAR, case, play, sources

LATE = FAR + "0.200 < . 1:1449(1448) ack 101 win 509 !\n0.2001 H> R 101:101(0) win 0\n"
# As an excerpt has it: nothing shows what was acknowledged, nor any window of the receiver's.
EXCERPT = """
    0.000 < .  90001:120001(30000) ack 1 win 265
    0.001 < .  1:1449(1448) ack 1 win 265 !
    0.0011 H> R 1:1(0) win 0
    0.003 > .  1:1(0) ack 140001 win 1408
    0.004 < R  140001:140001(0) win 0
"""
ENDED = ASKED + "+.1 > F. 101:101(0) ack 1449\n+.1 < F. 1449:1449(0) ack 102\n+.1 > . 102:102(0) ack 1450\n"


def side(one: Sighting) -> str:
    return "out" if one.side == OUTSIDE else "in"


def told(story: str, **how: Any) -> Explanation:
    analysis: Analysis = play(story, printed=True, **how)
    return described(analysis, len(sources(story, **how)))


VERDICTS = {
    "late": (LATE, "host", "NF01", "likely"),
    "beyond the window": (HOST + "+.1 > P. 101:201(100) ack 1449\n", "host", "NF02", "likely"),
    "the server's own": (SERVER, "outside", "EP02", "likely"),
    "the client's own": (CLIENT, "inside", "EP02", "likely"),
    "ended well": (ENDED, "none", None, "likely"),
    "an excerpt": (EXCERPT, "host", "NF01", "likely"),
}


@pytest.mark.parametrize("merged", ["no", "blind"])
@pytest.mark.parametrize(("story", "killer", "cause", "certainty"), VERDICTS.values(), ids=VERDICTS)
def test_nothing_is_certain(story: str, killer: str, cause: str | None, certainty: str, merged: str) -> None:
    found = told(story, merged=merged)
    verdict = found.verdict
    assert (verdict.killed_by, verdict.cause, verdict.certainty) == (killer, cause, certainty)
    assert not any(one.certainty == "certain" for one in found.resets)
    assert found.filters == []
    if killer != "none":
        assert "capture files that the text was printed from" in verdict.needs[0]


def test_the_same_with_ttls_is_certain() -> None:
    assert case(LATE).conclusion.certainty == "certain"


def test_an_excerpt_is_told_as_the_investigation_tells_it() -> None:
    found = case(EXCERPT, printed=True, merged="blind")
    rows = events(found.seen, found.conclusion, side)
    assert [(one.letter, one.vantage, one.twin) for one in rows] == [
        ("A", "out", "in"), ("B", "out", None), ("C", "out", None), ("X", "out", "in"), ("Y", "out", "in")
    ]  # fmt: skip
    assert "118 kB behind the newest; not forwarded; conntrack's bounds are not known" in rows[1].text
    assert "made by the NAT host itself; lethal" in rows[2].text
    assert [len(one.dump) for one in rows] == [2, 1, 1, 2, 2]
    assert ["172.17.0.2.40000 > " in line for line in rows[3].dump] == [True, False]


def test_a_judgement_without_bounds_is_none() -> None:
    found = told(EXCERPT, merged="blind")
    assert found.evidence == []
    (trigger,) = [one.trigger for one in found.resets if one.trigger and one.author == "host"]
    assert (trigger.judgement, trigger.reason, trigger.forwarded) == ("unknown", "", False)


def test_what_nothing_acknowledged_may_have_been_acknowledged() -> None:
    seen = case(EXCERPT, printed=True).seen
    newest, late = (one for one in seen.study.at(OUTSIDE, 1) if not one.is_rst)
    assert (seen.position(newest), seen.position(late)) == (Reason.OK, Reason.SEQ_UNDER)


def test_a_forger_does_not_show() -> None:
    found = told(LATE, timestamps=True)
    (answer,) = [one for one in found.outcomes if one.cause == "NF06"]
    assert (answer.answer, "TTL is not known" in answer.because) == ("untestable", True)


def test_a_line_may_have_been_left_out() -> None:
    assert Side(printed=True).lossy
    assert not Side(printed=True).lost
    assert Side(dropped=True).lost
    assert not Side().lossy


def test_two_tuples_in_one_text_are_one_connection_only_if_both_directions_are_seen_twice() -> None:
    stray = ASKED + "+.1 >~ F. 101:101(0) ack 1449\n+.3 >~ F. 101:101(0) ack 1449\n"
    (found,) = play(stray, printed=True, merged="blind").joins
    assert found.merged
    assert found.nat == "source"
