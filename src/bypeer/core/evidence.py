"""What the kernel itself said while packets were captured: events, and what they tell of a segment.

An event has a time, a source and fields; which fields each source has is said in docs/case-file.md.
A file may hold any number of them, written by anybody: what makes no sense is passed over.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import NamedTuple

from bypeer.core.addresses import Endpoint
from bypeer.core.kernels import KERNELS, LOG_PREFIX, TIMEOUTS, TIMERS, Kernel, Reason, Sysctls, named

# Who may speak: the reason texts of nf_conntrack_log_invalid, rules of bypeer's own nft table, a
# tracepoint, ctnetlink's events, counters read at times, facts of the host, and the recorder itself.
SOURCES = ("nflog", "nft", "tracepoint", "conntrack", "counters", "host", "recorder")

FEW = 16  # events about the same numbers that are looked at, before and after a time
FOREVER = 1 << 62  # ns

Fields = Mapping[str, str | int]
Tuple = tuple[Endpoint, Endpoint]  # source, destination


class Event(NamedTuple):
    """One thing that the kernel said, or that was read from it."""

    ts: int  # ns since the epoch UTC, by the clock of the packets beside it
    source: str  # one of SOURCES; others are kept, and tell nothing
    fields: Fields


class Packet(NamedTuple):
    """The segment that an event is about."""

    ends: Tuple
    seq: int
    ack: int | None  # None where the event does not say


class Word(NamedTuple):
    """What the kernel's own words say of a segment."""

    text: str  # its log line; "" where only a rule matched
    reason: Reason | None  # None: no line of the tracker's that is known
    bound: int | None  # sequence number that the segment failed, where the line names it
    invalid: bool | None  # None: the line alone does not tell


# Reading fields


def number(fields: Fields, name: str) -> int | None:
    """A field as a number, None where it is none."""
    value = fields.get(name)
    if isinstance(value, int):
        return value
    if value is None or len(value) > 20 or not re.fullmatch(r"-?[0-9]+", value):
        return None
    return int(value)


def text(fields: Fields, name: str) -> str:
    """A field as text, "" where it is not there."""
    return str(fields.get(name, ""))


def ends(fields: Fields, prefix: str = "") -> Tuple | None:
    """Source and destination of what the event is about: src, sport, dst, dport."""
    source = _endpoint(fields, f"{prefix}src", f"{prefix}sport")
    target = _endpoint(fields, f"{prefix}dst", f"{prefix}dport")
    return None if source is None or target is None else (source, target)


def packet(event: Event) -> Packet | None:
    """The segment that the event is about, None where it names none."""
    both, seq = ends(event.fields), number(event.fields, "seq")
    return None if both is None or seq is None else Packet(both, seq, number(event.fields, "ack"))


def _endpoint(fields: Fields, host: str, port: str) -> Endpoint | None:
    at = number(fields, port)
    if at is None:
        return None
    try:
        return (*halves(text(fields, host)), at)
    except ValueError:
        return None


def halves(written: str) -> tuple[int, int]:
    """An address in two halves of 64 bits, IPv4 as ::ffff:a.b.c.d. Raises ValueError."""
    from ipaddress import ip_address  # 6 ms of start-up, and most captures have no events

    found = ip_address(written)
    if found.version == 4:
        return 0, 0xFFFF << 32 | int(found)
    return int(found) >> 64, int(found) & (1 << 64) - 1


# The tracker's log lines

_NONE = 1 << 32  # no sequence number
_NUMBERS = {
    "bound": r"(?P<bound>\d{1,10})", "octets": r"\d+", "index": r"\d+", "direction": r"\d", "state": r"\w+",
}  # fmt: skip


@cache
def _lines() -> list[tuple[re.Pattern[str], str, Reason]]:
    """Every line that some kernel prints: what it looks like, its template, its reason."""
    templates = {template: reason for kernel in KERNELS for reason, template in kernel.texts.items()}
    return [(_pattern(template), template, reason) for template, reason in templates.items()]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template.strip())
    return re.compile("".join(_NUMBERS[part] if at % 2 else re.escape(part) for at, part in enumerate(parts)))


def _passes(kernel: Kernel, reason: Reason) -> bool:
    """Whether a segment of which this kernel logs that is let through all the same."""
    if reason in (Reason.SEQ_UNDER, Reason.ACK_UNDER):
        return not kernel.late_is_invalid
    if reason == Reason.OVERSHOOT:
        return kernel.overshoot_passes
    return reason in (Reason.IGNORED_STATE, Reason.CHALLENGE_ACK)


