"""The shortest packet script on which model and kernel disagree.

Delta debugging: leave out packets, then simplify what is left, as long as they still disagree; every
try is played to the kernel on addresses of its own.

Source: Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (IEEE TSE, 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.core.entry import Rules
from bypeer.core.expected import Answer, answer
from bypeer.core.kernels import Ctstate, Sysctls
from bypeer.core.script import INITIAL, WINDOW, settings, written
from bypeer.core.segment import ABSENT, GOOD, Segment
from bypeer.core.seq import add
from bypeer.lab.oracle import Oracle
from bypeer.lab.tracker import INVALID, Tracker, differences, words
from bypeer.lab.wire import Batch, Packer
from bypeer.lab.worlds import TELLING

_FEW = 40  # packets, of which every run and every two are tried


class Packet(NamedTuple):
    """A packet of a conversation: from the clients' side (0) or the servers'."""

    way: int
    segment: Segment


class Answers(NamedTuple):
    """What both say of the packets of a conversation."""

    ours: list[int]
    theirs: list[int]
    found: list[Answer]  # of the model, as a script has it
    our_lines: list[list[str]]
    their_lines: list[list[str]]

    def first(self) -> int | None:
        """The row of the first packet on which they disagree."""
        return next((row for row in range(len(self.ours)) if not self.agree(row)), None)

    def agree(self, row: int) -> bool:
        """Whether they agree on that packet."""
        same = self.ours[row] == self.theirs[row]
        return same and self.our_lines[row] == self.their_lines[row]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The first packet on which model and kernel disagree, and the shortest way to it that was found."""

    world: str
    conversation: int
    script: str  # packet script; its last line is the packet
    packets: int  # of the script
    found_after: int  # packets of the conversation that it was found in, before shrinking
    reproduced: bool  # the conversation alone, played again, disagrees too
    differs: tuple[str, ...]  # verdict, direction, state or timer, reason ...
    model: str
    kernel: str


class Judge:
    """Plays whole conversations to both, one at a time."""

    def __init__(self, oracle: Oracle, rules: Rules, reasons: bool) -> None:
        self.oracle, self.reasons = oracle, reasons
        self.packer = Packer(oracle.version, oracle.nat)
        self.tracker = Tracker(rules, bool(oracle.nat))
        self.tries = 0

    def play(self, packets: Sequence[Packet]) -> Answers:
        """Both answers to each packet, on an empty table; to the end of what is one connection."""
        self.tries += 1
        batch = Batch(len(packets) + 1)
        self.tracker.begin()
        found = []
        for way, segment in packets:
            batch.expected.append(self.tracker.see(way, segment))
            found.append(answer(self.tracker.entry, self.tracker.out, self.tracker.rules))
            batch.lines.append(self.tracker.lines() if self.reasons else [])
            self.packer.pack(batch, way, 0, segment)
            if self.tracker.nat and self.tracker.turned:
                break  # what follows would be another connection: generate.py
        self.oracle.forget()
        theirs = self.oracle.play(batch)
        return Answers(batch.expected, theirs, found, batch.lines, self.oracle.lines(batch))

    def disagreeing(self, packets: Sequence[Packet]) -> list[Packet] | None:
        """The packets up to the first on which they disagree; None if there is none."""
        row = self.play(packets).first()
        return None if row is None else list(packets[: row + 1])


def explain(judge: Judge, world: str, conversation: int, packets: Sequence[Packet]) -> Disagreement:
    """Shrink a conversation in which a disagreement was found, and write it as a script."""
    shortest = judge.disagreeing(packets)
    reproduced = shortest is not None
    shown = shrunk(judge, shortest) if shortest else list(packets)
    initial = initial_of(shown)
    rebased = [Packet(way, moved(segment, way, initial, INITIAL)) for way, segment in shown]
    again = judge.disagreeing(rebased)
    if again is not None and len(again) == len(shown):
        shown, initial = rebased, INITIAL
    answers = judge.play(shown)
    script = script_of(shown, answers, initial, judge.tracker.rules.sysctls)
    return Disagreement(
        world, conversation, script, len(shown), len(packets), reproduced,
        tuple(differing(answers, -1)), said(answers.ours, answers.our_lines, -1),
        said(answers.theirs, answers.their_lines, -1),
    )  # fmt: skip


def differing(answers: Answers, row: int) -> Iterator[str]:
    """In which respects the answers to a packet differ."""
    yield from differences(answers.ours[row], answers.theirs[row])
    if answers.our_lines[row] != answers.their_lines[row]:
        yield "reason"


def shrunk(judge: Judge, packets: list[Packet]) -> list[Packet]:
    """The fewest and simplest packets that still disagree."""
    size = len(packets) // 2
    while size:
        packets, left_out = _without(judge, packets, size)
        if not left_out:
            size //= 2
    simpler = True
    while simpler:
        packets, fewer = _thinned(judge, packets)
        packets, simpler = _simplified(judge, packets)
        simpler = simpler or fewer
    return packets


def _without(judge: Judge, packets: list[Packet], size: int) -> tuple[list[Packet], bool]:
    """Leave out runs of so many packets where it can be, from the end on; whether one could be."""
    left_out = False
    at = len(packets) - 1 - size
    while at > -size:
        start = max(at, 0)
        shorter = judge.disagreeing(packets[:start] + packets[start + size :])
        if shorter is not None:
            packets, left_out = shorter, True
        at = min(at, len(packets)) - size
    return packets, left_out


