"""Lines that tcpdump prints, to packets.

Models tcpdump 4 and 5 with any of -n -S -t -e -v -K -# -q -A -x -i any: a line a packet, or, with
-v and IPv4, two. What a person left out, put in, indented or quoted is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bypeer.capture.clock import TIME, Clock, of_day, spans
from bypeer.capture.hosts import Host, Hosts
from bypeer.capture.numbers import ASSUMED, FORGOTTEN, Numbers
from bypeer.capture.printed import FRAGMENT, OTHER, PASSED_OVER, TUNNEL, Printed
from bypeer.core import tcp
from bypeer.core.segment import NO_TIME

_QUOTE = b" \t>|`*"  # how mail, tickets and tables mark and indent a quotation
_NUMBER = re.compile(rb"\d+ {2,}(?=\S)")  # -#
_INTERFACE = re.compile(rb"(\S{1,64}) +(?:In|Out|B|M|P|\?\?\?) +(?=\S)")  # -i any
_UNTIMED = re.compile(rb"IP6? |ARP, |MPLS |PPPoE |ethertype |(?:[0-9a-f]{2}:){5}[0-9a-f]{2} |(?: ?In|Out) ")
_MACS = re.compile(rb"(?<!\S)(?:[0-9a-f]{2}:){5}\S{1,40} (?:\(oui [^)]{0,99}\) )?> ")
_FLAGS = b": Flags ["
_NESTED = re.compile(rb"\S > (\S+): ")
_EXTENDED = re.compile(rb"(?<!\S)(\S{1,300}) > (\S{1,300}): (?:HBH|DSTOPT|RT6|RT\d|frag|srcrt|AH)\b")

_IPV4 = re.compile(
    rb"ttl (\d{1,3}), id (\d{1,5}), offset (\d{1,5}), flags \[([^\]]{0,40})\], proto \S+ \((\d{1,3})\)"
)
_IPV6 = re.compile(rb"\([^()]*hlim (\d{1,3}), next-header")
_BAD_LENGTH = re.compile(rb" \[bad hdr length (\d{1,2}) - too (?:short|long), [<>] (\d{1,6})\]")
_HEADER = re.compile(
    rb"(?:, cksum 0x[0-9a-f]{1,4} \((?P<sum>correct|incorrect)[^)]*\))?"
    rb"(?:, seq (?P<seq>\d{1,10})(?::(?P<end>\d{1,10}))?)?(?:, ack (?P<ack>\d{1,10}))?"
    rb"(?:, win (?P<win>\d{1,5}))?(?:, urg (?P<urg>\d{1,5}))?"
)
_OPTIONS_END = re.compile(rb"\](?=, length \d)")
_LENGTH = re.compile(rb", length (\d{1,9})")
_QUIET = re.compile(rb"tcp (\d{1,9})(?: |$)")
_LETTERS = dict(zip(b"FSRP.UEW", (1 << bit for bit in range(8)), strict=True))
_LONGEST_END = 300  # octets: a domain name has at most 255
_WORD = (1 << 32) - 1


def looks_like(line: bytes) -> bool:
    """Whether tcpdump printed this line of a TCP packet, or another one with its time."""
    if _FLAGS in line or b": tcp " in line:
        return b" > " in line
    return TIME.match(line.lstrip(_QUOTE)) is not None and (b"IP " in line or b" > " in line)


class Lines:
    """The lines of one text, in order, to packets. `feed` holds a packet back until it is complete."""

    __slots__ = ("_clock", "_header", "_hosts", "_interface", "_numbers", "_odd")

    def __init__(
        self,
        head: list[bytes],
        names: dict[str, str],
        interface: Callable[[str], int],
        odd: dict[str, int],
    ) -> None:
        self._clock = Clock(_are_spans(head))
        self._hosts = Hosts(names)
        self._numbers = Numbers()
        self._interface = interface  # the row of an interface name
        self._odd = odd
        self._header: Printed | None = None  # with -v, the first of two lines

    def feed(self, line: bytes) -> list[Printed]:
        """The packets that are complete with this line."""
        text = line.lstrip(_QUOTE)
        if not text:
            return []
        number = _NUMBER.match(text)
        if number:
            text = text[number.end() :].lstrip()
        time = TIME.match(text)
        starts = (
            time or number or (not line[:1].isspace() and (_UNTIMED.match(text) or _INTERFACE.match(text)))
        )
        if not starts and not (_FLAGS in line and self._header is None and not line[:1].isspace()):
            return self._continued(text, line)
        done = self.end()
        one = Printed(self._clock.read(time) if time else NO_TIME)
        if time:
            text = text[time.end() :].strip()
        named = _INTERFACE.match(text)
        if named:
            one.interface = self._interface(named[1].decode("latin-1"))
            text = text[named.end() :]
        return done + self._read(one, text)

    def end(self) -> list[Printed]:
        """What was held back."""
        held, self._header = self._header, None
        return [] if held is None else [held]

    def _continued(self, text: bytes, line: bytes) -> list[Printed]:
        """A line that starts no packet: the second of one, what tcpdump adds, or a person's word."""
        if self._header is not None:
            one, self._header = self._header, None
            return self._read(one, text)
        if text and not line[:1].isspace() and len(text) > 3:
            self._odd[PASSED_OVER] = self._odd.get(PASSED_OVER, 0) + 1
        return []

    def _read(self, one: Printed, text: bytes) -> list[Printed]:
        """What an IP header says; it is held until its endpoints have come."""
        header = _IPV4.search(text)
        if header is not None:
            ttl, ip_id, offset, flags, protocol = header.groups()
            one.ttl, one.ip_id, one.df = int(ttl) & 0xFF, int(ip_id) & 0xFFFF, b"DF" in flags
            one.frame = FRAGMENT if protocol == b"6" and int(offset) else OTHER
        else:
            header = _IPV6.search(text)
            if header is not None:
                one.ttl = int(header[1]) & 0xFF
        if b" > " in _MACS.sub(b"", text, count=1):
            return self._body(one, text)
        self._header = one
        return []

    def _body(self, one: Printed, text: bytes) -> list[Printed]:
        """`source > target: ` and what follows."""
        at = text.find(_FLAGS)
        if at >= 0:
            before, after = text[:at], text[at + len(_FLAGS) :]
        else:
            before, after = _headless(text)
        left, arrow, target = before.rpartition(b" > ")
        head, _, source = left.rpartition(b" ")
        if not arrow or b" " in target or not 0 < len(source) <= _LONGEST_END >= len(target) > 0:
            return [one]
        ends = self._ends(head, source, target)
        if ends is None:
            one.frame = TUNNEL if at >= 0 else OTHER
            return [one]
        (one.source, one.sport), (one.target, one.dport) = ends
        if at < 0:
            quiet = _QUIET.match(after)
            one.size = int(quiet[1]) if quiet else 0
        else:
            _segment(one, after)
            if one.header is None:
                self._numbers.undo(one)
        return [one]

    def _ends(self, head: bytes, source: bytes, target: bytes) -> tuple[Host, Host] | None:
        """Both endpoints, unless another IP header precedes this one."""
        nested = _NESTED.search(head)
        if nested is None:
            return self._hosts.endpoint(source), self._hosts.endpoint(target)
        # With extension headers tcpdump prints the ports apart from the addresses.
        outer = _EXTENDED.search(head)
        if outer is None or b"." in source or b":" in source:
            return None
        return self._hosts.at(outer[1], source), self._hosts.at(outer[2], target)

    def finish(self) -> None:
        """Say what the text left open."""
        for what, count in ((ASSUMED, self._numbers.assumed), (FORGOTTEN, self._numbers.forgotten)):
            if count:
                self._odd[what] = count


