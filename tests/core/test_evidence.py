"""Events: what of their fields makes sense, and what the tracker's log lines say."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.entry import Step, log_line
from bypeer.core.evidence import FEW, FOREVER, Event, Evidence, Packet, halves, number, packet, word
from bypeer.core.kernels import KERNELS, LINUX_4_19, LINUX_5_10, LINUX_6_18, Kernel, Reason, named
from bypeer.core.rules import FATELESS
from tests import scene
from tests.core.test_testimony import KILLED, silent, told, trigger_of
from tests.telling import LATE, logged

ENDS = {"src": "198.51.100.2", "sport": 443, "dst": "2001:db8::c", "dport": "40000"}
V4, V6 = (0, 0xFFFF_C633_6402, 443), (0x2001_0DB8_0000_0000, 0xC, 40_000)


def test_an_address_is_what_segments_have() -> None:
    assert halves("198.51.100.2") == V4[:2]
    assert halves("2001:db8::c") == V6[:2]


def test_the_segment_of_an_event() -> None:
    assert packet(Event(0, "nflog", {**ENDS, "seq": "7", "ack": 9})) == Packet((V4, V6), 7, 9)
    assert packet(Event(0, "nflog", {**ENDS, "seq": 7})) == Packet((V4, V6), 7, None)


@pytest.mark.parametrize("field", [*ENDS, "seq"])
@pytest.mark.parametrize("value", [None, "", "x", "1.2.3", "0x7", "\u0667", "9" * 5_000])
def test_an_event_whose_fields_make_no_sense_is_about_no_segment(field: str, value: str | None) -> None:
    fields = {**ENDS, "seq": 7}
    if value is None:
        del fields[field]
    else:
        fields[field] = value
    event = Event(0, "nflog", fields)
    assert packet(event) is None
    assert Evidence({0: [event]}).about(0, (V4, V6), 7, 0) == ()


@given(st.text())
def test_a_number_is_a_number(written: str) -> None:
    found = number({"x": written}, "x")
    assert found is None or str(found) == written or written.lstrip("-").startswith("0")


# Log lines


def line(kernel: Kernel, reason: Reason) -> str:
    """That reason in the words of that kernel, by the model's own printer."""
    step = Step()
    step.reason, step.bound, step.beyond = reason, 77, 5
    step.index, step.direction, step.state_before = 3, 1, 3
    return log_line(step, kernel) or ""


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_every_line_of_every_kernel_is_understood(kernel: Kernel) -> None:
    for reason, template in kernel.texts.items():
        found = word(line(kernel, reason) + " ", kernel)
        assert (found.text, found.reason) == (line(kernel, reason).strip(), reason)
        assert found.bound == (77 if "{bound}" in template else None)
        assert found.invalid is not None


# What a kernel logs, and whether the segment was INVALID.
FATES: list[tuple[str, Kernel | None, bool | None]] = [
    ("SEQ is under the lower bound (already ACKed data retransmitted)", None, True),  # only < 6.1 print it so
    ("SEQ is under lower bound 77 (already ACKed data retransmitted)", None, False),
    ("SEQ is over the upper bound (over the window of the receiver)", None, True),
    ("SEQ is over upper bound 77 (over the window of the receiver)", None, True),
    ("ignored ACK under lower bound 77 (possible overly delayed)", None, False),
    ("5 bytes more than expected", None, None),
    ("5 bytes more than expected", LINUX_5_10, True),
    ("5 bytes more than expected", LINUX_6_18, False),
    ("invalid rst", None, True),
    ("challenge-ack ignored", None, False),
    ("invalid packet ignored in state ESTABLISHED", None, False),
    # A kernel that does not print such a line is not the one that did.
    ("SEQ is under the lower bound (already ACKed data retransmitted)", LINUX_6_18, True),
]


@pytest.mark.parametrize(("said", "kernel", "invalid"), FATES)
def test_a_line_says_invalid_only_where_it_proves_it(
    said: str, kernel: Kernel | None, invalid: bool | None
) -> None:
    assert word("nf_ct_proto_6: " + said, kernel).invalid is invalid


def test_a_line_that_no_kernel_prints_says_nothing_but_itself() -> None:
    assert word("nf_ct_proto_6: SEQ is over") == ("nf_ct_proto_6: SEQ is over", None, None, None)


