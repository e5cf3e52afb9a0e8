"""Every RST of a connection: who made it, and which segment it answers.

The author shows by the path and the TTL. What leaves the NAT host without having arrived was
made by the host, or the other capture missed it: a RST of the host's own has a TTL that no hop
has diminished, where the connection's forwarded segments have lost one. A RST without ACK, or
with SEG.SEQ 0, answers a segment (RFC 9293, 3.10.7.1), and says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bypeer.core import tcp
from bypeer.core.explanation import Author, Effect
from bypeer.core.nat import INITIAL_TTLS
from bypeer.core.study import INSIDE, NOWHERE, OUTSIDE, Sighting, Study, between

# ns between a segment and the RST that answers it: microseconds on hardware, 29 ms on an
# emulated machine (measured); a second is beyond any host that still works.
_ANSWERED = 1_000_000_000
_JITTER = 50_000  # ns: two taps of one host may stamp in the wrong order by so much

ENDPOINTS: tuple[Author, Author] = ("inside", "outside")  # by side


@dataclass(slots=True)
class Reset:
    """One RST, however often it was seen."""

    sighting: Sighting  # where it was seen first on its way
    author: Author = "unknown"
    author_sure: bool = False
    author_because: str = ""
    injected: tuple[str, ...] = ()  # signs that its apparent sender did not make it
    trigger: Sighting | None = None
    effect: Effect = "unknown"
    effect_because: str = ""
    effect_sure: bool = False
    seen: list[Sighting] = field(default_factory=list)
    refuses: bool = False  # lethal to a connection that was not yet opened

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
    for one in study.sightings:
        if one.is_rst and not (one.twin is not None and one.side != study.ingress(one.direction)):
            reset = Reset(one, seen=[one] if one.twin is None else [one, one.twin])
            _author(study, reset)
            found.append(reset)
    return found


# Who made it


def _author(study: Study, reset: Reset) -> None:
    one = reset.sighting
    source = ENDPOINTS[study.ingress(one.direction)]
    if one.side == study.ingress(one.direction):
        _arrived(study, reset, source)
    elif not one.segment.ttl:
        _without_ttl(study, reset, source)
    else:
        _appeared(study, reset, source)


def _usual(one: Sighting, study: Study) -> dict[int, int]:
    """TTLs of its direction at its side, with the tuple that is right there; 0 is one not known."""
    place = study.join.places[-1 if one.side == OUTSIDE else 0] if one.stray else one.home
    return {ttl: count for ttl, count in place.half(one.direction).ttls.items() if ttl}


def _arrived(study: Study, reset: Reset, source: Author) -> None:
    """Seen where its direction enters the host: from the endpoint, or from the path before it."""
    one = reset.sighting
    usual, ttl = _usual(one, study), one.segment.ttl
    if usual and ttl and ttl not in usual:
        reset.author, reset.author_sure = "on-path", True
        reset.author_because = f"TTL {ttl}, where its apparent sender's packets have {_ttls(usual)}"
        reset.injected = ("TTL",)
        return
    stranger = any(sighting.stray for sighting in reset.seen)  # it is no end of this connection
    reset.injected = () if stranger else tuple(_signs(study, reset))
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
        reset.author_sure = study.both and not missed
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
    """Whether the side where it would have arrived was captured without any loss."""
    side = study.sides[study.ingress(one.direction)]
    return one.sure and side is not None and not side.holes and not side.dropped


def _ttls(usual: dict[int, int]) -> str:
    return "/".join(str(ttl) for ttl in sorted(usual))


def _signs(study: Study, reset: Reset) -> Iterable[str]:
    """What shows that the apparent sender did not send this RST: it went on as if nothing were."""
    one = reset.sighting
    if _of_an_older(study, one):
        return
    highest, newest, stamped = NOWHERE, -1, False
    for other in study.at(one.side, one.direction):
        if other.is_rst or other.stray:
            continue
        if other.ts <= one.ts:
            highest = max(highest, other.end)
            newest, stamped = max(newest, other.segment.tsval), stamped or other.segment.timestamps
        elif other.end > max(highest, one.start) and highest != NOWHERE and _newer(other, newest, stamped):
            yield "its apparent sender went on sending new data"
            return


def _of_an_older(study: Study, rst: Sighting) -> bool:
    """Whether it answers an ACK of an older connection's to its sender's SYN, which is then sent again.

    RFC 9293, 3.10.7.3: what acknowledges anything but the SYN is answered by RST, and nothing else happens.
    """
    before = [one for one in study.sightings if one.ts <= rst.ts and one.side == rst.side and not one.is_rst]
    own = [one.segment.flags for one in before if one.direction == rst.direction]
    back = [one.segment for one in before if one.direction != rst.direction]
    if rst.segment.flags & tcp.ACK_ or not own or any(not flags & tcp.SYN for flags in own):
        return False
    acks = [one.ack for one in back if one.flags & tcp.ACK_ and not one.flags & tcp.SYN]
    return len(acks) == len(back) and rst.segment.seq in acks


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
    for reset in reversed(resets):
        reset.trigger = None
        if reset.passive:
            fits = [one for one in _candidates(study, reset) if id(one) not in used]
            refused = [one for one in fits if invalid(one)] if reset.author == "host" else []
            chosen = (refused or fits)[-1:]
            if chosen:
                reset.trigger = chosen[0]
                used.add(id(chosen[0]))
    _hand_back(study, resets)


def _hand_back(study: Study, resets: Sequence[Reset]) -> None:
    """Give a RST left without a trigger that of a later one, if it fits: the first is the answer."""
    for at, reset in enumerate(resets):
        if not reset.passive or reset.trigger is not None:
            continue
        fits = {id(one) for one in _candidates(study, reset)}
        heir = next((one for one in resets[at + 1 :] if one.trigger and id(one.trigger) in fits), None)
        if heir is not None and heir.author == reset.author:
            reset.trigger, heir.trigger = heir.trigger, None


def _candidates(study: Study, reset: Reset) -> list[Sighting]:
    """Segments that this RST may answer, by time."""
    rst = reset.sighting
    back = 1 - rst.direction
    by_host = reset.author == "host"
    side = study.ingress(back) if by_host else rst.side
    near = between(study.at(side, back), rst.ts - _ANSWERED, rst.ts + _JITTER)
    fits = [one for one in near if not one.is_rst and not (by_host and one.twin is not None)]
    if rst.segment.flags & tcp.ACK_:
        return [one for one in fits if one.end == rst.ack]
    return [one for one in fits if one.segment.flags & tcp.ACK_ and one.segment.ack == rst.segment.seq]
