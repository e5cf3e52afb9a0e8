"""Captures of the same connections on both sides of a NAT, to verdicts: the whole pipeline.

    captures - scan - connections - join - study - match - resets - replay - causes - verdict

Each step is a function of the rows before it; this module only calls them in order. Read it
first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bypeer.core.causes import CATALOGUE
from bypeer.core.causes.model import Finding, Seen, SeenAll, position
from bypeer.core.connection import Connection
from bypeer.core.effect import judge
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
from bypeer.core.scan import Scan, scan
from bypeer.core.segment import NO_TIME
from bypeer.core.stretches import Excerpts, choose
from bypeer.core.study import FOREVER, Kept, Side, Study, study
from bypeer.core.verdict import Conclusion, conclude

# Connections looked at closely, the most telling first; the rest is counted.
MOST_STUDIED = 1_000


class Case(NamedTuple):
    """One connection, looked at closely, with its verdict."""

    seen: Seen
    by_reset: Mapping[int, Mapping[str, Finding]]  # id of the reset, code
    by_connection: Mapping[str, Finding]
    conclusion: Conclusion


class Analysis(NamedTuple):
    """Everything that was found out, before it is put into words."""

    scans: Sequence[Scan]
    joins: Sequence[Join]
    cases: Sequence[Case]  # in order of time
    by_input: Mapping[str, Finding]
    passed_over: int  # connections that did not end in order and were not looked at
    printed: bool = False  # an input is text


def analyse(
    sources: Sequence[Source],
    kernel: Kernel | None = None,
    roles: Mapping[int, Role] | None = None,
    dropped: Callable[[int], bool] = lambda _: False,
    printed: frozenset[int] = frozenset(),
    gaps: Callable[[int], Sequence[tuple[int, int]]] = lambda _: (),
) -> Analysis:
    """Run the whole pipeline.

    Without `kernel`, the packets choose among all. `roles`: inputs known to be inside or outside.
    `dropped`: inputs that say of themselves that they lack packets. `printed`: inputs that are text.
    `gaps`: the times, ns, for which an input may lack packets.
    """
    scans = [scan(source) for source in sources]
    joins = join({number: one.connections for number, one in enumerate(scans)}, roles)
    worth = [one for one in sorted(joins, key=interest, reverse=True) if interest(one) > 0]
    chosen, excerpts = choose(worth[:MOST_STUDIED])
    kept = _keep(sources, scans, excerpts)
    for one in chosen:
        order(one, kept, roles)
    coverage = _coverage(scans, dropped, printed, gaps)
    looked_at = {id(one) for one in chosen}
    cases = [_case(study(one, kept, coverage), kernel) for one in joins if id(one) in looked_at]
    every = SeenAll([case.seen for case in cases], sum(c.seen.fates.failed for c in cases), len(joins))
    by_input = {cause.code: cause.test(every) for cause in CATALOGUE if cause.subject == "input"}
    return Analysis(scans, joins, cases, by_input, len(worth) - len(chosen), bool(printed))


def interest(one: Join) -> int:
    """How much a closer look would tell: 0 for a connection that began and ended as it should."""
    rows = [place.connection for place in one.places + [place for _, place in one.strays]]
    resets = sum(half.resets for row in rows for half in row.halves)
    if resets:
        return 3
    if one.strays:
        return 2
    return 0 if all(_clean(row) for row in rows) else 1


def _clean(row: Connection) -> bool:
    return row.opened and row.finished


def _keep(sources: Sequence[Source], scans: Sequence[Scan], excerpts: Excerpts) -> Kept:
    """Fill the excerpts, reading again what had too many segments to keep them all."""
    wanted: dict[int, dict[int, Excerpt]] = {}
    for (vantage, row), excerpt in excerpts.items():
        wanted.setdefault(vantage[0], {})[row] = excerpt
    found = {
        number: scans[number].kept or scan(sources[number], rows).kept for number, rows in wanted.items()
    }
    return {(vantage, row): (found[vantage[0]] or {})[row] for vantage, row in excerpts}


def _coverage(
    scans: Sequence[Scan],
    dropped: Callable[[int], bool],
    printed: frozenset[int],
    gaps: Callable[[int], Sequence[tuple[int, int]]],
) -> dict[tuple[int, int], Side]:
    """What time each vantage covers."""
    return {
        (number, row.interface): Side(
            one.began if one.began != NO_TIME else -FOREVER,
            one.ended if one.ended != NO_TIME else FOREVER,
            dropped=dropped(number),
            printed=number in printed,
            gaps=missing,
        )
        for number, (one, missing) in enumerate(zip(scans, map(gaps, range(len(scans))), strict=True))
        for row in one.connections
    }


def _case(found: Study, kernel: Kernel | None) -> Case:
    """One connection through the rest of the pipeline."""
    match(found)
    resets = find(found)
    made = frozenset(id(one.sighting) for one in resets if one.author == "host")
    seen_by = tracked(found, made)
    groups = alike()
    replays = [replay(found, newest(group), seen_by) for group in groups]
    fits = _fits(found, replays, resets)
    fitting = [one for group, fit in zip(groups, fits, strict=True) if fit for one in group]
    if kernel is not None:
        chosen = replay(found, kernel, seen_by)
    else:
        wanted = newest(fitting or KERNELS)
        chosen = next(one for one in replays if one.kernel is wanted)
    chosen.inferred = unsettled(found, chosen, seen_by)
    answer(found, resets, chosen.refuses)
    judge(found, resets)
    names = tuple(one.name for one in fitting)
    seen = Seen(found, resets, chosen, fates(found, resets), names)
    by_reset = {
        id(one): {cause.code: cause.test(one, seen) for cause in CATALOGUE if cause.subject == "reset"}
        for one in resets
    }
    by_connection = {cause.code: cause.test(seen) for cause in CATALOGUE if cause.subject == "connection"}
    return Case(seen, by_reset, by_connection, conclude(seen, by_reset, by_connection))


def _fits(found: Study, replays: Sequence[Replay], resets: Sequence[Reset]) -> list[bool]:
    """Whose rules explain most; nobody's, if all would have refused what was forwarded.

    Of those that would not, the ones fit that refuse most of what the host answered with a RST; where
    the bounds are not known, that refuse late segments, if it answered one.
    """
    misses = []
    places: dict[int, Reason] = {}  # of triggers, for want of their bounds
    for one in replays:
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
