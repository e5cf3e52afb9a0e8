"""Case files: packets of several vantages and the kernel's words in one pcapng file.

All interfaces are Ethernet with one snaplen, without which libpcap does not read the file. Twins
bear one epb_packetid, findings are comments, events lie among the packets as journal entries, in
order of time. No epb_verdict (editcap 4.0 spoils the file) and no custom blocks (before the last
packet they break Wireshark's times). docs/case-file.md is the format as others may read it.
"""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from struct import Struct
from types import MappingProxyType
from typing import NamedTuple

from bypeer.capture import journal
from bypeer.capture.weave import OVERHEAD, Lane, packet, weave
from bypeer.core.evidence import Event
from bypeer.core.frames import Frames, Source
from bypeer.core.marks import Mark, Marks

SNAPLEN = 262_144  # of every interface; more than any frame has
_ROOM = 1 << 20  # octets gathered before they are written
_EN10MB = 1
_BARE = frozenset((101, 228, 229))  # LINKTYPE_RAW, _IPV4, _IPV6
_LONGEST = 60_000  # octets of an option
MOST_COMMENTS = 3  # of a packet, so that its block stays within what readers take
_FOREVER = (1 << 63) - 1

_TWO, _OPTION, _FOUR = Struct("<II"), Struct("<HH"), Struct("<I")
_SECTION, _INTERFACE, _STATISTICS = Struct("<IHHq"), Struct("<HHI"), Struct("<III")
_COMMENT, _OS, _USERAPPL = 1, 3, 4  # options of a section
_NAME, _DESCRIPTION, _TSRESOL, _IF_OS = 2, 3, 9, 12  # of an interface
_DROPCOUNT, _PACKETID = 4, 5  # of a packet
_RECEIVED, _IFDROP, _ACCEPTED, _OSDROP, _DELIVERED = 4, 5, 6, 7, 8  # of statistics


class Counts(NamedTuple):
    """What became of an interface's packets, each counted for itself; None: not counted."""

    received: int | None = None  # by the interface
    accepted: int | None = None  # by the filter
    dropped: int | None = None  # by the system, for want of room
    interface_dropped: int | None = None
    delivered: int | None = None  # to the recorder


class Vantage(NamedTuple):
    """An interface, and its packets in order of time."""

    source: Source  # Ethernet, or IP without a link header; one interface
    name: str
    description: str  # its role and whose it is: "inside: container ci-job"
    os: str = ""
    marks: Marks = MappingProxyType({})  # by the source's own frame numbers
    drops: Sequence[tuple[int, int]] = ()  # ns, and how many packets were lost before it; by time
    counts: Counts = Counts()


class About(NamedTuple):
    """What the section says of the whole."""

    application: str  # "bypeer 0.1"
    os: str = ""  # "Linux 5.10.0-32-amd64"
    comments: Sequence[str] = ()


class Written(NamedTuple):
    """What a case file came to."""

    octets: int
    packets: int
    events: int


def write(
    path: str | os.PathLike[str], about: About, vantages: Sequence[Vantage], events: Iterable[Event]
) -> Written:
    """Write a case file, which is there under its name only when it is complete and on the disk.

    Raises OSError: FileExistsError where that name is taken. ValueError where a source has more than
    one interface, or is neither Ethernet nor IP.
    """
    with appearing(path) as file:
        writer = _Writer(file, vantages)
        writer.head(about)
        for event in sorted(events, key=lambda one: one.ts):
            writer.packets(event.ts // 1_000 * 1_000)  # as precise as a journal's time
            writer.event(event)
        writer.packets(_FOREVER)
        writer.statistics()
        writer.flush()
        return Written(writer.octets, sum(one.written for one in writer.tracks), writer.events)


@contextmanager
def appearing(path: str | os.PathLike[str], mode: int = 0o600) -> Iterator[FileIO]:
    """A file that appears under its name when it was written without an error, whole, or never.

    Where the file system can, it has no name until then, so that not even a SIGKILL leaves any of it.
    """
    target = Path(path)
    unnamed, part = _unnamed(target.parent, mode), ""
    if unnamed is None:
        unnamed, part = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with FileIO(unnamed, "wb") as file:
            yield file
            os.fsync(unnamed)
            # With a dir_fd it is linkat, which follows the link that /proc has.
            os.link(part or f"/proc/self/fd/{unnamed}", target.name, dst_dir_fd=folder, follow_symlinks=True)
        os.fsync(folder)
    finally:
        os.close(folder)
        if part:
            os.unlink(part)


def _unnamed(folder: Path, mode: int) -> int | None:
    """A file without a name, or None where the file system has none."""
    if not Path("/proc/self/fd").exists():
        return None
    with suppress(OSError):  # what is wrong with the folder itself shows in the next try
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode)
    return None


