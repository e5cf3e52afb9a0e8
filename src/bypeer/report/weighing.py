"""The grounds of a verdict: what the tracker said, causes for and against, the other resets."""

from __future__ import annotations

from collections import Counter

from bypeer.core.explanation import Answer, ConnectionReport, Explanation, Outcome, ResetReport, Trigger
from bypeer.report.blocks import Block, Points, Prose, Section
from bypeer.report.words import MAKER, cause_meaning, cause_name, counted, ended, spot

FEW_REASONS = 4  # lines each of refuted and untestable causes in the text
FEW_FRAMES = 4
FEW_GROUPS = 6
FEW_FACTS = 8

JUDGED = {
    "INVALID": "called {it} INVALID and would not translate it, so the host took it as meant for itself",
    "NEW": "knew no connection for {it} and took it for the start of a new one, with the host itself",
    "ESTABLISHED": "found nothing wrong with {it}",
    "unknown": "may have called {it} anything: the captures do not tell",
}
FATE = {
    True: "It was forwarded.",
    False: "It was not forwarded.",
    None: "Whether it was forwarded is not known.",
}
LABELS: dict[Answer, str] = {"supported": "Supported", "refuted": "Ruled out", "untestable": "Untestable"}


def subject_connection(found: Explanation) -> ConnectionReport | None:
    """The connection that the verdict is about."""
    return next((one for one in found.connections if one.id == found.verdict.connection), None)


def killers(found: Explanation) -> list[ResetReport]:
    """The resets of the verdict's connection that killed it, by its killer."""
    own = [one for one in found.resets if one.connection == found.verdict.connection]
    return [one for one in own if one.effect == "lethal" and one.author == found.verdict.killed_by]


def tracker(found: Explanation) -> Section:
    """What conntrack made of the segment that set it off, and by which kernel's rules."""
    own = killers(found) or [one for one in found.resets if one.connection == found.verdict.connection]
    reset = next((one for one in own if one.trigger), None)
    concerned = found.verdict.killed_by in ("host", "unknown")
    if found.verdict.killed_by == "none" and found.evidence:
        noted = [Prose(ended(one.says), item=True) for one in found.evidence]
        return Section("What the tracker noted", noted)
    if not concerned or not (reset or found.evidence or found.verdict.killed_by == "host"):
        return Section("")
    blocks: list[Block] = []
    if reset and reset.trigger:
        blocks.append(Prose(_judgement(found, reset.trigger)))
    blocks.append(Prose(_kernel(found)))
    if found.host:
        facts = [f"{key} {value}" for key, value in found.host.items()]
        more = f"; {len(facts) - FEW_FACTS} more facts: see -o json" if len(facts) > FEW_FACTS else ""
        blocks.append(Prose(f"The NAT host: {'; '.join(facts[:FEW_FACTS])}{more}."))
    for label, agrees in (("Agrees", True), ("Disagrees", False)):
        said = [f"{one.source}: {one.says}" for one in found.evidence if one.agrees is agrees]
        if said:
            blocks.append(Points(label, said))
    return Section("What the tracker said", blocks)


def causes(found: Explanation, ticket: bool) -> Section:
    """Causes supported, refuted because, untestable without: those about the verdict's subject."""
    quiet = found.verdict.killed_by == "none" and found.verdict.certainty != "undetermined"
    subjects = _subjects(found)
    near = [
        one
        for one in found.outcomes
        if one.subject.kind == "input" or (one.subject.kind, one.subject.id) in subjects
    ]
    supported = [one for one in near if one.answer == "supported"]
    if quiet:  # its resets have a section of their own, and nothing needs to be ruled out
        rest = [one for one in supported if one.subject.kind != "reset"]
        return Section("Also noticed", [Prose(one, item=True) for one in _supported(found, rest, ticket)])
    blocks: list[Block] = []
    if found.verdict.cause and all(one.cause != found.verdict.cause for one in supported):
        meaning = cause_meaning(found.verdict.cause)
        blocks.append(Prose(f"{cause_name(found.verdict.cause)}: {ended(meaning)}"))
    if supported:
        blocks.append(Points(LABELS["supported"], _supported(found, supported, ticket)))
    settled = {one.cause for one in supported}
    for answer in ("refuted", "untestable"):
        rest = [one for one in near if one.answer == answer and one.cause not in settled]
        settled |= {one.cause for one in rest}
        if rest:
            blocks.append(Points(LABELS[answer], _grouped(rest, 0 if ticket else FEW_REASONS)))
    far = sum(one.answer == "supported" for one in found.outcomes) - len(supported)
    if far:
        blocks.append(Prose(f"{counted(far, 'finding')} about other resets and connections: see -o json."))
    return Section("Causes", blocks)


def other_resets(found: Explanation) -> Section:
    """RSTs that killed nothing: the classic trap is to blame them."""
    groups = _reset_groups(found)
    blocks: list[Block] = []
    for number, one in groups[:FEW_GROUPS]:
        effect = ", whether it did harm is not known" if one.effect == "unknown" else ""
        cause = f", {cause_name(one.cause)}" if one.cause else ""
        frames = [_frame(found, vantage, frame) for vantage, frame in sorted(one.seen.items())[:1]]
        which = f" ({'the first: ' if number > 1 else ''}{frames[0]})" if frames else ""
        why = f": {one.because}" if one.because else ""
        made = f"{number:,} by {MAKER.get(one.author, one.author)}{effect}{cause}{which}{why}"
        blocks.append(Prose(ended(made), item=True))
    if len(groups) > FEW_GROUPS:
        rest = sum(number for number, _ in groups[FEW_GROUPS:])
        kinds = counted(len(groups) - FEW_GROUPS, "other kind")
        blocks.append(Prose(f"{rest:,} more of {kinds}: see -o json."))
    harmless = all(one.effect == "harmless" for _, one in groups)
    return Section("RSTs that did no harm" if harmless else "Other RSTs", blocks)


