"""What a cause is, what it is tested on, and what the tests may ask.

A cause is a function of its subject and of what was seen. It answers supported, refuted
because, or untestable without; its docstring is its documentation page.
"""

# No annotations as text here: see explanation.py.
import inspect
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from bypeer.core import tcp
from bypeer.core.explanation import Answer, Certainty
from bypeer.core.fate import Fates
from bypeer.core.kernels import TIMEOUTS, CtState, Reason
from bypeer.core.replay import Judgement, Replay
from bypeer.core.resets import Reset
from bypeer.core.study import FOREVER, INSIDE, NOWHERE, OUTSIDE, Sighting, Study, between
from bypeer.core.testimony import Testimony


class Finding(NamedTuple):
    """What a cause says of one subject."""

    answer: Answer
    because: str
    shown: tuple[Sighting, ...] = ()  # the segments that show it
    strong: bool = True  # supported by what only this cause explains, rather than merely possible


class Seen(NamedTuple):
    """All that was found out about one connection."""

    study: Study
    resets: Sequence[Reset]
    replay: Replay
    fates: Fates
    fitting: tuple[str, ...]  # kernels whose rules fit what was observed
    heard: Testimony  # what the kernel itself said

    def judgement(self, one: Sighting) -> Judgement | None:
        """What conntrack made of a segment: by the kernel's own word, else by the rules in use."""
        return self.replay.of(one)

    def refuses(self, one: Sighting) -> bool:
        """Whether conntrack called it INVALID: by the kernel's own word, else by the rules in use."""
        return self.replay.refuses(one)

    def logs(self, one: Sighting) -> bool:
        """Whether the kernel has a log line for what conntrack made of a segment."""
        judgement = self.replay.of(one)
        return judgement is not None and judgement.log != ""

    def certainty(self, reset: Reset, codes: Sequence[str]) -> Certainty:
        """How certain the causes of an endpoint's RST are: its own kernel may give the only one that fits."""
        whole = not any(side is None or side.lossy for side in self.study.sides)
        sure = whole and reset.author_sure and reset.effect_sure
        return "certain" if sure and [self.heard.means(reset)] == codes else "likely"

    @property
    def translated(self) -> bool:
        """Whether the host translates this connection, so that INVALID leaves a segment untranslated."""
        return self.study.join.nat != "none"

    def position(self, one: Sighting) -> Reason:
        """Where a segment lies beside what had passed (see `position`)."""
        return position(self.study, one)

    def leaks(self) -> list[Sighting]:
        """Segments that left the host outward without being translated."""
        if not self.study.join.strays:
            return []
        return [one for one in self.study.at(OUTSIDE, self.study.outward) if one.stray]

    def leaks_after(self, trigger: Sighting) -> list[Sighting]:
        """Leaks so soon after a segment that they show its entry to have been gone then.

        A host's own RST may close a living entry, which is then kept for the timeout of CLOSE;
        what leaks later may be due to that.
        """
        until = trigger.ts + TIMEOUTS[CtState.CLOSE] * 1_000_000_000
        return [one for one in self.leaks() if trigger.ts < one.ts < until]

    def alive(self, trigger: Sighting) -> Sighting | None:
        """A later segment that shows that the entry still was there when the trigger came.

        Either the next of the trigger's direction that was forwarded, if nothing went the other
        way in between, which would have made a new entry (tcp_loose); or a FIN or RST the other
        way that left translated, for these make none.
        """
        study, way = self.study, trigger.direction
        for one in study.sightings:
            if one.ts <= trigger.ts or one.twin is None or one.side != study.ingress(one.direction):
                continue
            if one.stray or one.twin.stray:
                return None
            if one.direction == way:
                return one
            return one if one.segment.flags & (tcp.FIN | tcp.RST) else None
        return None

    def recovered(self, trigger: Sighting) -> Sighting | None:
        """The first of the trigger's direction to be forwarded again after one went the other way."""
        made = False
        for one in self.study.sightings:
            if one.ts <= trigger.ts or one.twin is None or one.side != self.study.ingress(one.direction):
                continue
            if one.direction != trigger.direction:
                made = True
            elif made:
                return one
            else:
                return None
        return None

    def refused_later(self, trigger: Sighting) -> Sighting | None:
        """One of the trigger's direction not forwarded after one the other way had made an entry.

        None where the capture that would show it lost packets here and there.
        """
        shows, made = self.study.sides[1 - self.study.ingress(trigger.direction)], False
        if shows is None or shows.lossy:
            return None
        for one in self.study.sightings:
            if one.ts <= trigger.ts or one.side != self.study.ingress(one.direction) or one.is_rst:
                continue
            if one.direction != trigger.direction:
                made = made or (one.twin is not None and not one.segment.flags & (tcp.FIN | tcp.RST))
            elif made and one.twin is None and one.sure:
                return one
        return None

    def idle(self, one: Sighting) -> int:
        """How long nothing had passed before that segment, ns."""
        earlier = between(self.study.sightings, -FOREVER, one.ts - 1)
        last = next((other for other in reversed(earlier) if other is not one.twin), None)
        return one.ts - last.ts if last is not None else 0


