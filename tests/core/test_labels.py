"""The model against the real kernels: every TCP packet of the public captures, in four columns.

The labels are the kernels' own answers (shared corpus, README.md): tuples were made fresh for each
flow, order kept, time not, checksums not checked. The state was read off the entry's timer, each
state having one of its own; so a label is the state whose timer the entry last got, and with
SYN_SENT2, which no sysctl sets, neither state nor direction was read. BYPEER_SHARED names the
shared directory.
"""

from __future__ import annotations

import gzip
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bypeer.capture.read import open_capture
from bypeer.core.conntrack import step
from bypeer.core.decode import LAST_TCP, TCP, decode
from bypeer.core.entry import SECOND, Entry, Rules, Step, log_line
from bypeer.core.kernels import LINUX_5_10, LINUX_6_18, CtState, Ctstate, Kernel, Sysctls, named
from bypeer.core.segment import Segment

SHARED = os.environ.get("BYPEER_SHARED", "")
CORPUS = Path(SHARED, "corpus")
# A timer a state, those of repeats and unacknowledged data out of the way.
TIMERS = (*range(1_000, 1_010), 2_000, 2_000)
COLUMNS = {
    "5.10": (LINUX_5_10, Sysctls(timeouts=TIMERS)),
    "6.12": (named("6.12.116"), Sysctls(timeouts=TIMERS)),
    "6.18": (LINUX_6_18, Sysctls(timeouts=TIMERS)),
    "6.18-liberal": (LINUX_6_18, Sysctls(timeouts=TIMERS, tcp_be_liberal=True)),
}
ROWS = 49_253  # a column; README.md of the corpus
VERDICTS = {Ctstate.NEW: "NEW", Ctstate.ESTABLISHED: "EST", Ctstate.INVALID: "INV"}

pytestmark = pytest.mark.skipif(not SHARED, reason="BYPEER_SHARED does not name the shared directory")


class Label(NamedTuple):
    """A row: the kernel's answer to one packet. `flow` and `flipped` say whose packet it was."""

    flow: str
    flipped: bool
    size: int  # payload; below 0: the TCP header says it is longer than the packet
    answer: tuple[str, str, str]  # verdict, ct direction, state after
    reason: str


Labels = dict[str, dict[int, Label]]  # by path, then frame number


def labels(column: str) -> Labels:
    found: Labels = defaultdict(dict)
    with gzip.open(CORPUS / f"ctlabels-{column}.tsv.gz", "rt", encoding="utf-8") as file:
        next(file)
        for line in file:
            path, frame, flow, way, _, size, verdict, ct_dir, state, reason = line.rstrip("\n").split("\t")
            found[path][int(frame)] = Label(flow, way == "1", int(size), (verdict, ct_dir, state), reason)
    return found


def segments(path: Path, scratch: Path) -> Iterator[tuple[int, int, Segment]]:
    """Frame number, kind and segment of each frame of a capture, gzip or not."""
    if path.suffix == ".gz":
        scratch.write_bytes(gzip.decompress(path.read_bytes()))
        path = scratch
    capture = open_capture(path)
    segment = Segment()
    for frames in capture.frames():
        for row in range(frames.count):
            link = capture.interfaces[frames.interface[row]].link_type
            kind = decode(frames.octets, frames.start[row], frames.captured[row], frames.length[row],
                          link, segment)  # fmt: skip
            yield frames.first + row, kind, segment


class Flow:
    """An entry, and which way round its original direction lies."""

    def __init__(self) -> None:
        self.entry = Entry()
        self.flipped = False


class Player:
    """One column's tracker over one capture."""

    def __init__(self, kernel: Kernel, sysctls: Sysctls) -> None:
        self.kernel, self.rules, self.out = kernel, Rules(kernel, sysctls), Step()
        self.flows: dict[str, Flow] = defaultdict(Flow)

    def answer(self, label: Label, segment: Segment) -> tuple[tuple[str, str, str], str]:
        flow, out = self.flows[label.flow], self.out
        if flow.entry.state == CtState.NONE:
            flow.flipped = label.flipped
        timeout = flow.entry.timeout
        step(flow.entry, int(label.flipped != flow.flipped), segment, self.rules, out)
        if out.reopened:
            flow.flipped = label.flipped
        reason = (log_line(out, self.kernel) or "").removeprefix("nf_ct_proto_6: ")
        if out.ctstate == Ctstate.INVALID:
            return ("INV", "0", "?"), reason
        timer = CtState((timeout if out.unreplied else flow.entry.timeout) // SECOND - TIMERS[0])
        verdict = VERDICTS[Ctstate(out.ctstate)]
        if timer == CtState.SYN_SENT2:
            return (verdict, "0", "?"), reason
        return (verdict, str(out.direction), timer.name.lower()), reason


def disagreements(column: str, scratch: Path) -> tuple[int, list[str]]:
    """How many packets were compared, and those where model and kernel differ."""
    kernel, sysctls = COLUMNS[column]
    compared, wrong = 0, []
    for path, rows in labels(column).items():
        player = Player(kernel, sysctls)
        for number, kind, segment in segments(CORPUS / path, scratch):
            label = rows.get(number)
            if label is None:
                continue
            if kind != TCP:
                assert kind <= LAST_TCP, f"{path} frame {number}: kind {kind}"
                segment.size = label.size
            compared += 1
            answer, reason = player.answer(label, segment)
            if answer != label.answer or (column == "6.18" and reason != label.reason):
                wrong.append(f"{path} {number}: {answer} {reason!r}, kernel {label.answer} {label.reason!r}")
    return compared, wrong


@pytest.mark.parametrize("column", COLUMNS)
def test_the_model_answers_as_the_kernel(column: str, tmp_path: Path) -> None:
    compared, wrong = disagreements(column, tmp_path / "capture")
    assert compared == ROWS
    assert not wrong, f"{len(wrong)} of {compared}:\n" + "\n".join(wrong[:20])
