"""Real waiting for real timers: whether model and kernel forget an entry at the same time.

Timeouts of whole seconds, and packets at four moments 1.4 s apart: whatever two of them an entry
lies between, no timeout is nearer than 0.2 s. All conversations of all worlds are played in the same four
moments, so that a round takes 4.2 s. A moment that took too long proves nothing: then half as many
packets are tried, which a virtual machine needs.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass

from bypeer.core.entry import Rules
from bypeer.core.expected import Answer
from bypeer.core.expected import answer as script_answer
from bypeer.core.kernels import Kernel, Sysctls
from bypeer.lab.chance import Chance, mixed
from bypeer.lab.generate import LONGEST_EVER, Generator
from bypeer.lab.oracle import Oracle
from bypeer.lab.shrink import Answers, Disagreement, Packet, differing, initial_of, script_of
from bypeer.lab.tracker import INVALID, NO_TIMER, TIMER, words
from bypeer.lab.wire import Batch, Packer
from bypeer.lab.worlds import World

SECOND = 1_000_000_000
MOMENTS, APART = 4, 1_400_000_000  # ns
PAUSES = 15  # percent of the packets of a conversation come after one, while there are moments
_LATE = 0.15  # s that a moment may last
_PACKETS = (1000, 1000, 500, 250, 120, 60)  # a moment and world, round by round

# s by CtState, then max_retrans and unacknowledged; SYN_SENT2 has no setting and does not run out here.
WORLDS = (
    World("timed", Sysctls(timeouts=(120, 1, 2, 4, 3, 1, 2, 1, 2, 120, 3, 3))),
    World("timed, short", Sysctls(timeouts=(120, 3, 1, 9, 4, 3, 1, 3, 1, 120, 1, 3), tcp_max_retrans=1)),
    World(
        "timed, IPv6", Sysctls(timeouts=(120, 2, 4, 3, 1, 2, 3, 2, 4, 120, 2, 1), tcp_loose=False), version=6
    ),
    # A timer is lowered while 120 s are left, so after a pause not any more; and then the entry is soon gone.
    World("timed, lowered", Sysctls(timeouts=(120, 3, 3, *[121] * 6, 120, 200, 1))),
)


@dataclass(slots=True)
class Timed:
    """What a round found."""

    packets: int
    seconds: float
    lapsed: int  # entries that had run out when a packet came
    disagreement: Disagreement | None = None


class _Player:
    """One world's conversations, cut into moments."""

    def __init__(self, world: World, kernel: Kernel, seed: int, oracle: Oracle, most: int) -> None:
        self.world, self.oracle = world, oracle
        rules = Rules(kernel, world.sysctls)
        self.generator = Generator(rules, Packer(world.version), False, seed)
        self.moments = [Batch(most + LONGEST_EVER) for _ in range(MOMENTS)]
        self.rows: list[list[tuple[int, int]]] = []  # of a conversation: moment and row of each packet
        self.packets: list[list[Packet]] = []
        self.found: list[list[Answer]] = []  # what the model made of each
        self.lapsed = 0
        self.chance = Chance(mixed(seed, 1))
        while max(len(moment) for moment in self.moments) < most:
            self._add(len(self.rows))

    def _add(self, number: int) -> None:
        """One more conversation, its waits drawn by chance."""
        generator, tracker = self.generator, self.generator.tracker
        rows, packets, found = [], [], []
        moment = 0
        generator.begin(number)
        while generator.follow():
            if moment < MOMENTS - 1 and self.chance.percent(PAUSES):
                moment += 1
            segment, batch = generator.segment, self.moments[moment]
            segment.ts = moment * APART
            known = tracker.entry.state
            answer = tracker.see(generator.way, segment)
            self.lapsed += known != 0 and tracker.out.state_before == 0
            rows.append((moment, len(batch)))
            found.append(script_answer(tracker.entry, tracker.out, tracker.rules))
            packets.append(Packet(generator.way, segment.copy()))
            generator.packer.pack(batch, generator.way, number, segment)
            batch.expected.append(answer if answer == INVALID else answer | NO_TIMER << TIMER)
            generator.answered(answer)
        self.rows.append(rows)
        self.packets.append(packets)
        self.found.append(found)

    def disagreement(self, answers: list[list[int]]) -> Disagreement | None:
        """The first conversation in which the kernel says otherwise."""
        for number, rows in enumerate(self.rows):
            ours = [self.moments[moment].expected[row] for moment, row in rows]
            theirs = [answers[moment][row] for moment, row in rows]
            if ours != theirs:
                return self._explain(number, ours, theirs)
        return None

    def _explain(self, number: int, ours: list[int], theirs: list[int]) -> Disagreement:
        end = next(row + 1 for row in range(len(ours)) if ours[row] != theirs[row])
        both = Answers(ours[:end], theirs[:end], self.found[number][:end], [[]] * end, [[]] * end)
        packets = self.packets[number][:end]
        script = script_of(packets, both, initial_of(packets), self.world.sysctls)
        # Every try to shrink it would take seconds, so it is shown as it was found.
        return Disagreement(
            self.world.name, number, script, end, end, True, tuple(differing(both, -1)),
            words(both.ours[-1]), words(both.theirs[-1]),
        )  # fmt: skip


def play_timed(kernel: Kernel, seed: int) -> Timed | None:
    """Play one round; None if the machine was never quick enough for it."""
    start = time.monotonic()
    for most in _PACKETS:
        with ExitStack() as stack:
            oracles = [stack.enter_context(_oracle(world, kernel)) for world in WORLDS]
            players = [
                _Player(world, kernel, mixed(seed, number), oracle, most)
                for number, (world, oracle) in enumerate(zip(WORLDS, oracles, strict=True))
            ]
            answers = _play_moments(players)
            if answers is None:
                continue
            found = (player.disagreement(mine) for player, mine in zip(players, answers, strict=True))
            packets = sum(len(moment) for player in players for moment in player.moments)
            lapsed = sum(player.lapsed for player in players)
            first = next((one for one in found if one), None)
            return Timed(packets, time.monotonic() - start, lapsed, first)
    return None


def _oracle(world: World, kernel: Kernel) -> Oracle:
    return Oracle(world.sysctls, version=world.version, kernel=kernel, timers=False)


def _play_moments(players: list[_Player]) -> list[list[list[int]]] | None:
    """Each player's answers by moment; None if a moment was missed."""
    answers: list[list[list[int]]] = [[] for _ in players]
    planned = time.monotonic()
    for moment in range(MOMENTS):
        time.sleep(max(0.0, planned - time.monotonic()))
        for player, mine in zip(players, answers, strict=True):
            mine.append(player.oracle.play(player.moments[moment]))
        if time.monotonic() - planned > _LATE:
            return None
        planned += APART / SECOND
    return answers
