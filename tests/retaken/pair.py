"""A connection as taken at both sides of a NAT: read from files, changed in memory, written again."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

from bypeer.capture.read import open_capture
from bypeer.core.linktypes import link_type_name
from tests import make
from tests.make import Taken

SIDES = ("inside", "outside")
Pair = dict[str, list[Taken]]  # by side, in the order of the file
Way = Callable[[Pair, Random], Pair]

_TCP, _ETHER, _IP4, _IP6 = 6, 14, 0x0800, 0x86DD


class Headers(NamedTuple):
    """Where the headers of a frame lie; all of TCP's first 20 octets are there."""

    version: int
    ip: int
    tcp: int

    @property
    def source(self) -> slice:
        """The source address."""
        return slice(self.ip + 12, self.ip + 16) if self.version == 4 else slice(self.ip + 8, self.ip + 24)

    @property
    def target(self) -> slice:
        """The destination address."""
        size = self.source.stop - self.source.start
        return slice(self.source.stop, self.source.stop + size)

    @property
    def ttl(self) -> int:
        """The TTL or hop limit."""
        return self.ip + (8 if self.version == 4 else 7)


def headers(octets: bytes | bytearray) -> Headers | None:
    """The headers of a TCP segment in an Ethernet frame, if it is a plain one."""
    kind = int.from_bytes(octets[12:14], "big")
    version = {_IP4: 4, _IP6: 6}.get(kind)
    if version is None or len(octets) < _ETHER + 20:
        return None
    long = (octets[_ETHER] & 15) * 4 if version == 4 else 40
    protocol = octets[_ETHER + (9 if version == 4 else 6)]
    fragment = version == 4 and int.from_bytes(octets[_ETHER + 6 : _ETHER + 8], "big") & 0x1FFF
    tcp = _ETHER + long
    if protocol != _TCP or fragment or len(octets) < tcp + 20:
        return None
    return Headers(version, _ETHER, tcp)


def end(octets: bytes | bytearray, at: Headers, target: bool) -> tuple[bytes, int]:
    """The address and port that a segment comes from, or goes to."""
    port = at.tcp + 2 * target
    address = bytes(octets[at.target if target else at.source])
    return address, int.from_bytes(octets[port : port + 2], "big")


class Draft:
    """A segment that is changed: what was right of its checksums stays right, what was wrong stays wrong."""

    def __init__(self, octets: bytes, at: Headers) -> None:
        self.octets, self.at = bytearray(octets), at
        self.unfinished = self._sum() == self._pseudo()  # left to the network card (CHECKSUM_PARTIAL)

    def put(self, at: int, value: int, size: int) -> None:
        """Write a number of two or four octets."""
        self.put_octets(at, (value & (1 << 8 * size) - 1).to_bytes(size, "big"))

    def put_octets(self, at: int, new: bytes) -> None:
        """Write these octets, an even number at an even place."""
        assert at % 2 == len(new) % 2 == 0
        ttl, old = self.at.ttl & ~1, bytes(self.octets[at : at + len(new)])
        self.octets[at : at + len(new)] = new
        pseudo = at < self.at.tcp
        if at != ttl and (pseudo or not self.unfinished):
            self.mend(self.at.tcp + 16, old, new, not self.unfinished)
        if pseudo and self.at.version == 4:
            self.mend(self.at.ip + 10, old, new, True)

    def get(self, at: int, size: int) -> int:
        """A number that is there."""
        return int.from_bytes(self.octets[at : at + size], "big")

    def mend(self, at: int, old: bytes, new: bytes, inverted: bool) -> None:
        """Change a checksum as what it covers was changed (RFC 1624)."""
        known = self.get(at, 2)
        total = ~known & 0xFFFF if inverted else known
        for one, other in zip(struct.iter_unpack(">H", old), struct.iter_unpack(">H", new), strict=True):
            total += (~one[0] & 0xFFFF) + other[0]
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        self.octets[at : at + 2] = (~total & 0xFFFF if inverted else total).to_bytes(2, "big")

    def _sum(self) -> int:
        return self.get(self.at.tcp + 16, 2)

    def _pseudo(self) -> int:
        octets, at = self.octets, self.at
        total = self.get(at.ip + 2, 2) - (at.tcp - at.ip) if at.version == 4 else self.get(at.ip + 4, 2)
        ends = bytes(octets[at.source] + octets[at.target])
        return ~make.checksum(ends + struct.pack(">HH", max(0, total), _TCP)) & 0xFFFF


