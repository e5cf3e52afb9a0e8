"""Classic pcap files.

Models draft-ietf-opsawg-pcap, and what Wireshark (wiretap/libpcap.c) knows that was written beyond it:
nanoseconds, the swapped lengths of files older than version 2.4 and of DG/UX, AIX's ifTypes, Ixia's
longer file header, and the longer record headers of Alexey Kuznetsov's patched libpcap and of Nokia.
Only the second record tells these from plain ones, so of one record they are misread.
"""

# No annotations as text here: see explanation.py.
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from bypeer.capture.model import Capture
from bypeer.capture.stream import LARGEST_FRAME, Stream
from bypeer.capture.walk import AS_TODAY, PERHAPS_SWAPPED, SWAPPED, ordered, records
from bypeer.core.frames import Frames, Interface
from bypeer.errors import CaptureError

_HEADER, _IXIA_HEADER = 24, 28


class _Record(NamedTuple):
    """A record header: seconds, fraction, captured, length, and what follows in some."""

    fields: str  # as read
    whole: str  # as looked at to tell it from others: interface index, EtherType, packet type


_PLAIN = _Record("4I", "4I")
_PATCHED = _Record("4I8x", "4IIHBx")  # ss990417 and ss991029: Red Hat 6.1
_DEBUGGED = _Record("4I12x", "4IIHB5x")  # ss990915: SuSE 6.3
_NOKIA = _Record("4I4x", "4II")
_AIX_FDDI = _Record("4I3x", "4I3x")  # the three octets are of the frame, by its lengths

# Magic number as a little-endian file shows it: ns a unit of the fraction, octets of the file header,
# record headers that may follow.
_USUAL = 0xA1B2C3D4
_MAGICS = {
    _USUAL: (1_000, _HEADER, (_PLAIN, _PATCHED, _NOKIA)),
    0xA1B23C4D: (1, _HEADER, (_PLAIN,)),
    0xA1B2CD34: (1_000, _HEADER, (_PATCHED, _DEBUGGED)),
    0x1C0001AB: (1_000, _IXIA_HEADER, (_PLAIN,)),
    0x1C0001AC: (1, _IXIA_HEADER, (_PLAIN,)),
}

# The link type's upper bits say how long the frame check sequence is; these must be 0.
_LINK_TYPE, _RESERVED = 0x0000_FFFF, 0x03FF_0000

# AIX writes version 2.2, nanoseconds, and RFC 1573's ifTypes (Ethernet, Token Ring, FDDI, loopback) for
# link types, which no other writer of that version used.
_AIX_LINK_TYPES = {6: 1, 9: 6, 15: 10, 24: 0}
_FDDI = 10

_DGUX = 543  # its major version

# Records looked at to tell how long their headers are, and what none of them has.
_LOOKED_AT = 3
_LATEST_INDEX, _LATEST_TYPE = 10_000, 4
_LONGEST = 128 << 20


class Layout(NamedTuple):
    """What the file header says about the records."""

    size: int  # of the file header
    record: Struct  # seconds, fraction, captured, length
    little: bool  # byte order
    unit: int  # ns a unit of the fraction
    order: int  # of the two lengths
    pad: int  # octets of the record header that the lengths count
    link_type: int


class _Header(NamedTuple):
    endian: str
    size: int
    unit: int
    records: tuple[_Record, ...]  # what they may look like
    order: int
    link_type: int

    def layout(self, record: _Record) -> Layout:
        pad = 3 if record is _AIX_FDDI else 0
        return Layout(
            self.size,
            Struct(self.endian + record.fields),
            self.endian == "<",
            self.unit,
            self.order,
            pad,
            self.link_type,
        )


def is_pcap(head: bytes) -> bool:
    """Whether a file that starts so is one."""
    return int.from_bytes(head[:4], "little") in _MAGICS or int.from_bytes(head[:4], "big") in _MAGICS


def check(head: bytes, path: str, failure: str) -> None:
    """Raise CaptureError unless the file that starts so can be read; `failure`: why there is no more."""
    _header(head, path, failure)


