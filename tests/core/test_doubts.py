"""Verdicts that are left open, since the captures lack what would tell, and that say no more for it."""

from __future__ import annotations

import pytest

from bypeer.core.kernels import named
from tests.core.test_verdict import (
    BURST,
    CLOSE,
    DEATH,
    GOOD,
    HOST,
    LATE,
    NEXT,
    Expected,
    again,
    check,
    concluded,
    parameters,
)
from tests.scene import ASKED, OPEN, case

# Segments that pass, though all rules would refuse them: far beyond, or acknowledging what nobody sent.
BEYOND = "0.150 < . 80001449:80001549(100) ack 101 win 509\n"
UNSENT = "0.150 < . 91449:91549(100) ack 90000101 win 509\n"
FORGED = "0.3 < R 1440:1440(0) win 0 ttl 200\n0.3001 < . 1449:1549(100) ack 101 win 509\n"


def one_way(story: str, sign: str, mark: str) -> str:
    """The story, of which one side (`mark`: -i or -o) captured nothing that goes that way."""
    return "".join(
        f"{line} {mark}\n" if sign in line.partition("win")[0] else f"{line}\n"
        for line in story.splitlines()
        if line.strip()
    )


def flagged(story: str) -> str:
    """The story, of which both sides captured SYNs, FINs and RSTs alone."""
    lines = [line for line in story.splitlines() if line.strip()]
    return "".join(
        f"{line}{'' if {'S', 'S.', 'F', 'F.', 'R', 'R.'} & set(line.split()) else ' -i -o'}\n"
        for line in lines
    )


OPENED = OPEN.strip().splitlines()
FORGED_TWICE = (
    ASKED.replace("wscale 7>", "wscale 7> cut 46")
    + BURST + "0.2001 H> R 90:90(0) win 0\n0.250 < . 90001449:90001549(100) ack 101 win 509 !\n"
    + "0.2501 H> R 101:101(0) win 0\n"
)  # fmt: skip

RESET = {
    "no kernel's rules fit, for another reason than the trigger's place": Expected(
        LATE.replace("0.200 <", UNSENT + "0.200 <"), "host", "NF01", "undetermined", "hung",
        "do not fit what was observed",
    ),
    "no kernel's rules fit, and others in its place passed": Expected(
        ASKED + BEYOND + BURST.replace("9000", "9100") + HOST, "host", "NF02", "undetermined",
        "hung", "do not fit what was observed",
    ),
    "the user's kernel does not fit, but others do": Expected(
        LATE, "host", "NF04", "likely", "hung", "do not fit what was observed", {"kernel": named("6.18")},
    ),
    "the container's RST, which the inside capture lacks": Expected(
        ASKED + BURST + "0.2002 > R 101:101(0) win 0 -i\n", "inside", "NF07", "undetermined", "unknown",
        "the inside capture again",
    ),
    "the peer's RST, which the outside capture lacks": Expected(
        ASKED + "0.300 < R. 1449:1449(0) ack 101 win 509 -o", "outside", "EP02", "undetermined", "reset",
        "the outside capture again",
    ),
    "what came to the peer that had closed": Expected(
        one_way(ASKED + "0.3 < F. 1449:1449(0) ack 101 win 509\n" + NEXT + DEATH, ">", "-o"),
        "outside", "EP04", "undetermined", "reset", "both directions",
    ),
    "what came to the peer that gave up": Expected(
        one_way(ASKED + "0.3 < R. 1449:1449(0) ack 101 win 509\n", ">", "-o"),
        "outside", "EP02", "undetermined", "reset", "both directions",
    ),
    "a forged RST is just not exact, and the client is dead": Expected(
        ASKED + FORGED + "0.3002 > R 101:101(0) win 0\n", "on-path", "PA01", "undetermined", "unknown",
        "a capture at the peer",
    ),
    "a forged RST is just not exact, and the client lives on": Expected(
        ASKED + FORGED + "0.3002 > . 101:101(0) ack 1549 win 502\n0.4 < . 1549:1649(100) ack 101 win 509\n"
        + "0.4001 > R 101:101(0) win 0\n", "inside", "EP05", "likely", "unknown",
    ),
    "the host's RST, for a good segment that was not forwarded": Expected(
        ASKED + GOOD + "0.2001 H> R 101:101(0) win 0 -o\n" + NEXT + DEATH, "unknown", "NF12", "undetermined",
        "reset", "the outside capture again",
    ),
    "what the peer answers as a stranger, though it was forwarded": Expected(
        ASKED + "0.300 > P. 101:201(100) ack 1449 win 502 -o\n" + DEATH, "unknown", "EP05", "undetermined",
        "reset", "the outside capture again",
    ),
    "the peer's RST where it should have been forwarded, and the container is dead": Expected(
        ASKED + NEXT + DEATH.strip() + " !\n0.320 < . 1449:1549(100) ack 101 win 509\n"
        + "0.3201 > R 101:101(0) win 0\n",
        "unknown", "EP05", "undetermined", "unknown", "the inside capture again",
    ),
    "the options of the handshake, and the trigger fails what bounds are left": Expected(
        FORGED_TWICE, "host", "NF02", "likely", "hung",
    ),
}  # fmt: skip

