"""Captures by others, held against what tshark counts in them.

BYPEER_SHARED names the directory that holds corpus/ (see its README.md).
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import pure

SHARED = os.environ.get("BYPEER_SHARED", "")
TRUTH = Path(SHARED, "corpus/truth.tsv")
pytestmark = pytest.mark.skipif(
    not SHARED or not TRUTH.exists(), reason="no shared corpus: BYPEER_SHARED does not name it"
)
WHOLE = Path(__file__).with_name("whole.py")
SLOWEST = 10  # seconds

# file: why tshark's count is not ours
EXCEPTIONS = {
    "OISF__suricata-verify/tests/firewall/tcp-session-decode-malformed-ipv4/input.pcap": (
        "tshark gives up at an IP option, a security option of 2 octets; to Linux the packet is sound"
    ),
}

# What tshark knows too, and what it finds no TCP in; but for MFR and Juniper's monitor, which it refuses.
UNSUPPORTED = {
    "ARCNET_LINUX": 11, "BLUETOOTH_BREDR_BB": 1, "IEEE802_15_4_NOFCS": 55, "IEEE802_15_4_WITHFCS": 1,
    "JUNIPER_MONITOR": 1, "MFR": 1, "USER13": 1, "USER2": 1,
}  # fmt: skip


class Outcome(NamedTuple):
    row: dict[str, str]  # of truth.tsv
    told: dict[str, Any]  # whole.told


def outcomes() -> list[Outcome]:
    """What is said of every file by one process, which must not grow, and must not end."""
    with TRUTH.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    environment = os.environ | {"BYPEER_SOURCES": "1" if pure.here() == "source" else ""}
    done = subprocess.run(
        [sys.executable, "-m", "tests.capture.whole"],
        input="".join(f"{TRUTH.parent / row['path']}\n" for row in rows),
        cwd=WHOLE.parents[2],
        env=environment,
        capture_output=True,
        text=True,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, len(told)) == (0, len(rows)), f"{rows[len(told)]['path']}: {done.stderr}"
    return [Outcome(row, one) for row, one in zip(rows, told, strict=True)]


@pytest.fixture(scope="module")
def every() -> list[Outcome]:
    return outcomes()


def truth(row: dict[str, str]) -> list[int]:
    """Packets, TCP, RST by tshark; capinfos has the frames where the two differ (README.md)."""
    packets = row["packets"] if row["tshark_rc"] != "0" else row["capinfos_pkts"] or row["packets"]
    return [int(packets), int(row["tcp_first"] or 0), int(row["rst_first"] or 0)]


def unsupported(told: dict[str, Any]) -> dict[str, int]:
    """Frames of link types that are not supported, by name."""
    label = "unsupported link type "
    return {
        kind.removeprefix(label): n for kind, n in told.get("weird", {}).items() if kind.startswith(label)
    }


def test_every_file_that_tshark_reads_counts_the_same(every: list[Outcome]) -> None:
    assert len(every) == 1_017
    read = [one for one in every if one.row["packets"] != "0" or one.row["tshark_rc"] == "0"]
    wrong = {one.row["path"]: one.told for one in read if one.told.get("counts") != truth(one.row)}
    assert set(wrong) == set(EXCEPTIONS), wrong
    assert len(EXCEPTIONS) <= 3


def test_what_is_refused_is_what_tshark_refuses(every: list[Outcome]) -> None:
    refused = [one for one in every if "refused" in one.told]
    assert [one.row["path"] for one in refused if one.row["tshark_rc"] == "0"] == []
    assert len(refused) == 5
    for one in refused:
        reserved = "reserved field not zero" in one.row["tshark_err"]
        assert ("reserved bits set" if reserved else "not a capture file") in one.told["refused"]


def test_damage_is_where_tshark_sees_it_and_told_with_its_place(every: list[Outcome]) -> None:
    damaged = {one.row["path"] for one in every if one.told.get("damage")}
    said = re.compile("damaged or corrupt|cut short")
    assert damaged == {one.row["path"] for one in every if said.search(one.row["tshark_err"])}
    for one in every:
        if one.told.get("damage"):
            offset, reason = one.told["damage"]
            assert 0 <= offset < int(one.row["size"])
            assert reason


def test_link_types_that_are_not_supported_are_named_and_counted(every: list[Outcome]) -> None:
    found: dict[str, int] = {}
    for one in every:
        for name, frames in unsupported(one.told).items():
            found[name] = found.get(name, 0) + frames
            assert one.told["counts"][1] == 0
    assert found == UNSUPPORTED


def test_none_takes_long(every: list[Outcome]) -> None:
    assert max(one.told.get("seconds", 0) for one in every) < SLOWEST
