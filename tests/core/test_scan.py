"""One pass over a capture: what is counted, what is kept, and what a second pass adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core import scan as module
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.decode import decode, in_tunnel
from bypeer.core.excerpt import Excerpt
from bypeer.core.frames import BATCH, Interface, Source
from bypeer.core.scan import Scan, look_again, scan
from bypeer.core.segment import BAD, GOOD, NO_TIME, UNKNOWN, Segment
from bypeer.core.tcp import ACK_, RST, SYN
from tests import make, pure
from tests.make import CLIENT, CLIENT6, ETHERNET, RAW, SERVER, SERVER6, SLL2, Taken, ethernet, ip, tcp
from tests.scene import Memory

S = 10**9  # ns
BACK = {"src": SERVER, "dst": CLIENT}
DATA = tcp(payload=b"some octets of data")
QUOTE = ip(tcp()[:8])  # as an ICMP error has it


def source(taken: Sequence[Taken], *link_types: int) -> Memory:
    memory = Memory(taken, max(len(link_types), 1))
    memory.interfaces = [Interface(one) for one in link_types or (RAW,)]
    return memory


def scanned(*packets: bytes, captured: int | None = None) -> Scan:
    return scan(source([Taken(one[:captured], length=len(one)) for one in packets]))


def reply(flags: int, seq: int, ack: int, payload: bytes = b"") -> bytes:
    return ip(tcp(flags, seq, ack, sport=443, dport=40000, payload=payload), **BACK)


# What is counted: (packets that tshark's filter `tcp` shows without looking inside, oddities)

KINDS = {
    "a plain segment": (ip(DATA), 1, {}),
    "over IPv6": (ip(DATA, src=CLIENT6, dst=SERVER6), 1, {}),
    "the first fragment": (ip(DATA, fragment=0x2000), 1, {}),
    "a later fragment": (ip(DATA, fragment=0x0010), 0, {"fragment": 1}),
    "a header that ends early": (ip(tcp()[:12]), 1, {"tcp-short": 1}),
    "a data offset too small": (ip(tcp(offset=4)), 1, {"tcp-offset-small": 1}),
    "a data offset too large": (ip(tcp(offset=9)), 1, {"tcp-offset-large": 1}),
    "UDP": (ip(bytes(8), protocol=17), 0, {}),
    "no IP at all": (b"\x00" * 30, 0, {}),
    "quoted in ICMP": (ip(b"\x03\x01" + bytes(6) + QUOTE, protocol=1), 0, {"in-icmp": 1}),
    "in a tunnel": (ip(ip(DATA), protocol=4), 0, {"tunnel": 1}),
    "an IPv4 header too small": (b"\x44" + ip(DATA)[1:], 0, {"bad-header-length": 1}),
    "a total length too small": (ip(DATA, length=19), 0, {"bad-total-length": 1}),
    "nothing": (b"", 0, {"cut": 1}),
}  # fmt: skip


@pytest.mark.parametrize(("packet", "count", "kinds"), KINDS.values(), ids=KINDS)
def test_what_a_frame_counts_as(packet: bytes, count: int, kinds: dict[str, int]) -> None:
    found = scanned(packet)
    assert (found.packets, found.tcp, found.kinds) == (1, count, kinds)
    assert len(found.table.rows) == ((not kinds and count) or "tunnel" in kinds)
    assert found.rst == 0


def test_what_a_tunnel_carries_is_apart_from_the_same_without() -> None:
    found = scanned(ip(DATA), ip(ip(DATA), protocol=4), ip(DATA))
    assert [one.halves[0].segments for one in found.table.rows] == [2, 1]
    assert [in_tunnel(one.interface) for one in found.table.rows] == [False, True]


def test_counts_add_up() -> None:
    found = scanned(*(packet for packet, *_ in KINDS.values()), *(packet for packet, *_ in KINDS.values()))
    assert found.packets == 2 * len(KINDS)
    assert found.tcp == 2 * sum(count for _, count, _ in KINDS.values())
    assert found.kinds == {name: 2 for _, _, kinds in KINDS.values() for name in kinds}


@pytest.mark.parametrize(
    ("captured", "cut", "resets"), [(33, 1, 0), (34, 1, 1), (39, 1, 1), (40, 0, 1), (None, 0, 1)]
)
def test_a_segment_of_which_little_was_captured(captured: int | None, cut: int, resets: int) -> None:
    found = scanned(ip(tcp(RST)), captured=captured)
    assert (found.tcp, found.rst, found.kinds) == (1, resets, {"tcp-cut": cut} if cut else {})
    assert len(found.table.rows) == 1 - cut


RESETS = {
    "plain": (ip(tcp(RST)), 1),
    "with ACK": (ip(tcp(RST | ACK_)), 1),
    "with a broken header": (ip(tcp(RST, offset=2)), 1),
    "not the flag beside": (ip(tcp(ACK_ | SYN | 8)), 0),
    "quoted in ICMP": (ip(b"\x03\x01" + bytes(6) + ip(tcp(RST)), protocol=1), 0),
    "in a tunnel": (ip(ip(tcp(RST)), protocol=4), 0),
    "in a later fragment": (ip(tcp(RST), fragment=1), 0),
}


@pytest.mark.parametrize(("packet", "count"), RESETS.values(), ids=RESETS)
def test_resets_are_counted(packet: bytes, count: int) -> None:
    # A RST before: where the next frame is no TCP, its flags are still in the record.
    assert scanned(ip(tcp(RST)), packet).rst == 1 + count


def test_link_types_that_are_not_supported() -> None:
    frames = [Taken(ip(DATA), interface=interface) for interface in (0, 1, 2, 1, 0)]
    found = scan(source(frames, RAW, 147, 999))
    assert found.unsupported == {147: 2, 999: 1}
    assert (found.kinds, found.packets, found.tcp) == ({"unsupported": 3}, 5, 2)


def test_interfaces_are_vantages() -> None:
    frames = [
        Taken(ip(DATA), interface=0),
        Taken(ethernet(ip(DATA)), interface=1),
        Taken(make.sll2(ip(DATA), 3), interface=2),
        Taken(make.sll2(ip(DATA), 4), interface=2),
    ]
    found = scan(source(frames * 2, RAW, ETHERNET, SLL2))
    assert [row.interface for row in found.table.rows] == [0, 1, 2 | 3 << 16, 2 | 4 << 16]
    assert [row.halves[TO_SERVER].segments for row in found.table.rows] == [2, 2, 2, 2]


# Time


def test_the_first_and_the_last_date_whatever_the_order() -> None:
    other = ip(bytes(8), protocol=17)
    frames = [Taken(ip(DATA), 5 * S), Taken(other, 3 * S), Taken(ip(DATA), 4 * S), Taken(other, 9 * S)]
    found = scan(source(frames))
    assert (found.began, found.ended, found.undated) == (3 * S, 9 * S, 0)


def test_frames_without_a_date() -> None:
    frames = [Taken(ip(DATA), at) for at in (NO_TIME, 5 * S, NO_TIME, 7 * S, NO_TIME)]
    found = scan(source(frames))
    assert (found.began, found.ended, found.undated) == (5 * S, 7 * S, 3)
    assert found.table.rows[0].ended == 7 * S


def test_no_date_at_all() -> None:
    found = scan(source([Taken(ip(DATA), NO_TIME)] * 2))
    assert (found.began, found.ended, found.undated) == (NO_TIME, NO_TIME, 2)


def test_an_empty_capture() -> None:
    found, empty = scan(source([])), Scan(kept={})
    found.table = empty.table
    assert found == empty


# Keeping segments

TALK = [
    ip(tcp(SYN, 1000, 0)),
    reply(SYN | ACK_, 5000, 1001),
    ip(tcp(ACK_, 9, 9, sport=7)),
    ip(tcp(ACK_, 1001, 5001, payload=b"hello")),
    ip(bytes(8), protocol=17),
    reply(ACK_, 5001, 1006, b"you"),
]


def kept_of(source: Source, *rows: int) -> dict[int, list[tuple[int, Segment]]]:
    """The segments of these connections, or of all."""
    found = scan(source)
    assert found.kept is not None
    if not rows:
        return {number: one.rows for number, one in found.kept.items()}
    wanted = {row: Excerpt() for row in rows}
    look_again(source, found, [(found.table.connection(row), wanted[row]) for row in rows])
    return {number: one.rows for number, one in wanted.items()}


def test_a_small_capture_is_kept_whole() -> None:
    kept = kept_of(source([Taken(one) for one in TALK]))
    assert {number: len(rows) for number, rows in kept.items()} == {0: 4, 1: 1}


@pytest.mark.parametrize(("more", "whole"), [(0, True), (1, False)])
def test_a_large_one_is_not(monkeypatch: pytest.MonkeyPatch, more: int, whole: bool) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", BATCH)
    found = scan(source([Taken(ip(tcp(seq=row))) for row in range(BATCH + more)]))
    assert (found.kept is not None) == whole
    assert found.table.rows[0].halves[0].segments == BATCH + more


def test_the_segments_of_a_connection_in_file_order() -> None:
    kept = kept_of(source([Taken(one, at * S) for at, one in enumerate(TALK)]), 0)
    assert list(kept) == [0]
    assert [(way, one.frame, one.seq, one.size, one.ts) for way, one in kept[0]] == [
        (TO_SERVER, 1, 1000, 0, 0),
        (TO_CLIENT, 2, 5000, 0, S),
        (TO_SERVER, 4, 1001, 5, 3 * S),
        (TO_CLIENT, 6, 5001, 3, 5 * S),
    ]


def test_several_may_be_kept() -> None:
    kept = kept_of(source([Taken(one) for one in TALK]), 0, 1)
    assert {number: len(rows) for number, rows in kept.items()} == {0: 4, 1: 1}


def test_a_second_look_finds_each_life_of_a_tuple() -> None:
    again = [ip(tcp(SYN, 7000, 0)), reply(SYN | ACK_, 9000, 7001), ip(tcp(ACK_, 7001, 9001))]
    taken = source([Taken(one) for one in (*TALK, ip(tcp(RST, 1001, 0)), *again, TALK[2])])

    def frames(*rows: int) -> list[list[int]]:
        kept = kept_of(taken, *rows)
        return [[one.frame for _, one in kept[number]] for number in sorted(kept)]

    assert frames(2) == [[8, 9, 10]]
    assert frames(0, 2) == [[1, 2, 4, 6, 7], [8, 9, 10]]
    assert frames() == [[1, 2, 4, 6, 7], [3, 11], [8, 9, 10]]


@pytest.mark.skipif(pure.here() == "compiled", reason="a compiled module's calls cannot be watched")
def test_checksums_are_verified_of_what_is_kept_only(monkeypatch: pytest.MonkeyPatch) -> None:
    good, asked = ip(DATA), []

    def spy(*told: Any) -> int:
        asked.append(told[-1])
        return decode(*told)

    monkeypatch.setattr(module, "decode", spy)
    taken = source([Taken(good), Taken(good[:-1] + b"\xff"), Taken(good[:-1], length=len(good))])
    monkeypatch.setattr(module, "MOST_KEPT", 0)
    found = scan(taken)
    asked.clear()
    wanted = Excerpt()
    look_again(taken, found, [(found.table.connection(0), wanted)])
    assert [one.checksum for _, one in wanted.rows] == [GOOD, BAD, UNKNOWN]
    assert asked == [False] * 3 + [True] * 3, "to sum takes time"


def test_frames_are_numbered_and_placed_through_all_batches() -> None:
    count = 2 * BATCH + 5
    memory = source([Taken(ip(tcp(seq=row)), row) for row in range(count)])
    found = scan(memory)
    rows = [one for _, one in (found.kept or {})[0].rows]
    assert [one.frame for one in rows] == list(range(1, count + 1))
    assert [one.seq for one in rows] == list(range(count)), "a batch's buffer is not kept by reference"
    assert (found.packets, found.tcp, found.table.rows[0].halves[0].segments) == (count, count, count)


def test_the_place_in_the_file_is_kept() -> None:
    memory = source([Taken(ip(DATA)), Taken(ip(DATA)[:50], length=900)])
    batches = list(memory.frames())
    batches[0].offset[0], batches[0].offset[1] = 24, 1 << 40
    memory.frames = lambda: iter(batches)  # type: ignore[method-assign]
    rows = [one for _, one in kept_of(memory, 0)[0]]
    assert [(one.offset, one.length) for one in rows] == [(24, len(ip(DATA))), (1 << 40, 900)]


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_any_octets_are_counted_once(frames: list[bytes]) -> None:
    found = scanned(*frames)
    assert found.packets == len(frames)
    broken = sum(count for kind, count in found.kinds.items() if kind.startswith("tcp-"))
    assert sum(found.kinds.values()) - broken <= found.packets - found.tcp
    placed = sum(half.segments for row in found.table.rows for half in row.halves)
    assert placed == found.tcp - broken
