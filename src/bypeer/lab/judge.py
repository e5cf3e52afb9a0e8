"""Whether what `explain` found is right: against what was expected, and what is known without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bypeer.core.explanation import Explanation
from bypeer.lab.scenario import Expected, Scenario

if TYPE_CHECKING:
    from bypeer.lab.stage import Truth

# What a client's socket saw, by how it ended.
_OUTCOMES = {"": "completed", "ECONNRESET": "reset", "EPIPE": "reset", "ECONNREFUSED": "refused",
             "TIMEOUT": "hung", "ETIMEDOUT": "hung", "EHOSTUNREACH": "hung"}  # fmt: skip


def wrong(scenario: Scenario, release: str, found: Explanation, truth: Truth, *, remedied: bool) -> list[str]:
    """Where they disagree, a line each."""
    lines = list(_against_truth(found, truth))
    right = scenario.right(release)
    if remedied:
        lines += _with_remedy(scenario.code, right, found, truth)
    elif not any(_fits(one, found) for one in right):
        wanted = " or ".join(_said(one) for one in right) or "nothing: it is not for this kernel"
        lines.append(f"found {told(found)}; right would be {wanted}")
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


def outcome(truth: Truth) -> str:
    """What the client's socket saw, in an explanation's words."""
    return _OUTCOMES.get(truth.client.error, truth.client.error)


def _against_truth(found: Explanation, truth: Truth) -> Iterator[str]:
    """What sockets and counters say otherwise."""
    said, seen = found.verdict.client_outcome, outcome(truth)
    if said not in (seen, "unknown"):
        yield f"told that the client's connection was {said}; its socket: {truth.client.error or 'no error'}"
    made = truth.counted.resets["host"].made
    named = sum(one.author == "host" for one in found.resets)
    # A rule that rejects what came through a bridge sends its RST past OUTPUT, where `made` are counted.
    rejected = truth.counted.rejected
    listed_all = len(found.resets) == found.totals.resets
    if named > made + rejected or (named < made and listed_all):
        yield f"{named} RSTs are told to be the host's; it made {made} (and rejected {rejected})"
    forged = sum(one.author == "on-path" for one in found.resets)
    if forged and not any(truth.dealt):
        yield f"{forged} RSTs are told to be the path's, which did nothing"
    if found.verdict.killed_by == "host" and said == "reset" and not made + rejected:
        yield "the host is said to have killed it, and made no RST"


def _with_remedy(code: str, right: Sequence[Expected], found: Explanation, truth: Truth) -> Iterator[str]:
    """With a remedy it may end otherwise; how, the sockets say, and no other cause may be told."""
    verdict = found.verdict
    if any(_fits(one, found) for one in right):
        return
    if outcome(truth) == "completed" and verdict.killed_by not in ("none", "unknown"):
        yield f"found {told(found)}, but the client's connection completed"
    elif verdict.cause and not {code, *(one.cause for one in right)} & {verdict.cause, *verdict.candidates}:
        yield f"found {told(found)}; the scenario is about {code}"


def _fits(one: Expected, found: Explanation) -> bool:
    verdict = found.verdict
    if (one.killed_by, one.cause, one.outcome) != (verdict.killed_by, verdict.cause, verdict.client_outcome):
        return False
    return verdict.certainty == one.certainty if one.certainty else verdict.certainty != "undetermined"


def _said(one: Expected) -> str:
    certain = f" ({one.certainty})" if one.certainty else ""
    return f"{one.killed_by} {one.cause or '-'} {one.outcome}{certain}"
