"""What was found out, as records: complete, consistent, and of the frames that are meant."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core import describe as module
from bypeer.core.describe import Names, describe
from bypeer.core.explain import Analysis
from bypeer.core.explanation import Explanation, Input, Tool
from bypeer.core.kernels import LINUX_5_10, LINUX_6_18, Kernel
from tests.scene import ASKED, FAR, analyse, play, sources
from tests.test_api import flaws, invalid

BEYOND = "+.01 < . 90000001:90000101(100) ack 101 win 509 !\n"
HOST = ASKED + BEYOND + "+.0001 H> R 101:101(0) win 0\n"
LATE = FAR + "+.01 < . 1:1449(1448) ack 101 win 509 {}\n+.0001 {} R{} 101:101(0){} win 0\n"
TOLD = HOST + "+.01 > . 101:101(0) ack 1449\n+.01 < R 1449:1449(0) win 0\n"
SERVER = ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"
CLOSED = ASKED + (
    "+.01 > F. 101:101(0) ack 1449\n+.01 < F. 1449:1449(0) ack 102\n+.01 > . 102:102(0) ack 1450\n"
)
SILENT = ASKED + "".join(f"+{wait} > P. 101:201(100) ack 1449\n" for wait in (0.1, 0.2, 0.4, 0.8))
LEAK = HOST + "+2 >~ F. 101:101(0) ack 1449\n"


def described(analysis: Analysis, inputs: int = 2, kernel: Kernel | None = None) -> Explanation:
    """Every interface has a name, inputs are numbered."""
    names = Names({(number, at): (f"eth{at}", "RAW") for number in range(inputs) for at in range(2)})
    rows = [
        Input(f"{number}.pcap", f"{number:064x}", "pcap", one.packets, one.tcp, one.rst, {}, None, [])
        for number, one in enumerate(analysis.scans)
    ]
    return describe(analysis, rows, names, Tool("bypeer", "0"), kernel)


def told(*stories: str, kernel: Kernel | None = None, **how: Any) -> Explanation:
    """The document of these stories, if it has no flaw."""
    rows = sources(*stories, **how)
    found = described(analyse(rows, kernel), len(rows), kernel)
    assert flaws(found, [one.taken for one in rows]) == []
    return found


STORIES: dict[str, tuple[str, dict[str, Any], str | None, int]] = {
    # story, how it is played: killed by, exit status
    "host": (HOST, {}, "host", 1),
    "host, both told": (TOLD, {}, "host", 1),
    "host, a late segment": (LATE.format("!", "H>", "", ""), {}, "host", 1),
    "host, clocks apart": (TOLD, {"clock": 3.7}, "host", 1),
    "host, in one file": (TOLD, {"merged": "blind"}, "host", 1),
    "host, on two interfaces": (LEAK, {"merged": "interfaces"}, "host", 1),
    "host, in one file, with a leak": (LEAK, {"merged": "blind"}, "host", 1),
    "host, outside only": (TOLD, {"sides": "outside"}, "host", 1),
    "host, inside only": (TOLD, {"sides": "inside"}, "unknown", 4),
    "host, published port": (TOLD, {"nat": "port"}, "host", 1),
    "host, service": (TOLD, {"nat": "service"}, "host", 1),
    "host, routed": (TOLD, {"nat": "routed"}, "host", 1),
    "host, captured twice": (TOLD, {"twice": ("inside", "outside")}, "host", 1),
    "a leak": (LEAK, {}, "host", 1),
    "server": (SERVER, {}, "outside", 0),
    "client": (ASKED + "+.01 > R. 101:101(0) ack 1449", {}, "inside", 0),
    "client, clocks apart": (ASKED + "+.01 > R. 101:101(0) ack 1449", {"clock": 3.7}, "inside", 0),
    "path": (SERVER.replace("win 0", "win 0 ttl 60"), {}, "on-path", 0),
    "closed port": ("0 > S 0:0(0)\n+.01 < R. 0:0(0) ack 1 win 0", {}, "outside", 0),
    "silence": (SILENT, {}, "outside", 4),
    "a RST after the end": (CLOSED + "+.01 > R. 102:102(0) ack 1450", {}, "none", 0),
    "all well": (CLOSED, {}, "none", 0),
    "no end": (ASKED, {}, "none", 0),
    "the last was refused": (ASKED + BEYOND, {}, "unknown", 4),
}


@pytest.mark.parametrize("name", STORIES)
def test_the_document_is_sound(name: str) -> None:
    story, how, killer, status = STORIES[name]
    found = told(story, **how)
    assert (found.verdict.killed_by, found.exit_status) == (killer, status)
    assert found.totals.listed == len(found.connections)


def test_an_ipv6_story_is_valid() -> None:
    found = described(play(TOLD, ipv6=True))
    assert invalid(found) == []
    assert found.connections[0].inside is not None
    assert found.connections[0].inside.client == "[fd00::2]:40000"


# Of several connections


@pytest.mark.parametrize(
    ("stories", "connection", "killer"),
    [
        ((SERVER, HOST, HOST), "c2", "host"),
        ((SERVER, ASKED + "+.01 > R. 101:101(0) ack 1449"), "c1", "outside"),
        ((CLOSED, SERVER), "c1", "outside"),
        ((CLOSED + "+.01 > R. 102:102(0) ack 1450", SERVER), "c2", "outside"),
        ((CLOSED + "+.01 > R. 102:102(0) ack 1450", CLOSED), "c1", "none"),
    ],
)
def test_the_whole_is_the_earliest_killed_by_the_host_else_the_earliest_failure(
    stories: tuple[str, ...], connection: str, killer: str
) -> None:
    found = told(*(story.replace("0.000", f"0.{at:03}", 1) for at, story in enumerate(stories)))
    assert (found.verdict.connection, found.verdict.killed_by) == (connection, killer)


def test_many_that_ended_well() -> None:
    found = told(CLOSED, CLOSED)
    assert (found.verdict.killed_by, found.verdict.certainty, found.verdict.client_outcome) == (
        "none", "certain", "completed",
    )  # fmt: skip
    assert "all 2 ended as they should" in found.verdict.headline
    assert told(CLOSED, CLOSED, sides="inside").verdict.certainty == "likely"


def test_many_whose_end_does_not_show() -> None:
    verdict = told(ASKED, CLOSED).verdict
    assert (verdict.killed_by, verdict.certainty, verdict.client_outcome) == ("none", "likely", "unknown")
    assert "as far as the captures show (2 connections)" in verdict.headline


def test_totals_count_all() -> None:
    totals = told(CLOSED, TOLD, HOST, SERVER, SILENT).totals
    assert (totals.connections, totals.failed, totals.reset, totals.resets, totals.listed) == (5, 4, 3, 4, 4)


# Caps


def test_no_more_connections_are_listed_than_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 2)
    found = told(HOST, SERVER, SERVER, CLOSED)
    assert [one.id for one in found.connections] == ["c1", "c2"]
    assert (found.totals.failed, found.totals.listed, len(found.resets)) == (3, 2, 2)


def test_the_verdicts_connection_is_listed_before_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 2)
    later = [story.replace("0.000", f"0.{at:03}", 1) for at, story in enumerate((SERVER, SERVER, HOST))]
    assert len(told(*later).connections) == 2


def test_the_first_rsts_and_the_lethal_ones_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RESETS", 2)
    harmless = "+.001 H> R 55:55(0) win 0\n" * 4
    found = told(ASKED + harmless + BEYOND + "+.0001 H> R 101:101(0) win 0\n" + harmless)
    assert [(one.id, one.effect) for one in found.resets] == [
        ("c1r1", "harmless"), ("c1r2", "harmless"), ("c1r5", "lethal"),
    ]  # fmt: skip
    assert found.totals.resets == 9
    assert {one.subject.id for one in found.outcomes if one.subject.kind == "reset"} == {"c1r5"}


def test_an_unlisted_rst_is_no_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RESETS", 0)
    found = told(ASKED + "+.001 H> R 55:55(0) win 0\n")
    assert (found.resets, found.totals.resets) == ([], 1)
    assert "reset" not in {one.subject.kind for one in found.outcomes}


# The parts


def test_a_trigger_is_told_in_full() -> None:
    (reset,) = told(HOST).resets
    one = reset.trigger
    assert one is not None
    assert (one.vantage, one.length, one.octets_behind, one.forwarded) == ("v2", 100, -89998652, False)
    assert (one.judgement, one.reason) == (
        "INVALID", f"nf_ct_proto_6: SEQ is over upper bound {one.bound} (over the window of the receiver)",
    )  # fmt: skip
    assert (reset.cause, reset.candidates, reset.certainty) == ("NF02", ["NF02"], "certain")
    assert reset.because.count("; ") >= 1


def test_whether_a_trigger_was_forwarded_may_be_open_or_the_case() -> None:
    alone = told(HOST, sides="outside").resets[0].trigger
    assert alone is not None
    assert alone.forwarded is None
    answered = told(TOLD).resets[-1].trigger
    assert answered is not None
    assert (answered.forwarded, answered.judgement, answered.reason) == (True, "unknown", "")


def test_certainty_of_a_rst_that_did_not_decide() -> None:
    assert [one.certainty for one in told(TOLD).resets] == ["certain", "certain"]
    doubted = told(HOST + "+.01 > R. 101:101(0) ack 1449 -o", ttls=(65, 57)).resets
    assert [one.certainty for one in doubted] == ["likely", "likely"]
    story = ASKED + "+.01 > R. 5000:5000(0) ack 1449\n+.01 > R. 6000:6000(0) ack 1449"
    assert [one.certainty for one in told(story, sides="inside").resets] == ["undetermined", "undetermined"]


def test_undated_captures_have_no_times() -> None:
    rows = sources(TOLD)
    for one in rows:
        one.taken = [taken._replace(ts=-(1 << 63)) for taken in one.taken]
    found = described(analyse(rows))
    assert invalid(found) == []
    (one,) = found.connections
    assert (one.started_ns, one.ended_ns) == (None, None)
    assert {event.time_ns for event in one.events} == {None}
    assert {reset.time_ns for reset in found.resets} == {None}
    assert {reset.trigger.time_ns for reset in found.resets if reset.trigger} == {None}


def test_a_connection_knows_both_tuples_its_time_and_its_clocks() -> None:
    (one,) = told(TOLD, clock=3.7).connections
    assert (one.inside, one.outside) == (
        module.Pair("172.17.0.2:40000", "198.51.100.2:443"),
        module.Pair("203.0.113.12:40000", "198.51.100.2:443"),
    )
    assert (one.nat, one.outcome) == ("source", module.Ends("reset", "reset"))
    assert one.clock_offset_ns == pytest.approx(-3.7e9, abs=1e6)
    assert one.started_ns is not None
    assert one.ended_ns is not None
    assert 0 < one.ended_ns - one.started_ns < 10**9
    (alone,) = told(TOLD, sides="outside").connections
    assert (alone.inside, alone.clock_offset_ns) == (None, None)


def test_octets_that_passed_are_counted_once() -> None:
    again = ASKED + "+.001 < . 1:1449(1448) ack 101\n" + BEYOND + "+.0001 H> R 101:101(0) win 0\n"
    assert told(again).connections[0].octets == module.Octets(1448, 100)


def test_a_fin_is_no_octet() -> None:
    found = told(CLOSED + "+.01 > R. 102:102(0) ack 1450")
    assert found.connections[0].octets == module.Octets(1448, 100)


def test_what_was_refused_did_not_pass() -> None:
    assert told(HOST, sides="outside").connections[0].octets == module.Octets(1448, 100)


# Vantages, kernels, evidence, losses


VANTAGES: dict[str, tuple[dict[str, Any], list[tuple[str, int, str, str]]]] = {
    "two files": ({}, [("v1", 0, "eth0", "inside"), ("v2", 1, "eth0", "outside")]),
    "one file": ({"merged": "blind"}, [("v1", 0, "eth0", "inside"), ("v2", 0, "eth0", "outside")]),
    "two interfaces": ({"merged": "interfaces"}, [("v1", 0, "eth0", "inside"), ("v2", 0, "eth1", "outside")]),
    "outside, where it shows": ({"sides": "outside"}, [("v1", 0, "eth0", "outside")]),
    "inside, which may be anyone's": ({"sides": "inside"}, [("v1", 0, "eth0", "unknown")]),
}


@pytest.mark.parametrize("name", VANTAGES)
def test_a_vantage_is_an_interface_and_a_side(name: str) -> None:
    how, rows = VANTAGES[name]
    assert [(one.id, one.input, one.interface, one.role) for one in told(TOLD, **how).vantages] == rows


def test_where_the_outside_is_not_the_hosts_it_is_the_peers() -> None:
    rows = sources(SERVER)
    rows[1].taken = [one._replace(octets=_hops(one.octets)) for one in rows[1].taken]
    found = described(analyse(rows))
    assert flaws(found, [one.taken for one in rows]) == []
    assert [one.role for one in found.vantages] == ["inside", "peer"]


def _hops(packet: bytes) -> bytes:
    """Two hops further out."""
    outward = packet[12:16] == bytes((203, 0, 113, 12))
    return packet[:8] + bytes((packet[8] + (-2 if outward else 2),)) + packet[9:]


REFUSED = LATE.format("!", "H>", "", "")
PASSED = LATE.format("", ">", ".", " ack 91449")
FORWARDED = ASKED + BEYOND.replace("!", "") + "+.01 > R. 101:101(0) ack 1449"
# Before 5.15 a RST is held against the window even after a FIN; from 6.1 on a late segment passes.
CLOSING = "+.01 > F. 101:101(0) ack 91449\n+.01 < R. 91000:91000(0) ack 102\n"
BETWEEN = REFUSED + CLOSING
NOTES: dict[str, tuple[str, Kernel | None, str, int, str]] = {
    # story, kernel given: kernel assumed, how many fit, note
    "nothing tells": (HOST, None, "7.3", 9, "nothing observed tells"),
    "refused": (REFUSED, None, "5.10", 3, "before 6.1"),
    "forwarded": (PASSED, None, "7.3", 6, "was forwarded"),
    "both, after the handling of RSTs changed": (BETWEEN, None, "5.15", 1, "found from what"),
    "given": (REFUSED, LINUX_5_10, "5.10", 3, ""),
    "given, and contradicted": (REFUSED, LINUX_6_18, "6.18", 3, "fits other kernels"),
    "none fits": (FORWARDED, None, "7.3", 0, "be_liberal"),
    "nothing to look at": (CLOSED, None, "7.3", 9, "nothing observed tells"),
    "nothing to look at, given": (CLOSED, LINUX_5_10, "5.10", 9, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTES)
def test_the_kernel_is_said_and_whence(name: str) -> None:
    story, given, assumed, fit, note = NOTES[name]
    says = told(story, kernel=given).kernel
    assert (says.assumed, says.given, len(says.consistent_with)) == (assumed, given is not None, fit)
    assert note in says.note if note else says.note == ""


def test_the_note_does_not_speak_against_what_fits() -> None:
    says = told(FAR + CLOSING).kernel
    assert says.consistent_with[0] == "5.15"
    assert "before 6.1" not in says.note


def test_the_model_says_what_it_makes_of_the_trigger() -> None:
    (refused,) = told(HOST).evidence
    assert (refused.source, refused.agrees) == ("model", True)
    assert refused.says.startswith("Linux 7.3: nf_ct_proto_6: SEQ is over upper bound")
    kept_back = ASKED + "+.01 < . 1449:1549(100) ack 101 !\n+.0001 H> R 101:101(0) win 0\n"
    (good,) = told(kept_back).evidence
    assert (good.says, good.agrees) == ("Linux 7.3: ESTABLISHED: no objection", True)


@pytest.mark.parametrize("story", [SERVER, TOLD.replace("H> R 101:101(0)", "H> R 90:90(0)"), CLOSED])
def test_the_model_is_silent_on_what_it_did_not_judge(story: str) -> None:
    assert told(story).evidence == []


def test_what_the_connections_show_a_capture_to_lack_is_told() -> None:
    lacking = "+.01 < . 1449:1549(100) ack 101 -i\n+.01 < . 1549:1649(100) ack 101\n"
    lacking += "+.01 > . 101:101(0) ack 1649\n+.01 > R. 101:101(0) ack 1649"
    inside, outside = told(ASKED + lacking).inputs
    assert [(one.vantage, one.packets) for one in inside.losses] == [("v1", 1)]
    assert outside.losses == []
