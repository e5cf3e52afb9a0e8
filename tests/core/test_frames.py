"""Batches of frames: what a reader may put into them, and that real readers keep to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bypeer.capture.read import open_capture
from bypeer.core.frames import BATCH, Frames, Interface, Source
from bypeer.core.segment import NO_TIME
from tests import make
from tests.make import Taken

COLUMNS = ("captured", "interface", "length", "offset", "start", "ts")
FRAMES = [Taken(make.ethernet(make.ip(make.tcp(seq=row))), ts=row * 1000) for row in range(2 * BATCH + 3)]
FILES = {"pcap": make.pcap, "pcapng": make.pcapng}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_has_room_for_a_batch_of_wide_numbers(name: str) -> None:
    column = getattr(Frames(), name)
    assert len(column) == BATCH
    for number in (NO_TIME, -1, 2**63 - 1):
        column[BATCH - 1] = number
        assert column[BATCH - 1] == number


def test_an_empty_batch_stands_before_the_first_frame() -> None:
    batch = Frames()
    assert (batch.first, batch.count, bytes(batch.octets)) == (1, 0, b"")


def test_batches_share_no_column() -> None:
    one, other = Frames(), Frames()
    one.ts[0] = 5
    one.octets.extend(b"x")
    assert (other.ts[0], bytes(other.octets)) == (0, b"")


def test_an_interface_is_known_by_its_values() -> None:
    assert Interface(make.RAW) == Interface(make.RAW, "", "") != Interface(make.RAW, "eth0")
    assert len({Interface(make.RAW), Interface(make.RAW), Interface(make.NULL)}) == 2


def taken(source: Source) -> list[tuple[int, Taken, int]]:
    """Number, contents and link type of every frame."""
    found = []
    for batch in source.frames():
        assert 0 < batch.count <= BATCH
        for row in range(batch.count):
            octets = bytes(batch.octets[batch.start[row] : batch.start[row] + batch.captured[row]])
            link_type = source.interfaces[batch.interface[row]].link_type
            one = Taken(octets, batch.ts[row], batch.length[row], batch.interface[row])
            found.append((batch.first + row, one, link_type))
    return found


@pytest.mark.parametrize("kind", FILES)
def test_readers_number_frames_through_all_batches(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "some"
    path.write_bytes(FILES[kind](FRAMES))
    expected: Sequence[tuple[int, Taken, int]] = [
        (number, one._replace(length=len(one.octets)), make.ETHERNET) for number, one in enumerate(FRAMES, 1)
    ]
    source = open_capture(path)
    assert taken(source) == expected
    assert taken(source) == expected, "a second reading begins anew"
