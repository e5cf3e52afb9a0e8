"""What the kernel said of a connection counts more than the model, which is kept beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bypeer.core.evidence import Event, Evidence
from bypeer.core.explain import Case, analyse
from bypeer.core.kernels import LINUX_6_18, Reason
from bypeer.core.segment import NO_TIME
from bypeer.core.study import INSIDE, OUTSIDE
from bypeer.core.testimony import NEARBY, WITHIN
from tests import scene
from tests.scene import ASKED, FAR
from tests.telling import LATE, about, ends, listening, logged, play, ruled

# B, a late segment; C, the host's RST; the server has nothing more to say.
KILLED = FAR + "+.01 < . 1:1449(1448) ack 101 win 509 !\n+.0001 H> R 101:101(0) win 0\n"
# The same, of a segment that no rule objects to.
GOOD = ASKED + "+.01 < . 1449:1549(100) ack 101 !\n+.0001 H> R 101:101(0) win 0\n"


def silent(story: str, **how: Any) -> Case:
    (case,) = scene.play(story, **how).cases
    return case


def told(story: str, events: Sequence[Event], **how: Any) -> Case:
    (case,) = play(story, events, **how).cases
    return case


def trigger_of(case: Case) -> Any:
    (reset,) = case.seen.resets
    assert reset.trigger is not None
    return reset.trigger


def test_nothing_is_heard_where_nothing_was_said() -> None:
    heard = silent(KILLED).seen.heard
    assert [heard.words, heard.made, heard.passed, heard.model, heard.gone] == [{}, {}, {}, {}, []]


def test_the_kernels_word_stands_beside_the_trigger_and_the_models_is_kept() -> None:
    line = logged(trigger_of(silent(KILLED)), LATE)
    case = told(KILLED, [line])
    trigger = trigger_of(case)
    judgement = case.seen.judgement(trigger)
    assert judgement is not None
    assert (judgement.log, judgement.reason, judgement.invalid) == (LATE, Reason.SEQ_UNDER, True)
    assert case.seen.heard.model[id(trigger)].reason == Reason.SEQ_UNDER
    assert case.seen.heard.settled(trigger)
    assert (case.conclusion.cause, case.conclusion.certainty) == ("NF01", "certain")


@pytest.mark.parametrize("after", [WITHIN, -WITHIN])
def test_a_word_within_two_milliseconds_is_about_the_segment(after: int) -> None:
    line = logged(trigger_of(silent(KILLED)), LATE, after)
    assert len(told(KILLED, [line]).seen.heard.words) == 1


@pytest.mark.parametrize("after", [WITHIN + 1, -WITHIN - 1])
def test_a_word_of_another_time_is_not(after: int) -> None:
    line = logged(trigger_of(silent(KILLED)), LATE, after)
    assert not told(KILLED, [line]).seen.heard.words


@pytest.mark.parametrize("field", ["src", "dst", "sport", "dport", "seq", "ack"])
def test_a_word_on_other_numbers_is_not(field: str) -> None:
    line = logged(trigger_of(silent(KILLED)), LATE)
    other = "192.0.2.9" if field in ("src", "dst") else int(line.fields[field]) + 1
    assert not told(KILLED, [line._replace(fields={**line.fields, field: other})]).seen.heard.words


def test_an_event_without_an_ack_is_matched_by_the_rest() -> None:
    line = logged(trigger_of(silent(KILLED)), LATE)
    fields = {name: value for name, value in line.fields.items() if name != "ack"}
    assert len(told(KILLED, [line._replace(fields=fields)]).seen.heard.words) == 1


def test_a_word_about_the_other_sides_addresses_is_about_the_same_segment() -> None:
    """FORWARD sees what is sent out before it is translated."""
    story = ASKED + "+.01 > R. 101:101(0) ack 1449"
    plain = silent(story)
    (reset,) = plain.seen.resets
    outside = next(one for one in reset.seen if one.side == OUTSIDE)
    inside = next(one for one in reset.seen if one.side == INSIDE)
    event = ruled(outside, "reset", "forward")._replace(fields={
        "rule": "reset", "hook": "forward", **about(inside.segment)
    })  # fmt: skip
    assert len(told(story, [event]).seen.heard.passed) == 1


def test_of_two_copies_the_one_that_was_not_forwarded_is_the_refused_one() -> None:
    twice = (
        FAR + "+.01 < . 91449:92897(1448) ack 101 win 509\n+.0005 < . 91449:92897(1448) ack 101 win 509 !\n"
    )
    rows = silent(twice).seen.study.at(OUTSIDE, 1)
    sent, late = [one for one in rows if one.start == 91449]
    assert sent.twin is not None
    assert late.twin is None
    case = told(twice, [ruled(sent, "invalid", "prerouting")])  # dated like the first of them
    first, second = [one for one in case.seen.study.at(OUTSIDE, 1) if one.start == 91449]
    assert not case.seen.refuses(first)
    assert case.seen.refuses(second)


def test_what_was_forwarded_and_translated_was_not_invalid_whatever_is_said() -> None:
    story = FAR + "+.01 < . 91449:92897(1448) ack 101 win 509\n"
    sent = silent(story).seen.study.at(OUTSIDE, 1)[-1]
    case = told(story, [ruled(sent, "invalid", "prerouting")])
    assert not case.seen.refuses(case.seen.study.at(OUTSIDE, 1)[-1])


def test_the_kernel_beats_the_model_and_the_difference_shows() -> None:
    """The user said 6.18, which forwards late segments; the kernel says that it refused it."""
    line = logged(trigger_of(silent(KILLED)), LATE)
    plain, case = silent(KILLED, kernel=LINUX_6_18), told(KILLED, [line], kernel=LINUX_6_18)
    assert plain.conclusion.cause == "NF04"
    assert (case.conclusion.killed_by, case.conclusion.cause) == ("host", "NF01")
    assert case.seen.heard.differs(trigger_of(case))
    assert case.conclusion.certainty == "likely"
    assert any("kernel's own word" in need for need in case.conclusion.needs)


def test_a_rule_alone_says_invalid_and_the_place_says_why() -> None:
    event = ruled(trigger_of(silent(KILLED)), "invalid", "prerouting")
    case = told(KILLED, [event], kernel=LINUX_6_18)
    judgement = case.seen.judgement(trigger_of(case))
    assert judgement is not None
    assert (judgement.invalid, judgement.reason, judgement.log, judgement.sure) == (
        True,
        Reason.SEQ_UNDER,
        "",
        False,
    )


def test_a_rule_that_agrees_with_the_model_makes_it_sure() -> None:
    event = ruled(trigger_of(silent(KILLED)), "invalid", "prerouting")
    case = told(KILLED, [event])
    plain = silent(KILLED)
    old, new = plain.seen.judgement(trigger_of(plain)), case.seen.judgement(trigger_of(case))
    assert old is not None
    assert new == old._replace(sure=True)
    assert case.seen.heard.settled(trigger_of(case))


def test_a_line_and_a_rule_about_one_segment_are_one_word_in_either_order() -> None:
    trigger = trigger_of(silent(KILLED))
    unclear = "nf_ct_proto_6: 17 bytes more than expected"
    for one, two in ((0, 1), (1, 0)):
        events = [logged(trigger, unclear, one), ruled(trigger, "invalid", "prerouting", two)]
        (word,) = told(KILLED, events).seen.heard.words.values()
        assert (word.text, word.reason, word.invalid) == (unclear, Reason.OVERSHOOT, True)


def test_of_two_lines_about_one_segment_the_later_counts_and_none_makes_the_other_worse() -> None:
    trigger = trigger_of(silent(KILLED))
    ignored = "nf_ct_proto_6: SEQ is under lower bound 7 (already ACKed data retransmitted)"
    lines = [logged(trigger, ignored, 1), logged(trigger, "nf_ct_proto_6: challenge-ack ignored", 2)]
    (word,) = told(KILLED, lines).seen.heard.words.values()
    assert (word.reason, word.invalid) == (Reason.CHALLENGE_ACK, False)


def test_one_side_alone_is_told_of_too() -> None:
    plain = silent(KILLED, sides="outside")
    (reset,) = plain.seen.resets
    traced = {"name": "tcp:tcp_send_reset", **ends(reset.sighting.segment)}
    assert reset.trigger is not None
    events = [logged(reset.trigger, LATE), Event(reset.ts, "tracepoint", traced)]
    heard = told(KILLED, events, sides="outside").seen.heard
    assert (len(heard.words), heard.made) == (1, {})  # without the inside no address tells who made it


def test_an_event_of_another_source_about_a_segment_says_nothing() -> None:
    line = logged(trigger_of(silent(KILLED)), LATE)._replace(source="hearsay")
    heard = told(KILLED, [line]).seen.heard
    assert [heard.words, heard.made, heard.passed] == [{}, {}, {}]


def test_segments_without_a_time_are_not_told_of() -> None:
    taken = scene.sources(KILLED)
    for source in taken:
        source.taken = [one._replace(ts=NO_TIME) for one in source.taken]
    line = logged(trigger_of(silent(KILLED)), LATE)
    analysis = analyse(taken, evidence=lambda: Evidence({0: [line], 1: [line, listening("nflog", "nft")]}))
    for case in analysis.cases:
        assert not case.seen.heard.words
        assert not any(case.seen.heard.unheard(one, "nflog") for one in case.seen.study.sightings)


def test_a_line_that_nobody_knows_is_shown_and_changes_nothing() -> None:
    line = logged(trigger_of(silent(KILLED)), "nf_ct_proto_6: SEQ is beside itself")
    plain, case = silent(KILLED), told(KILLED, [line])
    assert [word.text for word in case.seen.heard.words.values()] == ["nf_ct_proto_6: SEQ is beside itself"]
    assert case.seen.judgement(trigger_of(case)) == plain.seen.judgement(trigger_of(plain))


def test_lines_of_other_loggers_are_not_the_trackers() -> None:
    line = logged(trigger_of(silent(KILLED)), "my-firewall: drop")
    assert not told(KILLED, [line]).seen.heard.words


def test_an_event_that_bears_the_time_of_its_reading_may_be_late_but_not_early() -> None:
    line = logged(trigger_of(silent(KILLED)), LATE)
    read = line._replace(fields={**line.fields, "clock": "reader"})
    for late, heard in ((NEARBY, True), (NEARBY + 1, False), (-WITHIN, True), (-WITHIN - 1, False)):
        moved = read._replace(ts=line.ts - 5_000 + late)
        case = told(KILLED, [moved])  # its segment was sent before, and forwarded: that is not meant
        assert (id(trigger_of(case)) in case.seen.heard.words) == heard, late


def test_of_many_resets_alike_each_has_its_own_event() -> None:
    """Read together, long after."""
    again = "".join(
        f"+.01 < . {1 + 1448 * at}:{1449 + 1448 * at}(1448) ack 101 win 509 !\n+.0001 H> R 101:101(0) win 0\n"
        for at in range(1, 6)
    )
    story = KILLED + again
    resets = silent(story).seen.resets
    read = [ruled(resets[-1].sighting, "reset", "output", 1_000_000 + at) for at in range(6)]
    late = [event._replace(fields={**event.fields, "clock": "reader"}) for event in read]
    case = told(story, late)
    assert len(case.seen.heard.made) == len(case.seen.resets) == 6
    assert all("OUTPUT" in reset.author_because for reset in case.seen.resets)


def test_a_rule_on_what_is_no_reset_says_nothing_of_authors() -> None:
    trigger = trigger_of(silent(KILLED))
    heard = told(KILLED, [ruled(trigger, "reset", "output"), ruled(trigger, "x", "input")]).seen.heard
    assert [heard.words, heard.made, heard.passed] == [{}, {}, {}]


def test_a_reset_that_was_invalid_in_output_was_made_by_the_host_too() -> None:
    (reset,) = silent(KILLED).seen.resets
    heard = told(KILLED, [ruled(reset.sighting, "invalid", "output")]).seen.heard
    assert len(heard.made) == 1
    assert not heard.words


# Silence


def test_a_log_that_was_read_and_has_no_line_is_a_doubt() -> None:
    case = told(KILLED, [listening("nflog")])
    assert case.seen.heard.silent(trigger_of(case))
    assert (case.conclusion.cause, case.conclusion.certainty) == ("NF01", "likely")
    assert any("no line about the trigger" in need for need in case.conclusion.needs)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [listening("conntrack")],
        [listening("nflog", lost="nflog")],
        [listening("nflog")._replace(ts=scene.START + 60 * 10**9)],  # only later
    ],
    ids=["nothing", "other", "lossy", "later"],
)
def test_a_log_that_was_not_read_is_none(events: list[Event]) -> None:
    case = told(KILLED, events)
    assert not case.seen.heard.silent(trigger_of(case))
    assert case.conclusion.certainty == "certain"


def test_a_line_dated_late_is_no_silence() -> None:
    line = logged(trigger_of(silent(KILLED)), LATE, NEARBY)
    case = told(KILLED, [line, listening("nflog")])
    assert not case.seen.heard.words
    assert case.conclusion.certainty == "certain"


# Authors


def test_the_kernel_says_that_the_host_made_a_rst() -> None:
    """Its TTL is the forwarded packets' own, so the packets alone do not tell."""
    story = KILLED.replace("win 0\n", "win 0 ttl 63 -i\n")
    plain = silent(story)
    (reset,) = plain.seen.resets
    assert reset.author != "host" or not reset.author_sure
    case = told(story, [ruled(reset.sighting, "reset", "output")])
    (reset,) = case.seen.resets
    assert (reset.author, reset.author_sure) == ("host", True)
    assert "OUTPUT" in reset.author_because
    assert case.conclusion.killed_by == "host"


