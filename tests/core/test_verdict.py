"""Who killed it, why, how certain: never more than both captures show."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from bypeer.core.conclusion import Conclusion
from bypeer.core.kernels import named
from bypeer.core.verdict import client_outcome
from tests.scene import ASKED, FAR, OPEN, case

# A burst beyond the window that the host answers, killing the server; the client's next word meets a RST.
BURST = "0.200 < . 90001449:90001549(100) ack 101 win 509 !\n"
HOST = "0.2001 H> R 101:101(0) win 0\n"
NEXT = "0.300 > P. 101:201(100) ack 1449 win 502\n"
DEATH = "0.310 < R 1449:1449(0) win 0\n"
KILL = ASKED + BURST + HOST + NEXT + DEATH
# A good segment that the host answers: nothing on the wire says why.
GOOD = "0.200 < . 1449:2897(1448) ack 101 win 509 !\n"
LATE = FAR + "0.200 < . 1:1449(1448) ack 101 win 509 !\n" + HOST
UNTRANSLATED = FAR + "0.200 <~ . 1:1449(1448) ack 101 win 509\n+.0001 ~> R 101:101(0) win 0\n" + NEXT + DEATH
CLOSE = """
    1.000 < F. 1449:1449(0) ack 101 win 509
    1.001 > F. 101:101(0) ack 1450 win 502
    1.002 < . 1450:1450(0) ack 102 win 509
