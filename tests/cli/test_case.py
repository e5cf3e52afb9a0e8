"""`bypeer case show`: what is in a file, for people and programs, whoever wrote it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bypeer.capture.case import About, Vantage, write
from bypeer.cli import Status, main
from bypeer.core.evidence import Event
from tests import make
from tests.capture.test_case import NS, some, source

HOSTILE = "\x1b[2J\u202eevil\nline"


@pytest.fixture
def file(tmp_path: Path) -> str:
    events = [
        Event(NS, "host", {"kernel": "5.10\x1b[2J", "ruleset": "a\nb\n", "net.x": 1}),
        Event(NS, "recorder", {"used": "nflog", "missing": "tracepoint: none here"}),
        Event(NS + 5_000, "nflog", {"prefix": HOSTILE, "seq": 7}),
    ]
    path = tmp_path / "x.case.pcapng"
    write(path, About("bypeer", comments=(HOSTILE,)), [Vantage(source(some(3)), HOSTILE, "inside")], events)
    return str(path)


def test_people_are_shown_all_of_it_plainly(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["case", "show", "--events", file]) == 0
    out = capsys.readouterr().out
    assert not set(out) & {"\x1b", "\u202e"}
    for words in (
        "pcapng, 3 packets", "net.x    1", "2 lines: -o json has them", "3 packets; inside; EN10MB",
        "nflog       1 events, 2023-11-14 22:13:20.000005 to 2023-11-14 22:13:20.000005",
        "recorder: missing: tracepoint: none here", "seq=7",
    ):  # fmt: skip
        assert words in out


def test_without_events_they_are_counted_only(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["case", "show", file]) == 0
    assert "seq=7" not in capsys.readouterr().out
    assert main(["case", "show", "-o", "json", file]) == 0
    contents = json.loads(capsys.readouterr().out)
    assert contents["events"] is None
    assert contents["sources"]["nflog"] == {"events": 1, "first_ns": NS + 5_000, "last_ns": NS + 5_000}
    assert contents["host"] == {"kernel": "5.10\x1b[2J", "ruleset": "a\nb\n", "net.x": "1"}


def test_any_capture_may_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(make.pcap(some(2)))
    assert main(["case", "show", str(path)]) == 0
    out = capsys.readouterr().out
    assert "pcap, 2 packets" in out
    assert "nothing: no event of bypeer's is in this file" in out


def test_damage_is_told_and_what_came_before_is_shown(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(file)
    path.write_bytes(path.read_bytes()[:-9])
    assert main(["case", "show", file]) == 0
    seen = capsys.readouterr()
    assert "cut short" in seen.err
    assert "packets" in seen.out


def test_what_is_no_capture_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x"
    path.write_text("hello")
    assert main(["case", "show", str(path)]) == Status.NOTHING_ANALYSED
    assert "not a capture file" in capsys.readouterr().err


def test_a_time_beyond_any_calendar_is_shown_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x"
    write(path, About("bypeer"), [], [Event(2**63 - 1, "nft", {})])
    assert main(["case", "show", "--events", str(path)]) == 0
    assert "2262-04-11 23:47:16.854775" in capsys.readouterr().out