CUT = ASKED.replace("wscale 7>", "wscale 7> cut 46")
RESET["the options of the handshake, and the trigger looks good"] = Expected(
    CUT + "0.1 < . 90001449:90001549(100) ack 101 win 509\n" + GOOD + HOST,
    "host",
    "NF04",
    "undetermined",
    "hung",
    "from the handshake on",
)

RESET["all before the trigger, so that it is the first that its sender says"] = Expected(
    "0.2 > . 101:101(0) ack 1449 win 502\n"
    + BURST
    + HOST
    + "0.21 < . 1449:2897(1448) ack 101 win 509\n0.211 > . 101:101(0) ack 2897 win 502\n",
    "host",
    "NF02",
    "undetermined",
    "unknown",
    "from the handshake on",
    {"linger": 0.0},
)

NO_RESET = {
    "all but the SYNs": Expected(
        flagged(ASKED), "unknown", "", "undetermined", "unknown", "the inside capture again",
    ),
    "a RST beyond all but the SYNs": Expected(
        flagged(ASKED + "1.3 < R 1449:1449(0) win 0"), "unknown", "EP05", "undetermined", "unknown",
        "the inside capture again",
    ),
    "all but the FINs, and a RST came when both had closed": Expected(
        flagged(ASKED + CLOSE + "1.100 > R 102:102(0) win 0"), "none", "", "likely", "completed",
    ),
    "the same, and a hundred RSTs more": Expected(
        flagged(ASKED + CLOSE + "".join(f"1.1{at:03} > R 102:102(0) win 0\n" for at in range(120))),
        "none", "", "likely", "completed",
    ),
    "what came to the client, for whom a RST may have been, and the server was done": Expected(
        one_way(
            ASKED + "0.4 > P. 101:201(100) ack 1449 win 502\n1.0 < F. 1449:1449(0) ack 101 win 509\n"
            + "1.1 > F. 201:201(0) ack 1450 win 502\n1.2 < R 1449:1449(0) win 0\n", ">", "-i"
        ),
        "unknown", "EP04", "undetermined", "unknown",
        "the inside capture again",
    ),
    "what the host answered, shortly before a FIN leaked": Expected(
        ASKED + GOOD.strip() + " -o\n0.2001 H> R 91:91(0) win 0\n"
        + again(">~ F. 101:101(0) ack 1449 win 502"), "host", "NF04", "likely", "hung",
    ),
    "the same, but the FIN was sent again": Expected(
        flagged(
            ASKED + "1.0 < F. 1449:1449(0) ack 101 win 509\n1.1 > F. 101:101(0) ack 1450 win 502\n"
            + "1.2 < F. 1449:1449(0) ack 101 win 509\n1.3 > R 102:102(0) win 0"
        ), "inside", "EP04", "likely", "completed",
    ),
    "an answer to what was sent last, twice": Expected(
        ASKED + again("> P. 101:201(100) ack 1449 win 502", times=2), "unknown", "EP07", "undetermined",
        "unknown", "a capture at the peer",
    ),
    "the end of the outside, where the answer came": Expected(
        ASKED + "0.3 < . 1449:1549(100) ack 101 win 509\n" * 4
        + "2.0 > . 101:101(0) ack 1549 win 502 -o\n", "none", "", "likely", "unknown", how={"linger": 0.0},
    ),
    "what the container answers, if it does": Expected(
        one_way(ASKED + again("< P. 1449:1549(100) ack 101 win 509"), ">", "-i"),
        "unknown", "EP07", "undetermined", "unknown", "both directions",
    ),
    "what came to the client, which was told that the peer knows nothing of it": Expected(
        one_way(ASKED + NEXT + DEATH, "<", "-i"), "outside", "EP05", "likely", "reset",
    ),
}  # fmt: skip


