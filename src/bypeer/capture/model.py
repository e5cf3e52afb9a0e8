"""What a capture file holds beside its frames, as far as it has been read."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple

from bypeer.capture.source import Origin, Seekable, Watched
from bypeer.capture.stream import SIZE, Source, Stream
from bypeer.capture.unpack import Packing, Unpacked
from bypeer.core.evidence import Event
from bypeer.core.frames import Frames, Interface, Span
from bypeer.errors import CaptureError

MOST_COMMENTS = 10_000
LONGEST_TEXT = 1_000  # octets kept of a comment or a name
MOST_EVENTS, MOST_EVENT_OCTETS = 20_000, 8 << 20  # of the kernel's words, as they lie in the file


class Damage(NamedTuple):
    """Where the file stops making sense; everything before was delivered."""

    offset: int  # octets from the start of the file, or of what it unpacks to
    reason: str


class Loss(NamedTuple):
    """Frames that the capturing host says it did not write."""

    interface: int  # row of Capture.interfaces
    counter: str  # isb_ifdrop, isb_osdrop, epb_dropcount
    frames: int


class Comment(NamedTuple):
    """Words that somebody left in the file."""

    frame: int  # its number, or 0 for a section or an interface
    text: str


# What a capture is made with; all else of it is told by reading.
_GIVEN = ("_origin", "_reader", "format", "packing", "path", "watch")

Reader = Callable[[Stream, "Capture"], Iterator[Frames]]

# What is being done, and how many more octets of the file, as it lies there, were read for it.
Watch = Callable[[str, int], None]


class Capture:
    """A capture file. All but its path and formats grows while `frames` is read.

    Made by `read.open_capture`, and to be closed, for the sake of a pipe.
    """

    __slots__ = (
        "_event_octets", "_lost", "_origin", "_reader", "comments", "damage", "events", "format",
        "grew", "interfaces", "names", "oddities", "packets", "packing", "path", "watch",
    )  # fmt: skip

    def __init__(self, path: str, form: str, reader: Reader, origin: Origin, packing: Packing | None) -> None:
        self.path = path
        self.format = form
        self.packing = packing  # None: the file is not compressed
        self.watch: Watch | None = None
        self._reader = reader
        self._origin = origin
        self._forget()

    def _forget(self) -> None:
        # New lists, not emptied ones: who kept those of an earlier reading keeps them.
        self.interfaces: list[Interface] = []
        self.packets = 0
        self.grew: list[
            tuple[int, int]
        ] = []  # from which frame on, at the latest, how many interfaces are known
        self.damage: Damage | None = None
        self.comments: list[Comment] = []
        self.events: list[Event] = []  # what the kernel said (a case file)
        self._event_octets = 0
        self.names: dict[str, str] = {}  # address or endpoint made up for a printed name: that name
        self.oddities: dict[str, int] = {}  # what only the reader of the format can see: how often
        self._lost: dict[tuple[int, str], int] = {}

    @property
    def found(self) -> tuple[Any, ...]:
        """All that reading it has told, for `remember`."""
        return tuple(getattr(self, name) for name in self.__slots__ if name not in _GIVEN)

    def remember(self, found: tuple[Any, ...]) -> None:
        """Be as if it had been read here: another process did."""
        for name, value in zip((one for one in self.__slots__ if one not in _GIVEN), found, strict=True):
            setattr(self, name, value)

    @property
    def regular(self) -> bool:
        """Whether it is a file: any process can read it, and its end is there before all was read."""
        return self._origin.regular

    @property
    def printed(self) -> bool:
        """Whether it is text that a tool printed for people."""
        return self.format.endswith(" text")

    @property
    def losses(self) -> list[Loss]:
        """What was not captured, by the file's own account."""
        return [
            Loss(interface, counter, count) for (interface, counter), count in self._lost.items() if count
        ]

    def frames(self, doing: str = "reading") -> Generator[Frames]:
        """Read the file from its start, a batch at a time, each good until the next is asked for.

        Ends at the end of the file or at `damage`. May be called again, not at the same time.
        `doing` is what the watch is told.
        """
        stream = Stream(unpacked(self._open(doing), self.packing))
        self._forget()
        try:
            yield from self._reader(stream, self)
        finally:
            stream.close()

    def again(self, spans: Sequence[Span], doing: str = "reading again") -> Generator[Frames]:
        """Read batches with these frames once more, and others on the way; nothing else is told of them.

        Raises CaptureError where they are not there any more.
        """
        second, last = Again(self, spans), spans[-1].last
        with closing(second.frames(doing)) as batches:
            for batch in batches:
                batch.count = min(batch.count, last - batch.first + 1)  # the file may have grown
                if batch.count > 0:
                    yield batch
                if batch.first + batch.count > last:
                    return
        raise CaptureError(self.path, 0, "it changed while it was looked into")

    def close(self) -> None:
        """Give back what is held between readings: of a pipe, itself and its copy."""
        self._origin.close()

    @property
    def size(self) -> int:
        """Octets of the file, packed as it is; of a pipe, those that it has given."""
        return self._origin.size()

    def sha256(self) -> str:
        """Digest of the file as it lies there now, in hexadecimal; a pipe is read to its end."""
        import hashlib  # here: it costs 2 ms, and text shows no digest

        stream, digest = Stream(self._open("checksums")), hashlib.sha256()
        try:
            while stream.fill(1):
                with memoryview(stream.octets) as view:
                    digest.update(view[stream.pos : stream.end])
                stream.pos = stream.end
        finally:
            stream.close()
        return digest.hexdigest()

    # For who wants to look at some octets only, uncompressed as they lie there.

    def head(self, most: int) -> bytes:
        """Its first octets, so many at most, and SIZE."""
        stream = Stream(self._open())
        try:
            stream.fill(min(most, SIZE))
            return bytes(stream.octets[: min(most, stream.end)])
        finally:
            stream.close()

    def tail(self, most: int, least: int) -> bytes:
        """Its last octets, so many at most; none, if it has less than `least` or is no file."""
        try:
            return self._origin.tail(most) if self._origin.size() >= least else b""
        except OSError as error:
            raise CaptureError(self.path, 0, error.strerror or str(error)) from error

    def part(self, octets: bytes) -> Capture:
        """These octets, unpacked ones, as a capture of the same format."""
        return Capture(self.path, self.format, self._reader, _Memory(octets), None)

    def _open(self, doing: str = "") -> Source:
        try:
            source = self._origin.open()
        except OSError as error:
            raise CaptureError(self.path, 0, error.strerror or str(error)) from error
        return Watched(source, partial(self.watch, doing)) if self.watch and doing else source

    # What readers report.

    def deliver(self, frames: Frames) -> Frames:
        """Count a batch that is about to be lent out."""
        self.packets += frames.count
        if not self.grew or self.grew[-1][1] != len(self.interfaces):
            self.grew.append((frames.first, len(self.interfaces)))
        return frames

    def onward(self, stream: Stream, frames: Frames) -> None:
        """Empty a batch for the frames that follow, from the stream's first unread octet on."""
        frames.first += frames.count
        frames.count = 0

    def damaged(self, stream: Stream, reason: str) -> None:
        """Stop at the stream's first unread octet."""
        self.damage = Damage(stream.offset, stream.failure or reason)

    def comment(self, frame: int, text: bytes) -> None:
        """Keep somebody's words, within bounds."""
        if len(self.comments) < MOST_COMMENTS:
            self.comments.append(Comment(frame, text[:LONGEST_TEXT].decode("utf-8", "replace")))

    def event(self, event: Event, octets: int) -> None:
        """Keep what the kernel said, within bounds; `octets` is its size in the file."""
        if len(self.events) < MOST_EVENTS and self._event_octets + octets <= MOST_EVENT_OCTETS:
            self.events.append(event)
            self._event_octets += octets
        else:
            self.odd("events of the kernel left out, there being too many")

    def odd(self, kind: str) -> None:
        """Count something that only the reader of the format can see."""
        self.oddities[kind] = self.oddities.get(kind, 0) + 1

    def lost(self, interface: int, counter: str, count: int, so_far: int = 0) -> None:
        """Note that `count` frames were lost, beside `so_far` times those noted before."""
        key = interface, counter
        self._lost[key] = count + so_far * self._lost.get(key, 0)


