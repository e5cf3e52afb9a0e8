"""Captures of the same connections on both sides of a NAT, to verdicts: the whole pipeline.

    captures - scan - connections - join - study - match - resets - replay - causes - verdict

Each step is a function of the rows before it; this module only calls them in order. Read it
first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from bypeer.core.causes import Answers
from bypeer.core.causes.model import Finding, Seen, SeenAll, position
from bypeer.core.conclusion import Conclusion
from bypeer.core.connection import Connection
from bypeer.core.effect import judge
from bypeer.core.entry import Rules
from bypeer.core.evidence import Evidence
from bypeer.core.excerpt import Excerpt
from bypeer.core.explanation import Role
from bypeer.core.fate import fates
from bypeer.core.forward import match
from bypeer.core.frames import Source
from bypeer.core.kernels import KERNELS, Kernel, Reason, alike, newest
from bypeer.core.nat import Join, join
from bypeer.core.order import order
from bypeer.core.replay import Replay, replay, tracked, unsettled
from bypeer.core.resets import Reset, answer, find
from bypeer.core.scan import Scan, look_again, scan
from bypeer.core.segment import NO_TIME
from bypeer.core.select import select
from bypeer.core.stretches import Excerpts, choose
from bypeer.core.study import FOREVER, Kept, Side, Study, study
from bypeer.core.testimony import authors, hear, overrule
from bypeer.core.verdict import conclude

# Connections looked at closely, the most telling first; the rest is counted.
MOST_STUDIED = 1_000


class Case:
    """One connection, looked at closely, with its verdict."""

    __slots__ = ("_conclusion", "by_connection", "by_reset", "seen")

    seen: Seen
    by_reset: Mapping[int, Mapping[str, Finding]]  # id of the reset, code
    by_connection: Mapping[str, Finding]

    def __init__(
        self,
        seen: Seen,
        by_reset: Mapping[int, Mapping[str, Finding]],
        by_connection: Mapping[str, Finding],
    ) -> None:
        self.seen, self.by_reset, self.by_connection = seen, by_reset, by_connection
        self._conclusion: Conclusion | None = None

    @property
    def conclusion(self) -> Conclusion:
        """The verdict, found when it is asked for: of a thousand connections most are only counted."""
        if self._conclusion is None:
            self._conclusion = conclude(self.seen, self.by_reset, self.by_connection)
        return self._conclusion


class Analysis(NamedTuple):
    """Everything that was found out, before it is put into words."""

    scans: Sequence[Scan]
    connections: Sequence[Sequence[Connection]]  # by input: those that were joined
    joins: Sequence[Join]
    cases: Sequence[Case]  # in order of time
    by_input: Mapping[str, Finding]
    passed_over: int  # connections that did not end in order and were not looked at
    total: int  # of connections, those included that were not joined
    going_on: int  # of these: had not ended when the capture did, and were not looked at
    printed: bool = False  # an input is text
    evidence: Evidence = Evidence()  # what the kernel itself said


def scanned(sources: Sequence[Source]) -> list[Scan]:
    """Scan one after the other."""
    return [scan(source) for source in sources]


def analyse(
    sources: Sequence[Source],
    kernel: Kernel | None = None,
    roles: Mapping[int, Role] | None = None,
    dropped: Callable[[int], bool] = lambda _: False,
    printed: frozenset[int] = frozenset(),
    gaps: Callable[[int], Sequence[tuple[int, int]]] = lambda _: (),
    scan_all: Callable[[Sequence[Source]], list[Scan]] = scanned,
    evidence: Callable[[], Evidence] = Evidence,
    anyway: bool = False,
) -> Analysis:
    """Run the whole pipeline.

    Without `kernel`, the host's own word on it counts, else the packets choose among all. `roles`: inputs
    known to be inside or outside. `dropped`: inputs that say of themselves that they lack packets.
    `printed`: inputs that are text. `gaps`: the times, ns, for which an input may lack packets. `scan_all`
    may scan several at once. `evidence`: what the kernel itself said, asked for when all was read. `anyway`:
    where nothing is worth a closer look, take one at the longest connection.
    """
    scans = scan_all(sources)
    # Of what is small each connection that did not end is looked at: it costs little.
    ends = [NO_TIME if one.small else one.ended for one in scans]
    selected = select([one.table for one in scans], ends, MOST_STUDIED)
    joins = join(dict(enumerate(selected.connections)), roles)
    tells = {id(one): interest(one) for one in joins}
    worth = [one for one in sorted(joins, key=lambda one: tells[id(one)], reverse=True) if tells[id(one)]]
    if anyway and not worth:
        worth = sorted(joins, key=_length)[-1:]
    chosen, excerpts = choose(worth[:MOST_STUDIED])
    kept = _keep(sources, scans, chosen, excerpts)
    for one in chosen:
        order(one, kept, roles)
    coverage = _coverage(scans, selected.connections, dropped, printed, gaps)
    looked_at = {id(one) for one in chosen}
    told = evidence()
    rules = [Rules(newest(group), told.sysctls) for group in alike()]
    cases = [_case(study(one, kept, coverage), kernel, rules, told) for one in joins if id(one) in looked_at]
    beside = selected.apart
    count = len(joins) + beside.connections + beside.passed_over
    every = SeenAll([case.seen for case in cases], sum(c.seen.fates.failed for c in cases), count)
    by_input = Answers("input", every)
    passed_over = len(worth) - len(chosen) + beside.passed_over
    return Analysis(
        scans, selected.connections, joins, cases, by_input, passed_over, count,
        beside.open + sum(not tells[id(one)] and _goes_on(one) for one in joins), bool(printed), told,
    )  # fmt: skip


def interest(one: Join) -> int:
    """How much a closer look would tell: 0 for a connection that began and ended as it should."""
    rows = [place.connection for place in one.places_and_strays]
    resets = sum(half.resets for row in rows for half in row.halves)
    if resets:
        return 3
    if one.strays:
        return 2
    return 0 if all(row.quiet for row in rows) else 1


def _length(one: Join) -> int:
    """How many segments it has."""
    return sum(place.segments for place in one.places)


def _goes_on(one: Join) -> bool:
    """Whether it did not end."""
    return not all(place.connection.finished for place in one.places)


def _keep(
    sources: Sequence[Source], scans: Sequence[Scan], chosen: Iterable[Join], excerpts: Excerpts
) -> Kept:
    """Fill the excerpts, reading again what had too many segments to keep them all."""
    again: dict[int, list[tuple[Connection, Excerpt]]] = {}
    kept: dict[tuple[tuple[int, int], int], Excerpt] = {}
    for one in chosen:
        for place in one.places_and_strays:
            key, row = (place.vantage, place.connection.number), place.connection
            found = scans[place.vantage[0]]
            if found.kept is not None:
                kept[key] = found.kept[row.number]
            else:
                kept[key] = Excerpt() if found.small else excerpts[key]
                again.setdefault(place.vantage[0], []).append((row, kept[key]))
    for number, wanted in again.items():
        look_again(sources[number], scans[number], wanted)
    return kept


def _coverage(
    scans: Sequence[Scan],
    connections: Sequence[Sequence[Connection]],
    dropped: Callable[[int], bool],
    printed: frozenset[int],
    gaps: Callable[[int], Sequence[tuple[int, int]]],
) -> dict[tuple[int, int], Side]:
    """What time each vantage covers."""
    return {
        (number, interface): Side(
            one.began if one.began != NO_TIME else -FOREVER,
            one.ended if one.ended != NO_TIME else FOREVER,
            dropped=dropped(number),
            printed=number in printed,
            gaps=missing,
        )
        for number, (one, missing) in enumerate(zip(scans, map(gaps, range(len(scans))), strict=True))
        for interface in dict.fromkeys([row.interface for row in connections[number]])
    }


def _case(found: Study, kernel: Kernel | None, rules: Sequence[Rules], evidence: Evidence) -> Case:
    """One connection through the rest of the pipeline; `rules`: of each group of kernels that are `alike`."""
    match(found)
    resets, heard = find(found), hear(found, evidence)
    authors(found, resets, heard)
    made = frozenset(id(one.sighting) for one in resets if one.author == "host")
    seen_by = tracked(found, made)
    replays = [replay(found, one, seen_by) for one in rules]
    fits = _fits(found, replays, resets)
    fitting = [one for group, fit in zip(alike(), fits, strict=True) if fit for one in group]
    wanted = kernel or evidence.kernel or newest(fitting or KERNELS)
    chosen = next((one for one in replays if one.kernel is wanted), None)
    if chosen is None:
        chosen = replay(found, Rules(wanted, evidence.sysctls), seen_by)
    chosen.inferred = unsettled(found, chosen, seen_by)
    overrule(found, chosen, heard, position)
    answer(found, resets, chosen.refuses)
    judge(found, resets)
    names = tuple(one.name for one in fitting)
    seen = Seen(found, resets, chosen, fates(found, resets), names, heard)
    by_reset = {id(one): Answers("reset", one, seen) for one in resets}
    by_connection = Answers("connection", seen)
    return Case(seen, by_reset, by_connection)


def _fits(found: Study, replays: Sequence[Replay], resets: Sequence[Reset]) -> list[bool]:
    """Whose rules explain most; nobody's, if all would have refused what was forwarded.

    Of those that would not, the ones fit that refuse most of what the host answered with a RST; where
    the bounds are not known, that refuse late segments, if it answered one.
    """
    by_host = any(reset.author == "host" for reset in resets)
    misses = []
    places: dict[int, Reason] = {}  # of triggers, for want of their bounds
    for one in replays:
        if by_host:
            answer(found, resets, one.refuses)
        triggers = [reset.trigger for reset in resets if reset.author == "host" and reset.trigger is not None]
        passed = [trigger for trigger in triggers if not one.refuses(trigger)]
        late = 0
        for trigger in passed if not one.kernel.late_is_invalid else ():
            judgement = one.of(trigger)
            if judgement is not None and judgement.reason == Reason.UNKNOWN_BOUND:
                if id(trigger) not in places:
                    places[id(trigger)] = position(found, trigger)
                late += places[id(trigger)] == Reason.SEQ_UNDER
        misses.append((len(one.contradicted), len(passed), late))
    return [missed == min(misses) and not missed[0] for missed in misses]
