"""The same packets taken otherwise: shifted, thinned, merged. Capture files in, capture files out."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from bypeer.capture.read import open_capture
from tests import make
from tests.make import Taken


def read(path: Path) -> list[Taken]:
    """The frames of an Ethernet capture."""
    found = []
    capture = open_capture(path)
    for batch in capture.frames():
        assert {one.link_type for one in capture.interfaces} == {make.ETHERNET}
        for row in range(batch.count):
            start = batch.start[row]
            octets = bytes(batch.octets[start : start + batch.captured[row]])
            found.append(Taken(octets, batch.ts[row], batch.length[row]))
    return found


def write(path: Path, frames: Sequence[Taken], link_type: int = make.ETHERNET) -> Path:
    """A classic capture file, with nanoseconds."""
    path.write_bytes(make.pcap(frames, link_type=link_type, nano=True))
    return path


def shifted(path: Path, out: Path, seconds: float) -> Path:
    """As by a clock that is ahead by so much."""
    ahead = round(seconds * 1e9)
    return write(out, [one._replace(ts=one.ts + ahead) for one in read(path)])


def thinned(path: Path, out: Path, share: float, seed: int) -> Path:
    """With that share of the packets missing, at random."""
    chance = random.Random(seed)
    return write(out, [one for one in read(path) if chance.random() >= share])


def by_time(*captures: Iterable[tuple[int, Taken]]) -> list[tuple[int, Taken]]:
    """Numbered frames of several captures in one order of time."""
    return sorted((row for rows in captures for row in rows), key=lambda row: row[1].ts)


def as_pcapng(paths: Sequence[Path], out: Path) -> Path:
    """Several captures as the interfaces of one pcapng file."""
    rows = by_time(*([(number, one) for one in read(path)] for number, path in enumerate(paths)))
    blocks = [make.section(), *(make.interface(options=make.option(9, b"\x09")) for _ in paths)]
    blocks += [make.enhanced(one._replace(interface=number), ticks=one.ts) for number, one in rows]
    out.write_bytes(b"".join(blocks))
    return out


def as_any(paths: Sequence[Path], out: Path) -> Path:
    """Several captures as one of `tcpdump -i any`: SLL2 with interface indexes."""
    rows = by_time(*([(number, one) for one in read(path)] for number, path in enumerate(paths)))
    frames = [Taken(make.sll2(one.octets[14:], 2 + number), one.ts, one.length + 6) for number, one in rows]
    return write(out, frames, make.SLL2)


def as_one(paths: Sequence[Path], out: Path) -> Path:
    """Several captures merged into one file without a trace of which was which (mergecap -F pcap)."""
    return write(out, [one for _, one in by_time(*([(0, one) for one in read(path)] for path in paths))])


FORMS = ("pcap", "pcapng", "pcap.gz")


def rotated(path: Path, out: Path, cuts: Sequence[float], form: str = "pcap") -> list[Path]:
    """Cut at these parts of its packets, as tcpdump -C names the files, or as a format of FORMS."""
    frames = read(path)
    ends = [0, *(max(1, min(len(frames) - 1, round(len(frames) * cut))) for cut in cuts), len(frames)]
    found = []
    for number, (start, end) in enumerate(pairwise(ends)):
        octets = _as(form, frames[start:end])
        name, _, packed = form.partition(".")
        suffix = f".{name}{number or ''}" + (f".{packed}" if packed else "")
        found.append(out / (path.stem + suffix))
        found[-1].write_bytes(octets)
    return found


def _as(form: str, frames: Sequence[Taken]) -> bytes:
    if form == "pcapng":
        interface = make.interface(options=make.option(2, b"eth0") + make.option(9, b"\x09"))
        return make.section() + interface + b"".join(make.enhanced(one, ticks=one.ts) for one in frames)
    octets = make.pcap(frames, nano=True)
    return gzip.compress(octets) if form == "pcap.gz" else octets
