"""Who made each RST, and which segment it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bypeer.core.causes.model import Seen
from bypeer.core.explain import analyse
from bypeer.core.resets import Reset
from bypeer.core.study import OUTSIDE
from tests.make import Taken
from tests.scene import ASKED, OPEN, Memory, case, frames

BEYOND = "+.01 < . 90000001:90000101(100) ack 101 win 509 !\n"  # INVALID on every kernel
HOST = ASKED + BEYOND + "+.0001 H> R 101:101(0) win 0\n"
SERVER = ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"
CLIENT = ASKED + "+.01 > R. 101:101(0) ack 1449 win 0\n"


def resets(story: str, **how: Any) -> list[Reset]:
    return list(case(story, **how).seen.resets)


def only(story: str, **how: Any) -> Reset:
    (found,) = resets(story, **how)
    return found


# Who made it

PRINTED: dict[str, tuple[str, dict[str, Any], str]] = {
    # story, how it is played: the author; without TTLs it is never sure
    "host: absent inside": (HOST, {}, "host"),
    "host: both in one text": (HOST, {"merged": "blind"}, "host"),
    "host, inside not captured": (HOST, {"sides": "outside"}, "unknown"),
    "what answers nothing is not the host's": (CLIENT.replace("win 0", "win 0 -i"), {}, "unknown"),
    "outside endpoint": (SERVER, {}, "outside"),
    "inside endpoint": (CLIENT, {}, "inside"),
}


@pytest.mark.parametrize(("story", "how", "author"), PRINTED.values(), ids=PRINTED)
def test_author_without_ttls(story: str, how: dict[str, Any], author: str) -> None:
    reset = only(story, printed=True, **how)
    assert (reset.author, reset.author_sure) == (author, False)
    assert "TTL is not known" in reset.author_because


AUTHORS: dict[str, tuple[str, dict[str, Any], str, bool]] = {
    # story, how it is played: the author, and whether that is sure
    "host, whose TTL has lost no hop": (HOST, {}, "host", True),
    "host with 128": (HOST, {"host_ttl": 128}, "host", True),
    "host with 255, before IPv6": (HOST, {"host_ttl": 255, "ipv6": True}, "host", True),
    "host, the containers set 65: equal TTL but absent inside": (HOST, {"ttls": (65, 57)}, "host", False),
    "the same, inside not captured": (HOST, {"ttls": (65, 57), "sides": "outside"}, "inside", False),
    "the same, inside captured with losses": (
        ASKED + "+.001 > P. 101:201(100) ack 1449 -i\n+.01 < . 1449:1449(0) ack 201\n"
        "+.01 < . 90000001:90000101(100) ack 201 !\n+.0001 H> R 201:201(0) win 0",
        {"ttls": (65, 57)}, "inside", False,
    ),
    "host, inside not captured": (HOST, {"sides": "outside"}, "host", False),
    "host, inside when the capture was off": (
        HOST.replace("win 0", "win 0\n+1 > . 101:101(0) ack 1449 -i\n+1 < . 1449:1549(100) ack 101 -i "),
        {"linger": 0.0}, "host", False,
    ),
    "host towards a client behind it": (
        ASKED + "+.01 > . 90000001:90000101(100) ack 1449 !\n+.0001 H< R 1449:1449(0) win 0", {}, "host", True
    ),
    "host, where nothing else passed in that direction": (
        "0 > S 0:0(0)\n+.01 H< R. 0:0(0) ack 1 win 0", {}, "host", True
    ),
    "host of a published port": (
        ASKED + "+.01 > . 90000001:90000101(100) ack 1449 !\n+.0001 H< R 1449:1449(0) win 0",
        {"nat": "port"}, "host", True,
    ),
    "outside endpoint": (SERVER, {}, "outside", True),
    "outside endpoint, outside not captured": (SERVER, {"sides": "inside"}, "outside", False),
    "outside endpoint, missed outside": (SERVER.replace("win 0", "win 0 -o"), {}, "outside", False),
    "outside endpoint, which answers, missed outside: no host has such a TTL": (
        ASKED + "+.01 > P. 101:201(100) ack 1449\n+.01 < R 1449:1449(0) win 0 -o", {}, "outside", False
    ),
    "outside endpoint, of which nothing else is seen": (
        "0 > S 0:0(0)\n+.01 < R. 0:0(0) ack 1 win 0", {}, "outside", False
    ),
    "inside endpoint": (CLIENT, {}, "inside", True),
    "inside endpoint, inside not captured": (CLIENT, {"sides": "outside"}, "inside", False),
    "inside endpoint, the roles of a lone side unknown": (
        "0 > . 1:1(0) ack 1\n+.1 < . 1:1(0) ack 1\n+.1 > R. 1:1(0) ack 1",
        {"ttls": (60, 57), "sides": "outside"}, "inside", False,
    ),
    "path, by the TTL": (SERVER.replace("win 0", "win 0 ttl 60"), {}, "on-path", True),
    "path, by data that go on": (SERVER + "+.001 < . 1449:2897(1448) ack 101", {}, "on-path", False),
    "path, by data that go on, dated": (
        SERVER + "+.001 < . 1449:2897(1448) ack 101", {"timestamps": True}, "on-path", False
    ),
    "path, between the host and where it was taken": (
        CLIENT.replace("win 0", "win 0 ttl 51"), {"sides": "outside"}, "on-path", False
    ),
    "endpoint, whose earlier data come late, by their date": (
        ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"
        "+.001 < . 1449:2897(1448) ack 101 <nop,nop,TS val 5000001 ecr 0>",
        {"timestamps": True}, "outside", True,
    ),
    "endpoint, whose late data bear no date": (
        SERVER + "+.001 < . 1449:2897(1448) ack 101 nots", {"timestamps": True}, "outside", True
    ),
    "endpoint, which repeats data": (SERVER + "+.001 < . 1:1449(1448) ack 101", {}, "outside", True),
    "endpoint, which goes on with ACKs": (SERVER + "+.001 < . 1449:1449(0) ack 101", {}, "outside", True),
    "unknown: a lone RST of the usual TTL": ("0 H> R 101:101(0)", {"sides": "outside"}, "unknown", False),
    "inside endpoint: a lone RST that lost hops": (
        "0 H> R 101:101(0) ttl 60", {"sides": "outside"}, "inside", False
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AUTHORS)
def test_the_author(name: str) -> None:
    story, how, author, sure = AUTHORS[name]
    found = resets(story, **how)[-1]
    assert (found.author, found.author_sure) == (author, sure), found.author_because


def further_out(taken: Sequence[Taken], hops: int) -> list[Taken]:
    """As taken so many hops behind the host's outer interface, by the TTLs of the IPv4 packets."""

    def moved(packet: bytes) -> bytes:
        outward = packet[12:16] == bytes((203, 0, 113, 12))
        return packet[:8] + bytes((packet[8] + (-hops if outward else hops),)) + packet[9:]

    return [one._replace(octets=moved(one.octets)) for one in taken]


