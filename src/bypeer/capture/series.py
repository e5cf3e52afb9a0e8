"""Captures that follow one another, read as one: their frame numbers and connections go on.

Which do, rotation.py finds out; mostly there is one capture only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from bypeer.capture.model import Capture, Damage
from bypeer.core.evidence import Event
from bypeer.core.frames import Frames, Interface, Span
from bypeer.core.segment import NO_TIME

# A file that is missing leaves a gap about as long as a file lasts: one that is shorter by this factor
# is only a pause.
_PAUSE = 10
# What a watch is told: a first reading, one for a closer look, one for a picture of all.
DOING = ("reading", "reading again", "reading once more")
_MOST_INTERFACES = 1 << 16  # Segment.interface keeps 16 bits for them


class Piece(NamedTuple):
    """What was read of one file."""

    first: int  # the number of its first frame, counted through all files
    last: int  # that of its last packet; events are numbered among them (pcapng.py)
    packets: int
    began: int  # ns: its first dated frame, or NO_TIME
    ended: int  # ns: its last one


class Series:
    """Captures in order of time, as one source of frames.

    What it knows of them grows while `frames` is read, as in a Capture.
    """

    __slots__ = ("_readings", "_rows", "captures", "interfaces", "pieces")

    def __init__(self, captures: Sequence[Capture]) -> None:
        self.captures = captures
        self.pieces: list[Piece] = []  # a row a capture
        self.interfaces: list[Interface] = []  # those of all, each once
        self._readings = 0  # how often it was read
        self._rows: dict[tuple[int, str, int], int] = {}  # link type, name, how many are alike before it

    @property
    def found(self) -> tuple[Any, ...]:
        """All that reading them has told, for `remember`."""
        return self.pieces, self.interfaces, self._rows, [one.found for one in self.captures]

    def remember(self, found: tuple[Any, ...]) -> None:
        """Be as if they had been read here: another process did."""
        self.pieces, self.interfaces, self._rows, seen = found
        self._readings = 1
        for one, told in zip(self.captures, seen, strict=True):
            one.remember(told)

    @property
    def regular(self) -> bool:
        """Whether all are files, which any process can read."""
        return all(one.regular for one in self.captures)

    @property
    def size(self) -> int:
        """Octets of all files, packed as they are."""
        return sum(one.size for one in self.captures)

    @property
    def events(self) -> list[Event]:
        """What the kernel said, file after file.

        Of several files not what the recorder says of its own hearing: it holds for each alone, so that
        from a silence nothing follows.
        """
        several = len(self.captures) > 1
        events = (event for one in self.captures for event in one.events)
        return [event for event in events if not several or event.source != "recorder"]

    @property
    def printed(self) -> bool:
        """Whether it is text that a tool printed for people."""
        return any(one.printed for one in self.captures)

    @property
    def dropped(self) -> bool:
        """Whether a file says that packets were dropped."""
        return any(one.losses for one in self.captures)

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """The times between two files, ns, from which packets may be missing: in order.

        That is where a file is damaged, or where it takes so long that there may have been another file.
        """
        found, damaged = [], False
        before: Piece | None = None
        for capture, one in zip(self.captures, self.pieces, strict=False):
            if one.began != NO_TIME:
                if before is not None and before.ended < one.began:
                    pause = min(before.ended - before.began, one.ended - one.began) // _PAUSE
                    if damaged or one.began - before.ended > pause:
                        found.append((before.ended, one.began))
                before, damaged = one, False
            damaged = damaged or capture.damage is not None
        return found

    def frames(self) -> Iterator[Frames]:
        """The frames of each capture after those of the one before; a batch is good until the next."""
        doing = DOING[min(self._readings, len(DOING) - 1)]
        self._readings += 1
        self.pieces, self.interfaces, self._rows = [], [], {}
        for capture in self.captures:
            yield from self._of(capture, doing)

    def again(self, spans: Sequence[Span]) -> Iterator[Frames]:
        """These frames once more: see frames.Source."""
        doing = DOING[min(self._readings, len(DOING) - 1)]
        self._readings += 1
        for capture, piece in zip(self.captures, self.pieces, strict=True):
            own = [_part(one, piece) for one in spans if one.first <= piece.last and one.last >= piece.first]
            if own:
                yield from self._again(capture, piece.first - 1, own, doing)

    def _again(self, capture: Capture, before: int, spans: Sequence[Span], doing: str) -> Iterator[Frames]:
        rows = _Rows()
        with closing(capture.again(spans, doing)) as batches:
            for batch in batches:
                rows.learn(capture.interfaces, self._rows, self.interfaces)
                rows.translate(batch)
                batch.first += before
                yield batch
                batch.first -= before  # the reader counts on from it

    def _of(self, capture: Capture, doing: str) -> Iterator[Frames]:
        done = self.pieces[-1].last if self.pieces else 0
        self.pieces.append(Piece(done + 1, done, 0, NO_TIME, NO_TIME))
        rows = _Rows()
        with closing(capture.frames(doing)) as batches:
            for batch in batches:
                if not rows.learn(capture.interfaces, self._rows, self.interfaces):
                    capture.damage = Damage(
                        batch.offset[0], f"more than {_MOST_INTERFACES} interfaces in all"
                    )
                    return
                rows.translate(batch)
                batch.first += done
                self._note(batch)
                yield batch
                batch.first -= done  # the reader counts on from it

    def _note(self, batch: Frames) -> None:
        """Add a batch to what was read of the capture at hand."""
        piece = self.pieces[-1]
        began, ended = piece.began, newest(batch)
        self.pieces[-1] = Piece(
            piece.first,
            batch.first + batch.count - 1,
            piece.packets + batch.count,
            oldest(batch) if began == NO_TIME else began,
            piece.ended if ended == NO_TIME else ended,
        )


def _part(span: Span, piece: Piece) -> Span:
    """What of a span lies in a piece, by its own numbers."""
    before = piece.first - 1
    here, ends = span.first >= piece.first, span.last <= piece.last
    return Span(
        max(span.first - before, 1),
        min(span.last, piece.last) - before,
        span.offset if here else -1,
        span.stop if ends else -1,
    )


class _Rows:
    """The rows that a capture's interfaces have among those of the series."""

    __slots__ = ("_alike", "_moved", "_rows")

    def __init__(self) -> None:
        self._rows: list[int] = []  # by the capture's row
        self._alike: Counter[tuple[int, str]] = Counter()
        self._moved = False  # a row is not the same as there

    def learn(
        self, known: Sequence[Interface], taken: dict[tuple[int, str, int], int], all_: list[Interface]
    ) -> bool:
        """Take in the interfaces that the capture has named since; False if there is no more room."""
        for number in range(len(self._rows), len(known)):
            one = known[number]
            kind = one.link_type, one.name
            key = (*kind, self._alike[kind])
            self._alike[kind] += 1
            if key not in taken:
                if len(all_) == _MOST_INTERFACES:
                    return False
                taken[key] = len(all_)
                all_.append(one)
            self._rows.append(taken[key])
            self._moved = self._moved or taken[key] != number
        return True

    def translate(self, batch: Frames) -> None:
        """Give the frames the rows of the series; mostly they are the same."""
        if self._moved:
            for row in range(batch.count):
                batch.interface[row] = self._rows[batch.interface[row]]


def oldest(batch: Frames) -> int:
    """The time of the first dated frame, or NO_TIME."""
    for row in range(batch.count):
        if batch.ts[row] != NO_TIME:
            return batch.ts[row]
    return NO_TIME


def newest(batch: Frames) -> int:
    """The time of the last dated frame, or NO_TIME."""
    for row in range(batch.count - 1, -1, -1):
        if batch.ts[row] != NO_TIME:
            return batch.ts[row]
    return NO_TIME
