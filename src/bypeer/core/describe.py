"""What was found out, as the records that reports are rendered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.core.addresses import endpoint_text
from bypeer.core.causes.model import Finding, Seen
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.explain import Analysis, Case
from bypeer.core.explanation import (
    Certainty,
    ConnectionReport,
    Ends,
    Explanation,
    Input,
    Loss,
    Octets,
    Outcome,
    Pair,
    ResetReport,
    Role,
    Subject,
    Tool,
    Totals,
    Trigger,
    Vantage,
    Verdict,
)
from bypeer.core.filters import filters
from bypeer.core.groups import Place
from bypeer.core.headline import headline
from bypeer.core.kernels import Kernel
from bypeer.core.narrate import Frontier, events, when
from bypeer.core.nat import Join
from bypeer.core.ranks import candidates
from bypeer.core.remedies import remedies
from bypeer.core.resets import Reset
from bypeer.core.study import INSIDE, OUTSIDE, Sighting
from bypeer.core.sweeps import span
from bypeer.core.verdict import client_outcome, perhaps_host
from bypeer.core.witnesses import host, kernel_says, noted, witnesses

MOST_LISTED = 200  # connections in a report
MOST_RESETS = 50  # RSTs listed of one connection; the first and the lethal ones are among them
SIDE_ROLES: tuple[Role, Role] = ("inside", "outside")

VantageKey = tuple[tuple[int, int], Role]


class Names(NamedTuple):
    """Interfaces of the inputs: their names and link types, by input and interface."""

    interfaces: Mapping[tuple[int, int], tuple[str, str]]


def describe(
    analysis: Analysis, inputs: Sequence[Input], names: Names, tool: Tool, kernel: Kernel | None
) -> Explanation:
    """The whole answer."""
    vantages, ids = _vantages(analysis, names)
    numbers = {id(case.seen.study.join): name for name, case in named(analysis.cases).items()}
    main = most_telling(analysis.cases)
    verdict = _whole(analysis, main, numbers)
    told = _told(analysis.cases, main if verdict.connection is not None else None)
    reports = [_connection(case, numbers[id(case.seen.study.join)], ids) for case in told]
    return Explanation(
        tool=tool,
        inputs=[_with_losses(one, at, analysis, ids) for at, one in enumerate(inputs)],
        vantages=vantages,
        kernel=kernel_says(main, kernel, analysis.evidence.kernel),
        verdict=verdict,
        connections=reports,
        totals=_totals(analysis, len(reports)),
        resets=[one for case in told for one in _resets(case, numbers[id(case.seen.study.join)], ids)],
        outcomes=_outcomes(analysis, told, numbers, ids),
        remedies=remedies(verdict.candidates or ([verdict.cause] if verdict.cause else [])),
        # Wireshark opens no text.
        filters=[]
        if main is None or analysis.printed
        else filters(main, lambda one: _id(one, main.seen.study.join, ids), inputs),
        host=host(analysis.evidence),
        evidence=witnesses(main)
        if main is not None and verdict.killed_by != "none"
        else noted(analysis.evidence, analysis.cases),
    )


def _told(cases: Sequence[Case], main: Case | None) -> list[Case]:
    """The connections to be listed: those that failed or carried a RST, and the verdict's own."""
    rest = [case for case in cases if case is not main and (case.seen.resets or case.seen.fates.failed)]
    chosen = {id(case) for case in (rest if main is None else [main, *rest])[:MOST_LISTED]}
    return [case for case in cases if id(case) in chosen]


# Vantages


def _vantages(analysis: Analysis, names: Names) -> tuple[list[Vantage], dict[VantageKey, str]]:
    """A row for each interface and role; a file with both sides in one has two."""
    roles: dict[VantageKey, int] = {}
    for one in analysis.joins:
        for role, place in _roles(one):
            key = (place.vantage, role)
            roles[key] = roles.get(key, 0) + place.segments
    rows, ids = [], {}
    for at, key in enumerate(sorted(roles, key=lambda key: (key[0], key[1]))):
        vantage, role = key
        ids[key] = f"v{at + 1}"
        name, link_type = names.interfaces.get(vantage, ("", ""))
        rows.append(Vantage(ids[key], vantage[0], name, role, link_type))
    return rows, ids


def _roles(one: Join) -> list[tuple[Role, Place]]:
    found: list[tuple[Role, Place]] = list(one.extra)
    for role, place in zip(SIDE_ROLES, (one.inside, one.outside), strict=True):
        if place is not None:
            found.append((_shown(role, one), place))
    return found


def _shown(role: Role, one: Join) -> Role:
    """A vantage beyond the host's own interface is the peer's; a lone one may be either side's."""
    if role == "outside" and one.beyond:
        return "peer"
    return role if one.sure or (one.inside is not None and one.outside is not None) else "unknown"


