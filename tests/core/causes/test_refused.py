from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bypeer.core.causes import refused
from tests.core.causes.cases import check, stories, told

CODES = [cause.code for cause in refused.CAUSES]


@pytest.mark.parametrize(("code", "story"), stories(CODES))
def test_story(code: str, story: Mapping[str, Any]) -> None:
    check(code, story)


@pytest.mark.parametrize("code", CODES)
def test_each_cause_has_stories_for_it_and_against_it(code: str) -> None:
    answers = {story["answer"] for story in told(code)}
    assert "supported" in answers
    assert answers & {"refuted", "untestable"}
