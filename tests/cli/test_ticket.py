"""A ticket in Markdown, and the picture beside it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bypeer.cli import main
from tests.scene import ASKED, captures

PAIR = Path(__file__).parent.parent / "captures/late-segment"
ENDED = """
    0.030 > F. 101:101(0)   ack 1449 win 502
    0.040 < F. 1449:1449(0) ack 102  win 509
    0.050 > .  102:102(0)   ack 1450 win 502
"""


def test_the_picture_goes_beside_a_ticket(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ticket = tmp_path / "ticket.md"
    files = [str(PAIR / "inside.pcap"), str(PAIR / "outside.pcap")]
    assert main(["explain", "-o", "markdown", "-w", str(ticket), *files]) == 1
    root = ElementTree.fromstring((tmp_path / "ticket.svg").read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")
    assert ticket.read_text(encoding="utf-8").endswith("### Attached\n\n- `ticket.svg`\n")
    assert "the picture that goes with it is" in capsys.readouterr().err


def test_where_nothing_failed_there_is_no_picture(tmp_path: Path) -> None:
    files = [tmp_path / "inside.pcap", tmp_path / "outside.pcap"]
    for path, octets in zip(files, captures(ASKED + ENDED), strict=True):
        path.write_bytes(octets)
    assert main(["explain", "-o", "markdown", "-w", str(tmp_path / "ticket.md"), *map(str, files)]) == 0
    assert not (tmp_path / "ticket.svg").exists()
    assert "Attached" not in (tmp_path / "ticket.md").read_text(encoding="utf-8")


def test_to_a_terminal_it_is_text_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "-o", "markdown", str(PAIR / "inside.pcap"), str(PAIR / "outside.pcap")]) == 1
    assert "Attached" not in capsys.readouterr().out
