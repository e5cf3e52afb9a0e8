"""What a run costs before and beside its work: whole processes, median of 20.

Held: `bypeer --version` takes at most twice `import click`; `bypeer explain` of a case 0.15 s.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from bench.measure import run, table
from bench.peers import BYPEER

CASE = Path("tests/captures/late-segment")

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "bypeer --version": [BYPEER, "--version"],
    "bypeer explain, a case": [BYPEER, "explain", str(CASE / "inside.pcap"), str(CASE / "outside.pcap")],
}


def report(runs: int) -> None:
    """Print a line a command."""
    rows = []
    for name, command in COMMANDS.items():
        run(command)  # the first run fills the caches
        took = [run(command, well=(0, 1)) for _ in range(runs)]
        clock, cpu = (1_000 * median(column) for column in ([t.seconds for t in took], [t.cpu for t in took]))
        rows.append([name, f"{clock:.0f}", f"{cpu:.0f}", took[0].failure or "yes"])
    table(("A small run", "ms", "CPU ms", "works"), rows)
