"""The lettered timeline: A, B, C to the kill, X, Y to how the other learned of it."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.explanation import Event
from bypeer.core.narrate import Frontier, events, forwarding, line, octets_text
from bypeer.core.study import INSIDE, OUTSIDE, Sighting
from tests.core.test_verdict import ALL, BURST, CLOSE, GOOD, HOST, KILL, again
from tests.scene import ASKED, FAR, OPEN, START, case

# Another burst, and the host's answer.
MORE = "0.25 < . 90002449:90002549(100) ack 101 win 509 !\n0.2501 H> R 101:101(0) win 0\n"


def side(one: Sighting) -> str:
    return ("in", "out")[one.side]


def narrated(story: str, **how: Any) -> list[Event]:
    found = case(story, **how)
    return events(found.seen, found.conclusion, side)


STORIES = {
    # a word an event: letter, kind, where, first octet
    "the host kills, both learn of it": (
        KILL,
        "A normal out 1 / B trigger out 90001449 / C reset out 101 / X segment out 101 / Y reset out 1449",
    ),
    "and makes one more": (
        ASKED + BURST + HOST + MORE,
        "A normal out 1 / B trigger out 90001449 / C reset out 101 / X reset out 101",
    ),
    "and the peer's own RST comes after": (
        ASKED + BURST + HOST + "0.3 < R. 1449:1449(0) ack 101 win 509",
        "A normal out 1 / B trigger out 90001449 / C reset out 101 / X reset out 1449",
    ),
    "and leaks": (
        ASKED + GOOD + HOST + "0.300 >~ F. 101:101(0) ack 1449 win 502",
        "A normal out 1 / B trigger out 1449 / C reset out 101 / X leak out 101",
    ),
    "and all of it": (
        KILL + MORE.replace("0.25", "0.32") + "0.330 >~ R. 201:201(0) ack 1449 win 502",
        "A normal out 1 / B trigger out 90001449 / C reset out 101 / "
        "W segment out 101 / X reset out 1449 / Y reset out 101 / Z leak out 201",
    ),
    "the very first segment is answered": (
        "0.0 > S 0:0(0) win 64240\n0.1 < R. 256:256(0) ack 1 win 0", "A syn out 0 / B reset out 1",
    ),
    "the peer kills, after the host's decoys": (
        ASKED + "0.100 > P. 101:201(100) ack 1449 win 502\n" + BURST + HOST
        + MORE + "0.260 < . 1449:2897(1448) ack 201 win 509\n"
        + "0.261 > . 201:201(0) ack 2897 win 502\n0.300 < R. 2897:2897(0) ack 201 win 509\n",
        "A trigger out 90001449 / B reset out 101 / C segment out 201 / D reset out 2897",
    ),
    "it had closed, data come, it resets": (
        ASKED + "0.2 < F. 1449:1449(0) ack 101\n0.21 > P. 101:201(100) ack 1450\n0.22 < R 1450:1450(0) win 0",
        "A normal out 101 / B trigger out 101 / C reset out 1450",
    ),
    "the other had closed before it gave up": (
        ASKED + "0.2 > F. 101:101(0) ack 1449 win 502\n5.3 < R. 1449:1449(0) ack 102 win 0",
        "A fin out 101 / B reset out 1449",
    ),
    "and then said more": (
        ASKED + "0.2 > F. 101:101(0) ack 1449 win 502\n0.21 > . 102:102(0) ack 1449 win 600\n"
        "5.3 < R. 1449:1449(0) ack 102 win 0",
        "A fin out 101 / B segment out 102 / C reset out 1449",
    ),
    "the inside kills": (
        ASKED + "0.300 > R. 101:101(0) ack 1449 win 502", "A segment in 1 / B reset in 101",
    ),
    "nobody answers": (
        ASKED + again("> P. 101:201(100) ack 1449 win 502"), "A segment in 101 / X silence in 101",
    ),
    "nobody answers the SYN": (
        again("> S 0:0(0) win 64240"), "A syn in 0 / X silence in 0",
    ),
    "nobody answers the FIN": (
        ASKED + again("> F. 101:101(0) ack 1449 win 502"), "A fin in 101 / X silence in 101",
    ),
    "the answer is kept back": (
        ASKED + again("> P. 101:201(100) ack 1449 win 502\n+.01 < . 90001449:90001459(10) ack 201 win 509 !"),
        "A segment in 101 / B segment out 90001449 / X silence in 101",
    ),
    "it goes on, with a decoy": (
        ASKED + BURST + "0.2001 H> R 50101:50101(0) win 0\n", "A reset out 50101",
    ),
    "it ended as it should": (ASKED + CLOSE + "1.1 > R 102:102(0) win 0", ""),
}  # fmt: skip


@pytest.mark.parametrize(("story", "expected"), STORIES.values(), ids=STORIES)
def test_timeline(story: str, expected: str) -> None:
    found = case(story)
    starts = {(side(one), one.segment.frame): one.start for one in found.seen.study.sightings}
    told = events(found.seen, found.conclusion, side)
    got = [f"{one.letter} {one.kind} {one.vantage} {starts[one.vantage, one.frame]}" for one in told]
    assert " / ".join(got) == expected


@pytest.mark.parametrize("name", ALL)
def test_letters_and_times_ascend(name: str) -> None:
    told = narrated(ALL[name].story, **ALL[name].how)
    letters = [one.letter for one in told]
    early = [letter for letter in letters if letter < "M"]
    late = [letter for letter in letters if letter >= "M"]
    assert letters == sorted(set(letters))
    assert early == [chr(ord("A") + at) for at in range(len(early))]
    assert late == [chr(ord(late[0]) + at) for at in range(len(late))]
    assert not late or late[0] == chr(ord("Z") + 1 - max(len(late), 3))
    times = [one.time_ns for one in told if one.time_ns is not None]
    assert len(times) == len(told)
    assert times == sorted(times)


def test_an_event_names_its_twin_and_its_time() -> None:
    normal, trigger, reset, *_ = narrated(KILL)
    assert (normal.vantage, normal.frame, normal.twin, normal.twin_frame) == ("out", 7, "in", 7)
    assert (trigger.vantage, trigger.frame, trigger.twin, trigger.twin_frame) == ("out", 9, None, None)
    assert trigger.time_ns == START + 200_000_000
    assert reset.time_ns == START + 200_100_000


TEXTS = {
    "the trigger beyond, INVALID": (
        KILL, {}, "B", "Flags [.], seq 90001449:90001549, ack 101, length 100 | 90.0 MB beyond what had come "
        "before; not forwarded; conntrack: INVALID, SEQ is over upper bound",
    ),
    "the trigger late": (
        FAR + "0.200 < . 1:1449(1448) ack 101 win 509 !\n" + HOST, {}, "B",
        "late: 90 kB behind, acknowledged already; not forwarded; conntrack: INVALID, SEQ is under the lower",
    ),
    "the trigger overtaken, not late": (
        ASKED + "0.1 < . 2897:4345(1448) ack 101 win 509\n" + GOOD + HOST, {}, "B",
        "length 1448 | not forwarded; conntrack: ESTABLISHED",
    ),
    "the trigger good": (ASKED + GOOD + HOST, {}, "B", "length 1448 | not forwarded; conntrack: ESTABLISHED"),
    "the trigger of a stranger, whom conntrack's entry never met": (
        ASKED + "0.200 ~< . 1449:2897(1448) ack 101 win 509 !\n" + HOST, {}, "B", "| not forwarded",
    ),
    "what was forwarded": (KILL, {}, "A", "| forwarded (20 us)"),
    "the host's RST": (
        KILL, {}, "C",
        "203.0.113.12.40000 > 198.51.100.2.443: Flags [R], seq 101, length 0 | RST made by the NAT host "
        "itself; lethal",
    ),
    "the peer's RST": (KILL, {}, "Y", "RST made by the peer; lethal"),
    "a harmless RST": (
        ASKED + BURST + "0.2001 H> R 50101:50101(0) win 0\n", {}, "A",
        "RST made by the NAT host itself; harmless: SEG.SEQ is 50000 octets beyond",
    ),
    "several harmless RSTs": (
        ASKED + BURST + "0.2001 H> R 50101:50101(0) win 0\n0.3 H> R 50101:50101(0) win 0\n", {}, "A",
        "(1 more like it)",
    ),
    "one more RST": (ASKED + BURST + HOST + MORE, {}, "X", "one more RST that the"),
    "more RSTs": (
        ASKED + BURST + HOST + MORE + MORE.replace("0.25", "0.26"), {}, "X",
        "the last of 2 more RSTs that the host made",
    ),
    "a forged RST": (
        ASKED + "0.300 < R. 1449:1449(0) ack 101 win 509 ttl 200", {}, "B", "RST forged on the path; lethal",
    ),
    "the inside's RST": (ASKED + "0.3 > R. 101:101(0) ack 1449", {}, "B", "RST made by the inside endpoint"),
    "a RST of unknown origin": (
        "0.0 > S 0:0(0) win 64240\n0.1 < R. 256:256(0) ack 1 win 0 ttl 65", {"sides": "inside"}, "B",
        "RST of unknown origin; lethal",
    ),
    "one side only": (KILL, {"sides": "outside"}, "B", "; the other side was not captured; conntrack"),
    "a leak": (
        ASKED + GOOD + HOST + "0.300 >~ F. 101:101(0) ack 1449 win 502", {}, "X",
        "172.17.0.2.40000 > 198.51.100.2.443: Flags [F.], seq 101, ack 1449, length 0 | left the host "
        "untranslated: the peer cannot match it",
    ),
    "silence": (
        ASKED + again("> P. 101:201(100) ack 1449 win 502"), {}, "X", "sent 4 times in 2.1 s: no",
    ),
    "the first that was never answered": (
        ASKED + again("> P. 101:201(100) ack 1449 win 502 !"), {}, "A", "| not forwarded; never answered",
    ),
    "a first that leaked": (
        ASKED + again(">~ P. 101:201(100) ack 1449 win 502"), {}, "A", "untranslated; never answered",
    ),
    "an answer that was kept back": (
        ASKED + again("> P. 101:201(100) ack 1449 win 502\n+.01 < . 90001449:90001459(10) ack 201 win 509 !"),
        {}, "B", "an answer, not forwarded: conntrack: INVALID, SEQ is over",
    ),
    "IPv6": (KILL, {"ipv6": True}, "B", "2001:db8:2::2.443 > 2001:db8::c.40000: Flags [.]"),
}  # fmt: skip


@pytest.mark.parametrize(("story", "how", "letter", "words"), TEXTS.values(), ids=TEXTS)
def test_texts(story: str, how: dict[str, Any], letter: str, words: str) -> None:
    (event,) = [one for one in narrated(story, **how) if one.letter == letter]
    assert words in event.text


def test_what_was_not_seen_is_not_said_to_be_lost() -> None:
    seen = case(ASKED + "0.2 > P. 101:201(100) ack 1449 -o", linger=0.0).seen
    (last,) = [one for one in seen.study.at(INSIDE) if one.start == 101 and one.segment.size]
    assert forwarding(seen, last) == "not seen on the other side, whose capture was not complete then"


@pytest.mark.parametrize(
    ("octets", "text"),
    [(0, "0 octets"), (9_999, "9999 octets"), (10_000, "10 kB"), (999_999, "999 kB"), (1_000_000, "1.0 MB")],
)
def test_sizes(octets: int, text: str) -> None:
    assert octets_text(octets) == text


def test_lines_are_tcpdumps() -> None:
    seen = case(OPEN + "0.02 > . 1:1(0) ack 1 win 502").seen
    assert [line(one).partition(": ")[2] for one in seen.study.at(INSIDE)] == [
        "Flags [S], seq 0, length 0",
        "Flags [S.], seq 0, ack 1, length 0",
        "Flags [.], ack 1, length 0",
        "Flags [.], ack 1, length 0",
    ]


def test_how_far_behind() -> None:
    seen = case(
        FAR + "0.200 < . 1:1449(1448) ack 101 win 509 !\n0.3 < . 91449:91549(100) ack 101 win 509 !"
    ).seen
    at = {one.start: one for one in seen.study.at(OUTSIDE, 1)}
    (late,) = [one for one in seen.study.at(OUTSIDE, 1) if one.start == 1 and one.twin is None]
    assert Frontier(seen).behind(late) == 91_449 - 1_449
    assert Frontier(seen).behind(at[91_449]) == -100
    assert Frontier(seen).behind(seen.study.at(OUTSIDE, 1)[0]) == 0


def test_undated_segments_have_no_time() -> None:
    found = case(KILL)
    for one in found.seen.study.sightings:
        one.segment.ts = -(1 << 63)
    assert {one.time_ns for one in events(found.seen, found.conclusion, side)} == {None}
