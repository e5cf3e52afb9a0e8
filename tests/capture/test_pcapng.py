from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bypeer.capture import model
from bypeer.capture.model import Comment, Loss
from bypeer.capture.read import Capture, open_capture
from bypeer.core.frames import Interface
from bypeer.core.segment import NO_TIME
from bypeer.errors import CaptureError
from tests import make
from tests.make import Taken, block, enhanced, interface, option, section

FRAMES = [Taken(make.ethernet(make.ip(make.tcp(seq=number))), ts=1_000_000 * number) for number in range(3)]
ONE = Taken(b"abcde", ts=0)

Row = tuple[bytes, int, int, int]


def read(path: Path) -> tuple[Capture, list[Row]]:
    """The capture, read; octets, wire length, time and interface of each frame."""
    capture, found = open_capture(path), list[Row]()
    for batch in capture.frames():
        assert batch.first == len(found) + 1
        for row in range(batch.count):
            start, head = batch.start[row], bytearray(8)
            octets = bytes(batch.octets[start : start + batch.captured[row]])
            found.append((octets, batch.length[row], batch.ts[row], batch.interface[row]))
            with path.open("rb") as file:  # the offset is that of a packet block
                file.seek(batch.offset[row])
                file.readinto(head)
            assert {2, 3, 6} & {int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")}
    assert capture.packets == len(found)
    return capture, found


def reading(folder: Path, octets: bytes) -> tuple[Capture, list[Row]]:
    path = folder / "capture"
    path.write_bytes(octets)
    return read(path)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_frames_come_back_as_written(tmp_path: Path, order: str) -> None:
    capture, got = reading(tmp_path, make.pcapng(FRAMES, order=order))
    assert got == [(one.octets, len(one.octets), one.ts, 0) for one in FRAMES]
    assert (capture.format, capture.interfaces, capture.damage) == ("pcapng", [Interface(1)], None)


def test_interfaces_are_numbered_through_sections_of_either_order(tmp_path: Path) -> None:
    octets = section("<", length=77) + interface(1) + interface(113) + enhanced(ONE._replace(interface=1))
    octets += (
        section(">") + interface(101, ">") + enhanced(ONE, ">") + enhanced(ONE._replace(interface=0), ">")
    )
    capture, got = reading(tmp_path, octets)
    assert [row[3] for row in got] == [1, 2, 2]
    assert [one.link_type for one in capture.interfaces] == [1, 113, 101]


def test_interfaces_have_names(tmp_path: Path) -> None:
    named = interface(options=option(2, b"eth0\0") + option(3, "Kärtchen".encode()) + option(0, b""))
    assert reading(tmp_path, section() + named)[0].interfaces == [Interface(1, "eth0", "Kärtchen")]


RESOLUTIONS = {
    "microseconds by default": (b"", 5, 5_000),
    "seconds": (option(9, b"\0"), 5, 5_000_000_000),
    "milliseconds": (option(9, b"\x03"), 5, 5_000_000),
    "nanoseconds": (option(9, b"\x09"), 5, 5),
    "picoseconds, rounded down": (option(9, b"\x0c"), 1_999, 1),
    "10**-127": (option(9, b"\x7f"), 2**64 - 1, 0),
    "a power of two": (option(9, b"\x81"), 5, 2_500_000_000),
    "2**-127": (option(9, b"\xff"), 2**64 - 1, 0),
    "2**-30": (option(9, b"\x9e"), 3 << 30 | 1, 3_000_000_000),
    "an offset": (option(14, struct.pack("<q", -2)), 1, -1_999_999_000),
    "an offset and seconds": (option(9, b"\0") + option(14, struct.pack("<q", 10)), 1, 11_000_000_000),
    "beyond 64 bits": (option(9, b"\0"), 2**63, NO_TIME),
    "offset beyond 64 bits": (option(14, struct.pack("<q", -(2**63))), 0, NO_TIME),
    "the latest": (option(9, b"\x09"), 2**63 - 1, 2**63 - 1),
    "one later": (option(9, b"\x09"), 2**63, NO_TIME),
    "an option of a wrong size": (option(9, b"\x09\x09"), 5, 5_000),
}


@pytest.mark.parametrize("name", RESOLUTIONS)
def test_time_is_exact_in(tmp_path: Path, name: str) -> None:
    options, ticks, ns = RESOLUTIONS[name]
    assert (
        reading(tmp_path, section() + interface(options=options) + enhanced(ONE, ticks=ticks))[1][0][2] == ns
    )


def test_simple_packets_have_no_time_and_are_cut_by_the_snaplen(tmp_path: Path) -> None:
    simple = block(3, struct.pack("<I", 7) + b"abcdefg")
    assert reading(tmp_path, section() + interface() + simple)[1] == [(b"abcdefg", 7, NO_TIME, 0)]
    cut = block(3, struct.pack("<I", 7) + b"abcd")
    assert reading(tmp_path, section() + interface(snaplen=4) + cut)[1] == [(b"abcd", 7, NO_TIME, 0)]


def test_the_obsolete_packet_block_is_read(tmp_path: Path) -> None:
    old = struct.pack("<HHIIII", 0, 4, 0, 9, 3, 60) + b"abc\0" + option(1, b"old")
    capture, got = reading(tmp_path, section() + interface() + block(2, old) + block(2, old))
    assert got == [(b"abc", 60, 9_000, 0)] * 2
    assert capture.losses == [Loss(0, "epb_dropcount", 8)]
    assert capture.comments == [Comment(1, "old"), Comment(2, "old")]


def test_comments_and_losses_are_kept(tmp_path: Path) -> None:
    dropped = option(1, b"why?") + option(4, struct.pack("<Q", 2))
    statistics = [
        block(
            5,
            struct.pack("<III", 0, 0, 0)
            + option(5, struct.pack("<Q", count))
            + option(7, struct.pack("<Q", 0)),
        )
        for count in (3, 5)
    ]
    octets = section(options=option(1, b"of all")) + interface(options=option(1, b"of one"))
    octets += enhanced(ONE) + enhanced(ONE, options=dropped) * 2 + b"".join(statistics)
    octets += block(5, struct.pack("<III", 9, 0, 0) + option(5, struct.pack("<Q", 1)))  # of no interface
    capture, got = reading(tmp_path, octets)
    assert len(got) == 3
    assert capture.comments == [
        Comment(0, "of all"),
        Comment(0, "of one"),
        Comment(2, "why?"),
        Comment(3, "why?"),
    ]
    assert capture.losses == [Loss(0, "epb_dropcount", 4), Loss(0, "isb_ifdrop", 5)]


def test_comments_are_bounded_in_number_and_length(tmp_path: Path) -> None:
    octets = section() + interface() + enhanced(ONE, options=option(1, b"x" * 5_000)) * 10_050
    capture, got = reading(tmp_path, octets)
    assert (len(got), len(capture.comments)) == (10_050, 10_000)
    assert {len(one.text) for one in capture.comments} == {1_000}


def test_a_comment_that_is_no_utf_8_is_kept_readable(tmp_path: Path) -> None:
    capture, _ = reading(tmp_path, section() + interface(options=option(1, b"caf\xe9")))
    assert capture.comments == [Comment(0, "caf\ufffd")]


def test_unknown_blocks_are_passed_over_however_large(tmp_path: Path) -> None:
    others = block(4, bytes(20)) + block(10, bytes(3_000_000)) + block(0x4000_0BAD, b"")
    _, got = reading(tmp_path, section() + interface() + enhanced(ONE) + others + enhanced(ONE))
    assert len(got) == 2


def test_options_over_the_end_of_a_packet_block_do_not_cost_the_packet(tmp_path: Path) -> None:
    capture, got = reading(
        tmp_path, section() + interface() + enhanced(ONE, options=b"\1\0\xff\xff") + enhanced(ONE)
    )
    assert (len(got), capture.damage) == (2, None)


def test_many_interfaces_and_batches(tmp_path: Path) -> None:
    octets = section() + interface() * 100
    octets += b"".join(
        enhanced(ONE._replace(interface=number % 100, ts=number * 1_000)) for number in range(1_500)
    )
    _, got = reading(tmp_path, octets)
    assert [(row[2], row[3]) for row in got] == [(number * 1_000, number % 100) for number in range(1_500)]


def entry(*lines: str) -> bytes:
    return block(9, "".join(f"{line}\n" for line in lines).encode())


OURS = entry("__REALTIME_TIMESTAMP=1", "BYPEER_SOURCE=nflog", "BYPEER_TIME_NS=1500", "BYPEER_SEQ=7")


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_journal_entries_are_numbered_among_the_frames_as_wireshark_does(tmp_path: Path, order: str) -> None:
    mine = block(9, OURS[8:-4], order)
    other = block(9, b"__REALTIME_TIMESTAMP=1\nMESSAGE=hello\n", order)
    plain, told = enhanced(ONE, order), enhanced(ONE, order, option(1, b"x", order))
    path = tmp_path / "capture"
    path.write_bytes(
        section(order)
        + interface(1, order)
        + mine
        + plain * 2
        + other
        + mine
        + told
        + plain * 600
        + mine
        + plain
    )
    capture, numbers = open_capture(path), list[int]()
    for batch in capture.frames():
        numbers += range(batch.first, batch.first + batch.count)
    assert numbers == [2, 3, *range(6, 607), 608]
    assert [event.fields for event in capture.events] == [{"seq": "7"}] * 3
    assert [event.ts for event in capture.events] == [1_500] * 3
    assert capture.comments == [Comment(6, "x")]
    assert (capture.packets, capture.damage) == (604, None)
    assert capture.oddities == {"journal entries that are not bypeer's": 1}


def test_a_journal_entry_larger_than_the_buffer_has_its_number_too(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(section() + interface() + enhanced(ONE) + block(9, bytes(3 << 20)) + enhanced(ONE))
    capture = open_capture(path)
    assert [batch.first for batch in capture.frames()] == [1, 3]
    assert capture.oddities == {"journal entries too large to be read": 1}


def test_events_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "capture"
    path.write_bytes(section() + OURS * 50)
    for name, most, kept in (("MOST_EVENTS", 20, 20), ("MOST_EVENT_OCTETS", (len(OURS) - 12) * 30, 30)):
        with monkeypatch.context() as patch:
            patch.setattr(model, name, most)
            capture = open_capture(path)
            list(capture.frames())
        assert len(capture.events) == kept
        assert capture.oddities == {"events of the kernel left out, there being too many": 50 - kept}


START = section() + interface() + enhanced(ONE)
DAMAGE = {
    "a length no block has": (struct.pack("<II", 6, 8) + bytes(40), "8 octets"),
    "a length that is no multiple of 4": (struct.pack("<II", 6, 33) + bytes(40), "33 octets"),
    "two lengths": (enhanced(ONE)[:-4] + bytes(4), "differ"),
    "an interface that is not there": (enhanced(ONE._replace(interface=1)), "interface 1"),
    "a frame larger than its block": (block(6, struct.pack("<5I", 0, 0, 0, 30, 30) + bytes(8)), "30 octets"),
    "a simple one larger than its block": (block(3, struct.pack("<I", 30) + bytes(8)), "30 octets"),
    "a frame larger than any": (block(6, struct.pack("<5I", 0, 0, 0, 262_145, 9) + bytes(262_145)), "262145"),
    "a packet block of 2 MiB": (block(6, bytes(2 << 20)), "of its type"),
    "a packet block too short": (block(6, bytes(4)), "too short"),
    "an interface block too short": (block(1, bytes(4)), "too short"),
    "an interface option over the end": (interface(options=b"\2\0\xff\xff"), "65535"),
    "a section without byte order": (block(0x0A0D0D0A, bytes(16)), "byte-order"),
    "a section of version 2": (block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 2, 0, -1)), "version 2.0"),
    "a section without interface": (section() + block(3, struct.pack("<I", 4) + bytes(4)), "no interface"),
    "a large block cut short": (block(10, bytes(3 << 20))[:-99], "cut short"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_the_frames_before_the_damage_are_delivered(tmp_path: Path, name: str) -> None:
    octets, words = DAMAGE[name]
    capture, got = reading(tmp_path, START + octets + enhanced(ONE))
    assert len(got) == 1
    assert capture.damage is not None
    assert words in capture.damage.reason
    assert capture.damage.offset in (len(START), len(START) + 28, len(START + octets + enhanced(ONE)))


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_a_file_cut_at_any_octet_gives_the_frames_before_the_cut(tmp_path: Path, order: str) -> None:
    parts = [section(order), interface(1, order), enhanced(ONE, order, option(1, b"note", order))]
    parts += [
        block(3, struct.pack(order + "I", 3) + b"abc", order),
        block(99, bytes(8), order),
        enhanced(ONE, order),
    ]
    octets = b"".join(parts)
    ends = [len(b"".join(parts[: count + 1])) for count in range(len(parts))]
    whole = reading(tmp_path, octets)[1]
    for size in range(12, len(octets)):
        capture, got = reading(tmp_path, octets[:size])
        assert got == whole[: sum(size >= ends[part] for part in (2, 3, 5))]
        assert (capture.damage is None) == (size in ends)
    for size in range(12):
        with pytest.raises(CaptureError):
            reading(tmp_path, octets[:size])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.data())
def test_mutated_files_never_break_the_reader(tmp_path: Path, data: st.DataObject) -> None:
    statistics = block(5, struct.pack("<III", 0, 0, 0) + option(5, bytes(8)))
    octets = bytearray(
        START
        + OURS
        + enhanced(ONE, options=option(1, b"note"))
        + statistics
        + section(">")
        + interface(1, ">")
        + enhanced(ONE, ">")
        + block(9, OURS[8:-4], ">")
    )
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(12, len(octets) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "capture"
    path.write_bytes(octets)
    capture = open_capture(path)
    for batch in capture.frames():
        for row in range(batch.count):
            assert 0 <= batch.start[row] <= batch.start[row] + batch.captured[row] <= len(batch.octets)
            assert 0 <= batch.interface[row] < len(capture.interfaces)


def test_more_interfaces_than_a_segment_can_number_are_damage(tmp_path: Path) -> None:
    capture, _ = reading(tmp_path, section() + interface() * (1 << 16) + interface())
    assert capture.damage is not None
    assert len(capture.interfaces) == 1 << 16
