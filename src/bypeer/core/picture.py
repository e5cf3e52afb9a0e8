"""One connection as a picture: time against sequence number, and octets behind the frontier.

Marks are columns, in order of time, because a picture may have millions of them; what is drawn of them
is for `report` to decide. The picture follows one direction, the one that carried more data: data is drawn
at its SEG.SEQ, what acknowledges it at its SEG.ACK, on one axis of octets since the initial number.

The *frontier* is the highest end of data so far that passed, as it came to the host. How far a segment
lies behind it is what conntrack's lower bound is about; far above it lies the upper bound.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

# What a mark can be, in the order in which they are drawn: what is rare comes last, on top.
# (name, what a legend says). Rows of this table are what Marks.kind holds.
KINDS = (
    ("ack", "acknowledgement"),
    ("window", "edge of the receiver's window"),
    ("sack", "selective acknowledgement"),
    ("data", "data, forwarded"),
    ("again", "retransmitted, forwarded"),
    ("late", "late, forwarded"),
    ("beyond", "beyond the window, forwarded"),
    ("kept", "not forwarded"),
    ("trigger", "what a RST answers"),
    ("rst-inside", "RST by the inside endpoint"),
    ("rst-outside", "RST by the outside endpoint"),
    ("rst-path", "RST made on the path"),
    ("rst-unknown", "RST by an unknown author"),
    ("rst-host", "RST by this host"),
)
BULK = 4  # kinds before this one are common: they may be thinned; the rest never


class Marks(NamedTuple):
    """Columns of one length, in order of time."""

    ts: array[int]  # "q": ns by the outside clock, counted from Picture.origin
    low: array[int]  # "q": octets since the initial number: SEG.SEQ, or SEG.ACK, or an edge
    size: array[int]  # "I": octets that it spans upwards from there; 0: a point
    behind: array[int]  # "q": octets from its end up to the frontier; negative: above it
    kind: array[int]  # "B": row of KINDS
    outside: array[int]  # "q": number of the frame there, 0: not seen there
    inside: array[int]  # "q"
    note: array[int]  # "i": row of Picture.notes, -1: none


class Bound(NamedTuple):
    """Conntrack's bounds from a moment on, on the axes of the picture."""

    ts: int  # ns since the origin
    lower: int | None  # octets since the initial number: data that ends below is too late
    upper: int | None  # data that begins above is beyond the window


class Moment(NamedTuple):
    """A lettered event of the story, with its place in the picture."""

    letter: str
    ts: int  # ns since the origin
    low: int | None  # where it is drawn; None: it has no number on this axis
    size: int
    kind: str  # name of a kind
    text: str  # the event's own line
    dump: Sequence[str]
    frames: str  # "outside 1234, inside 1230"
    filter: str  # Wireshark display filter that finds it


class Picture(NamedTuple):
    """All that is to draw of one connection."""

    connection: str  # its id in the explanation
    title: str  # "198.51.100.2:80 > 172.17.0.2:40000"
    direction: str  # which data is drawn: "to the client", "to the server"
    origin: int  # ns since the epoch, UTC, by the outside clock: time 0
    marks: Marks
    bounds: Sequence[Bound]  # in order of time; none: not known
    bounds_note: str  # whose rules, or why there are none
    moments: Sequence[Moment]
    notes: Sequence[str]  # the tracker's judgements and the like, each once
    focus: tuple[int, int]  # ns since the origin: what to show at first, the moments before the reset
    thinned: int  # marks left out because there are too many; rare ones never are
    skipped: int = 0  # earlier segments of which there are no marks, because there are too many
