from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from bypeer.capture.read import open_capture
from bypeer.core.frames import BATCH
from bypeer.errors import CaptureError
from tests import make
from tests.make import Taken

FRAMES = [
    Taken(make.ethernet(make.ip(make.tcp(seq=number))), ts=1_000_000_000 * number + 5_000)
    for number in range(4)
]

Row = tuple[bytes, int, int, int, int]


def rows(path: Path) -> list[Row]:
    """Octets, wire length, time, interface and offset of each frame."""
    found: list[Row] = []
    for batch in open_capture(path).frames():
        assert batch.first == len(found) + 1
        for row in range(batch.count):
            start = batch.start[row]
            octets = bytes(batch.octets[start : start + batch.captured[row]])
            found.append((octets, batch.length[row], batch.ts[row], batch.interface[row], batch.offset[row]))
    return found


def written(folder: Path, octets: bytes) -> Path:
    path = folder / "capture"
    path.write_bytes(octets)
    return path


@pytest.mark.parametrize("nano", [False, True], ids=["us", "ns"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_frames_come_back_as_written(tmp_path: Path, order: str, nano: bool) -> None:
    got = rows(written(tmp_path, make.pcap(FRAMES, order=order, nano=nano)))
    assert [row[:4] for row in got] == [(one.octets, len(one.octets), one.ts, 0) for one in FRAMES]
    assert [row[4] for row in got] == [24 + 70 * number for number in range(4)]


def test_nanoseconds_are_kept_where_the_file_has_them(tmp_path: Path) -> None:
    exact = [Taken(b"x", ts=(2**32 - 1) * 1_000_000_000 + 999_999_999)]
    assert rows(written(tmp_path, make.pcap(exact, nano=True)))[0][2] == exact[0].ts
    assert rows(written(tmp_path, make.pcap(exact)))[0][2] == exact[0].ts - 999


def test_the_wire_length_is_told_beside_what_was_captured(tmp_path: Path) -> None:
    assert rows(written(tmp_path, make.pcap([Taken(b"abc", length=1500)])))[0][:2] == (b"abc", 1500)


def test_the_longer_records_of_the_patched_libpcap_are_read(tmp_path: Path) -> None:
    head = struct.pack("<IHHIIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    record = struct.pack("<IIIIIHBB", 7, 8, 3, 3, 1, 0x0008, 0, 0) + b"abc"
    assert [row[:3] for row in rows(written(tmp_path, head + record * 2))] == [(b"abc", 3, 7_000_008_000)] * 2


@pytest.mark.parametrize(("minor", "swaps"), [(2, True), (3, True), (4, False)])
def test_old_versions_have_the_two_lengths_swapped(tmp_path: Path, minor: int, swaps: bool) -> None:
    lengths = (9, 3) if swaps else (3, 9)
    octets = make.pcap([], minor=minor) + struct.pack("<IIII", 0, 0, *lengths) + b"abc"
    assert [row[:2] for row in rows(written(tmp_path, octets))] == [(b"abc", 9)]


def test_version_2_3_may_have_them_right(tmp_path: Path) -> None:
    octets = make.pcap([], minor=3) + struct.pack("<IIII", 0, 0, 3, 9) + b"abc"
    assert [row[:2] for row in rows(written(tmp_path, octets))] == [(b"abc", 9)]


def test_the_link_type_is_told_without_the_frame_check_bits(tmp_path: Path) -> None:
    capture = open_capture(written(tmp_path, make.pcap([], link_type=0x2400_0001)))
    assert list(capture.frames()) == []
    assert [one.link_type for one in capture.interfaces] == [1]


# as Kuznetsov's patches and Nokia have it: magic number, what follows the four numbers of a record header
VARIANTS = {
    "ss990417": (0xA1B2C3D4, struct.pack("<IHBB", 1, 0x0800, 4, 0xEE)),
    "ss991029": (0xA1B2CD34, struct.pack("<IHBB", 1, 0x0008, 0, 0xEE)),
    "ss990915": (0xA1B2CD34, struct.pack("<IHBBB3s", 1, 0x0800, 0, 0xEE, 0xEE, b"\xee" * 3)),
    "Nokia": (0xA1B2C3D4, struct.pack("<I", 0x9FBFB601)),
    "Ixia's hardware": (0x1C0001AC, b""),
    "Ixia's software": (0x1C0001AB, b""),
}


@pytest.mark.parametrize("records", [2, 3, 9])
@pytest.mark.parametrize("name", VARIANTS)
def test_longer_headers_are_told_by_the_records(tmp_path: Path, name: str, records: int) -> None:
    magic, more = VARIANTS[name]
    head = struct.pack("<IHHIIII", magic, 2, 4, 0, 0, 65535, 1) + bytes(4 if "Ixia" in name else 0)
    frame = make.ethernet(make.ip(make.tcp(payload=b"text")))
    record = struct.pack("<IIII", 1_700_000_000, 8, len(frame), len(frame)) + more + frame
    got = rows(written(tmp_path, head + record * records))
    ns = 8 if magic == 0x1C0001AC else 8_000
    assert [row[:3] for row in got] == [(frame, len(frame), 1_700_000_000_000_000_000 + ns)] * records


AIX = {"Ethernet": (6, 1, b""), "Token Ring": (9, 6, b""), "FDDI": (15, 10, b"pad"), "loopback": (24, 0, b"")}


@pytest.mark.parametrize("name", AIX)
def test_aix_counts_nanoseconds_and_has_link_types_of_its_own(tmp_path: Path, name: str) -> None:
    given, link_type, pad = AIX[name]
    size = 3 + len(pad)
    octets = (
        make.pcap([], minor=2, link_type=given) + struct.pack("<IIII", 5, 7, size + 9, size) + pad + b"abc"
    )
    capture = open_capture(written(tmp_path, octets))
    assert list(capture.frames())
    assert [one.link_type for one in capture.interfaces] == [link_type]
    assert [row[:3] for row in rows(written(tmp_path, octets))] == [(b"abc", 12, 5_000_000_007)]


def test_dg_ux_has_a_version_of_its_own_and_swapped_lengths(tmp_path: Path) -> None:
    head = struct.pack(">IHHIIII", 0xA1B2C3D4, 543, 0, 0, 0, 65535, 1)
    octets = head + struct.pack(">IIII", 0, 0, 9, 3) + b"abc"
    assert [row[:2] for row in rows(written(tmp_path, octets))] == [(b"abc", 9)]


EDITCAP = ("pcap", "nsecpcap", "modpcap", "rh6_1pcap", "suse6_3pcap", "snoop", "pcapng")


@pytest.mark.parametrize("form", EDITCAP)
@pytest.mark.skipif(shutil.which("editcap") is None, reason="no editcap (of tshark) here")
def test_what_wireshark_writes_is_read(tmp_path: Path, form: str) -> None:
    dated = [one._replace(ts=one.ts + 10**18) for one in FRAMES]
    plain, other = written(tmp_path, make.pcap(dated)), tmp_path / "other"
    subprocess.run(["editcap", "-F", form, plain, other], check=True, capture_output=True)
    assert [row[:3] for row in rows(other)] == [row[:3] for row in rows(plain)]


HEADERS = {
    "another major version": (make.pcap([])[:4] + b"\x01" + make.pcap([])[5:], 4, "version 1.4"),
    "reserved bits in the link type": (make.pcap([], link_type=0x0002_0001), 20, "reserved"),
    "a header cut short": (make.pcap([])[:23], 23, "cut short"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_file_is_refused_for(tmp_path: Path, name: str) -> None:
    octets, offset, words = HEADERS[name]
    with pytest.raises(CaptureError, match=words) as caught:
        open_capture(written(tmp_path, octets))
    assert caught.value.offset == offset


def test_a_file_cut_at_any_octet_gives_the_frames_before_the_cut(tmp_path: Path) -> None:
    octets = make.pcap(FRAMES)
    whole = rows(written(tmp_path, octets))
    for size in range(24, len(octets)):
        path = written(tmp_path, octets[:size])
        assert rows(path) == whole[: (size - 24) // 70]
        capture = open_capture(path)
        assert sum(batch.count for batch in capture.frames()) == capture.packets == (size - 24) // 70
        left = (size - 24) % 70
        assert (capture.damage is not None) == (left > 0)
        assert capture.damage is None or capture.damage.offset == size - left


def test_a_record_larger_than_any_frame_is_damage_and_nothing_is_allocated(tmp_path: Path) -> None:
    octets = make.pcap(FRAMES[:2]) + struct.pack("<IIII", 0, 0, 262_145, 262_145) + bytes(300_000)
    capture = open_capture(written(tmp_path, octets))
    assert sum(batch.count for batch in capture.frames()) == 2
    assert capture.damage is not None
    assert capture.damage.offset == 24 + 140
    assert "262145" in capture.damage.reason


def test_the_largest_frame_is_read(tmp_path: Path) -> None:
    largest = [Taken(bytes(262_144)), Taken(b"after")] * 5
    assert [len(row[0]) for row in rows(written(tmp_path, make.pcap(largest)))] == [262_144, 5] * 5


def test_batches_are_full_and_their_numbers_go_on(tmp_path: Path) -> None:
    path = written(tmp_path, make.pcap([Taken(b"x")] * (2 * BATCH + 1)))
    assert [(one.first, one.count) for one in open_capture(path).frames()] == [
        (1, BATCH),
        (BATCH + 1, BATCH),
        (2 * BATCH + 1, 1),
    ]


def test_frames_cross_the_ends_of_the_buffer_unharmed(tmp_path: Path) -> None:
    many = [Taken(number.to_bytes(4, "big") * 377, ts=number * 1_000) for number in range(2_000)]
    got = rows(written(tmp_path, make.pcap(many)))
    assert [(row[0], row[2]) for row in got] == [(one.octets, one.ts) for one in many]
    assert [row[4] for row in got] == [24 + number * (16 + 1508) for number in range(2_000)]
