"""Both sides of a target and the kernel's own word, from now on, kept in memory; written when it matters.

    with Recording(held, taps(held), allow=False) as recording:    # all that takes privileges
        drop()
        while ...:
            caught = recording.wait(0.1)
        recording.write(path, since, until)

Source: docs/case-file.md for what is written.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

from bypeer import __version__
from bypeer.capture import case
from bypeer.core.describe import Names, describe
from bypeer.core.evidence import Event, Evidence
from bypeer.core.explain import Analysis, analyse
from bypeer.core.explanation import Explanation, Input, Role, Tool
from bypeer.core.frames import Frames, Interface, Span
from bypeer.core.marks import marks
from bypeer.errors import LiveError
from bypeer.live import bpf
from bypeer.live import evidence as kernel
from bypeer.live.blocks import Caught
from bypeer.live.facts import facts
from bypeer.live.history import EVER, History
from bypeer.live.hold import Held
from bypeer.live.ring import Ring
from bypeer.live.taps import Tap, Taps

MEMORY = 64 << 20  # octets of a vantage's history
SNAPLEN = 96  # octets kept of a packet
SAMPLED = 10  # s between two looks at the counters
MOST_EVENTS = 200_000  # that are kept; 0.5 kB each
_SECOND = 1_000_000_000  # ns
_LINK = "Ethernet"


class Lane(NamedTuple):
    """A vantage that is being recorded."""

    role: Role
    tap: Tap
    ring: Ring


class Seen(NamedTuple):
    """A segment with a watched flag, as it passed a vantage."""

    role: Role
    caught: Caught


class Window:
    """A span of a vantage's history, which can be scanned like a capture."""

    def __init__(self, history: History, since: int, until: int) -> None:
        self.interfaces: list[Interface] = history.interfaces
        self._history, self._since, self._until = history, since, until

    def frames(self) -> Iterator[Frames]:
        """The packets of that span."""
        yield from self._history.frames(self._since, self._until)

    def again(self, _: Sequence[Span]) -> Iterator[Frames]:
        """All of them: they lie in memory."""
        return self.frames()


