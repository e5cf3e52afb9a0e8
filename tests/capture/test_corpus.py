"""Captures by others, held against what tshark counts in them.

BYPEER_SHARED names the directory that holds corpus/ (see its README.md).
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from bypeer.capture.read import open_capture
from bypeer.core.decode import KINDS, LAST_TCP, UNSUPPORTED, decode
from bypeer.core.segment import Segment
from bypeer.core.tcp import RST
from bypeer.errors import CaptureError

SHARED = os.environ.get("BYPEER_SHARED", "")
TRUTH = Path(SHARED, "corpus/truth.tsv")
pytestmark = pytest.mark.skipif(
    not SHARED or not TRUTH.exists(), reason="no shared corpus: BYPEER_SHARED does not name it"
)

# file: why tshark's count is not ours
EXCEPTIONS = {
    "OISF__suricata-verify/tests/firewall/tcp-session-decode-malformed-ipv4/input.pcap": (
        "tshark gives up at an IP option, a security option of 2 octets; to Linux the packet is sound"
    ),
}


class Counts(NamedTuple):
    packets: int
    tcp: int
    rst: int


def counted(path: Path, kinds: Counter[str]) -> Counts:
    """What we count in a file."""
    capture, segment, tcp, rst = open_capture(path), Segment(), 0, 0
    for batch in capture.frames():
        for row in range(batch.count):
            segment.interface = batch.interface[row]
            kind = decode(
                batch.octets,
                batch.start[row],
                batch.captured[row],
                batch.length[row],
                capture.interfaces[batch.interface[row]].link_type,
                segment,
                True,
            )
            kinds[KINDS[kind]] += 1
            if kind <= LAST_TCP:
                tcp += 1
                rst += segment.flags & RST != 0
    assert capture.packets == sum(kinds.values())
    return Counts(capture.packets, tcp, rst)


def truth(row: dict[str, str]) -> Counts:
    """What tshark counts; capinfos has the frames where the two differ (README.md)."""
    packets = row["packets"] if row["tshark_rc"] != "0" else row["capinfos_pkts"] or row["packets"]
    return Counts(int(packets), int(row["tcp_first"] or 0), int(row["rst_first"] or 0))


def test_every_file_counts_as_tshark_counts_it() -> None:
    outcomes: Counter[str] = Counter()
    wrong, differing = [], set()
    with TRUTH.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        kinds: Counter[str] = Counter()
        try:
            got = counted(TRUTH.parent / row["path"], kinds)
        except CaptureError as error:
            outcome = "compressed" if row["fmt"].startswith("gz") else "refused by both"
            outcomes[outcome] += 1
            if outcome == "refused by both" and row["tshark_rc"] == "0":
                wrong.append(str(error))
            continue
        want = truth(row)
        if kinds[KINDS[UNSUPPORTED]]:
            # tshark knows more link types, but not all: what it refuses it does not count.
            outcomes["link type not supported yet"] += 1
            got, want = got._replace(tcp=0, rst=0), want._replace(tcp=0, rst=0)
            if row["tshark_rc"] != "0":
                continue
        else:
            outcomes["compared"] += 1
        if got != want:
            differing.add(row["path"])
            if row["path"] not in EXCEPTIONS:
                wrong.append(f"{row['path']}: {got}, not {want}")
    assert not wrong
    assert differing == set(EXCEPTIONS)
    assert outcomes["compared"] > 900, outcomes
