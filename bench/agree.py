"""What asking the kernel costs: packets a second, the model and the generating included; and without.

Held: 40,000/s, and 8,000/s with the text of the tracker's log. Needs root. Others' load on the
machine counts, so the best of five says what it can do, and the worst what it did.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from bench.measure import table
from bypeer.core.entry import Rules
from bypeer.core.kernels import named
from bypeer.errors import HostError
from bypeer.lab.agree import agree
from bypeer.lab.generate import Generator
from bypeer.lab.wire import Batch, Packer
from bypeer.lab.worlds import WORLDS

PACKETS, LOGGED = 400_000, 100_000


def generated(packets: int) -> float:
    """Packets a second that are generated and shown to the model, without the kernel."""
    world, batch = WORLDS[0], Batch(4096)
    generator = Generator(Rules(named(os.uname().release), world.sysctls), Packer(4), nat=False, seed=1)
    start, count, number = time.perf_counter(), 0, 0
    while count < packets:
        batch.clear()
        number = generator.fill(batch, number)
        count += len(batch)
    return count / (time.perf_counter() - start)


def report(runs: int, scale: int = 1) -> None:
    """Print a line a kind of run; `scale`: so many times fewer packets."""
    kernel, packets = named(os.uname().release), PACKETS // scale
    kinds: dict[str, Callable[[], float]] = {
        "generating and model only": lambda: generated(packets),
        "and the kernel": lambda: agree(packets, 1, kernel, timed=False).rate,
        "and its reasons": lambda: agree(LOGGED // scale, 1, kernel, reasons=True, timed=False).rate,
    }
    rows = []
    for name, rate in kinds.items():
        try:
            rates = sorted(rate() for _ in range(runs))
        except HostError as error:
            sys.stdout.write(f"- {name}: skipped: {error}\n")
            continue
        rows.append([name, f"{rates[0]:,.0f}", f"{rates[-1]:,.0f}"])
    table(("`bypeer lab agree`, packets/s", "worst", "best"), rows)
