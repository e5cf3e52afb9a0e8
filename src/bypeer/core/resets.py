"""Every RST of a connection: who made it, and which segment it answers.

The author shows by the path and the TTL. What leaves the NAT host without having arrived was
made by the host, or the other capture missed it: a RST of the host's own has a TTL that no hop
has diminished, where the connection's forwarded segments have lost one. A RST without ACK, or
with SEG.SEQ 0, answers a segment (RFC 9293, 3.10.7.1), and says which.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from bypeer.core import tcp
from bypeer.core.explanation import Author, Effect
from bypeer.core.nat import INITIAL_TTLS
from bypeer.core.study import INSIDE, NOWHERE, OUTSIDE, Sighting, Study, between

# ns between a segment and the RST that answers it: microseconds on hardware, 29 ms on an
# emulated machine (measured); a second is beyond any host that still works.
ANSWERED = 1_000_000_000
# ns by which a RST may be ahead of what had been sent before it (7 ms were measured).
_OVERTAKEN = 20_000_000
MOST_CANDIDATES = 1_000  # segments that one RST may answer: on a slow machine it came up to a hundred late
_JITTER = 50_000  # ns: two taps of one host may stamp in the wrong order by so much

ENDPOINTS: tuple[Author, Author] = ("inside", "outside")  # by side


class Reset:
    """One RST, however often it was seen."""

    __slots__ = (
        "author", "author_because", "author_sure", "effect", "effect_because", "effect_sure", "injected",
        "refuses", "seen", "sighting", "trigger",
    )  # fmt: skip

    def __init__(self, sighting: Sighting, seen: list[Sighting]) -> None:
        self.sighting = sighting  # where it was seen first on its way
        self.author: Author = "unknown"
        self.author_sure = False
        self.author_because = ""
        self.injected: tuple[str, ...] = ()  # signs that its apparent sender did not make it
        self.trigger: Sighting | None = None
        self.effect: Effect = "unknown"
        self.effect_because = ""
        self.effect_sure = False
        self.seen = seen
        self.refuses = False  # lethal to a connection that was not yet opened

    @property
    def ts(self) -> int:
        """When it was first seen, ns by the outside clock."""
        return self.sighting.ts

    @property
    def passive(self) -> bool:
        """Whether it answers a segment; else the sender gave up by itself."""
        segment = self.sighting.segment
        return not segment.flags & tcp.ACK_ or segment.seq == 0

    def target(self, study: Study) -> int:
        """The side of the endpoint that it is sent to."""
        return OUTSIDE if self.sighting.direction == study.outward else INSIDE


def find(study: Study) -> list[Reset]:
    """All RSTs in order of time, with their authors."""
    found = []
    answerable = Answerable(study)
    for one in study.sightings:
        if one.is_rst and not (one.twin is not None and one.side != study.ingress(one.direction)):
            reset = Reset(one, seen=[one] if one.twin is None else [one, one.twin])
            _author(study, reset, answerable)
            found.append(reset)
    return found


# Who made it


def _author(study: Study, reset: Reset, answerable: Answerable) -> None:
    one = reset.sighting
    source = ENDPOINTS[study.ingress(one.direction)]
    if one.side == study.ingress(one.direction):
        _arrived(study, reset, source, answerable)
    elif not one.segment.ttl:
        _without_ttl(study, reset, source)
    else:
        _appeared(study, reset, source)


def _usual(one: Sighting, study: Study) -> dict[int, int]:
    """TTLs of its direction at its side, with the tuple that is right there; 0 is one not known."""
    place = study.join.places[-1 if one.side == OUTSIDE else 0] if one.stray else one.home
    return {ttl: count for ttl, count in place.half(one.direction).ttls.items() if ttl}


def _arrived(study: Study, reset: Reset, source: Author, answerable: Answerable) -> None:
    """Seen where its direction enters the host: from the endpoint, or from the path before it."""
    one = reset.sighting
    usual, ttl = _usual(one, study), one.segment.ttl
    if usual and ttl and ttl not in usual:
        reset.author, reset.author_sure = "on-path", True
        reset.author_because = f"TTL {ttl}, where its apparent sender's packets have {_ttls(usual)}"
        reset.injected = ("TTL",)
        return
    stranger = any(sighting.stray for sighting in reset.seen)  # it is no end of this connection
    reset.injected = () if stranger else tuple(_signs(study, reset, answerable))
    if reset.injected:
        reset.author = "on-path"
        reset.author_because = "; ".join(reset.injected)
        return
    reset.author = source
    reset.author_sure = bool(usual and ttl) and study.join.sure
    reset.author_because = f"it came from the {source} side" + (
        " with the TTL of that endpoint's other packets"
        if usual and ttl
        else "; no other packet of that endpoint shows its TTL"
        if ttl
        else "; its TTL is not known"
    )


def _appeared(study: Study, reset: Reset, source: Author) -> None:
    """Seen where its direction leaves the host, not where it would have entered."""
    one = reset.sighting
    usual, ttl = _usual(one, study), one.segment.ttl
    # Between the two sides there is only the host; on one side alone its TTL must be a system's own.
    own = ttl not in usual and (ttl in INITIAL_TTLS or (study.both and bool(usual)))
    own = own and not study.join.beyond  # there, routers lie between
    missed = study.both and not one.sure
    if own and (usual or study.both):
        reset.author = "host"
        reset.author_sure = study.both and not missed and ttl in INITIAL_TTLS
        because = f"TTL {ttl}" + (" has lost no hop" if ttl in INITIAL_TTLS else "")
        if usual:
            because += f", where forwarded packets of this direction have {_ttls(usual)}"
        if study.both:
            because += f"; it was never seen on the {source} side"
        reset.author_because = because
    elif study.join.beyond and usual and ttl not in usual and ttl > max(usual):
        reset.author = "host"
        reset.author_because = (
            f"TTL {ttl} has lost fewer hops than the {source} endpoint's packets ({_ttls(usual)})"
        )
    elif study.both and usual and reset.passive and _certainly_absent(study, one):
        reset.author = "host"
        reset.author_because = f"it was never seen on the {source} side, whose capture missed nothing else"
    elif usual and ttl in usual:
        reset.author = source
        reset.author_sure = not study.both and study.join.sure
        reset.author_because = f"its TTL is that of the {source} endpoint's forwarded packets"
        if study.both:
            reset.author_because += f"; the {source} capture missed it"
    elif not usual and ttl not in INITIAL_TTLS:
        reset.author = source
        reset.author_because = f"TTL {ttl} has lost hops on its way; no other packet shows the sender's"
    elif usual:
        reset.author = "on-path"
        reset.author_because = (
            f"TTL {ttl} is neither the host's own nor the {source} endpoint's ({_ttls(usual)})"
        )
    else:
        reset.author_because = "nothing tells the host's own packets from forwarded ones here"


def _without_ttl(study: Study, reset: Reset, source: Author) -> None:
    """As _appeared, where nothing but the other side's silence tells."""
    if study.both and reset.sighting.sure and reset.passive and not study.join.beyond:
        reset.author = "host"
        reset.author_because = f"it was never seen on the {source} side; its TTL is not known"
    else:
        reset.author_because = (
            "its TTL is not known: nothing tells the host's own packets from forwarded ones"
        )


