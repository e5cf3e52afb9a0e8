"""The timeline alone, as lines of tcpdump under letters: as in the investigation that began this."""

from __future__ import annotations

from collections.abc import Sequence

from bypeer.core.explanation import Event, Explanation
from bypeer.report.plain import cleaned
from bypeer.report.weighing import subject_connection
from bypeer.report.words import sentence


def render(explanation: Explanation) -> str:
    """Each event's letter and lines, `...` where letters are left out; without events, the verdict."""
    found = cleaned(explanation)
    connection = subject_connection(found)
    if connection is None or not connection.events:
        return sentence(found.verdict.headline) + "\n"
    return lines(connection.events) + "\n"


def lines(events: Sequence[Event]) -> str:
    """The events' letters and lines, their text made plain already."""
    parts = [_block(one, before) for before, one in zip([None, *events], events, strict=False)]
    return "\n\n".join(parts)


def _block(one: Event, before: Event | None) -> str:
    skipped = before is not None and ord(one.letter[:1]) - ord(before.letter[:1]) > 1
    return "\n".join([*(["..."] if skipped else []), one.letter, *one.dump])
