from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bypeer.capture import stream, unpack
from bypeer.capture.read import Capture, open_capture
from bypeer.errors import CaptureError
from tests import make
from tests.make import Taken

FRAMES = [Taken(os.urandom(500) + bytes(400)) for _ in range(2_000)]  # 1.8 MB: several buffers
OCTETS = make.pcap(FRAMES)


def zstd() -> Any:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return pytest.skip("no zstd here: Python 3.14, or pip install backports.zstd")


def lz4() -> Any:
    return pytest.importorskip("lz4.frame", reason="no lz4 here: pip install lz4")


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": lambda octets: bz2.compress(octets, 1),
    "xz": lzma.compress,
    "zstd": lambda octets: zstd().compress(octets),
    "lz4": lambda octets: lz4().compress(octets),
}
SKIPPABLE = struct.pack("<II", 0x184D2A50, 3) + b"abc"  # a frame that zstd and lz4 pass over


# gzip once more, as where its extra is not installed.
NAMES = [*PACK, pytest.param("gzip", id="gzip by zlib")]


@pytest.fixture(autouse=True)
def inflate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks gzip: zlib if the test is named so."""

    def without(name: str) -> ModuleType:
        if name.startswith("isal"):
            raise ImportError(name)
        return importlib.import_module(name)

    if "by zlib" in request.node.name:
        monkeypatch.setattr(unpack, "import_module", without)


def opened(folder: Path, octets: bytes) -> Capture:
    path = folder / "capture"
    path.write_bytes(octets)
    return open_capture(path)


def counted(folder: Path, octets: bytes) -> tuple[Capture, int]:
    """A capture that was read, and its frames."""
    capture = opened(folder, octets)
    return capture, sum(batch.count for batch in capture.frames())


@pytest.mark.parametrize("name", NAMES)
def test_a_packed_capture_reads_like_a_plain_one(tmp_path: Path, name: str) -> None:
    capture = opened(tmp_path, PACK[name](OCTETS))
    assert capture.packing is not None
    assert (capture.format, capture.packing.name) == ("pcap", name)
    for _ in range(2):
        at = 0
        for batch in capture.frames():
            for row in range(batch.count):
                start = batch.start[row]
                assert batch.octets[start : start + batch.captured[row]] == FRAMES[at].octets
                at += 1
        assert (at, capture.damage) == (len(FRAMES), None)


@pytest.mark.parametrize("name", NAMES)
def test_several_members_are_one_file(tmp_path: Path, name: str) -> None:
    pack = PACK[name]
    octets = pack(OCTETS[:700_001]) + pack(b"") + pack(OCTETS[700_001:])
    assert counted(tmp_path, octets)[1] == len(FRAMES)
    if name in ("zstd", "lz4"):
        assert counted(tmp_path, pack(OCTETS) + SKIPPABLE)[1] == len(FRAMES)


def test_zstd_may_begin_with_what_is_to_be_skipped(tmp_path: Path) -> None:
    capture, frames = counted(tmp_path, SKIPPABLE + PACK["zstd"](OCTETS))
    assert (frames, capture.damage) == (len(FRAMES), None)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_cut_gives_what_came_before(tmp_path: Path, name: str) -> None:
    octets = PACK[name](OCTETS)
    capture, frames = counted(tmp_path, octets[: len(octets) * 2 // 3])
    assert 0 < frames < len(FRAMES)
    assert capture.damage is not None
    assert f"the {name} data is cut short, near octet" in capture.damage.reason
    assert 0 <= capture.damage.offset - 24 - frames * 916 < 916


@pytest.mark.parametrize("name", NAMES)
def test_what_is_damaged_gives_what_came_before(tmp_path: Path, name: str) -> None:
    octets = bytearray(PACK[name](OCTETS) + b"no such data")
    capture, frames = counted(tmp_path, bytes(octets))
    assert frames == len(FRAMES)
    assert capture.damage is not None
    assert f"the {name} data cannot be unpacked" in capture.damage.reason
    assert capture.damage.offset == len(OCTETS)


@pytest.mark.parametrize("name", NAMES)
def test_any_cut_of_a_small_file_ends_in_an_error_or_a_prefix(tmp_path: Path, name: str) -> None:
    octets = PACK[name](make.pcap([Taken(os.urandom(50))] * 2))
    for size in range(len(octets)):
        try:
            capture, frames = counted(tmp_path, octets[:size])
        except CaptureError:
            continue
        assert frames <= 2
        assert capture.damage is not None


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_is_unpacked_only_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(CaptureError, match=f"in the {name} data: a gzip file again"):
        opened(tmp_path, PACK[name](gzip.compress(OCTETS)))


@pytest.mark.parametrize("octets", [b"", b"prose" * 99, b"\x1f\x8b"], ids=["nothing", "prose", "a magic"])
def test_what_unpacks_to_no_capture_is_refused(tmp_path: Path, octets: bytes) -> None:
    with pytest.raises(CaptureError, match="in the gzip data: "):
        opened(tmp_path, gzip.compress(octets))


def test_padding_after_gzip_is_nothing(tmp_path: Path) -> None:
    capture, frames = counted(tmp_path, gzip.compress(OCTETS) + bytes(100_000))
    assert (frames, capture.damage) == (len(FRAMES), None)


def member(octets: bytes, flags: int) -> bytes:
    """A member of gzip whose header has these optional fields (RFC 1952, 2.3)."""
    head = struct.pack("<2sBBIBB", b"\x1f\x8b", 8, flags, 0, 0, 3)
    head += b"\x05\0extra" * bool(flags & 4) + b"name\0" * bool(flags & 8) + b"comment\0" * bool(flags & 16)
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF) * bool(flags & 2)
    return head + zlib.compress(octets)[2:-4] + struct.pack("<II", zlib.crc32(octets), len(octets))


class Drops:
    """A source that gives no more than so many octets at once."""

    def __init__(self, octets: bytes, most: int) -> None:
        self._octets, self._most = io.BytesIO(octets), most

    def readinto(self, buffer: memoryview, /) -> int:
        return self._octets.readinto(buffer[: self._most])

    def close(self) -> None:
        self._octets.close()


def unpacked(source: Drops) -> bytes:
    reading, buffer, found = unpack.Unpacked(source, unpack.PACKINGS[0]), bytearray(1_000), b""
    while got := reading.readinto(memoryview(buffer)):
        found += buffer[:got]
    return found


def test_the_extra_unpacks_gzip() -> None:
    isal = pytest.importorskip("isal.igzip_lib", reason="no isal here: pip install isal")
    assert isal.error in unpack.PACKINGS[0].load()[1]


@pytest.mark.parametrize("name", NAMES[-1:])
def test_where_there_is_no_extra_gzip_is_unpacked(name: str) -> None:
    assert unpack.PACKINGS[0].load()[1] == (zlib.error,)


@pytest.mark.parametrize("flags", range(32))
@pytest.mark.parametrize("most", [1, 3, 16])
@pytest.mark.parametrize("name", ["gzip", NAMES[-1]])
def test_headers_of_gzip_come_in_any_pieces(flags: int, most: int, name: str) -> None:
    octets = bytes(range(256)) * 20
    members = member(octets, flags), member(b"", flags), member(octets, flags)
    assert unpacked(Drops(b"".join(members), most)) == octets * 2


@pytest.mark.parametrize("at", [1, 2, 3, 10], ids=["magic", "method", "reserved flag", "checksum"])
@pytest.mark.parametrize("name", ["gzip", NAMES[-1]])
def test_a_damaged_header_of_gzip_is_refused(at: int, name: str) -> None:
    octets = bytearray(member(b"some", 2))
    octets[at] ^= 0x80
    with pytest.raises(OSError, match="gzip data cannot be unpacked"):
        unpacked(Drops(bytes(octets), 7))


def test_a_header_of_gzip_without_end_is_refused() -> None:
    head = struct.pack("<2sBBIBB", b"\x1f\x8b", 8, 8, 0, 0, 3)
    with pytest.raises(ValueError, match="a header without end"):
        unpack.header_size(head + b"n" * (1 << 17))


def bomb(name: str, size: int) -> bytes:
    """A capture of ever the same frame of 4,080 octets, packed."""
    frame = struct.pack("<IIII", 0, 0, 4_080, 4_080) + bytes(4_080)
    pieces = [OCTETS[:24], *[frame * 256] * (size >> 20)]
    if name == "gzip":
        deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    else:
        deflate = lzma.LZMACompressor() if name == "xz" else zstd().ZstdCompressor()
    return b"".join(deflate.compress(piece) for piece in pieces) + deflate.flush()


@pytest.mark.parametrize("name", ["gzip", NAMES[-1], "xz", "zstd"])
def test_a_bomb_is_put_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(unpack, "FREE", 1 << 20)
    capture, frames = counted(tmp_path, bomb(name, 32 << 20))
    assert capture.damage is not None
    assert "unpacks to over 300 times its size" in capture.damage.reason
    assert frames < 8_192


def test_a_bomb_is_free_up_to_a_bound(tmp_path: Path) -> None:
    capture, frames = counted(tmp_path, bomb("gzip", 4 << 20))
    assert (frames, capture.damage) == ((4 << 20) // 4_096, None)


SHORT = Taken(make.ip(make.tcp()))
# What begins a file, and what can be in it most often: the shortest records, blocks and lines.
DENSE: dict[str, tuple[bytes, bytes]] = {
    "pcap": (make.pcap([SHORT]), bytes(16)),
    "snoop": (make.snoop([SHORT]), struct.pack(">6I", 0, 0, 24, 0, 0, 0)),
    "pcapng": (make.pcapng([SHORT]), struct.pack("<IIII", 3, 16, 0, 16)),
    "pcapng, statistics": (make.pcapng([SHORT]), struct.pack("<6I", 5, 24, 0, 0, 0, 24)),
    "pcapng, sections": (make.pcapng([SHORT]), make.section("<")),
    "text": (b"", b"IP a.1 > b.2: Flags [R]\n"),
    "text, empty lines": (b"IP a.1 > b.2: Flags [R]\n", b"\n"),
}


@pytest.mark.parametrize("name", ["gzip", NAMES[-1], "xz", "lz4"])
@pytest.mark.parametrize(("head", "unit"), DENSE.values(), ids=DENSE)
def test_a_bomb_of_many_records_is_put_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes, unit: bytes, name: str
) -> None:
    pack = PACK[name]
    octets = head + unit * (3_000_000 // len(unit))
    monkeypatch.setattr(stream, "FREE_RECORDS", 1_000)
    plain, frames = counted(tmp_path, octets)
    assert plain.damage is None
    capture, fewer = counted(tmp_path, pack(octets))
    assert capture.damage is not None
    assert "more than a record or line for 2 octets of the compressed file" in capture.damage.reason
    assert fewer < frames or frames == 1
    assert capture.damage.offset < len(octets)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_capture_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(stream, "FREE_RECORDS", 0)
    monkeypatch.setattr(unpack, "FREE", 0)
    regular = [Taken(make.ip(make.tcp(seq=n * 1_448)), ts=n * 1_000_000) for n in range(20_000)]
    capture, frames = counted(tmp_path, PACK[name](make.pcap(regular)))
    assert (frames, capture.damage) == (20_000, None)


@pytest.mark.parametrize("name", NAMES)
def test_members_without_number_are_refused(tmp_path: Path, name: str) -> None:
    pack = PACK[name]
    octets = pack(OCTETS[:24]) + pack(b"") * 10_000
    assert counted(tmp_path, octets)[0].damage is None
    capture, _ = counted(tmp_path, octets + pack(b"") * 12_000)
    assert capture.damage is not None
    assert f"the {name} data is in too many pieces, near octet" in capture.damage.reason


def test_a_window_too_large_is_refused(tmp_path: Path) -> None:
    # RFC 8878, 3.1.1.1: no size given; an exponent of 18 is a window of 2**28 octets; one raw block.
    body = struct.pack("<I", 24 << 3 | 1)[:3] + OCTETS[:24]
    small, large = (b"\x28\xb5\x2f\xfd\0" + bytes((exponent << 3,)) + body for exponent in (17, 18))
    zstd()
    assert opened(tmp_path, small).format == "pcap"
    with pytest.raises(CaptureError, match="zstd data cannot be unpacked"):
        opened(tmp_path, large)
    greedy = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 29}]
    with pytest.raises(CaptureError, match=r"xz data cannot be unpacked \(Memory usage limit"):
        opened(tmp_path, lzma.compress(OCTETS, filters=greedy))


@pytest.mark.parametrize(("name", "extra"), [("zstd", "zstd"), ("lz4", "lz4")])
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    octets = PACK[name](OCTETS)

    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(unpack, "import_module", missing)
    with pytest.raises(CaptureError, match=f"a {name} file: to read it, pip install 'bypeer.{extra}.'"):
        opened(tmp_path, octets)
