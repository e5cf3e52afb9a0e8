"""Who says what of the verdict: kernel and model are both shown, agreeing or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bypeer.core.evidence import Event, Evidence
from bypeer.core.explanation import Evidence as Witness
from bypeer.core.explanation import Explanation
from bypeer.core.kernels import LINUX_6_18, Kernel
from bypeer.core.witnesses import LONGEST_FACT, MOST_FACTS, host
from bypeer.report.text import render
from tests import scene
from tests.core.test_describe import described
from tests.core.test_testimony import GOOD, KILLED, silent, trigger_of
from tests.core.test_testimony_entries import destroyed
from tests.telling import LATE, listening, logged, play, ruled


def told(story: str, events: Sequence[Event], kernel: Kernel | None = None, **how: Any) -> Explanation:
    return described(play(story, events, kernel=kernel, **how), 2, kernel)


def said(found: Explanation) -> list[tuple[str, str, bool]]:
    return [(one.source, one.says, one.agrees) for one in found.evidence]


def test_kernel_and_model_agree() -> None:
    case = silent(KILLED)
    events = [logged(trigger_of(case), LATE), ruled(case.seen.resets[0].sighting, "reset", "output")]
    found = told(KILLED, events)
    assert [(source, agrees) for source, _, agrees in said(found)] == [
        ("kernel", True), ("model", True), ("kernel", True),
    ]  # fmt: skip
    assert found.evidence[0].says == f"{LATE}: INVALID"
    trigger = found.resets[0].trigger
    assert trigger is not None
    assert (trigger.told_by, trigger.reason, trigger.judgement) == ("kernel", LATE, "INVALID")
    assert found.verdict.certainty == "certain"


def test_where_they_disagree_both_are_shown() -> None:
    found = told(KILLED, [logged(trigger_of(silent(KILLED)), LATE)], LINUX_6_18)
    (kernel, model) = said(found)
    assert kernel == ("kernel", f"{LATE}: INVALID", True)
    assert (model[0], model[2]) == ("model", False)
    assert "Linux 6.18" in model[1]
    assert (found.verdict.cause, found.verdict.certainty) == ("NF01", "likely")


def test_a_log_without_a_line_speaks_against_it() -> None:
    found = told(KILLED, [listening("nflog")])
    assert ("kernel", "no line about the trigger, though its log was read", False) in said(found)


def test_without_evidence_the_model_speaks_alone() -> None:
    found = told(KILLED, [])
    assert [one.source for one in found.evidence] == ["model"]
    assert found.resets[0].trigger is not None
    assert found.resets[0].trigger.told_by == "model"
    assert found.host == {}


def test_a_rst_that_was_passed_on_speaks_against_the_host() -> None:
    found = told(KILLED, [ruled(silent(KILLED).seen.resets[0].sighting, "reset", "forward")])
    assert any("FORWARD" in says and agrees for _, says, agrees in said(found))
    assert found.verdict.killed_by != "host"


def test_an_entry_destroyed_is_told() -> None:
    found = told(GOOD, [destroyed(silent(GOOD), 3_000_000)])
    assert ("kernel", "the connection's entry was destroyed 3.0 ms before the trigger came", True) in said(
        found
    )


COUNTS = [
    # first and last reading; what is told, and whether it agrees with a host that refused a late segment
    ({"invalid": 5, "TcpOutRsts": 1}, {"invalid": "7", "TcpOutRsts": 2},
     "host: TcpOutRsts +1, invalid +2 in 3.0 s", True),
    ({"invalid": 5}, {"invalid": 5}, "host: invalid +0 in 3.0 s", False),
    ({"invalid": 5, "drop": 1}, {"invalid": 4, "drop": 1}, "host: drop +0 in 3.0 s", True),  # it was reset
]  # fmt: skip


@pytest.mark.parametrize(("first", "last", "line", "agrees"), COUNTS)
def test_counters_are_told_by_what_they_rose(
    first: dict[str, int], last: dict[str, int | str], line: str, agrees: bool
) -> None:
    at = scene.START
    found = told(KILLED, [Event(at, "counters", first), Event(at + 3 * 10**9, "counters", last)])
    assert Witness("counter", line, agrees) in found.evidence


def test_one_reading_tells_no_rise() -> None:
    found = told(KILLED, [Event(scene.START, "counters", {"invalid": 5, "of": "host"})])
    assert all(one.source != "counter" for one in found.evidence)


def test_the_hosts_kernel_is_said_and_whence() -> None:
    fact = Event(0, "host", {"kernel": "5.10.0-32-amd64"})
    says = told(KILLED, [fact]).kernel
    assert (says.assumed, says.given, says.recorded) == ("5.10", False, True)
    assert says.note == ""
    says = told(KILLED, [fact], LINUX_6_18).kernel
    assert (says.assumed, says.given, says.recorded) == ("6.18", True, False)
    says = told(KILLED, [Event(0, "host", {"kernel": "6.18.2"})]).kernel
    assert "fits other kernels" in says.note


def test_long_facts_stay_in_the_file() -> None:
    facts: dict[str, str | int] = {
        "ruleset": "a\nb",
        "long": "x" * (LONGEST_FACT + 1),
        "kernel": "5.10",
        "a": 1,
    }
    assert host(Evidence({0: [Event(0, "host", facts)]})) == {"kernel": "5.10", "a": "1"}
    many: dict[str, str | int] = {f"f{at}": at for at in range(5_000)}
    assert len(host(Evidence({0: [Event(0, "host", many)]}))) == MOST_FACTS


WELL = (
    scene.OPEN
    + """
    0.020 > P. 1:101(100)   ack 1   win 502
    0.030 < P. 1:101(100)   ack 101 win 502
    0.040 > F. 101:101(0)   ack 101 win 502
    0.050 < F. 101:101(0)   ack 102 win 502
    0.060 > .  102:102(0)   ack 102 win 502