def test_a_bound_that_is_no_sequence_number_is_none() -> None:
    said = "nf_ct_proto_6: SEQ is over upper bound {} (over the window of the receiver)"
    assert word(said.format(2**32 - 1)).bound == 2**32 - 1
    assert word(said.format(2**32)).bound is None


# Facts


def test_of_facts_the_later_counts() -> None:
    events = [Event(2, "host", {"kernel": "6.18.1", "x": 3}), Event(1, "host", {"kernel": "5.10", "y": "z"})]
    found = Evidence({0: events})
    assert found.facts == {"kernel": "6.18.1", "x": "3", "y": "z"}
    assert found.kernel is not None
    assert found.kernel.name == "6.18"


@pytest.mark.parametrize("version", ["", "3.2", "Linux", "\x1b[2J"])
def test_a_kernel_that_is_not_known_is_none(version: str) -> None:
    assert Evidence({0: [Event(0, "host", {"kernel": version})]}).kernel is None


SYSCTLS: dict[str, Mapping[str, str | int]] = {
    "none": {},
    "usual": {"tcp_be_liberal": 0, "tcp_loose": "1"},
    "liberal": {"tcp_be_liberal": "1"},
    "strict": {"tcp_loose": 0, "tcp_max_retrans": "5", "tcp_ignore_invalid_rst": 1},
    "timeouts": {"tcp_timeout_established": "600", "tcp_timeout_max_retrans": 7},
}


@pytest.mark.parametrize("name", SYSCTLS)
def test_the_trackers_settings(name: str) -> None:
    facts = {f"net.netfilter.nf_conntrack_{key}": value for key, value in SYSCTLS[name].items()}
    found = Evidence({0: [Event(0, "host", facts)]}).sysctls
    if name == "none":
        assert found is None
        return
    if name == "timeouts":
        assert found is not None
        assert (found.timeouts[3], found.timeouts[10], found.timeouts[1]) == (600, 7, 120)
        return
    assert found is not None
    said = SYSCTLS[name]
    assert found.tcp_be_liberal == (str(said.get("tcp_be_liberal", 0)) == "1")
    assert found.tcp_loose == (str(said.get("tcp_loose", 1)) == "1")
    assert found.tcp_max_retrans == int(said.get("tcp_max_retrans", 3))
    assert found.checksum is False


def test_settings_do_not_touch_the_rules() -> None:
    assert named("4.19") == LINUX_4_19
    assert "numbered_log" in FATELESS


# Bounds


def test_a_source_that_lost_something_is_not_listened_to() -> None:
    events = [Event(1, "recorder", {"used": "nflog nft"}), Event(2, "recorder", {"lost": "nft"})]
    assert Evidence({3: events}).listening == {(3, "nflog"): 1, (3, "nft"): FOREVER}


def test_of_many_events_about_one_number_the_nearest_are_looked_at() -> None:
    events = [Event(ts, "nflog", {**ENDS, "seq": 7}) for ts in range(1_000)]
    found = Evidence({0: events}).about(0, (V4, V6), 7, 500)
    assert [event.ts for event, _ in found] == list(range(500 - FEW, 500 + FEW))
    assert not Evidence({0: events}).about(1, (V4, V6), 7, 500)


def test_no_events_are_no_evidence() -> None:
    assert Evidence({0: []}).by_input == Evidence().by_input == {}


# The host's own account


def test_the_hosts_kernel_and_sysctls_are_used() -> None:
    host = Event(0, "host", {"kernel": "5.10.0-32-amd64"})
    assert told(KILLED, [host]).seen.replay.kernel.name == LINUX_5_10.name
    assert told(KILLED, [host], kernel=LINUX_6_18).seen.replay.kernel is LINUX_6_18  # the user knows better
    liberal = {"kernel": "5.10.0", "net.netfilter.nf_conntrack_tcp_be_liberal": "1"}
    case = told(KILLED, [Event(0, "host", liberal)])
    assert not case.seen.refuses(trigger_of(case))


def test_evidence_counts_only_for_the_file_that_holds_it() -> None:
    """The other capture may have another clock."""
    line = logged(trigger_of(silent(KILLED)), LATE)
    (case,) = scene.play(KILLED, evidence=lambda: Evidence({0: [line]})).cases
    assert not case.seen.heard.words
    (case,) = scene.play(KILLED, evidence=lambda: Evidence({1: [line]})).cases
    assert case.seen.heard.words
