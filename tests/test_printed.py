"""Printed text through the library's door: the investigation's dump, and names in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bypeer.api import explain, spelt
from bypeer.cli import main
from bypeer.report.text import render
from tests.capture.printing import EXCERPT
from tests.test_api import invalid

TSHARK = """\
    1   0.000000 172.17.0.2 → 198.51.100.2 TCP 74 49078 → 80 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=9 TSecr=0 WS=128
    2   0.000020 203.0.113.12 → 198.51.100.2 TCP 74 49078 → 80 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=9 TSecr=0 WS=128
    3   0.010000 198.51.100.2 → 203.0.113.12 TCP 54 80 → 49078 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0
    4   0.010020 198.51.100.2 → 172.17.0.2 TCP 54 80 → 49078 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0
    5   0.020000 198.51.100.2 → 172.17.0.2 HTTP 154 HTTP/1.1 200 OK
"""  # noqa: E501


@pytest.fixture
def ticket(tmp_path: Path) -> Path:
    path = tmp_path / "ticket.txt"
    path.write_text(EXCERPT, encoding="utf-8")
    return path


def test_the_investigation_is_explained_as_far_as_its_dump_goes(ticket: Path) -> None:
    found = explain([ticket])
    assert invalid(found) == []
    verdict = found.verdict
    assert (verdict.killed_by, verdict.cause, verdict.certainty) == ("host", "NF01", "likely")
    assert verdict.client_outcome == "reset"
    assert [(one.role, one.link_type) for one in found.vantages] == [("inside", "RAW"), ("outside", "RAW")]
    (connection,) = found.connections
    assert connection.inside is not None
    assert connection.inside.client == "172.17.0.2:60790"
    told = {one.letter: one.text for one in connection.events}
    assert "1.2 MB behind the newest; not forwarded" in told["B"]
    assert "made by the NAT host itself; lethal" in told["C"]
    assert "made by the peer; lethal" in told["Y"]
    assert found.exit_status == 1


def test_the_report_says_what_the_text_does_not(ticket: Path) -> None:
    said = render(explain([ticket]), colour=False, width=0)
    assert "What happened (times as printed)" in said
    assert "UTC" not in said
    assert "1970" not in said
    assert "Wireshark" not in said
    assert "8 sequence numbers relative to an unknown one" in said
    assert "TTL is not known" not in said.split("Causes")[0]


def test_names_are_shown_as_they_were_printed(tmp_path: Path) -> None:
    path = tmp_path / "ticket.txt"
    path.write_text(EXCERPT.replace("74.125.195.136.https", "dl.google.com.no-such-name"), encoding="utf-8")
    found = explain([path])
    assert (found.verdict.killed_by, found.verdict.cause) == ("host", "NF01")
    (connection,) = found.connections
    assert connection.outside is not None
    assert connection.outside.server == "dl.google.com:no-such-name"
    assert "dl.google.com.no-such-name > 10.0.0.12" not in connection.events[0].text
    assert connection.events[0].text.startswith("dl.google.com.no-such-name > 10.138.0.12.60790: Flags [.]")
    assert "IP dl.google.com.no-such-name > " in connection.events[0].dump[0]
    assert not re.search(r"100::\w", render(found, colour=False, width=0))


def test_only_whole_addresses_are_respelt() -> None:
    names = {"100::1": "a", "1.2.3.4:5000": "1.2.3.4:rfe", "1.2.3.4.5000": "1.2.3.4.rfe"}
    for made_up, said in {
        "100::1": "a",
        "100::12 > 100::1.80: x": "100::12 > a.80: x",
        "[100::1]:443, [100::12]:443": "a:443, [100::12]:443",
        "from 100::1. Then 100::1, too": "from a. Then a, too",
        "1.2.3.4:5000 and 1.2.3.4.5000: y": "1.2.3.4:rfe and 1.2.3.4.rfe: y",
        "1.2.3.4:50001, 01.2.3.4:5000": "1.2.3.4:50001, 01.2.3.4:5000",
    }.items():
        assert spelt([made_up], names) == [said]
    assert spelt(["100::1"], {}) == ["100::1"]


def test_tsharks_columns(tmp_path: Path) -> None:
    path = tmp_path / "ticket.txt"
    path.write_text(TSHARK, encoding="utf-8")
    found = explain([path])
    assert found.inputs[0].format == "tshark text"
    assert (found.inputs[0].packets, found.inputs[0].tcp) == (5, 4)
    assert (found.verdict.killed_by, found.verdict.client_outcome) == ("outside", "refused")
    assert found.verdict.certainty == "likely"
    assert found.totals.connections == 1
    assert any("lines without a TCP header" in what for what in found.inputs[0].weird)


def test_o_tcpdump(ticket: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "-o", "tcpdump", str(ticket)]) == 1
    said = capsys.readouterr().out
    assert said.startswith("A\n22:26:19.414064 IP 74.125.195.136.443 > 10.138.0.12.60790: Flags [.], seq ")
    assert "\n\n...\nX\n" in said


def test_what_the_late_segment_says_of_the_kernel(ticket: Path) -> None:
    found = explain([ticket])
    assert (found.kernel.assumed, found.kernel.consistent_with) == ("5.10", ["4.19", "5.10", "5.15"])
    newer = explain([ticket], kernel="6.18")
    assert newer.verdict.cause != "NF01", "it would have let the segment through"
    assert newer.verdict.certainty == "undetermined"
