"""Lines that tshark prints with its default columns, to packets.

Number, time, source, target, protocol, length, info: a line a packet. Sequence numbers are
relative to the first of each direction and nothing tells how much that was, so each conversation
gets a base of its own, made from what NAT leaves alone. Where an application's word stands in the
place of TCP's, the line shows no TCP header.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable

from bypeer.capture.clock import SECOND, TIME, Clock, within
from bypeer.capture.hosts import Hosts
from bypeer.capture.numbers import ASSUMED, FORGOTTEN
from bypeer.capture.printed import PASSED_OVER, Printed
from bypeer.core import seq, tcp
from bypeer.core.segment import NO_TIME

NO_HEADER = "lines without a TCP header (tshark: an application's word instead)"

_ARROW = rb"(?:\xe2\x86\x92|->|>)"
_LINE = re.compile(
    rb"\s{0,16}\d{1,12}\s+"
    rb"(?:(?P<seconds>-?\d{1,10})\.(?P<part>\d{1,9})|(?P<other>\d[\d:.-]{0,40}(?: \d\d:[\d:.]{1,20})?))\s+"
    rb"(?P<source>\S{1,255}) " + _ARROW + rb" (?P<target>\S{0,255})\s+\S.{0,40}?\s+\d{1,9} (?P<info>.*)"
)
_INFO = re.compile(
    rb"(?P<sport>[\w-]{1,40}) " + _ARROW + rb" (?P<dport>[\w-]{1,40}) \[(?P<flags>[A-Z, ]{1,60}|<None>)\] "
    rb"Seq=(?P<seq>\d{1,10})(?: Ack=(?P<ack>\d{1,10}))?(?: Win=(?P<win>\d{1,10}))?(?: Urg=(?P<urg>\d{1,5}))?"
    rb"(?: Len=(?P<size>\d{1,9}))?"
)
_OPTION = re.compile(rb" (MSS|WS|TSval|TSecr|SLE|SRE|SACK_PERM)(?:=(\d{1,10}))?(?=[ \[]|$)")
_REUSED = b"[TCP Port numbers reused]"
_FLAGS = {b"FIN": tcp.FIN, b"SYN": tcp.SYN, b"RST": tcp.RST, b"PSH": tcp.PSH, b"ACK": tcp.ACK_,
          b"URG": tcp.URG, b"ECE": tcp.ECE, b"ECN": tcp.ECE, b"CWR": tcp.CWR}  # fmt: skip
_WORD = (1 << 32) - 1
_MOST_TALKS = 100_000


def looks_like(line: bytes) -> bool:
    """Whether tshark printed this line."""
    return _LINE.match(line) is not None


class Lines:
    """The lines of one text, in order, to packets."""

    __slots__ = ("_assumed", "_forgotten", "_hosts", "_odd", "_talks")

    def __init__(
        self,
        head: list[bytes],
        names: dict[str, str],
        interface: Callable[[str], int],
        odd: dict[str, int],
    ) -> None:
        self._hosts = Hosts(names)
        self._odd = odd
        self._talks: OrderedDict[tuple[bytes, int, bytes, int], _Talk] = OrderedDict()
        self._assumed = self._forgotten = 0

    def feed(self, line: bytes) -> list[Printed]:
        """The packet of this line, if it is one."""
        found = _LINE.match(line)
        if found is None:
            if line.strip():
                self._count(PASSED_OVER)
            return []
        one = Printed(_time(found))
        info = _INFO.search(found["info"])
        if info is None:
            self._count(NO_HEADER)
            return [one]
        one.source, one.sport = self._hosts.at(found["source"], info["sport"])
        one.target, one.dport = self._hosts.at(found["target"], info["dport"])
        self._segment(one, info, found["info"])
        return [one]

    def end(self) -> list[Printed]:
        """Nothing is held back."""
        return []

    def finish(self) -> None:
        """Say what the text left open."""
        for what, count in ((ASSUMED, self._assumed), (FORGOTTEN, self._forgotten)):
            if count:
                self._odd[what] = count

    def _count(self, what: str) -> None:
        self._odd[what] = self._odd.get(what, 0) + 1

    def _segment(self, one: Printed, info: re.Match[bytes], line: bytes) -> None:
        one.flags = sum(_FLAGS.get(word, 0) for word in info["flags"].split(b", "))
        if info["ack"] is None:
            one.flags &= ~tcp.ACK_
        one.size = int(info["size"] or 0)
        options = [
            (name, int(value or 0) & _WORD) for name, value in _OPTION.findall(line[info.end() :][:400])
        ]
        stamps = dict(options).get(b"TSval")
        talk, forth = self._talk(one, stamps, _REUSED in line)
        base, back = talk.bases if forth else talk.bases[::-1]
        one.seq = seq.add(int(info["seq"]) & _WORD, base)
        one.ack = seq.add(int(info["ack"]) & _WORD, back) if info["ack"] else None
        _set_options(one, options, back)
        one.win = talk.unscaled(int(info["win"] or 0), forth, one.flags, dict(options).get(b"WS"))
        self._assumed += 1

    def _talk(self, one: Printed, stamp: int | None, reused: bool) -> tuple[_Talk, bool]:
        here, there = (one.source, one.sport), (one.target, one.dport)
        forth = here <= there
        key = (*here, *there) if forth else (*there, *here)
        talk = self._talks.get(key)
        if talk is None or reused:
            if talk is None and len(self._talks) >= _MOST_TALKS:
                self._talks.popitem(last=False)
                self._forgotten += 1
            known = f"{stamp}" if stamp else f"{key}"
            digest = hashlib.sha256(f"{known} {self._assumed if reused else 0}".encode()).digest()
            first, second = int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
            # By who spoke first, which NAT leaves alone, not by address.
            talk = self._talks[key] = _Talk((first, second) if forth else (second, first))
        return talk, forth


class _Talk:
    """One conversation: what its numbers count from, and how its windows are scaled."""

    __slots__ = ("bases", "shifts")

    def __init__(self, bases: tuple[int, int]) -> None:
        self.bases = bases
        self.shifts: list[int | None] = [None, None]

    def unscaled(self, win: int, forth: bool, flags: int, scale: int | None) -> int:
        """The window as on the wire: tshark prints it scaled once it has seen both SYNs."""
        if flags & tcp.SYN:
            self.shifts[not forth] = scale.bit_length() - 1 if scale else None
        elif None not in self.shifts:
            win >>= self.shifts[not forth] or 0
        return min(win, 0xFFFF)


def _set_options(one: Printed, options: list[tuple[bytes, int]], back: int) -> None:
    octets, left = bytearray(), 0
    stamp = 0
    for name, value in options:
        if name == b"MSS":
            octets += bytes((tcp.MSS, 4)) + (value & 0xFFFF).to_bytes(2, "big")
        elif name == b"WS":
            octets += bytes((tcp.WSCALE, 3, max(value.bit_length() - 1, 0)))
        elif name == b"SACK_PERM":
            octets += bytes((tcp.SACK_PERMITTED, 2))
        elif name == b"TSval":
            stamp = value
        elif name == b"TSecr":
            octets += bytes((tcp.TIMESTAMPS, 10)) + (stamp << 32 | value).to_bytes(8, "big")
        elif name == b"SLE":
            left = value
        else:
            one.sacks.append((seq.add(left, back), seq.add(value, back)))
    one.options = bytes(octets)


def _time(found: re.Match[bytes]) -> int:
    """Time in ns since the first packet, or since the epoch; other forms of the column count as none."""
    if found["seconds"]:
        part = int(found["part"].ljust(9, b"0"))
        negative = found["seconds"].startswith(b"-")
        return within(int(found["seconds"]) * SECOND + (-part if negative else part))
    other = TIME.match(found["other"] + b" ")
    return Clock(spans=False).read(other) if other else NO_TIME
