from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bypeer.core.causes import artefact
from tests import scene
from tests.core.causes.cases import check, stories, told

CODES = [cause.code for cause in artefact.CAUSES]


@pytest.mark.parametrize(("code", "story"), stories(CODES))
def test_story(code: str, story: Mapping[str, Any]) -> None:
    check(code, story)


@pytest.mark.parametrize("code", CODES)
def test_each_cause_has_stories_for_it_and_against_it(code: str) -> None:
    answers = {story["answer"] for story in told(code)}
    assert "supported" in answers
    assert answers & {"refuted", "untestable"}


def test_a_long_capture_with_one_hole_was_cut() -> None:
    story = scene.ASKED
    for at in range(60):
        start, lost = 1449 + 1000 * at, " -o" if 20 <= at < 30 else ""
        story += f"""
            +.01 < . {start}:{start + 1000}(1000) ack 101 win 509{lost}
            +.01 > . 101:101(0) ack {start + 1000} win 502{lost}"""
    found = scene.case(story)
    assert found.by_connection["AR06"].answer == "supported"
    assert found.by_connection["AR06"].because == "the outside capture was cut in the middle"
    assert not found.by_connection["AR01"].strong
