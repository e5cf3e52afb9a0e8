"""The exit status, which shell scripts read instead of the document."""

from __future__ import annotations

import pytest

from bypeer.core.explanation import Certainty, Explanation, KernelSays, Killer, Tool, Totals, Verdict


def explanation(killed_by: Killer, certainty: Certainty, connections: int = 1) -> Explanation:
    return Explanation(
        tool=Tool("bypeer", "0"),
        inputs=[],
        vantages=[],
        kernel=KernelSays("6.18", False, [], ""),
        verdict=Verdict(killed_by, None, [], certainty, "", None, "unknown", []),
        connections=[],
        totals=Totals(connections, 0, 0, 0, 0),
        resets=[],
        outcomes=[],
        remedies=[],
        filters=[],
        host={},
        evidence=[],
    )


STATUS: dict[tuple[Killer, Certainty], int] = {
    ("host", "certain"): 1,
    ("host", "likely"): 1,
    ("host", "undetermined"): 4,
    ("none", "certain"): 0,
    ("none", "likely"): 0,
    ("outside", "certain"): 0,
    ("inside", "likely"): 0,
    ("on-path", "certain"): 0,
    ("unknown", "undetermined"): 4,
    ("outside", "undetermined"): 4,
}


@pytest.mark.parametrize(("killed_by", "certainty"), STATUS)
def test_the_status_tells_the_hosts_guilt_from_doubt(killed_by: Killer, certainty: Certainty) -> None:
    assert explanation(killed_by, certainty).exit_status == STATUS[killed_by, certainty]


@pytest.mark.parametrize(("killed_by", "certainty"), STATUS)
def test_nothing_to_analyse_comes_before_all_else(killed_by: Killer, certainty: Certainty) -> None:
    assert explanation(killed_by, certainty, connections=0).exit_status == 3


def test_the_document_says_what_it_is() -> None:
    assert explanation("none", "certain").schema == "bypeer.explanation/1"