def _certainly_absent(study: Study, one: Sighting) -> bool:
    """Whether the side where it would have arrived was captured without any loss, and this may be a host's.

    Its TTL is that of what is forwarded; so that must be one that systems set.
    """
    side = study.sides[study.ingress(one.direction)]
    whole = one.sure and side is not None and not side.holes and not side.dropped
    return whole and one.segment.ttl in INITIAL_TTLS


def _ttls(usual: dict[int, int]) -> str:
    return "/".join(str(ttl) for ttl in sorted(usual))


def _signs(study: Study, reset: Reset, answerable: Answerable) -> Iterable[str]:
    """What shows that the apparent sender did not send this RST: it went on as if nothing were.

    A RST of its own will bears its SND.NXT (RFC 9293, 3.10.5), so that nothing sent earlier lies beyond it.
    One that answers bears the other's SEG.ACK: it may have overtaken what was sent before it, but for what
    acknowledges the very data that it answers.
    """
    one = reset.sighting
    if _of_an_older(study, one):
        return
    rows = study.at(one.side, one.direction)
    row = bisect_right(rows, one.ts, key=_ts)
    highest, newest, stamped = study.reached(one.side, one.direction)[row]
    if highest == NOWHERE:
        return
    answered = _answered(study, reset, answerable) if reset.passive else None
    for other in rows[row:]:
        if other.is_rst or other.stray or overtaken(other, answered) or _late(reset, other, answered):
            continue
        if other.end > max(highest, one.start) and _newer(other, newest, stamped):
            yield "its apparent sender went on sending new data"
            return


def _answered(study: Study, reset: Reset, answerable: Answerable) -> Sighting | None:
    """What a RST answers, by its number: data, if there is any."""
    found = next(answerable.by(reset), None)
    return found if found is not None and found.end > found.start else elsewhere(study, reset) or found


def elsewhere(study: Study, reset: Reset) -> Sighting | None:
    """The latest data that a RST may answer of what was seen on the other side alone."""
    rst = reset.sighting
    rows = _told(study, 1 - rst.side, 1 - rst.direction, by_end=False).get(rst.segment.seq, [])
    for one in reversed(between(rows, rst.ts - ANSWERED, rst.ts)[-MOST_CANDIDATES:]):
        if one.twin is None and one.end > one.start and not one.stray:
            return one
    return None


