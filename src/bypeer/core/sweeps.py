"""What is asked of all segments of a connection, one after the other: the loops that it pays to compile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.core.segment import BAD, NO_TIME
from bypeer.core.study import NOWHERE, Sighting

# Copies that are C integers when compiled.
_FIN, _NOWHERE, _UNDATED, _BAD = tcp.FIN, NOWHERE, NO_TIME, BAD


class Fellows(NamedTuple):
    """What other segments of its direction have in common with one: those that were surely forwarded."""

    many: int  # how many they are
    ttl: bool  # one has its TTL, or none that is known
    identification: bool  # one that begins elsewhere has its identification, near in time
    least: int | None  # lowest TSval until then, of those too that may have been forwarded; None without any
    most: int | None  # highest TSval after it, likewise


def earlier(segments: Iterable[Sighting], until: int) -> list[Sighting]:
    """Those before a time, RSTs left out."""
    found = []
    for one in segments:
        if one.ts < until and not one.is_rst:
            found.append(one)
    return found


def fellows(segments: Iterable[Sighting], odd: Sighting, near: int) -> Fellows:
    """What others have in common with this one, RSTs left out; `near`: ns."""
    count, ttl, borne = 0, False, False
    least: int | None = None
    most: int | None = None
    like = odd.segment
    for one in segments:
        if one is odd or one.is_rst or (one.twin is None and one.sure):
            continue
        segment = one.segment
        if one.twin is not None:
            count += 1
            ttl = ttl or segment.ttl in (0, like.ttl)
            if segment.ip_id == like.ip_id and one.start != odd.start and abs(one.ts - odd.ts) < near:
                borne = True
        if segment.timestamps:
            if one.ts > odd.ts:
                most = segment.tsval if most is None else max(most, segment.tsval)
            else:
                least = segment.tsval if least is None else min(least, segment.tsval)
    return Fellows(count, ttl, borne, least, most)


def fin(segments: Iterable[Sighting]) -> Sighting | None:
    """The first FIN among them."""
    for one in segments:
        if one.segment.flags & _FIN and not one.is_rst:
            return one
    return None


def highest_ack(segments: Iterable[Sighting]) -> int:
    """The highest acknowledgement among them, RSTs left out."""
    highest = _NOWHERE
    for one in segments:
        if one.ack > highest and not one.is_rst:
            highest = one.ack
    return highest


def highest_end(segments: Iterable[Sighting], default: int) -> int:
    """The highest end among them, RSTs left out; `default` if there is none."""
    highest = _NOWHERE
    for one in segments:
        if one.end > highest and not one.is_rst:
            highest = one.end
    return default if highest == _NOWHERE else highest


def with_flags(segments: Iterable[Sighting], flags: int) -> Sighting | None:
    """The first that has one of these flags."""
    for one in segments:
        if one.segment.flags & flags:
            return one
    return None


def span(segments: Iterable[Sighting]) -> tuple[int, int] | None:
    """When the first and the last of those that have a date passed, ns; None without any."""
    first = last = _UNDATED
    for one in segments:
        if one.segment.ts != _UNDATED:
            if first == _UNDATED or one.ts < first:
                first = one.ts
            last = max(last, one.ts)
    return None if first == _UNDATED else (first, last)


def larger(segments: Iterable[Sighting], size: int) -> list[Sighting]:
    """Those with more octets of data than that."""
    found = []
    for one in segments:
        if one.segment.size > size:
            found.append(one)
    return found


def damaged(segments: Iterable[Sighting]) -> list[Sighting]:
    """Those with a bad checksum."""
    found = []
    for one in segments:
        if one.segment.checksum == _BAD:
            found.append(one)
    return found


def shortened(segments: Iterable[Sighting]) -> list[Sighting]:
    """Those whose TCP options snaplen cut."""
    found = []
    for one in segments:
        if one.segment.cut:
            found.append(one)
    return found