def _header(head: bytes, path: str, failure: str) -> _Header:
    endian = "<" if int.from_bytes(head[:4], "little") in _MAGICS else ">"
    (magic,) = Struct(endian + "I").unpack_from(head)
    unit, size, records = _MAGICS[magic]
    if len(head) < size:
        raise CaptureError(path, len(head), failure or "cut short in the pcap file header")
    major, minor, link = Struct(endian + "4xHH12xI").unpack_from(head)
    if major < 2:
        raise CaptureError(path, 4, f"pcap version {major}.{minor} is not supported")
    order = AS_TODAY
    if (major, minor) < (2, 4) or major == _DGUX:
        order = PERHAPS_SWAPPED if minor == 3 else SWAPPED
        records = (_PLAIN,) if magic == _USUAL else records
    if (magic, major, minor) == (_USUAL, 2, 2) and link in _AIX_LINK_TYPES:
        link, unit = _AIX_LINK_TYPES[link], 1
        records = (_AIX_FDDI,) if link == _FDDI else records
    if link & _RESERVED:
        raise CaptureError(path, 20, f"link type {link:#x} has reserved bits set")
    return _Header(endian, size, unit, records, order, link & _LINK_TYPE)


def layout(stream: Stream, path: str) -> Layout:
    """Read the file header, without passing it, and find out how the records look."""
    stream.fill(_IXIA_HEADER)
    head = _header(bytes(stream.octets[: min(stream.end, _IXIA_HEADER)]), path, stream.failure)
    sound = (one for one in head.records if not _odd_records(stream, head, one))
    return head.layout(next(sound, head.records[0]))


def _odd_records(stream: Stream, head: _Header, record: _Record) -> bool:
    """Whether something is odd about the first records, if their headers are such.

    That the file ends among them is not: any file may be cut.
    """
    if len(head.records) == 1:
        return False
    whole = Struct(head.endian + record.whole)
    at = head.size
    for _ in range(_LOOKED_AT):
        if not stream.fill(at + whole.size):
            return False
        _, fraction, captured, length, *more = whole.unpack_from(stream.octets, stream.pos + at)
        if fraction >= 1_000_000 or captured > min(LARGEST_FRAME, length) or length > _LONGEST:
            return True
        if more and _odd_rest(*more):
            return True
        at += whole.size + captured
    return False


def _odd_rest(first: int, kind: int | None = None, packet: int = 0) -> bool:
    """Whether these are no interface index, EtherType and packet type, and no mark of Nokia's."""
    if kind is None:
        digits = first >> 28, first >> 12 & 15, first >> 8 & 15, first & 15
        known = zip(digits, ((9, 11), (11, 13), (6, 9), (1, 2)), strict=True)
        return first & 0x0FFF_00F0 != 0x0FBF_0000 or not all(digit in seen for digit, seen in known)
    # Below EtherTypes lie Linux's own numbers for what has none (if_ether.h).
    strange = kind > 0x17 and kind < 0x600 and kind not in (0x60, 0x200, 0x400)
    return strange or first > _LATEST_INDEX or packet > _LATEST_TYPE


def read(stream: Stream, capture: Capture) -> Iterator[Frames]:
    """Read the records of a stream that stands at the start of the file."""
    form = layout(stream, capture.path)
    capture.interfaces.append(Interface(form.link_type))
    stream.skip(form.size)
    frames = Frames()
    frames.octets = stream.octets
    while True:
        stream.pos = records(
            stream.octets, stream.pos, stream.end, stream.offset - stream.pos, frames,
            form.little, form.record.size, form.unit, form.order, form.pad,
        )  # fmt: skip
        if frames.count:
            yield capture.deliver(frames)
            if not stream.took(frames.count):
                return capture.damaged(stream, "")
            capture.onward(stream, frames)
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
    captured, _ = ordered(captured, length, form.order, form.pad)
    if captured > LARGEST_FRAME:
        capture.damaged(stream, f"a record of {captured} octets, more than any frame has")
        return False
    if not stream.fill(size + captured):
        capture.damaged(stream, "cut short in a frame")
        return False
    return True
