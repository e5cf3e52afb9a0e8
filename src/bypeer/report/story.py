"""What a report says, and in which order: the one source of text and markdown.

`tell` turns an Explanation into a Story: three lines that must suffice at 3 a.m., then sections
of a few kinds of block, which text.py and markdown.py set each in its way. A ticket is read
later and by others: it gets what the text only counts.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from bypeer.core.explanation import ConnectionReport, Event, Explanation, Filter, Pair
from bypeer.report import inventory, weighing
from bypeer.report.blocks import Block, Command, Lookups, Moment, Prose, Section, Timeline
from bypeer.report.plain import cleaned
from bypeer.report.weighing import subject_connection
from bypeer.report.words import (
    CERTAINTY,
    CLIENT,
    SERVER,
    cause_name,
    cause_names,
    clock,
    counted,
    date,
    ended,
    file_name,
    pair,
    place,
    sentence,
    span,
    spot,
)

CLOCKS_AGREE = 1_000_000  # ns; an offset below that does not confuse a reader of the timeline
FEW_FILTERS = 3
FEW_NAMES = 3

Tone = Literal["bad", "doubt", "good"]


class Story(NamedTuple):
    """A report without a form."""

    headline: str
    tone: Tone
    lead: list[Block]  # with the headline: the lines that suffice
    sections: list[Section]


def tell(explanation: Explanation, *, ticket: bool = False) -> Story:
    """The explanation as a story, with all foreign text made plain."""
    found = cleaned(explanation)
    undetermined = found.verdict.certainty == "undetermined"
    sections = [
        needs(found) if undetermined else Section(""),
        Section("") if _quiet(found) else timeline(found, subject_connection(found)),
        weighing.tracker(found),
        weighing.causes(found, ticket),
        Section("") if undetermined else needs(found),
        weighing.other_resets(found),
        remedies(found),
        filters(found, ticket),
        inventory.captures(found, ticket),
        inventory.connections(found, ticket),
    ]
    told = [one for one in sections if one.blocks]
    return Story(sentence(found.verdict.headline), tone(found), [_seen(found), *action(found)], told)


def tone(found: Explanation) -> Tone:
    """How bad the news is."""
    if found.verdict.certainty == "undetermined":
        return "doubt"
    return "good" if found.verdict.killed_by == "none" else "bad"


def _seen(found: Explanation) -> Prose:
    """How certain it is, and what both ends saw."""
    verdict, connection = found.verdict, subject_connection(found)
    server = connection.outcome.server if connection else None
    client = CLIENT.get(verdict.client_outcome, f"the client's end: {verdict.client_outcome}")
    if server == verdict.client_outcome == "completed":
        seen = "client and server finished normally"
    elif server == verdict.client_outcome == "unknown":
        seen = "the captures do not show what client and server saw"
    elif server is None or server == verdict.client_outcome == "refused":
        seen = client
    else:
        seen = client + "; " + SERVER.get(server, f"the server's end: {server}")
    others = len(inventory.others(found))
    more = f" {counted(others, 'other connection')} failed too, see the end." if others else ""
    return Prose(f"{certainty(found)}. {sentence(seen)}{more}")


def certainty(found: Explanation) -> str:
    """How sure the verdict is, and of which cause."""
    verdict = found.verdict
    sure = CERTAINTY.get(verdict.certainty, verdict.certainty)
    if verdict.certainty == "undetermined" or verdict.killed_by == "none":
        return sure
    rivals = [code for code in verdict.candidates if code != verdict.cause]
    also = f" (the evidence also fits {cause_names(rivals, FEW_NAMES)})" if rivals else ""
    return f"{sure}: {cause_name(verdict.cause) if verdict.cause else 'cause not known'}{also}"


def action(found: Explanation) -> list[Block]:
    """What to do next; the first line must suffice."""
    verdict = found.verdict
    if verdict.certainty == "undetermined":
        more = " (and more, below)" if len(verdict.needs) > 1 else ""
        settle = [f"To settle it: {ended(verdict.needs[0] + more)}"] if verdict.needs else []
        could = f"It could be {cause_names(verdict.candidates, FEW_NAMES)}: `bypeer causes` explains each."
        return [Prose(text) for text in settle + ([could] if verdict.candidates else [])]
    if verdict.killed_by == "none":
        return [Prose("Nothing to do." + weighing.reassurance(found))]
    if not found.remedies:
        return [Prose(f"More about it: bypeer causes {verdict.cause}")] if verdict.cause else []
    first = found.remedies[0]
    if not first.command or "\n" in first.command:
        return [Prose(f"What to do: {ended(first.title)}")]
    return [Lookups([("What to do (its cost is below):", first.command)])]


def needs(found: Explanation) -> Section:
    """What would settle it, unless the lead says all of it."""
    verdict = found.verdict
    undetermined = verdict.certainty == "undetermined"
    if verdict.certainty == "certain" or len(verdict.needs) <= undetermined:
        return Section("")
    title = "What would settle it" if undetermined else "What would make it certain"
    return Section(title, [Prose(sentence(one), item=True) for one in verdict.needs])


def _quiet(found: Explanation) -> bool:
    return found.verdict.killed_by == "none" and found.verdict.certainty != "undetermined"


def timeline(found: Explanation, connection: ConnectionReport | None) -> Section:
    """A connection, and its events by letter."""
    if connection is None or not connection.events:
        return Section("")
    day = next((date(one.time_ns) for one in connection.events if one.time_ns is not None), "")
    title = f"What happened ({_dated(found, day)})"
    several = any(one.files for one in found.inputs)
    blocks: list[Block] = [Prose(text) for text in _setting(connection, several)]
    moments, before = [], ""
    for event in connection.events:
        moments.append(_moment(found, event, day, before))
        before = event.letter
    return Section(title, [*blocks, Timeline(moments)])


def _dated(found: Explanation, day: str) -> str:
    """The day, and whose times these are: text says neither zone nor, mostly, date."""
    if not day:
        return "the captures hold no times"
    if not any(one.format.endswith("text") for one in found.inputs):
        return f"{day}, UTC"
    return "times as printed" if day == date(0) else f"{day}, times as printed"


def _setting(connection: ConnectionReport, several: bool) -> list[str]:
    """Whose connection it is, and how to read the timeline. `several`: captures consist of files."""
    octets = connection.octets
    carried = f"Carried {octets.to_client:,} octets to the client and {octets.to_server:,} to the server."
    lines = [
        _addresses(connection.inside, connection.outside),
        carried if octets.to_client or octets.to_server else "Carried no data.",
        f"(# is the frame in {'the file that is named, or in ' if several else ''}that side's capture. "
        "Inside is the container's side of the NAT. A RST ends a connection at once.)",
    ]
    offset = connection.clock_offset_ns
    if offset is not None and abs(offset) >= CLOCKS_AGREE:
        order = "ahead of" if offset > 0 else "behind"
        lines.append(
            f"The outside clock is {span(offset)} {order} the inside one; each time is by its own clock."
        )
    return lines


def _addresses(inside: Pair | None, outside: Pair | None) -> str:
    if inside is None or outside is None:
        only = "inside" if outside is None else "outside"
        return f"{pair(inside or outside)}, seen {only} only."
    return f"{pair(inside)} inside, {pair(outside)} outside."


def _moment(found: Explanation, event: Event, day: str, before: str) -> Moment:
    where = "{} #{}".format(*spot(found, event.vantage, event.frame))
    if event.twin is not None and event.twin_frame is not None:
        where += " = {} #{}".format(*spot(found, event.twin, event.twin_frame))
    when = clock(event.time_ns)
    if date(event.time_ns) not in ("", day):
        when = f"{date(event.time_ns)} {when}"
    skipped = bool(before) and len(before) == len(event.letter) == 1 and ord(event.letter) - ord(before) > 1
    lines = event.text.split(" | ", 1)
    return Moment(event.letter, when, where, lines, event.kind in ("trigger", "reset", "leak"), skipped)


def remedies(found: Explanation) -> Section:
    """What to do, and what it costs."""
    blocks: list[Block] = []
    for remedy in found.remedies:
        vain = [code for code in found.verdict.candidates if remedy.heals and code not in remedy.heals]
        notes = [f"Does not help if it was {cause_names(vain)}."] if vain else []
        notes += [f"Cost: {ended(remedy.cost)}"] if remedy.cost else []
        notes += [f"Lasts: {ended(remedy.persistence)}"] if remedy.persistence else []
        lines = remedy.command.split("\n") if remedy.command else []
        blocks.append(Command(remedy.title, lines, notes))
    return Section("What to do", blocks)


def filters(found: Explanation, ticket: bool) -> Section:
    """Where to look in Wireshark."""
    shown = found.filters if ticket else found.filters[:FEW_FILTERS]
    quiet = found.verdict.killed_by == "none" and not ticket
    if quiet or not shown:
        return Section("")
    pairs = [(f"{one.what} ({_where(found, one)})", one.expression) for one in shown]
    blocks: list[Block] = [Lookups(pairs)]
    if len(shown) < len(found.filters):
        blocks.append(Prose(f"{len(found.filters) - len(shown)} more: see -o markdown."))
    return Section("See it in Wireshark (display filters)", blocks)


def _where(found: Explanation, one: Filter) -> str:
    """Where a filter is to be used: at its vantage, and in which file, if only one is meant."""
    where = place(found, one.vantage)
    taken = next((found.inputs[row.input] for row in found.vantages if row.id == one.vantage), None)
    return f"{where}, {file_name(taken, one.file)}" if taken and one.file else where
