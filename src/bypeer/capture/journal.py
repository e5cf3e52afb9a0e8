"""Events of the kernel as entries of systemd's journal, which pcapng has a block for.

Models systemd's JOURNAL_EXPORT_FORMATS: a line NAME=value a field, or NAME, a line feed, the size in
eight octets of little endian and the octets, where a value has more than one line. Our own names
begin with BYPEER_; MESSAGE says the event to who reads it in Wireshark, and is not read back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from struct import Struct

from bypeer.core.evidence import Event, text

MOST_FIELDS = 256  # of an entry
LONGEST_VALUE = 200_000  # characters of a field; _LONG: those of one that has an entry of its own
_LONG = 2_000

_TIME, _NS, _SOURCE, _MORE = "__REALTIME_TIMESTAMP", "BYPEER_TIME_NS", "BYPEER_SOURCE", "BYPEER_MORE"
_OURS = "BYPEER_"
_SIZE = Struct("<Q")
# What a journal's names may hold (at most 64), and what reads the same after it was made upper case.
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,50}")
_TAKEN = {name.removeprefix(_OURS).lower() for name in (_NS, _SOURCE, _MORE)}
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]*")
_LATEST = 1 << 63  # ns


def parts(event: Event) -> Iterator[Event]:
    """The event itself, or what it says in several, so that no entry is larger than readers take."""
    values = {name: str(value)[:LONGEST_VALUE] for name, value in event.fields.items()}
    long = {name: value for name, value in values.items() if len(value) > _LONG}
    yield event._replace(fields={name: value for name, value in event.fields.items() if name not in long})
    for name, value in long.items():
        yield event._replace(fields={name: value})


def entry(event: Event) -> bytes:
    """The event as an entry, to be padded by whoever writes the block."""
    named = {
        name: value for name, value in event.fields.items() if _NAME.fullmatch(name) and name not in _TAKEN
    }
    rest = {name: value for name, value in event.fields.items() if name not in named}
    # Wireshark looks for the time in front, and shows MESSAGE.
    pieces = [
        _field(_TIME, str(event.ts // 1_000)),
        _field("MESSAGE", message(event)),
        _field("SYSLOG_IDENTIFIER", "bypeer"),
        _field(_SOURCE, event.source),
        _field(_NS, str(event.ts)),
        *(_field(_OURS + name.upper(), str(value)) for name, value in named.items()),
    ]
    if rest:
        pieces.append(_field(_MORE, json.dumps({name: str(value) for name, value in rest.items()})))
    return b"".join(pieces)


def message(event: Event) -> str:
    """The event in one line."""
    said = text(event.fields, "prefix").strip()
    rest = [f"{name} {value}" for name, value in event.fields.items() if name != "prefix"]
    line = "; ".join([said, *rest] if said else rest)
    return f"{event.source}: " + " ".join(line[:500].split())


def event(octets: bytes) -> Event | None:
    """The event of an entry; None where it is not one of ours, or makes no sense."""
    found = dict(_fields(octets))
    source, ns = found.pop(_SOURCE, None), found.pop(_NS, "")
    if source is None or not re.fullmatch(r"[0-9]{1,19}", ns) or int(ns) >= _LATEST:
        return None
    fields = {
        name.removeprefix(_OURS).lower(): value
        for name, value in found.items()
        if name.startswith(_OURS) and name != _MORE
    }
    return Event(int(ns), source, fields | _more(found.get(_MORE, "")))


def _more(written: str) -> dict[str, str]:
    """The fields whose names no journal may have."""
    try:
        found = json.loads(written or "{}")
    except (ValueError, RecursionError):
        return {}
    return (
        {name: value for name, value in found.items() if isinstance(value, str)}
        if isinstance(found, dict)
        else {}
    )


def _field(name: str, value: str) -> bytes:
    octets = value.encode("utf-8", "replace")
    if _PLAIN.fullmatch(value):
        return name.encode() + b"=" + octets + b"\n"
    return name.encode() + b"\n" + _SIZE.pack(len(octets)) + octets + b"\n"


def _fields(octets: bytes) -> Iterator[tuple[str, str]]:
    """Name and value of each field, as far as they make sense."""
    at, stop = 0, len(octets)
    for _ in range(MOST_FIELDS):
        end = octets.find(b"\n", at)
        if end < 0:
            return
        name, equals, value = octets[at:end].partition(b"=")
        at = end + 1
        if not equals:
            if stop - at < _SIZE.size:
                return
            (size,) = _SIZE.unpack_from(octets, at)
            at += _SIZE.size
            if size >= stop - at:  # a line feed follows it
                return
            value = octets[at : at + size]
            at += size + 1
        yield name.decode("ascii", "replace"), value.decode("utf-8", "replace")
