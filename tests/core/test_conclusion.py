"""What would settle a verdict: the capture that is missing, then one that is whole, then one at the peer."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.conclusion import AT_PEER, OTHER_SIDE, WHOLE, Conclusion, missing
from tests.scene import ASKED, case

RESET = ASKED + "0.300 < R. 1449:1449(0) ack 101 win 509"


@pytest.mark.parametrize(
    ("how", "needs"),
    [
        ({"sides": "inside", "roles": {0: "inside"}}, [OTHER_SIDE.format("outside")]),
        ({"dropped": lambda number: number == 1}, [WHOLE.format("outside")]),
        ({"dropped": lambda _: True}, [WHOLE.format("inside"), WHOLE.format("outside")]),
        ({}, [AT_PEER]),
    ],
    ids=["a side", "what one lacks", "what both lack", "nothing"],
)
def test_what_is_missing(how: dict[str, Any], needs: list[str]) -> None:
    assert missing(case(RESET, **how).seen) == needs


def test_candidates_of_one_are_not_those_of_another() -> None:
    codes = ["NF01"]
    one, other = Conclusion("host", "likely", codes), Conclusion("host", "likely", codes)
    one.candidates.append("NF02")
    assert (other.candidates, codes) == (["NF01"], ["NF01"])
    assert (one.cause, one.needs, one.first, one.silence) == (None, [], None, None)
