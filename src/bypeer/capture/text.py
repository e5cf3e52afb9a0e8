"""Printed lines to frames: what tcpdump or tshark wrote for people, as tickets hold it.

Each line that shows a packet becomes a frame that says the same (printed.py). A text is no
capture: it holds what somebody chose to print, and keep, of one.
"""

from __future__ import annotations

from collections.abc import Iterator

from bypeer.capture import tcpdump, tshark
from bypeer.capture.model import Capture
from bypeer.capture.numbers import BATCH_OF_LINES
from bypeer.capture.printed import RAW, Printed, build
from bypeer.capture.stream import Stream
from bypeer.core.frames import Frames, Interface

_SNIFFED = 1 << 16  # octets in which what the lines have in common must show
_LONGEST_LINE = 1 << 14  # octets; what follows on the line is passed over
_MOST_INTERFACES = 1_000
_ENDS = b"\n", b"\r"  # of a line, as for bytes.splitlines, which `sniff` sees lines with

_DIALECTS = {"tcpdump text": tcpdump, "tshark text": tshark}


def sniff(head: bytes) -> str:
    """Who printed the text that begins so: the name of the format, "" where it is none known."""
    lines = head.splitlines()
    votes = {name: sum(map(module.looks_like, lines)) for name, module in _DIALECTS.items()}
    best = max(votes, key=votes.__getitem__)
    return best if votes[best] else ""


def read(stream: Stream, capture: Capture) -> Iterator[Frames]:
    """Read the packets of a text that stands at its start."""
    rows = _Interfaces(capture)
    lines = _DIALECTS[capture.format].Lines(_head(stream), capture.names, rows.row, capture.oddities)
    batch = _Batch(capture)
    for offset, line in _lines(stream):
        for one in lines.feed(line):
            batch.add(one, offset)
            if batch.full:
                yield batch.lend()
    for one in lines.end():
        batch.add(one, stream.offset)
    lines.finish()
    if batch.packets:
        yield batch.lend()
    if stream.failure:
        capture.damaged(stream, "cut short")


class _Batch:
    """Packets until there are enough for a batch of frames: what comes may still complete them."""

    __slots__ = ("_capture", "_frames", "packets")

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._frames = Frames()
        self.packets: list[tuple[Printed, int]] = []

    @property
    def full(self) -> bool:
        """Whether no more fit."""
        return len(self.packets) == BATCH_OF_LINES

    def add(self, one: Printed, offset: int) -> None:
        """Take one more, from the line at that offset."""
        self.packets.append((one, offset))

    def lend(self) -> Frames:
        """The packets as frames."""
        frames = self._frames
        frames.first += frames.count
        frames.octets, frames.count = bytearray(), len(self.packets)
        for row, (one, offset) in enumerate(self.packets):
            octets, length = build(one)
            frames.start[row], frames.captured[row], frames.length[row] = (
                len(frames.octets), len(octets), length,
            )  # fmt: skip
            frames.ts[row], frames.interface[row], frames.offset[row] = one.ts, one.interface, offset
            frames.octets += octets
        self.packets.clear()
        return self._capture.deliver(frames)


def _head(stream: Stream) -> list[bytes]:
    stream.fill(_SNIFFED)
    return bytes(stream.octets[stream.pos : min(stream.end, stream.pos + _SNIFFED)]).splitlines()


def _lines(stream: Stream) -> Iterator[tuple[int, bytes]]:
    """Each line with its offset, without its end, cut to the longest."""
    while stream.fill(1):
        end = _last_end(stream)
        if end < 0 and stream.fill(_LONGEST_LINE):
            end = _last_end(stream)
        offset = stream.offset
        if end < 0:
            lines = [bytes(stream.octets[stream.pos : min(stream.end, stream.pos + _LONGEST_LINE)])]
            _skip_line(stream)
        else:
            lines = bytes(stream.octets[stream.pos : end + 1]).splitlines(keepends=True)
            stream.pos = end + 1
        for line in lines:
            yield offset, line[:_LONGEST_LINE].rstrip(b"\r\n")
            offset += len(line)
        if not stream.took(len(lines)):
            return


def _last_end(stream: Stream) -> int:
    """Where the last line that lies whole in the buffer ends; -1 if none does."""
    return max(stream.octets.rfind(sign, stream.pos, stream.end) for sign in _ENDS)


def _skip_line(stream: Stream) -> None:
    """Pass over the rest of a line that does not end in the buffer."""
    while stream.fill(1):
        ends = [stream.octets.find(sign, stream.pos, stream.end) for sign in _ENDS]
        end = min((one for one in ends if one >= 0), default=-1)
        stream.pos = stream.end if end < 0 else end + 1
        if end >= 0:
            return


class _Interfaces:
    """The interfaces that lines name; row 0 is for those that name none."""

    __slots__ = ("_capture", "_rows")

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._rows: dict[str, int] = {}
        capture.interfaces.append(Interface(RAW))

    def row(self, name: str) -> int:
        """The row of that interface, which may be a new one."""
        row = self._rows.get(name)
        if row is None:
            if len(self._rows) >= _MOST_INTERFACES:
                return 0
            row = self._rows[name] = len(self._capture.interfaces)
            self._capture.interfaces.append(Interface(RAW, name))
        return row
