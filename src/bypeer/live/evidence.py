"""What the kernel says while packets are recorded: all who can be heard, and who cannot and why.

    with Evidence(allow=True) as evidence:     # in the thread of the NAT host's namespace
        drop()                                 # privilege.py: from here on it needs none
        while recording:
            events += evidence.wait(0.1)

Each witness has a `source`, a descriptor to wait on, `read`, which does not wait, `lost`, how often it
lost something, and `close`. Those that must change the host to be heard are called only where that is
allowed, and what they change the supervisor takes back.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Protocol, Self, TypeVar

from bypeer.core.evidence import Event
from bypeer.errors import HostError
from bypeer.live.changes import LOGGING, SNAPLEN, read_sysctl
from bypeer.live.conntrack import NEW, Arrivals, Ends, entry_fields
from bypeer.live.counters import TcpCounters
from bypeer.live.events import segment_fields
from bypeer.live.modules import would_load
from bypeer.live.nflog import LostError, Nflog
from bypeer.live.supervisor import Supervisor
from bypeer.live.tracepoints import Tracepoints

NEEDS = "needs --allow-system-changes"

_AT_ONCE = 1024  # datagrams a read
_PLAUSIBLE = 60_000_000_000  # ns between a packet and the reading of its line
_FIRST_GROUP, _GROUPS = 0xB1F0, 16  # of NFLOG, for our own rules: the first that nobody reads
_SO_TIMESTAMPNS = 35  # include/uapi/asm-generic/socket.h

T = TypeVar("T")


class Witness(Protocol):
    """One who may speak."""

    source: str
    lost: int

    def fileno(self) -> int: ...  # noqa: D102
    def read(self) -> list[Event]: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Lines:
    """A group of NFLOG: the tracker's own lines, or those of our rules."""

    def __init__(self, source: str, group: int) -> None:
        self.source, self.lost = source, 0
        self._log = Nflog(group, SNAPLEN)

    def fileno(self) -> int:
        """Readable when there are lines."""
        return self._log.fileno()

    def close(self) -> None:
        """Leave the group to others."""
        self._log.close()

    def read(self) -> list[Event]:
        """What was logged. `clock` is "packet" where the kernel says when the packet came, else "reader"."""
        events = []
        try:
            for line in self._log.lines(_AT_ONCE):
                said = _rule(line.prefix) if self.source == "nft" else {"prefix": line.prefix.strip()}
                now = time.time_ns()
                # Before 5.18 a packet of the host's own may bear another clock's time.
                stamped = abs(now - line.ts) < _PLAUSIBLE
                fields = {**said, **segment_fields(line.packet), "clock": "packet" if stamped else "reader"}
                events.append(Event(line.ts if stamped else now, self.source, fields))
        except LostError:
            self.lost += 1
        return events


def _rule(prefix: str) -> dict[str, str | int]:
    what, _, hook = prefix.partition(" ")
    return {"rule": what, "hook": hook}


class Entries:
    """The tracker's entries of TCP connections, as they come and go."""

    source = "conntrack"

    def __init__(self) -> None:
        self.lost = 0
        self._arrivals = Arrivals()
        self._empty = time.time_ns()  # when there last was nothing to read

    def fileno(self) -> int:
        """Readable when an entry came or went."""
        return self._arrivals.fileno()

    def close(self) -> None:
        """Listen no more."""
        self._arrivals.close()

    def read(self) -> list[Event]:
        """Which came (NEW) and went (DESTROY); the time is that of reading, `since` the earliest possible."""
        events = []
        for _ in range(_AT_ONCE):
            asked = time.time_ns()
            try:
                messages = self._arrivals.receive()
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.lost += 1
                continue
            if messages is None:
                self._empty = asked
                break
            for message in messages:
                if fields := entry_fields(message):
                    kind = "NEW" if message.type == NEW else "DESTROY"
                    said = {"event": kind, **fields, "clock": "reader", "since": self._empty}
                    events.append(Event(time.time_ns(), self.source, said))
        return events


