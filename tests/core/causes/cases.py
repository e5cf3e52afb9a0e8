"""Runs the stories of tests/cases: a file a cause, told in the notation of tests.scene.

[[story]]
name = "a burst beyond the window"
begins = "asked"          # what the story goes on from: nothing, open, asked (by default), far
tells = "..."             # or a list: as many connections
others = 20               # so many further connections, of which nothing else is told
how = { nat = "port" }    # fields of scene.How
kernel = "5.10"           # else the packets choose
of = 0                    # which RST is asked about, where the cause is one of RSTs
answer = "supported"      # what the cause must say
because = "..."           # words of its reason
killed_by, cause, certainty, client_outcome  # of the verdict; cause "" is none
xfail = "..."             # a bug that is known
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bypeer.core.causes import named
from bypeer.core.causes.model import Finding
from bypeer.core.explain import Analysis
from bypeer.core.kernels import named as kernel_named
from bypeer.core.verdict import client_outcome
from tests import scene

FOLDER = Path(__file__).parents[2] / "cases"
CODES = sorted(path.stem for path in FOLDER.glob("*.toml"))
BEGINNINGS = {"nothing": "", "open": scene.OPEN, "asked": scene.ASKED, "far": scene.FAR}
KEYS = {"name", "begins", "tells", "others", "how", "kernel", "of", "answer", "because", "xfail"}
VERDICT = ("killed_by", "cause", "certainty", "client_outcome")


def told(code: str) -> list[dict[str, Any]]:
    """The stories of a cause."""
    with (FOLDER / f"{code}.toml").open("rb") as file:
        stories: list[dict[str, Any]] = tomllib.load(file)["story"]
    for story in stories:
        assert set(story) <= KEYS | set(VERDICT), story["name"]
    return stories


def stories(codes: Iterable[str]) -> list[Any]:
    """All stories of these causes as pytest's parameters."""
    found = []
    for code in codes:
        for story in told(code):
            marks = [pytest.mark.xfail(strict=True, reason=story["xfail"])] if "xfail" in story else []
            found.append(pytest.param(code, story, id=f"{code}: {story['name']}", marks=marks))
    return found


def played(story: Mapping[str, Any]) -> Analysis:
    """The analysis of a story."""
    begins = BEGINNINGS[story.get("begins", "asked")]
    tells = [story["tells"]] if isinstance(story["tells"], str) else story["tells"]
    how = dict(story.get("how", {}))
    if "kernel" in story:
        how["kernel"] = kernel_named(story["kernel"])
    if how.pop("dropped", False):
        how["dropped"] = lambda _: True
    others = [scene.ASKED] * story.get("others", 0)
    return scene.play(*(begins + text for text in tells), *others, **how)


def finding(analysis: Analysis, code: str, of: int) -> Finding:
    """What a cause says of its subject; of the first connection, unless it is about all."""
    cause = named(code)
    if cause.subject == "input":
        return analysis.by_input[code]
    first = analysis.cases[0]
    if cause.subject == "connection":
        return first.by_connection[code]
    return first.by_reset[id(first.seen.resets[of])][code]


def check(code: str, story: Mapping[str, Any]) -> None:
    """Play a story and hold against it what it says of the cause and the verdict."""
    analysis = played(story)
    said = finding(analysis, code, story.get("of", 0))
    assert said.answer == story["answer"], said.because
    assert story.get("because", "") in said.because
    asked = [name for name in VERDICT if name in story]
    if asked:
        first = analysis.cases[0]
        end = first.conclusion
        verdict = (end.killed_by, end.cause or "", end.certainty, client_outcome(first.seen))
        got = dict(zip(VERDICT, verdict, strict=True))
        assert {name: got[name] for name in asked} == {name: story[name] for name in asked}
