"""What a forger has to know, and what stops him: docs/attack.md, by sockets and counters alone."""

from __future__ import annotations

import pytest

from bypeer.errors import HostError
from bypeer.lab.scenario import Scenario
from bypeer.lab.scenarios.attack import SCENARIOS
from bypeer.lab.stage import Truth, rehearse

pytestmark = pytest.mark.lab

# By name: how the client's socket ends, and how many RSTs the host makes. It may never be told of a death.
DIES, LIVES = ("ECONNRESET", "TIMEOUT"), ("",)
ENDS = {
    "forged-segment": (DIES, 1),
    "forged-segment-v6": (DIES, 1),
    "forged-segment-blind": (LIVES, 1),
    "forged-segments": (DIES, 300),
    "forged-segment-drop": (LIVES, 0),
    "forged-segment-rp-filter": (DIES, 1),
    "forged-by-lodger": (DIES, 1),
    "forged-by-lodger-rp-filter": (LIVES, 0),
    "forged-by-lodger-fib": (LIVES, 0),
}


def played(scenario: Scenario) -> Truth:
    try:
        return rehearse(scenario)
    except HostError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: str(one.name))
def test_what_becomes_of_the_connection(scenario: Scenario) -> None:
    errors, made = ENDS[scenario.name]
    truth = played(scenario)
    assert truth.client.error in errors
    assert truth.counted.resets["host"].made == made