@pytest.mark.parametrize("expected", parameters({**RESET, **NO_RESET}))
def test_verdict(expected: Expected) -> None:
    check(expected)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("no kernel's rules fit, for another reason than the trigger's place", ["NF01", "NF04", "NF12"]),
        ("no kernel's rules fit, and others in its place passed", ["NF02", "NF04", "NF12"]),
        ("a forged RST is just not exact, and the client is dead", ["PA01", "EP05"]),
    ],
)
def test_what_it_may_be(name: str, codes: list[str]) -> None:
    assert concluded(RESET[name].story, **RESET[name].how)[0].candidates == codes


def test_a_side_that_shows_one_direction_lacks_all_of_the_other() -> None:
    found = case(one_way(ASKED + NEXT + DEATH, "<", "-i"))
    inside, outside = found.seen.study.sides
    assert inside is not None
    assert outside is not None
    assert len(inside.holes) == 1
    assert not outside.holes
    (death,) = found.seen.resets
    assert death.effect == "lethal", "as the outside shows"


def test_a_fin_that_a_rst_overtook_is_not_new_where_the_outside_lacks_what_was_answered() -> None:
    late = "0.450 < F. 1449:1449(0) ack 101 win 509\n"
    asked = "0.300 > P. 101:201(100) ack 1449 win 502"
    for mark in ("", " -o"):
        found = case(ASKED + asked + mark + "\n" + DEATH + late)
        assert found.seen.resets[0].author == "outside"
    assert case(ASKED + DEATH + late).seen.resets[0].author == "on-path"


@pytest.mark.parametrize(("ttl", "sure"), [(64, True), (63, False)])
def test_a_ttl_that_no_system_sets_leaves_it_open_who_made_a_rst(ttl: int, sure: bool) -> None:
    """It may have come a shorter way than the rest, and the capture there may lack it."""
    found = case(ASKED + f"0.3 H< R 1449:1449(0) win 0 ttl {ttl}\n")
    (reset,) = found.seen.resets
    assert (reset.author, reset.author_sure) == ("host", sure)


def test_a_syn_with_fin_opens_nothing() -> None:
    """The captures begin with it, in mid-stream."""
    story = (
        "0.3 < FS 601:801(200) win 64 !\n0.3001 H> R. 1:1(0) ack 803 win 0\n"
        "0.4 > P. 101:201(100) ack 801 win 502\n0.5 < . 801:901(100) ack 201 win 509\n"
        "0.6 > . 201:201(0) ack 901 win 502\n"
    )
    found = case(story)
    assert (found.seen.study.join.client_inside, found.seen.study.join.inside.client[2]) == (True, 40_000)
    assert found.seen.study.join.outside is not None
    assert not found.seen.study.join.outside.connection.opened
    assert found.conclusion.killed_by == "none"


def test_who_answers_by_rst_is_not_silent() -> None:
    """What the peer's RST came after was lost; what the peer sends again meets a stranger."""
    begun = (
        "0.2 < . 1049:1249(200) ack 101 win 509\n0.21 > . 101:101(0) ack 1249 win 502\n"
        "0.3 < R 1449:1449(0) win 0\n"
    )
    answered = again("< P. 1249:1449(200) ack 101 win 509\n+.0001 > R 101:101(0) win 0")
    assert case(begun + answered).seen.fates.silence is None
    silent = again("< P. 1249:1449(200) ack 101 win 509")
    assert case(begun + silent).seen.fates.silence is not None


def test_what_the_peer_acknowledges_had_passed_though_the_outside_lacks_it() -> None:
    """A container that had closed is no proxy that was passed by (NF09)."""
    story = (
        ASKED + "0.3 < F. 1449:1449(0) ack 101 win 509{}\n0.301 > . 101:101(0) ack 1450 win 502\n"
        "0.4 > P. 101:201(100) ack 1450 win 502\n0.4001 < R 1450:1450(0) win 0\n"
    )
    for mark in ("", " -o"):
        assert case(story.format(mark), nat="port").conclusion.candidates == ["EP04"]


def test_who_refuses_is_next_to_where_its_rst_has_lost_no_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address tells which side is hidden, and the server said nothing else."""
    monkeypatch.setattr("bypeer.core.nat.private", lambda _: False)
    found = case("0 > S 0:0(0) win 64240\n0.1 < R. 0:0(0) ack 1 win 0", nat="port")
    assert (found.seen.study.join.client_inside, found.conclusion.killed_by) == (False, "inside")
