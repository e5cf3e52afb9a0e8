"""One pass over a capture of any size: frames to connections, oddities and counts.

Nothing here grows with a connection's length, unless the caller asks for the segments of
some connections (`keep`), which is how `study` looks again at those worth it. A small capture
is read once: all its segments are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bypeer.core import tcp
from bypeer.core.connection import Connection
from bypeer.core.connections import Connections
from bypeer.core.decode import KINDS, LAST_TCP, OTHER, TCP, TUNNEL, UNSUPPORTED, decode
from bypeer.core.excerpt import Excerpt
from bypeer.core.frames import Frames, Interface, Source
from bypeer.core.segment import NO_TIME, Segment

# Copies that are C integers when compiled.
_TCP, _TUNNEL, _UNSUPPORTED, _LAST_TCP = TCP, TUNNEL, UNSUPPORTED, LAST_TCP
_RST, _UNDATED = tcp.RST, NO_TIME


# Segments kept unasked, of all connections together (about 0.4 kB each).
MOST_KEPT = 16_384


@dataclass(slots=True)
class Scan:
    """What one pass over one capture found."""

    connections: list[Connection] = field(default_factory=list)
    kept: Mapping[int, Excerpt] | None = None  # by connection; None: they were too many
    packets: int = 0
    tcp: int = 0  # frames whose first IP header carries TCP
    rst: int = 0
    kinds: dict[str, int] = field(default_factory=dict)  # everything but plain TCP, by decode.KINDS
    unsupported: dict[int, int] = field(default_factory=dict)  # link type: frames
    began: int = NO_TIME  # time of the first and the last dated frame, whatever it carried
    ended: int = NO_TIME
    undated: int = 0
    evicted: int = 0  # connections that were forgotten: there were too many


def scan(source: Source, keep: Mapping[int, Excerpt] | None = None) -> Scan:
    """Read all frames of a source.

    With `keep`, the segments of these connections (rows of an earlier scan of the same source)
    go into these excerpts; else all are kept, unless there are more than MOST_KEPT.
    """
    found = Scan()
    table = Connections(keep)
    found.connections = table.rows
    counts = [0] * len(KINDS)
    for batch in source.frames():
        _batch(batch, source.interfaces, table, found, counts)
        if keep is None and table.keeps and found.tcp > MOST_KEPT:
            table.forget()
    found.evicted = table.evicted
    if table.keeps:
        found.kept = {row.number: row.excerpt for row in table.rows if row.excerpt is not None}
    found.kinds = {
        KINDS[kind]: count for kind, count in enumerate(counts) if count and kind not in (TCP, OTHER)
    }
    return found


def _batch(
    batch: Frames, interfaces: Sequence[Interface], table: Connections, found: Scan, counts: list[int]
) -> None:
    segment, verify = Segment(), table.keeps
    interface, link_type = -1, -1
    resets = plain = 0
    for row in range(batch.count):
        if interface != batch.interface[row]:
            interface = batch.interface[row]
            link_type = interfaces[interface].link_type
        segment.interface = interface
        segment.ts = batch.ts[row]
        segment.frame = batch.first + row
        segment.offset = batch.offset[row]
        segment.length = batch.length[row]
        kind = decode(
            batch.octets, batch.start[row], batch.captured[row], segment.length, link_type, segment, verify
        )
        if kind <= _LAST_TCP and segment.flags & _RST:
            resets += 1
        if kind == _TCP:
            plain += 1
        else:
            counts[kind] += 1
            if kind == _UNSUPPORTED:
                found.unsupported[link_type] = found.unsupported.get(link_type, 0) + 1
        if kind in (_TCP, _TUNNEL):
            connection = table.place(segment)
            if connection.excerpt is not None:
                connection.excerpt.see(table.direction, segment)
    _clock(found, batch)
    counts[_TCP] += plain
    found.rst += resets
    found.packets += batch.count
    found.tcp = sum(counts[: _LAST_TCP + 1])


def _clock(found: Scan, batch: Frames) -> None:
    """Widen the time that the capture covers by a batch's."""
    began, ended, undated = found.began, found.ended, 0
    for row in range(batch.count):
        ts = batch.ts[row]
        if ts == _UNDATED:
            undated += 1
            continue
        if began == _UNDATED or ts < began:
            began = ts
        if ts > ended:  # NO_TIME is the least number there is
            ended = ts
    found.began, found.ended, found.undated = began, ended, found.undated + undated
