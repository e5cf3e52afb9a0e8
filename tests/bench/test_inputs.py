"""The captures that bench/ measures with are what they are said to be: tshark, the model and bypeer judge."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench import inputs, rounds
from bench.inputs import INPUTS, Kind
from bypeer import api
from bypeer.capture.read import open_capture
from bypeer.core.conntrack import step
from bypeer.core.entry import Entry, Rules, Step
from bypeer.core.excerpt import Excerpt
from bypeer.core.kernels import Ctstate, Reason, named
from bypeer.core.scan import look_again, scan

PACKETS, CONNECTIONS = 30_000, 10

Made = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inputs")


@pytest.fixture(scope="module")
def headers(folder: Path) -> Made:
    return inputs.make("headers", Kind(PACKETS, CONNECTIONS), folder)


def tshark(*arguments: str) -> list[str]:
    if shutil.which("tshark") is None:
        pytest.skip("needs tshark")
    run = subprocess.run(["tshark", *arguments], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_there_is_of_everything_what_was_asked_for(headers: Made) -> None:
    assert PACKETS <= headers["packets"] <= PACKETS + 2
    assert headers["connections"] == CONNECTIONS
    assert 0.04 < headers["sack"] / headers["packets"] < 0.06
    assert headers["late"] > 0
    assert headers["lost"] > 0
    assert headers["fin"] + headers["reset"] <= CONNECTIONS


def test_tshark_sees_the_same(headers: Made) -> None:
    fields = ("tcp.stream", "tcp.options.sack_le", "tcp.options.timestamp.tsval", "tcp.flags.reset")
    lines = tshark(
        "-r", headers["files"][0], "-T", "fields", *(word for one in fields for word in ("-e", one))
    )
    rows = [line.split("\t") for line in lines]
    assert len(rows) == headers["packets"]
    assert len({row[0] for row in rows}) == headers["connections"]
    assert sum(row[1] != "" for row in rows) == headers["sack"]
    assert all(row[2] for row in rows)
    assert sum(row[3] in ("1", "True") for row in rows) == headers["reset"]


@pytest.mark.parametrize("name", ["headers", "frames", "pcapng", "pair"])
def test_no_sum_is_wrong_and_nothing_malformed(folder: Path, name: str) -> None:
    checks = ("-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE")
    faults = "ip.checksum.status == 0 || tcp.checksum.status == 0 || _ws.malformed"
    kind = INPUTS[name]._replace(packets=6_000, connections=4, killed=2 if name == "pair" else None)
    for file in inputs.make(name, kind, folder)["files"]:
        assert tshark("-r", file, *checks, "-Y", faults) == []
        assert len(tshark("-r", file, *checks, "-Y", "tcp.checksum.status == 1")) > (
            5_000 if name == "frames" else 1_000
        )


def test_pcapng_and_gzip_hold_the_same_packets(folder: Path) -> None:
    shown = []
    for name in ("headers", "pcapng", "gzip"):
        file = inputs.make(name, INPUTS[name]._replace(packets=3_000, connections=3), folder)["files"][0]
        shown.append(
            tshark("-r", file, "-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.seq_raw", "-e", "ip.id")
        )
    assert len(shown[0]) >= 3_000
    assert shown[0] == shown[1] == shown[2]


def test_a_payload_is_whole_and_hardly_ever_the_same(folder: Path) -> None:
    file = inputs.make("frames", Kind(3_000, 3, payload=True), folder)["files"][0]
    lines = tshark(
        "-r",
        file,
        "-Y",
        "tcp.len == 1448",
        "-T",
        "fields",
        "-e",
        "tcp.stream",
        "-e",
        "tcp.seq",
        "-e",
        "tcp.payload",
    )
    payloads = [line.split("\t")[2] for line in lines]
    assert {len(payload) for payload in payloads} == {2 * 1448}
    assert len(set(payloads)) > 500


def test_a_part_is_the_first_packets(folder: Path) -> None:
    whole, half = (inputs.make("headers", Kind(3_000, 3), folder, part) for part in (1, 2))
    octets = Path(half["files"][0]).read_bytes()
    assert half["packets"] == scan(open_capture(half["files"][0])).packets == 1_500
    assert Path(whole["files"][0]).read_bytes().startswith(octets)


def test_the_same_seed_makes_the_same_octets(tmp_path: Path) -> None:
    first, again = (inputs.make("headers", Kind(3_000, 3), tmp_path / name) for name in ("a", "b"))
    assert Path(first["files"][0]).read_bytes() == Path(again["files"][0]).read_bytes()


def test_the_model_refuses_the_late_segments_and_no_other(headers: Made) -> None:
    capture = open_capture(headers["files"][0])
    found = scan(capture)
    wanted = [(row, Excerpt()) for row in found.table.rows]
    look_again(capture, found, wanted)
    kept = [one for _, one in wanted]
    rules, out, refused = Rules(named("5.10")), Step(), Counter[int]()
    for conversation in kept:
        entry = Entry()
        for direction, segment in conversation.rows:
            step(entry, direction, segment, rules, out)
            refused[out.reason] += out.ctstate == Ctstate.INVALID
    assert sum(len(one.rows) for one in kept) == headers["packets"]
    assert +refused == {Reason.SEQ_UNDER: headers["late"]}


def test_the_host_made_the_resets_of_the_pair(folder: Path) -> None:
    made = inputs.make("pair", Kind(12_000, 10, killed=4), folder)
    found = api.explain(made["files"])
    verdicts = Counter(one.verdict.cause for one in found.connections if one.verdict.killed_by == "host")
    assert verdicts == {"NF01": 2, "NF02": 2}
    assert made["killed"] == 4


def test_too_few_packets_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        rounds.plan(10, 10)