def _headless(text: bytes) -> tuple[bytes, bytes]:
    """A line without flags: where its endpoints end, if it is of TCP at all."""
    for sign in (b": [|tcp]", b": tcp "):
        at = text.find(sign)
        if at >= 0:
            return text[:at], text[at + 2 :]
    return b"", b""


def _segment(one: Printed, text: bytes) -> None:
    """What follows `Flags [`."""
    flags, _, rest = text.partition(b"]")
    one.flags = 0
    if flags != b"none":
        for letter in flags[:12]:
            one.flags |= _LETTERS.get(letter, 0)
    bad = _BAD_LENGTH.match(rest)
    if bad:
        one.header, one.room = min(int(bad[1]), 60), max(int(bad[2]), tcp.SHORTEST)
        return
    found = _HEADER.match(rest)
    assert found is not None  # every part of it may be missing
    one.seq, one.ack = _number(found["seq"]), _number(found["ack"])
    one.win, one.urgent = int(found["win"] or 0) & 0xFFFF, int(found["urg"] or 0) & 0xFFFF
    if one.flags & tcp.ACK_ and one.ack is None:
        one.flags &= ~tcp.ACK_  # cut off, or no line of tcpdump's
    if one.seq is not None and found["end"]:
        one.size = (int(found["end"]) - one.seq) & _WORD
    one.sound = None if found["sum"] is None else found["sum"] == b"correct"
    rest = rest[found.end() :]
    if rest.startswith(b", options ["):
        end = _OPTIONS_END.search(rest)
        _options(one, rest[len(b", options [") : end.start() if end else None])
        rest = rest[end.end() :] if end else b""
    length = _LENGTH.match(rest)
    if length:
        one.size = int(length[1])
    one.cut = b"[|tcp" in text


def _number(digits: bytes | None) -> int | None:
    return None if digits is None else int(digits) & _WORD


_OPTION = re.compile(
    rb"(mss|wscale) (\d{1,5})|(sackOK)|TS val (\d{1,10}) ecr (\d{1,10})"
    rb"|sack \d ((?:\{\d{1,10}:\d{1,10}\})+)(?:\.\.\.)?"
)
_BLOCK = re.compile(rb"\{(\d+):(\d+)\}")


def _options(one: Printed, text: bytes) -> None:
    """The options that bypeer reads, in their order."""
    octets = bytearray()
    for item in text[:1000].split(b","):
        found = _OPTION.fullmatch(item.rstrip())
        if found is None:
            continue
        name, value, permitted, tsval, tsecr, blocks = found.groups()
        if name == b"mss":
            octets += bytes((tcp.MSS, 4)) + (int(value) & 0xFFFF).to_bytes(2, "big")
        elif name == b"wscale":
            octets += bytes((tcp.WSCALE, 3, int(value) & 0xFF))
        elif permitted:
            octets += bytes((tcp.SACK_PERMITTED, 2))
        elif tsval:
            stamps = (int(tsval) & _WORD) << 32 | int(tsecr) & _WORD
            octets += bytes((tcp.TIMESTAMPS, 10)) + stamps.to_bytes(8, "big")
        elif blocks:
            one.sacks = [(int(left) & _WORD, int(right) & _WORD) for left, right in _BLOCK.findall(blocks)]
    one.options = bytes(octets)


def _are_spans(head: list[bytes]) -> bool:
    """Whether the times are spans (-ttt): they are indented, have no date, and rise and fall."""
    times = []
    for line in head:
        text = line.lstrip(_QUOTE)
        number = _NUMBER.match(text)
        found = TIME.match(text[number.end() :].lstrip() if number else text)
        if found is None:
            continue
        if found["date"] or found["epoch"] or found["odd"]:
            return False
        times.append(of_day(found))
    return bool(times) and spans(times)
