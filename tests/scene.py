"""Plays a story on both sides of a NAT host: a little text to two captures, or to their analysis.

A line is a segment, in packetdrill's notation (bypeer.core.script), dated and marked:

    0.000 >  S  0:0(0)       win 64240 <mss 1460,sackOK,wscale 7>
    0.001 <  S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
    0.002 >  .  1:1(0) ack 1 win 502
    0.020 <  .  90000001:90000101(100) ack 1 win 502  !    # did not leave the host
   +.0001 H> R  1:1(0) win 0                               # made by the host

The date is seconds since the story began, or with `+` since the line before: of the arrival at
the host. `>` is what the client sends, `<` the server. Before and after it:

    H>  made by the NAT host: seen only where it leaves, with a TTL that lost no hop, IP ID 0
    >~  leaves with the tuple it came with: not translated
    ~>  comes with the tuple that it leaves with: addressed past the NAT

and at the end of the line, in any order:

    !  not forwarded     -i  not captured inside     -o  not captured outside
    ttl N, id N  at its arrival (or, by the host, at its departure)
    delay S  in the host, seconds      cut N  captured no more of the packet than N octets
    bad  a wrong checksum              nots  without the timestamp option

`How` says the rest, for all of the story. Several stories are as many connections.

    play(OPEN + "+1 < R. 1:1(0) ack 1").cases[0].conclusion
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from bypeer.core import script, tcp
from bypeer.core.explain import Analysis, Case, analyse
from bypeer.core.frames import BATCH, Frames, Interface, Span
from bypeer.core.segment import ABSENT, Segment
from tests import make
from tests.make import RAW, Taken

START = 1_700_000_000 * 10**9  # ns: when a story begins, by the outside clock

# How most stories begin: the handshake; a request, and the first of an answer.
OPEN = """
    0.000 > S  0:0(0)       win 64240 <mss 1460,sackOK,wscale 7>
    0.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
    0.011 > .  1:1(0) ack 1 win 502
"""
ASKED = f"""{OPEN}
    0.012 > P. 1:101(100) ack 1 win 502
    0.022 < . 1:1(0) ack 101 win 509
    0.023 < . 1:1449(1448) ack 101 win 509
    0.024 > . 101:101(0) ack 1449 win 502
"""
# ... and more than a window of it, so that a repeat of its first octets is late.
FAR = f"""{ASKED}
    0.030 < . 1449:31449(30000) ack 101 win 509
    0.031 > . 101:101(0) ack 31449 win 502
    0.040 < . 31449:61449(30000) ack 101 win 509
    0.041 > . 101:101(0) ack 61449 win 502
    0.050 < . 61449:91449(30000) ack 101 win 509
    0.051 > . 101:101(0) ack 91449 win 502
"""


@dataclass(frozen=True)
class How:
    """What holds for all of a story."""

    # client: it is inside, its source is translated. port: the server is inside, published at the
    # host. service: the client is inside, a virtual address translated to a backend. routed: no NAT.
    nat: Literal["client", "port", "service", "routed"] = "client"
    ipv6: bool = False
    timestamps: bool = False  # RFC 7323, on every segment but RSTs; ms
    isns: tuple[int, int] = script.INITIAL  # client's, server's: the latter is about to wrap
    ttls: tuple[int, int] = (64, 57)  # at the host, of what the inside and the outside endpoint send
    host_ttl: int = 64
    delay: float = 20e-6  # s in the host
    clock: float = 0.0  # s that the inside clock is ahead when the story begins
    drift: float = 0.0  # s that it gains each s
    hops: int = 0  # routers between the host and where the outside was captured
    linger: float = 1.0  # s that both captures go on before and after, as a datagram each shows
    sides: Literal["both", "inside", "outside"] = "both"  # what was captured
    merged: Literal["no", "blind", "interfaces"] = "no"  # both in one capture, perhaps told apart
    printed: bool = False  # as text shows it: TTL and identification are not known, lines may lack
    twice: tuple[str, ...] = ()  # sides whose frames are all captured twice
    port: int = 40_000  # the client's; further stories count on from it

    @property
    def client_inside(self) -> bool:
        return self.nat != "port"

    def dated(self, ts: int, side: int) -> int:
        """What a side's clock says at a time, ns."""
        return ts + (round(self.clock * 10**9 + self.drift * (ts - START)) if side == INSIDE else 0)

    def tuples(self, inside: bool) -> tuple[str, int, str, int]:
        """Client's address and port, server's address and port, as that side knows them."""
        near, host, far = ("fd00::2", "2001:db8::c", "2001:db8:2::2") if self.ipv6 else IPV4
        virtual, backend = ("fd00:96::a", "fd00:2::9") if self.ipv6 else ("10.96.0.10", "10.244.2.9")
        return {
            "client": (near if inside else host, self.port, far, 443),
            "port": (far, self.port, *((near, 80) if inside else (host, 8080))),
            "service": (near, self.port, *((virtual, 80) if inside else (backend, 8080))),
            "routed": (near, self.port, far, 443),
        }[self.nat]


