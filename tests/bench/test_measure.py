"""What bench/ says of a run is what the run did."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import curves, inputs, peers, tracker
from bench.inputs import Kind
from bench.measure import mib, run


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_a_run_tells_time_processor_and_memory() -> None:
    # More than this process may have: what a child is told to have used is at least its parent's.
    took = run(python("import time; time.sleep(0.3); octets = b'x' * (800 << 20)"))
    assert took.failure == ""
    assert took.cpu > 0
    assert took.seconds - took.cpu > 0.25, "it slept"
    assert 800 << 20 < took.peak < 900 << 20
    assert mib(took.peak) == f"{took.peak / (1 << 20):.0f}"
    assert mib(1).startswith("<")


def test_a_failure_tells_its_last_words() -> None:
    assert run(python("raise SystemExit('first\\nno such option')")).failure == "no such option"
    assert run(python("raise SystemExit(4)")).failure == "exit status 4"
    assert run(python("raise SystemExit(4)"), well=(0, 4)).failure == ""
    assert run(python("import os; os.kill(os.getpid(), 11)")).failure == "signal 11"


def test_a_feeder_is_read_and_ends_with_its_reader() -> None:
    counts = "import sys; sys.exit(len(sys.stdin.buffer.read()) != 5_000_000)"
    writes = "import sys; sys.stdout.buffer.write(bytes({}))"
    assert run(python(counts), feeder=python(writes.format(5_000_000))).failure == ""
    assert run(python("pass"), feeder=python(writes.format(10**9))).seconds < 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def test_peers_take_turns_over_one_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind = Kind(4_000, 4)
    made = {part: inputs.make("headers", kind, folder, part) for part in (1, 4)}
    peers.compare(made, rounds=1, longest=60)
    told = capsys.readouterr().out
    rows = [line.split(" | ") for line in told.splitlines() if line.startswith("| ")]
    shown = {row[0].removeprefix("| "): row for row in rows}
    assert shown["bypeer explain"][1] == shown["cat"][1] == f"{made[1]['packets']:,}"
    assert shown["bypeer explain"][5] == "1"
    for peer in peers.PEERS:
        assert peer.name in shown or f"- {peer.name}: skipped: " in told


def test_a_slow_peer_is_given_a_part(folder: Path) -> None:
    made = {part: {"files": [str(part)], "packets": 1} for part in (1, 4, 16)}
    slow = peers.Peer("slow", python("import sys; sum(range(10**5 * (64 // int(sys.argv[1]))))"))
    part, failure = peers._affordable(slow, made, longest=0.0)
    assert (part, failure) == (16, "")
    assert peers._affordable(slow, made, longest=60.0) == (1, "")
    assert peers._affordable(slow._replace(whole=True), made, longest=0.0) == (1, "")
    missing = peers.Peer("missing", ("bypeer-no-such-command",))
    assert peers._unfit(missing, made[1]) == "not installed"


def test_a_curve_has_a_row_an_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = [inputs.make("headers", Kind(number, 3), folder) for number in (1_000, 2_000)]
    curves.curve("Memory", made, rounds=1, longest=60)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[1] for line in lines[2:4]] == [f"{one['packets']:,}" for one in made]
    assert "####" in lines[3]


def test_the_tracker_recordings_are_whole_conversations(folder: Path) -> None:
    made = inputs.make("headers", Kind(2_000, 2), folder)
    segments, ways = tracker.downloads(made["files"][0])
    assert len(segments) == len(ways) == made["packets"]
    assert ways[0] & 2
    assert sum(way >> 1 for way in ways) == 2
    segments, ways = tracker.generated()
    assert len(segments) >= tracker.PACKETS
