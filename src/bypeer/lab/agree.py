"""Model and kernel held against each other, packet by packet, in every world.

The first disagreement ends it: shrunk to the shortest script. The same seed gives the same packets.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bypeer.core.entry import Rules
from bypeer.core.kernels import Kernel
from bypeer.lab.chance import mixed
from bypeer.lab.coverage import Coverage
from bypeer.lab.generate import LONGEST_EVER, Generator
from bypeer.lab.oracle import Oracle
from bypeer.lab.shrink import Disagreement, Judge, Packet, explain
from bypeer.lab.timed import play_timed
from bypeer.lab.wire import Batch, Packer
from bypeer.lab.worlds import WORLDS, World

# Packets. The lines that NFLOG has of a batch must fit into its socket.
_BATCH, _BATCH_LOGGED = 4096, LONGEST_EVER + 260
_TIMED_FROM = 100_000  # packets: below this nobody wants to wait for real timers


def running() -> str:
    """The version of the kernel that runs here: `uname -r`, but for Debian's with the patch level.

    Debian names many a kernel 5.10.0-46-amd64 and says in `uname -v` only which it is: 5.10.262-1.
    """
    uname = os.uname()
    debian = re.search(r"\bDebian (\d+\.\d+\.\d+)", uname.version)
    return debian[1] if debian else uname.release


@dataclass
class Agreement:
    """What a comparison found; while it runs, what it has found so far."""

    kernel: str  # whose rules the model applied
    release: str  # of the kernel that judged, as `running` has it
    seed: int
    reasons: bool
    packets: int = 0
    logged: int = 0  # lines of the tracker's that were compared
    lost: int = 0  # packets that did not come out
    seconds: float = 0.0  # of generating, model and kernel, without the waiting for real timers
    timed_packets: int = 0  # with real timers; 0: too few packets asked for, or the machine too busy
    timed_seconds: float = 0.0
    timed_lapsed: int = 0  # packets that met an entry which had run out, or just not
    worlds: dict[str, int] = field(default_factory=dict)  # packets
    cells: Counter[int] = field(default_factory=Counter)
    disagreement: Disagreement | None = None

    @property
    def coverage(self) -> Coverage:
        """The cells that the packets filled."""
        return Coverage(self.cells)

    @property
    def rate(self) -> float:
        """Packets a second: generating, model and kernel together."""
        return self.packets / self.seconds if self.seconds else 0.0


def agree(
    packets: int, seed: int, kernel: Kernel, *, reasons: bool = False, worlds: Sequence[World] = WORLDS,
    timed: bool = True, progress: Callable[[Agreement], None] | None = None,
) -> Agreement:  # fmt: skip
    """Play so many packets, in equal shares, in each world, and some with real timers."""
    found = Agreement(kernel.name, running(), seed, reasons)
    for number, world in enumerate(worlds):
        _play_world(found, world, -(-packets // len(worlds)), mixed(seed, number), kernel, progress)
        if found.disagreement:
            return found
    if timed and packets >= _TIMED_FROM and (done := play_timed(kernel, mixed(seed, len(worlds)))):
        found.timed_packets, found.timed_seconds, found.timed_lapsed = done.packets, done.seconds, done.lapsed
        found.disagreement = done.disagreement
    return found


def _play_world(
    found: Agreement, world: World, packets: int, seed: int, kernel: Kernel,
    progress: Callable[[Agreement], None] | None,
) -> None:  # fmt: skip
    rules = Rules(kernel, world.sysctls)
    with Oracle(
        world.sysctls, nat=world.nat, version=world.version, reasons=found.reasons, kernel=kernel
    ) as oracle:
        generator = Generator(
            rules, Packer(world.version, world.nat), bool(world.nat), seed, reasons=found.reasons
        )
        played = _play(found, oracle, generator, packets, world.name, progress)
        found.worlds[world.name] = played
        found.lost += oracle.lost
        for cell, count in generator.coverage.items():
            found.cells[cell] += count


def _play(
    found: Agreement, oracle: Oracle, generator: Generator, packets: int, world: str,
    progress: Callable[[Agreement], None] | None,
) -> int:  # fmt: skip
    """Play batches until there are so many packets or a disagreement; how many there were."""
    batch = Batch(min(_BATCH_LOGGED if found.reasons else _BATCH, packets + LONGEST_EVER))
    played = number = 0
    while played < packets and found.disagreement is None:
        start = time.perf_counter()
        batch.clear()
        first, number = number, generator.fill(batch, number)
        answers = oracle.play(batch)
        same = answers == batch.expected
        if found.reasons:
            lines = oracle.lines(batch)
            same = same and lines == batch.lines
            found.logged += sum(map(len, lines))
        if not same:
            row = _first(answers, batch, lines if found.reasons else batch.lines)
            conversation = first + batch.conversations[row]
            packets_of = [Packet(way, segment) for way, segment in generator.conversation(conversation)]
            judge = Judge(oracle, generator.tracker.rules, found.reasons)
            found.disagreement = explain(judge, world, conversation, packets_of)
        oracle.forget()
        played += len(batch)
        found.packets += len(batch)
        found.seconds += time.perf_counter() - start
        if progress:
            progress(found)
    return played


def _first(answers: list[int], batch: Batch, lines: list[list[str]]) -> int:
    """The row of the first packet on which they disagree."""
    for row, (theirs, ours) in enumerate(zip(answers, batch.expected, strict=True)):
        if theirs != ours or (lines and lines[row] != batch.lines[row]):
            return row
    raise AssertionError("no row differs")
