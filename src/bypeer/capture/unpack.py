"""Compressed captures: told by their magic number, unpacked as they are read.

gzip, bzip2 and xz come with Python; zstd too from 3.14 on, before it is an extra, as lz4 is. An extra
unpacks gzip in half the time. A file may unpack to far more than it is, so nothing is unpacked ahead of
its reader, what a format would hold in memory for its window is bounded, and so are the ratio and the
members. How many records a file of its size can hold is bounded too: `Stream.took`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from bypeer.capture.stream import Source

# Header-only captures shrink to a tenth or a twentieth, full ones of one octet repeated to a 300th at
# most, where segments are merged to 64 KiB and their headers differ. deflate stops at a 1,032nd; zstd and
# xz know no end.
MOST_RATIO = 300
FREE = 64 << 20  # octets for which no ratio is asked

# A member of zstd costs 30 us before its first octet; the smallest has 8 octets, and real ones thousands.
FREE_MEMBERS = 10_000
_SMALLEST_MEMBER = 64  # octets, on average

# Window of zstd (its own tool's bound, without --long) and memory of xz (-9 needs 65 MiB).
_ZSTD_WINDOW_LOG = 27
_XZ_MEMORY = 128 << 20

_CHUNK = 1 << 16  # octets taken from the file at a time
_LARGEST_PIECE = 1 << 17  # octets unpacked at a time; of more, ISA-L copies what it has, again and again
_PADDING = b"\0"  # may follow: gzip on tape, xz

# RFC 1952, 2.3: a header with deflate as its method, and its flags, the optional fields in this order.
_HEADER = b"\x1f\x8b\x08"
_EXTRA, _NAME, _COMMENT, _CHECKED, _RESERVED = 4, 8, 16, 2, 0xE0
_LONGEST_HEADER = 1 << 17  # octets: an extra field has 65,535 at most, names have no bound


class Decompressor(Protocol):
    """As the standard library's: of one member, frame or stream of a file that may have several."""

    @property
    def eof(self) -> bool:
        """Whether its end was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether it has given all that it was given octets for."""

    @property
    def unused_data(self) -> bytes | None:
        """What came after its end."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Take these octets in, and give at most so many unpacked ones."""


class _Gzip:
    """zlib's decompressor, with the interface of the others."""

    def __init__(self) -> None:
        import zlib

        self._inflate, self.needs_input = zlib.decompressobj(wbits=31), True  # 31: gzip, largest window

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        got = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        self.needs_input = not self._inflate.unconsumed_tail and len(got) < max_length
        return got


class _Igzip:
    """ISA-L's decompressor, of what comes after a member's header.

    The header is read here: ISA-L takes one with optional fields that comes in two pieces for damage.
    """

    def __init__(self, inflate: Decompressor) -> None:
        self._inflate, self.needs_input = inflate, True
        self._header: bytes | None = b""  # what has come of it, until it is all there

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes | None:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._header is not None:
            data = self._header + data
            size = header_size(data)
            self._header = None if size else data
            if not size:
                return b""
            data = data[size:]
        got = self._inflate.decompress(data, max_length)
        self.needs_input = self._inflate.needs_input
        return got


def header_size(octets: bytes) -> int:
    """The size of the header that a member of gzip begins with; 0 if it is not all there.

    Raises ValueError for what is none. Source: RFC 1952, 2.3; as in zlib, the reserved flags must be 0.
    """
    import zlib

    size = len(octets)
    flags = octets[3] if size > 3 else 0
    if not octets.startswith(_HEADER[:size]) or flags & _RESERVED:
        raise ValueError("no header of gzip")
    at, beyond = 10, size + 1
    if flags & _EXTRA:
        at += 2 + int.from_bytes(octets[10:12], "little")
    for text in (_NAME, _COMMENT):
        if flags & text:
            at = octets.find(0, at) + 1 or beyond
    if flags & _CHECKED:
        told, at = octets[at : at + 2], at + 2
        if at <= size and int.from_bytes(told, "little") != zlib.crc32(octets[: at - 2]) & 0xFFFF:
            raise ValueError("the checksum of a header is wrong")
    if at <= size:
        return at
    if size > _LONGEST_HEADER:
        raise ValueError("a header without end")
    return 0


Make = Callable[[], Decompressor]
Errors = tuple[type[Exception], ...]


