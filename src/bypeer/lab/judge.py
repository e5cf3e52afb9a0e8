"""Whether what `explain` found is right: against what was expected, and what is known without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bypeer.core.explanation import Explanation
from bypeer.lab.scenario import OPEN, Expected, Scenario

if TYPE_CHECKING:
    from bypeer.lab.stage import Truth

# What a client's socket saw, by how it ended.
_OUTCOMES = {"": "completed", "ECONNRESET": "reset", "EPIPE": "reset", "ECONNREFUSED": "refused",
             "TIMEOUT": "hung", "ETIMEDOUT": "hung", "EHOSTUNREACH": "hung"}  # fmt: skip


def wrong(scenario: Scenario, release: str, found: Explanation, truth: Truth, *, remedied: bool) -> list[str]:
    """Where they disagree, a line each. With a remedy nothing is expected but that it is told truly."""
    lines = list(_against_truth(found, truth, spoilt=bool(scenario.spoil)))
    if not remedied:
        right = scenario.right(release)
        if not any(_fits(one, found) for one in right):
            wanted = " or ".join(_said(one) for one in right) or "nothing: it is not for this kernel"
            lines.append(f"found {told(found)}; right would be {wanted}")
        supported = {one.cause for one in found.outcomes if one.answer == "supported"}
        supported |= set(found.verdict.candidates)
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


def outcome(truth: Truth) -> str:
    """What the client's socket saw, in an explanation's words."""
    return _OUTCOMES.get(truth.client.error, truth.client.error)


def _against_truth(found: Explanation, truth: Truth, *, spoilt: bool) -> Iterator[str]:
    """What sockets and counters say otherwise; of spoilt captures not all RSTs need be there, or once."""
    said, seen = found.verdict.client_outcome, outcome(truth)
    if said not in (seen, "unknown"):
        yield f"told that the client's connection was {said}; its socket: {truth.client.error or 'no error'}"
    made = truth.counted.resets["host"].made
    named = sum(one.author == "host" for one in found.resets)
    cut = len(found.resets) < found.totals.resets  # a report lists the first of many
    if named and not made if spoilt or cut else made != named:
        yield f"{named} RSTs are told to be the host's; it made {made}"
    if found.verdict.killed_by == "host" and said == "reset" and not made:
        yield "the host is said to have reset it, and made no RST"


def _fits(one: Expected, found: Explanation) -> bool:
    verdict = found.verdict
    if one == OPEN:
        return verdict.certainty == "undetermined" and bool(verdict.needs)
    if (one.killed_by, one.cause, one.outcome) != (verdict.killed_by, verdict.cause, verdict.client_outcome):
        return False
    return verdict.certainty == one.certainty if one.certainty else verdict.certainty != "undetermined"


def _said(one: Expected) -> str:
    if one == OPEN:
        return "undetermined"
    certain = f" ({one.certainty})" if one.certainty else ""
    return f"{one.killed_by} {one.cause or '-'} {one.outcome}{certain}"
