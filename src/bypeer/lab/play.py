"""Packet scripts through the model and the running kernel, and both held against what they expect.

The model is held to all of an expectation. The kernel shows ctstate and, unless a segment is
INVALID, the timer; that tells the state, because every state is given a timer of its own. Its reasons are
its log lines, which must be the model's, bounds included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bypeer.core.entry import Rules
from bypeer.core.expected import Answer, Version, version
from bypeer.core.kernels import TIMERS, CtState, Ctstate, Sysctls, named
from bypeer.core.script import Line, Script, Story
from bypeer.lab.oracle import Oracle
from bypeer.lab.shrink import Judge, Packet, said
from bypeer.lab.shuttle import STEP
from bypeer.lab.tracker import DYING, INVALID, TIMER
from bypeer.lab.wire import LARGEST
from bypeer.lab.worlds import TELLING

LONGEST_TIMER = 100_000  # s
LONGEST_STORY = 500  # segments; the lines that NFLOG has of them must fit into its socket
LARGEST_SIZE = LARGEST - 40 - 60  # octets of payload


@dataclass(frozen=True, slots=True)
class Row:
    """A segment of a script, and what there is to say of it."""

    line: Line
    expected: Answer
    found: Answer  # of the model
    model: str  # all that is compared of the model's answer and the kernel's, in words
    kernel: str
    right: bool  # both say what is expected, and the same to the letter


def play(script: Script, release: str, ip: int = 4) -> Iterator[tuple[Story, list[Row]]]:
    """The stories that are meant for a kernel of this version, by whose rules the model plays.

    The running kernel is the judge whatever its version, and does not wait where a script says so. Raises
    ValueError for a version that is none, timers that tell no state and what is too long to be played;
    HostError where no kernel can be asked.
    """
    kernel, which = named(release), version(release)
    sysctls = _told(script)
    _demand_room(script)
    with Oracle(sysctls, version=ip, reasons=True, kernel=kernel) as oracle:
        judge = Judge(oracle, Rules(kernel, sysctls), reasons=True)
        for story in script.stories:
            if story.kernels.cover(which):
                yield story, _rows(judge, story, which)


def _told(script: Script) -> Sysctls:
    """The script's settings; every state has a timer of its own, or ValueError."""
    sysctls = script.sysctls(Sysctls(timeouts=TELLING))
    timers = [sysctls.timeouts[index] for index in range(len(TIMERS)) if index != CtState.NONE]
    own = [timer for timer in timers if timer != sysctls.timeouts[CtState.SYN_SENT2]]
    step = STEP // 1000
    if len(set(timers)) < len(timers) or any(timer % step or timer > LONGEST_TIMER for timer in own):
        raise ValueError(f"timeouts must differ, be multiples of {step} s and at most {LONGEST_TIMER} s")
    return sysctls


def _demand_room(script: Script) -> None:
    for story in script.stories:
        if len(story.lines) > LONGEST_STORY:
            raise ValueError(f"a story of more than {LONGEST_STORY} segments")
        for line in story.lines:
            if line.segment.size > LARGEST_SIZE:
                raise ValueError(f"line {line.number}: more than {LARGEST_SIZE} octets")


def _rows(judge: Judge, story: Story, which: Version) -> list[Row]:
    both = judge.play([Packet(line.direction, line.segment) for line in story.lines])
    rows = []
    for row, line in enumerate(story.lines):
        expected, found, theirs = line.expected(which), both.found[row], both.theirs[row]
        right = expected.allows(found) and _shows(theirs, expected) and both.agree(row)
        words = said(both.ours, both.our_lines, row), said(both.theirs, both.their_lines, row)
        rows.append(Row(line, expected, found, *words, right))
    return rows


def _shows(theirs: int, expected: Answer) -> bool:
    """Whether the kernel's answer is what is expected, as far as it shows."""
    kind = theirs & 7
    if kind > INVALID or expected.ctstate not in (None, Ctstate(kind).name):
        return False
    if kind == INVALID or theirs & DYING or expected.state is None:
        return True
    timer = expected.timer or expected.state
    return theirs >> TIMER == TIMERS.index(timer)
