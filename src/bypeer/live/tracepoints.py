"""Tracepoints: when the host's own stack sends a RST and why, and the packet that it answers.

tcp:tcp_send_reset names addresses and, from 6.12, a reason; before 6.10 or so it is silent where no
socket was found. skb:kfree_skb tells of the packet that found no socket; both are about the same
buffer, by which they are joined here. They fire for every namespace of the machine, and say not for
which: that shows by addresses alone.

Source: include/trace/events/tcp.h, skb.h; the output of trace_pipe, Documentation/trace/ftrace.rst.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping

from bypeer.core.evidence import Event

_LINE = re.compile(r"\[\d+\] .*? (\d+)\.(\d{6}): (\w+): (.*)")
_LOST = re.compile(r"CPU:\d+ \[LOST (\d+) EVENTS\]")
_FIELD = re.compile(r"(\w+)[=:] ?(\S+)")
_ENDS = re.compile(r"\[?([0-9a-fA-F.:]+?)\]?:(\d+)")  # 10.0.0.1:80, [2001:db8::1]:80
_MAPPED = "::ffff:"
_SYSTEMS = {"tcp_send_reset": "tcp", "kfree_skb": "skb"}
_ROOM, _READS = 1 << 16, 64  # octets a read, reads at once
_REMEMBERED = 64  # resets whose packet has not been dropped yet


class Tracepoints:
    """Events out of a trace_pipe, which becomes this one's own."""

    source = "tracepoint"

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._rest = b""
        self._about: dict[str, Mapping[str, str | int]] = {}  # ends of a reset, by the buffer it answers
        self.lost = 0  # events

    def fileno(self) -> int:
        """The pipe's, to wait for events."""
        return self._pipe

    def close(self) -> None:
        """Read no more: only then can the instance be removed."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def read(self) -> list[Event]:
        """What has come, of at most so many reads, each of which gives a page; does not wait."""
        octets = [self._rest]
        for _ in range(_READS):
            try:
                octets.append(os.read(self._pipe, _ROOM))
            except BlockingIOError:
                break
        *lines, self._rest = b"".join(octets).split(b"\n")
        ahead = time.time_ns() - time.monotonic_ns()
        events = (self._event(line.decode("ascii", "replace"), ahead) for line in lines)
        return [event for event in events if event]

    def _event(self, line: str, ahead: int) -> Event | None:
        """The event of a line; `ahead` is the wall clock's lead over the trace's, ns."""
        if lost := _LOST.search(line):
            self.lost += int(lost[1])
            return None
        found = _LINE.search(line)
        if found is None or found[3] not in _SYSTEMS:
            return None
        ts = (int(found[1]) * 1_000_000 + int(found[2])) * 1_000 + ahead
        said = dict(_FIELD.findall(found[4]))
        fields: dict[str, str | int] = {"name": f"{_SYSTEMS[found[3]]}:{found[3]}"}
        fields |= {name: said[name] for name in ("reason", "state", "skbaddr", "location") if name in said}
        if found[3] == "tcp_send_reset":
            ends = _ends(said)
            self._remember(said.get("skbaddr", ""), ends)
            fields |= ends
        else:
            # Its own addresses are those of the RST the other way round.
            reset = self._about.pop(said.get("skbaddr", ""), {})
            fields |= {name: reset[other] for name, other in _TURNED.items() if other in reset}
        return Event(ts, self.source, fields)

    def _remember(self, buffer: str, ends: Mapping[str, str | int]) -> None:
        if len(self._about) >= _REMEMBERED:
            del self._about[next(iter(self._about))]
        self._about[buffer] = ends


_TURNED = {"src": "dst", "sport": "dport", "dst": "src", "dport": "sport"}


def _ends(said: Mapping[str, str]) -> dict[str, str | int]:
    """Source and destination of the RST: src=10.0.0.1:80, before 6.10 saddr=10.0.0.1 and sport=80."""
    found: dict[str, str | int] = {}
    for host, port, whole, old in (("src", "sport", "src", "saddr"), ("dst", "dport", "dest", "daddr")):
        if match := _ENDS.fullmatch(said.get(whole, "")):
            found |= {host: match[1].removeprefix(_MAPPED), port: int(match[2])}
        elif old in said and said.get(port, "").isdecimal():
            six = said.get("family") == "AF_INET6"
            address = said.get(f"{old}v6", "") if six else said[old]
            found |= {host: address.removeprefix(_MAPPED), port: int(said[port])}
    return found
