"""Why an endpoint sent a RST, by the word of its own kernel: what the packets alone do not tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bypeer.core.evidence import Event
from bypeer.core.explain import Case
from bypeer.core.testimony import WITHIN
from tests import scene
from tests.scene import ASKED
from tests.telling import ends, play

HOST = ASKED + "+.01 < . 90000001:90000101(100) ack 101 !\n+.0001 H> R 101:101(0) win 0"
# A server inside, whose port the host publishes: by itself, and as an answer to a question.
ABORTED = ASKED + "+.3 < R. 1449:1449(0) ack 101 win 509"
ANSWERED = ASKED + "+.3 > P. 101:201(100) ack 1449\n+.0001 < R 1449:1449(0) win 0"


def told(story: str, events: Sequence[Event], **how: Any) -> Case:
    (case,) = play(story, events, **how).cases
    return case


def given(story: str, reason: str, after: int = -9_000, nat: str = "port", **fields: Any) -> Case:
    """The story, and the word of the kernel that sent its RST."""
    (case,) = scene.play(story, nat=nat).cases
    one = case.seen.resets[0].sighting
    traced = {"name": "tcp:tcp_send_reset", "reason": reason, **ends(one.segment), **fields}
    return told(story, [Event(one.ts + after, "tracepoint", traced)], nat=nat)


REASONS: dict[str, tuple[str, str, list[str], str]] = {
    # reason: story, who killed, candidates, certainty
    "TCP_ABORT_ON_CLOSE": (ABORTED, "inside", ["EP03"], "certain"),
    "TCP_STATE": (ABORTED, "inside", ["EP02"], "certain"),
    "NOT_SPECIFIED": (ABORTED, "inside", ["EP02", "EP03"], "likely"),
    "TCP_KEEPALIVE_TIMEOUT": (ABORTED, "inside", ["EP06"], "certain"),
    "TCP_ABORT_ON_DATA": (ANSWERED, "inside", ["EP04"], "certain"),
    "TCP_TIMEWAIT_SOCKET": (ANSWERED, "inside", ["EP04"], "certain"),
    "NO_SOCKET": (ANSWERED, "inside", ["EP05", "PA03", "PA01"], "likely"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_kernel_that_sent_a_rst_says_why(reason: str) -> None:
    story, *expected = REASONS[reason]
    found = given(story, reason).conclusion
    assert [found.killed_by, found.candidates, found.certainty] == expected


@pytest.mark.parametrize(
    "how",
    [{"after": -WITHIN - 1}, {"src": "203.0.113.12"}, {"name": "skb:kfree_skb"}, {"nat": "routed"}],
    ids=["long before", "another's", "of another packet", "without NAT"],
)
def test_why_another_rst_was_sent_says_nothing(how: dict[str, Any]) -> None:
    found = given(ABORTED, "TCP_ABORT_ON_CLOSE", **how).conclusion
    assert (found.candidates, found.certainty) == (["EP02", "EP03"], "likely")


def test_why_a_rst_was_sent_is_about_one_that_came() -> None:
    case = given(HOST, "TCP_ABORT_ON_CLOSE", nat="client", src="172.17.0.2")
    assert not case.seen.heard.reasons
    assert case.conclusion.killed_by == "host"


def test_a_program_did_not_give_up_whose_kernel_did() -> None:
    client = ASKED + "+.3 > R. 101:101(0) ack 1449"
    assert "EP08" in given(client, "TCP_STATE", nat="client").conclusion.candidates
    assert given(client, "TCP_KEEPALIVE_TIMEOUT", nat="client").conclusion.candidates == ["EP06"]
