"""Relative sequence numbers made absolute again, as far as the text allows.

tcpdump prints a segment without ACK as it is. Of each conversation it remembers the first segment
with ACK that it meets, and each SYN/ACK: these it prints as they are, and then subtracts from all
others of its sender that SEG.SEQ, and from all of its receiver that SEG.ACK less one; with -S it
subtracts nothing. So the same account, kept here, undoes it.

An excerpt has lost the line that the account began with. Its numbers then are as good as they
were: relative to something unknown, but alike. They look like those of -S, except that a RST without
ACK is still absolute; since it answers a segment (RFC 9293, 3.10.7.1), it is taken to bear the
number that the latest of these acknowledged. What rests on that is counted.

Source: measured with tcpdump 4.99.3 (tests/capture/test_printed_corpus.py).
"""

from __future__ import annotations

from collections import OrderedDict, deque

from bypeer.capture.printed import Printed
from bypeer.core import seq, tcp

ASSUMED = "sequence numbers relative to an unknown one"
FORGOTTEN = "conversations forgotten"

# How the numbers of a conversation are to be read: nothing seen; a line that could begin an account,
# and nothing to tell; as an account makes them; as they are.
_NEW, _OPEN, _COUNTED, _PLAIN = range(4)

_NEAR = 1 << 24  # octets: a RST that is so near to its direction's numbers is not relative
_PLAUSIBLE = 1 << 30  # octets: the widest window
_MOST_TALKS = 100_000
BATCH_OF_LINES = 512  # packets that may still be completed by what comes
_MOST_WAITING = BATCH_OF_LINES  # of all conversations: what came before has been handed on as it was


class Way:
    """What is known of the numbers of one direction, in the terms in which they are handed on."""

    __slots__ = ("acked", "base", "front", "isn", "shift", "sure", "waiting")

    base: int | None  # what tcpdump subtracts, if it does
    isn: int | None  # of a SYN without ACK
    front: int | None  # the number after the highest sent
    acked: int | None  # what was last acknowledged this way
    shift: int | None  # a RST's absolute number less the one handed on
    sure: bool  # numbers handed on are absolute
    waiting: list[Printed]  # segments whose SEG.SEQ was not printed, until a number is known

    def __init__(self) -> None:
        self.base = self.isn = self.front = self.acked = self.shift = None
        self.sure = False
        self.waiting = []


class Talk:
    """One conversation: both directions of a pair of endpoints."""

    __slots__ = ("mode", "opened", "ways")

    def __init__(self) -> None:
        self.mode = _NEW
        self.opened = False  # the account began with a SYN/ACK
        self.ways = (Way(), Way())


