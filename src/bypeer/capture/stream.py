"""One reused buffer over a source that is only ever read forwards.

The file is not mapped: readinto is 2.3 times faster on full frames, and a file that shrinks
while it is read is damage, not a SIGBUS.
"""

from __future__ import annotations

from typing import Protocol

# Holds the largest frame (LARGEST_FRAME) with its record header several times over.
SIZE = 1 << 20

# MAXIMUM_SNAPLEN of libpcap and WTAP_MAX_PACKET_SIZE_STANDARD of Wireshark: a record that
# claims more is damage.
LARGEST_FRAME = 262_144

# In a bomb a record of 16 octets takes a 16th of an octet, an empty line a 250th. Compressed by xz or
# zstd -19 a record takes ten octets, a line of tcpdump's text ten, of wholly regular text two and a half.
FREE_RECORDS = 1 << 20  # for which no size is asked
_SMALLEST_RECORD = 2  # octets of the compressed file, on average


class Source(Protocol):
    """What can be read: a file, a pipe, or a decompressor over one."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read into the buffer and say how many octets; 0 at the end."""

    def close(self) -> None:
        """Give the source back."""


class Stream:
    """Unread octets of a source: octets[pos:end], of which octets[pos] is number `offset`."""

    __slots__ = ("_base", "_records", "_source", "_stop", "end", "failure", "octets", "pos")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._base = 0  # number in the source of octets[0]
        self._stop = -1  # octets from there on are not read unasked, if it is known
        self._records = 0
        self.octets = bytearray(SIZE)
        self.pos = self.end = 0
        self.failure = ""  # the operating system's words, if reading failed, or ours

    @property
    def offset(self) -> int:
        """Octets from the start of the source to the first unread one."""
        return self._base + self.pos

    @property
    def unread(self) -> int:
        """How many octets lie ready."""
        return self.end - self.pos

    def fill(self, need: int) -> bool:
        """Have at least `need` unread octets; False if the source ends before.

        This may move the octets, so whoever was lent the buffer must be done with it.
        """
        if self.end - self.pos >= need:
            return True
        assert need <= SIZE
        self.octets[: self.end - self.pos] = self.octets[self.pos : self.end]
        self._base += self.pos
        self.pos, self.end = 0, self.end - self.pos
        with memoryview(self.octets) as view:
            while self.end < need:
                left = self._stop - self._base - self.end
                got = self._read(view[self.end :][:left] if left > 0 else view[self.end :])
                if got == 0:
                    return False
                self.end += got
        return True

    def skip(self, count: int) -> bool:
        """Pass over `count` octets; False if the source ends before."""
        while count > self.end - self.pos:
            count -= self.end - self.pos
            self.pos = self.end
            if not self.fill(1):
                return False
        self.pos += count
        return True

    def go(self, at: int, stop: int) -> bool:
        """Go on with octet number `at` of the source, to read as far as `stop` without being asked for more.

        False if the source must be read from its first octet on.
        """
        seek = getattr(self._source, "seek", None)
        if seek is None:
            return False
        seek(at)
        self._base, self._stop, self.pos, self.end = at, stop, 0, 0
        return True

    def took(self, records: int) -> bool:
        """Count records, blocks or lines; False if they are more than a compressed file has in earnest."""
        self._records += records
        packed = getattr(self._source, "taken", None)
        if packed is None or self._records <= FREE_RECORDS + packed // _SMALLEST_RECORD:
            return True
        self.failure = f"more than a record or line for {_SMALLEST_RECORD} octets of the compressed file"
        return False

    def close(self) -> None:
        """Give the source back."""
        self._source.close()

    def _read(self, room: memoryview) -> int:
        with room:
            try:
                return self._source.readinto(room) or 0
            except OSError as error:
                self.failure = error.strerror or str(error)
                return 0
