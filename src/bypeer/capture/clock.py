"""Times as tcpdump prints them: a time of day, with a date or without, seconds, or spans.

Without a date the day is 1970-01-01. The zone is not printed: the time counts as if it were UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise

from bypeer.core.segment import NO_TIME

SECOND = 1_000_000_000  # ns
_HOUR, _DAY = 3600 * SECOND, 86_400 * SECOND
_FURTHEST = 1 << 62  # ns: 146 years from the epoch

TIME = re.compile(
    rb"(?:(?P<date>\d{4}-\d\d-\d\d)[ T])?(?P<sign>-?)(?P<hour>\d{2,4}):(?P<minute>\d\d):(?P<second>\d\d)"
    rb"(?:\.(?P<part>\d{1,10}))?(?=\s)"
    rb"|(?P<epoch>\d{1,10})\.(?P<fraction>\d{6}|\d{9})(?=\s)"
    rb"|(?P<odd>\[Error converting time\])"
)


class Clock:
    """Turns the times of a text into ns since the epoch, in the order of its lines."""

    __slots__ = ("_day", "_last", "_spans")

    def __init__(self, spans: bool) -> None:
        self._spans = spans  # each is the time since the line before (-ttt)
        self._last = 0
        self._day = 0

    def read(self, found: re.Match[bytes]) -> int:
        """The time that TIME matched, or NO_TIME."""
        if found["odd"]:
            return NO_TIME
        if found["epoch"]:
            return within(int(found["epoch"]) * SECOND + int(found["fraction"].ljust(9, b"0")))
        time = of_day(found)
        if found["date"]:
            return within(_midnight(found["date"]) + time)
        if self._spans:
            self._last += time
            return within(self._last)
        if time < self._last - _DAY // 2:
            self._day += _DAY
        self._last = time
        return within(self._day + time)


def within(ts: int) -> int:
    """The time, or NO_TIME where 64 bits cannot hold it."""
    return ts if -_FURTHEST < ts < _FURTHEST else NO_TIME


def of_day(found: re.Match[bytes]) -> int:
    """The time of day, or span, that TIME matched, in ns."""
    seconds = int(found["hour"]) * 3600 + int(found["minute"]) * 60 + int(found["second"])
    time = seconds * SECOND + int((found["part"] or b"0").ljust(9, b"0"))
    return -time if found["sign"] else time


def spans(times: list[int]) -> bool:
    """Whether times at the start of a text, none with a date, are spans: then they go up and down."""
    falls = any(after < before for before, after in pairwise(times))
    return falls and max(times) < _HOUR


def _midnight(date: bytes) -> int:
    try:
        day = datetime.strptime(date.decode("ascii"), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return 0  # the 31st of June
    return int(day.timestamp()) * SECOND