class Numbers:
    """The account of a whole text."""

    __slots__ = ("_talks", "_waiting", "assumed", "forgotten", "plain")

    def __init__(self) -> None:
        # Ordered: of a plain dict, finding the first gets dearer with each first that was deleted.
        self._talks: OrderedDict[tuple[bytes, int, bytes, int], Talk] = OrderedDict()
        self._waiting: deque[tuple[Way, Printed]] = deque()  # perhaps no more
        self.plain: bool | None = None  # printed with -S, as conversations show whose begin was seen
        self.assumed = 0  # segments with a number that is not known to be absolute
        self.forgotten = 0

    def undo(self, one: Printed) -> None:
        """Set the segment's numbers right; those that were not printed, as the others suggest."""
        flags = one.flags
        assert flags is not None
        talk, way, back = self._talk(one)
        if not flags & tcp.ACK_:
            self._without_ack(one, talk, way, back)
        else:
            self._with_ack(one, talk, way, back)
        self.assumed += not way.sure or (flags & tcp.ACK_ != 0 and not back.sure)
        _advance(one, way, back)
        if one.seq is None:
            self._wait(one, way)

    def _wait(self, one: Printed, way: Way) -> None:
        way.waiting.append(one)
        self._waiting.append((way, one))
        if len(self._waiting) > _MOST_WAITING:
            way, one = self._waiting.popleft()
            if way.waiting and way.waiting[0] is one:
                del way.waiting[0]

    def _talk(self, one: Printed) -> tuple[Talk, Way, Way]:
        here, there = (one.source, one.sport), (one.target, one.dport)
        forth = here <= there
        key = (*here, *there) if forth else (*there, *here)
        talk = self._talks.get(key)
        if talk is None:
            if len(self._talks) >= _MOST_TALKS:
                self._talks.popitem(last=False)
                self.forgotten += 1
            talk = self._talks[key] = Talk()
        return talk, talk.ways[not forth], talk.ways[forth]

    def _without_ack(self, one: Printed, talk: Talk, way: Way, back: Way) -> None:
        assert one.flags is not None
        if one.flags & tcp.SYN and one.seq is not None:
            if talk.mode == _NEW or way.front is None:
                way.sure, way.isn, way.front = True, one.seq, one.seq
            return
        if one.flags & tcp.RST and one.seq is not None and not way.sure:
            one.seq = _answer(one.seq, way, back)

    def _with_ack(self, one: Printed, talk: Talk, way: Way, back: Way) -> None:
        assert one.flags is not None
        assert one.ack is not None
        if one.flags & tcp.SYN or (talk.mode == _NEW and not _opening_lost(one, talk, way, back)):
            self._begin(one, talk, way, back)
            return
        if talk.mode == _OPEN:
            self._decide(one, talk, way, back)
        if talk.mode == _COUNTED:
            one.seq, one.ack = _plus(one.seq, way.base), _plus(one.ack, back.base)
            one.sacks = [
                (seq.add(left, back.base or 0), seq.add(right, back.base or 0)) for left, right in one.sacks
            ]

    def _begin(self, one: Printed, talk: Talk, way: Way, back: Way) -> None:
        """Open the account with this segment, as tcpdump does."""
        assert one.flags is not None
        assert one.ack is not None
        syn = one.flags & tcp.SYN != 0
        talk.mode, talk.opened = _OPEN, syn
        way.base = one.seq if one.seq is not None else (way.front if way.sure else None)
        back.base = seq.add(one.ack, -1)
        if syn:
            way.sure = back.sure = True
            way.front, back.front, way.shift, back.shift = one.seq, one.ack, None, None
        # SACK blocks are relative to the account even on the line that opens it.
        one.sacks = [_nearest(block, one.ack, back.base) for block in one.sacks]

    def _decide(self, one: Printed, talk: Talk, way: Way, back: Way) -> None:
        """Say from the second segment with ACK what the first one was."""
        gaps = [
            (_gap(number, expected), _gap(seq.add(number, base or 0), expected))
            for number, expected, base in (
                (one.seq, way.front if way.front is not None else back.acked, way.base),
                (one.ack, way.acked if way.acked is not None else back.front, back.base),
            )
            if number is not None and expected is not None
        ]
        if not gaps:
            return
        # The number that fits best tells most: the other may be that of a stray.
        plain, counted = (sorted(one) for one in zip(*gaps, strict=True))
        if plain == counted or min(plain[0], counted[0]) > _PLAUSIBLE:
            talk.mode = _PLAIN if self.plain else _COUNTED
        else:
            talk.mode = _PLAIN if plain < counted else _COUNTED
            if talk.opened:
                self.plain = talk.mode == _PLAIN
        if talk.mode == _COUNTED or self.plain:
            way.sure, back.sure = (one.sure or self._absolute(talk, one) for one in (way, back))

    def _absolute(self, talk: Talk, way: Way) -> bool:
        return talk.mode == _PLAIN or way.base is not None


def _opening_lost(one: Printed, talk: Talk, way: Way, back: Way) -> bool:
    """Whether a SYN was seen, and this is relative to an answer that was left out of the text."""
    assert one.ack is not None
    if way.isn is not None:
        opener, number = way, one.seq if one.seq is not None else seq.add(one.ack, way.isn)
    elif back.isn is not None:
        opener, number = back, one.ack
    else:
        return False
    assert opener.isn is not None
    assert opener.front is not None
    if one.seq is None and opener is way:
        relative = one.ack == 1
    else:
        relative = _gap(number, 1) < _gap(number, opener.front)
    if relative:
        talk.mode, opener.base = _COUNTED, opener.isn
    return relative


def _answer(number: int, way: Way, back: Way) -> int:
    """A RST's absolute number in the terms of its direction."""
    if way.shift is None:
        expected = back.acked if back.acked is not None else way.front
        if expected is None or _gap(number, way.front if way.front is not None else expected) < _NEAR:
            return number
        way.shift = seq.add(number, -expected)
    return seq.add(number, -way.shift)


def _advance(one: Printed, way: Way, back: Way) -> None:
    """Note how far the stream has got, and give what was not printed the number it then must have."""
    assert one.flags is not None
    if one.flags & tcp.ACK_ and one.ack is not None:
        way.acked = one.ack
        _settle(back, one.ack)
    if one.seq is None:
        # Its own word before the other's, who may acknowledge what was never sent.
        one.seq = way.front if way.front is not None else back.acked
    else:
        _settle(way, one.seq)
    if one.seq is not None and not one.flags & tcp.RST:
        end = seq.add(one.seq, one.size + bool(one.flags & tcp.SYN) + bool(one.flags & tcp.FIN))
        if way.front is None or seq.distance(end, way.front) > 0:
            way.front = end


def _settle(way: Way, number: int) -> None:
    for one in way.waiting:
        one.seq = number
    way.waiting.clear()


def _plus(number: int | None, base: int | None) -> int | None:
    return None if number is None else seq.add(number, base or 0)


def _gap(one: int, other: int) -> int:
    return abs(seq.distance(one, other))


def _nearest(block: tuple[int, int], ack: int, base: int) -> tuple[int, int]:
    moved = seq.add(block[0], base), seq.add(block[1], base)
    return min(block, moved, key=lambda one: _gap(one[0], ack))
