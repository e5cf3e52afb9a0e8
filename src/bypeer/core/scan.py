"""One pass over a capture of any size: frames to connections, oddities and counts.

Nothing here grows with a connection's length, unless the caller asks for the segments of
some connections (`keep`), which is how `study` looks again at those worth it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bypeer.core import tcp
from bypeer.core.connections import Connection, Connections
from bypeer.core.decode import KINDS, LAST_TCP, OTHER, TCP, TUNNEL, UNSUPPORTED, decode
from bypeer.core.frames import Frames, Interface, Source
from bypeer.core.segment import NO_TIME, Segment


@dataclass(slots=True)
class Scan:
    """What one pass over one capture found."""

    connections: list[Connection] = field(default_factory=list)
    kept: dict[int, list[tuple[int, Segment]]] = field(
        default_factory=dict
    )  # by connection: direction, segment
    packets: int = 0
    tcp: int = 0  # frames whose first IP header carries TCP
    rst: int = 0
    kinds: dict[str, int] = field(default_factory=dict)  # everything but plain TCP, by decode.KINDS
    unsupported: dict[int, int] = field(default_factory=dict)  # link type: frames
    began: int = NO_TIME  # time of the first and the last dated frame, whatever it carried
    ended: int = NO_TIME
    undated: int = 0


def scan(source: Source, keep: frozenset[int] = frozenset()) -> Scan:
    """Read all frames of a source.

    With `keep`, the segments of these connections (rows of an earlier scan of the same
    source) are kept too, in file order.
    """
    found = Scan()
    table = Connections()
    found.connections = table.rows
    found.kept = {number: [] for number in keep}
    counts = [0] * len(KINDS)
    for batch in source.frames():
        _batch(batch, source.interfaces, table, found, counts)
    found.kinds = {
        KINDS[kind]: count for kind, count in enumerate(counts) if count and kind not in (TCP, OTHER)
    }
    return found


def _batch(
    batch: Frames, interfaces: Sequence[Interface], table: Connections, found: Scan, counts: list[int]
) -> None:
    segment, verify = Segment(), bool(found.kept)
    for row in range(batch.count):
        interface = batch.interface[row]
        link_type = interfaces[interface].link_type
        segment.interface = interface
        segment.ts = batch.ts[row]
        segment.frame = batch.first + row
        segment.offset = batch.offset[row]
        segment.length = batch.length[row]
        kind = decode(
            batch.octets,
            batch.start[row],
            batch.captured[row],
            segment.length,
            link_type,
            segment,
            verify,
        )
        counts[kind] += 1
        _clock(found, segment.ts)
        if kind in (TCP, TUNNEL):
            if kind == TCP and segment.flags & tcp.RST:
                found.rst += 1
            connection, direction = table.place(segment)
            kept = found.kept.get(connection.number)
            if kept is not None:
                kept.append((direction, segment.copy()))
        elif kind == UNSUPPORTED:
            found.unsupported[link_type] = found.unsupported.get(link_type, 0) + 1
        elif kind <= LAST_TCP and segment.flags & tcp.RST:
            found.rst += 1
    found.packets += batch.count
    found.tcp = sum(counts[: LAST_TCP + 1])


def _clock(found: Scan, ts: int) -> None:
    if ts == NO_TIME:
        found.undated += 1
        return
    if found.began == NO_TIME or ts < found.began:
        found.began = ts
    if found.ended == NO_TIME or ts > found.ended:
        found.ended = ts
