"""The time of a file's last packet, without reading all that lies before it.

A pcapng block ends with its length, so the last one with a packet is found by walking backwards. A pcap
record does not: those headers are looked for that lead, record by record, exactly to the end of the
file. What the end does not tell beyond doubt is left to whoever reads the whole file.
"""

from __future__ import annotations

import re
from io import BytesIO
from struct import Struct

from bypeer.capture import pcap
from bypeer.capture.model import Capture
from bypeer.capture.stream import LARGEST_FRAME, SIZE, Stream
from bypeer.capture.walk import AS_TODAY
from bypeer.core.segment import NO_TIME

TAIL = 2 * LARGEST_FRAME  # octets of the end that are looked at: the last record lies whole in them
LEAST = 32 * TAIL  # octets of a file: a smaller one is read sooner than its end is understood
_SECOND = 1_000_000_000
_LONGEST = 10 * 365 * 86_400  # s that a capture may last: a time further on is no time

# Octets of a record's header that are nearly always zero, for speed: of the captured length the upper
# ones, of the length the uppermost. How far behind the header's first octet the match begins.
_LITTLE = re.compile(rb"[\0-\4](?=\0...\0)", re.DOTALL), 10
_BIG = re.compile(rb"\0(?=[\0-\4]..\0)", re.DOTALL), 8

# pcapng
_SECTION, _PACKET, _ENHANCED = 0x0A0D0D0A, 2, 6
_SHORTEST_BLOCK = 12


def last_time(capture: Capture, head: int, began: int) -> int | None:
    """When the last packet was taken, ns; None where it takes the whole file to know.

    `head`: octets before which all that the packets need lies, file header, interfaces, and some
    packets. `began`: the first packet's time.
    """
    find = {"pcap": _record, "pcapng": _block}.get(capture.format)
    if capture.packing is not None or find is None or head > SIZE:
        return None
    end = capture.tail(TAIL, LEAST)
    if len(end) < TAIL:
        return None
    start = capture.head(head)
    at = find(start, end, began // _SECOND)
    if at is None:
        return None
    part, time = capture.part(start + end[at:]), NO_TIME
    for batch in part.frames():
        time = batch.ts[batch.count - 1]
    whole = part.damage is None and began <= time <= began + _LONGEST * _SECOND
    return time if whole else None


def _record(start: bytes, end: bytes, since: int) -> int | None:
    """Where the last record begins in the end of a pcap file.

    All headers that lead to the end of the file must agree: a packet may carry what looks like records.
    """
    form = pcap.layout(Stream(BytesIO(start)), "")
    if form.order != AS_TODAY or form.pad:
        return None
    size = form.record.size
    pattern, behind = _LITTLE if form.little else _BIG
    lasts: dict[int, int] = {}  # where a record begins: where the last one does to which it leads
    for at in reversed([found.start() - behind for found in pattern.finditer(end)]):
        if not 0 <= at <= len(end) - size:
            continue
        seconds, fraction, captured, length = form.record.unpack_from(end, at)
        if not 0 < captured <= min(length, LARGEST_FRAME) or fraction * form.unit >= _SECOND:
            continue
        if since - 1 <= seconds <= since + _LONGEST:
            after = at + size + captured
            if after == len(end):
                lasts[at] = at
            elif after in lasts:
                lasts[at] = lasts[after]
    ends = set(lasts.values())
    return ends.pop() if len(ends) == 1 else None


def _block(start: bytes, end: bytes, _: int) -> int | None:
    """Where the last block with a dated packet begins in the end of a pcapng file, if that is sound."""
    four = Struct("<I" if start[8:12] == b"\x4d\x3c\x2b\x1a" else ">I")
    at = len(end)
    while at >= _SHORTEST_BLOCK:
        total: int = four.unpack_from(end, at - 4)[0]
        if total < _SHORTEST_BLOCK or total % 4 or total > at:
            return None
        at -= total
        (kind,) = four.unpack_from(end, at)
        if kind == _SECTION:
            return None
        if kind in (_PACKET, _ENHANCED):
            return at
    return None