@pytest.mark.parametrize(("ttl", "author"), [(64, "host"), (63, "inside"), (60, "on-path")])
def test_at_the_peer_the_hosts_rst_has_lost_fewer_hops(ttl: int, author: str) -> None:
    story = HOST.replace("101:101(0) win 0", f"101:101(0) win 0 ttl {ttl}")
    inside, outside = frames(story.replace("+.01 <", "+.01 > . 101:102(1) ack 1449 -i\n+.01 <"))
    (found,) = analyse([Memory(inside), Memory(further_out(outside, 3))]).cases
    assert found.seen.study.join.beyond
    (rst,) = found.seen.resets
    assert (rst.author, rst.author_sure) == (author, False)


def test_a_rst_is_one_wherever_it_was_seen() -> None:
    found = only(SERVER)
    assert [one.side for one in found.seen] == [1, 0]
    assert found.sighting is found.seen[0]
    assert found.ts == found.sighting.ts < found.seen[1].ts
    made = only(HOST)
    assert (made.seen, made.sighting.side) == ([made.sighting], OUTSIDE)


def test_resets_are_in_order_of_time_and_say_whom_they_are_sent_to() -> None:
    seen = case(HOST + "+.01 > . 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0").seen
    assert [(one.author, one.target(seen.study)) for one in seen.resets] == [("host", 1), ("outside", 0)]


@pytest.mark.parametrize(
    ("rst", "passive"),
    [("R 101:101(0)", True), ("R. 0:0(0) ack 1449", False), ("R. 101:101(0) ack 1449", False)],
)
def test_a_rst_with_ack_is_wilful(rst: str, passive: bool) -> None:
    assert only(ASKED + f"+.01 > {rst}").passive is passive


def test_a_rst_with_ack_and_sequence_number_zero_answers() -> None:
    assert only(ASKED + "+.01 > R. 0:0(0) ack 1449", isns=(0, 5)).passive


# What it answers: `latest first` means that of equals the last is taken

B = "< . 90000{0}:90000{1}(100) ack 101 win 509 !"  # each INVALID, each answered by the same RST
FIRST, SECOND, THIRD = (B.format(at, at + 100) for at in (101, 201, 301))
RST = "H> R 101:101(0) win 0"

