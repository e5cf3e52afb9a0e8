"""Conntrack's bounds over time: what each segment of a picture was held against."""

from __future__ import annotations

from collections.abc import Sequence

from bypeer.core.causes.model import Seen
from bypeer.core.entry import BE_LIBERAL, Entry
from bypeer.core.picture import Bound
from bypeer.core.replay import replay, tracked
from bypeer.core.seq import distance
from bypeer.core.study import FOREVER, NOWHERE, Sighting

MOST = 4_000  # bounds of a picture


def bounds(seen: Seen, main: int, origin: int) -> list[Bound]:
    """The bounds of one direction's data from moment to moment, thinned to changes. Not yet to MOST.

    For the time that was not studied, and while they are only guessed, they are None.
    """
    study, found = seen.study, seen.replay
    made = frozenset(id(one.sighting) for one in seen.resets if one.author == "host")
    rows = [Bound(max(one.since - origin, 0), None, None) for one in study.crossings if one.since > -FOREVER]

    def look(one: Sighting, entry: Entry) -> None:
        rows.append(Bound(max(one.ts - origin, 0), *_of(one, entry, main)))

    replay(study, found.rules, tracked(study, made), look)
    rows.sort(key=lambda one: one.ts)
    return changes(rows)


def _of(one: Sighting, entry: Entry, main: int) -> tuple[int | None, int | None]:
    """Lower and upper bound behind a segment, from the initial sequence number."""
    sender, receiver = entry.side(main), entry.side(1 - main)
    liberal = sender.flags & BE_LIBERAL
    if liberal or sender.estimated or receiver.estimated or not sender.td_maxwin or not receiver.td_maxwin:
        return None, None
    segment = one.segment
    if one.direction == main:
        near, known = one.end, segment.end
    elif one.ack != NOWHERE:
        near, known = one.ack, segment.ack
    else:
        return None, None
    newest = near + distance(sender.td_end, known)
    return newest - receiver.td_maxwin, near + distance(sender.td_maxend, known)


def changes(rows: Sequence[Bound]) -> list[Bound]:
    """Those that say something new."""
    found: list[Bound] = []
    for one in rows:
        if found and found[-1].ts == one.ts:
            found.pop()
        if not found or found[-1][1:] != one[1:]:
            found.append(one)
    return found


def few(rows: Sequence[Bound], focus: tuple[int, int], most: int = MOST) -> list[Bound]:
    """About `most` of them: all that begin in focus and, spread over the rest, as many as there is room."""
    if len(rows) <= most:
        return list(rows)
    near = [focus[0] <= one.ts <= focus[1] for one in rows]
    every = -(-(len(rows) - sum(near)) // max(most - sum(near), most // 4))
    return [one for at, one in enumerate(rows) if near[at] or one.lower is None or at % max(every, 1) == 0]


def note(seen: Seen, known: bool) -> str:
    """Whose rules the bounds are, and how far they can be trusted."""
    found = seen.replay
    if not known:
        return "conntrack's bounds are not known: the captures show too little of the connection"
    parts = [f"conntrack's bounds by the rules of Linux {found.kernel.name}"]
    if not found.kernel.late_is_invalid:
        parts.append("which let pass what lies below the lower one")
    if found.rules.sysctls.tcp_be_liberal:
        parts.append("not enforced: nf_conntrack_tcp_be_liberal is set")
    if seen.study.crossings:
        parts.append("known for the stretches of time that were looked at closely")
    if any(side is not None and side.holes for side in seen.study.sides):
        parts.append("behind what the captures lack they are estimates")
    return "; ".join(parts)
