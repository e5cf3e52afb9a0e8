"""Whether what `explain` found is right: against what was expected, and what is known without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bypeer.core.explanation import Explanation
from bypeer.lab.scenario import OPEN, Expected, Scenario

if TYPE_CHECKING:
    from bypeer.lab.stage import Truth

# What may be told of an end, by how its socket ended (Ended). A program that gave up waiting hung, and left;
# one that closed may have had all it wanted. Of others (it vanished, it still waits) anything may be told.
_OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "": ("completed",),
    "ECONNRESET": ("reset",),
    "EPIPE": ("reset",),
    "ECONNREFUSED": ("refused",),
    "ETIMEDOUT": ("hung",),
    "EHOSTUNREACH": ("hung",),
    "TIMEOUT": ("hung", "aborted"),
    "ABORTED": ("aborted",),
    "LEFT": ("aborted", "completed"),
    "CUT": ("completed", "reset"),
}


# What leaves untranslated does so because its entry is missing; a remedy may stop the one alone.
_BECAUSE_OF = {"NF10": ("NF04",)}


def wrong(scenario: Scenario, release: str, found: Explanation, truth: Truth, *, remedied: bool) -> list[str]:
    """Where they disagree, a line each."""
    lines = list(against_truth(scenario, found, truth))
    right = scenario.right(release)
    if remedied:
        lines += _with_remedy(scenario.code, right, found, truth)
    elif not any(_fits(one, found, truth) for one in right):
        wanted = " or ".join(_said(one) for one in right) or "nothing: it is not for this kernel"
        lines.append(f"found {told(found)}; right would be {wanted}")
    supported = {one.cause for one in found.outcomes if one.answer == "supported"}
    supported |= set(found.verdict.candidates)
    if not remedied:
        lines += [
            f"{code} is not found to be possible" for code in scenario.supports if code not in supported
        ]
    return lines


def against(found: Explanation, without: Explanation) -> list[str]:
    """What two captures alone tell that contradicts the whole; they may leave more open."""
    whole, alone = found.verdict, without.verdict
    if alone.certainty == "undetermined" or alone.killed_by == "unknown":
        return []
    possible = {whole.cause, *whole.candidates}
    if alone.killed_by != whole.killed_by or not possible & {alone.cause, *alone.candidates}:
        return [f"tcpdump's two files alone tell {told(without)}; the recording {told(found)}"]
    return []


def told(found: Explanation) -> str:
    """A verdict in few words: killer, cause, outcome, certainty."""
    one = found.verdict
    return f"{one.killed_by} {one.cause or '-'} {one.client_outcome} ({one.certainty})"


def against_truth(scenario: Scenario, found: Explanation, truth: Truth) -> Iterator[str]:
    """What sockets and counters say otherwise."""
    yield from _against_ends(scenario, found, truth)
    yield from _against_authors(scenario, found, truth)
    if scenario.traffic.connections == 1:
        yield from _against_reasons(scenario, found, truth)
    forged = sum(one.author == "on-path" for one in found.resets)
    if forged and not _path_acted(scenario, truth):
        yield f"{forged} RSTs are told to be the path's, which did nothing"
    made = truth.counted.resets["host"].made + truth.counted.rejected
    if found.verdict.killed_by == "host" and found.verdict.client_outcome == "reset" and not made:
        yield "the host is said to have killed it, and made no RST"


def _path_acted(scenario: Scenario, truth: Truth) -> bool:
    """Whether the path dealt packets, or a host on it made RSTs."""
    topology = scenario.topology
    ends = {topology.client, topology.server, "host"}
    others = (counted.made for host, counted in truth.counted.resets.items() if host not in ends)
    return any(truth.dealt) or any(others)


def _against_ends(scenario: Scenario, found: Explanation, truth: Truth) -> Iterator[str]:
    """How both sockets ended; of several connections, how the client's did."""
    told = {"client": (found.verdict.client_outcome, truth.client.error)}
    main = next((one for one in found.connections if one.id == found.verdict.connection), None)
    if main is not None and scenario.traffic.connections == 1 and not scenario.forges:
        told["server"] = (main.outcome.server, truth.server.error)
    for end, (said, error) in told.items():
        if error in _OUTCOMES and said not in (*_OUTCOMES[error], "unknown"):
            yield f"told that the {end}'s connection was {said}; its socket: {error or 'no error'}"


