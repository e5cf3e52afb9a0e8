"""What a vantage saw last: a ring of packets in a fixed amount of memory.

The memory is cut into pages that are filled one after the other; when all are full, the oldest is
emptied and filled anew. So nothing is moved, what was thrown out is counted by the page, and a span of
time is found by looking at pages.

A record: time (8 octets, ns), length on the wire (4), octets kept (2), way (2), the octets themselves,
up to a multiple of 8. All in the machine's order.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from bypeer.core.frames import BATCH, Frames, Interface
from bypeer.live import memory

# Ways a packet went, sll_pkttype in packet(7): to this machine; broadcast; multicast; to another; from it.
TO_US, BROADCAST, MULTICAST, TO_OTHERS, OUTGOING = range(5)

EVER = (-(1 << 63), (1 << 63) - 1)  # ns
PAGE = 1 << 20  # octets, of which the largest record takes a sixteenth

_ETHERNET = 1  # LINKTYPE_ETHERNET
_HEAD = 16  # octets of a record before the packet's
_LARGEST = 65_535  # octets of a packet
_BATCH = BATCH


class Taken(Frames):
    """A batch out of a history: also the way that each packet went."""

    __slots__ = ("looked", "way")

    def __init__(self) -> None:
        super().__init__()
        self.way = array("q", bytes(8 * BATCH))
        self.looked = 0  # packets of the page that were looked at


class History:
    """The packets of one vantage, the oldest first; a Source that `scan` can read as it reads a capture."""

    __slots__ = (
        "added", "count", "interfaces", "kept", "missed", "newest", "octets", "oldest", "overwritten", "page",
        "pages", "serial", "size", "used", "view",
    )  # fmt: skip

    added: int  # packets that ever came
    overwritten: int  # packets that had to make room
    missed: int  # packets that `frames` would have shown, had they not had to make room meanwhile

    def __init__(self, octets: int = 64 << 20, name: str = "", size: int = PAGE) -> None:
        """`octets` of memory, in pages of `size`; `name` is the interface's."""
        assert size >= _HEAD + _LARGEST + 7
        self.size = size
        self.pages = max(2, octets // size)
        self.octets = bytearray(self.pages * size)
        self.view = memoryview(self.octets)
        self.interfaces = [Interface(_ETHERNET, name)]
        self.added = self.overwritten = self.missed = 0
        self.page = 0  # that is being filled
        # A row a page: octets and packets in it, the least and the greatest time, how often one was begun
        # before it was.
        self.used, self.count, self.oldest, self.newest, self.serial = (
            array("q", bytes(8 * self.pages)) for _ in range(5)
        )

    def place(self, ts: int, captured: int, length: int, way: int) -> int:
        """Make a record, and say where in `view` its `captured` octets are to be written now.

        `ts` in ns, `length` on the wire; at most 65,535 octets are kept of a packet.
        """
        if not 0 <= captured <= _LARGEST:
            raise ValueError("no packet is that long")
        size = _HEAD + (captured + 7 & ~7)
        if self.used[self.page] + size > self.size:
            self._turn()
        page = self.page
        at = page * self.size + self.used[page]
        memory.put_long(self.view, at, ts)
        memory.put_word(self.view, at + 8, length)
        memory.put_half(self.view, at + 12, captured)
        memory.put_half(self.view, at + 14, way)
        if self.count[page] == 0 or ts < self.oldest[page]:
            self.oldest[page] = ts
        if self.count[page] == 0 or ts > self.newest[page]:
            self.newest[page] = ts
        self.used[page] += size
        self.count[page] += 1
        self.added += 1
        return at + _HEAD

    def held(self) -> int:
        """Packets that are in it."""
        return sum(self.count)

    def since(self) -> int | None:
        """The time of the oldest packet, ns; None if there is none."""
        found = None
        for page in range(self.pages):
            if self.count[page] and (found is None or self.oldest[page] < found):
                found = self.oldest[page]
        return found

    def frames(self, since: int = EVER[0], until: int = EVER[1]) -> Iterator[Taken]:
        """The packets of a span of time (ns, both included) that are there now, in batches that lend memory.

        A batch is good until packets are added or the next batch is asked for. What makes room meanwhile
        is passed over and added to `missed`. `offset` is where in `octets` the packet lies.
        """
        batch = Taken()
        batch.octets = self.octets
        for page, serial, end, count in self._now(since, until):
            at = batch.looked = 0
            while at < end and self._there(page, serial):
                at = page_part(self, batch, page, at, end, since, until)
                if batch.count:
                    yield batch
                    batch.first += batch.count
                    batch.count = 0
            if not self._there(page, serial):
                self.missed += count - batch.looked

    def _now(self, since: int, until: int) -> list[tuple[int, int, int, int]]:
        """The pages with packets of that span, the oldest first: number, serial, octets, packets."""
        found = []
        for turn in range(1, self.pages + 1):
            page = (self.page + turn) % self.pages
            if self.count[page] and self.newest[page] >= since and self.oldest[page] <= until:
                found.append((page, self.serial[page], self.used[page], self.count[page]))
        return found

    def _there(self, page: int, serial: int) -> bool:
        """Whether that page has not been begun anew."""
        return self.serial[page] == serial

    def _turn(self) -> None:
        """Begin the next page; what was in it is gone."""
        serial = self.serial[self.page] + 1
        self.page = (self.page + 1) % self.pages
        self.overwritten += self.count[self.page]
        self.used[self.page] = self.count[self.page] = 0
        self.serial[self.page] = serial


def page_part(history: History, batch: Taken, page: int, at: int, end: int, since: int, until: int) -> int:
    """Add a page's records from `at` on to an empty batch, those of the span; where the rest begins."""
    view = history.view
    base = page * history.size
    row = looked = 0
    while row < _BATCH and at < end:
        head = base + at
        ts = memory.long_(view, head)
        captured = memory.half(view, head + 12)
        if since <= ts <= until:
            batch.start[row] = batch.offset[row] = head + _HEAD
            batch.captured[row] = captured
            batch.length[row] = memory.word(view, head + 8)
            batch.ts[row] = ts
            batch.interface[row] = 0
            batch.way[row] = memory.half(view, head + 14)
            row += 1
        at += _HEAD + (captured + 7 & ~7)
        looked += 1
    batch.count = row
    batch.looked += looked
    return at
