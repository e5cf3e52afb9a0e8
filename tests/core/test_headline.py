"""The verdict as a sentence: it names the right party, and never blames the peer for the host's kill."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.headline import headline
from bypeer.core.verdict import client_outcome
from tests.core.causes.cases import CODES, played, told
from tests.core.test_verdict import ALL, BURST, DEATH, GOOD, HOST, KILL, NEXT, again
from tests.scene import ASKED, FAR, case

# How it begins, by who killed: with a RST, or by keeping silent or back.
BEGINS = {
    "host": ("Your own NAT host reset ", "Your own NAT host refused ", "Your own NAT host keeps "),
    "inside": ("The inside endpoint ", "The inside side fell silent"),
    "outside": ("The peer ", "Undetermined: the outside side fell silent"),
    "on-path": ("Something on the path forged ",),
    "none": ("Nobody killed this connection: ",),
    "unknown": ("Undetermined: ",),
}
ENDS = {
    "reset": 'the client was told "connection reset by peer"',
    "refused": 'the client was told "connection refused"',
    "hung": "the client was never told and hangs",
    "aborted": "the client left by itself",
    "completed": "the client had all it wanted",
    "unknown": "what the client saw is not in the capture",
}


def said(story: str, **how: Any) -> str:
    found = case(story, **how)
    return headline(found.seen, found.conclusion)


STORIES = {name: (row.story, row.how) for name, row in ALL.items()}


@pytest.mark.parametrize("name", STORIES)
def test_it_names_who_killed_and_what_the_client_saw(name: str) -> None:
    story, how = STORIES[name]
    found = case(story, **how)
    text = headline(found.seen, found.conclusion)
    assert text.startswith(BEGINS[found.conclusion.killed_by])
    assert text.endswith(".")
    assert "{" not in text
    if found.conclusion.killed_by != "none":
        assert ENDS[client_outcome(found.seen)] in text


@pytest.mark.parametrize("code", CODES)
def test_no_story_of_a_cause_blames_the_peer_for_the_hosts_kill(code: str) -> None:
    for story in told(code):
        for found in played(story).cases:
            text, killer = headline(found.seen, found.conclusion), found.conclusion.killed_by
            assert text.startswith(BEGINS[killer]), story["name"]
            assert text.startswith("The peer ") <= (killer == "outside")
            assert ("not the peer" in text) <= (killer == "host")


REJECTED = ASKED + "0.200 > P. 101:201(100) ack 1449 win 502 !\n0.2001 H< R 1449:1449(0) win 0"
SAYS = {
    "how far ahead": (KILL, {}, ["from 198.51.100.2 beyond the window INVALID (90.0 MB ahead)"]),
    "how far behind": (
        FAR + "0.200 < . 1:1449(1448) ack 101 win 509 !\n" + HOST, {},
        ["called a late segment from 198.51.100.2 INVALID (90 kB behind)", "not the peer"],
    ),
    "in octets, where they are few": (
        ASKED + "0.200 < . 1:1449(1448) ack 500101 win 509 !\n0.2001 H> R 101:101(0) win 0", {},
        ["it answered a segment with RST"],
    ),
    "the other causes that fit": (ASKED + GOOD + HOST, {}, ["(or NF12: the packets do not tell them apart)"]),
    "no other where one is left": (KILL, {}, ["answered RST; the client"]),
    "both causes of an abort once": (
        ASKED + "0.3 < R. 1449:1449(0) ack 101", {},
        ["(its application aborted, or closed with data unread); the client"],
    ),
    "the outside client of a published port": (
        "0 > S 0:0(0) win 64240\n.1 < S. 0:0(0) ack 1 win 64240\n.2 > . 1:1(0) ack 1 win 502\n"
        ".3 > . 90000001:90000101(100) ack 1 win 502 !\n.3001 H< R 1:1(0) win 0", {"nat": "port"},
        ["a segment from 198.51.100.2 beyond the window"],
    ),
    "the client inside": (
        ASKED + "0.200 > P. 90000101:90000201(100) ack 1449 win 502 !\n0.2001 H< R 1449:1449(0) win 0", {},
        ["a segment from 172.17.0.2 beyond the window"],
    ),
    "the client that the host rejects": (REJECTED, {}, ["a firewall rule of the host rejected"]),
    "IPv6": (KILL, {"ipv6": True}, ["from 2001:db8:2::2 beyond"]),
    "the host's decoys": (
        ASKED + "0.100 > P. 101:201(100) ack 1449 win 502\n" + BURST + HOST
        + "0.2002 H> R 101:101(0) win 0\n0.210 < . 1449:2897(1448) ack 201 win 509\n"
        + "0.300 < R. 2897:2897(0) ack 201 win 509\n", {},
        ["The peer 198.51.100.2 ended", "; 2 RSTs that your own NAT host made on the way harmed nobody."],
    ),
    "one decoy, where nobody killed": (
        ASKED + BURST + "0.2001 H> R 50101:50101(0) win 0\n0.3 < . 1449:2897(1448) ack 101 win 509", {},
        ["shows no end", "; 1 RST that your own NAT host made on the way harmed nobody."],
    ),
    "what the host keeps back": (
        ASKED + again("< . 90001449:90001549(100) ack 101 win 509 !"), {},
        ["as beyond the window, and a rule drops", "198.51.100.2 sent the same segment 4 times"],
    ),
    "what the host keeps back, for reasons of its own": (
        ASKED + again("> P. 101:201(100) ack 1449 win 502 !"), {},
        ["segments back (or NF04, NF11, NF03: ", "172.17.0.2 sent the same segment 4 times"],
    ),
    "what all fits": (
        KILL.replace(HOST, HOST.strip() + " -o\n"), {},
        ["a RST from the outside side ended this connection", "(NF02, EP05 all fit)"],
    ),
    "nothing, where nothing is known": (ASKED + BURST, {}, ["do not show how this connection ended"]),
    "a RST without a cause": (
        ASKED + "0.2 < R. 90001449:90001449(0) ack 101 win 0\n" + NEXT + DEATH, {}, ["it sent the RST"],
    ),
    "who refused": (
        "0.0 > S 0:0(0) win 64240\n0.1 < R. 256:256(0) ack 1 win 0", {},
        ["The peer 198.51.100.2 refused this connection: nobody listens"],
    ),
    "the sign of a forger": (
        ASKED + "0.300 < R. 1449:1449(0) ack 101 win 509 ttl 200", {}, ["(TTL 200, where its apparent"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("story", "how", "words"), SAYS.values(), ids=SAYS)
def test_it_says(story: str, how: dict[str, Any], words: list[str]) -> None:
    text = said(story, **how)
    for part in words:
        assert part in text


def test_what_looks_like_the_hosts_is_not_of_unknown_origin() -> None:
    text = said(ASKED + BURST + HOST + "9.000 H> R 101:101(0) win 0\n", sides="outside")
    assert text.startswith("Undetermined: ")
    assert "unknown origin" not in text
    assert "host" in text.partition(" ended this connection")[0]