def _option(code: int, octets: bytes) -> bytes:
    octets = octets[:_LONGEST]
    return _OPTION.pack(code, len(octets)) + octets + bytes(-len(octets) % 4)


def _text(code: int, said: str) -> bytes:
    return _option(code, said.encode("utf-8", "replace")) if said else b""


def _number(code: int, count: int | None) -> bytes:
    return b"" if count is None else _option(code, count.to_bytes(8, "little"))


_END_OF_OPTIONS = bytes(4)


class _Writer:
    """The blocks of one file, in their order."""

    def __init__(self, file: FileIO, vantages: Sequence[Vantage]) -> None:
        self.file, self.vantages = file, vantages
        self.out, self.at = bytearray(_ROOM), 0
        self.octets = self.events = 0
        self.tracks = [_Track(number, one) for number, one in enumerate(vantages)]
        self.live = [one for one in self.tracks if one.more()]

    # Blocks

    def head(self, about: About) -> None:
        """The section, and the interfaces."""
        options = b"".join(_text(_COMMENT, comment) for comment in about.comments)
        options += _text(_OS, about.os) + _text(_USERAPPL, about.application) + _END_OF_OPTIONS
        self.block(0x0A0D0D0A, _SECTION.pack(0x1A2B3C4D, 1, 0, -1) + options)
        for one in self.vantages:
            options = _text(_NAME, one.name) + _text(_DESCRIPTION, one.description)
            options += _option(_TSRESOL, b"\x09") + _text(_IF_OS, one.os) + _END_OF_OPTIONS
            self.block(1, _INTERFACE.pack(_EN10MB, 0, SNAPLEN) + options)

    def event(self, event: Event) -> None:
        """A journal entry, or several where its fields are too long for one."""
        for part in journal.parts(event):
            self.block(9, journal.entry(part))
        self.events += 1

    def packets(self, until: int) -> None:
        """The packets up to that time, ns, that are not yet written."""
        while self.live:
            first = min(self.live, key=_Track.ts)
            if first.ts() > until:
                return
            self.room(SNAPLEN + OVERHEAD)
            if first.special():
                self.marked(first)
            else:
                limit = min([until, *(one.ts() for one in self.live if one.special())])
                plain = [one.lane for one in self.live if not one.special()]
                self.at = weave(plain, limit, self.out, self.at)
            self.live = [one for one in self.live if one.more()]

    def marked(self, track: _Track) -> None:
        """A packet with options."""
        mark, drops = track.mark()
        options = b"".join(_text(_COMMENT, comment) for comment in mark.comments[:MOST_COMMENTS])
        options += _number(_DROPCOUNT, drops or None) + _number(_PACKETID, mark.packet_id) + _END_OF_OPTIONS
        self.room(SNAPLEN + OVERHEAD + len(options))
        self.at = packet(track.lane, self.out, self.at, len(options))
        self.out[self.at : self.at + len(options)] = options
        self.at += len(options) + 4

    def statistics(self) -> None:
        """What became of each interface's packets."""
        for number, one in enumerate(self.vantages):
            counts = one.counts
            options = _number(_RECEIVED, counts.received) + _number(_IFDROP, counts.interface_dropped)
            options += _number(_ACCEPTED, counts.accepted) + _number(_OSDROP, counts.dropped)
            options += _number(_DELIVERED, counts.delivered)
            last = self.tracks[number].last
            if options:
                fixed = _STATISTICS.pack(number, last >> 32, last & 0xFFFF_FFFF)
                self.block(5, fixed + options + _END_OF_OPTIONS)

    # Octets

    def block(self, kind: int, body: bytes) -> None:
        """Any block."""
        total = len(body) + (-len(body) % 4) + 12
        octets = _TWO.pack(kind, total) + body + bytes(-len(body) % 4) + _FOUR.pack(total)
        self.room(total)
        self.out[self.at : self.at + total] = octets
        self.at += total

    def room(self, size: int) -> None:
        """Have room for that many octets, which the buffer holds when it is empty."""
        if len(self.out) - self.at < size:
            self.flush()
        if len(self.out) < size:
            self.out += bytes(size - len(self.out))

    def flush(self) -> None:
        """Write what was gathered."""
        self.put(memoryview(self.out)[: self.at])
        self.at = 0

    def put(self, octets: bytes | memoryview) -> None:
        """Write octets, all of them."""
        with memoryview(octets) as view:
            done = 0
            while done < len(view):
                done += self.file.write(view[done:]) or 0
        self.octets += done


