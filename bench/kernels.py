"""The model against each kernel of the cache, in virtual machines: `make agree-all`.

A line a kernel on stdout, as it comes; where model and kernel disagree, all that `bypeer lab agree`
says of it on stderr. Ends with 1 if any disagrees, with the status of what could not be run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

BYPEER = str(Path(sys.executable).with_name("bypeer"))
PACKETS = 1_000_000


def agree(kernel: str, packets: int, more: list[str]) -> int:
    """Compare under one kernel and print its line: the exit status of `bypeer lab agree`."""
    command = [BYPEER, "lab", "agree", "--kernel", kernel, "--packets", str(packets), "-o", "json", *more]
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    took = time.monotonic() - start
    if done.returncode > 1:
        return done.returncode
    found = json.loads(done.stdout)
    wrong = found["disagreement"]
    played = found["packets"] + found["timed_packets"]
    sys.stdout.write(f"{found['release']:10} {played:>10,} {found['logged']:>10,} {int(bool(wrong)):>13} ")
    sys.stdout.write(f"{took:>8.0f}\n")
    sys.stdout.flush()
    if wrong:
        sys.stderr.write(f"{', '.join(wrong['differs'])} (settings: {wrong['world']})\n{wrong['script']}\n")
    return done.returncode


def main(kernels: list[str]) -> int:
    """Print the table; the worst exit status."""
    more = [word for word in kernels if word.startswith("--")]
    sys.stdout.write(
        f"{'kernel':10} {'packets':>10} {'log lines':>10} {'disagreements':>13} {'seconds':>8}\n"
    )
    return max(agree(kernel, PACKETS, more) for kernel in kernels if kernel not in more)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
