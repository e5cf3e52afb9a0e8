"""Blocks as the kernel makes them, and as it never should: to a history."""

from __future__ import annotations

import struct

import pytest

from bypeer.core import tcp as bits
from bypeer.live.blocks import Blocks
from bypeer.live.history import OUTGOING, TO_US, History
from tests.live.wire import framed, ipv4, packets, tcp

SIZE = 1 << 16
TAGGED, TPID = 1 << 4, 1 << 6
SEGMENT = framed(ipv4(tcp(bits.ACK_)), 0x0800)
RESET = framed(ipv4(tcp(bits.RST | bits.ACK_, 77)), 0x0800)


def header(
    octets: bytes, flags: int = 0, tci: int = 0, tpid: int = 0, way: int = TO_US, captured: int = 0
) -> bytes:
    """A packet in a block, 7 s and 9 ns after the epoch, cut by nobody."""
    size = len(octets) if captured == 0 else captured
    head = struct.pack("=IIIIIIHHIIHxx8x", 0, 7, 9, size, len(octets) + 3, flags, 82, 96, 0, tci, tpid)
    address = struct.pack("=H2siHBB8x", 17, b"\x08\x00", 4, 1, way, 6)
    whole = (head + address).ljust(82, b"\0") + octets
    whole = whole.ljust(len(whole) + 15 & ~15, b"\0")
    return struct.pack("=I", len(whole)) + whole[4:]


def block(*headers: bytes, count: int | None = None, first: int = 48) -> memoryview:
    """A whole one, a little into its memory."""
    head = struct.pack("=IIIIII", 1, 48, 1, len(headers) if count is None else count, first, 0)
    return memoryview(bytes(64) + (head.ljust(first, b"\0") + b"".join(headers)).ljust(SIZE, b"\0"))


def taken(ring: memoryview, cooked: bool = False, watched: int = bits.RST, most: int = 10) -> Blocks:
    blocks = Blocks(History(0, size=1 << 17), cooked, watched, most)
    blocks.take(ring, 64, SIZE)
    return blocks


def test_packets_come_as_they_are() -> None:
    found = taken(block(header(SEGMENT), header(RESET, way=OUTGOING), header(b"")))
    assert packets(found.history) == [SEGMENT, RESET, b""]
    batch = next(iter(found.history.frames()))
    assert list(batch.ts[:3]) == [7_000_000_009] * 3
    assert list(batch.length[:3]) == [len(SEGMENT) + 3, len(RESET) + 3, 3]
    assert list(batch.way[:3]) == [TO_US, OUTGOING, TO_US]


@pytest.mark.parametrize(
    ("flags", "tpid", "tag"),
    [(TAGGED, 0, "8100a005"), (TAGGED | TPID, 0x88A8, "88a8a005"), (TPID, 0x88A8, "")],
)
def test_a_tag_is_put_back(flags: int, tpid: int, tag: str) -> None:
    found = taken(block(header(RESET, flags, 0xA005, tpid)))
    assert packets(found.history) == [RESET[:12] + bytes.fromhex(tag) + RESET[12:]]
    assert next(iter(found.history.frames())).length[0] == len(RESET) + 3 + len(tag) // 2
    assert len(found.caught) == 1


def test_a_packet_without_room_for_a_tag_stays() -> None:
    assert packets(taken(block(header(b"short", TAGGED, 5))).history) == [b"short"]


def test_what_begins_at_ip_becomes_ethernet() -> None:
    found = taken(block(header(RESET[14:])), cooked=True)
    assert packets(found.history) == [bytes(12) + b"\x08\x00" + RESET[14:]]
    assert len(found.caught) == 1


def test_resets_are_caught() -> None:
    found = taken(block(header(SEGMENT), header(RESET, way=OUTGOING), header(RESET)))
    assert [one.outgoing for one in found.caught] == [True, False]
    segment = found.caught[0].segment
    assert (segment.frame, segment.ts, segment.length) == (2, 7_000_000_009, len(RESET) + 3)
    assert (segment.seq, segment.ack, segment.sport, segment.dport) == (77, 5, 1024, 443)
    assert segment.flags == bits.RST | bits.ACK_
    at = segment.offset
    assert found.history.octets[at : at + len(RESET)] == RESET


@pytest.mark.parametrize(("watched", "count"), [(0, 0), (bits.RST, 1), (bits.ACK_, 2), (bits.SYN, 0)])
def test_what_is_asked_for_is_caught(watched: int, count: int) -> None:
    assert taken(block(header(SEGMENT), header(RESET)), watched=watched).caught_ever == count


def test_a_storm_is_counted() -> None:
    found = taken(block(*[header(RESET)] * 50), most=10)
    assert (len(found.caught), found.caught_ever, found.history.held()) == (10, 50, 50)


@pytest.mark.parametrize(
    "ring",
    [
        block(header(SEGMENT), count=400_000),
        block(header(SEGMENT), first=SIZE - 60),
        block(header(SEGMENT, captured=SIZE)),
        block(struct.pack("=I", 0xFFFF_FFF0) + header(SEGMENT)[4:], header(SEGMENT)),
    ],
    ids=["too many", "too late", "too long", "a step too far"],
)
def test_a_block_that_makes_no_sense_is_not_read_beyond(ring: memoryview) -> None:
    with pytest.raises(AssertionError):
        taken(ring[: 64 + SIZE])