"""
)
OVER = "nf_ct_proto_6: SEQ is over upper bound {} (over the window of the receiver)"
UNDER = "nf_ct_proto_6: SEQ is under lower bound {} (already ACKed data retransmitted)"


def lines(*texts: str) -> list[Event]:
    return [Event(scene.START + at, "nflog", {"prefix": f"{one} "}) for at, one in enumerate(texts)]


def test_where_nothing_failed_what_the_tracker_noted_is_told() -> None:
    found = told(
        WELL, lines(UNDER.format(7), UNDER.format(900), OVER.format(5), "something else"), LINUX_6_18
    )
    assert found.verdict.killed_by == "none"
    assert [one.says for one in found.evidence] == [
        "2 segments: SEQ is under lower bound (already ACKed data retransmitted); this kernel lets it pass; "
        "INVALID by others (NF01)",
        "1 segment: SEQ is over upper bound (over the window of the receiver); INVALID by this kernel",
    ]
    assert "What the tracker noted" in render(found)


def test_where_the_kernel_was_not_heard_the_model_tells_what_it_would_have_noted() -> None:
    story = f"""{scene.FAR}
    0.060 < . 1:1449(1448) ack 101 win 509
    0.061 > . 101:101(0) ack 91449 win 502
    0.070 < F. 91449:91449(0) ack 101 win 509
    0.071 > F. 101:101(0) ack 91450 win 502
    0.080 < . 91450:91450(0) ack 102 win 509
    0.090 > R. 102:102(0) ack 91450 win 0
    """
    found = told(story, [], LINUX_6_18)
    assert found.verdict.killed_by == "none"
    assert said(found) == [
        (
            "model",
            "1 segment: SEQ is under lower bound (already ACKed data retransmitted); this kernel lets it "
            "pass; INVALID by others (NF01)",
            True,
        )
    ]


def test_where_nothing_failed_and_nothing_was_noted_nothing_is_told() -> None:
    found = told(WELL, [])
    assert said(found) == []
    assert "the tracker" not in render(found)


LEAKED = (
    scene.OPEN
    + """
    0.020 > P. 1:101(100)   ack 1   win 502
    0.030 < P. 1:101(100)   ack 101 win 502
    1.000 >~ F. 101:101(0)  ack 101 win 502
    1.300 >~ F. 101:101(0)  ack 101 win 502
    1.900 >~ F. 101:101(0)  ack 101 win 502
    3.100 >~ F. 101:101(0)  ack 101 win 502
    5.500 >~ F. 101:101(0)  ack 101 win 502
"""
)


def test_a_host_that_only_keeps_segments_back_need_send_no_reset() -> None:
    flat = {"TcpOutRsts": 3, "invalid": 5, "of": "host"}
    at = scene.START
    found = told(LEAKED, [Event(at, "counters", flat), Event(at + 10**9, "counters", flat)])
    assert (found.verdict.killed_by, found.verdict.cause) == ("host", "NF10")
    (counter,) = [one for one in found.evidence if one.source == "counter"]
    assert counter.agrees
