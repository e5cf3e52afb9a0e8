"""What the kernel said of entries that came and went, and of segments that found none."""

from __future__ import annotations

import pytest

from bypeer.core.evidence import Event
from bypeer.core.explain import Case
from bypeer.core.study import INSIDE
from tests.core.test_testimony import GOOD, silent, told, trigger_of
from tests.scene import ASKED
from tests.telling import ends, listening, logged, ruled


def destroyed(case: Case, before: int, kind: str = "DESTROY") -> Event:
    """Ctnetlink's event about the connection, that long before the trigger."""
    opener = case.seen.study.at(INSIDE, 0)[0]
    return Event(trigger_of(case).segment.ts - before, "conntrack", {"event": kind, **ends(opener.segment)})


def test_an_entry_that_was_destroyed_before_the_trigger_is_the_cause() -> None:
    plain = silent(GOOD)
    case = told(GOOD, [destroyed(plain, 3_000_000)])
    assert case.seen.heard.gone_before(trigger_of(case)) == 3_000_000
    assert (case.conclusion.cause, case.conclusion.candidates) == ("NF04", ["NF04"])
    assert "NF12" in plain.conclusion.candidates


@pytest.mark.parametrize(
    "events",
    [[("DESTROY", -1)], [("DESTROY", 5_000), ("NEW", 4_000)], [("NEW", 5_000)], [("ENTRY", 5_000)]],
    ids=["after it", "made anew", "made", "of another kind"],
)
def test_an_entry_that_was_there_is_not(events: list[tuple[str, int]]) -> None:
    plain = silent(GOOD)
    case = told(GOOD, [destroyed(plain, before, kind) for kind, before in events])
    assert case.seen.heard.gone_before(trigger_of(case)) is None
    assert case.conclusion.candidates == plain.conclusion.candidates


def test_an_entry_whose_making_was_read_after_the_trigger_may_have_been_there() -> None:
    plain = silent(GOOD)
    new = destroyed(plain, -50_000_000, "NEW")
    read = new._replace(fields={**new.fields, "clock": "reader"})
    gone = destroyed(plain, 5_000_000)
    assert told(GOOD, [gone, read]).seen.heard.gone_before(trigger_of(told(GOOD, [gone, read]))) is None
    case = told(GOOD, [gone, new])
    assert case.seen.heard.gone_before(trigger_of(case)) == 5_000_000


def test_the_entry_that_the_trigger_itself_made_is_another() -> None:
    """With tcp_loose a segment without an entry makes one, from the server to the host."""
    plain = silent(GOOD)
    trigger = trigger_of(plain)
    events = [
        Event(trigger.segment.ts - before, "conntrack", {"event": kind, **ends(trigger.segment)})
        for kind, before in (("DESTROY", 9_000), ("NEW", 8_000))
    ]
    heard = told(GOOD, events).seen.heard
    assert (heard.gone, heard.born) == ([], [])


def test_an_entry_that_was_heard_to_be_made_and_not_to_end_was_there() -> None:
    plain = silent(GOOD)
    made = destroyed(plain, 60_000_000, "NEW")
    case = told(GOOD, [listening("conntrack"), made])
    assert case.seen.heard.kept(trigger_of(case))
    assert (case.conclusion.cause, case.conclusion.candidates) == ("NF12", ["NF12"])
    (reset,) = case.seen.resets
    assert "reported no end" in case.by_reset[id(reset)]["NF04"].because


@pytest.mark.parametrize("which", ["nobody listened", "it was there before", "some were lost", "it ended"])
def test_else_it_may_have_ended_unheard(which: str) -> None:
    plain = silent(GOOD)
    made = destroyed(plain, 60_000_000, "NEW")
    events = {
        "nobody listened": [made],
        "it was there before": [listening("conntrack")],
        "some were lost": [listening("conntrack", lost="conntrack"), made],
        "it ended": [
            listening("conntrack"), made,
            destroyed(plain, -500_000_000)._replace(fields={**destroyed(plain, 0).fields, "clock": "reader"}),
        ],
    }[which]  # fmt: skip
    case = told(GOOD, events)
    assert not case.seen.heard.kept(trigger_of(case))
    assert "NF04" in case.conclusion.candidates


def test_when_a_reader_had_nothing_to_read_it_had_not_happened_yet() -> None:
    plain = silent(GOOD)
    trigger = trigger_of(plain).segment.ts
    gone, new = destroyed(plain, 5_000_000), destroyed(plain, -50_000_000, "NEW")

    def read(since: int) -> Event:
        return new._replace(fields={**new.fields, "clock": "reader", "since": since})

    for since, whether in ((trigger + 1, 5_000_000), (trigger - 1, None)):
        case = told(GOOD, [gone, read(since)])
        assert case.seen.heard.gone_before(trigger_of(case)) == whether


# A good segment that conntrack refused all the same, having no entry that it may make of it (tcp_loose=0).
REFUSED = "nf_ct_proto_6: invalid new"


@pytest.mark.parametrize("line", ["", REFUSED], ids=["a rule alone", "with a line"])
def test_a_good_segment_that_was_invalid_had_no_entry(line: str) -> None:
    plain = silent(GOOD)
    one = trigger_of(plain)
    words = [ruled(one, "invalid", "prerouting"), *([logged(one, line)] if line else [])]
    case = told(GOOD, [*words, destroyed(plain, 3_000_000)])
    assert (case.conclusion.cause, case.conclusion.candidates) == ("NF04", ["NF04"])
    assert case.conclusion.certainty == "certain"
    unheard = told(GOOD, words)
    assert unheard.conclusion.cause == "NF04"
    assert unheard.conclusion.certainty == "likely"


def test_an_acknowledgement_that_the_rules_saw_pass_was_not_refused() -> None:
    story = ASKED + (
        "0.100 > P. 101:201(100) ack 1449 win 502\n"
        "0.110 < . 1449:1449(0) ack 201 win 509 !\n+.0001 H> R 201:201(0) win 0\n"
    )
    assert "NF03" in silent(story).conclusion.candidates
    watched = told(story, [listening("nft")])
    assert "NF03" not in watched.conclusion.candidates
    one = trigger_of(silent(story))
    refused = told(story, [listening("nft"), ruled(one, "invalid", "prerouting")])
    assert "NF03" in refused.conclusion.candidates
    gone = told(story, [listening("nft"), ruled(one, "invalid", "prerouting"), logged(one, REFUSED)])
    assert "NF03" not in gone.conclusion.candidates
