"""`python -m bench`: all that is measured, as Markdown for the README. Less than 15 minutes; --quick: one."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import curves, peers, startup
from bench.peers import Made

PEERED = ("headers", "pcapng", "gzip", "many", "frames", "pair")
SIZES = ("long80000", "long320000", "long1280000", "long5120000")
SPREADS = ("wide100", "wide1000", "wide10000", "wide100000")


def made(folder: Path, scale: int, names: Sequence[str], parts: Sequence[int]) -> dict[str, dict[int, Made]]:
    """Inputs by name and part; another process makes them, which needs more memory than what is measured."""
    command = [sys.executable, "-m", "bench.inputs", *names, "--dir", str(folder), "--scale", str(scale)]
    run = subprocess.run([*command, "--parts", *map(str, parts)], check=True, stdout=subprocess.PIPE)
    found: dict[str, dict[int, Made]] = {name: {} for name in names}
    for line in run.stdout.splitlines():
        one = json.loads(line)
        found[one["name"]][one["part"]] = one
    return found


def machine() -> str:
    """Where and when this was measured, and how busy the machine was with other things."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {model}, {os.cpu_count()} cores, Linux {os.uname().release}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )


def arguments() -> argparse.Namespace:
    """What is to be measured, and on how much."""
    measured = ("startup", "peers", "curves", "pipe", "tracker", "agree")
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="*", default=measured, help=f"of {', '.join(measured)}; or all")
    parser.add_argument("--quick", action="store_true", help="fifty times smaller, each once")
    parser.add_argument("--dir", type=Path, default=Path("build/bench"), help="for the inputs (5 GB)")
    parser.add_argument("--inputs", nargs="*", default=PEERED, choices=PEERED, help="for peers: only these")
    parser.add_argument("--scale", type=int, help="the inputs so many times smaller")
    parser.add_argument("--stream", type=float, help="octets of the longest stream through a pipe")
    given = parser.parse_args()
    if unknown := set(given.what) - set(measured):
        parser.error(f"not known: {', '.join(sorted(unknown))}")
    given.scale = given.scale or (50 if given.quick else 1)
    given.stream = given.stream or 20e9 / given.scale
    return given


def main() -> None:
    """Measure what is asked for, or all."""
    given = arguments()
    what, scale = given.what, given.scale
    rounds, longest = (1, 1.0) if given.quick else (5, 4.0)
    sys.stdout.write(f"{machine()}\n\n")
    if "startup" in what:
        startup.report(2 if given.quick else 20)
    if "peers" in what:
        for parts in made(given.dir, scale, given.inputs, peers.PARTS).values():
            peers.compare(parts, rounds, longest)
    if "curves" in what:
        for title, names in {"Memory against size": SIZES, "Time against connections": SPREADS}.items():
            inputs = [parts[1] for parts in made(given.dir, scale, names, [1]).values()]
            curves.curve(title, inputs, rounds, longest)
    if "pipe" in what:
        curves.streamed([given.stream / 16, given.stream / 4, given.stream])
    ok = True
    # Last, and imported only now: what this process needs itself hides what smaller ones need.
    if "tracker" in what:
        from bench import tracker

        ok = tracker.compare(given.dir, made(given.dir, 250, ["headers"], [1])["headers"][1]["files"][0])
    if "agree" in what:
        from bench import agree

        agree.report(1 if given.quick else 5, 20 if given.quick else 1)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
