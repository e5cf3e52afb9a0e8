"""Scenarios, played on the running kernel: each verdict right, and nothing left. `make lab` plays all of them."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bypeer.core.explanation import Explanation
from bypeer.errors import HostError
from bypeer.lab import elsewhere, plays, vm
from bypeer.lab.clean import clean, scratch
from bypeer.lab.judge import wrong
from bypeer.lab.measure import BREAKS, HANGS, HEALS, NO_HELP, NOTHING, UNPLAYED, cells_of, effect, rows, text
from bypeer.lab.net import built
from bypeer.lab.plays import Play, meant, played
from bypeer.lab.remedies import REMEDIES
from bypeer.lab.result import Result, from_json, of
from bypeer.lab.scenario import Expected, Pace, Scenario, applies, paced
from bypeer.lab.scenarios import SCENARIOS
from bypeer.lab.stage import Ran, Truth, play
from bypeer.lab.topologies import DOCKER
from bypeer.lab.traffic import Ended, Traffic
from bypeer.lab.witness import Counted, Resets
from tests.lab import kill
from tests.lab.conftest import Stand
from tests.telling import explained

pytestmark = pytest.mark.lab

RELEASE = os.uname().release
# A selection that takes a minute or two: of each family of causes, and of each topology, some.
QUICK = ("late-segment", "beyond-window", "closed-port", "abortive-close")


@pytest.fixture(scope="module")
def stage() -> None:
    """A machine on which a scenario can be played."""
    try:
        with built(DOCKER):
            pass
    except HostError as error:
        pytest.skip(str(error))
