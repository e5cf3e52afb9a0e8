from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bypeer.capture.model import Loss
from bypeer.capture.read import Capture, open_capture
from bypeer.core.link import OF_SNOOP
from bypeer.core.linktypes import link_type_name
from bypeer.errors import CaptureError
from tests.make import Taken, snoop

FRAMES = [Taken(bytes((number,)) * (60 + number), ts=number * 1_000_000_000 + 7_000) for number in range(5)]


def reading(folder: Path, octets: bytes) -> tuple[Capture, list[tuple[bytes, int, int, int]]]:
    """The capture, read; octets, wire length, time and offset of each frame."""
    path = folder / "capture"
    path.write_bytes(octets)
    capture, found = open_capture(path), []
    for batch in capture.frames():
        assert batch.first == len(found) + 1
        for row in range(batch.count):
            start = batch.start[row]
            piece = bytes(batch.octets[start : start + batch.captured[row]])
            found.append((piece, batch.length[row], batch.ts[row], batch.offset[row]))
    return capture, found


def test_frames_come_back_as_written(tmp_path: Path) -> None:
    capture, found = reading(tmp_path, snoop(FRAMES))
    assert [row[:3] for row in found] == [(one.octets, len(one.octets), one.ts) for one in FRAMES]
    assert [row[3] for row in found] == [16, 100, 188, 276, 364]
    assert (capture.format, capture.damage, capture.losses) == ("snoop", None, [])
    assert [one.link_type for one in capture.interfaces] == [1]


def test_the_wire_length_is_told_beside_what_was_captured(tmp_path: Path) -> None:
    assert reading(tmp_path, snoop([Taken(b"abc", length=1500)]))[1][0][:2] == (b"abc", 1500)


def test_drops_are_counted_from_the_first_on(tmp_path: Path) -> None:
    octets = bytearray(snoop(FRAMES))
    octets[16 + 12 : 16 + 16] = struct.pack(">I", 2)
    octets[364 + 12 : 364 + 16] = struct.pack(">I", 5)
    assert reading(tmp_path, bytes(octets))[0].losses == [Loss(0, "cumulative drops", 5)]


# datalink type, octets appended to each frame: LINKTYPE_*
TYPES = {
    "802.3": (0, 0, 1), "Token Ring": (2, 0, 6), "Ethernet": (4, 0, 1), "FDDI": (8, 0, 10),
    "loopback": (14, 0, 0), "ipnet": (0x8000_0005, 0, 226), "Fast Ethernet of Surveyor": (10, 16, 1),
    "HDLC": (5, 0, OF_SNOOP + 5), "100VG of Solaris, not Surveyor's": (12, 8, OF_SNOOP + 12),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_the_link_type_is_translated(tmp_path: Path, name: str) -> None:
    kind, appended, link_type = TYPES[name]
    capture, found = reading(tmp_path, snoop(FRAMES, kind, pad=bytes(appended)))
    assert [one.link_type for one in capture.interfaces] == [link_type]
    assert [row[0] for row in found] == [one.octets for one in FRAMES]
    assert link_type < OF_SNOOP or link_type_name(link_type) == f"{kind} of snoop"


HEADERS = {
    "a header cut short": (snoop([])[:15], 15, "cut short"),
    "another version": (snoop([])[:8] + b"\0\0\0\x06\0\0\0\x04", 8, "version 6"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_file_is_refused_for(tmp_path: Path, name: str) -> None:
    octets, offset, words = HEADERS[name]
    with pytest.raises(CaptureError, match=words) as caught:
        reading(tmp_path, octets)
    assert caught.value.offset == offset


# included length, record length
SENSELESS = {"a frame too large": (262_145, 262_169), "a record within a frame": (60, 83), "0": (0, 0)}
SENSELESS["a record too large"] = (60, 1 << 31)


@pytest.mark.parametrize("name", SENSELESS)
def test_a_record_is_damage_for(tmp_path: Path, name: str) -> None:
    included, record = SENSELESS[name]
    octets = snoop(FRAMES) + struct.pack(">6I", 60, included, record, 0, 0, 0) + bytes(300_000)
    capture, found = reading(tmp_path, octets)
    assert len(found) == len(FRAMES)
    assert capture.damage is not None
    assert capture.damage.offset == len(snoop(FRAMES))
    assert f"a record of {included if included > 262_144 else record} octets" in capture.damage.reason


def test_a_file_cut_at_any_octet_gives_the_frames_before_the_cut(tmp_path: Path) -> None:
    octets = snoop(FRAMES)
    whole, starts = reading(tmp_path, octets)[1], [16, 100, 188, 276, 364, 452]
    for size in range(16, len(octets)):
        capture, found = reading(tmp_path, octets[:size])
        assert found == whole[: sum(size >= start for start in starts[1:])]
        at = max(start for start in starts if start <= size)
        assert (capture.damage.offset if capture.damage else size) == at


def test_frames_cross_the_ends_of_the_buffer_unharmed(tmp_path: Path) -> None:
    many = [Taken(number.to_bytes(4, "big") * 377, ts=number * 1_000) for number in range(2_000)]
    assert [row[0] for row in reading(tmp_path, snoop(many))[1]] == [one.octets for one in many]
