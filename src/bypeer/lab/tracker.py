"""What the model says of each packet, in the form in which the kernel can be asked.

An answer is a number: INVALID, DROPPED, or a sum of what a late rule of the kernel can see of the
packet's entry: ctstate, direction, whether a reply was seen, whether it is assured or going away,
whether NAT translated the packet, and the timer that the entry was last given. Where every state has
a timer of its own (worlds.py), the timer tells the state.
"""

from __future__ import annotations

from collections.abc import Iterator

from bypeer.core.conntrack import expired, step
from bypeer.core.entry import Entry, Rules, Step, log_line
from bypeer.core.kernels import LOG_PREFIX, TIMERS, CtState, Ctstate
from bypeer.core.segment import Segment

# The lowest three bits: a Ctstate, or:
DROPPED, OTHER = 7, 6  # nothing came out; a ctstate that no packet here should have
INVALID = int(Ctstate.INVALID)
REPLY, SEEN_REPLY, ASSURED, DYING, TRANSLATED = 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7
TIMER = 8  # from this bit on: an index of Sysctls.timeouts, or:
NO_TIMER = 15

_BITS = {
    REPLY: "reply",
    SEEN_REPLY: "reply seen",
    ASSURED: "assured",
    DYING: "going",
    TRANSLATED: "translated",
}

_REFUSED, _REPLY, _SEEN_REPLY, _ASSURED, _DYING = INVALID, REPLY, SEEN_REPLY, ASSURED, DYING
_TRANSLATED, _TIMER, _NO_TIMER = TRANSLATED, TIMER, NO_TIMER
_NO_BOUND = -1  # entry.NO_BOUND
_SECOND = 1_000_000_000
_MASK, _HALF = 0xFFFF_FFFF, 0x8000_0000

# How a number lies to its two bounds, for the coverage; test_tracker holds it to `_place`.
PLACES = (
    "not judged", "inside", "upper -2", "upper -1", "upper", "upper +1", "above", "far above",
    "lower +2", "lower +1", "lower", "lower -1", "below", "far below",
)  # fmt: skip
_FAR = 1 << 20


class Tracker:
    """One conversation before the model; `way` 0 is the client's, whoever made the entry."""

    __slots__ = ("answered", "entry", "nat", "out", "rules", "timers", "turned")

    entry: Entry
    out: Step
    answered: int  # Index of the segment that counted last before this one
    turned: int  # 1: the server's side made the entry
    rules: Rules
    nat: bool
    timers: dict[int, int]  # timeout, ns: its index

    def __init__(self, rules: Rules, nat: bool) -> None:
        self.rules, self.nat = rules, nat
        self.entry, self.out, self.turned, self.answered = Entry(), Step(), 0, 0
        self.timers = {timeout: index for index, timeout in enumerate(rules.timeouts)}

    def begin(self) -> None:
        """Another conversation."""
        self.entry.clear()
        self.turned = 0

    def see(self, way: int, segment: Segment) -> int:
        """Let the model see a packet: its answer; `out` has the rest."""
        entry, out = self.entry, self.out
        if expired(entry, segment.ts):
            entry.clear()
        if entry.state == 0:
            self.turned = way
        old = entry.timeout
        self.answered = entry.last_index
        step(entry, way ^ self.turned, segment, self.rules, out)
        if out.reopened:
            self.turned = way
        if out.ctstate == _REFUSED:
            return _REFUSED
        answer = out.ctstate
        if out.direction:
            answer |= _REPLY
        if self.nat and not self.turned:
            answer |= _TRANSLATED
        if out.unreplied:
            return answer | _DYING | self.timer(old)
        if entry.seen_reply:
            answer |= _SEEN_REPLY
        if entry.assured:
            answer |= _ASSURED
        return answer | self.timer(entry.timeout)

    def lines(self) -> list[str]:
        """What the kernel is expected to log of the packet just seen."""
        out, kernel = self.out, self.rules.kernel
        line = log_line(out, kernel)
        found = [] if line is None else [line.strip()]
        if out.lowered:
            # The jiffies are not compared: they depend on how the kernel was built.
            text = kernel.lowered.format(
                index=out.index, direction=out.direction, answered=self.answered, jiffies=""
            )
            found.append(LOG_PREFIX + text.rstrip())
        return found

    def timer(self, timeout: int) -> int:
        """The part of an answer that says which timer it is."""
        return self.timers.get(timeout, _NO_TIMER) << _TIMER


def cell(out: Step, segment: Segment) -> int:
    """Which cell of the coverage a packet fills: all that distinguishes its step, as one number."""
    end = segment.seq + segment.size + (segment.flags & 1) + (segment.flags >> 1 & 1)
    above = _place(segment.seq - out.seq_over, 0)
    seq = above if above != 1 else _place(end - out.seq_under, 1)
    above = _place(segment.sack - out.ack_over, 0)
    ack = above if above != 1 else _place(segment.sack - out.ack_under, 1)
    if out.seq_over == _NO_BOUND:
        seq = ack = 0
    found = out.state_before << 4 | out.state_after
    found = found << 1 | out.direction
    found = found << 2 | out.ctstate
    found = found << 8 | segment.flags
    return found << 8 | seq << 4 | ack


def _place(gap: int, lower: int) -> int:
    """An index of PLACES. `gap` counts from the first number that fails."""
    gap = (gap & _MASK) - ((gap & _HALF) << 1)
    if lower:
        gap = -gap
    if gap < -2:
        return 1
    place = gap + 4 if gap < 2 else (6 if gap < _FAR else 7)
    return place + 6 if lower else place


def cells(found: int) -> tuple[str, str, str, str, int, str, str]:
    """A cell in words: state before and after, direction, ctstate, flags (a number), places of seq, ack."""
    return (
        CtState(found >> 23 & 15).name,
        CtState(found >> 19 & 15).name,
        "reply" if found >> 18 & 1 else "original",
        Ctstate(found >> 16 & 3).name,
        found >> 8 & 0xFF,
        PLACES[found >> 4 & 15],
        PLACES[found & 15],
    )


def words(answer: int) -> str:
    """An answer for people."""
    kind = answer & 7
    if kind == DROPPED:
        return "nothing came out"
    if kind == OTHER:
        return "neither NEW, ESTABLISHED nor INVALID"
    said = [Ctstate(kind).name]
    if kind != INVALID:
        said += [word for bit, word in _BITS.items() if answer & bit]
        said.append(f"timer {_timer_name(answer >> TIMER)}")
    elif answer & TRANSLATED:
        said.append("translated")
    return ", ".join(said)


def _timer_name(index: int) -> str:
    return TIMERS[index] if index < len(TIMERS) else "none of its own"


def differences(ours: int, theirs: int) -> Iterator[str]:
    """In which respects two answers differ: verdict, direction, state and so on."""
    if ours & 7 != theirs & 7:
        yield "verdict"
        return
    if (ours ^ theirs) & REPLY:
        yield "direction"
    for bit in (SEEN_REPLY, ASSURED, DYING, TRANSLATED):
        if (ours ^ theirs) & bit:
            yield _BITS[bit]
    if ours >> TIMER != theirs >> TIMER:
        yield "state or timer"
