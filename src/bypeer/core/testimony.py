"""What the kernel said of one connection's segments, and what follows where the model says otherwise.

Events and segments are the same by addresses, ports, SEG.SEQ, SEG.ACK and time. The kernel's own
word counts; the model's is kept beside it, so that a difference shows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from bypeer.core import tcp
from bypeer.core.connection import TO_SERVER
from bypeer.core.evidence import Event, Evidence, Packet, Tuple, Word, number, text, word
from bypeer.core.kernels import LOG_PREFIX, Ctstate, Kernel, Reason
from bypeer.core.replay import Judgement, Replay
from bypeer.core.resets import ENDPOINTS, Reset
from bypeer.core.study import INSIDE, OUTSIDE, Sighting, Study

# ns between a segment and what the kernel says of it: both are dated within the same interrupt.
WITHIN = 2_000_000
# ns by which one may be late that bears the time when it was read (clock=reader), or a silence be none.
NEARBY = 1_000_000_000

Tuples = tuple[frozenset[Tuple], frozenset[Tuple]]

_SEND_RESET = "tcp:tcp_send_reset"
# Why a kernel says that it sent a RST, and the cause that this is. Others fit several, or say nothing.
# Source: enum sk_rst_reason, include/net/rstreason.h, Linux 6.12; measured on 6.18 (linger 0: TCP_STATE).
_MEANS = {
    "TCP_ABORT_ON_CLOSE": "EP03",
    "TCP_STATE": "EP02",
    "TCP_DISCONNECT_WITH_DATA": "EP02",
    "TCP_KEEPALIVE_TIMEOUT": "EP06",
    "TCP_ABORT_ON_DATA": "EP04",
    "TCP_TIMEWAIT_SOCKET": "EP04",
}


class Testimony:
    """The kernel's words on one connection. Segments are known by the id of their first sighting."""

    __slots__ = ("born", "evidence", "gone", "made", "model", "passed", "reasons", "tuples", "words")

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.tuples: Tuples = (frozenset(), frozenset())  # of its segments on either side, by direction
        self.words: dict[int, Word] = {}
        self.made: dict[int, str] = {}  # RSTs that the host made: how the kernel tells
        self.passed: dict[int, str] = {}  # segments that it forwarded: how it tells
        # RSTs of an endpoint on this machine: why its kernel sent them (enum sk_rst_reason)
        self.reasons: dict[int, str] = {}
        self.gone: list[tuple[int, int]] = []  # ns: the entry was destroyed between the two
        self.born: list[tuple[int, int]] = []  # ns: an entry was made between the two
        self.model: dict[int, Judgement] = {}  # the model's word, where the kernel's counts

    def differs(self, one: Sighting) -> bool:
        """Whether kernel and model judge a segment differently."""
        said, model = self.words.get(id(one)), self.model.get(id(one))
        if said is None or model is None or model.says == "unknown":
            return False
        if said.invalid is not None and said.invalid != model.invalid:
            return True
        return said.reason is not None and said.reason != model.reason

    def settled(self, one: Sighting | None) -> bool:
        """Whether the kernel itself said what it made of a segment, and the model agrees."""
        said = self.words.get(id(one))
        return one is not None and said is not None and said.invalid is not None and not self.differs(one)

    def silent(self, one: Sighting) -> bool:
        """Whether the kernel's log was read at that time, without loss, and has no line about it."""
        return id(one) not in self.words and self.unheard(one, "nflog")

    def unheard(self, one: Sighting, source: str) -> bool:
        """Whether a source was listened to at that time, without loss, and said nothing of a segment."""
        row, ts = one.home.vantage[0], one.segment.ts
        since = self.evidence.listening.get((row, source))
        if since is None or since > ts:
            return False
        said = (self.evidence.about(row, both, one.segment.seq, ts) for both in self.tuples[one.direction])
        return not any(
            event.source == source and abs(event.ts - ts) <= NEARBY for near in said for event, _ in near
        )

    def means(self, reset: Reset) -> str | None:
        """The cause of an endpoint's RST by the word of its own kernel; None where that was not heard."""
        return _MEANS.get(self.reasons.get(id(reset.sighting), ""))

    def gone_before(self, one: Sighting) -> int | None:
        """How long before a segment the entry had been destroyed, ns, and none made since."""
        before = [ts for _, ts in self.gone if ts <= one.segment.ts]
        if not before or any(since <= one.segment.ts and before[-1] <= ts for since, ts in self.born):
            return None
        return one.segment.ts - before[-1]

    def accepted(self, one: Sighting) -> bool:
        """Whether the rules that log what is INVALID were listened to, without loss, and it met none."""
        since = self.evidence.listening.get((one.home.vantage[0], "nft"))
        return since is not None and since <= one.segment.ts and id(one) not in self.words

    def kept(self, one: Sighting) -> bool:
        """Whether the entry was heard to be made and, listened to without loss, not to end by then.

        An entry that was there before anybody listened ends without a word.
        """
        ts = one.segment.ts
        since = self.evidence.listening.get((one.home.vantage[0], "conntrack"))
        made = any(until <= ts for _, until in self.born)
        return since is not None and since <= ts and made and not any(gone <= ts for gone, _ in self.gone)


