"""A scenario's result in few words: what reports are made of, and what another kernel sends back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bypeer.lab.judge import told

if TYPE_CHECKING:
    from bypeer.lab.remedies import Remedy
    from bypeer.lab.scenario import Scenario
    from bypeer.lab.stage import Ran


class Result(NamedTuple):
    """What came of a scenario; the fields are those of its JSON."""

    name: str
    code: str
    kernel: str  # release
    remedy: str  # "": none
    killed_by: str
    cause: str | None
    outcome: str
    certainty: str
    headline: str
    wrong: Sequence[str]  # nothing: all is right
    client: str  # name of the errno that its socket ended with; "": none
    server: str
    received: int  # octets that the client got
    host_resets: int  # that the host made
    invalid: int  # packets that its tracker called so
    seconds: float
    pair: str = ""  # what tcpdump's two files alone tell, if they were taken

    @property
    def healed(self) -> bool:
        """Whether the traffic came to its end, and the host reset nothing."""
        return self.played and not self.client and not self.server and not self.host_resets

    @property
    def hung(self) -> bool:
        """Whether the client was never told that anything is amiss."""
        return self.client in ("TIMEOUT", "ETIMEDOUT")

    @property
    def played(self) -> bool:
        """Whether it could be played at all."""
        return self.seconds > 0


def of(ran: Ran) -> Result:
    """The result of a scenario that was played."""
    verdict, truth = ran.explanation.verdict, ran.truth
    return Result(
        name=ran.scenario.name,
        code=ran.scenario.code,
        kernel=ran.release,
        remedy=ran.remedy.name if ran.remedy else "",
        killed_by=verdict.killed_by,
        cause=verdict.cause,
        outcome=verdict.client_outcome,
        certainty=verdict.certainty,
        headline=verdict.headline,
        wrong=list(ran.wrong),
        client=truth.client.error,
        server=truth.server.error,
        received=truth.client.received,
        host_resets=truth.counted.resets["host"].made,
        invalid=truth.counted.invalid,
        seconds=round(ran.seconds, 2),
        pair=told(ran.without) if ran.without else "",
    )


def unplayed(scenario: Scenario, release: str, remedy: Remedy | None, why: str) -> Result:
    """The result of one that could not be played."""
    return Result(
        scenario.name, scenario.code, release, remedy.name if remedy else "", "unknown", None, "unknown",
        "undetermined", "", [f"not played: {why}"], "", "", 0, 0, 0, 0.0,
    )  # fmt: skip


def from_json(record: Mapping[str, Any]) -> Result:
    """A result that was written as JSON by this version."""
    return Result(**record)
