"""Conversations by chance, with the model's answer to each packet.

A conversation has a seed of its own, so any one of them can be had again alone. Two kinds: two
endpoints that behave, some of whose packets are spoilt or have spoilt ones among them; and packets
that follow the tracker itself from state to state, drawn at its bounds.
"""

from __future__ import annotations

from collections.abc import Iterator

from bypeer.core.entry import Rules
from bypeer.core.segment import Segment
from bypeer.lab.chance import Chance, mixed
from bypeer.lab.endpoint import Endpoint, blank
from bypeer.lab.mutate import onwards, spoil
from bypeer.lab.tracker import Tracker, cell
from bypeer.lab.wire import Batch, Packer

_LENGTHS = (4, 8, 12, 25, 25, 40, 60)  # packets of a conversation
_SPOILT = (0, 4, 15, 40)  # percent of the packets of endpoints that behave
_REPEATS = 300  # of one that repeats itself: more than the counter of repeats can count
LONGEST_EVER = _LONGEST = 360
_REFUSED = 3  # Ctstate

ENDPOINTS, TRACKER, REPEATER = range(3)


class Generator:
    """Makes conversations for one world: rules, NAT, IP version."""

    __slots__ = (
        "chance", "coverage", "ends", "kind", "left", "nat", "packer", "reasons", "seed", "segment",
        "share", "tracker", "way",
    )  # fmt: skip

    def __init__(self, rules: Rules, packer: Packer, nat: bool, seed: int, reasons: bool = False) -> None:
        self.tracker = Tracker(rules, nat)
        self.packer, self.nat, self.seed, self.reasons = packer, nat, seed, reasons
        self.chance, self.segment = Chance(), Segment()
        self.ends = (Endpoint(), Endpoint())
        self.kind = self.left = self.share = self.way = 0
        self.coverage: dict[int, int] = {}  # tracker.cell: packets

    def fill(self, batch: Batch, number: int) -> int:
        """Fill a batch with whole conversations, from that number on; the number after the last."""
        first = number
        while len(batch.headers) + _LONGEST <= batch.most:
            self.begin(number)
            while self.follow():
                self._play(batch, number - first)
            number += 1
        return number

    def begin(self, number: int) -> None:
        """Begin the conversation of that number."""
        chance = self.chance
        chance.state = mixed(self.seed, number)
        self.tracker.begin()
        blank(self.segment)
        self.segment.ts = 0
        self.kind = ENDPOINTS if chance.percent(55) else TRACKER
        self.left = chance.of(_LENGTHS)
        self.share = chance.of(_SPOILT) if self.kind == ENDPOINTS else 45
        self.way = 0
        if chance.below(400) == 0:
            self.kind, self.left = REPEATER, _REPEATS
        for one in self.ends:
            end: Endpoint = one
            end.syn_sent = False
            end.be_born(chance)

    def follow(self) -> bool:
        """Make the next packet: `way` and `segment`; False if the conversation is over."""
        if self.left == 0:
            return False
        self.left -= 1
        if self.kind == ENDPOINTS:
            self._converse()
        elif self.kind == TRACKER:
            self._wander()
        elif self.left < _REPEATS - 3:  # after the handshake the same again
            if self.chance.below(200) == 0:
                self.segment.win ^= 1
        else:
            self.way = self.left & 1 ^ 1
            onwards(self.tracker.entry, self.way, self.segment, self.chance)
        return True

    def _converse(self) -> None:
        """Whoever has more reason to, says something."""
        chance, tracker, segment = self.chance, self.tracker, self.segment
        one: Endpoint = self.ends[0]
        other: Endpoint = self.ends[1]
        over = one.dead or other.dead or (one.fin_sent and one.fin_got and other.fin_sent and other.fin_got)
        if over and chance.percent(25):
            one.be_born(chance)
            other.be_born(chance)
        if not one.syn_sent and not other.syn_got:
            self.way = 0 if chance.percent(96) else 1
        elif not other.syn_sent:
            self.way = 1 if chance.percent(80) else 0
        else:
            self.way = self.way if chance.percent(40) else 1 - self.way
        end: Endpoint = self.ends[self.way]
        if chance.percent(self.share):
            if chance.percent(50):
                end.say(segment, chance)
            spoil(tracker.entry, self.way ^ tracker.turned, segment, chance)
        else:
            end.say(segment, chance)

    def _wander(self) -> None:
        chance, tracker = self.chance, self.tracker
        entry = tracker.entry
        self.way = chance.below(2) if entry.state or chance.percent(10) else 0
        direction = self.way ^ tracker.turned if entry.state else 0
        blank(self.segment)
        onwards(entry, direction, self.segment, chance)
        if chance.percent(self.share + 20):
            spoil(entry, direction, self.segment, chance)

    def _play(self, batch: Batch, conversation: int) -> None:
        """Show the packet to the model, and to the other endpoint what passes; then pack it."""
        tracker, segment = self.tracker, self.segment
        answer = tracker.see(self.way, segment)
        out = tracker.out
        found = cell(out, segment)
        self.coverage[found] = self.coverage.get(found, 0) + 1
        self.packer.pack(batch, self.way, conversation, segment)
        batch.expected.append(answer)
        if self.reasons:
            batch.lines.append(tracker.lines())
        self.answered(answer)

    def answered(self, answer: int) -> None:
        """Let the other endpoint hear what passed; end what NAT would make a second connection."""
        if answer != _REFUSED and self.kind == ENDPOINTS:
            end: Endpoint = self.ends[1 - self.way]
            end.hear(self.segment)
        # The server's packet made an entry. It has no translation, so the client's packets are
        # another connection now: a thing of NAT, not of the tracker.
        if self.nat and self.tracker.turned:
            self.left = 0

    def conversation(self, number: int) -> Iterator[tuple[int, Segment]]:
        """That conversation's packets again, as (way, segment)."""
        self.begin(number)
        while self.follow():
            yield self.way, self.segment.copy()
            self.answered(self.tracker.see(self.way, self.segment))
