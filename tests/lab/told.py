"""Explanations and truths, made up: what a judge is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bypeer.core.explanation import Explanation, KernelSays, ResetReport, Tool, Totals, Verdict
from bypeer.lab.detour import Dealt
from bypeer.lab.stage import Truth
from bypeer.lab.topologies import DOCKER
from bypeer.lab.traffic import Ended
from bypeer.lab.witness import Counted, Resets


def found(
    killed_by: str, cause: str | None, outcome: str, certainty: str = "certain", *, resets: int = 0,
    listed: int | None = None,
) -> Explanation:  # fmt: skip
    """A verdict; and how many RSTs are told to be the host's, of which only some may be listed."""
    words: Any = (killed_by, cause, [cause] if cause else [], certainty, "", None, outcome, [])
    one = ResetReport("r", "c", None, {}, "host", "harmless", None, None, [], "certain")
    return Explanation(
        tool=Tool("bypeer", "0"), inputs=[], vantages=[], kernel=KernelSays("6.1", False, [], ""),
        verdict=Verdict(*words), connections=[], totals=Totals(1, 1, 1, resets, 1),
        resets=[one] * (resets if listed is None else listed), outcomes=[], remedies=[], filters=[], host={},
        evidence=[],
    )  # fmt: skip


def truth(client: str = "", *, made: int = 0, dealt: Sequence[Sequence[Dealt]] = ()) -> Truth:
    """How the client's socket ended, the RSTs that the host made, and what the path did."""
    fields = dict.fromkeys(Counted._fields, 0) | {
        "resets": dict.fromkeys(DOCKER.hosts, Resets(0, 0, 0)) | {"host": Resets(made, 0, 0)},
        "statistics": {}, "tcp": {host: {} for host in DOCKER.hosts},
    }  # fmt: skip
    return Truth(Ended(client, 0, 0), Ended("", 0, 0), Counted(**fields), dealt)