def word(line: str, kernel: Kernel | None = None) -> Word:
    """What a log line says, by that kernel, or by every one that prints such a line."""
    said = line.strip()
    told = said.removeprefix(LOG_PREFIX.strip()).strip()
    for pattern, template, reason in _lines():
        match = pattern.fullmatch(told)
        if match is None:
            continue
        printers = [one for one in KERNELS if one.texts.get(reason) == template]
        if kernel is not None and kernel.texts.get(reason) == template:
            printers = [kernel]
        fates = {_passes(one, reason) for one in printers}
        bound = int(match.groupdict().get("bound") or _NONE)
        invalid = not fates.pop() if len(fates) == 1 else None
        return Word(said, reason, bound if bound < _NONE else None, invalid)
    return Word(said, None, None, None)


# All of it


class Evidence:
    """All events of all inputs, laid out to be asked."""

    def __init__(self, by_input: Mapping[int, Iterable[Event]] | None = None) -> None:
        """`by_input`: the events by row of the input whose packets they are about, by its clock."""
        self.by_input: dict[int, list[Event]] = {}
        self.facts: dict[str, str] = {}  # of the host
        self.listening: dict[tuple[int, str], int] = {}  # by input and source: heard without loss since, ns
        self._by_packet: dict[tuple[int, Tuple, int], list[tuple[Event, Packet]]] = {}
        self._by_ends: dict[tuple[int, Tuple], list[Event]] = {}
        for row, events in (by_input or {}).items():
            if events := sorted(events, key=lambda event: event.ts):
                self.by_input[row] = events
            for event in events:
                self._file(row, event)

    def _file(self, row: int, event: Event) -> None:
        if event.source == "host":
            self.facts |= {name: str(value) for name, value in event.fields.items()}
        elif event.source == "recorder":
            for name in text(event.fields, "used").split():
                self.listening.setdefault((row, name), event.ts)
            for name in text(event.fields, "lost").split():
                self.listening[row, name] = FOREVER
        about, both = packet(event), ends(event.fields)
        if about is not None:
            self._by_packet.setdefault((row, about.ends, about.seq), []).append((event, about))
        elif both is not None:
            self._by_ends.setdefault((row, both), []).append(event)

    def about(self, row: int, both: Tuple, seq: int, ts: int) -> Sequence[tuple[Event, Packet]]:
        """The events of an input about segments with these ends and SEG.SEQ, those nearest to a time."""
        events = self._by_packet.get((row, both, seq), ())
        at = bisect_left(events, ts, key=lambda one: one[0].ts)
        return events[max(at - FEW, 0) : at + FEW]

    def between(self, row: int, both: Tuple) -> Sequence[Event]:
        """The events of an input that name these two ends and no sequence number, by time."""
        return self._by_ends.get((row, both), ())

    def rise(self, row: int, name: str, since: int, until: int) -> int | None:
        """By how much a counter of the host's rose from its reading before to that after; None: not read."""
        readings = [
            (event.ts, value)
            for event in self.by_input.get(row, ())
            if event.source == "counters" and text(event.fields, "of") == "host"
            if (value := number(event.fields, name)) is not None
        ]
        before = [value for ts, value in readings if ts <= since]
        after = [value for ts, value in readings if ts >= until]
        return after[0] - before[-1] if before and after else None

    @cached_property
    def kernel(self) -> Kernel | None:
        """The host's, by its own word; None where it is not said or not known."""
        told = self.facts.get("kernel")
        if told is None:
            return None
        try:
            return named(told)
        except ValueError:
            return None

    @cached_property
    def sysctls(self) -> Sysctls | None:
        """The host's settings of the tracker; None where they are the usual ones, or not said."""
        return _sysctls(self.facts)


_NETFILTER = "net.netfilter.nf_conntrack_"
_SWITCHES = ("tcp_be_liberal", "tcp_loose", "tcp_ignore_invalid_rst")


def _sysctls(facts: Mapping[str, str]) -> Sysctls | None:
    """The tracker's settings among the facts; `checksum` is left as it is, for the sake of offload."""
    said = {name: value for name in facts if (value := number(facts, name)) is not None}
    changed: dict[str, bool | int] = {
        name: said[_NETFILTER + name] != 0 for name in _SWITCHES if _NETFILTER + name in said
    }
    if _NETFILTER + "tcp_max_retrans" in said:
        changed["tcp_max_retrans"] = said[_NETFILTER + "tcp_max_retrans"]
    names = [f"{_NETFILTER}tcp_timeout_{timer.lower()}" for timer in TIMERS]
    timeouts = tuple(said.get(name, usual) for name, usual in zip(names, TIMEOUTS, strict=True))
    if not changed and timeouts == TIMEOUTS:
        return None
    return Sysctls(timeouts=timeouts)._replace(**changed)  # type: ignore[arg-type]
