"""A recording made as misleading as captures often are: what `explain` gets instead of a case file.

Two plain captures are made of it, one a side, without the kernel's words; then they are spoilt.

Source: draft-ietf-opsawg-pcap for the files.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from bypeer.capture.read import open_capture
from bypeer.core import tcp
from bypeer.lab.edit import Packet, parse

_ETHERNET = 14  # octets of its header
_SECOND = 1_000_000_000  # ns


class Taken(NamedTuple):
    """A frame as a capture has it."""

    ts: int  # ns
    octets: bytes
    length: int  # on the wire


Rows = list[Taken]
Sides = Mapping[str, Rows]  # "inside", "outside"


def spoilt(case: Path, how: str, folder: Path) -> list[Path]:
    """The captures that are made of a case file, by name of a spoiler."""
    paths = []
    for side, rows in SPOILERS[how](_sides(case)).items():
        paths.append(folder / f"{side}.pcap")
        _write(paths[-1], rows)
    return paths


def _sides(case: Path) -> Sides:
    """What a case file has of each side, which its interfaces' descriptions name."""
    found: dict[str, Rows] = {}
    with closing(open_capture(case)) as capture:
        for frames in capture.frames():
            for row in range(frames.count):
                start = frames.start[row]
                octets = bytes(frames.octets[start : start + frames.captured[row]])
                side = capture.interfaces[frames.interface[row]].description.partition(":")[0]
                found.setdefault(side, []).append(Taken(frames.ts[row], octets, frames.length[row]))
    return found


def _write(path: Path, rows: Rows) -> None:
    with path.open("wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2_3C4D, 2, 4, 0, 0, 262_144, 1))
        for one in rows:
            file.write(struct.pack("<IIII", *divmod(one.ts, _SECOND), len(one.octets), one.length))
            file.write(one.octets)


def _packet(one: Taken) -> Packet | None:
    return parse(one.octets[_ETHERNET:])


def _first_reset(rows: Rows) -> int:
    """When the first RST passed, else the last frame; ns."""
    packets = ((one, _packet(one)) for one in rows)
    return next((one.ts for one, packet in packets if packet and packet.flags & tcp.RST), rows[-1].ts)


# What may be done to captures


def _apart(sides: Sides) -> Sides:
    return sides


def _thinned(sides: Sides) -> Sides:
    """Each lacks others, as when rings overflow now and then."""
    every = {"inside": 7, "outside": 11}
    return {
        side: [one for at, one in enumerate(rows) if at % every[side] != 5] for side, rows in sides.items()
    }


def _blind(sides: Sides) -> Sides:
    """The outside lacks what came in the 5 ms before the first RST."""
    until = _first_reset(sides["outside"])
    since = until - 5_000_000
    return {**sides, "outside": [one for one in sides["outside"] if not since <= one.ts < until]}


def _shifted(sides: Sides) -> Sides:
    """The outside clock is 1.7 s ahead, and fast by 50 millionths."""
    began = sides["outside"][0].ts
    later = [one._replace(ts=one.ts + 1_700_000_000 + (one.ts - began) // 20_000) for one in sides["outside"]]
    return {**sides, "outside": later}


def _only(side: str) -> Callable[[Sides], Sides]:
    return lambda sides: {side: sides[side]}


def _way(*, back: bool) -> Callable[[Sides], Sides]:
    """One direction only: that of the first packet, which is the client's, or the other."""

    def spoil(sides: Sides) -> Sides:
        found = {}
        for side, rows in sides.items():
            packets = [(one, packet) for one in rows if (packet := _packet(one))]
            client = packets[0][1].source, packets[0][1].sport
            found[side] = [
                one for one, packet in packets if ((packet.source, packet.sport) == client) is not back
            ]
        return found

    return spoil


def _doubled(sides: Sides) -> Sides:
    """Each frame twice, as on a bridge and its port."""
    return {
        side: [one._replace(ts=one.ts + by) for one in rows for by in (0, 1_000)]
        for side, rows in sides.items()
    }


def _merged(sides: Sides) -> Sides:
    """Both sides in one file that does not tell them apart, as of `tcpdump -i any` in the old format."""
    return {"any": sorted((one for rows in sides.values() for one in rows), key=lambda one: one.ts)}


def _headless(sides: Sides) -> Sides:
    """Both begin in mid-stream."""
    since = max(rows[len(rows) // 4].ts for rows in sides.values())
    return {side: [one for one in rows if one.ts >= since] for side, rows in sides.items()}


def _cut(snaplen: int) -> Callable[[Sides], Sides]:
    return lambda sides: {
        side: [one._replace(octets=one.octets[:snaplen]) for one in rows] for side, rows in sides.items()
    }


SPOILERS: Mapping[str, Callable[[Sides], Sides]] = {
    "apart": _apart,
    "thinned": _thinned,
    "blind": _blind,
    "shifted": _shifted,
    "inside": _only("inside"),
    "outside": _only("outside"),
    "requests": _way(back=False),
    "answers": _way(back=True),
    "doubled": _doubled,
    "merged": _merged,
    "headless": _headless,
    "no-options": _cut(_ETHERNET + 40),
    "no-headers": _cut(_ETHERNET + 24),
}