IPV4 = ("172.17.0.2", "203.0.113.12", "198.51.100.2")
INSIDE, OUTSIDE = 0, 1

_LINE = re.compile(
    r"(?P<plus>\+?)(?P<date>\d*\.?\d+)\s+(?P<from>[H~]?)(?P<way>[<>])(?P<leaks>~?)"
    r"\s+(?P<segment>\S+\s+-?\d+:-?\d+\(\d+\)(?:\s+ack\s+-?\d+)?(?:\s+win\s+\d+)?(?:\s+<[^>]*>)?)"
    r"(?P<marks>(?:\s+(?:!|-i|-o|bad|nots|(?:ttl|id|delay|cut)\s+[\d.]+))*)"
)


class Act(NamedTuple):
    """A line of a story."""

    ts: int  # ns
    way: int  # 0 to the server, 1 to the client
    by_host: bool
    arrives_strange: bool  # with the tuple of the other side
    leaves_strange: bool
    segment: Segment
    marks: dict[str, float]


def acts(story: str, isns: tuple[int, int]) -> Iterator[Act]:
    """The lines of a story; ValueError where one makes no sense."""
    now = 0
    for line in story.splitlines():
        words = line.partition("#")[0].strip()
        if not words:
            continue
        found = _LINE.fullmatch(words)
        if found is None:
            raise ValueError(f"no line of a story: {words}")
        date = round(float(found["date"]) * 10**9)
        now = now + date if found["plus"] else date
        marks = re.findall(r"(!|-[io]|[a-z]+)(?:\s+([\d.]+))?", found["marks"])
        (parsed,) = script.parse(f"{found['way']} {found['segment']}", isns)
        yield Act(
            START + now, parsed.direction, found["from"] == "H", found["from"] == "~",
            bool(found["leaks"]), parsed.segment, {name: float(value or 1) for name, value in marks},
        )  # fmt: skip