def _against_authors(scenario: Scenario, found: Explanation, truth: Truth) -> Iterator[str]:
    """Who made RSTs, by what each host counted. What the path lost, no capture has."""
    topology, resets = scenario.topology, truth.counted.resets
    ends = {topology.client, topology.server, *topology.spares}
    hosts = {"host": {"host"}, "inside": {topology.inside}, "outside": ends - {topology.inside}}
    listed_all = len(found.resets) == found.totals.resets
    for author, made_by in hosts.items():
        if author == scenario.forges:
            continue
        made = sum(resets[one].made for one in made_by)
        named = sum(one.author == author for one in found.resets)
        # A rule that rejects what came through a bridge sends its RST past OUTPUT, where `made` are counted.
        most = made + (truth.counted.rejected if author == "host" else 0)
        if scenario.spoil:  # of such captures not all RSTs need be there, or once
            if named and not most:
                yield f"{named} RSTs are told to be made by {author}, who made none"
        elif named > most or (author == "host" and named < made and listed_all):
            yield f"{named} RSTs are told to be made by {author}; it made {made} (at most {most})"


def _against_reasons(scenario: Scenario, found: Explanation, truth: Truth) -> Iterator[str]:
    """Why an endpoint closed with a RST: its kernel counts those that closed with data unread."""
    verdict, topology = found.verdict, scenario.topology
    if verdict.cause not in ("EP02", "EP03") or verdict.killed_by not in ("inside", "outside"):
        return
    far = topology.server if topology.client == topology.inside else topology.client
    counters = truth.counted.tcp[topology.inside if verdict.killed_by == "inside" else far]
    true = "EP03" if counters.get("TCPAbortOnClose") else "EP02"
    if true not in verdict.candidates or (verdict.certainty == "certain" and verdict.cause != true):
        said = ", ".join(verdict.candidates)
        yield f"told {said} ({verdict.certainty}); by its kernel's counters it was {true}"


def _with_remedy(code: str, right: Sequence[Expected], found: Explanation, truth: Truth) -> Iterator[str]:
    """With a remedy it may end otherwise; how, the sockets say, and no other cause may be told."""
    verdict, about = found.verdict, {code, *_BECAUSE_OF.get(code, ())}
    if any(_fits(one, found, truth) for one in right):
        return
    if not truth.client.error and verdict.killed_by not in ("none", "unknown"):
        yield f"found {told(found)}, but the client's connection completed"
    elif verdict.cause and not {*about, *(one.cause for one in right)} & {verdict.cause, *verdict.candidates}:
        yield f"found {told(found)}; the scenario is about {code}"


def _fits(one: Expected, found: Explanation, truth: Truth) -> bool:
    verdict = found.verdict
    if one == OPEN:
        return verdict.certainty == "undetermined" and bool(verdict.needs)
    # A client that had nothing under way when the host's RST killed the server is told by nobody: that is the
    # same end, seen by another socket.
    untold = (
        one.killed_by == "host" and one.outcome == "reset" and truth.client.error in ("TIMEOUT", "ETIMEDOUT")
    )
    outcomes = (one.outcome, "hung") if untold else (one.outcome,)
    if (one.killed_by, one.cause) != (verdict.killed_by, verdict.cause):
        return False
    if verdict.client_outcome not in outcomes:
        return False
    return verdict.certainty == one.certainty if one.certainty else verdict.certainty != "undetermined"


def _said(one: Expected) -> str:
    if one == OPEN:
        return "undetermined"
    certain = f" ({one.certainty})" if one.certainty else ""
    return f"{one.killed_by} {one.cause or '-'} {one.outcome}{certain}"
