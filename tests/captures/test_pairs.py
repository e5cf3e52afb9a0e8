"""The real pairs that the project carries: the whole tool against their truth."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import bypeer

HERE = Path(__file__).parent
PAIRS = sorted(path.parent.name for path in HERE.glob("*/expect.toml"))


def test_there_are_pairs() -> None:
    assert len(PAIRS) >= 3


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("files", [("inside", "outside"), ("outside", "inside")], ids="-".join)
def test_the_verdict_is_the_truth_whatever_the_order(name: str, files: tuple[str, str]) -> None:
    expected = tomllib.loads((HERE / name / "expect.toml").read_text())
    found = bypeer.explain([HERE / name / f"{side}.pcap" for side in files])
    verdict = found.verdict
    seen = {
        "killed_by": verdict.killed_by,
        "cause": verdict.cause,
        "certainty": verdict.certainty,
        "client_outcome": verdict.client_outcome,
        "host_resets": sum(one.author == "host" for one in found.resets),
    }
    assert seen == expected


@pytest.mark.parametrize("name", PAIRS)
def test_one_file_alone_is_never_certain_of_the_wrong_one(name: str) -> None:
    expected = tomllib.loads((HERE / name / "expect.toml").read_text())
    for side in ("inside", "outside"):
        verdict = bypeer.explain([HERE / name / f"{side}.pcap"]).verdict
        assert verdict.certainty != "certain"
        assert verdict.killed_by == expected["killed_by"] or verdict.certainty == "undetermined"
        assert verdict.needs, "it names the capture that would settle it"
