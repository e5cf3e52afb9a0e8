"""Scenarios under another kernel: with a stand-in for QEMU, and in earnest."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bypeer.errors import HostError
from bypeer.lab import debian, plays, vm
from bypeer.lab.elsewhere import EMULATED, play_on, played_on
from bypeer.lab.plays import Play, case_in, meant
from bypeer.lab.result import Result, from_json, unplayed
from bypeer.lab.scenarios import SCENARIOS
from tests.lab.conftest import Stand

pytestmark = pytest.mark.lab

ROW = SCENARIOS["closed-port"]
ONE = unplayed(ROW, "6.1.0-9-amd64", None, "as made up")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the machine is told to play."""
    jobs: list[dict[str, Any]] = []

    def note(machine: debian.Cached, command: str) -> bytes:
        (line,) = (line for line in command.splitlines() if " -m bypeer.lab.plays " in line)
        jobs.append(json.loads(line.partition(" -m bypeer.lab.plays '")[2].rpartition("') > out")[0]))
        return b""

    monkeypatch.setattr(vm, "_initrd", note)
    return jobs


def says(*records: dict[str, Any], more: str = "", folder: Path) -> str:
    """A script that answers with these."""
    answers = folder / "answers"
    answers.write_text("".join(json.dumps(one) + "\n" for one in records))
    return f"echo ready > $status; cat {answers} > $out; {more} echo 0 > $status"


def test_results_come_back_as_they_were(stand_in: Stand, asked: list[dict[str, Any]], tmp_path: Path) -> None:
    two = ONE._replace(name="beyond-window", remedy="keepalive", wrong=[], seconds=2.5, cause="NF02")
    stand_in(says(ONE._asdict(), two._asdict(), folder=tmp_path))
    wanted = [Play("closed-port"), Play("beyond-window", "keepalive")]
    assert list(played_on("6.1", wanted)) == [ONE, two]
    assert asked == [
        {
            "plays": [["closed-port", ""], ["beyond-window", "keepalive"]],
            "pace": list(EMULATED),
            "cases": False,
        }
    ]


def test_case_files_come_back(stand_in: Stand, asked: list[dict[str, Any]], tmp_path: Path) -> None:
    case = {"case": base64.b64encode(b"\n\r\r\npcapng").decode()}
    stand_in(says(ONE._asdict() | case, ONE._asdict() | case, folder=tmp_path))
    keep = tmp_path / "kept"
    keep.mkdir()
    assert len(list(play_on("6.1", ["closed-port"], None, 2, keep))) == 2
    assert asked[0]["cases"] is True
    assert {one.name: one.read_bytes() for one in keep.iterdir()} == {
        "closed-port.pcapng": b"\n\r\r\npcapng", "closed-port.1.pcapng": b"\n\r\r\npcapng",
    }  # fmt: skip


def test_only_what_is_meant_for_that_kernel_is_played(
    stand_in: Stand, asked: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCENARIOS, "old", ROW._replace(name="old", expected={"<6.1": ()}))
    stand_in(says(ONE._asdict(), folder=tmp_path))
    assert list(play_on("6.1", ["old"])) == []
    assert asked == []
    assert meant(["old", "closed-port"], "6.1.0-9-amd64") == ["closed-port"]


def test_a_machine_that_says_less_than_it_was_asked_for(
    stand_in: Stand, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    stand_in(says(ONE._asdict(), more="echo 'No module named x' > $err;", folder=tmp_path))
    heard = []
    with pytest.raises(HostError, match=r"under Linux 6\.1 1 of 2 were played: No module named x"):
        heard += list(played_on("6.1", [Play("closed-port")] * 2))
    assert len(asked) == 1


def test_one_result_at_a_time(stand_in: Stand, asked: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "answers").write_text(json.dumps(ONE._asdict()) + "\n")
    stand_in(f"echo $$ > {tmp_path}/pid; echo ready > $status; cat {tmp_path}/answers > $out; exec sleep 100")
    results = played_on("6.1", [Play("closed-port")] * 2)
    assert next(results) == ONE  # and the machine has not ended
    pid = int((tmp_path / "pid").read_text())
    assert Path(f"/proc/{pid}").exists()
    results.close()  # type: ignore[attr-defined]
    assert not Path(f"/proc/{pid}").exists()


def test_a_kernel_that_was_not_fetched(empty: Path) -> None:
    with pytest.raises(HostError, match="not in the cache"):
        list(play_on("6.1", ["closed-port"]))


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    for name in ("a+fix.pcapng", "a+fix.1.pcapng", "a+fix.2.pcapng", "a.pcapng"):
        remedy = "fix" if "+" in name else ""
        path = case_in(tmp_path, Play("a", remedy))
        assert path.name == name
        path.write_text("")


@pytest.mark.usefixtures("stage")
def test_what_runs_there_answers_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    plays.main(json.dumps({"plays": [["closed-port", ""]], "pace": [1, 1], "cases": True}))
    record = json.loads(capsys.readouterr().out)
    assert base64.b64decode(record.pop("case")).startswith(b"\n\r\r\n")
    result: Result = from_json(record)
    assert (result.kernel, result.client, result.wrong) == (os.uname().release, "ECONNREFUSED", [])


CACHED = [one.name for one in debian.cached()]


@pytest.mark.skipif(
    not os.environ.get("BYPEER_VM"), reason="boots a machine, minutes: BYPEER_VM=1 asks for it"
)
@pytest.mark.skipif("5.10" not in CACHED, reason="not in the cache: `bypeer lab kernels fetch 5.10`")
def test_the_investigations_own_case(tmp_path: Path) -> None:
    """On the kernel of that time: reset as it was told, and healed as it was."""
    from bypeer import api

    names = ["", "", "drop-invalid", "be-liberal"]
    *bare, dropped, liberal = played_on("5.10", [Play("late-segment", one) for one in names], tmp_path)
    for one in bare:
        assert (one.wrong, one.killed_by, one.cause, one.certainty) == ([], "host", "NF01", "certain")
        assert (one.host_resets > 0, one.invalid > 0) == (True, True)
    assert "ECONNRESET" in [one.client for one in bare]
    assert (dropped.healed, dropped.invalid > 0, dropped.wrong) == (True, True, [])
    assert (liberal.healed, liberal.wrong) == (True, [])
    found = api.explain([tmp_path / "late-segment.pcapng"])
    triggers = [one.trigger for one in found.resets if one.author == "host" and one.trigger]
    assert triggers
    assert all(one.judgement == "INVALID" and one.forwarded is False for one in triggers)
