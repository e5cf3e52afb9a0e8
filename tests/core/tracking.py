"""Plays packet scripts (bypeer.core.script) through the tracker, for the tests beside.

Short ones stand in the tests; those of tests/scripts are files, which the lab plays through the kernel too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bypeer.core.conntrack import step
from bypeer.core.entry import Entry, Rules, Step
from bypeer.core.expected import Answer, answer, version
from bypeer.core.kernels import KERNELS, LINUX_6_18, CtState, Kernel, Reason, Sysctls, named
from bypeer.core.script import Line, Script, Story, parse, read
from bypeer.lab.worlds import TELLING

SCRIPTS = Path(__file__).parents[1] / "scripts"

# The life of a connection, step by step.
SYN = "> S   0:0(0)       win 65535 => SYN_SENT    NEW\n"
ASKED = SYN + "< S.  0:0(0) ack 1 win 65535 => SYN_RECV    ESTABLISHED\n"
OPEN = ASKED + "> .   1:1(0) ack 1 win 65535 => ESTABLISHED ESTABLISHED\n"
CLOSING = OPEN + "> F. 1:1(0) ack 1 => FIN_WAIT ESTABLISHED\n"
HALF_CLOSED = CLOSING + "< . 1:1(0) ack 2 => CLOSE_WAIT ESTABLISHED\n"
LAST = HALF_CLOSED + "< F. 1:1(0) ack 2 => LAST_ACK ESTABLISHED\n"
CLOSED = LAST + "> . 2:2(0) ack 2 => TIME_WAIT ESTABLISHED\n"
RESET = OPEN + "< R. 1:1(0) ack 1 => CLOSE ESTABLISHED\n"
PICKED_UP = "> . 1:1(0) ack 1 win 1000 => ESTABLISHED NEW\n"
CROSSED = SYN + "< S 0:0(0) => SYN_SENT2 ESTABLISHED\n"

# How each state is reached, and the next numbers of both sides in it.
REACHED = {
    "NONE": ("", 0, 0), "SYN_SENT": (SYN, 1, 0), "SYN_RECV": (ASKED, 1, 1), "ESTABLISHED": (OPEN, 1, 1),
    "FIN_WAIT": (CLOSING, 2, 1), "CLOSE_WAIT": (HALF_CLOSED, 2, 1), "LAST_ACK": (LAST, 2, 2),
    "TIME_WAIT": (CLOSED, 2, 2), "CLOSE": (RESET, 1, 1), "SYN_SENT2": (CROSSED, 1, 1),
}  # fmt: skip


@dataclass
class Played:
    """A script after its last segment."""

    rules: Rules
    step: Callable[..., None] = step
    entry: Entry = field(default_factory=Entry)
    out: Step = field(default_factory=Step)
    turned: bool = False  # `<` is the original direction: the reply side made the entry anew
    answers: list[Answer] = field(default_factory=list)

    def see(self, line: Line) -> None:
        if self.entry.state == CtState.NONE:
            self.turned = line.direction == 1
        self.step(self.entry, line.direction ^ self.turned, line.segment, self.rules, self.out)
        if self.out.reopened:
            self.turned = line.direction == 1
        self.answers.append(answer(self.entry, self.out, self.rules))

    @property
    def reason(self) -> Reason:
        return Reason(self.out.reason)


def play(text: str, kernel: Kernel = LINUX_6_18, sysctls: Sysctls | None = None) -> Played:
    """Play all of a script."""
    played = Played(Rules(kernel, sysctls))
    for line in parse(text):
        played.see(line)
    return played


@cache
def scripts() -> dict[str, Script]:
    """The files of tests/scripts, by name."""
    return {path.stem: read(path.read_text()) for path in sorted(SCRIPTS.glob("*.pkt"))}


# Kernels by release: each series as last seen, and on both sides of a patch that changed a rule.
PATCHED = (
    "5.10.109", "5.10.110", "5.10.258", "5.10.259", "6.1.8", "6.1.9", "6.1.175", "6.1.176", "6.12.92",
    "6.12.93", "6.12.116", "6.12.117",
)  # fmt: skip
PLAYED = {kernel.name: kernel for kernel in KERNELS} | {release: named(release) for release in PATCHED}


def lived(
    release: str, kernel: Kernel, step: Callable[..., None] = step, rules: Callable[..., Rules] = Rules
) -> Iterator[tuple[str, Story, Played]]:
    """Every story of tests/scripts that is meant for this kernel, before its first segment."""
    for name, script in scripts().items():
        told = rules(kernel, script.sysctls(Sysctls(timeouts=TELLING)))
        for story in script.stories:
            if story.kernels.cover(version(release)):
                yield name, story, Played(told, step)


def failures(
    kernels: Mapping[str, Kernel] = PLAYED,
    step: Callable[..., None] = step,
    rules: Callable[..., Rules] = Rules,
) -> Iterator[str]:
    """Where a model answers otherwise than tests/scripts expect; `step` and `rules` may be a broken one's."""
    for release, kernel in kernels.items():
        for name, story, played in lived(release, kernel, step, rules):
            for line in story.lines:
                played.see(line)
                wanted, found = line.expected(version(release)), played.answers[-1]
                if not wanted.allows(found):
                    yield f"{name}.pkt:{line.number}, on {release}: {wanted} is expected, not {found}"