class Again(Capture):
    """A capture that was read to its end, and now is read in places."""

    __slots__ = ("_grown", "_spans")

    def __init__(self, first: Capture, spans: Sequence[Span]) -> None:
        super().__init__(first.path, first.format, first._reader, first._origin, first.packing)
        self.watch = first.watch
        self._grown, self._spans = first.grew, deque(spans)

    def onward(self, stream: Stream, frames: Frames) -> None:
        """Go where the next frames are that are wanted, if the octets between need not be read for it.

        They must be, where they tell of an interface.
        """
        super().onward(stream, frames)
        while len(self._spans) > 1 and self._spans[0].last < frames.first:
            self._spans.popleft()
        span = self._spans[0]
        if span.offset < 0 or span.first <= frames.first:
            return
        at = bisect_right(self._grown, span.first, key=lambda one: one[0])
        known = self._grown[at - 1][1] if at else 0
        if known == len(self.interfaces) and stream.go(span.offset, span.stop):
            frames.first = span.first


class _Memory:
    """Octets that are at hand, as an origin."""

    regular = False

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def open(self) -> Seekable:
        return BytesIO(self._octets)

    def size(self) -> int:
        return len(self._octets)

    def tail(self, most: int) -> bytes:
        return self._octets[-most:]

    def close(self) -> None:
        """Hold nothing."""


def unpacked(source: Source, form: Packing | None) -> Source:
    """What a source unpacks to, if it is packed. Raises ImportError where an extra is missing."""
    if form is None:
        return source
    try:
        return Unpacked(source, form)
    except ImportError:
        source.close()
        raise
