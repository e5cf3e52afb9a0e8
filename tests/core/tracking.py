"""Plays packet scripts (bypeer.core.script) through the tracker, for the tests beside."""

from __future__ import annotations

from dataclasses import dataclass, field

from bypeer.core.conntrack import step
from bypeer.core.entry import Entry, Rules, Step
from bypeer.core.expected import Answer, answer
from bypeer.core.kernels import LINUX_6_18, CtState, Kernel, Reason, Sysctls
from bypeer.core.script import Line, parse

# The life of a connection, step by step.
SYN = "> S   0:0(0)       win 65535 => SYN_SENT    NEW\n"
ASKED = SYN + "< S.  0:0(0) ack 1 win 65535 => SYN_RECV    ESTABLISHED\n"
OPEN = ASKED + "> .   1:1(0) ack 1 win 65535 => ESTABLISHED ESTABLISHED\n"
CLOSING = OPEN + "> F. 1:1(0) ack 1 => FIN_WAIT ESTABLISHED\n"
HALF_CLOSED = CLOSING + "< . 1:1(0) ack 2 => CLOSE_WAIT ESTABLISHED\n"
LAST = HALF_CLOSED + "< F. 1:1(0) ack 2 => LAST_ACK ESTABLISHED\n"
CLOSED = LAST + "> . 2:2(0) ack 2 => TIME_WAIT ESTABLISHED\n"
RESET = OPEN + "< R. 1:1(0) ack 1 => CLOSE ESTABLISHED\n"
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
    entry: Entry = field(default_factory=Entry)
    out: Step = field(default_factory=Step)
    turned: bool = False  # `<` is the original direction: the reply side made the entry anew
    answers: list[Answer] = field(default_factory=list)

    def see(self, line: Line) -> None:
        if self.entry.state == CtState.NONE:
            self.turned = line.direction == 1
        step(self.entry, line.direction ^ self.turned, line.segment, self.rules, self.out)
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


def replayed(text: str, kernel: Kernel = LINUX_6_18, sysctls: Sysctls | None = None) -> list[tuple[str, str]]:
    """State after and ctstate of each segment; as little as `expected` where the script expects nothing."""
    return [
        (found.state if wanted[0] != "-" else "-", found.ctstate if wanted[1] != "-" else "-")
        for found, wanted in zip(play(text, kernel, sysctls).answers, expected(text), strict=True)
    ]


def expected(text: str) -> list[tuple[str, str]]:
    """What the script says of each segment."""
    return [(said.state or "-", said.ctstate or "-") for said in (line.expected() for line in parse(text))]
