"""`bypeer lab list`, `run` and `story`, as they are called."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.unprivileged import without_privilege

pytestmark = pytest.mark.lab

COMMAND = [sys.executable, "-m", "bypeer", "lab"]


def run(*args: str, command: list[str] = COMMAND) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *args], capture_output=True, text=True, check=False)


def test_list_has_every_scenario_and_what_it_finds() -> None:
    from bypeer.lab.scenarios import SCENARIOS

    shown = run("list").stdout
    records = json.loads(run("list", "-o", "json").stdout)
    assert [one["name"] for one in records] == list(SCENARIOS)
    for one in SCENARIOS.values():
        assert one.name in shown
        assert one.says in shown
    assert records[0]["expected"]["<6.1"][0]["cause"] == "NF01"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "name scenarios"),
        (["--all", "closed-port"], "name scenarios"),
        (["closed-prt"], "did you mean closed-port"),
        (["closed-port", "--with-fix", "prayer"], "no remedy 'prayer'"),
    ],
)
def test_what_cannot_be_played_is_said(args: list[str], said: str) -> None:
    done = run("run", *args)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
def test_without_privilege_it_ends_with_5() -> None:
    done = run("run", "closed-port", command=[*without_privilege(), "-m", "bypeer", "lab"])
    assert done.returncode == 5
    assert "needs root" in done.stderr


@pytest.mark.usefixtures("stage")
def test_one_is_told_and_its_recording_kept(tmp_path: Path) -> None:
    done = run("run", "beyond-window", "--keep", str(tmp_path), "--tcpdump")
    if "tcpdump is missing" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    # A client that has nothing under way at that moment is told by nobody.
    assert re.search("client's socket  (ECONNRESET|its program gave up)", done.stdout)
    assert re.search(r"killed by host, NF02, (reset|hung), certain: right", done.stdout)
    # On a machine that is busy tcpdump may lose packets: then its files leave it open.
    assert re.search(r"tcpdump's two files  (host NF02 reset|.*\(undetermined\)\n)", done.stdout)
    explained = run(str(tmp_path / "beyond-window.pcapng"), command=[*COMMAND[:-1], "explain"])
    assert explained.returncode == 1
    assert "Your own NAT host" in explained.stdout


@pytest.mark.usefixtures("stage")
def test_several_make_a_line_each_and_a_report(tmp_path: Path) -> None:
    report = tmp_path / "lab.md"
    done = run("run", "closed-port", "abortive-close", "-o", "jsonl", "--report", str(report))
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["name"], one["client"], one["wrong"]) for one in results] == [
        ("closed-port", "ECONNREFUSED", []),
        ("abortive-close", "ECONNRESET", []),
    ]
    assert "all verdicts right" in done.stderr
    assert report.read_text().count("| right |") == 2


@pytest.mark.usefixtures("stage")
def test_a_fix_heals_what_it_is_for() -> None:
    done = run("run", "beyond-window", "--with-fix", "drop-invalid", "-o", "json")
    (result,) = json.loads(done.stdout)
    assert (result["client"], result["host_resets"], result["remedy"]) == ("", 0, "drop-invalid")
    assert result["invalid"] > 0


@pytest.mark.usefixtures("stage")
def test_the_story_has_six_acts_and_a_cure(tmp_path: Path) -> None:
    done = run("story", "--here", "--keep", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    acts = [line for line in done.stdout.splitlines() if line[:2] in {f"{n}." for n in range(1, 7)}]
    assert [line[:2] for line in acts] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert re.search("(connection reset by peer|it hangs) after", " ".join(done.stdout.split()))
    assert "RST by this host" in done.stdout
    assert "Your own NAT host reset this connection" in done.stdout
    assert "20 of 20 succeed" in done.stdout
    assert list(tmp_path.glob("*.pcapng"))