def _id(one: Sighting, join: Join, ids: Mapping[VantageKey, str]) -> str:
    return (
        ids[(one.home.vantage, _shown(SIDE_ROLES[one.side], join))]
        if not one.stray
        else _stray_id(one, join, ids)
    )


def _stray_id(one: Sighting, join: Join, ids: Mapping[VantageKey, str]) -> str:
    """A stray was taken at the vantage of its side, though under another tuple."""
    role = _shown(SIDE_ROLES[one.side], join)
    return ids.get((one.home.vantage, role)) or next(
        name for key, name in ids.items() if key[0] == one.home.vantage
    )


# Verdicts


def _verdict(case: Case, name: str) -> Verdict:
    found = case.conclusion
    return Verdict(
        killed_by=found.killed_by,
        cause=found.cause,
        candidates=list(found.candidates),
        certainty=found.certainty,
        headline=headline(case.seen, found),
        connection=name,
        client_outcome=client_outcome(case.seen),
        needs=list(found.needs),
    )


def named(cases: Sequence[Case]) -> dict[str, Case]:
    """Connections by their ids."""
    return {f"c{at + 1}": case for at, case in enumerate(cases)}


def most_telling(cases: Sequence[Case]) -> Case | None:
    """The earliest connection killed by the host, else the earliest failure, else the most telling."""
    for case in cases:
        if perhaps_host(case.seen) and case.conclusion.killed_by == "host":
            return case
    for case in cases:
        if case.conclusion.killed_by != "none":
            return case
    return max(cases, key=lambda case: len(case.seen.resets), default=None)


def _whole(analysis: Analysis, main: Case | None, numbers: Mapping[int, str]) -> Verdict:
    count = analysis.total
    cut = sum(one.kinds.get("tcp-cut", 0) for one in analysis.scans)
    if not count:
        needs = (
            ["a capture with a larger snaplen (tcpdump -s 96)"]
            if cut
            else ["a capture of the connection that failed"]
        )
        said = "snaplen cut every TCP header" if cut else "the captures hold no TCP connection"
        return Verdict("unknown", None, [], "undetermined", f"Undetermined: {said}.", None, "unknown", needs)
    if main is None or (main.conclusion.killed_by == "none" and count > 1 and not main.seen.resets):
        ended, going_on = count - analysis.going_on, analysis.going_on
        said = "Nobody killed this connection: it ended as it should"
        if count > 1:
            said = f"Nobody killed a connection here: all {count} ended as they should"
        if going_on:
            said = f"Nobody killed a connection here: {ended} ended as they should, {going_on} went on"
        both = len(analysis.joins) == count and all(len(one.places) == 2 for one in analysis.joins)
        unclear = any(case.conclusion.certainty != "certain" for case in analysis.cases)
        unclear = unclear or analysis.passed_over > 0
        if unclear:
            said = f"Nobody killed a connection here, as far as the captures show ({count} connections)"
        certainty: Certainty = "certain" if both and not unclear and not analysis.printed else "likely"
        return Verdict(
            "none", None, [], certainty, said + ".", None, "unknown" if unclear else "completed", []
        )
    return _verdict(main, numbers[id(main.seen.study.join)])


# Connections and their RSTs


def _pair(place: Place | None) -> Pair | None:
    return None if place is None else Pair(endpoint_text(place.client), endpoint_text(place.server))


def _connection(case: Case, name: str, ids: Mapping[VantageKey, str]) -> ConnectionReport:
    seen = case.seen
    found, outcomes = seen.study.join, seen.fates.outcomes
    client = INSIDE if found.client_inside else OUTSIDE
    began, ended = span(seen.study.sightings) or (None, None)
    return ConnectionReport(
        id=name,
        inside=_pair(found.inside),
        outside=_pair(found.outside),
        nat=found.nat,
        clock_offset_ns=seen.study.offset,
        started_ns=began,
        ended_ns=ended,
        octets=Octets(_octets(seen, TO_CLIENT), _octets(seen, TO_SERVER)),
        outcome=Ends(outcomes[client], outcomes[1 - client]),
        verdict=_verdict(case, name),
        resets=[f"{name}r{at + 1}" for at, _ in _listed(case)],
        events=events(seen, case.conclusion, lambda one: _id(one, found, ids)),
    )


def _octets(seen: Seen, direction: int) -> int:
    """Payload octets of the stream that passed, each counted once."""
    top, both = 1, seen.study.both
    for side in (INSIDE, OUTSIDE):
        for one in reversed(seen.study.at(side, direction)):  # the highest come last, as a rule
            if one.end <= top or not one.segment.size or one.is_rst or (one.twin is None and both):
                continue
            if not seen.refuses(one) and (one.twin is None or not seen.refuses(one.twin)):
                top = max(top, one.end - bool(one.segment.flags & tcp.FIN))
    return top - 1