TRIGGERS: dict[str, tuple[str, list[int | None]]] = {
    # what follows: where the trigger of each host-made RST starts
    "each before its own": (f"+.01 {FIRST}\n+.001 {RST}\n+.001 {SECOND}\n+.001 {RST}", [90000101, 90000201]),
    "a burst, then the answers": (
        f"+.01 {FIRST}\n+.001 {SECOND}\n+.001 {THIRD}\n+.001 {RST}\n+.001 {RST}\n+.001 {RST}",
        [90000101, 90000201, 90000301],
    ),
    "more than are answered": (
        f"+.01 {FIRST}\n+.001 {SECOND}\n+.001 {THIRD}\n+.001 {RST}\n+.001 {RST}", [90000201, 90000301]
    ),
    "fewer than answers": (f"+.01 {FIRST}\n+.00003 {RST}\n+.1 {RST}", [90000101, None]),
    "not one that was forwarded": ("+.01 < . 1449:1449(0) ack 101\n+.001 " + RST, [None]),
    "not one forwarded later than one kept back": (
        f"+.01 {FIRST}\n+.001 < . 1449:1549(100) ack 101\n+.001 {RST}", [90000101]
    ),
    "not one with another ACK": (f"+.01 {FIRST}\n+.001 H> R 100:100(0) win 0", [None]),
    "not one a second earlier": (f"+.01 {FIRST}\n+1.001 {RST}", [None]),
    "one almost a second earlier": (f"+.01 {FIRST}\n+.999 {RST}", [90000101]),
    "one dated a little later, by a hasty clock": (f"+.01 {RST}\n+.00004 {FIRST}", [90000101]),
    "not one that came later": (f"+.01 {RST}\n+.0001 {FIRST}", [None]),
    "not another RST": (f"+.01 < R. 90000101:90000101(0) ack 101 !\n+.001 {RST}", [None]),
    "INVALID before a later one kept back": (
        f"+.01 {FIRST}\n+.001 < . 1449:1549(100) ack 101 !\n+.001 {RST}", [90000101]
    ),
    "one kept back, if none is INVALID": (f"+.01 < . 1449:1549(100) ack 101 !\n+.001 {RST}", [1449]),
    "by its end, what bears no ACK": (
        f"+.01 < SF 5000:5010(10) !\n+.001 < none 7000:7010(10) !\n+.001 {FIRST}\n"
        "+.001 H> R. -1000000000:-1000000000(0) ack 7010 win 0", [7000]
    ),
    "by its end, counting SYN and FIN": (
        "+.01 < SF 5000:5010(10) !\n+.001 H> R. -1000000000:-1000000000(0) ack 5012 win 0", [5000]
    ),
    "wilful, so nothing": ("+.01 " + FIRST + "\n+.001 H> R. 101:101(0) ack 90000201 win 0", [None]),
}  # fmt: skip


@pytest.mark.parametrize("name", TRIGGERS)
def test_the_trigger_of_the_hosts_rst(name: str) -> None:
    story, starts = TRIGGERS[name]
    found = resets(ASKED + story)
    assert [one.trigger and one.trigger.start for one in found if one.author == "host"] == starts


def test_the_hosts_rst_answers_what_arrived_where_it_leaves() -> None:
    for how in ({}, {"sides": "outside"}, {"nat": "port"}, {"nat": "port", "sides": "inside"}):
        found = only(HOST, **how)
        assert found.author == "host"
        assert found.trigger is not None
        assert (found.trigger.side, found.trigger.start) == (found.sighting.side, 90000001)


def test_an_endpoint_answers_what_reached_it() -> None:
    found = resets(HOST + "+.01 > . 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0")[-1]
    assert found.trigger is not None
    assert (found.trigger.side, found.trigger.start, found.trigger.ack) == (OUTSIDE, 101, 1449)


def test_the_closed_port_answers_the_syn() -> None:
    story = "0 > S 0:0(0)\n+.01 < R. -4294967040:-4294967040(0) ack 1 win 0"
    found = only(story)
    assert (found.passive, found.trigger and found.trigger.end) == (True, 1)


def test_what_is_refused_is_asked_only_of_the_hosts_triggers() -> None:
    seen: Seen = case(HOST + "+.01 > . 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0").seen
    triggers = [one.trigger for one in seen.resets if one.trigger is not None]
    assert [seen.refuses(one) for one in triggers] == [True, False]


def test_a_story_without_rst_has_none() -> None:
    assert resets("0 > S 0:0(0)") == []
    assert resets(OPEN + "+1 > . 1:1(0) ack 1", sides="outside") == []


def test_a_rst_to_an_older_connections_ack_is_the_clients_own() -> None:
    """A SYN that reuses a port meets a challenge ACK; the RST to that is followed by the SYN again."""
    tells = """
        0.000 > S  0:0(0)         win 64240
        0.010 < .  5000:5000(0)   ack 77777 win 509
        0.011 > R  {}:{}(0) win 0
        1.000 > S  0:0(0)         win 64240
        1.010 < S. 0:0(0) ack 1   win 65160
        1.011 > .  1:1(0) ack 1   win 502
        1.012 > P. 1:101(100) ack 1 win 502
    """
    assert only(tells.format(77777, 77777)).author == "inside"
    # One that answers nothing is a forger's: the client goes on.
    assert only(tells.format(77, 77)).author == "on-path"
