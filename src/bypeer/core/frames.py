"""Frames by the batch: how a reader of capture files hands octets to the core.

A batch lends its buffer: the octets are good until the next batch is asked for. The columns
are parallel; row i is frame number `first` + i of its file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

BATCH = 2048  # frames a batch: large enough to hide what a call costs, small enough for the cache


class Interface(NamedTuple):
    """Where frames of one kind were taken (a pcapng interface block, or a whole pcap file)."""

    link_type: int  # LINKTYPE_*, or link.OF_SNOOP + a type of snoop's that has none
    name: str = ""  # if_name
    description: str = ""  # if_description


class Frames:
    """Up to BATCH frames lying in one buffer, in file order."""

    __slots__ = ("captured", "count", "first", "interface", "length", "octets", "offset", "start", "ts")

    def __init__(self) -> None:
        self.octets: bytearray = bytearray()
        self.count = 0
        self.first = 1  # frame number of row 0; the first of a file is 1
        self.start = array("q", bytes(8 * BATCH))  # where in `octets` the frame begins
        self.captured = array("q", bytes(8 * BATCH))  # octets of it in the file
        self.length = array("q", bytes(8 * BATCH))  # octets of it on the wire
        self.ts = array("q", bytes(8 * BATCH))  # ns since the epoch UTC, or segment.NO_TIME
        self.interface = array("q", bytes(8 * BATCH))  # row of the capture's interfaces
        self.offset = array("q", bytes(8 * BATCH))  # octets from the start of the file to its record


class Span(NamedTuple):
    """Frames that follow one another, as a part of their file."""

    first: int  # their numbers
    last: int
    offset: int  # octets from the start of the file to the first one; -1: not known
    stop: int  # and to what follows the last one


class Source(Protocol):
    """Where frames come from: a capture file, or whatever else can be read twice."""

    interfaces: list[Interface]  # replaced when `frames` begins, grows while it goes on

    def frames(self) -> Iterator[Frames]:
        """All frames from the first, a batch at a time, each good until the next is asked for."""

    def again(self, spans: Sequence[Span]) -> Iterator[Frames]:
        """These frames once more, after all were read; others too, where that costs less than to leave them.

        The spans are in order, and none meets another. Of several files, one may reach into the next.
        """
