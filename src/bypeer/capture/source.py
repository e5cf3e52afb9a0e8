"""Where a capture's octets come from, as often as they are wanted from the first on.

A regular file is opened anew each time. A pipe gives its octets once, so what it gave is kept in
a file without a name, in TMPDIR or /var/tmp (/tmp may be memory), which is gone when bypeer is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from io import FileIO
from typing import Protocol

from bypeer.capture.stream import Source

STANDARD_INPUT = "-"

# The disk is not filled up by the copy of a pipe: this much of it stays free.
RESERVE = 1 << 30


class Seekable(Source, Protocol):
    """What can be read from anywhere in it."""

    def seek(self, at: int, /) -> object:
        """Go on with octet number `at`."""


class Origin(Protocol):
    """What can be read from its first octet on, again and again, but not at the same time."""

    regular: bool  # whether it is a file: any process can open it, and its end is there from the start

    def open(self) -> Seekable:
        """Begin anew. Raises OSError."""

    def size(self) -> int:
        """How many octets there are, as far as is known."""

    def tail(self, most: int) -> bytes:
        """Its last octets, so many at most; none, if it is no file. Raises OSError."""

    def close(self) -> None:
        """Give back what is held between readings."""


def origin(path: str) -> Origin:
    """The origin at that path, `-` being standard input. Raises OSError, or ValueError for a NUL in it."""
    if path != STANDARD_INPUT:
        file = FileIO(path)
    elif os.isatty(0):
        raise OSError("standard input is a terminal: pipe a capture into it")
    else:
        file = FileIO(os.dup(0))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return Pipe(file)
    file.close()
    return File("/dev/stdin" if path == STANDARD_INPUT else path)


class File:
    """A regular file, which is not held open between readings."""

    regular = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: tuple[int, int] | None = None  # device and inode
        self._size = 0  # when it was opened last

    def open(self) -> Seekable:
        """Begin anew. Raises OSError, also where it is not the file that it was, or shorter."""
        file = FileIO(self._path)
        now = os.fstat(file.fileno())
        if self._known not in (None, (now.st_dev, now.st_ino)) or now.st_size < self._size:
            file.close()
            raise OSError("it was replaced or cut while it was looked into")
        self._known, self._size = (now.st_dev, now.st_ino), now.st_size
        return file

    def size(self) -> int:
        """How many octets there are now; 0 where it is gone."""
        try:
            return os.stat(self._path).st_size
        except OSError:
            return 0

    def tail(self, most: int) -> bytes:
        """Its last octets, so many at most. Raises OSError."""
        with FileIO(self._path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most))
            return file.read(most)

    def close(self) -> None:
        """Hold nothing."""


class Pipe:
    """What gives its octets only once, and a copy of those it gave."""

    regular = False

    def __init__(self, file: Source) -> None:
        import tempfile  # here: it alone costs what reading a small file costs

        self._file = file
        try:
            self._copy = tempfile.TemporaryFile(buffering=0, dir=_roomy())  # noqa: SIM115
        except OSError as error:
            file.close()
            raise OSError(f"no copy of a pipe can be kept in {_roomy()}: {error.strerror}") from error
        self._size = 0  # octets in the copy
        self._failure: OSError | None = None

    def open(self) -> Seekable:
        """Begin anew, with the first octet that the pipe gave."""
        return _Reading(self)

    def size(self) -> int:
        """How many octets the pipe has given."""
        return self._size

    def tail(self, most: int) -> bytes:
        """Nothing."""
        return b""

    def close(self) -> None:
        """Give back the pipe, and drop the copy."""
        self._file.close()
        self._copy.close()

    def read(self, at: int, buffer: memoryview) -> int:
        """Read octets from number `at` on, of the copy or, at its end, of the pipe."""
        if at < self._size:
            return os.preadv(self._copy.fileno(), [buffer[: self._size - at]], at)
        if self._failure is None:
            try:
                return self._take(buffer)
            except OSError as error:
                self._failure = error  # every reading ends here, as this one does
        raise self._failure

    def _take(self, buffer: memoryview) -> int:
        got = self._file.readinto(buffer) or 0
        disk = os.fstatvfs(self._copy.fileno())
        if got and disk.f_bavail * disk.f_frsize < RESERVE + got:
            raise OSError(f"no room left in {_roomy()} for the copy of a pipe (TMPDIR names another place)")
        written = 0
        while written < got:
            written += self._copy.write(buffer[written:got])
        self._size += got
        return got


class _Reading:
    """One reading of a pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe, self._at = pipe, 0

    def readinto(self, buffer: memoryview, /) -> int:
        got = self._pipe.read(self._at, buffer)
        self._at += got
        return got

    def seek(self, at: int, /) -> None:
        """Go on with octet number `at`, which the pipe has given."""
        self._at = at

    def close(self) -> None:
        """Leave the pipe open for the next reading."""


class Watched:
    """A source that tells how many octets it gave, each time that it gave some."""

    def __init__(self, source: Seekable, tell: Callable[[int], None]) -> None:
        self._source, self._tell, self._at = source, tell, 0

    def readinto(self, buffer: memoryview, /) -> int:
        """Read, and tell."""
        got = self._source.readinto(buffer) or 0
        self._at += got
        self._tell(got)
        return got

    def seek(self, at: int, /) -> None:
        """Go on with octet number `at`, as if those up to it had been read."""
        self._source.seek(at)
        self._tell(at - self._at)
        self._at = at

    def close(self) -> None:
        """Give the source back."""
        self._source.close()


def _roomy() -> str:
    """The directory for large files that nobody misses."""
    return os.environ.get("TMPDIR") or ("/var/tmp" if os.path.isdir("/var/tmp") else "/tmp")