def _gzip() -> tuple[Make, Errors]:
    try:
        isal: Any = import_module("isal.igzip_lib")
    except ImportError:
        import zlib

        return _Gzip, (zlib.error,)
    make = isal.IgzipDecompressor
    return lambda: _Igzip(make(flag=isal.DECOMP_GZIP_NO_HDR_VER)), (isal.error, ValueError)


def _bzip2() -> tuple[Make, Errors]:
    import bz2

    return bz2.BZ2Decompressor, (OSError, ValueError)


def _xz() -> tuple[Make, Errors]:
    import lzma

    return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), (lzma.LZMAError,)


def _zstd() -> tuple[Make, Errors]:
    try:
        zstd: Any = import_module("compression.zstd")
    except ImportError:
        zstd = import_module("backports.zstd")
    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    return lambda: zstd.ZstdDecompressor(options=options), (zstd.ZstdError,)


def _lz4() -> tuple[Make, Errors]:
    return import_module("lz4.frame").LZ4FrameDecompressor, (RuntimeError, ValueError)


class Packing(NamedTuple):
    """A format of compressed files."""

    name: str
    magic: bytes
    load: Callable[[], tuple[Make, Errors]]  # raises ImportError where `extra` is not installed
    extra: str = ""  # of bypeer's, in pyproject.toml


PACKINGS = (
    Packing("gzip", b"\x1f\x8b", _gzip),  # RFC 1952
    Packing("zstd", b"\x28\xb5\x2f\xfd", _zstd, "zstd"),  # RFC 8878
    Packing("zstd", b"\x50\x2a\x4d\x18", _zstd, "zstd"),  # a skippable frame first, as pzstd writes
    Packing("xz", b"\xfd7zXZ\0", _xz),
    Packing("lz4", b"\x04\x22\x4d\x18", _lz4, "lz4"),  # the frame format
    Packing("bzip2", b"BZh", _bzip2),
)


def packing(head: bytes) -> Packing | None:
    """How a file that starts so is packed, if it is."""
    return next((one for one in PACKINGS if head.startswith(one.magic)), None)


class Unpacked:
    """The octets that a packed source unpacks to. What is wrong with it is told by OSError."""

    def __init__(self, source: Source, form: Packing) -> None:
        self._source, self._form = source, form
        self._make, self._errors = form.load()
        self._member: Decompressor | None = self._make()
        self._input = b""
        self.taken = self._given = 0  # octets of the packed file, and of what it unpacks to, so far
        self._members = 1

    def readinto(self, buffer: memoryview, /) -> int:
        """Unpack into the buffer and say how many octets; 0 at the end."""
        size = min(len(buffer), _LARGEST_PIECE)
        while self._member is not None:
            if self._members > FREE_MEMBERS + self.taken // _SMALLEST_MEMBER:
                raise self._broken("is in too many pieces")
            if not self._input and self._member.needs_input and not self._more():
                raise self._broken("is cut short")
            got = self._unpack(self._member, size)
            if self._member.eof:
                self._input = self._member.unused_data or b""
                self._member = self._next()
            if got:
                self._given += len(got)
                if self._given > FREE + MOST_RATIO * self.taken:
                    raise self._broken(f"unpacks to over {MOST_RATIO} times its size")
                buffer[: len(got)] = got
                return len(got)
        return 0

    def close(self) -> None:
        """Give the source back."""
        self._source.close()

    def _unpack(self, member: Decompressor, size: int) -> bytes:
        data, self._input = self._input, b""
        try:
            return member.decompress(data, size)
        except self._errors as error:
            raise self._broken(f"cannot be unpacked ({error})") from error

    def _more(self) -> bool:
        chunk = bytearray(_CHUNK)
        with memoryview(chunk) as view:
            got = self._source.readinto(view) or 0
        self.taken += got
        self._input += bytes(chunk[:got])
        return got > 0

    def _next(self) -> Decompressor | None:
        """What unpacks the next member; None at the end of the file."""
        while True:
            self._input = self._input.lstrip(_PADDING)
            if len(self._input) >= 4:
                break
            if not self._more():
                if self._input:
                    break
                return None
        self._members += 1
        return self._make()

    def _broken(self, what: str) -> OSError:
        self._member = None
        return OSError(f"the {self._form.name} data {what}, near octet {self.taken:,} of the file")
