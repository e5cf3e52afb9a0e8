"""What a capture file holds beside its frames, as far as it has been read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bypeer.capture.stream import Stream
from bypeer.core.frames import Frames, Interface

MOST_COMMENTS = 10_000
LONGEST_TEXT = 1_000  # octets kept of a comment or a name


@dataclass(frozen=True, slots=True)
class Damage:
    """Where the file stops making sense; everything before was delivered."""

    offset: int  # octets from the start of the file
    reason: str


@dataclass(frozen=True, slots=True)
class Loss:
    """Frames that the capturing host says it did not write."""

    interface: int  # row of Capture.interfaces
    counter: str  # isb_ifdrop, isb_osdrop, epb_dropcount
    count: int


@dataclass(frozen=True, slots=True)
class Comment:
    """Words that somebody left in the file."""

    frame: int  # its number, or 0 for a section or an interface
    text: str


Reader = Callable[[Stream, "Capture"], Iterator[Frames]]


class Capture:
    """A capture file. All but its path and format grows while `frames` is read.

    Made by `read.open_capture`.
    """

    __slots__ = (
        "_lost", "_open", "_pending", "_reader",
        "comments", "damage", "format", "interfaces", "names", "oddities", "packets", "path",
    )  # fmt: skip

    def __init__(self, path: str, form: str, reader: Reader, reopen: Callable[[], Stream]) -> None:
        self.path = path
        self.format = form
        self._reader = reader
        self._open = reopen
        self._pending: Stream | None = None  # of input that can be read only once
        self._forget()

    def _forget(self) -> None:
        # New lists, not emptied ones: who kept those of an earlier reading keeps them.
        self.interfaces: list[Interface] = []
        self.packets = 0
        self.damage: Damage | None = None
        self.comments: list[Comment] = []
        self.names: dict[str, str] = {}  # address or endpoint made up for a printed name: that name
        self.oddities: dict[str, int] = {}  # what only the reader of the format can see: how often
        self._lost: dict[tuple[int, str], int] = {}

    @property
    def losses(self) -> list[Loss]:
        """What was not captured, by the file's own account."""
        return [
            Loss(interface, counter, count) for (interface, counter), count in self._lost.items() if count
        ]

    def frames(self) -> Iterator[Frames]:
        """Read the file from its start, a batch at a time, each good until the next is asked for.

        Ends at the end of the file or at `damage`. May be called again, not at the same time.
        """
        stream, self._pending = self._pending or self._open(), None
        self._forget()
        try:
            yield from self._reader(stream, self)
        finally:
            stream.close()

    def close(self) -> None:
        """Give back a pipe that was opened and never read."""
        if self._pending is not None:
            self._pending.close()
            self._pending = None

    def keep(self, stream: Stream) -> None:
        """Read from this stream first: its beginning cannot be had again."""
        self._pending = stream

    def sha256(self) -> str:
        """Digest of the file as it lies there now, in hexadecimal."""
        stream, digest = self._open(), hashlib.sha256()
        try:
            while stream.fill(1):
                with memoryview(stream.octets) as view:
                    digest.update(view[stream.pos : stream.end])
                stream.pos = stream.end
        finally:
            stream.close()
        return digest.hexdigest()

    # What readers report.

    def deliver(self, frames: Frames) -> Frames:
        """Count a batch that is about to be lent out."""
        self.packets += frames.count
        return frames

    def damaged(self, stream: Stream, reason: str) -> None:
        """Stop at the stream's first unread octet."""
        self.damage = Damage(stream.offset, stream.failure or reason)

    def comment(self, frame: int, text: bytes) -> None:
        """Keep somebody's words, within bounds."""
        if len(self.comments) < MOST_COMMENTS:
            self.comments.append(Comment(frame, text[:LONGEST_TEXT].decode("utf-8", "replace")))

    def lost(self, interface: int, counter: str, count: int, so_far: int = 0) -> None:
        """Note that `count` frames were lost, beside `so_far` times those noted before."""
        key = interface, counter
        self._lost[key] = count + so_far * self._lost.get(key, 0)