class SeenAll(NamedTuple):
    """All that was found out about all inputs."""

    seen: Sequence[Seen]
    failed: int  # connections that failed, studied or not
    connections: int


Test = Callable[..., Finding]
Subject = Literal["reset", "connection", "input"]
_SUBJECTS: dict[str, Subject] = {"reset": "reset", "seen": "connection", "every": "input"}


class Cause(NamedTuple):
    """A row of the catalogue."""

    code: str
    name: str
    test: Test  # of (Reset, Seen), (Seen) or (SeenAll), by subject

    @property
    def subject(self) -> Subject:
        """What it is tested on, by the name of the test's first parameter."""
        return _SUBJECTS[self.test.__code__.co_varnames[0]]

    @property
    def page(self) -> str:
        """Its documentation page."""
        return inspect.cleandoc(self.test.__doc__ or "")

    @property
    def summary(self) -> str:
        """Its first line."""
        return self.page.splitlines()[0]


def position(study: Study, one: Sighting) -> Reason:
    """Where a segment lies beside what had passed: which bound it would fail, if any.

    What may have passed counts. For want of the bounds themselves: late if all of it had been acknowledged,
    beyond if it leaves a hole, of unseen data if it acknowledges more than had passed.
    """
    way = one.direction
    passed = [
        other
        for other in study.sightings
        if other.ts < one.ts and not other.is_rst
        if other.twin is not None or not other.sure or other.side != study.ingress(other.direction)
    ]
    acked = max((other.ack for other in passed if other.direction != way), default=NOWHERE)
    front = max(
        (other.end for other in passed if other.direction == way),
        default=one.start if acked == NOWHERE else acked,
    )
    sent = max((other.end for other in passed if other.direction != way), default=one.ack)
    if one.start > front:
        return Reason.SEQ_OVER
    if one.ack > sent:
        return Reason.ACK_OVER
    if acked == NOWHERE:
        acked = front - 1  # nothing shows how far it was acknowledged: what lies behind may have been
    return Reason.SEQ_UNDER if one.start < one.end <= acked else Reason.OK


def supported(because: str, *shown: Sighting, strong: bool = True) -> Finding:
    """The evidence is what this cause predicts."""
    return Finding("supported", because, shown, strong)


def refuted(because: str, *shown: Sighting) -> Finding:
    """The evidence contradicts this cause."""
    return Finding("refuted", because, shown)


def untestable(needs: str) -> Finding:
    """The evidence that would tell is not there."""
    return Finding("untestable", needs)


def side_name(side: int) -> str:
    """`inside` or `outside`."""
    return "inside" if side == INSIDE else "outside"