def hear(study: Study, evidence: Evidence) -> Testimony:
    """Gather what the kernel said of a connection; to be called when its twins are known."""
    found = Testimony(evidence)
    if not evidence.by_input:
        return found
    found.tuples = _tuples(study)
    kernel = evidence.kernel
    for event, one in _matched(study, found):
        _take(found, event, one, kernel)
    _traced(found, study, evidence)
    _entries(found, study, evidence)
    return found


def _first(study: Study, one: Sighting) -> bool:
    """Whether it is the sighting that stands for its segment: where conntrack saw it (replay.tracked)."""
    return one.twin is None or one.side == study.ingress(one.direction)


def _tuples(study: Study) -> Tuples:
    """Source and destination of the connection's segments on either side of the NAT, by direction."""
    places = study.join.places_and_strays
    there = frozenset((place.client, place.server) for place in places)
    return there, frozenset((server, client) for client, server in there)


def _matched(study: Study, heard: Testimony) -> Iterator[tuple[Event, Sighting]]:
    """Each event with the segment that it is about: of several that it fits, the nearest in time."""
    pairs: list[tuple[int, Event, Sighting]] = []
    for one in study.sightings:
        if not _first(study, one):
            continue
        row, segment = one.home.vantage[0], one.segment
        for both in heard.tuples[one.direction]:
            for event, about in heard.evidence.about(row, both, segment.seq, segment.ts):
                apart = _apart(event, one)
                if apart is not None and _same(about, one):
                    pairs.append((apart, event, one))
    taken: set[object] = set()
    for _, event, one in sorted(pairs, key=lambda pair: (_refuses(pair[1]) and _left(pair[2]), pair[0])):
        # A rule meets each segment once: of many that are alike, each has a word of its own.
        rule = (id(one), text(event.fields, "rule"), text(event.fields, "hook"))
        if id(event) not in taken and not (event.source == "nft" and rule in taken):
            taken |= {id(event), rule}
            yield event, one


def _apart(event: Event, one: Sighting) -> int | None:
    """Time from a segment to an event, ns, wherever it was seen by the event's clock; None: too long."""
    seen = [one] if one.twin is None or one.twin.home.vantage[0] != one.home.vantage[0] else [one, one.twin]
    late = NEARBY if text(event.fields, "clock") == "reader" else WITHIN
    near = [event.ts - each.segment.ts for each in seen if -WITHIN <= event.ts - each.segment.ts <= late]
    return min(map(abs, near), default=None)


def _refuses(event: Event) -> bool:
    """Whether it is the tracker's objection to a segment."""
    return event.source == "nflog" or (event.source == "nft" and text(event.fields, "rule") == "invalid")


def _left(one: Sighting) -> bool:
    """Whether it was forwarded and translated, so that it was not INVALID."""
    return one.twin is not None and not one.stray and not one.twin.stray


def _same(about: Packet, one: Sighting) -> bool:
    return about.ack is None or not one.segment.flags & tcp.ACK_ or about.ack == one.segment.ack


def _take(found: Testimony, event: Event, one: Sighting, kernel: Kernel | None) -> None:
    """Note what an event says of a segment."""
    key, fields = id(one), event.fields
    if event.source == "nflog":
        line = text(fields, "prefix")
        said = word(line, kernel) if line.startswith(LOG_PREFIX.strip()) else None
        if said is not None and (key not in found.words or said.reason is not None):
            known = found.words.get(key)
            found.words[key] = said._replace(invalid=True) if known is not None and known.invalid else said
    elif event.source == "nft":
        _met(found, one, text(fields, "rule"), text(fields, "hook"))


def _met(found: Testimony, one: Sighting, rule: str, hook: str) -> None:
    """Note which of our rules a segment met."""
    key = id(one)
    if hook == "output" and one.is_rst:
        found.made[key] = "the kernel saw it pass OUTPUT, where only the host's own packets pass"
    elif hook == "forward" and rule == "reset":
        found.passed[key] = "the kernel saw it pass FORWARD, where no packet of the host's own passes"
    elif rule == "invalid":
        found.words[key] = found.words.get(key, Word("", None, None, None))._replace(invalid=True)


def _traced(found: Testimony, study: Study, evidence: Evidence) -> None:
    """Which RSTs a tracepoint tells to be made on this machine: by the host, or by an endpoint.

    It fires for every namespace. Which one made it shows only where the NAT gives it other addresses: the
    host's bears those with which it leaves, an endpoint's those with which it comes. One for which a rule
    of the host stands in (REJECT) fires for nobody.
    """
    inside, outside = study.join.inside, study.join.outside
    if inside is None or outside is None:
        return
    traces: dict[tuple[int, Tuple], _Traces] = {}
    for one in study.sightings:
        if not one.is_rst or not _first(study, one):
            continue
        tuples = [
            (place.client, place.server) if one.direction == TO_SERVER else (place.server, place.client)
            for place in (inside, outside)
        ]
        if tuples[INSIDE] == tuples[OUTSIDE]:
            return
        comes, row = study.ingress(one.direction), one.home.vantage[0]
        for side, by_host in ((1 - comes, True), (comes, False)):
            key = row, tuples[side]
            if key not in traces:
                traces[key] = _Traces(evidence.between(*key))
            event = traces[key].of(one)
            reason = "" if event is None else text(event.fields, "reason")
            if event is not None and by_host:
                because = f" ({reason})" if reason else ""
                said = f"the kernel's tracepoint tcp_send_reset saw it made{because}"
                found.made.setdefault(id(one), said)
            elif reason and one.side == comes:
                found.reasons.setdefault(id(one), reason)


