"""Classic pcap files.

Models draft-ietf-opsawg-pcap, and what libpcap and Wireshark accept beyond it: nanoseconds,
the longer record header of Alexey Kuznetsov's patched libpcap, and the swapped lengths of
files older than version 2.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from bypeer.capture.model import Capture
from bypeer.capture.stream import LARGEST_FRAME, Stream
from bypeer.core.frames import BATCH, Frames, Interface
from bypeer.errors import CaptureError

HEADER = 24

# Magic number as a little-endian file shows it: ns a unit of the fraction, record header.
_PLAIN, _MODIFIED = "4I", "4I8x"
_MAGICS = {
    0xA1B2C3D4: (1_000, _PLAIN),
    0xA1B23C4D: (1, _PLAIN),
    0xA1B2CD34: (1_000, _MODIFIED),
}

# The link type's upper bits say how long the frame check sequence is; these must be 0.
_LINK_TYPE, _RESERVED = 0x0000_FFFF, 0x03FF_0000

# How a file orders the two lengths of a record.
_AS_TODAY, _PERHAPS_SWAPPED, _SWAPPED = range(3)


class Layout(NamedTuple):
    """What the file header says about the records."""

    record: Struct  # seconds, fraction, captured, length
    unit: int  # ns a unit of the fraction
    order: int  # of the two lengths
    link_type: int


def is_pcap(head: bytes) -> bool:
    """Whether a file that starts so is one."""
    return int.from_bytes(head[:4], "little") in _MAGICS or int.from_bytes(head[:4], "big") in _MAGICS


def layout(stream: Stream, path: str) -> Layout:
    """Read the file header, without passing it."""
    if not stream.fill(HEADER):
        raise CaptureError(path, stream.unread, stream.failure or "cut short in the pcap file header")
    head = bytes(stream.octets[stream.pos : stream.pos + HEADER])
    endian = "<" if int.from_bytes(head[:4], "little") in _MAGICS else ">"
    magic, major, minor, link = Struct(endian + "IHH12xI").unpack(head)
    if major != 2:
        raise CaptureError(path, 4, f"pcap version {major}.{minor} is not supported")
    if link & _RESERVED:
        raise CaptureError(path, 20, f"link type {link:#x} has reserved bits set")
    unit, record = _MAGICS[magic]
    order = _AS_TODAY if minor > 3 else _PERHAPS_SWAPPED if minor == 3 else _SWAPPED
    return Layout(Struct(endian + record), unit, order, link & _LINK_TYPE)


def read(stream: Stream, capture: Capture) -> Iterator[Frames]:
    """Read the records of a stream that stands at the start of the file."""
    form = layout(stream, capture.path)
    capture.interfaces.append(Interface(form.link_type))
    stream.skip(HEADER)
    frames = Frames()
    frames.octets = stream.octets
    while True:
        walk(stream, frames, form)
        if frames.count:
            yield capture.deliver(frames)
            frames.first += frames.count
            frames.count = 0
        elif not _more(stream, capture, form):
            return


def walk(stream: Stream, frames: Frames, form: Layout) -> None:
    """Fill an empty batch with the records that lie whole in the buffer."""
    unpack, size = form.record.unpack_from, form.record.size
    octets, pos, end = stream.octets, stream.pos, stream.end
    start, captured_, length_, ts, offset = (
        frames.start, frames.captured, frames.length, frames.ts, frames.offset,
    )  # fmt: skip
    base, unit, today = stream.offset - pos, form.unit, form.order == _AS_TODAY
    row = 0
    while row < BATCH and end - pos >= size:
        seconds, fraction, captured, length = unpack(octets, pos)
        if not today:
            captured, length = _ordered(captured, length, form.order)
        at = pos + size
        if captured > LARGEST_FRAME or captured > end - at:
            break
        start[row], captured_[row], length_[row] = at, captured, length
        ts[row] = seconds * 1_000_000_000 + fraction * unit
        offset[row] = base + pos
        pos = at + captured
        row += 1
    frames.count = row
    stream.pos = pos


def _ordered(captured: int, length: int, order: int) -> tuple[int, int]:
    """Put the two lengths right: version 2.3 files have them in either order, older ones swapped."""
    swapped = order == _SWAPPED or (order == _PERHAPS_SWAPPED and captured > length)
    return (length, captured) if swapped else (captured, length)


def _more(stream: Stream, capture: Capture, form: Layout) -> bool:
    """Have the next record whole in the buffer; else say whether this is the end or damage."""
    size = form.record.size
    if not stream.fill(size):
        if stream.unread or stream.failure:
            capture.damaged(stream, "cut short in a record header")
        return False
    _, _, captured, length = form.record.unpack_from(stream.octets, stream.pos)
    captured, _ = _ordered(captured, length, form.order)
    if captured > LARGEST_FRAME:
        capture.damaged(stream, f"a record of {captured} octets, more than any frame has")
        return False
    if not stream.fill(size + captured):
        capture.damaged(stream, "cut short in a frame")
        return False
    return True
