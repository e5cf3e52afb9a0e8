"""A history holds what came last, and knows what it had to forget."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.scan import scan
from bypeer.live import memory
from bypeer.live.history import OUTGOING, TO_US, History
from tests.live.wire import framed, ipv4, packets, tcp

PAGE = 1 << 17  # octets
SECOND = 1_000_000_000


def add(history: History, ts: int, octets: bytes, way: int = TO_US, length: int = 0) -> None:
    at = history.place(ts, len(octets), length or len(octets), way)
    memory.copy(history.view, at, octets, 0, len(octets))


def filled(count: int, size: int = 1_000) -> History:
    """Packets a second apart, each of its own number."""
    history = History(0, "vb", PAGE)
    for number in range(count):
        add(history, number * SECOND, struct.pack("!I", number).ljust(size, b"."))
    return history


@given(st.lists(st.integers(0, 20_000), max_size=60), st.integers(2, 4))
def test_what_is_held_is_what_came_last(sizes: list[int], pages: int) -> None:
    history = History(pages * PAGE, size=PAGE)
    came = [struct.pack("!I", number).ljust(size, b".")[:size] for number, size in enumerate(sizes)]
    for number, octets in enumerate(came):
        add(history, number, octets, number % 5, len(octets) + 7)
    held = packets(history)
    assert held == came[len(came) - len(held) :]
    assert history.held() == len(held)
    assert history.added == len(came) == len(held) + history.overwritten
    assert sum(len(one) + 24 for one in held) >= min(
        sum(len(one) for one in came), (pages - 1) * (PAGE - 20_024) - 20_024
    )
    seen = [
        (batch.first + row, batch.ts[row], batch.length[row] - 7, batch.way[row])
        for batch in history.frames()
        for row in range(batch.count)
    ]
    first = history.overwritten
    assert seen == [(row + 1, first + row, len(octets), (first + row) % 5) for row, octets in enumerate(held)]
    assert history.since() == (first if held else None)


@pytest.mark.parametrize(("since", "until"), [(3, 5), (0, 0), (90, 300), (150, 160), (500, 600)])
def test_a_span_of_time(since: int, until: int) -> None:
    history = filled(200)
    spans = [
        batch.ts[row]
        for batch in history.frames(since * SECOND, until * SECOND)
        for row in range(batch.count)
    ]
    assert spans == [number * SECOND for number in range(since, min(until, 199) + 1)]


def test_a_clock_that_is_set_back_hides_nothing() -> None:
    history = History(0, size=PAGE)
    for ts in (100, 50, 200):
        add(history, ts, b"x")
    assert sum(batch.count for batch in history.frames(40, 60)) == 1
    assert history.since() == 50


def test_what_is_overtaken_while_it_is_read_is_counted() -> None:
    history = filled(250)
    held, shown = history.held(), 0
    for batch in history.frames():
        numbers = [struct.unpack_from("!I", batch.octets, batch.start[row])[0] for row in range(batch.count)]
        assert numbers == [ts // SECOND for ts in batch.ts[: batch.count]]
        shown += batch.count
        for _ in range(200):
            add(history, 0, bytes(1_000))
    assert 0 < shown < held
    assert history.missed == held - shown


def test_nothing_is_missed_where_nothing_came_meanwhile() -> None:
    history = filled(250)
    assert sum(batch.count for batch in history.frames()) == history.held()
    assert history.missed == 0


def test_scan_reads_it_like_a_capture() -> None:
    history = History(0, "vb", PAGE)
    for number, flags in enumerate([2, 16, 16, 4]):
        add(history, number, framed(ipv4(tcp(flags, 100 + number)), 0x0800), OUTGOING)
    found = scan(history)
    assert (found.packets, found.tcp, found.rst, len(found.table)) == (4, 4, 1, 1)
    assert history.interfaces[0].name == "vb"


@pytest.mark.parametrize("size", [-1, 65_536])
def test_no_packet_is_that_long(size: int) -> None:
    history = History(0, size=PAGE)
    with pytest.raises(ValueError, match="no packet"):
        history.place(0, size, size, TO_US)
    assert history.added == 0


@pytest.mark.parametrize("at", [-1, 5, 8, 1 << 40])
def test_no_octet_outside_a_buffer(at: int) -> None:
    octets = memoryview(bytearray(8))
    for write in (memory.put_long, memory.put_word):
        with pytest.raises(IndexError):
            write(octets, at, 1)
    for read in (memory.long_, memory.word):
        with pytest.raises(IndexError):
            read(octets, at)
    for size in (-1, 9):
        with pytest.raises(IndexError):
            memory.copy(octets, 0, octets, 0, size)
    assert octets == bytes(8)


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF))
def test_numbers_are_in_the_machines_order(long_: int, word: int, half: int) -> None:
    octets = memoryview(bytearray(14))
    memory.put_long(octets, 0, long_)
    memory.put_word(octets, 8, word)
    memory.put_half(octets, 12, half)
    assert struct.unpack("=qIH", octets) == (long_, word, half)
    assert (memory.long_(octets, 0), memory.word(octets, 8), memory.half(octets, 12)) == (long_, word, half)