class _Traces:
    """Where the tracepoint of a RST fired for two ends, by time."""

    def __init__(self, events: Iterable[Event]) -> None:
        fired = [
            event
            for event in events
            if event.source == "tracepoint" and text(event.fields, "name") == _SEND_RESET
        ]
        # Those whose time is when they were read come late, so that more have to be looked at.
        self._late = [event for event in fired if text(event.fields, "clock") == "reader"]
        self._exact = [event for event in fired if text(event.fields, "clock") != "reader"]

    def of(self, one: Sighting) -> Event | None:
        """The first that fits a RST, if any does."""
        seen = [one.segment.ts, *([one.twin.segment.ts] if one.twin is not None else [])]
        for events, late in ((self._exact, WITHIN), (self._late, NEARBY)):
            row = bisect_left(events, min(seen) - WITHIN, key=_ts)
            while row < len(events) and events[row].ts <= max(seen) + late:
                if _apart(events[row], one) is not None:
                    return events[row]
                row += 1
        return None


def _ts(event: Event) -> int:
    return event.ts


def _entries(found: Testimony, study: Study, evidence: Evidence) -> None:
    """When conntrack's entry of this connection came and went, by ctnetlink's events.

    One that a segment of the server's makes, addressed to the host, is another entry.
    """
    for row in {place.vantage[0] for place in study.join.places}:
        for both in found.tuples[TO_SERVER]:
            for event in evidence.between(row, both):
                kind = text(event.fields, "event") if event.source == "conntrack" else ""
                if kind in ("DESTROY", "NEW"):
                    (found.gone if kind == "DESTROY" else found.born).append((_since(event), event.ts))
    found.gone.sort(key=lambda one: one[1])


def _since(event: Event) -> int:
    """The earliest that it can have happened, ns."""
    if text(event.fields, "clock") != "reader":
        return event.ts
    unread = number(event.fields, "since")
    return event.ts - NEARBY if unread is None else min(unread, event.ts)


# What follows


def authors(study: Study, resets: Sequence[Reset], heard: Testimony) -> None:
    """Let the kernel say who made a RST. What was seen to arrive at the host was not made by it."""
    for reset in resets:
        one = reset.sighting
        made, passed = heard.made.get(id(one)), heard.passed.get(id(one))
        arrived = one.side == study.ingress(one.direction)
        if made and not passed and not arrived:
            said = "" if reset.author == "host" else f" (by the packets alone: {reset.author_because})"
            more = f"; {reset.author_because}" if reset.author == "host" else said
            reset.author, reset.author_sure, reset.injected = "host", True, ()
            reset.author_because = made + more
        elif passed and not made and reset.author == "host":
            reset.author, reset.author_sure = ENDPOINTS[study.ingress(one.direction)], False
            reset.author_because = f"{passed} (by the packets alone: {reset.author_because})"
        elif not made and reset.author == "host" and heard.unheard(one, "nft"):
            reset.author_sure = False
            reset.author_because += "; but the kernel did not see it pass OUTPUT, though that was watched"


def overrule(
    study: Study, found: Replay, heard: Testimony, place: Callable[[Study, Sighting], Reason]
) -> None:
    """Put the kernel's word in the place of the model's; `place` says where a segment lies.

    A word that the capture itself refutes is about some other segment.
    """
    translated = study.join.nat != "none"
    for one in study.sightings if heard.words else ():
        said, old = heard.words.get(id(one)), found.of(one)
        if said is None or old is None or (said.reason is None and said.invalid is None):
            continue
        if not (said.invalid and translated and _left(one)):
            heard.model[id(one)] = old
            found.judgements[id(one)] = _judgement(said, old, partial(place, study, one))
            found.inferred -= {id(one)}


def _judgement(said: Word, old: Judgement, place: Callable[[], Reason]) -> Judgement:
    invalid = old.invalid if said.invalid is None else said.invalid
    ctstate = Ctstate.INVALID if invalid else Ctstate.ESTABLISHED if old.invalid else old.ctstate
    if said.reason is not None:
        beyond = old.beyond if said.reason == old.reason else 0
        return Judgement(ctstate, said.reason, said.bound, beyond, said.text, sure=said.invalid is not None)
    if invalid == old.invalid:
        return old._replace(log=said.text or old.log, sure=True)
    return Judgement(ctstate, place(), None, 0, said.text, sure=False)  # why, the kernel did not say