def _of_an_older(study: Study, rst: Sighting) -> bool:
    """Whether it answers an ACK of an older connection's to its sender's SYN, which is then sent again.

    RFC 9293, 3.10.7.3: what acknowledges anything but the SYN is answered by RST, and nothing else happens.
    """
    if rst.segment.flags & tcp.ACK_:
        return False
    sent = False
    for one in study.at(rst.side, rst.direction):
        if one.ts <= rst.ts and not one.is_rst:
            if not one.segment.flags & tcp.SYN:
                return False  # it was past that, as almost always
            sent = True
    came = [one for one in study.at(rst.side, 1 - rst.direction) if one.ts <= rst.ts and not one.is_rst]
    bare = all(one.segment.flags & (tcp.ACK_ | tcp.SYN) == tcp.ACK_ for one in came)
    return sent and bare and any(one.segment.ack == rst.segment.seq for one in came)


def overtaken(closing: Sighting, answered: Sighting | None) -> bool:
    """Whether a FIN that came after a RST was sent before: it does not acknowledge what the RST answers."""
    if answered is None or answered.end == answered.start or closing.segment.size:
        return False
    return bool(closing.segment.flags & tcp.FIN) and NOWHERE != closing.ack < answered.end


def _late(reset: Reset, other: Sighting, answered: Sighting | None) -> bool:
    """Whether a segment soon after a RST that answers may have been sent before it."""
    if not reset.passive or other.ts >= reset.sighting.ts + _OVERTAKEN:
        return False
    return answered is None or answered.end == answered.start or other.ack < answered.end


def _newer(other: Sighting, newest: int, stamped: bool) -> bool:
    """Whether it was sent after all those before, not merely delayed."""
    return other.end > other.start and (
        not stamped or (other.segment.timestamps and other.segment.tsval >= newest)
    )


# What it answers


def answer(study: Study, resets: Sequence[Reset], invalid: Callable[[Sighting], bool]) -> None:
    """Find for each passive RST the segment that it answers; `invalid`: by conntrack's rules.

    Backwards in time, each with the latest that fits: of segments that were all refused, those
    answered at once are paired with their own answers.
    """
    used: set[int] = set()
    answerable = Answerable(study)
    for reset in reversed(resets):
        reset.trigger = None
        if reset.passive:
            reset.trigger = _latest(answerable.by(reset), used, invalid if reset.author == "host" else None)
            if reset.trigger is not None:
                used.add(id(reset.trigger))
    _hand_back(answerable, resets)


def _latest(
    fits: Iterable[Sighting], used: set[int], invalid: Callable[[Sighting], bool] | None
) -> Sighting | None:
    """The latest of those that no other RST answers; the latest that is `invalid`, if one is."""
    latest = None
    for one in fits:
        if id(one) in used:
            continue
        if invalid is None or invalid(one):
            return one
        latest = latest or one
    return latest


def _hand_back(answerable: Answerable, resets: Sequence[Reset]) -> None:
    """Give a RST left without a trigger that of a later one, if it fits: the first is the answer."""
    heirs = {id(reset.trigger): at for at, reset in enumerate(resets) if reset.trigger is not None}
    for at, reset in enumerate(resets):
        if not reset.passive or reset.trigger is not None:
            continue
        later = [heirs[id(one)] for one in answerable.by(reset) if heirs.get(id(one), -1) > at]
        heir = resets[min(later)] if later else None
        if heir is not None and heir.trigger is not None and heir.author == reset.author:
            reset.trigger, heir.trigger = heir.trigger, None
            heirs[id(reset.trigger)] = at


class Answerable:
    """The segments that RSTs may answer, by the number that the RST would bear."""

    def __init__(self, study: Study) -> None:
        self._study = study

    def by(self, reset: Reset) -> Iterator[Sighting]:
        """Those that this RST may answer, the latest first; MOST_CANDIDATES of them."""
        rst, study = reset.sighting, self._study
        back, by_host = 1 - rst.direction, reset.author == "host"
        side = study.ingress(back) if by_host else rst.side
        acks = bool(rst.segment.flags & tcp.ACK_)
        rows = _told(study, side, back, by_end=acks).get(rst.ack if acks else rst.segment.seq, [])
        row = bisect_right(rows, rst.ts + _JITTER, key=_ts)
        least = max(0, row - MOST_CANDIDATES)
        while row > least and rows[row - 1].ts >= rst.ts - ANSWERED:
            row -= 1
            one = rows[row]
            # An endpoint answers to the address that the segment came from, translated or not.
            if one.twin is None if by_host else one.stray == rst.stray:
                yield one


def _told(study: Study, side: int, direction: int, *, by_end: bool) -> dict[int, list[Sighting]]:
    """What was seen at a side, by that number; put in order once."""
    if (side, direction, by_end) not in study.numbered:
        study.numbered[side, direction, by_end] = _numbered(study.at(side, direction), by_end=by_end)
    return study.numbered[side, direction, by_end]


def _numbered(rows: Iterable[Sighting], *, by_end: bool) -> dict[int, list[Sighting]]:
    """Segments by their end, or by their SEG.ACK."""
    found: dict[int, list[Sighting]] = {}
    for one in rows:
        if one.is_rst:
            continue
        if by_end:
            found.setdefault(one.end, []).append(one)
        elif one.segment.flags & tcp.ACK_:
            found.setdefault(one.segment.ack, []).append(one)
    return found


def _ts(one: Sighting) -> int:
    return one.ts
