"""Snoop files, of Solaris and of Shomiti's Surveyor.

Models RFC 1761, with the link types of Solaris's dlpi.h beyond it. Surveyor wrote the same format and
other link types: it is told by what it appends to each frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from bypeer.capture.model import Capture
from bypeer.capture.stream import LARGEST_FRAME, SIZE, Stream
from bypeer.core.frames import BATCH, Frames, Interface
from bypeer.core.link import OF_SNOOP
from bypeer.errors import CaptureError

_MAGIC = b"snoop\0\0\0"
_HEADER = Struct(">8xII")  # version, datalink type
# Original length, included length, record length, cumulative drops, seconds, microseconds.
_RECORD = Struct(">6I")
_VERSIONS = range(2, 6)  # above 2: Surveyor's own hardware
_TRAILER = 16  # octets that Surveyor appends, more than any padding of snoop

# Datalink types to LINKTYPE_*. 802.3 and Ethernet are one; "other" and loopback are like BSD's NULL.
_SOLARIS = {0: 1, 2: 6, 4: 1, 8: 10, 9: 0, 14: 0, 16: 122, 18: 123, 0x8000_0005: 226}
_SURVEYOR = {0: 1, 2: 6, 4: 1, 8: 10, 10: 1, 11: 6, 12: 1, 13: 6, 14: 6, 19: 1}


def is_snoop(head: bytes) -> bool:
    """Whether a file that starts so is one."""
    return head.startswith(_MAGIC)


def check(head: bytes, path: str, failure: str) -> None:
    """Raise CaptureError unless the file that starts so can be read; `failure`: why there is no more."""
    if len(head) < _HEADER.size:
        raise CaptureError(path, len(head), failure or "cut short in the snoop file header")
    version, _ = _HEADER.unpack_from(head)
    if version not in _VERSIONS:
        raise CaptureError(path, 8, f"snoop version {version} is not supported")


def read(stream: Stream, capture: Capture) -> Iterator[Frames]:
    """Read the records of a stream that stands at the start of the file."""
    stream.fill(_HEADER.size + _RECORD.size)
    check(bytes(stream.octets[: min(stream.end, _HEADER.size)]), capture.path, stream.failure)
    capture.interfaces.append(Interface(_link_type(stream)))
    stream.skip(_HEADER.size)
    frames = Frames()
    frames.octets = stream.octets
    while True:
        _walk(stream, frames, capture)
        if frames.count:
            yield capture.deliver(frames)
            if not stream.took(frames.count):
                return capture.damaged(stream, "")
            capture.onward(stream, frames)
        elif not _more(stream, capture):
            return


def _link_type(stream: Stream) -> int:
    """The LINKTYPE_* of all frames, or a number that is none for a type that has none."""
    kind: int = _HEADER.unpack_from(stream.octets, stream.pos)[1]
    surveyor = False
    if stream.unread >= _HEADER.size + _RECORD.size:
        _, included, record, *_ = _RECORD.unpack_from(stream.octets, stream.pos + _HEADER.size)
        surveyor = record - _RECORD.size - included >= _TRAILER
    return (_SURVEYOR if surveyor else _SOLARIS).get(kind, OF_SNOOP + kind)


def _walk(stream: Stream, frames: Frames, capture: Capture) -> None:
    """Fill an empty batch with the records that lie whole in the buffer."""
    row, base = 0, stream.offset - stream.pos
    while row < BATCH and stream.unread >= _RECORD.size:
        length, included, record, drops, seconds, micros = _RECORD.unpack_from(stream.octets, stream.pos)
        if _wrong(included, record) or record > stream.unread:
            break
        frames.start[row] = stream.pos + _RECORD.size
        frames.captured[row], frames.length[row] = included, length
        frames.ts[row] = seconds * 1_000_000_000 + micros * 1_000
        frames.interface[row], frames.offset[row] = 0, base + stream.pos
        capture.lost(0, "cumulative drops", drops)
        stream.pos += record
        row += 1
    frames.count = row


def _wrong(included: int, record: int) -> str:
    """What is wrong with a record of these lengths."""
    if included > LARGEST_FRAME:
        return f"a record of {included} octets, more than any frame has"
    if not _RECORD.size + included <= record <= SIZE:
        return f"a record of {record} octets that holds {included} of a frame"
    return ""


def _more(stream: Stream, capture: Capture) -> bool:
    """Have the next record whole in the buffer; else say whether this is the end or damage."""
    if not stream.fill(_RECORD.size):
        if stream.unread or stream.failure:
            capture.damaged(stream, "cut short in a record header")
        return False
    _, included, record, *_ = _RECORD.unpack_from(stream.octets, stream.pos)
    wrong = _wrong(included, record)
    if not wrong and not stream.fill(record):
        wrong = "cut short in a frame"
    if wrong:
        capture.damaged(stream, wrong)
    return not wrong
