"""Stories as segments between two endpoints, placed in a table of connections, for the tests beside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bypeer.core.connection import TO_SERVER, Connection
from bypeer.core.connections import Connections
from bypeer.core.script import INITIAL, parse
from bypeer.core.segment import Segment

CLIENT, SERVER = (0, 0xFFFF_0A00_0001, 40_000), (0, 0xFFFF_C000_0250, 443)
NAT = (0, 0xFFFF_CB00_7105, 61_234)

SHAKEN = """
    > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7,TS val 10 ecr 0>
    < S. 0:0(0) ack 1 win 65160 <mss 1400,wscale 8>
    > . 1:1(0) ack 1
"""
CLOSED = SHAKEN + """
    > F. 1:1(0) ack 1
    < F. 1:1(0) ack 2
    > . 2:2(0) ack 2
"""  # fmt: skip
RESET = SHAKEN + "< R 1:1(0)\n"
NEW = "> S 500000:500000(0) <wscale 9>\n"
ANSWER = "< S. 700000:700000(0) ack 500001\n"


def told(
    story: str, client: Any = CLIENT, server: Any = SERVER, ttl: int = 64, isns: Sequence[int] = INITIAL
) -> list[Segment]:
    """The segments of a script, between these endpoints; frames count from 1."""
    segments = []
    for frame, line in enumerate(parse(story, isns), 1):
        one = line.segment
        ends = (client, server) if line.direction == TO_SERVER else (server, client)
        (one.src_hi, one.src_lo, one.sport), (one.dst_hi, one.dst_lo, one.dport) = ends
        one.frame, one.ttl, one.version = frame, ttl, 4
        segments.append(one)
    return segments


def placed(segments: Iterable[Segment]) -> tuple[list[Connection], list[tuple[int, int]]]:
    """The connections, and of each segment the row and the direction there."""
    table = Connections()
    found = [(table.place(one), table.direction) for one in segments]
    return table.rows, found


def one(story: str, **how: Any) -> Connection:
    """The only connection of a story."""
    (row,), _ = placed(told(story, **how))
    return row