def test_the_kernel_says_that_a_rst_was_passed_on() -> None:
    (reset,) = silent(KILLED).seen.resets
    case = told(KILLED, [ruled(reset.sighting, "reset", "forward")])
    (reset,) = case.seen.resets
    assert (reset.author, reset.author_sure) == ("inside", False)
    assert "FORWARD" in reset.author_because
    assert case.conclusion.certainty != "certain"


def test_two_words_that_exclude_each_other_change_nothing() -> None:
    (reset,) = silent(KILLED).seen.resets
    both = [ruled(reset.sighting, "reset", hook) for hook in ("output", "forward")]
    assert told(KILLED, both).seen.resets[0].author_because == reset.author_because


def test_a_rst_that_arrived_was_not_made_by_the_host() -> None:
    story = ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"
    (reset,) = silent(story).seen.resets
    (again,) = told(story, [ruled(reset.sighting, "reset", "output")]).seen.resets
    assert again.author == reset.author == "outside"


def test_a_watch_on_output_that_saw_nothing_is_a_doubt() -> None:
    case = told(KILLED, [listening("nft")])
    (reset,) = case.seen.resets
    assert (reset.author, reset.author_sure) == ("host", False)
    assert case.conclusion.certainty == "likely"


def test_a_tracepoint_tells_by_the_addresses_who_made_a_rst() -> None:
    (reset,) = silent(KILLED).seen.resets
    traced = {"name": "tcp:tcp_send_reset", "reason": "NO_SOCKET", **ends(reset.sighting.segment)}
    (heard,) = told(KILLED, [Event(reset.ts - 9_000, "tracepoint", traced)]).seen.heard.made.values()
    assert "NO_SOCKET" in heard
    container = {**traced, "src": "172.17.0.2"}  # its own stack made it, which the tracepoint sees too
    assert not told(KILLED, [Event(reset.ts, "tracepoint", container)]).seen.heard.made
    assert not told(
        KILLED, [Event(reset.ts, "tracepoint", {**traced, "name": "skb:kfree_skb"})]
    ).seen.heard.made
    assert not told(KILLED, [Event(reset.ts - WITHIN - 1, "tracepoint", traced)]).seen.heard.made


def test_without_nat_a_tracepoint_tells_nothing() -> None:
    story = GOOD
    (reset,) = silent(story, nat="routed").seen.resets
    traced = {"name": "tcp:tcp_send_reset", **ends(reset.sighting.segment)}
    assert not told(story, [Event(reset.ts, "tracepoint", traced)], nat="routed").seen.heard.made
