"""Segments that one capture has twice: of a bridge and its port, of a mirror port, of `tcpdump -i any`.

A path that doubles a packet, or a sender that repeats one, does so now and then; only a capture does it
with all of them, within a moment and to the last octet. But a copy that has lost a hop was forwarded.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bypeer.core.study import Sighting, Study

AT_ONCE = 1_000_000  # ns between a segment and its copy, at most
_FEWEST, _SAMPLE = 8, 16  # segments that tell, at least, and those that are looked at first
_NEARLY_ALL = 0.9
_MOST = 256  # equal ones that are looked at, before each
_AT_ONCE = AT_ONCE  # a copy that is a C integer when compiled
_WHEN = attrgetter("ts")


def leave_out(study: Study) -> None:
    """Have each segment once, where a side's capture has nearly all twice."""
    rows: list[Sighting] = []
    for side, info in enumerate(study.sides):
        here = [one for one in study.sightings if one.side == side]
        single = once(here)
        if info is not None:
            info.copies = len(here) - len(single)
        rows += single
    study.sightings = rows


def tell_apart(study: Study) -> None:
    """Say on which side it was what passed the host untranslated, where a capture does not say so.

    It bears the tuple of one side at both.
    """
    for came, left in forwarded([one for one in study.sightings if not one.stray]):
        side = study.ingress(came.direction)
        for one, there in ((came, side), (left, 1 - side)):
            one.stray = one.side != there
            one.side = there


def once(rows: list[Sighting]) -> list[Sighting]:
    """The sightings of one side, in the order of the file, without their copies, if nearly each has one.

    RSTs do not tell, for a kernel answers many segments by equal ones.
    """
    if len(rows) < _FEWEST or not _second(rows[:_SAMPLE]):
        return rows
    telling = [one for one in rows if not one.is_rst]
    if len(telling) < _FEWEST or 2 * len(_second(telling)) < _NEARLY_ALL * len(telling):
        return rows
    left_out = _second(rows)
    return [one for one in rows if id(one) not in left_out]


def _second(rows: list[Sighting]) -> set[int]:
    """Ids of those that are the copy of one before, each of another one's."""
    waiting: dict[tuple[int, ...], int] = {}  # since when
    found = set()
    for one in rows:
        segment = one.segment
        key = (
            segment.seq, segment.ack, segment.size, segment.flags, segment.win, segment.tsval, segment.tsecr,
            segment.ip_id, segment.ttl, one.direction, one.stray,
        )  # fmt: skip
        since = waiting.pop(key, None)
        if since is not None and abs(one.ts - since) <= _AT_ONCE:
            found.add(id(one))
        else:
            waiting[key] = one.ts
    return found


def forwarded(rows: list[Sighting]) -> list[tuple[Sighting, Sighting]]:
    """Sightings of one segment that lie a hop apart under one tuple: as it came, and as it left.

    Not where what left had come under the other tuple: a RST of the host's own equals one that is forwarded.
    """
    alike: dict[tuple[int, ...], list[Sighting]] = {}
    found = []
    for one in sorted(rows, key=_WHEN):
        segment = one.segment
        key = (
            segment.seq, segment.ack, segment.size, segment.flags, segment.win, segment.tsval, segment.tsecr,
            segment.ip_id, one.direction,
        )  # fmt: skip
        alike.setdefault(key, []).append(one)
    for some in alike.values():
        while len(some) > 1:
            left = some.pop()
            at = _came(some, left)
            if at >= 0:
                found.append((some.pop(at), left))
    return found


def _came(alike: list[Sighting], left: Sighting) -> int:
    """Which of these came just before, a hop nearer; -1 if one of them came under the other tuple."""
    found, stop = -1, max(-1, len(alike) - 1 - _MOST)
    for at in range(len(alike) - 1, stop, -1):
        one = alike[at]
        if left.ts - one.ts > _AT_ONCE:
            break
        if one.segment.ttl == left.segment.ttl + 1:
            if one.side != left.side:
                return -1
            if found < 0:
                found = at
    return found
