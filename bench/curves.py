"""How bypeer's memory grows with a file's size, and its time with the number of connections."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from statistics import median

from bench.measure import Run, mib, run, table
from bench.peers import EXPLAIN, EXPLAINED, Made

BAR = 40  # columns


def explained(made: Made) -> Run:
    """Bypeer over one input."""
    return run([*EXPLAIN, *made["files"]], well=EXPLAINED)


def affordable(inputs: Sequence[Made], longest: float) -> list[Made]:
    """Those that bypeer can do in time, s of a processor, and the first that it cannot."""
    found = []
    for made in sorted(inputs, key=lambda one: (one["packets"], one["connections"])):
        took = explained(made)
        if took.failure:
            sys.stdout.write(f"- {made['files'][0]}: {took.failure}\n")
            break
        found.append(made)
        if took.cpu > longest:
            break
    if len(found) < len(inputs):
        sys.stdout.write(f"(Larger ones that would take too long: {len(inputs) - len(found)}.)\n\n")
    return found


def curve(title: str, inputs: Sequence[Made], rounds: int, longest: float) -> None:
    """Print bypeer's time and memory over several inputs, with bars of the memory."""
    chosen = affordable(inputs, longest)
    runs: list[list[Run]] = [[] for _ in chosen]
    for _ in range(rounds):
        for several, made in zip(runs, chosen, strict=True):
            several.append(explained(made))
    highest = max((one.peak for several in runs for one in several), default=0)
    rows = []
    for several, made in zip(runs, chosen, strict=True):
        seconds, peak = median(one.seconds for one in several), max(one.peak for one in several)
        rows.append(
            [
                f"{made['octets'] / 1e6:,.1f} MB",
                f"{made['packets']:,}",
                f"{made['connections']:,}",
                f"{seconds:.2f}",
                f"{median(one.cpu for one in several):.2f}",
                mib(peak),
                "#" * round(BAR * peak / highest),
            ]
        )
    table((title, "packets", "connections", "s", "CPU s", "peak MiB", ""), rows)


def streamed(sizes: Sequence[float]) -> None:
    """Print what bypeer needs for ever more octets from a pipe, made as it reads them."""
    rows = []
    for octets in sizes:
        took = run(
            [*EXPLAIN, "-"], well=EXPLAINED, feeder=[sys.executable, "-m", "bench.stream", f"{octets:.0f}"]
        )
        if took.failure:
            sys.stdout.write(f"- from a pipe: skipped: {took.failure}\n\n")
            return
        rows.append(
            [
                f"{octets / 1e9:,.2f} GB",
                f"{took.seconds:.1f}",
                f"{octets / took.seconds / 1e6:,.0f}",
                mib(took.peak),
            ]
        )
    table(("From a pipe", "s, its maker's included", "MB/s", "peak MiB"), rows)
