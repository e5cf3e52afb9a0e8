"""Captures to measure with, made from a seed: the same octets each time, five million packets in seconds."""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench import packets, rounds
from bench.packets import Writer, at_server, inside, outside
from bench.rounds import COLUMN, SERVERS, Plan, plan


class Kind(NamedTuple):
    """What an input is made of; all but frames are headers only."""

    packets: int
    connections: int
    killed: int | None = None  # connections that the NAT host reset; they make it a pair
    form: str = "pcap"
    payload: bool = False

    def scaled(self, scale: int) -> Kind:
        """As many packets and connections less."""
        killed = None if self.killed is None else self.killed // scale
        return self._replace(
            packets=self.packets // scale, connections=max(self.connections // scale, 1), killed=killed
        )


INPUTS = {
    "headers": Kind(5_000_000, 1_000),
    "pcapng": Kind(5_000_000, 1_000, form="pcapng"),
    "gzip": Kind(5_000_000, 1_000, form="pcap.gz"),
    "many": Kind(5_000_000, 300_000),
    "frames": Kind(2_000_000, 1_000, payload=True),
    "pair": Kind(1_000_000, 1_000, killed=500),
}
# Of ever more packets, or in ever more connections.
SIZES = {f"long{number}": Kind(number, 1_000) for number in (80_000, 320_000, 1_280_000, 5_120_000)}
SPREADS = {f"wide{number}": Kind(1_000_000, number) for number in (100, 1_000, 10_000, 100_000)}


def make(name: str, kind: Kind, folder: Path, part: int = 1) -> dict[str, Any]:
    """Make an input, unless it lies there: its files, and what they hold.

    `part`: only the first packets, 1/part of them. `packets` counts those of all files; what there
    is of each kind is said of the whole.
    """
    stem = f"{name}-{kind.packets}-{kind.connections}-{part}"
    ends = (kind.form,) if kind.killed is None else ("outside.pcap", "inside.pcap")
    paths = [folder / f"{stem}.{end}" for end in ends]
    truth = folder / f"{stem}.json"
    sources = (Path(__file__), Path(packets.__file__), Path(rounds.__file__))
    if truth.exists() and truth.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        found: dict[str, Any] = json.loads(truth.read_text())
        return found
    folder.mkdir(parents=True, exist_ok=True)
    truth.unlink(missing_ok=True)  # it is written last: nothing half made passes for made
    planned = plan(kind.packets, kind.connections, kind.killed)
    vantages = (at_server,) if kind.killed is None else (outside, inside)
    count = 0
    for path, vantage in zip(paths, vantages, strict=True):
        form = "pcapng" if kind.form == "pcapng" else "pcap"
        writer = Writer(form, vantage(kind.connections), kind.payload)
        count += _write(path, planned, writer, kind.packets // part if part > 1 else len(planned.row))
    made = {
        "name": name,
        "part": part,
        "files": [str(path) for path in paths],
        "octets": sum(path.stat().st_size for path in paths),
        "packets": count,
        **planned.counts(),
    }
    truth.write_text(json.dumps(made))
    return made


def _write(path: Path, planned: Plan, writer: Writer, most: int) -> int:
    """Write what that vantage sees, in its order of time, but not more than that many packets; how many."""
    chosen = np.arange(len(planned.row))
    if writer.vantage.inside:
        forwarded = ~COLUMN["unforwarded"][planned.row]
        delay = np.where(SERVERS[planned.row], writer.vantage.delay, -writer.vantage.delay)
        order = np.argsort(planned.us + delay, kind="stable")
        chosen = order[forwarded[order]]
    chosen = chosen[:most]
    packed = path.suffix == ".gz"
    plain = path.with_suffix("") if packed else path
    with plain.open("wb") as file:
        file.write(writer.head())
        for start in range(0, len(chosen), writer.chunk):
            file.write(writer.packets(planned, chosen[start : start + writer.chunk]))
    if packed:
        with plain.open("rb") as file, gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as target:
            shutil.copyfileobj(file, target, 1 << 20)
        plain.unlink()
    return len(chosen)


def main() -> None:
    """Make inputs, and print a line of JSON on each and each part."""
    kinds = INPUTS | SIZES | SPREADS
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(kinds)}; all if none is given")
    parser.add_argument("--dir", type=Path, default=Path("build/bench"))
    parser.add_argument("--scale", type=int, default=1, help="so many times smaller")
    parser.add_argument("--parts", type=int, nargs="*", default=[1], help="2: the first half, and so on")
    given = parser.parse_args()
    for name in given.names or kinds:
        for part in given.parts:
            made = make(name, kinds[name].scaled(given.scale), given.dir, part)
            sys.stdout.write(json.dumps(made) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
