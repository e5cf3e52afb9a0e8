"""Pictures for tests: the investigation's fork, of thousands or millions of marks, and hand-picked marks."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence

from bypeer.core.picture import KINDS, Bound, Marks, Moment, Picture

NAMES = {name: row for row, (name, _) in enumerate(KINDS)}
ORIGIN = 1_580_423_171_120_345_000  # 2020-01-30 22:26:11.120345 UTC
SEGMENT = 1448
Row = tuple[int, int, int, int, int]  # ts, low, size, behind, kind


def columns(rows: Sequence[Row]) -> Marks:
    """Marks of rows, which are in order of time."""
    ts, low, size, behind, kind = zip(*rows, strict=True) if rows else ((),) * 5
    numbers = array("q", range(len(rows)))
    return Marks(
        array("q", ts),
        array("q", low),
        array("I", size),
        array("q", behind),
        array("B", kind),
        numbers,
        numbers[:],
        array("i", [-1]) * len(rows),
    )


def picture(
    marks: Marks,
    focus: tuple[int, int],
    moments: Sequence[Moment] = (),
    bounds: Sequence[Bound] = (),
) -> Picture:
    """A picture of marks."""
    return Picture(
        connection="c1",
        title="74.125.195.136:443 > 172.17.0.2:60790",
        direction="to the client",
        origin=ORIGIN,
        marks=marks,
        bounds=bounds,
        bounds_note="conntrack's bounds by the rules of Linux 5.10" if bounds else "",
        moments=moments,
        notes=(),
        focus=focus,
        thinned=0,
    )


def moment(letter: str, ts: int, low: int | None, size: int, kind: str, text: str) -> Moment:
    """A moment of the story."""
    return Moment(letter, ts, low, size, kind, text, (), "outside 1, inside 1", "frame.number == 1")


def fork(count: int = 6000, seed: int = 1) -> Picture:
    """About so many marks of a download that the host kills: late segments, the last one not forwarded."""
    chance = random.Random(seed)
    rows: list[Row] = []
    bounds: list[Bound] = []
    ts, frontier, acked, lower = 0, 1, 1, 1
    segments = max(count // 2, 60)
    step = 8_300_000_000 // segments
    for number in range(segments):
        near = number > segments * 0.9  # towards the end everything is faster
        ts += chance.randint(1, 2 * step // (10 if near else 1) + 1)
        size = SEGMENT * chance.randint(1, 18)
        rows.append((ts, frontier, size, 0, NAMES["data"]))
        frontier += size
        if number % 2:
            acked = frontier - chance.randint(0, 8) * SEGMENT
            rows.append((ts + 30, acked, 0, frontier - acked, NAMES["ack"]))
            rows.append((ts + 30, acked + 3_000_000, 0, frontier - acked - 3_000_000, NAMES["window"]))
            lower = max(lower, acked - 1_000_000)
            bounds.append(Bound(ts + 30, lower, acked + 3_000_000))
        ts += 60
        lag = 950_000 * min(1, number / segments + 0.1)
        if number > segments * 0.5 and chance.random() < min(0.2, 300 / segments):
            late = max(frontier - round(lag * chance.uniform(0.7, 1)), 1)
            rows.append((ts, late, SEGMENT, frontier - late - SEGMENT, NAMES["late"]))
            if chance.random() < 0.3:
                rows.append((ts + 10, late, SEGMENT, frontier - late - SEGMENT, NAMES["again"]))
                rows.append((ts + 12, late, SEGMENT, frontier - late - SEGMENT, NAMES["sack"]))
        ts += 15
    return _killed(rows, bounds, ts, frontier, acked)


def _killed(rows: list[Row], bounds: list[Bound], ts: int, frontier: int, acked: int) -> Picture:
    """The end of it, as in the investigation: A, B, C, X, Y."""
    a, b, c, x, y = ts + 1_000, ts + 14_000, ts + 28_000, ts + 2_542_000, ts + 2_652_000
    size, low = 26_752, acked - 1_201_024
    behind = frontier + size - low - 2_816
    rows += [
        (a, frontier, size, 0, NAMES["data"]),
        (b, low, 2_816, behind, NAMES["trigger"]),
        (c, acked, 0, frontier + size - acked, NAMES["rst-host"]),
        (x, acked + size, 0, frontier - acked, NAMES["ack"]),
        (y, acked + size, 0, frontier - acked, NAMES["rst-outside"]),
    ]
    moments = [
        moment("A", a, frontier, size, "data", "data segment of 26752 octets, forwarded to the client"),
        moment(
            "B", b, low, 2_816, "trigger", "2816 octets, 1.2 MB behind the frontier: not forwarded, INVALID"
        ),
        moment("C", c, acked, 0, "rst-host", "RST made by the host: it answers B in the client's name"),
        moment(
            "X", x, acked + size, 0, "ack", "the client, who knows nothing of it, acknowledges what it has"
        ),
        moment("Y", y, acked + size, 0, "rst-outside", "the server has no such connection any more: RST"),
    ]
    return picture(columns(rows), (b - 16_000_000, y), moments, bounds)
