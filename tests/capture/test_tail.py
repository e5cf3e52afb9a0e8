"""The last packet's time from the end of a file alone: as whoever reads all of it finds, or not at all."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bypeer.capture import tail
from bypeer.capture.read import open_capture
from bypeer.capture.series import newest, oldest
from bypeer.capture.tail import TAIL, last_time
from tests import make
from tests.make import Taken

START, S = 1_700_000_000 * 10**9, 10**9  # ns
LAST = START + 999 * S


@pytest.fixture(autouse=True)
def _small_files_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "LEAST", TAIL)


def frames(payload: Callable[[int], bytes] = lambda at: bytes((at % 256,)) * 1_400) -> list[Taken]:
    """A thousand, one a second: more than the end that is looked at."""
    return [
        Taken(make.ethernet(make.ip(make.tcp(payload=payload(at)))), START + at * S) for at in range(1_000)
    ]


def told(octets: bytes, folder: Path) -> int | None:
    """What the end tells, asked as rotation.py does."""
    path = folder / "x.pcap"
    path.write_bytes(octets)
    with closing(open_capture(path)) as capture:
        with closing(capture.frames()) as batches:
            first = next(batches)
            head, began = first.offset[min(3, first.count - 1)], oldest(first)
        return last_time(capture, head, began)


def noise(at: int) -> bytes:
    return random.Random(at).randbytes(1_400)


def records(at: int) -> bytes:
    """A pcap file being carried: complete records, which lead to each other."""
    return make.pcap([Taken(b"x" * 40, START + at * S)] * 20)[24:]


SOUND: dict[str, bytes] = {
    "plain": make.pcap(frames()),
    "big-endian": make.pcap(frames(), order=">"),
    "nanoseconds": make.pcap(frames(), nano=True),
    "big-endian nanoseconds": make.pcap(frames(), nano=True, order=">"),
    "zeros": make.pcap(frames(lambda _: bytes(1_400))),
    "noise": make.pcap(frames(noise)),
    "big-endian noise": make.pcap(frames(noise), order=">"),
    "records of another time in the last packet": make.pcap(
        [*frames()[:-1], *frames(lambda _: (struct.pack("<4I", 5, 0, 40, 40) + bytes(40)) * 20)[-1:]]
    ),
    "large packets": make.pcap(frames(lambda _: bytes(60_000))[:100] + frames()[-1:]),
    "short packets": make.pcap(
        [Taken(b"\0" * 14, START + at * S // 1_000) for at in range(40_000)] + [Taken(b"\0" * 14, LAST)]
    ),
    "pcapng": make.pcapng(frames()),
    "big-endian pcapng": make.pcapng(frames(), order=">"),
    "pcapng with statistics at its end": make.pcapng(frames()) + make.block(5, bytes(12)) * 3,
}


@pytest.mark.parametrize("octets", SOUND.values(), ids=SOUND)
def test_the_end_tells_the_last_time(octets: bytes, tmp_path: Path) -> None:
    assert told(octets, tmp_path) == LAST


def test_a_file_that_is_soon_read_is_left_to_who_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "LEAST", len(SOUND["plain"]) + 1)
    assert told(SOUND["plain"], tmp_path) is None


@pytest.mark.parametrize("name", ["plain", "pcapng"])
def test_only_the_ends_are_looked_at(name: str, tmp_path: Path) -> None:
    octets = bytearray(SOUND[name])
    octets[20_000 : len(octets) - TAIL] = random.Random(1).randbytes(len(octets) - TAIL - 20_000)
    assert told(bytes(octets), tmp_path) == LAST


def test_several_interfaces_have_clocks_of_their_own(tmp_path: Path) -> None:
    tick = {
        0: make.interface(options=make.option(9, b"\x03")),
        1: make.interface(options=make.option(9, b"\x09")),
    }
    body = [make.enhanced(one._replace(interface=1), ticks=one.ts) for one in frames()]
    assert told(make.section() + tick[0] + tick[1] + b"".join(body), tmp_path) == LAST


# What the end alone does not tell.
DOUBTFUL: dict[str, bytes] = {
    "a small file": make.pcap(frames()[:100]),
    "cut in a frame": make.pcap(frames())[:-5],
    "cut in a record header": make.pcap(frames()) + b"\1\2\3",
    "noise, cut": make.pcap(frames(noise))[:-5],
    "pcapng, cut": make.pcapng(frames())[:-4],
    "records in the last packet": make.pcap([*frames()[:-1], *frames(records)[-1:]]),
    "swapped lengths of old": make.pcap(frames(), minor=3),
    "a time before the first": make.pcap([*frames(), Taken(b"x" * 60, START - 1_000 * S)]),
    "a time long after": make.pcap([*frames(), Taken(b"x" * 60, START + 11 * 365 * 86_400 * S)]),
    "pcapng, a time before the first": make.pcapng([*frames(), Taken(b"x" * 60, START - 1_000 * S)]),
    "an interface that the head does not name": make.pcapng(frames())
    + make.interface()
    + make.enhanced(Taken(b"x" * 60, LAST, interface=1)),
    "a block whose lengths differ": make.pcapng(frames()) + struct.pack("<4I", 0x4444, 24, 0, 16),
    "a section begins": make.pcapng(frames()) + make.section() + make.interface(),
    "no dated packet near": make.pcapng(frames()) + make.block(3, b"\x04\0\0\0abcd") * 40_000,
    "a block that is longer than the end": make.pcapng(frames()) + make.block(0x4444, bytes(2 * TAIL)),
    "snoop": make.snoop(frames()),
}


@pytest.mark.parametrize("octets", DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_the_end_does_not_tell_is_left_open(octets: bytes, tmp_path: Path) -> None:
    assert told(octets, tmp_path) is None


def test_an_interface_that_is_named_late_is_no_other(tmp_path: Path) -> None:
    """The head ends before it; the last packet is of it, and is not taken for one of another."""
    late = make.section() + make.interface() + b"".join(make.enhanced(one) for one in frames())
    late += make.section() + make.interface(options=make.option(9, b"\x09"))
    late += b"".join(make.enhanced(one, ticks=one.ts) for one in frames())
    assert told(late, tmp_path) is None


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_cut_anywhere_it_is_what_reading_all_finds_or_open(cut: int, tmp_path: Path) -> None:
    for octets in (SOUND["noise"][:-cut], SOUND["pcapng"][:-cut], SOUND["short packets"][:-cut]):
        found = told(octets, tmp_path)
        with closing(open_capture(tmp_path / "x.pcap")) as capture:
            *_, last = map(newest, capture.frames())
        assert found in (None, last)


def test_a_capture_in_a_packet_leads_nobody_astray(tmp_path: Path) -> None:
    """Its records are all there, and end with the file: but the frame that carries them does too."""
    inner = struct.pack("<IIII", START // S, 0, 40, 40) + bytes(40)
    octets = make.pcap([*frames(), Taken(make.ethernet(make.ip(make.tcp(payload=inner * 9))), LAST + S)])
    assert told(octets, tmp_path) is None