class _Track:
    """One vantage's packets, while they are written."""

    def __init__(self, number: int, vantage: Vantage) -> None:
        self.vantage = vantage
        self.lane = Lane(number, bare=False)
        self.batches = vantage.source.frames()
        self.wanted = sorted(vantage.marks)
        self.lost = 0  # rows of vantage.drops that were told
        self.written = self.last = 0

    def more(self) -> bool:
        """Have a frame at hand, if there is another."""
        lane = self.lane
        while lane.row >= lane.frames.count:
            self.written += lane.frames.count
            frames = next(self.batches, None)
            if frames is None:
                lane.frames = Frames()
                return False
            lane.frames, lane.row, lane.bare = frames, 0, self._bare()
            self.last = max(frames.ts[frames.count - 1], self.last) if frames.count else self.last
        lane.stop = self._stop()
        return True

    def ts(self) -> int:
        """Time of the next frame."""
        return self.lane.frames.ts[self.lane.row]

    def special(self) -> bool:
        """Whether the next frame has something said beside it."""
        return self.lane.row == self.lane.stop

    def mark(self) -> tuple[Mark, int]:
        """What is said of the next frame, and how many packets were lost before it."""
        lane, drops, lost = self.lane, self.vantage.drops, 0
        while self.lost < len(drops) and drops[self.lost][0] <= self.ts():
            lost += drops[self.lost][1]
            self.lost += 1
        return self.vantage.marks.get(lane.frames.first + lane.row, Mark()), lost

    def _stop(self) -> int:
        """Row of the next frame of which something is said, or the end of the batch."""
        frames, row, drops = self.lane.frames, self.lane.row, self.vantage.drops
        stop = frames.count
        at = bisect_left(self.wanted, frames.first + row)
        if at < len(self.wanted):
            stop = min(stop, self.wanted[at] - frames.first)
        if self.lost < len(drops):
            stop = min(stop, bisect_left(frames.ts, drops[self.lost][0], row, frames.count))
        return stop

    def _bare(self) -> bool:
        interfaces = self.vantage.source.interfaces
        if len(interfaces) != 1:
            raise ValueError(f"{self.vantage.name}: {len(interfaces)} interfaces, where a vantage has one")
        if interfaces[0].link_type not in (_EN10MB, *_BARE):
            raise ValueError(
                f"{self.vantage.name}: link type {interfaces[0].link_type} is not Ethernet, nor IP"
            )
        return interfaces[0].link_type in _BARE
