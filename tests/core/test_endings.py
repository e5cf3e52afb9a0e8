"""Verdicts where no RST killed: who fell silent or kept segments back, or that nobody did."""

from __future__ import annotations

import pytest

from tests.core.test_verdict import BURST, INSIDE, LOSSY, LOST, Expected, again, check, concluded, parameters
from tests.scene import ASKED

CLOSE = """
    1.000 < F. 1449:1449(0) ack 101 win 509
    1.001 > F. 101:101(0) ack 1450 win 502
    1.002 < . 1450:1450(0) ack 102 win 509
"""

NOBODY_KILLS = {
    "it ended as it should, and one more RST came": Expected(
        ASKED + CLOSE + "1.100 > R 102:102(0) win 0", "none", "", "certain", "completed",
    ),
    "the same, seen on one side": Expected(
        ASKED + CLOSE + "1.100 > R 102:102(0) win 0", "none", "", "likely", "completed", how=INSIDE,
    ),
    "it goes on": Expected(ASKED, "none", "", "likely", "unknown"),
    "it goes on, but packets are missing": Expected(
        ASKED, "unknown", "", "undetermined", "unknown", "the outside capture again", LOSSY,
    ),
    "what came last was INVALID": Expected(
        ASKED + BURST, "unknown", "NF02", "undetermined", "unknown", "a capture at the peer",
    ),
    "the last that came was not forwarded, and nothing is wrong with it": Expected(
        ASKED + "0.1 < . 1449:1549(100) ack 101 win 509 !", "unknown", "", "undetermined", "unknown",
        "a capture at the peer",
    ),
    "what came last left untranslated": Expected(
        ASKED + "0.1 >~ F. 101:101(0) ack 1449 win 502", "unknown", "NF04", "undetermined", "unknown",
        "a capture at the peer",
    ),
    "one end's segments alone were captured": Expected(
        "".join(f"{line}\n" for line in ASKED.splitlines() if "<" not in line.split("win")[0]),
        "unknown", "", "undetermined", "unknown", "both directions",
    ),
    "one end's segments alone, the last of which closes it": Expected(
        "".join(f"{line}\n" for line in (ASKED + "0.1 > F. 101:101(0) ack 1449 win 502").splitlines()
                if "<" not in line.split("win")[0]),
        "none", "", "likely", "unknown",
    ),
    "one end's segments alone, the last of which closes it again and again": Expected(
        "".join(f"{line}\n" for line in ASKED.splitlines() if "<" not in line.split("win")[0])
        + "0.1 > F. 101:101(0) ack 1449 win 502\n0.3 > F. 101:101(0) ack 1449 win 502\n",
        "unknown", "", "undetermined", "unknown", "both directions",
    ),
    "one end's segments alone, which nobody answered": Expected(
        "0 > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7>", "none", "", "likely", "unknown",
    ),
    "a RST that may or may not have arrived": Expected(
        ASKED + LOST + "0.300 < R. 2897:2897(0) ack 101 win 509 !", "outside", "EP02", "undetermined",
        "unknown", "the inside capture again", {"dropped": lambda number: number == 0},
    ),
    "a RST that nobody saw the meaning of": Expected(
        ASKED + "0.300 < R 70001449:70001449(0) win 509", "none", "", "likely", "unknown",
    ),
}  # fmt: skip

ASKS = "> S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7>"
SYN_ACK = "< S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>"
SILENCE = {
    "the client never gets the SYN/ACK, nor is it heard again but by its SYN": Expected(
        "".join(f"{at} {ASKS}\n{at}1 {SYN_ACK}\n" for at in (0.0, 1.0, 3.0)),
        "inside", "EP07", "likely", "unknown",
    ),
    "the peer's": Expected(
        ASKED + again("> P. 101:201(100) ack 1449 win 502"), "outside", "EP07", "undetermined", "hung",
        "a capture at the peer",
    ),
    "the container's": Expected(
        ASKED + again("< P. 1449:1549(100) ack 101 win 509"), "inside", "EP07", "likely", "unknown",
    ),
    "with one side captured": Expected(
        ASKED + again("> P. 101:201(100) ack 1449 win 502"), "unknown", "EP07", "undetermined", "hung",
        "on the outside side", INSIDE,
    ),
    "the host keeps good segments back": Expected(
        ASKED + again("> P. 101:201(100) ack 1449 win 502 !"), "host", "NF12", "undetermined", "hung",
        "the NAT host's ruleset",
    ),
    "the host keeps back what it cannot judge, for the answers pass it by": Expected(
        "0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7>\n0.010 > . 1:1(0) ack 1 win 502 !\n"
        + again("> P. 1:101(100) ack 1 win 502 !"), "host", "NF03", "likely", "hung",
    ),
    "the host keeps back what is beyond the window": Expected(
        ASKED + again("< . 90001449:90001549(100) ack 101 win 509 !"), "host", "NF02", "likely", "unknown",
    ),
    "the host keeps the answers back": Expected(
        ASKED + again("> P. 101:201(100) ack 1449 win 502\n+.01 < . 90001449:90001459(10) ack 201 win 509 !"),
        "host", "NF02", "likely", "hung",
    ),
    "the host keeps segments back, but the other capture lacks packets": Expected(
        ASKED + again("< . 90001449:90001549(100) ack 101 win 509 !"), "host", "NF02", "undetermined",
        "unknown", "the inside capture again", {"dropped": lambda number: number == 0},
    ),
    "the other capture had ended": Expected(
        ASKED + again("> P. 101:201(100) ack 1449 win 502 -o"), "unknown", "EP07", "undetermined", "hung",
        "the outside capture again", {"linger": 0.0},
    ),
    "data leak": Expected(
        ASKED + again(">~ P. 101:201(100) ack 1449 win 502"), "host", "NF04", "likely", "hung",
    ),
    "a FIN leaks": Expected(
        ASKED + again(">~ F. 101:101(0) ack 1449 win 502"), "host", "NF10", "likely", "hung",
    ),
    "the host keeps good segments back, and leaks": Expected(
        ASKED + again("< . 1449:2897(1448) ack 101 win 509 !") + "9.0 >~ F. 101:101(0) ack 1449 win 502",
        "host", "NF04", "likely", "hung",
    ),
}  # fmt: skip


@pytest.mark.parametrize("expected", parameters({**NOBODY_KILLS, **SILENCE}))
def test_verdict(expected: Expected) -> None:
    check(expected)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("the host keeps good segments back", ["NF12", "NF04", "NF11", "NF03"]),
        ("the host keeps good segments back, and leaks", ["NF04", "NF10"]),
    ],
)
def test_what_the_evidence_cannot_tell_apart(name: str, codes: list[str]) -> None:
    assert concluded(SILENCE[name].story, **SILENCE[name].how)[0].candidates == codes