class Recording:
    """A target under record. Made in the thread of the NAT host's namespace."""

    def __init__(
        self, held: Held, ways: Taps, *, allow: bool = False, memory: int = MEMORY, snaplen: int = SNAPLEN,
        chosen: str = "",
    ) -> None:  # fmt: skip
        """`allow`: whether the host may be changed for the kernel's evidence. `chosen`: a pcap filter.

        Raises LiveError without any tap, HostError where libpcap is missing or objects to the filter.
        """
        self.target = held.target
        self.lanes: list[Lane] = []
        self.events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self.forgotten = 0  # events that made room
        self._sampled = 0.0
        self._counts: list[case.Counts] = []
        wanted: list[tuple[Role, Tap | None]] = [("inside", ways.inside), ("outside", ways.outside)]
        if not any(tap for _, tap in wanted):
            raise LiveError(f"{held.target}: there is no interface to listen at")
        try:
            for role, tap in wanted:
                if tap is not None:
                    self.lanes.append(Lane(role, tap, _ring(tap, memory, snaplen, chosen)))
            self._kernel = kernel.Evidence(allow=allow)
        except BaseException:
            self._close_rings()
            raise
        self._note(facts())
        self._note(self._kernel.about())
        self._sample()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def missing(self) -> dict[str, str]:
        """Of the kernel's evidence: what is not heard, and why."""
        return self._kernel.missing

    @property
    def faults(self) -> list[str]:
        """What is wrong with the interfaces now."""
        return [lane.ring.fault for lane in self.lanes if lane.ring.fault]

    @property
    def resets(self) -> int:
        """RSTs so far, each counted at each vantage; all of them, however many came at once."""
        return sum(lane.ring.caught for lane in self.lanes)

    def wait(self, seconds: float, *others: int) -> list[Seen]:
        """Record for that time at most; earlier if something came. What was caught; `others` end it, too."""
        poll = select.poll()
        for fd in (*(lane.ring.fileno() for lane in self.lanes), *self._kernel.filenos(), *others):
            poll.register(fd, select.POLLIN)
        poll.poll(seconds * 1000)
        return self.drain()

    def drain(self) -> list[Seen]:
        """Take what is there, and what the kernel has said."""
        seen = [Seen(lane.role, one) for lane in self.lanes for one in lane.ring.drain()]
        for event in self._kernel.read():
            self._note(event)
        if time.monotonic() - self._sampled > SAMPLED:
            self._sample()
        return seen

    def settle(self) -> None:
        """Note all counts as they are now: what `write` tells of them."""
        self._sample()
        self._note(self._kernel.about())
        self._counts = [_counts(lane.ring) for lane in self.lanes]

    def lost(self, since: int, until: int) -> int:
        """Packets that may have been lost in that time (ns)."""
        return sum(lane.ring.lost(since, until) for lane in self.lanes)

    def write(self, path: str | os.PathLike[str], since: int = EVER[0], until: int = EVER[1]) -> Explanation:
        """Write what was recorded in that time (ns) to a case file; what it means. Raises OSError.

        Only reads memory, so that a fork may do it.
        """
        sources = [Window(lane.ring.history, since, until) for lane in self.lanes]
        events = [one for one in self.events if since <= one.ts <= until or one.source in _ALWAYS]
        analysis, found = self._explained(sources, events, since, until)
        told = marks(analysis, found)
        vantages = [
            case.Vantage(
                source=source, name=lane.tap.name, description=f"{lane.role}: {self.target}",
                os=_system(), marks=told.get(row, {}), drops=_drops(lane.ring, since, until),
                counts=self._counts[row],
            )
            for row, (lane, source) in enumerate(zip(self.lanes, sources, strict=True))
        ]  # fmt: skip
        comments = [f"{self.target}", *(f"not heard: {name}: {why}" for name, why in self.missing.items())]
        case.write(path, case.About(f"bypeer {__version__}", _system(), comments), vantages, events)
        return found

    def close(self) -> list[str]:
        """End it; what could not be put back on the host."""
        self._close_rings()
        return self._kernel.close()

    def _explained(
        self, sources: Sequence[Window], events: Sequence[Event], since: int, until: int
    ) -> tuple[Analysis, Explanation]:
        """What happened in that time."""
        roles = {row: lane.role for row, lane in enumerate(self.lanes)}
        lossy = {row for row, lane in enumerate(self.lanes) if lane.ring.lost(since, until)}
        heard = Evidence({row: events for row in range(len(sources))})
        analysis = analyse(sources, None, roles, lambda row: row in lossy, evidence=lambda: heard)
        inputs = [
            Input(lane.tap.name, None, "live", scan.packets, scan.tcp, scan.rst, {}, None, [])
            for lane, scan in zip(self.lanes, analysis.scans, strict=True)
        ]
        names = {(row, 0): (lane.tap.name, _LINK) for row, lane in enumerate(self.lanes)}
        return analysis, describe(analysis, inputs, Names(names), Tool("bypeer", __version__), None)

    def _note(self, event: Event) -> None:
        if len(self.events) == MOST_EVENTS:
            self.forgotten += 1
        self.events.append(event)

    def _sample(self) -> None:
        self._sampled = time.monotonic()
        self._note(self._kernel.sample())

    def _close_rings(self) -> None:
        for lane in self.lanes:
            lane.ring.close()


# Events that belong to every case file, whenever they were said.
_ALWAYS = ("host", "recorder", "counters")


def _ring(tap: Tap, memory: int, snaplen: int, chosen: str) -> Ring:
    history = History(memory, tap.name)
    program = partial(bpf.compile_filter, chosen) if chosen else bpf.tcp
    if tap.namespace is None:
        return Ring(tap.name, history, snaplen, program)
    return tap.namespace.call(Ring, tap.name, history, snaplen, program)


def _system() -> str:
    return f"{os.uname().sysname} {os.uname().release}"


def _drops(ring: Ring, since: int, until: int) -> list[tuple[int, int]]:
    return [(one.until, one.dropped) for one in ring.losses if since <= one.until and one.since <= until]


def _counts(ring: Ring) -> case.Counts:
    found = ring.counts()
    return case.Counts(
        received=found.received,
        accepted=found.received - found.filtered,
        dropped=found.dropped,
        delivered=found.recorded + found.overwritten,
    )