def options(octets: bytes | bytearray, at: Headers) -> Iterator[tuple[int, int, int]]:
    """The TCP options that were captured whole: kind, where its content begins, and its octets."""
    pos, stop = at.tcp + 20, min(len(octets), at.tcp + (octets[at.tcp + 12] >> 4) * 4)
    while pos < stop:
        kind = octets[pos]
        if kind == 0:
            return
        if kind == 1:
            pos += 1
            continue
        size = octets[pos + 1] if pos + 1 < stop else 0
        if size < 2 or pos + size > stop:
            return
        yield kind, pos + 2, size - 2
        pos += size


def changed(pair: Pair, change: Callable[[str, Draft], None]) -> Pair:
    """The pair with each segment changed; what is no plain segment is as it was."""
    return {side: [_changed(side, one, change) for one in rows] for side, rows in pair.items()}


def _changed(side: str, one: Taken, change: Callable[[str, Draft], None]) -> Taken:
    at = headers(one.octets)
    if at is None:
        return one
    draft = Draft(one.octets, at)
    change(side, draft)
    return one._replace(octets=bytes(draft.octets))


def snapped(pair: Pair, most: int) -> Pair:
    """The pair with no more than so many octets of a frame captured, but TCP's first twenty."""
    return {side: [_snapped(one, most) for one in rows] for side, rows in pair.items()}


def _snapped(one: Taken, most: int) -> Taken:
    at = headers(one.octets)
    kept = one.octets[: most if at is None else max(most, at.tcp + 20)]
    return one._replace(octets=kept, length=len(one.octets) if one.length is None else one.length)


def peers(pair: Pair) -> set[bytes]:
    """The addresses of hosts outside the NAT: those that both sides know, but for what left untranslated."""
    known = []
    for rows in pair.values():
        counts: dict[bytes, int] = {}
        for one in rows:
            if (at := headers(one.octets)) is not None:
                for address in _ends(one.octets, at):
                    counts[address] = counts.get(address, 0) + 1
        known.append({address for address, count in counts.items() if 4 * count > len(rows)})
    found = set.intersection(*known)
    for one in pair["inside"]:  # where nothing is translated, both ends are known
        if (at := headers(one.octets)) is not None and found.issuperset(_ends(one.octets, at)):
            found.discard(one.octets[at.source])
    return found


def _ends(octets: bytes, at: Headers) -> tuple[bytes, bytes]:
    return octets[at.source], octets[at.target]


def read(paths: Sequence[Path]) -> Pair:
    """A pair of captures, the inside first; or a case file, whose interfaces say what they are."""
    if len(paths) == 2:
        return {side: _all(path)[0] for side, path in zip(SIDES, paths, strict=True)}
    by_interface, roles = _all(paths[0]), _roles(paths[0])
    return {side: by_interface.get(roles.index(side), []) for side in SIDES}


def _roles(path: Path) -> list[str]:
    with closing(open_capture(path)) as capture:
        for _ in capture.frames():
            pass
        return [one.description.partition(":")[0] for one in capture.interfaces]


def _all(path: Path) -> dict[int, list[Taken]]:
    """The frames of an Ethernet capture, by interface."""
    found: dict[int, list[Taken]] = {0: []}
    with closing(open_capture(path)) as capture:
        for batch in capture.frames():
            for row in range(batch.count):
                start, number = batch.start[row], batch.interface[row]
                kind = capture.interfaces[number].link_type
                assert kind == make.ETHERNET, link_type_name(kind)
                octets = bytes(batch.octets[start : start + batch.captured[row]])
                found.setdefault(number, []).append(Taken(octets, batch.ts[row], batch.length[row]))
    return found


def write(pair: Pair, folder: Path) -> list[Path]:
    """Two capture files."""
    paths = []
    for side, rows in pair.items():
        paths.append(folder / f"{side}.pcap")
        paths[-1].write_bytes(make.pcap(rows, nano=True))
    return paths
