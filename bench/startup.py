"""What a run costs before and beside its work: whole processes, median of 20.

Held: `bypeer --version` takes at most twice `import click`; `bypeer explain` of a case 0.5 s.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

RUNS = 20
BYPEER = str(Path(sys.executable).with_name("bypeer"))
CASE = Path("tests/captures/late-segment")

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "bypeer --version": [BYPEER, "--version"],
    "bypeer explain, a case": [BYPEER, "explain", str(CASE / "inside.pcap"), str(CASE / "outside.pcap")],
}


def seconds(command: list[str]) -> float:
    """How long one run of the command takes."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def main() -> None:
    """Print a line a command."""
    for name, command in COMMANDS.items():
        seconds(command)  # the first run fills the caches
        took = median(seconds(command) for _ in range(RUNS))
        sys.stdout.write(f"{name:26} {1000 * took:7.1f} ms\n")


if __name__ == "__main__":
    main()
