"""Whether a RST killed its target: exactness (RFC 5961), what came before, and what its target did later."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.resets import Reset
from tests.scene import ASKED, case

BEYOND = "+.01 < . 90000001:90000101(100) ack 101 win 509 !\n"
# The host's RST to the server, who has acknowledged 100 octets of the client: RCV.NXT is 101.
HOST = ASKED + BEYOND + "+.0001 H> R {}:{}(0) win 0\n"
# The server's, to the client, who has acknowledged 1448: RCV.NXT is 1449.
SERVER = ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"


BURST = "+.001 < . 90000101:90000201(100) ack 101 win 509 !\n"


# A handshake in which only one end scales its windows: they are as they say.
NARROW = """
    0.000 > S  0:0(0)       win 64240 <mss 1460,sackOK,wscale 7>
    0.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>
    0.011 > .  1:1(0) ack 1 win 1000
    0.012 < .  1:1(0) ack 1 win 1000
"""


def host(at: int) -> str:
    return HOST.format(at, at)


def resets(story: str, **how: Any) -> list[Reset]:
    return list(case(story, **how).seen.resets)


EFFECTS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    # story, how it is played: effects of its RSTs; in capitals where they are sure
    # RFC 5961, 3.2: exactly RCV.NXT
    "exact": (host(101), {}, ["LETHAL"]),
    "one below": (host(100), {}, ["HARMLESS"]),
    "one above": (host(102), {}, ["HARMLESS"]),
    "what was not acknowledged yet counts, once it has arrived": (
        ASKED + "+.001 > P. 101:201(100) ack 1449\n" + BEYOND + "+.0001 H> R 201:201(0) win 0", {}, ["LETHAL"]
    ),
    "then what was acknowledged is below": (
        ASKED + "+.001 > P. 101:201(100) ack 1449\n" + BEYOND + "+.0001 H> R 101:101(0) win 0",
        {}, ["HARMLESS"],
    ),
    "the right edge of what is held beyond a hole (Linux)": (
        ASKED + "+.001 > P. 101:201(100) ack 1449 !\n+.001 > P. 201:301(100) ack 1449\n" + BEYOND
        + "+.0001 H> R 301:301(0) win 0", {}, ["LETHAL"],
    ),
    "the left edge of the hole": (
        ASKED + "+.001 > P. 101:201(100) ack 1449 !\n+.001 > P. 201:301(100) ack 1449\n" + BEYOND
        + "+.0001 H> R 101:101(0) win 0", {}, ["LETHAL"],
    ),
    "in the hole": (
        ASKED + "+.001 > P. 101:201(100) ack 1449 !\n+.001 > P. 201:301(100) ack 1449\n" + BEYOND
        + "+.0001 H> R 201:201(0) win 0", {}, ["HARMLESS"],
    ),
    "after the other's FIN, past it": (
        ASKED + "+.001 > F. 101:101(0) ack 1449\n" + BEYOND + "+.0001 H> R 102:102(0) win 0", {}, ["LETHAL"]
    ),
    "after the other's FIN, its own number (Linux)": (
        ASKED + "+.001 > F. 101:101(0) ack 1449\n" + BEYOND + "+.0001 H> R 101:101(0) win 0", {}, ["LETHAL"]
    ),
    "after the other's FIN, one before it": (
        ASKED + "+.001 > F. 101:101(0) ack 1449\n" + BEYOND + "+.0001 H> R 100:100(0) win 0",
        {}, ["HARMLESS"],
    ),
    # It lived on
    "survived: it acknowledged what came later": (
        host(101) + "+.01 > P. 101:201(100) ack 1449\n+.01 < . 1449:1449(0) ack 201", {}, ["HARMLESS"]
    ),
    "not survived: it acknowledged what had come before": (
        ASKED + "+.001 > P. 101:201(100) ack 1449\n" + BEYOND
        + "+.0001 H> R 201:201(0) win 0\n+.01 < . 1449:1449(0) ack 201", {}, ["LETHAL"],
    ),
    "survived: it echoed a later timestamp": (
        host(101) + "+.01 > . 101:101(0) ack 1449\n+.01 < . 1449:1549(100) ack 101",
        {"timestamps": True}, ["HARMLESS"],
    ),
    "not survived: the timestamp that it echoed was there before": (
        host(101) + "+.01 < . 1449:1549(100) ack 101", {"timestamps": True}, ["LETHAL"]
    ),
    "survived: it sent more than it was allowed before": (
        ASKED + BEYOND + "+.0001 H> R 101:101(0) win 0\n+.01 < . 65600:65800(200) ack 101",
        {}, ["HARMLESS"],
    ),
    "not survived: it sent what it was allowed before": (
        ASKED + BEYOND + "+.0001 H> R 101:101(0) win 0\n+.01 < . 64001:65001(1000) ack 101",
        {}, ["LETHAL"],
    ),
    "overtaken: it echoed a later timestamp, and is found dead soon after": (
        host(101) + "+.001 > . 101:101(0) ack 1449\n+.001 < . 1449:1549(100) ack 101\n"
        "+.001 > . 101:101(0) ack 1549\n+.001 < R 1549:1549(0) win 0", {"timestamps": True},
        ["LETHAL", "LETHAL"],
    ),
    "not overtaken: it acknowledged new octets before it died of another": (
        host(101) + "+.001 > P. 101:201(100) ack 1449\n+.001 < . 1449:1549(100) ack 201\n"
        "+.001 > . 201:201(0) ack 1549\n+.001 < R 1549:1549(0) win 0", {"timestamps": True},
        ["HARMLESS", "LETHAL"],
    ),
    # A sender that is not held by windows shows nothing by exceeding them once more
    "a burst beyond the window, each answered": (
        host(101) + BURST + "+.0001 H> R 101:101(0) win 0", {}, ["LETHAL", "HARMLESS"]
    ),
    "a burst beyond the window, one answered": (host(101) + BURST, {}, ["LETHAL"]),
    # Before and after
    "handshake: it acknowledges the SYN": (
        "0 > S 0:0(0)\n+.01 < R. 0:0(0) ack 1 win 0", {}, ["LETHAL"]
    ),
    "handshake: it acknowledges something else": (
        "0 > S 0:0(0)\n+.01 < R. 0:0(0) ack 2 win 0", {}, ["HARMLESS"]
    ),
    "handshake: without ACK": ("0 > S 0:0(0)\n+.01 < R 0:0(0) win 0", {}, ["HARMLESS"]),
    "closed already": (
        ASKED + "+.01 > F. 101:101(0) ack 1449\n+.01 < F. 1449:1449(0) ack 102\n"
        "+.01 > . 102:102(0) ack 1450\n+.01 > R. 102:102(0) ack 1450", {}, ["HARMLESS"],
    ),
    "not closed: one FIN is not acknowledged": (
        ASKED + "+.01 > F. 101:101(0) ack 1449\n+.01 < F. 1449:1449(0) ack 101\n"
        "+.01 > R. 102:102(0) ack 1450", {}, ["LETHAL"],
    ),
    "not closed: one FIN alone": (
        ASKED + "+.01 > F. 101:101(0) ack 1449\n+.01 < . 1449:1449(0) ack 102\n"
        "+.01 > R. 102:102(0) ack 1449", {}, ["LETHAL"],
    ),
    "dead already": (host(101) + "+.001 H> R 101:101(0) win 0", {}, ["LETHAL", "HARMLESS"]),
    "dead already, by its own will": (
        SERVER + "+.001 > . 101:101(0) ack 1449\n+.0001 > R. 101:101(0) ack 1449", {}, ["LETHAL", "HARMLESS"]
    ),
    "both ends, each by another": (
        host(101) + "+.01 > . 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0", {}, ["LETHAL", "LETHAL"]
    ),
    # On its way
    "not forwarded": (SERVER.replace("win 0", "win 0 !"), {}, ["HARMLESS"]),
    "not seen on the other side, which was captured with losses": (
        ASKED + "+.001 > P. 101:201(100) ack 1449 -o\n+.001 > P. 201:301(100) ack 1449\n"
        "+.01 < . 1449:1449(0) ack 301\n+.5 > R. 301:301(0) ack 1449 win 0 -o", {}, ["unknown"],
    ),
    "untranslated": (ASKED + "+.01 >~ R. 101:101(0) ack 1449 win 0", {}, ["HARMLESS"]),
    "untranslated, and answered as by a stranger": (
        ASKED + "+.01 >~ . 101:101(0) ack 1449\n+.01 ~< R 1449:1449(0) win 0", {}, ["LETHAL"]
    ),
    # The target is gone, though nothing says why
    "not exact, but found dead": (
        host(150) + "+.01 > . 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0", {}, ["unknown", "LETHAL"]
    ),
    "not exact, and its target resets wilfully": (
        host(150) + "+.01 > . 101:101(0) ack 1449\n+.01 < R. 1449:1449(0) ack 101 win 0",
        {}, ["HARMLESS", "LETHAL"],
    ),
    "below, so it cannot be why its target is found dead": (
        host(50) + "+.01 > . 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0", {}, ["HARMLESS", "LETHAL"]
    ),
    # The windows that were offered: scaled only if both ends scale, by any factor if not known
    "one did not scale, sent beyond": (
        NARROW + "+.01 H> R 1:1(0) win 0\n+.01 < . 1:1001(1000) ack 1\n+.01 < . 1001:1003(2) ack 1",
        {}, ["HARMLESS"],
    ),
    "one did not scale, sent within": (
        NARROW + "+.01 H> R 1:1(0) win 0\n+.01 < . 1:1001(1000) ack 1", {}, ["LETHAL"]
    ),
    "the handshake was not captured: sent within the widest": (
        "0 > . 1:1(0) ack 1 win 502\n+.1 < . 1:1(0) ack 1 win 502\n+.1 H> R 1:1(0) win 0\n"
        "+.1 < . 1:30001(30000) ack 1", {}, ["LETHAL"],
    ),
    "no word of the other's before: no window was offered": (
        "0 < . 1:101(100) ack 1 win 502\n+.1 H> R 1:1(0) win 0\n+.1 < . 101:201(100) ack 1",
        {}, ["LETHAL"],
    ),
    # The other side was not captured
    "one side: above": (SERVER.replace("1449:1449(0) ack 101 win 0", "2000:2000(0) ack 101"),
                        {"sides": "outside"}, ["unknown"]),
    "one side: exact": (SERVER, {"sides": "inside"}, ["LETHAL"]),
    "one side: below": (SERVER.replace("1449:1449(0) ack 101 win 0", "9:9(0) ack 101"), {"sides": "inside"},
                        ["HARMLESS"]),
    "one side, not the target's: exact": (host(101), {"sides": "outside"}, ["LETHAL"]),
}  # fmt: skip


@pytest.mark.parametrize("name", EFFECTS)
def test_the_effect(name: str) -> None:
    story, how, effects = EFFECTS[name]
    found = resets(story, **how)
    said = [one.effect.upper() if one.effect_sure else one.effect for one in found]
    assert said == effects, [one.effect_because for one in found]
