"""What a forger has to know, and what stops him: docs/attack.md, by sockets and counters alone."""

from __future__ import annotations

import pytest

from bypeer.errors import HostError
from bypeer.lab.scenario import Scenario
from bypeer.lab.scenarios.attack import SCENARIOS
from bypeer.lab.stage import Truth, rehearse

pytestmark = pytest.mark.lab

# By name: how the client's socket ends, and how many RSTs the host makes.
ENDS = {
    "forged-segment": ("ECONNRESET", 1),
    "forged-segment-v6": ("ECONNRESET", 1),
    "forged-segment-blind": ("", 1),
    "forged-segments": ("ECONNRESET", 1_000),
    "forged-segment-drop": ("", 0),
    "forged-segment-rp-filter": ("ECONNRESET", 1),
    "forged-by-lodger": ("ECONNRESET", 1),
    "forged-by-lodger-rp-filter": ("", 0),
    "forged-by-lodger-fib": ("", 0),
}


def played(scenario: Scenario) -> Truth:
    try:
        return rehearse(scenario)
    except HostError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: str(one.name))
def test_what_becomes_of_the_connection(scenario: Scenario) -> None:
    error, made = ENDS[scenario.name]
    truth = played(scenario)
    assert (truth.client.error, truth.counted.resets["host"].made) == (error, made)
