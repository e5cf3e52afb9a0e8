"""Captures to measure with, made from a seed: the same octets each time, five million packets in seconds."""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench import packets, rounds
from bench.packets import Writer, at_server, inside, outside
from bench.rounds import COLUMN, SERVERS, Plan, plan


def write(path: Path, planned: Plan, writer: Writer) -> None:
    """Write a capture of what that vantage sees, in its order of time."""
    chosen = np.arange(len(planned.row))
    if writer.vantage.inside:
        forwarded = ~COLUMN["unforwarded"][planned.row]
        delay = np.where(SERVERS[planned.row], writer.vantage.delay, -writer.vantage.delay)
        order = np.argsort(planned.us + delay, kind="stable")
        chosen = order[forwarded[order]]
    with path.open("wb") as file:
        file.write(writer.head())
        for start in range(0, len(chosen), writer.chunk):
            file.write(writer.packets(planned, chosen[start : start + writer.chunk]))


def make(name: str, folder: Path, size: int, connections: int, killed: int = 0) -> dict[str, Any]:
    """Make an input of `size` packets, unless it lies there: its files, and what they hold.

    Names: headers, frames (with their payload), pcapng and gzip (both of headers), pair.
    """
    ends = {"pcapng": ("pcapng",), "gzip": ("pcap.gz",), "pair": ("outside.pcap", "inside.pcap")}
    stem = f"{name}-{size}-{connections}"
    paths = [folder / f"{stem}.{end}" for end in ends.get(name, ("pcap",))]
    truth = folder / f"{stem}.json"
    sources = (Path(__file__), Path(packets.__file__), Path(rounds.__file__))
    if truth.exists() and truth.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        found: dict[str, Any] = json.loads(truth.read_text())
        return found
    folder.mkdir(parents=True, exist_ok=True)
    truth.unlink(missing_ok=True)  # it is written last: nothing half made passes for made
    if name == "gzip":
        counts = make("headers", folder, size, connections)
        _compress(Path(counts["files"][0]), paths[0])
    else:
        planned = plan(size, connections, killed if name == "pair" else None)
        counts = planned.counts()
        vantages = (outside, inside) if name == "pair" else (at_server,)
        for path, vantage in zip(paths, vantages, strict=True):
            form = "pcapng" if name == "pcapng" else "pcap"
            write(path, planned, Writer(form, vantage(connections), payload=name == "frames"))
    octets = sum(path.stat().st_size for path in paths)
    made = {**counts, "name": name, "files": [str(path) for path in paths], "octets": octets}
    truth.write_text(json.dumps(made))
    return made


def _compress(source: Path, target: Path) -> None:
    with source.open("rb") as plain, gzip.GzipFile(target, "wb", compresslevel=1, mtime=0) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)


def main() -> None:
    """Make one input and print what it holds, as JSON."""
    parser = argparse.ArgumentParser(description=make.__doc__)
    parser.add_argument("name", choices=("headers", "frames", "pcapng", "gzip", "pair"))
    parser.add_argument("--dir", type=Path, default=Path("build/bench"))
    parser.add_argument("--packets", type=int, default=5_000_000)
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--killed", type=int, default=500, help="connections that the NAT host reset (pair)")
    given = parser.parse_args()
    made = make(given.name, given.dir, given.packets, given.connections, given.killed)
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