def _listed(case: Case) -> list[tuple[int, Reset]]:
    """The first RSTs and every lethal one, with their row."""
    rows = list(enumerate(case.seen.resets))
    return [(at, one) for at, one in rows if at < MOST_RESETS or one.effect == "lethal"]


def _resets(case: Case, name: str, ids: Mapping[VantageKey, str]) -> list[ResetReport]:
    found, frontier = case.seen.study.join, Frontier(case.seen)
    rows = []
    for at, one in _listed(case):
        codes = candidates(case.by_reset[id(one)])
        certainty: Certainty = "likely"
        if one is case.conclusion.first:
            codes, certainty = list(case.conclusion.candidates), case.conclusion.certainty
        elif one.author == "unknown" or one.effect == "unknown":
            certainty = "undetermined"
        elif one.author_sure and one.effect_sure and len(codes) < 2 and not _printed(case):
            certainty = "certain"
        rows.append(
            ResetReport(
                id=f"{name}r{at + 1}",
                connection=name,
                time_ns=when(one.sighting),
                seen={_id(where, found, ids): where.segment.frame for where in one.seen},
                author=one.author,
                effect=one.effect,
                trigger=_trigger(case.seen, one, frontier, ids),
                cause=codes[0] if codes else None,
                candidates=codes,
                certainty=certainty,
                because=f"{one.author_because}; {one.effect_because}",
            )
        )
    return rows


def _printed(case: Case) -> bool:
    return any(side is not None and side.printed for side in case.seen.study.sides)


def _trigger(seen: Seen, reset: Reset, frontier: Frontier, ids: Mapping[VantageKey, str]) -> Trigger | None:
    one = reset.trigger
    if one is None:
        return None
    judgement = seen.judgement(one)
    if one.twin is not None:
        forwarded: bool | None = True
    else:
        forwarded = False if one.sure else None
    return Trigger(
        vantage=_id(one, seen.study.join, ids),
        frame=one.segment.frame,
        time_ns=when(one),
        seq=one.segment.seq,
        ack=one.segment.ack,
        length=one.segment.size,
        octets_behind=frontier.behind(one),
        forwarded=forwarded,
        judgement="unknown" if judgement is None else judgement.says,
        reason="" if judgement is None else judgement.log,
        bound=None if judgement is None else judgement.bound,
        told_by="kernel" if id(one) in seen.heard.model else "model",
    )


# The rest


def _with_losses(one: Input, at: int, analysis: Analysis, ids: Mapping[VantageKey, str]) -> Input:
    """The input with what the connections show it to lack."""
    lacking: dict[str, int] = {}
    for case in analysis.cases:
        for side, place in ((INSIDE, case.seen.study.join.inside), (OUTSIDE, case.seen.study.join.outside)):
            info = case.seen.study.sides[side]
            if place is not None and info is not None and place.vantage[0] == at and info.holes:
                name = ids[(place.vantage, _shown(SIDE_ROLES[side], case.seen.study.join))]
                lacking[name] = lacking.get(name, 0) + len(info.holes)
    found = [
        Loss(name, count, "acknowledged or forwarded segments that it never saw")
        for name, count in lacking.items()
    ]
    return one._replace(losses=[*one.losses, *found])


def _totals(analysis: Analysis, listed: int) -> Totals:
    cases = analysis.cases
    return Totals(
        connections=analysis.total,
        failed=sum(case.seen.fates.failed for case in cases),
        reset=sum("reset" in case.seen.fates.outcomes for case in cases),
        resets=sum(len(case.seen.resets) for case in cases),
        listed=listed,
        passed_over=analysis.passed_over,
        going_on=analysis.going_on,
    )


def _outcomes(
    analysis: Analysis, told: Sequence[Case], numbers: Mapping[int, str], ids: Mapping[VantageKey, str]
) -> list[Outcome]:
    """Every cause on its subjects: the deciding RST of each connection, the connection, the whole."""
    rows = []
    for case in told:
        name = numbers[id(case.seen.study.join)]
        listed = {id(one): at for at, one in _listed(case)}
        first = case.conclusion.first or next(iter(case.seen.resets), None)
        if first is not None and id(first) in listed:
            subject = Subject("reset", f"{name}r{listed[id(first)] + 1}")
            rows += [
                _outcome(subject, code, one, case, ids) for code, one in case.by_reset[id(first)].items()
            ]
        subject = Subject("connection", name)
        rows += [_outcome(subject, code, one, case, ids) for code, one in case.by_connection.items()]
    whole = Subject("input", "all")
    rows += [Outcome(whole, code, one.answer, one.because, []) for code, one in analysis.by_input.items()]
    return rows


def _outcome(subject: Subject, code: str, one: Finding, case: Case, ids: Mapping[VantageKey, str]) -> Outcome:
    frames = [(_id(where, case.seen.study.join, ids), where.segment.frame) for where in one.shown]
    return Outcome(subject, code, one.answer, one.because, frames)
