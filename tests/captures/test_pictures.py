"""Pictures of the real cases that lie beside the project, judged by tshark and by what the kernel said."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from bypeer import api
from bypeer.core.picture import KINDS, Picture

SHARED = os.environ.get("BYPEER_SHARED")
CASES = Path(SHARED or ".") / "captures"
NAMES = [name for name, _ in KINDS]
pytestmark = pytest.mark.skipif(not SHARED, reason="BYPEER_SHARED does not say where the shared cases are")
every = pytest.mark.parametrize("case", sorted(path.parent.name for path in CASES.glob("*/truth.tsv")) or
                                sorted(path.name for path in CASES.iterdir() if path.is_dir())
                                if SHARED else [])  # fmt: skip
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


class Row(NamedTuple):
    """A mark, in words."""

    kind: str
    low: int
    size: int
    outside: int
    inside: int


def files(case: str) -> list[Path]:
    return [CASES / case / "container_eth0.pcap", CASES / case / "host_ext0.pcap"]


@cache
def pictured(case: str) -> Picture:
    (found,) = api.pictures(files(case))
    return found


def rows(found: Picture) -> list[Row]:
    marks = found.marks
    columns = (marks.low, marks.size, marks.outside, marks.inside)
    return [Row(NAMES[kind], *one) for kind, one in zip(marks.kind, zip(*columns, strict=True), strict=True)]


def of(found: Picture, kind: str) -> list[Row]:
    return [one for one in rows(found) if one.kind == kind]


# Numbers


class Shark(NamedTuple):
    """A segment by tshark."""

    frame: int
    stream: int
    flags: int
    seq: int
    ack: int
    size: int
    win: int
    source: str


def tshark(path: Path) -> Iterator[Shark]:
    fields = ("frame.number", "tcp.stream", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.len",
              "tcp.window_size_value", "ip.src")  # fmt: skip
    run = ["tshark", "-r", str(path), "-Y", "tcp && !icmp", "-T", "fields", "-E", "separator=,"]
    run += [part for name in fields for part in ("-e", name)]
    for line in subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines():
        *numbers, source = line.split(",")
        yield Shark(*(int(number, 0) for number in numbers), source)


@needs_tshark
@every
def test_each_segment_with_data_is_where_tshark_has_it(case: str) -> None:
    """Frame, SEG.SEQ, octets; and each acknowledgement, its window's edge."""
    found = pictured(case)
    outside = list(tshark(CASES / case / "host_ext0.pcap"))
    main = max(
        (one for one in outside if one.source == "198.51.100.2"), key=lambda one: one.size, default=None
    )
    if main is None or not main.size:
        pytest.skip("there is no data in this case")
    theirs = [one for one in outside if one.source == "198.51.100.2" and one.stream == main.stream]
    isn = next(one.seq for one in theirs if one.flags & 2)
    data = {
        (one.frame, (one.seq - isn) % (1 << 32), one.size) for one in theirs if one.size and not one.flags & 4
    }
    drawn = {(one.outside, one.low, one.size) for one in rows(found) if one.size and one.kind != "sack"}
    assert {one for one in drawn if one[0]} == data
    ours = ("203.0.113.12", "172.17.0.2")  # of the latter, what leaked untranslated
    acks = {(one.frame, (one.ack - isn) % (1 << 32))
            for one in outside if one.source in ours and one.flags & 0x14 == 0x10}  # fmt: skip
    assert {(one.outside, one.low) for one in of(found, "ack") if one.outside} == acks


@every
def test_resets_are_counted_by_author(case: str) -> None:
    found, told = pictured(case), api.explain(files(case))
    (report,) = (
        (one for one in told.connections if one.id == found.connection) if told.connections else (None,)
    )
    if report is None:
        pytest.skip("no connection of this case is reported")
    authors = Counter(one.author for one in told.resets if one.connection == report.id)
    kinds = Counter(one.kind.removeprefix("rst-") for one in rows(found) if one.kind.startswith("rst-"))
    assert {name.replace("on-path", "path"): count for name, count in authors.items()} == kinds


# Fates


def said(case: str, words: str) -> set[tuple[int, int]]:
    """SEG.SEQ and octets of what the kernel logged with these words."""
    found = set()
    for line in map(json.loads, (CASES / case / "nflog.jsonl").read_text().splitlines()):
        if words in line["prefix"]:
            numbers = re.search(r" seq=(\d+) .* len=(\d+)", line["pkt"])
            assert numbers is not None
            found.add((int(numbers[1]), int(numbers[2])))
    return found


def absolute(case: str, found: Picture, kind: str) -> set[tuple[int, int]]:
    """The same of the marks of a kind."""
    outside = list(tshark(CASES / case / "host_ext0.pcap"))
    isn = next(one.seq for one in outside if one.source == "198.51.100.2" and one.flags & 2)
    return {((one.low + isn) % (1 << 32), one.size) for one in of(found, kind)}


@needs_tshark
def test_each_invalid_segment_of_the_investigations_case_was_kept() -> None:
    """All that conntrack refused, in the captured window, answered by 36 RSTs of the host."""
    case = "510_late_hold"
    found = pictured(case)
    late = said(case, "SEQ is under the lower bound")
    kept = absolute(case, found, "kept")
    assert len(of(found, "kept")) == len(of(found, "rst-host")) == len(late) == 36
    assert kept == late
    assert not of(found, "late")


@needs_tshark
def test_what_a_later_kernel_let_pass_is_late_and_forwarded() -> None:
    case = "618_late_hold"
    found = pictured(case)
    assert len(of(found, "late")) == 828
    assert all(one.outside and one.inside for one in of(found, "late"))
    assert not of(found, "kept")


@pytest.mark.parametrize("case", ["510_over", "612_over", "618_over", "618_pubport_upload_over"])
def test_what_lies_beyond_the_window_is_one_trigger_above_the_bound(case: str) -> None:
    found = pictured(case)
    held = {one.ts: one for one in found.bounds if one.upper is not None}
    (trigger,) = (one for one in found.moments if one.letter == "B")
    bound = held[max(ts for ts in held if ts < trigger.ts)]
    assert bound.upper is not None
    above = [one for one in of(found, "trigger") if one.low > bound.upper]
    assert [one.low for one in above] == [trigger.low]
    assert [one.low for one in of(found, "kept")] == [trigger.low]
    assert max(one.low + one.size for one in of(found, "data")) < trigger.low  # nor was the frontier moved


@every
def test_the_deciding_moment_is_in_sight(case: str) -> None:
    found = pictured(case)
    told = api.explain(files(case))
    since, until = found.focus
    assert found.marks.ts[0] <= since <= until
    lethal = [one.ts for one in found.moments if one.kind.startswith("rst-") and "lethal" in one.text]
    if told.verdict.killed_by == "host":
        assert since < min(lethal) < until
    shown = sum(since <= ts <= until for ts in found.marks.ts)
    assert shown >= min(20, len(found.marks.ts))


@every
def test_one_side_alone_claims_a_fate_only_where_the_host_answered(case: str) -> None:
    inside, outside = files(case)
    for found in api.pictures([inside]):
        assert not of(found, "kept")
    for found in api.pictures([outside]):
        assert len(of(found, "kept")) <= len(of(found, "rst-host"))


def test_both_sides_in_one_file() -> None:
    (found,) = api.pictures([CASES / "510_late_hold" / "host_any.pcap"])
    two = pictured("510_late_hold")
    assert Counter(one.kind for one in rows(found)) == Counter(one.kind for one in rows(two))
    assert [one.low for one in rows(found)] == [one.low for one in rows(two)]
