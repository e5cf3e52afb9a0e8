"""What names a segment in an event: the fields that docs/case-file.md has for it."""

from __future__ import annotations

from bypeer.core.addresses import address
from bypeer.core.decode import TCP, TCP_OFFSET_LARGE, TCP_OFFSET_SMALL, decode
from bypeer.core.segment import Segment

_WHOLE = (TCP, TCP_OFFSET_SMALL, TCP_OFFSET_LARGE)  # the header's first 20 octets are there
_RAW = 101  # LINKTYPE_RAW: IPv4 or IPv6
_LONGEST = 1 << 16  # octets: how long the packet really was stands in its own header


def segment_fields(packet: bytes) -> dict[str, str | int]:
    """What names a segment, from the beginning of its IP packet; empty without a whole TCP header."""
    segment = Segment()
    if decode(bytearray(packet), 0, len(packet), _LONGEST, _RAW, segment) not in _WHOLE:
        return {}
    return {
        "src": address((segment.src_hi, segment.src_lo, 0)),
        "sport": segment.sport,
        "dst": address((segment.dst_hi, segment.dst_lo, 0)),
        "dport": segment.dport,
        "seq": segment.seq,
        "ack": segment.ack,
        "flags": segment.flags,
    }