class Evidence:
    """Everything that can be heard in the namespace of the thread that makes it."""

    def __init__(self, *, allow: bool, whose: str = "host") -> None:
        """`allow`: whether the host may be changed for it. `whose` the counters are."""
        self.missing: dict[str, str] = {}  # why a source is not heard
        self.witnesses: list[Witness] = []
        self.broken: dict[str, str] = {}  # why a source was heard, and may not have been ever since
        self._whose, self._allow = whose, allow
        self._ended = False  # the supervisor, before it was told to
        self._settings: dict[str, int] = {}  # descriptors of LOGGING's sysctls
        with ExitStack() as opened:
            self._supervisor = opened.enter_context(Supervisor(allow=allow))
            opened.enter_context(_ask_for_stamps())
            self._counters = opened.enter_context(closing(TcpCounters()))
            for source, open_it in (
                ("conntrack", self._open_entries),
                ("tracepoint", self._open_tracepoints),
                ("nft", self._open_rules),
                ("nflog", self._open_reasons),
            ):
                self._try(source, open_it, opened)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def filenos(self) -> list[int]:
        """What to wait on besides other things; then `read`."""
        supervisor = [] if self._ended else [self._supervisor.fileno()]
        return [*supervisor, *(one.fileno() for one in self.witnesses)]

    def wait(self, seconds: float) -> list[Event]:
        """What is said within that time, as soon as something is."""
        poll = select.poll()
        for fd in self.filenos():
            poll.register(fd, select.POLLIN)
        poll.poll(seconds * 1000)
        return self.read()

    def read(self) -> list[Event]:
        """What has been said, by time, of each witness at most so much; does not wait."""
        if not self._ended and select.select([self._supervisor], [], [], 0)[0]:
            self._ended = True
            self._break(
                "the supervisor has ended, and took back what it had changed", "nflog", "nft", "tracepoint"
            )
        return sorted((event for one in self.witnesses for event in one.read()), key=lambda event: event.ts)

    def sample(self) -> Event:
        """The counters as they are now; looks too whether what was set for us still is."""
        found: dict[str, str | int] = {"of": self._whose, **self._counters.read()}
        found |= self._ask(self._supervisor.counters) or {}
        self._check(found)
        return Event(time.time_ns(), "counters", found)

    def entries(self, ends: Sequence[Ends]) -> list[Event]:
        """The tracker's entries of these connections as they are now, named by either side of the NAT."""
        found = self._ask(lambda: self._supervisor.entries(ends)) or []
        now = time.time_ns()
        return [Event(now, "conntrack", {"event": "ENTRY", **one}) for one in found if one]

    def _ask(self, question: Callable[[], T]) -> T | None:
        """What the supervisor answers; None from the first time on that it cannot."""
        if "statistics" in self.missing:
            return None
        try:
            return question()
        except HostError as error:
            self.missing["statistics"] = str(error)
            return None

    def about(self) -> Event:
        """What the recorder says of its own hearing: sources used, missing and why, lost."""
        lost = {one.source: one.lost for one in self.witnesses if one.lost}
        fields: dict[str, str | int] = {
            "used": " ".join(one.source for one in self.witnesses),
            "lost": " ".join(sorted({*lost, *self.broken})),
        }
        fields |= {f"missing_{source}": why for source, why in self.missing.items()}
        fields |= {f"broken_{source}": why for source, why in self.broken.items()}
        fields |= {f"changed_{name}": f"was {value}" for name, value in self._supervisor.earlier.items()}
        return Event(time.time_ns(), "recorder", fields)

    def close(self) -> list[str]:
        """Listen no more, have the host put back, and say what could not be."""
        self.witnesses.clear()
        self._settings.clear()
        self._opened.close()
        return self._supervisor.left

    def _try(self, source: str, open_it: Callable[[], Witness], opened: ExitStack) -> None:
        try:
            self.witnesses.append(opened.enter_context(closing(open_it())))
        except HostError as error:
            self.missing[source] = str(error)
        if source == "nflog" and "nflog" not in self.missing:
            self._watch_settings(opened)

    def _watch_settings(self, opened: ExitStack) -> None:
        for name in LOGGING:
            if read_sysctl(name) is not None:
                fd = os.open(f"/proc/sys/{name.replace('.', '/')}", os.O_RDONLY | os.O_CLOEXEC)
                opened.callback(os.close, fd)
                self._settings[name] = fd

    def _open_entries(self) -> Witness:
        try:
            self._only_if_loaded("nf_conntrack_netlink")
        except HostError as error:
            self.missing["statistics"] = str(error)
            raise
        return Entries()

    def _open_tracepoints(self) -> Witness:
        self._only_if_allowed("making a tracing instance")
        pipe, _ = self._supervisor.trace()
        return Tracepoints(pipe)

    def _open_rules(self) -> Witness:
        self._only_if_allowed("adding rules that log")
        group, lines = _free_group()
        try:
            self._supervisor.add_rules(group)
        except BaseException:
            lines.close()
            raise
        return lines

    def _open_reasons(self) -> Witness:
        for name in _unset():
            self._only_if_allowed(f"setting {name}, which is {read_sysctl(name)},")
        self._only_if_loaded("nfnetlink_log")
        lines = Lines("nflog", 0)  # first, so that nothing is changed where another has the group
        try:
            if _unset():
                self._supervisor.log_reasons()
        except BaseException:
            lines.close()
            raise
        return lines

    def _only_if_allowed(self, what: str) -> None:
        if not self._allow:
            raise HostError(f"{what} {NEEDS}")

    def _only_if_loaded(self, module: str) -> None:
        if would_load(module):
            self._only_if_allowed(f"loading the kernel module {module}")

    def _check(self, counters: dict[str, str | int]) -> None:
        """Whether somebody else took away what we need."""
        for name, fd in self._settings.items():
            value = os.pread(fd, 64, 0).decode("ascii", "replace").strip()
            if value not in LOGGING[name][1]:
                self._break(f"{name} was set to {value} meanwhile", "nflog")
        if "reset output" not in counters:
            self._break("the rules were removed meanwhile", "nft")

    def _break(self, why: str, *sources: str) -> None:
        for one in self.witnesses:
            if one.source in sources:
                self.broken.setdefault(one.source, why)


def _unset() -> list[str]:
    """The sysctls that keep the tracker's lines from us. HostError where there is no tracker."""
    values = {name: read_sysctl(name) for name in LOGGING}
    if values["net.netfilter.nf_conntrack_log_invalid"] is None:
        raise HostError("this kernel has no connection tracking, or it is not loaded")
    return [name for name, value in values.items() if value is not None and value not in LOGGING[name][1]]


def _free_group() -> tuple[int, Lines]:
    for group in range(_FIRST_GROUP, _FIRST_GROUP + _GROUPS):
        try:
            return group, Lines("nft", group)
        except HostError as error:
            refused = error
    raise refused


def _ask_for_stamps() -> socket.socket:
    """A socket that makes the kernel note when packets come, as a recorder's rings do: NFLOG then says it."""
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    asking.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return asking
