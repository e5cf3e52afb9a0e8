"""What each endpoint's socket saw, and who fell silent."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.fate import Fates
from tests.scene import ASKED, OPEN, case

BEYOND = "+.01 < . 90000001:90000101(100) ack 101 win 509 !\n"
HOST = ASKED + BEYOND + "+.0001 H> R 101:101(0) win 0\n"
SERVER = ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"
CLIENT = ASKED + "+.01 > R. 101:101(0) ack 1449 win 0\n"
CLOSED = (
    ASKED
    + """
    +.01 > F. 101:101(0) ack 1449
    +.01 < F. 1449:1449(0) ack 102
    +.01 > . 102:102(0) ack 1450
"""
)
SYN = "0 > S 0:0(0) win 64240\n"
DATA = "> P. 101:201(100) ack 1449"  # the client's, at which nobody answers
PROBE = "> . 100:100(0) ack 1449"  # SND.NXT - 1
TELLS = "+.01 > . 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0"  # a word of the client's, and the answer


def again(segment: str, *waits: float, mark: str = "") -> str:
    return "".join(f"+{wait} {segment} {mark}\n" for wait in (0.01, *waits))


def fates(story: str, **how: Any) -> Fates:
    return case(story, **how).seen.fates


OUTCOMES: dict[str, tuple[str, tuple[str, str]]] = {
    # story: outcomes of the inside (the client) and the outside (the server)
    "reset by the server, which wanted it": (SERVER, ("reset", "aborted")),
    "reset by the client, which wanted it": (CLIENT, ("aborted", "reset")),
    "both reset: the host killed one, its answer the other": (HOST + TELLS, ("reset", "reset")),
    "the host killed one, and nobody told the other": (HOST, ("hung", "reset")),
    "the host killed one, and the other gave up much later": (
        HOST + "+1.1 > F. 101:101(0) ack 1449\n", ("hung", "reset")
    ),
    "the host killed one, and the other gave up much later, with a RST": (
        HOST + "+2 > R. 101:101(0) ack 1449\n", ("hung", "reset")
    ),
    "the host killed one, and the other closed by chance": (
        HOST + "+.9 > F. 101:101(0) ack 1449\n", ("unknown", "reset")
    ),
    "the host killed one, and the other reset it by chance": (
        HOST + "+.9 > R. 101:101(0) ack 1449\n", ("aborted", "reset")
    ),
    "the host killed one, and the other has something in flight": (
        HOST + "+.01 > P. 101:201(100) ack 1449", ("unknown", "reset")
    ),
    "closed by both, begun before": (CLOSED[CLOSED.index("0.012") :], ("completed", "completed")),
    "closed by both, the last ACK not seen by one": (
        CLOSED.replace("ack 1450", "ack 1450 !"), ("completed", "completed")
    ),
    "closed by both, a RST after": (
        CLOSED + "+.01 > R. 102:102(0) ack 1450", ("completed", "completed")
    ),
    "closed by the server alone": (
        ASKED + "+.01 < F. 1449:1449(0) ack 101\n+.01 > . 101:101(0) ack 1450", ("unknown", "unknown")
    ),
    "closed by the server; the client had all and resets": (
        ASKED + "+.01 < F. 1449:1449(0) ack 101\n+.01 > . 101:101(0) ack 1450\n"
        "+.01 > R. 101:101(0) ack 1450", ("aborted", "reset"),
    ),
    "closed by the server; the client was reset after it had all": (
        ASKED + "+.01 < F. 1449:1449(0) ack 101\n+.01 > . 101:101(0) ack 1450\n"
        "+.01 < R 1450:1450(0) win 0", ("completed", "aborted"),
    ),
    "reset in the server's name, which closes later": (
        ASKED + "+.01 < R. 1449:1449(0) ack 101\n+.001 < F. 1449:1449(0) ack 101", ("reset", "unknown"),
    ),
    "data after the server had closed": (
        ASKED + "+.01 < F. 1449:1449(0) ack 101\n+.01 > P. 101:201(100) ack 1450\n"
        "+.01 < R 1450:1450(0) win 0", ("reset", "aborted"),
    ),
    "a FIN after a pause is answered by one who knows no connection": (
        ASKED + "+1 > F. 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0", ("aborted", "unknown"),
    ),
    "a FIN right after the last word, too: it may have waited for more": (
        ASKED + "+.9 > F. 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0", ("reset", "unknown"),
    ),
    "the last data, and FIN with them, after a pause": (
        ASKED + "+1 > F. 101:201(100) ack 1449\n+.01 < R 1449:1449(0) win 0", ("reset", "unknown"),
    ),
    "no end at all": (ASKED + "+.01 < R. 9:9(0) ack 101", ("unknown", "aborted")),
    "the host's RST harmed nobody": (ASKED + "+.01 H> R 55:55(0) win 0", ("unknown", "unknown")),
    "the client gave up first": (again(DATA, 1, 2) + "+9 > R. 201:201(0) ack 1449", ("hung", "unknown")),
    "no SYN was answered": (SYN + "+1 > S 0:0(0)\n+2 > S 0:0(0)", ("hung", "unknown")),
    "the SYN/ACK was kept back": (
        SYN + "+.01 < S. 0:0(0) ack 1 !\n+1 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1 !", ("hung", "unknown")
    ),
    "data were never acknowledged": (again(DATA, 0.2, 0.4, 0.8), ("hung", "unknown")),
    "the server's data were never acknowledged": (
        again("< P. 1449:1549(100) ack 101", 0.2, 0.4, 0.8), ("unknown", "hung")
    ),
    "no keepalive was answered": (again(PROBE, 75, 75), ("hung", "unknown")),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_outcomes(name: str) -> None:
    story, outcomes = OUTCOMES[name]
    found = fates(story if story.lstrip()[0] == "0" else ASKED + story)
    assert found.outcomes == outcomes


def test_the_port_is_closed() -> None:
    found = fates(SYN + "+.01 < R. 0:0(0) ack 1 win 0")
    assert found.outcomes[0] == "refused"
    assert found.failed


def test_who_refused_does_not_hang() -> None:
    assert fates(SYN + "+.01 < R. 0:0(0) ack 1 win 0").outcomes[1] == "unknown"


def test_a_published_port_hides_the_server() -> None:
    assert fates(SERVER, nat="port").outcomes == ("aborted", "reset")


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_one_side_tells_as_much_as_reached_it(side: str) -> None:
    assert fates(SERVER, sides=side).outcomes == ("reset", "aborted")


@pytest.mark.parametrize(
    ("story", "failed"),
    [(SERVER, True), (CLIENT, True), (HOST, True), (OPEN + "+1 > . 1:1(0) ack 1", False),
     (CLOSED + "+.01 > R. 102:102(0) ack 1450", False)],
)  # fmt: skip
def test_what_counts_as_failed(story: str, failed: bool) -> None:
    assert fates(story).failed is failed


def test_killers_are_the_first_to_kill() -> None:
    seen = case(HOST + "+.001 H> R 101:101(0) win 0\n" + TELLS).seen
    inside, outside = seen.fates.killers
    assert (outside, inside) == (seen.resets[0], seen.resets[2])


# Silence

SILENCES: dict[str, tuple[str, tuple[int, int, int] | None]] = {
    # after ASKED: whose segment was left without an answer, how often it was sent, answers kept back
    "sent three times": (again(DATA, 0.01, 0.01), (0, 3, 0)),
    "sent twice, a second apart": (again(DATA, 1), (0, 2, 0)),
    "sent twice, less apart": (again(DATA, 0.99), None),
    "sent once": (again(DATA), None),
    "not forwarded": (again(DATA, 1, 2, mark="!"), (0, 3, 0)),
    "sent again as part of more": (again(DATA) + again("> P. 101:301(200) ack 1449", 1), (0, 3, 0)),
    "and more than it": (again(DATA, 1) + again("> P. 201:301(100) ack 1449", 1, 2), (0, 2, 0)),
    "the server's": (again("< P. 1449:1549(100) ack 101", 0.1, 0.2), (1, 3, 0)),
    "the answers kept back": (
        "".join(f"+1 {DATA}\n+.01 < . 1449:1449(0) ack 201 !\n" for _ in range(3)), (0, 3, 3)
    ),
    "of the answers, only those": (
        again(DATA, 1, 2) + "+.1 < . 1449:1549(100) ack 201 !\n+.1 < R. 1449:1449(0) ack 201 !\n"
        "+.1 ~< . 1449:1449(0) ack 201 !", (0, 3, 1),
    ),
    "answered at last": (again(DATA, 1, 2) + "+.01 < . 1449:1449(0) ack 201", None),
    "something else was heard at last": (again(DATA, 1, 2) + "+.01 < . 1449:1549(100) ack 101", None),
    "something else was heard before the last": (
        again(DATA, 1) + "+.01 < . 1449:1549(100) ack 101\n" + again(DATA, 1), (0, 4, 0)
    ),
    "a RST that killed nobody is no answer": (again(DATA, 1, 2) + "+.01 < R. 9:9(0) ack 101", (0, 3, 0)),
    "its sender gives up by a RST": (again(DATA, 1, 2) + "+9 > R. 201:201(0) ack 1449", (0, 3, 0)),
    "its sender was reset": (again(DATA, 1, 2) + "+.01 < R. 1449:1449(0) ack 101", None),
    "its sender answered a stranger": (
        again("< P. 1449:1549(100) ack 101", 1, 2) + "+.01 > R 101:101(0) win 0", None
    ),
    "three keepalive probes": (again(PROBE, 75, 75), (0, 3, 0)),
    "two, and the RST of one who gives up": (again(PROBE, 75) + "+75 > R. 101:101(0) ack 1449", (0, 2, 0)),
    "one, and an abort": (again(PROBE) + "+75 > R. 101:101(0) ack 1449", None),
    "with an octet of data": (again("> . 100:101(1) ack 1449", 75, 75), (0, 3, 0)),
    "two keepalive probes": (again(PROBE, 75), None),
    "probes that are answered": (again(PROBE, 75, 75) + "+.01 < . 1449:1449(0) ack 101", None),
    "probes, the answers kept back": (
        "".join(f"+75 {PROBE}\n+.01 < . 1449:1449(0) ack 101 !\n" for _ in range(3)), (0, 3, 3)
    ),
    "acknowledgements are no probes": (again("> . 101:101(0) ack 1449", 75, 75), None),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENCES)
def test_the_silence(name: str) -> None:
    story, expected = SILENCES[name]
    found = fates(ASKED + story).silence
    assert (found and (found.side, len(found.copies), len(found.answers))) == expected
    if found is not None:
        assert found.since == found.copies[0].ts
        assert {one.side for one in found.copies} == {found.side}


def test_answers_kept_back_are_known_only_from_both_sides() -> None:
    story = ASKED + "".join(f"+1 {DATA}\n+.01 < . 1449:1449(0) ack 201 !\n" for _ in range(3))
    found = fates(story, sides="inside").silence
    assert found is not None
    assert (len(found.copies), found.answers) == (3, ())


KEPT = ASKED + "".join(f"+{wait} < . 1449:1549(100) ack 101 {{0}}\n" for wait in (0.01, 0.3, 0.6))


LEAVES = "> R. 101:101(0) ack 1449", "> F. 101:101(0) ack 1449\n+1 < . 1449:1549(100) ack 102 !"


@pytest.mark.parametrize("end", LEAVES)
def test_who_gives_up_what_the_host_keeps_from_it_was_failed_by_the_host(end: str) -> None:
    found = case(KEPT.format("!") + f"+9 {end}")
    assert (found.seen.fates.outcomes[0], found.conclusion.killed_by) == ("hung", "host")
    silence = found.seen.fates.silence
    assert silence is not None
    assert (silence.side, len(silence.copies)) == (1, 3 + end.count("!"))


def test_who_leaves_before_it_could_miss_anything_left_by_itself() -> None:
    found = case(KEPT.format("!") + "+.01 > R. 101:101(0) ack 1449")
    assert (found.seen.fates.outcomes[0], found.conclusion.killed_by) == ("aborted", "inside")


def test_who_gives_up_what_did_reach_it_left_by_itself() -> None:
    found = case(KEPT.format("") + "+9 > R. 101:101(0) ack 1449")
    assert (found.seen.fates.outcomes[0], found.conclusion.killed_by) == ("aborted", "inside")


REFUSED = "+2 < F. 1449:1449(0) ack 101 !\n+.0001 H> R 101:101(0) win 0\n"  # the server leaves, at last


def test_what_left_untranslated_had_failed_before_the_host_answered_the_other_end() -> None:
    finish = "F. 101:101(0) ack 1449"
    leaked = case(ASKED + again(f">~ {finish}", 0.3, 0.6) + REFUSED)
    assert leaked.seen.fates.silence is not None
    assert leaked.seen.fates.outcomes[0] == "hung"
    assert (leaked.conclusion.killed_by, leaked.conclusion.candidates) == ("host", ["NF10", "NF04"])
    left = case(ASKED + again(f"> {finish}", 0.3, 0.6) + REFUSED)
    assert left.seen.fates.silence is None
