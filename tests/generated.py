"""Generated packets with the model's answers, kept, so that a broken model can be shown the same ones.

They are not made anew for each mutant: the generator draws numbers at the model's own bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from tests.mutants import Model
from tests.pure import inside

if TYPE_CHECKING:
    from bypeer.core.kernels import Kernel
    from bypeer.core.segment import Segment
    from bypeer.lab.worlds import World


class Seen(NamedTuple):
    """A packet, and what the model says of it."""

    way: int
    segment: Segment
    answer: int  # this and its lines are all that the kernel can be asked (tracker.py)
    lines: list[str]
    step: tuple[int, ...]  # the rest, which only we say


_STEP = (
    "ctstate", "direction", "index", "state_before", "state_after", "reason", "bound", "beyond", "seq_over",
    "seq_under", "ack_over", "ack_under", "lowered", "reopened", "unreplied",
)  # fmt: skip
_step_of = attrgetter(*_STEP)


@dataclass(frozen=True, slots=True)
class Recording:
    """Whole conversations under one kernel's rules in one world."""

    kernel: Kernel
    world: World
    conversations: Sequence[Sequence[Seen]]

    def __len__(self) -> int:
        return sum(map(len, self.conversations))

    def part(self, share: int) -> Recording:
        """One in so many of its conversations."""
        return Recording(self.kernel, self.world, self.conversations[::share])


def record(kernel: Kernel, world: World, packets: int, seed: int, pause: int = 0) -> Recording:
    """At least so many packets; with a `pause` (ns), now and then time passes between two."""
    with inside("source"):
        names = ("core.entry", "lab.chance", "lab.generate", "lab.timed", "lab.wire")
        entry, chance, generate, timed, wire = (import_module(f"bypeer.{name}") for name in names)
    rules = entry.Rules(kernel, world.sysctls)
    made = generate.Generator(rules, wire.Packer(world.version, world.nat), bool(world.nat), seed)
    wait = chance.Chance(seed)
    conversations: list[list[Seen]] = []
    number = done = 0
    while done < packets:
        made.begin(number)
        seen = []
        while made.follow():
            if pause and wait.percent(timed.PAUSES):
                made.segment.ts += pause
            answer = made.tracker.see(made.way, made.segment)
            tracker = made.tracker
            seen.append(Seen(made.way, made.segment.copy(), answer, tracker.lines(), _step_of(tracker.out)))
            made.answered(answer)
        number += 1
        done += len(seen)
        conversations.append(seen)
    return Recording(kernel, world, conversations)


def differs(recording: Recording, model: Model, only_we: bool = False) -> Seen | None:
    """The first packet on which the model says otherwise: what a kernel says too, or what `only_we` say."""
    tracker = model.tracker(recording.kernel, recording.world.sysctls, bool(recording.world.nat))
    for conversation in recording.conversations:
        tracker.begin()
        for seen in conversation:
            answer = tracker.see(seen.way, seen.segment)
            if only_we:
                if _step_of(tracker.out) != seen.step:
                    return seen
            elif answer != seen.answer or tracker.lines() != seen.lines:
                return seen
    return None