def _thinned(judge: Judge, packets: list[Packet]) -> tuple[list[Packet], bool]:
    """Leave out any run of packets, or any two, that can be; whether one could be.

    An earlier connection on the same port is such a run, and a FIN with its acknowledgement such two.
    """
    if len(packets) > _FEW:
        return packets, False
    rows = range(len(packets) - 1)  # the last is the one on which they disagree
    runs = [set(range(start, start + size)) for size in reversed(rows) for start in rows if size]
    for out in [*runs, *map(set, combinations(rows, 2))]:
        shorter = judge.disagreeing([packet for row, packet in enumerate(packets) if row not in out])
        if shorter is not None and len(shorter) < len(packets):
            return _thinned(judge, shorter)[0], True
    return packets, False


def _simplified(judge: Judge, packets: list[Packet]) -> tuple[list[Packet], bool]:
    """Make one packet after the other plainer; whether any could be."""
    any_simpler = False
    for row in range(len(packets)):
        for change in _CHANGES:
            if row >= len(packets):
                break
            segment = packets[row].segment.copy()
            if not change(segment):
                continue
            plainer = [*packets[:row], Packet(packets[row].way, segment), *packets[row + 1 :]]
            found = judge.disagreeing(plainer)
            if found is not None:
                packets, any_simpler = found, True
    return packets, any_simpler


def _set(name: str, value: int) -> Callable[[Segment], bool]:
    def change(segment: Segment) -> bool:
        if getattr(segment, name) == value:
            return False
        setattr(segment, name, value)
        return True

    return change


def _without_sack(segment: Segment) -> bool:
    had = segment.sack_count > 0
    segment.sack_count, segment.sack = 0, segment.ack
    return had


def _without_marks(segment: Segment) -> bool:
    had = segment.flags & (tcp.PSH | tcp.ECE | tcp.CWR | tcp.URG)
    segment.flags &= ~had
    return had != 0


def _without_ack(segment: Segment) -> bool:
    """The field, where the flag does not make it one."""
    if segment.flags & tcp.ACK_ or not segment.ack:
        return False
    segment.ack = segment.sack = 0
    return True


_CHANGES: tuple[Callable[[Segment], bool], ...] = (
    _without_sack, _set("timestamps", 0), _set("sack_permitted", 0), _set("wscale", ABSENT),
    _set("mss", ABSENT), _set("checksum", GOOD), _without_marks, _without_ack, _set("size", 0),
    _set("win", WINDOW),
)  # fmt: skip


def initial_of(packets: Sequence[Packet]) -> tuple[int, int]:
    """The numbers that count as each side's first: of its first packet, else as acknowledged."""
    found: list[int | None] = [None, None]
    for way, segment in packets:
        if found[way] is None:
            found[way] = segment.seq if segment.flags & tcp.SYN else add(segment.seq, -1)
    for way, segment in packets:
        if found[1 - way] is None and segment.flags & tcp.ACK_:
            found[1 - way] = add(segment.ack, -1)
    return found[0] or 0, found[1] or 0


def moved(segment: Segment, way: int, old: Sequence[int], new: Sequence[int]) -> Segment:
    """The segment with other initial numbers; an acknowledgement of 0 without the flag stays."""
    other = segment.copy()
    theirs = new[1 - way] - old[1 - way]
    other.seq = add(segment.seq, new[way] - old[way])
    if segment.flags & tcp.ACK_ or segment.ack:
        other.ack = add(segment.ack, theirs)
    other.sack = add(segment.sack, theirs) if segment.sack_count else other.ack
    other.dsack_left, other.dsack_right = add(segment.dsack_left, theirs), add(segment.dsack_right, theirs)
    return other


def script_of(packets: Sequence[Packet], answers: Answers, initial: Sequence[int], sysctls: Sysctls) -> str:
    """A packet script that expects what the kernel says; of more than two SACK blocks it keeps two."""
    lines = list(settings(sysctls, Sysctls(timeouts=TELLING)))
    if tuple(initial) != INITIAL:
        lines.append(f"initial {initial[0]} {initial[1]}")
    before = None
    for row, (way, segment) in enumerate(packets):
        wait = segment.ts - before if before is not None else 0
        before = segment.ts
        line = f"+{wait / 1e9:g} " if wait else ""
        lines.append(f"{line}{written(way, segment, initial)} => {_expected(answers, row)}")
    lines.append(f"// model:  {said(answers.ours, answers.our_lines, -1)}")
    lines.append(f"// kernel: {said(answers.theirs, answers.their_lines, -1)}")
    return "\n".join(lines)


def _expected(answers: Answers, row: int) -> str:
    """What a script is to expect: all where both agree on the packet, else the kernel's ctstate."""
    if answers.agree(row):
        return str(answers.found[row])
    theirs = answers.theirs[row] & 7
    return str(Answer(ctstate=Ctstate(theirs).name if theirs <= INVALID else None))


def said(answers: list[int], lines: list[list[str]], row: int) -> str:
    """An answer for people, with what was logged."""
    return words(answers[row]) + "".join(f'; logs "{line}"' for line in lines[row])
