"""What a packet script expects of the tracker, and of which kernels.

    ESTABLISHED INVALID seq-over timer unacknowledged
    4.19, 5.15.., ..6.0, 6.1..6.1.175

An answer is ct_state and ctstate, `-` for anything; the reason, if there is one; the timer, if it is not
the state's own. Kernels are ranges of versions, both ends included; a patch level is optional.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bypeer.core.entry import Entry, Rules, Step
from bypeer.core.kernels import TIMERS, CtState, Ctstate, Reason, numbers

_ANSWER = re.compile(
    r"(?P<state>\w+|-)(?:\s+(?P<ctstate>\w+|-))?"
    r"(?:\s+(?!timer\s)(?P<reason>[a-z-]+))?(?:\s+timer\s+(?P<timer>\w+))?"
)
_VERSION = r"\d{1,9}\.\d{1,9}(?:\.\d{1,9})?"
_RANGE = re.compile(rf"(?P<low>{_VERSION})?(?P<dots>\.\.)?(?P<high>{_VERSION})?")
_STATES = [state.name for state in CtState if state < CtState.INVALID]
_CTSTATES = ["NEW", "ESTABLISHED", "INVALID"]
_REASONS: dict[str, Reason] = {
    reason.name.lower().replace("_", "-"): reason for reason in Reason if reason != Reason.OK
}
_WORDS: dict[Reason, str] = {reason: word for word, reason in _REASONS.items()}

Version = tuple[int, int, int]
ANY_PATCH = 1 << 31  # of a Version: the series as it was last seen
NEWEST: Version = (ANY_PATCH, ANY_PATCH, ANY_PATCH)


class Kernels(NamedTuple):
    """Ranges of versions, both ends included; none stands for all."""

    ranges: tuple[tuple[Version, Version], ...] = ()

    def cover(self, version: Version) -> bool:
        """Whether this version is among them."""
        return not self.ranges or any(low <= version <= high for low, high in self.ranges)


ALL = Kernels()


class Answer(NamedTuple):
    """What the tracker makes of a segment, or is expected to: then None stands for anything."""

    state: str | None = None  # CtState's name
    ctstate: str | None = None  # Ctstate's name
    reason: Reason = Reason.OK
    timer: str | None = None  # of TIMERS, where the entry's is not the state's own

    def allows(self, found: Answer) -> bool:
        """Whether what was found is what was expected; without a state, or a ctstate, the other alone."""
        if self.state is None:
            return self.ctstate in (None, found.ctstate)
        return self == found if self.ctstate else self.state == found.state

    def __str__(self) -> str:
        words = [self.state or "-", self.ctstate or "-"]
        words += [_WORDS[self.reason]] if self.reason else []
        return " ".join([*words, f"timer {self.timer}"] if self.timer else words)


def version(release: str) -> Version:
    """A kernel's version as scripts compare it, from `uname -r`; ValueError if it is none.

    A patch level of 0 means unknown, as Debian's 5.10.0-32-amd64 hides it (see kernels.named).
    """
    major, minor, patch = numbers(release)
    return major, minor, patch or ANY_PATCH


def answer(entry: Entry, out: Step, rules: Rules) -> Answer:
    """What `step` has just made of a segment, in the words of a script."""
    timer = None
    if entry.state != CtState.NONE and entry.timeout != rules.timeouts[entry.state]:
        timer = TIMERS[rules.timeouts.index(entry.timeout)]
    return Answer(CtState(out.state_after).name, Ctstate(out.ctstate).name, Reason(out.reason), timer)


def read_answer(words: str) -> Answer:
    """An answer from its words; ValueError if they are none."""
    found = _ANSWER.fullmatch(words.strip())
    if found is None:
        raise ValueError("no expectation after `=>`")
    state, ctstate, timer = (
        None if found[name] == "-" else found[name] for name in ("state", "ctstate", "timer")
    )
    for word, known in ((state, _STATES), (ctstate, _CTSTATES), (found["reason"], _REASONS), (timer, TIMERS)):
        if word is not None and word not in known:
            raise ValueError(f"{word} is none of {', '.join(known)}")
    return Answer(state, ctstate, _REASONS[found["reason"]] if found["reason"] else Reason.OK, timer)


def read_kernels(words: str) -> Kernels:
    """Kernels from their words; ValueError if they are none."""
    ranges = []
    for one in words.split(","):
        found = _RANGE.fullmatch(one.strip())
        if found is None or not (found["low"] or found["high"]) or (found["high"] and not found["dots"]):
            raise ValueError("kernels are named as 5.10, 5.15.., ..6.0 or 6.1..6.1.9")
        low = _numbers(found["low"], 0) if found["low"] else (0, 0, 0)
        high = NEWEST if found["dots"] else _numbers(found["low"], ANY_PATCH)
        high = _numbers(found["high"], ANY_PATCH) if found["high"] else high
        if high < low:
            raise ValueError(f"{one.strip()} are no kernels")
        ranges.append((low, high))
    return Kernels(tuple(ranges))


def _numbers(words: str, patch: int) -> Version:
    major, minor, *rest = map(int, words.split("."))
    return major, minor, rest[0] if rest else patch
