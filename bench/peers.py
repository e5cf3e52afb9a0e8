"""bypeer and its peers over the same files: whole processes, one processor, the files in memory.

They take turns, so that what else the machine does hits all alike; medians are printed. A peer that
would take too long is given the first part of the packets only, and the table says how many. bypeer
never is: of a file that was cut it looks more closely at all connections that did not end. "times" is
bypeer's speed over the peer's, by the clock; by CPU it is what an idle machine would show.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.measure import Run, mib, run, table

STEP = 4
PARTS = (1, STEP, STEP**2, STEP**3)  # a slow peer is given the first 1/4, 1/16 or 1/64
BYPEER = str(Path(sys.executable).with_name("bypeer"))
READINTO = """
import sys
buffer = bytearray(1 << 18)
for name in sys.argv[1:]:
    with open(name, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
"""


class Peer(NamedTuple):
    """A command to which the names of the files are appended."""

    name: str
    command: Sequence[str]
    forms: str = "pcap pcapng gz"  # that it reads
    several: bool = False  # whether it reads more than one file
    processors: int = 1
    whole: bool = False  # whether it is never given a part only
    well: Sequence[int] = (0,)  # exit statuses that mean it did its work


FIELDS = (
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.seq",
    "tcp.ack",
)
# 1: the NAT host killed a connection; 4: undetermined.
EXPLAINED = (0, 1, 4)
EXPLAIN = (BYPEER, "explain", "-o", "json")
PEERS = (
    Peer("bypeer explain", EXPLAIN, several=True, whole=True, well=EXPLAINED),
    Peer(
        "bypeer explain -j 2, two processors",
        (*EXPLAIN, "-j", "2"),
        several=True,
        processors=2,
        whole=True,
        well=EXPLAINED,
    ),
    Peer("cat", ("cat",), several=True),
    Peer("Python readinto", (sys.executable, "-S", "-c", READINTO), several=True),
    Peer("capinfos -c", ("capinfos", "-c")),
    Peer("tcpdump -w /dev/null", ("tcpdump", "-w", "/dev/null", "-r"), "pcap pcapng"),
    Peer("tcptrace -n -l", ("tcptrace", "-n", "-l"), "pcap"),
    Peer("tshark -z conv,tcp", ("tshark", "-q", "-z", "conv,tcp", "-r")),
    Peer(
        f"tshark -T fields, {len(FIELDS)} of them",
        ("tshark", "-T", "fields", *(word for field in FIELDS for word in ("-e", field)), "-r"),
    ),
)

TITLES = {
    "headers": "Headers only",
    "pcapng": "The same as pcapng",
    "gzip": "The same, gzip",
    "many": "Headers only, many connections",
    "frames": "Full frames",
    "pair": "A pair of captures, with resets made by the NAT host",
}

Made = Mapping[str, Any]  # what bench/inputs.py says of an input


def compare(parts: Mapping[int, Made], rounds: int, longest: float) -> None:
    """Print the table of one input, given whole and in parts; `longest`: s of a processor for a run."""
    whole = parts[1]
    sys.stdout.write(
        f"**{TITLES[whole['name']]}**: {whole['packets']:,} packets, {whole['connections']:,} connections, "
        f"{whole['octets'] / 1e6:,.0f} MB\n\n"
    )
    chosen: dict[Peer, int] = {}
    skipped: dict[Peer, str] = {}
    for peer in PEERS:
        if why := _unfit(peer, whole):
            skipped[peer] = why
            continue
        part, failure = _affordable(peer, parts, longest)
        if failure:
            skipped[peer] = failure
        else:
            chosen[peer] = part
    runs: dict[Peer, list[Run]] = {peer: [] for peer in chosen}
    for _ in range(rounds):
        for peer, part in chosen.items():
            runs[peer].append(_run(peer, parts[part]))
    _print({peer: (parts[chosen[peer]], runs[peer]) for peer in chosen})
    for peer, why in skipped.items():
        sys.stdout.write(f"- {peer.name}: skipped: {why}\n")
    sys.stdout.write("\n")


def _unfit(peer: Peer, made: Made) -> str:
    """Why it cannot be asked at all, or ""."""
    if len(os.sched_getaffinity(0)) < peer.processors:
        return f"needs {peer.processors} processors"
    form = Path(made["files"][0]).suffix[1:]
    if shutil.which(peer.command[0]) is None:
        return "not installed"
    if form not in peer.forms.split():
        return f"does not read {form}"
    return "reads one file" if len(made["files"]) > 1 and not peer.several else ""


def _affordable(peer: Peer, parts: Mapping[int, Made], longest: float) -> tuple[int, str]:
    """The largest part that it can do in time, or why it failed. The files are in memory then."""
    part, failure = 1, ""
    for part in [1] if peer.whole else sorted(parts, reverse=True):
        found = _run(peer, parts[part])
        failure = found.failure
        if failure or found.cpu * STEP > longest:
            break
    return part, failure


def _run(peer: Peer, made: Made) -> Run:
    return run([*peer.command, *made["files"]], peer.processors, peer.well)


def _print(runs: Mapping[Peer, tuple[Made, Sequence[Run]]]) -> None:
    """Print a row a peer; `times`: how often bypeer has done as much meanwhile."""
    costs = {
        peer: (median(one.seconds for one in several), median(one.cpu for one in several))
        for peer, (_, several) in runs.items()
    }
    rows = []
    for peer, (made, several) in runs.items():
        times = ["", ""]
        if ours := costs.get(PEERS[0]):
            share = runs[PEERS[0]][0]["packets"] / made["packets"]
            times = [f"{theirs / mine * share:.3g}" for theirs, mine in zip(costs[peer], ours, strict=True)]
        seconds, cpu = costs[peer]
        rows.append(
            [
                peer.name,
                f"{made['packets']:,}",
                f"{seconds:.2f}",
                f"{cpu:.2f}",
                f"{made['packets'] / seconds / 1e6:.3g}",
                *times,
                mib(max(one.peak for one in several)),
            ]
        )
    head = ("", "packets", "s", "CPU s", "M packets/s", "times", "times by CPU", "peak MiB")
    table(head, rows)
