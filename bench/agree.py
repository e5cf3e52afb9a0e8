"""What asking the kernel costs: packets a second, the model and the generating included; and without.

Held: 40,000/s, and 8,000/s with the text of the tracker's log. Needs root. Others' load on the
machine counts, so the best of five says what it can do, and the worst what it did.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from bypeer.core.entry import Rules
from bypeer.core.kernels import named
from bypeer.lab.agree import agree
from bypeer.lab.generate import Generator
from bypeer.lab.wire import Batch, Packer
from bypeer.lab.worlds import WORLDS

RUNS, PACKETS, LOGGED = 5, 400_000, 100_000


def generated() -> float:
    """Packets a second that are generated and shown to the model, without the kernel."""
    world, batch = WORLDS[0], Batch(4096)
    generator = Generator(Rules(named(os.uname().release), world.sysctls), Packer(4), nat=False, seed=1)
    start, count, number = time.perf_counter(), 0, 0
    while count < PACKETS:
        batch.clear()
        number = generator.fill(batch, number)
        count += len(batch)
    return count / (time.perf_counter() - start)


def main() -> None:
    """Print a line a kind of run."""
    kernel = named(os.uname().release)
    rows: dict[str, Callable[[], float]] = {
        "generating and model only": generated,
        "and the kernel": lambda: agree(PACKETS, 1, kernel, timed=False).rate,
        "and its reasons": lambda: agree(LOGGED, 1, kernel, reasons=True, timed=False).rate,
    }
    for name, rate in rows.items():
        rates = sorted(rate() for _ in range(RUNS))
        sys.stdout.write(f"{name:26} {rates[0]:9,.0f} to {rates[-1]:9,.0f} packets/s\n")


if __name__ == "__main__":
    main()