@dataclass
class Stage:
    """The host and the two captures while a story is played."""

    how: How
    captured: tuple[list[Taken], list[Taken]]
    ids: list[int] = field(default_factory=lambda: [100, 30_000])  # the last of client and server
    heard: list[int] = field(default_factory=lambda: [0, 0])  # the timestamp that each echoes

    def act(self, act: Act) -> None:
        """Let a segment arrive, and leave."""
        how = self.how
        outward = (act.way == 0) == how.client_inside
        came, left = (INSIDE, OUTSIDE) if outward else (OUTSIDE, INSIDE)
        ttl = int(act.marks.get("ttl", how.host_ttl if act.by_host else how.ttls[came]))
        self.ids[act.way] += not act.by_host
        ip_id = int(act.marks.get("id", 0 if act.by_host else self.ids[act.way]))
        options = self._options(act)
        if act.by_host:
            self._take(act, left, left, ttl, ip_id, options, act.ts)
            return
        self._take(act, came, left if act.arrives_strange else came, ttl, ip_id, options, act.ts)
        if "!" not in act.marks:
            later = act.ts + round(act.marks.get("delay", how.delay) * 10**9)
            self._take(act, left, came if act.leaves_strange else left, ttl - 1, ip_id, options, later)

    def _options(self, act: Act) -> bytes:
        """TCP options: those of the line, and a timestamp where the story has them."""
        one, options = act.segment, b""
        own = (act.ts // 10**6 + act.way * 5_000_000) & 0xFFFF_FFFF
        stamp = self.how.timestamps and not (act.by_host or one.flags & tcp.RST or "nots" in act.marks)
        if one.timestamps or stamp:
            tsval, tsecr = (one.tsval, one.tsecr) if one.timestamps else (own, self.heard[act.way])
            options += make.NOP * 2 + make.timestamps(tsval, tsecr)
            if "!" not in act.marks:
                self.heard[1 - act.way] = tsval
        options += make.mss(one.mss) if one.mss != ABSENT else b""
        options += make.SACK_PERMITTED if one.sack_permitted else b""
        options += make.NOP + make.wscale(one.wscale) if one.wscale != ABSENT else b""
        return options + (make.sack((one.dsack_left, one.dsack_right)) if one.sack_count else b"")

    def _take(
        self, act: Act, side: int, known_as: int, ttl: int, ip_id: int, options: bytes, ts: int
    ) -> None:
        """Put the segment into that side's capture, with the tuple that side `known_as` uses."""
        one, how = act.segment, self.how
        if "-i-o"[2 * side :][:2] in act.marks or how.sides not in ("both", ("inside", "outside")[side]):
            return
        client, cport, server, sport = how.tuples(known_as == INSIDE)
        ends = {"src": client, "dst": server} if act.way == 0 else {"src": server, "dst": client}
        ports = {"sport": cport, "dport": sport} if act.way == 0 else {"sport": sport, "dport": cport}
        octets = make.tcp(
            one.flags, one.seq, one.ack, win=one.win, options=options, payload=bytes(one.size), **ports
        )
        if side == OUTSIDE:
            ttl += how.hops if (act.way == 0) != how.client_inside else -how.hops
        ttl, ip_id = (0, 0) if how.printed else (ttl, ip_id)
        packet = make.ip(octets, ttl=ttl, ip_id=ip_id, **ends)
        if "bad" in act.marks:
            at = len(packet) - len(octets) + 16
            packet = packet[:at] + bytes((packet[at] ^ 0x5A,)) + packet[at + 1 :]
        whole, cut = len(packet), int(act.marks.get("cut", len(packet)))
        taken = Taken(packet[:cut], how.dated(ts, side), whole, side)
        twice = ("inside", "outside")[side] in how.twice
        self.captured[side].extend([taken, taken._replace(ts=taken.ts + 3_000)] if twice else [taken])


def frames(*stories: str, **how: Any) -> tuple[list[Taken], list[Taken]]:
    """What was captured inside and outside, each in order of time; a connection a story."""
    asked = How(**how)
    captured: tuple[list[Taken], list[Taken]] = ([], [])
    told = []
    for number, story in enumerate(stories):
        isns = (asked.isns[0] + 7_654_321 * number, asked.isns[1] + 9_876_543 * number)
        stage = Stage(replace(asked, port=asked.port + number, isns=isns), captured)
        told += [(act, stage) for act in acts(story, isns)]
    for act, stage in sorted(told, key=lambda pair: pair[0].ts):
        stage.act(act)
    ends = [act.ts for act, _ in told]
    for side in (INSIDE, OUTSIDE):
        if asked.linger and asked.sides in ("both", ("inside", "outside")[side]):
            for at in (min(ends) - round(asked.linger * 10**9), max(ends) + round(asked.linger * 10**9)):
                captured[side].append(
                    Taken(make.ip(bytes(8), protocol=17), asked.dated(at, side), None, side)
                )
        captured[side].sort(key=lambda one: one.ts)
    return captured


def captures(*stories: str, **how: Any) -> tuple[bytes, bytes]:
    """Two capture files, inside and outside, as pcap with nanoseconds."""
    inside, outside = frames(*stories, **how)
    return make.pcap(inside, RAW, nano=True), make.pcap(outside, RAW, nano=True)


class Memory:
    """A capture that never was a file: a bypeer.core.frames.Source."""

    def __init__(self, taken: Sequence[Taken], interfaces: int = 1) -> None:
        self.taken = taken
        self.interfaces = [Interface(RAW, f"eth{number}") for number in range(interfaces)]

    def frames(self) -> Iterator[Frames]:
        for first in range(0, len(self.taken), BATCH):
            batch = Frames()
            batch.first = first + 1
            for row, one in enumerate(self.taken[first : first + BATCH]):
                batch.start[row], batch.captured[row] = len(batch.octets), len(one.octets)
                batch.length[row] = len(one.octets) if one.length is None else one.length
                batch.ts[row], batch.interface[row] = one.ts, min(one.interface, len(self.interfaces) - 1)
                batch.octets += one.octets
                batch.count += 1
            yield batch

    def again(self, spans: Sequence[Span]) -> Iterator[Frames]:
        for batch in self.frames():
            if any(one.first < batch.first + batch.count and one.last >= batch.first for one in spans):
                yield batch


def sources(*stories: str, **how: Any) -> list[Memory]:
    """The captures, inside first, or both in one; a side that was not captured is left out."""
    inside, outside = frames(*stories, **how)
    merged = How(**how).merged
    if merged != "no":
        both = sorted(inside + outside, key=lambda one: one.ts)
        return [Memory(both, 2 if merged == "interfaces" else 1)]
    return [Memory(taken) for taken in (inside, outside) if taken]


def play(*stories: str, **how: Any) -> Analysis:
    """What the pipeline makes of it. What `analyse` knows goes there, the rest to `How`."""
    names = ("kernel", "roles", "dropped", "gaps", "evidence")
    told = {name: how.pop(name) for name in names if name in how}
    taken = sources(*stories, **how)
    return analyse(taken, printed=frozenset(range(len(taken)) if How(**how).printed else ()), **told)


def case(story: str, **how: Any) -> Case:
    """The one connection of a story."""
    (found,) = play(story, **how).cases
    return found
