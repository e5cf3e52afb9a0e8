from __future__ import annotations

import pytest

from bypeer.core.causes import elsewhere
from bypeer.core.causes.model import Cause
from tests import scene

# What would show each: words of the answer.
NEEDS = {
    "NF08": "the load balancer's own namespace",
    "NF14": "the earlier connection of this tuple",
    "NF15": "conntrack -L",
}


def test_every_cause_is_here() -> None:
    assert {cause.code for cause in elsewhere.CAUSES} == set(NEEDS)


@pytest.mark.parametrize("cause", elsewhere.CAUSES, ids=lambda cause: str(cause.code))
def test_captures_of_one_connection_do_not_show_it_and_it_says_what_would(cause: Cause) -> None:
    said = scene.case(scene.ASKED + "0.200 < R. 1449:1449(0) ack 101 win 509").by_connection[cause.code]
    assert said.answer == "untestable"
    assert said.because.startswith("needs ")
    assert NEEDS[cause.code] in said.because