def reassurance(found: Explanation) -> str:
    """A word on host-made RSTs where nothing was killed."""
    number = sum(one.author == "host" and one.effect == "harmless" for one in found.resets)
    if not number:
        return ""
    return f" The NAT host made {counted(number, 'RST')}, but {'it' if number == 1 else 'they'} did no harm."


def _judgement(found: Explanation, trigger: Trigger) -> str:
    connection = subject_connection(found)
    events = connection.events if connection else []
    it = next(
        (one.letter for one in events if (one.vantage, one.frame) == (trigger.vantage, trigger.frame)),
        "frame {1} {0}".format(*spot(found, trigger.vantage, trigger.frame)),
    )
    judged = JUDGED.get(trigger.judgement, f"called {{it}} {trigger.judgement}").replace("{it}", it)
    whose = "Its reason, in the kernel's own words" if trigger.told_by == "kernel" else "Its reason"
    because = f" {whose}: {trigger.reason}" if trigger.reason else ""
    if because and trigger.bound is not None:
        because += f"; compared with sequence number {trigger.bound}"
    because = ended(because) if because else ""
    if trigger.octets_behind > 0:
        lag = f" {it} ended {trigger.octets_behind:,} octets behind the newest data."
    elif -trigger.octets_behind > trigger.length + 1:  # else it was simply the next
        lag = f" {it} ended {-trigger.octets_behind:,} octets beyond the newest data."
    else:
        lag = ""
    return (
        f"Conntrack, the kernel's record of connections on which NAT relies, {judged}."
        f"{because}{lag} {FATE[trigger.forwarded]}"
    )


def _kernel(found: Explanation) -> str:
    kernel = found.kernel
    whence = "as the host said of itself" if kernel.recorded else "chosen by bypeer; --kernel sets it"
    whence = "as you said" if kernel.given else whence
    fits = ", ".join(kernel.consistent_with) or "none of the known kernels"
    note = f" {ended(kernel.note)}" if kernel.note else ""
    return f"By the rules of Linux {kernel.assumed} ({whence}); the captures fit {fits}.{note}"


def _subjects(found: Explanation) -> set[tuple[str, str | None]]:
    """Kind and id of what the verdict is about: its connection, and the resets that killed it.

    Where the host killed it without a RST, those that came later are no part of it.
    """
    own = killers(found)
    if not own and found.verdict.killed_by != "host":
        own = [one for one in found.resets if one.connection == found.verdict.connection]
    return {("connection", found.verdict.connection), *(("reset", one.id) for one in own)}


def _supported(found: Explanation, outcomes: list[Outcome], ticket: bool) -> list[str]:
    """A line a cause and reason, the verdict's own first."""
    rank = {code: place for place, code in enumerate([found.verdict.cause or "", *found.verdict.candidates])}
    unique = {(one.cause, one.because): one for one in reversed(outcomes)}
    ordered = sorted(reversed(unique.values()), key=lambda one: rank.get(one.cause, len(rank)))
    shown = ordered if ticket else ordered[:FEW_GROUPS]
    lines = [f"{cause_name(one.cause)}: {one.because}{_frames(found, one)}" for one in shown]
    return lines + ([f"{len(ordered) - len(shown)} more: see -o json"] if len(shown) < len(ordered) else [])


def _frames(found: Explanation, outcome: Outcome) -> str:
    if not outcome.frames:
        return ""
    shown = [_frame(found, vantage, frame) for vantage, frame in outcome.frames[:FEW_FRAMES]]
    more = f" and {len(outcome.frames) - FEW_FRAMES} more" if len(outcome.frames) > FEW_FRAMES else ""
    return f" ({', '.join(shown)}{more})"


def _frame(found: Explanation, vantage: str, frame: int) -> str:
    return "{} frame {}".format(*spot(found, vantage, frame))


def _grouped(outcomes: list[Outcome], limit: int) -> list[str]:
    """A line a reason with all the causes that it disposes of; of each cause its first reason."""
    reason: dict[str, str] = {}
    for one in outcomes:
        reason.setdefault(one.cause, one.because)
    groups: dict[str, list[str]] = {}
    for code in reason:
        groups.setdefault(reason[code], []).append(code)
    lines = [f"{', '.join(map(cause_name, codes))}: {because}" for because, codes in groups.items()]
    if not limit or len(lines) <= limit:
        return lines
    left = sum(len(codes) for codes in list(groups.values())[limit:])
    return [*lines[:limit], f"{counted(left, 'more cause')}: see -o markdown"]


def _reset_groups(found: Explanation) -> list[tuple[int, ResetReport]]:
    """The resets that killed nothing by author, effect and cause: how many, and the first."""
    rest = [one for one in found.resets if one.effect != "lethal"]
    numbers = Counter((one.author, one.effect, one.cause) for one in rest)
    first = {(one.author, one.effect, one.cause): one for one in reversed(rest)}
    return [(number, first[kind]) for kind, number in numbers.items()]
