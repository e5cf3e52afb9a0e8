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
from bypeer.capture.walk import AS_TODAY, PERHAPS_SWAPPED, SWAPPED, ordered, records
from bypeer.core.frames import Frames, Interface
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


class Layout(NamedTuple):
    """What the file header says about the records."""

    record: Struct  # seconds, fraction, captured, length
    little: bool  # byte order
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
    order = AS_TODAY if minor > 3 else PERHAPS_SWAPPED if minor == 3 else SWAPPED
    return Layout(Struct(endian + record), endian == "<", unit, order, link & _LINK_TYPE)


def read(stream: Stream, capture: Capture) -> Iterator[Frames]:
    """Read the records of a stream that stands at the start of the file."""
    form = layout(stream, capture.path)
    capture.interfaces.append(Interface(form.link_type))
    stream.skip(HEADER)
    frames = Frames()
    frames.octets = stream.octets
    while True:
        stream.pos = records(
            stream.octets, stream.pos, stream.end, stream.offset - stream.pos, frames,
            form.little, form.record.size, form.unit, form.order,
        )  # fmt: skip
        if frames.count:
            yield capture.deliver(frames)
            frames.first += frames.count
            frames.count = 0
        elif not _more(stream, capture, form):
            return


def _more(stream: Stream, capture: Capture, form: Layout) -> bool:
    """Have the next record whole in the buffer; else say whether this is the end or damage."""
    size = form.record.size
    if not stream.fill(size):
        if stream.unread or stream.failure:
            capture.damaged(stream, "cut short in a record header")
        return False
    _, _, captured, length = form.record.unpack_from(stream.octets, stream.pos)
    captured, _ = ordered(captured, length, form.order)
    if captured > LARGEST_FRAME:
        capture.damaged(stream, f"a record of {captured} octets, more than any frame has")
        return False
    if not stream.fill(size + captured):
        capture.damaged(stream, "cut short in a frame")
        return False
    return True
