"""The capture without end is a good one, also where its blocks meet."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

from bench.stream import CONNECTIONS, DEEP, blocks
from bypeer.capture.read import open_capture
from bypeer.core.conntrack import step
from bypeer.core.entry import Entry, Rules, Step
from bypeer.core.excerpt import Excerpt
from bypeer.core.kernels import Ctstate, named
from bypeer.core.scan import look_again, scan
from bypeer.core.segment import GOOD, UNKNOWN


def test_the_model_accepts_all_and_no_sum_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "stream.pcap"
    path.write_bytes(b"".join(bytes(block) for block in islice(blocks(), 5)))
    capture = open_capture(path)
    found = scan(capture)
    wanted = [(row, Excerpt()) for row in found.table.rows]
    look_again(capture, found, wanted)
    assert found.packets == CONNECTIONS * (5 + 3 * 3 * DEEP)
    assert len(found.table) == CONNECTIONS
    assert found.kinds == {}
    rules, out, sums = Rules(named("5.10")), Step(), set()
    for _, conversation in wanted:
        entry, before = Entry(), 0
        for direction, segment in conversation.rows:
            step(entry, direction, segment, rules, out)
            assert out.ctstate != Ctstate.INVALID
            sums.add(segment.checksum)
            assert segment.ts >= before
            before = segment.ts
        assert len(conversation.rows) == 5 + 3 * 3 * DEEP
    assert sums == {GOOD, UNKNOWN}  # unknown: of payload that is not kept


def test_it_writes_what_is_asked_for_and_stops_when_nobody_reads() -> None:
    command = [sys.executable, "-m", "bench.stream"]
    whole = subprocess.run([*command, "1e6"], stdout=subprocess.PIPE, check=True)
    assert 1_000_000 <= len(whole.stdout) < 4_000_000
    with subprocess.Popen([*command, "1e12"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1_000)
        process.stdout.close()
        assert b"nobody read on" in process.stderr.read()
        assert process.wait(60) == 0