"""


def again(line: str, *, times: int = 4) -> str:
    """The line sent again with growing pauses."""
    return "".join(f"{1 + 0.3 * (2**at - 1):.1f} {line}\n" for at in range(times))


def unseen(story: str, mark: str = "-o") -> str:
    """The story, of which the outside (or, with -i, the inside) captured nothing."""
    return "".join(f"{line} {mark}\n" for line in story.splitlines() if line.strip())


class Expected(NamedTuple):
    """Of a story: the verdict. `cause` "" is none; `needs` are words of what would settle it."""

    story: str
    killed_by: str
    cause: str
    certainty: str
    client: str
    needs: str = ""
    how: dict[str, Any] = {}  # noqa: RUF012


INSIDE = {"sides": "inside"}
OUTSIDE = {"sides": "outside"}
LOSSY = {"dropped": lambda number: number == 1}  # the outside file says that it lacks packets
ALL_LOSSY = {"dropped": lambda _: True}
INSIDE_GIVEN = {"sides": "inside", "roles": {0: "inside"}}
# A forger who tries one SEG.ACK after the other; most that comes with the server's address is then his.
FORGED = "".join(
    f"0.2{at:02}0 < P. 90001449:90001450(1) ack {82 + at} win 509 ttl 58 !\n"
    f"0.2{at:02}1 H> R {82 + at}:{82 + at}(0) win 0\n"
    for at in range(20)
)
LOST = "0.210 < . 1449:2897(1448) ack 101 win 509 -o\n0.211 > . 101:101(0) ack 2897 win 502\n"

HOST_KILLS = {
    "all is shown": Expected(KILL, "host", "NF02", "certain", "reset"),
    "whom a forger made do it": Expected(
        ASKED + FORGED + NEXT + DEATH, "host", "NF06", "likely", "reset",
    ),
    "and the client waits on": Expected(ASKED + BURST + HOST, "host", "NF02", "certain", "hung"),
    "and the client asks again and again": Expected(
        ASKED + BURST + HOST + again("> P. 101:201(100) ack 1449 win 502"),
        "host", "NF02", "certain", "unknown",
    ),
    "both sides in one file, by interface": Expected(
        KILL, "host", "NF02", "certain", "reset", how={"merged": "interfaces"},
    ),
    "both sides in one file, not told apart": Expected(
        KILL, "host", "NF02", "likely", "reset", how={"merged": "blind"},
    ),
    "the outside file lacks packets": Expected(KILL, "host", "NF02", "likely", "reset", how=LOSSY),
    "only outside": Expected(KILL, "host", "NF02", "likely", "reset", "on the inside side", OUTSIDE),
    "the outside was taken at a router": Expected(
        KILL, "host", "NF02", "undetermined", "reset", "own outer interface", {"hops": 2},
    ),
    "its RST and the trigger are all that is left of the outside": Expected(
        ASKED + BURST + HOST, "host", "NF02", "certain", "hung", how={"linger": 60.0},
    ),
    "good segment, nothing more": Expected(ASKED + GOOD + HOST, "host", "NF04", "likely", "hung"),
    "good segment, the outside file lacks packets": Expected(
        ASKED + GOOD + HOST, "host", "NF04", "undetermined", "hung", "the outside capture again", LOSSY,
    ),
    "late by rules that were measured": Expected(
        LATE, "host", "NF01", "certain", "hung", how={"kernel": named("5.10")},
    ),
    "by rules that were inferred": Expected(
        KILL, "host", "NF02", "likely", "reset", "the NAT host's kernel version", {"kernel": named("6.6")},
    ),
    "late, by rules that would have forwarded it": Expected(
        LATE, "host", "NF04", "likely", "hung", "do not fit what was observed", {"kernel": named("6.18")},
    ),
    "a SYN/ACK, which no cause explains": Expected(
        ASKED + "0.200 < S. 1449:1449(0) ack 101 win 509 !\n" + HOST, "host", "", "undetermined", "hung",
        "a capture at the peer",
    ),
    "routed: no translation, so only a rule explains it": Expected(
        ASKED + BURST + HOST, "host", "NF04", "likely", "hung", how={"nat": "routed"},
    ),
}  # fmt: skip

SOMETHING_IS_LOST = {
    "the host's RST": Expected(
        KILL.replace(HOST, HOST.strip() + " -o\n"), "unknown", "NF02", "undetermined", "reset",
        "the outside capture again",
    ),
    "the host's RST and what it answers, and the file says so": Expected(
        ASKED + NEXT + DEATH, "unknown", "EP05", "undetermined", "reset", "the outside capture again", LOSSY,
    ),
    "the host's RST and what it answers, and a hole shows": Expected(
        ASKED + LOST + "0.300 > P. 101:201(100) ack 2897 win 502\n0.310 < R 2897:2897(0) win 0",
        "unknown", "EP05", "undetermined", "reset", "the outside capture again",
    ),
    "the outside capture began after the host's RST": Expected(
        unseen(ASKED + BURST + HOST) + NEXT + "0.301 > P. 201:301(100) ack 1449 win 502\n"
        + "0.302 > P. 301:401(100) ack 1449 win 502\n" + DEATH,
        "unknown", "EP05", "undetermined", "reset", "the outside capture again", {"linger": 0.0},
    ),
    "the same, while more of the peer's was on its way": Expected(
        unseen(ASKED + BURST + HOST) + "0.295 < . 1449:2897(1448) ack 101 win 509\n"
        + NEXT.replace("1449", "2897") + DEATH.replace("1449", "2897"),
        "unknown", "EP05", "undetermined", "reset", "the outside capture again", {"linger": 0.0},
    ),
    "the outside, until shortly before a reply was not translated": Expected(
        unseen(UNTRANSLATED.partition("0.030")[0]) + "".join(UNTRANSLATED.partition("0.030")[1:]),
        "inside", "NF07", "likely", "unknown", how={"nat": "service", "linger": 0.0},
    ),
    "both, until shortly before a reply was not translated": Expected(
        "".join(UNTRANSLATED.partition("0.030")[1:]), "inside", "NF07", "likely", "unknown",
        how={"nat": "service", "linger": 0.0},
    ),
    "whether the trigger was forwarded": Expected(
        unseen(ASKED + GOOD.replace("!", "") + HOST, "-i") + NEXT
        + "0.301 > P. 201:301(100) ack 1449 win 502\n0.302 > P. 301:401(100) ack 1449 win 502\n" + DEATH,
        "host", "NF04", "undetermined", "reset", "the inside capture again", {"linger": 0.0},
    ),
    "the inside, until shortly before the late one": Expected(
        unseen(FAR.partition("0.050")[0], "-i") + "".join(FAR.partition("0.050")[1:])
        + "0.2 < . 1:1449(1448) ack 101 win 509 <TS val 3492918103 ecr 3487918092> !\n" + HOST
        + "0.25 < . 91449:92897(1448) ack 101 win 509\n",
        "host", "NF01", "certain", "hung", how={"timestamps": True, "linger": 0.0},
    ),
    "all that was sent to the peer": Expected(
        "".join(
            f"{line}{' -o' if '>' in line.split('<')[0] else ''}\n"
            for line in (ASKED + NEXT + DEATH).splitlines() if line.strip()
        ),
        "unknown", "EP05", "undetermined", "reset", "the outside capture again",
    ),
    "the trigger": Expected(
        KILL.replace(BURST, BURST.strip() + " -o\n"), "host", "", "undetermined", "reset",
        "the outside capture again",
    ),
    "the trigger, but another was answered likewise": Expected(
        ASKED + BURST.strip() + " -o\n" + HOST
        + "0.250 < . 90002449:90002549(100) ack 101 win 509 !\n0.2501 H> R 101:101(0) win 0\n",
        "host", "NF02", "likely", "hung", "the outside capture again",
    ),
    "the trigger, and the inside": Expected(
        # Any older segment with the right SEG.ACK may pass for what was answered.
        KILL.replace(BURST, BURST.strip() + " -o\n"), "host", "NF04", "undetermined", "reset",
        "on the inside side", OUTSIDE,
    ),
    "another trigger, and the inside": Expected(
        ASKED + BURST + HOST + "9.000 H> R 101:101(0) win 0\n", "unknown", "NF02", "undetermined", "unknown",
        "on the inside side", OUTSIDE,
    ),
    "the outside": Expected(
        KILL, "unknown", "EP05", "undetermined", "reset", "on the outside side", INSIDE,
    ),
    "the inside, where an endpoint answered as a stranger": Expected(
        ASKED + "0.200 < . 1449:2897(1448) ack 101 win 509\n0.201 > R 101:101(0) win 0",
        "unknown", "EP05", "undetermined", "unknown", "on the inside side", OUTSIDE,
    ),
    "the outside, where the inside answered as a stranger": Expected(
        ASKED + "0.200 < . 1449:2897(1448) ack 101 win 509\n0.201 > R 101:101(0) win 0",
        "inside", "EP05", "undetermined", "unknown", "on the outside side", INSIDE_GIVEN,
    ),
    "the same, and nobody said that this is the inside": Expected(
        ASKED + "0.200 < . 1449:2897(1448) ack 101 win 509\n0.201 > R 101:101(0) win 0",
        "unknown", "EP05", "undetermined", "unknown", "the inside capture again", INSIDE,
    ),
}  # fmt: skip

OTHERS_KILL = {
    "the peer, after the host's harmless RSTs": Expected(
        ASKED + "0.100 > P. 101:201(100) ack 1449 win 502\n" + BURST + HOST
        + "0.210 < . 1449:2897(1448) ack 201 win 509\n0.300 < R. 2897:2897(0) ack 201 win 509\n",
        "outside", "EP02", "likely", "reset",
    ),
    "the peer, whose RST the inside alone shows": Expected(
        ASKED + "0.300 < R. 1449:1449(0) ack 101 win 509", "outside", "EP02", "likely", "reset",
        how=INSIDE_GIVEN,
    ),
    "the peer, if this is the inside": Expected(
        ASKED + "0.300 < R. 1449:1449(0) ack 101 win 509", "outside", "EP02", "undetermined", "reset",
        "on the outside side", INSIDE,
    ),
    "the peer, of whom nothing else was seen": Expected(
        "0.0 > S 0:0(0) win 64240\n0.1 < R. 256:256(0) ack 1 win 0", "outside", "EP01", "likely", "refused",
    ),
    "the peer restarted, and nothing was missed": Expected(
        ASKED + NEXT + DEATH, "outside", "EP05", "likely", "reset",
    ),
    "the client": Expected(
        ASKED + "0.300 > R. 101:101(0) ack 1449 win 502", "inside", "EP02", "likely", "aborted",
    ),
    "the client, whose RST is overtaken by its answer to what came just then": Expected(
        ASKED + "0.3 < . 1449:2897(1448) ack 101 win 509\n0.3001 > R 101:101(0) win 0\n"
        + "0.3002 > R. 101:101(0) ack 2897 win 502", "inside", "EP02", "likely", "aborted",
    ),
    "the client, whose RST leaks": Expected(
        ASKED + "0.300 >~ R. 101:101(0) ack 1449 win 502", "inside", "NF10", "likely", "aborted",
    ),
    "the path": Expected(
        ASKED + "0.300 < R. 1449:1449(0) ack 101 win 509 ttl 200", "on-path", "PA01", "certain", "reset",
    ),
    "the path, or a host that does not translate": Expected(
        ASKED + "0.300 < R. 1449:1449(0) ack 101 win 509 ttl 200", "on-path", "PA01", "likely", "reset",
        how={"nat": "routed"},
    ),
    "nothing tells": Expected(
        "0.0 > S 0:0(0) win 64240\n0.1 < R. 256:256(0) ack 1 win 0 ttl 65", "unknown", "", "undetermined",
        "refused", "on the outside side", INSIDE,
    ),
    "the peer answers what leaked": Expected(
        ASKED + "0.300 >~ P. 101:201(100) ack 1449 win 502\n0.310 ~< R 1449:1449(0) win 0",
        "outside", "NF10", "likely", "reset",
    ),
}  # fmt: skip

ALL = {**HOST_KILLS, **SOMETHING_IS_LOST, **OTHERS_KILL}


def concluded(story: str, **how: Any) -> tuple[Conclusion, str]:
    """The verdict, and what the client saw."""
    found = case(story, **how)
    return found.conclusion, client_outcome(found.seen)


def parameters(table: dict[str, Expected]) -> list[Any]:
    """The rows, those of known bugs marked."""
    return [pytest.param(row, id=name) for name, row in table.items()]


def check(expected: Expected) -> None:
    """Judge the story, and compare."""
    end, client = concluded(expected.story, **expected.how)
    got = (end.killed_by, end.cause or "", end.certainty, client)
    assert got == (expected.killed_by, expected.cause, expected.certainty, expected.client)
    if expected.needs:
        assert expected.needs in " ".join(end.needs)
    else:
        assert end.needs == []


@pytest.mark.parametrize("expected", parameters(ALL))
def test_verdict(expected: Expected) -> None:
    check(expected)


# Far beyond the window, of a handshake that is not completed: before 5.18 that began it anew and passed.
EARLY = (
    OPEN.rpartition("0.011")[0] + "0.020 < . 900000:900100(100) ack 1 win 509 !\n0.0201 H> R 1:1(0) win 0\n"
    "0.300 > . 1:1(0) ack 1 win 502\n0.310 < R 1:1(0) win 0\n"
)
RESTS: dict[str, tuple[str, dict[str, Any], str, str, str]] = {
    # story, how, kernel, the rule that it rests on, one that it does not
    "on how a handshake begins anew": (EARLY, {}, "6.12", "reinit_needs_syn", "closing_rst_unchecked"),
    "on what late segments are": (LATE, {}, "5.10", "late_is_invalid", "reinit_needs_syn"),
    "on what late replies are": (
        UNTRANSLATED, {"nat": "service"}, "5.10", "late_is_invalid", "reinit_needs_syn",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RESTS)
def test_what_rests_on_an_inferred_rule_is_never_certain(name: str) -> None:
    story, how, version, rests, other = RESTS[name]
    kernel = named(version)
    assert concluded(story, kernel=kernel, **how)[0].certainty == "certain"
    for rule, certainty in ((rests, "likely"), (other, "certain")):
        inferred = kernel._replace(sources={**kernel.sources, rule: "i"})
        end, _ = concluded(story, kernel=inferred, **how)
        assert end.certainty == certainty
        assert ("these rules were inferred" in " ".join(end.needs)) == (certainty == "likely")


CANDIDATES = {
    "all is shown": ["NF02"],
    "good segment, nothing more": ["NF04", "NF12"],
    "late, by rules that would have forwarded it": ["NF04", "NF12", "NF01"],
    "the outside was taken at a router": ["NF02", "NF01", "NF04", "NF12"],
    "the host's RST": ["NF02", "EP05"],
    "the outside": ["EP05", "NF04", "NF02", "NF01", "NF12", "PA01"],
    "the host's RST and what it answers, and the file says so": ["EP05", "NF04", "NF02", "NF01", "NF12"],
    "the inside, where an endpoint answered as a stranger": ["EP05", "NF07", "NF12"],
    "the peer, of whom nothing else was seen": ["EP01", "PA01"],  # or a firewall in its name
    "the peer restarted, and nothing was missed": ["EP05", "PA03", "PA01"],
    "the path": ["PA01"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "codes"), CANDIDATES.items(), ids=CANDIDATES)
def test_what_the_evidence_cannot_tell_apart(name: str, codes: list[str]) -> None:
    assert concluded(ALL[name].story, **ALL[name].how)[0].candidates == codes


def test_tables_have_no_name_in_common() -> None:
    assert len(ALL) == sum(map(len, (HOST_KILLS, SOMETHING_IS_LOST, OTHERS_KILL)))


def test_what_answers_a_challenge_has_the_cause_of_the_rst_that_was_challenged() -> None:
    """The server's RST overtook its last words; the client's challenge (RFC 5961) meets no socket."""
    found = case(
        ASKED
        + """
        0.100 < R. 2897:2897(0) ack 101 win 0
        0.101 > .  101:101(0) ack 1449 win 502
        0.102 < R  1449:1449(0) win 0
    """
    ).conclusion
    assert (found.killed_by, found.cause, found.certainty) == ("outside", "EP02", "likely")
    assert found.first is not None
    assert found.first.passive
