"""How far one side's clock is ahead of the other's, from segments that passed both.

No segment leaves before it arrives. So each that went outward bounds the difference of the clocks from above,
each that came inward bounds it from below, by as much as the host took to forward it.

Source: as NTP (RFC 5905, 8) from two one-way delays; the line between both as in Moon, Skelly, Towsley,
"Estimation and Removal of Clock Skew from Network Delay Measurements" (INFOCOM 1999).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

Passed = tuple[int, int]  # ns: when a segment passed inside, and by how much later it did outside

_JITTER = 20_000  # ns: two taps of one host may stamp in the wrong order by so much
_DELAYED = 1_000_000_000  # ns: forwarding never takes so long; beyond, it is the clocks
_FASTEST = 1e-3  # by how much a clock may run fast or slow; of quartz it is a twentieth of that
_STEPS = 64  # of the search for the rate


class Ahead(NamedTuple):
    """How far the outside clock is ahead of the inside clock."""

    offset: int = 0  # ns, at `since`
    rate: float = 0.0  # ns that it gains each ns
    since: int = 0  # ns by the inside clock: from here on
    until: int = 0  # and up to here that is known; before and behind it is taken to have stayed as it was

    def at(self, ts: int) -> int:
        """How far it is at a time by the inside clock, ns."""
        if not self.rate:
            return self.offset
        return self.offset + round(self.rate * (min(max(ts, self.since), self.until) - self.since))


def ahead(outward: Sequence[Passed], inward: Sequence[Passed]) -> Ahead:
    """Estimate it from what went each way.

    One clock, if that is possible; else the middle between both bounds; where these exclude each other, one
    clock is faster, and what lies in the middle is a line.
    """
    above, below = _least(outward, 1), _least(inward, -1)
    if above is None or below is None:
        known = below if above is None else above
        if known is None or -_JITTER <= known < _DELAYED:
            return Ahead()
        return Ahead(known if known == above else -known)
    if above >= -_JITTER and below >= -_JITTER:
        return Ahead()
    drifting = _line(outward, inward) if above + below < -_JITTER else None
    return drifting or Ahead((above - below) // 2)


def _least(passed: Sequence[Passed], sign: int) -> int | None:
    return min((later * sign for _, later in passed), default=None)


def _line(outward: Sequence[Passed], inward: Sequence[Passed]) -> Ahead | None:
    """The line that keeps the largest distance from what is above it and what is below; None without any."""
    times = [ts for ts, _ in (*outward, *inward)]
    since, until = min(times), max(times)
    base = outward[0][1]
    above = _hull([(ts - since, later - base) for ts, later in outward], 1)
    below = _hull([(ts - since, later - base) for ts, later in inward], -1)

    def low(rate: float) -> float:
        return max(later - rate * ts for ts, later in below)

    def high(rate: float) -> float:
        return min(later - rate * ts for ts, later in above)

    rate = _highest(lambda rate: high(rate) - low(rate))
    if high(rate) - low(rate) < -_JITTER:
        return None  # no line either: a clock was set, or equal segments were mistaken for one
    return Ahead(base + round((high(rate) + low(rate)) / 2), rate, since, until)


def _highest(width: Callable[[float], float]) -> float:
    """Where a concave function of the rate is highest."""
    left, right = -_FASTEST, _FASTEST
    for _ in range(_STEPS):
        third = (right - left) / 3
        if width(left + third) < width(right - third):
            left += third
        else:
            right -= third
    return (left + right) / 2


def _hull(points: Sequence[Passed], sign: int) -> list[Passed]:
    """The corners that a line can touch from below, or with -1 from above: all others lie behind them."""
    found: list[Passed] = []
    for ts, later in sorted(points, key=lambda one: (one[0], one[1] * sign)):
        if found and found[-1][0] == ts:
            continue
        while len(found) > 1 and _turn(found[-2], found[-1], (ts, later)) * sign <= 0:
            found.pop()
        found.append((ts, later))
    return found


def _turn(one: Passed, other: Passed, third: Passed) -> int:
    """Positive where the way over these points turns left."""
    return (other[0] - one[0]) * (third[1] - one[1]) - (other[1] - one[1]) * (third[0] - one[0])
