"""A picture of as many marks as one likes: a download like the investigation's, from a seed.

Data comes in bursts and is acknowledged. Towards the end some segments, sent again by the server and
delayed on the way, come late: the fork. The first that is too far behind is not forwarded: the host answers
it by RST.
"""

from __future__ import annotations

import random
from array import array

from bypeer.core.picture import KINDS, Bound, Marks, Moment, Picture

KIND = {name: row for row, (name, _) in enumerate(KINDS)}
SEGMENT = 1_448
BACKLOG = 1_300_000  # octets behind which a late one arrives
WINDOW = 1_200_000
ORIGIN = 1_580_423_179_000_000_000  # 2020-01-30 22:26:19 UTC
NOTES = ("INVALID: SEQ is under the lower bound (already ACKed data retransmitted)", "ESTABLISHED")


class Maker:
    """Marks one after the other, and what the next ones need to know."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ts, self.frontier, self.acked = 0, 1, 1
        self.outside, self.inside = 3, 3
        self.columns: list[list[int]] = [[] for _ in Marks._fields]
        self.bounds: list[Bound] = []

    def pause(self, least: int, most: int) -> None:
        self.ts += self.random.randint(least, most)

    def frame(self, forwarded: bool = True) -> tuple[int, int]:
        """The numbers of the next frame outside and inside."""
        self.outside += 1
        self.inside += forwarded
        return self.outside, self.inside if forwarded else 0

    def mark(
        self, kind: str, low: int, size: int = 0, frames: tuple[int, int] = (0, 0), note: int = -1
    ) -> None:
        row = (self.ts, low, size, self.frontier - low - size, KIND[kind], *frames, note)
        for column, value in zip(self.columns, row, strict=True):
            column.append(value)

    def data(self) -> None:
        """A segment at the frontier; GRO merges some."""
        self.pause(700, 3_000)
        size = SEGMENT * self.random.choice((1, 1, 2, 2, 2, 9))
        low = self.frontier
        self.frontier += size
        self.mark("data", low, size, self.frame())
        self.bounded()

    def acknowledge(self) -> None:
        self.pause(300, 2_000)
        self.acked = self.frontier - SEGMENT * self.random.randint(0, 30)
        frames = self.frame()
        self.mark("ack", self.acked, 0, frames)
        self.mark("window", self.acked + 2 * WINDOW, 0, frames)
        self.bounded()

    def bounded(self) -> None:
        self.bounds.append(Bound(self.ts, self.frontier - WINDOW, self.acked + 2 * WINDOW))

    def late(self, kind: str, off: int, note: int = -1) -> tuple[int, int]:
        """A segment that far behind; where it lies."""
        self.pause(500, 2_000)
        low = max(self.frontier - off, 1)
        size = 2 * SEGMENT
        self.mark(kind, low, size, self.frame(kind not in ("kept", "trigger")), note)
        if kind == "late":
            self.mark("sack", self.frontier, 0, self.frame())
        return low, size


def picture(marks: int, seed: int = 1, connection: str = "c1", late: float = 0.02) -> Picture:
    """A picture of about that many marks, at least a hundred; of the last quarter `late` of them are late."""
    made = Maker(seed)
    while len(made.columns[0]) < marks - 24:
        made.data()
        if made.random.random() < 0.5:
            made.acknowledge()
        if made.random.random() < 0.002:
            made.late("again", 40 * SEGMENT)
        if len(made.columns[0]) > marks * 0.75 and made.random.random() < late:
            made.late("late", BACKLOG // 2 + made.random.randint(0, BACKLOG // 3), 1)
    moments = ending(made)
    columns = [array(code, column) for code, column in zip("qqIqBqqi", made.columns, strict=True)]
    last = made.ts
    return Picture(
        connection=connection,
        title="198.51.100.2:80 > 172.17.0.2:40000",
        direction="to the client",
        origin=ORIGIN,
        marks=Marks(*columns),
        bounds=made.bounds,
        bounds_note="Linux 5.10: what ends below the lower bound is too late",
        moments=moments,
        notes=NOTES,
        focus=(max(0, last - 8_000_000), last + 200_000),
        thinned=0,
    )


def ending(made: Maker) -> list[Moment]:
    """One of each kind, and the story's A, B, C, X, Y."""
    moments = []

    def moment(letter: str, kind: str, low: int, size: int, text: str) -> None:
        at = f"outside {made.outside}"
        dump = [f"{letter}: seq {low}:{low + size}"]
        moments.append(
            Moment(letter, made.ts, low, size, kind, text, dump, at, f"frame.number == {made.outside}")
        )

    made.mark("rst-unknown", made.frontier - 60 * SEGMENT, 0, made.frame())
    made.late("beyond", -WINDOW // 8, 1)
    made.data()
    moment("A", "data", made.columns[1][-1], made.columns[2][-1], "forwarded")
    moment("B", "trigger", *made.late("trigger", BACKLOG, 0), "late: 1.3 MB behind; not forwarded")
    made.pause(14_000, 15_000)
    made.mark("rst-host", made.acked, 0, made.frame(forwarded=False))
    moment("C", "rst-host", made.acked, 0, "RST made by the NAT host itself; lethal")
    for off in (1, 3, 5):
        made.late("kept", BACKLOG - off * 2 * SEGMENT, 0)
    made.pause(2_500_000, 2_600_000)
    made.acknowledge()
    moment("X", "ack", made.acked, 0, "forwarded")
    made.pause(90_000, 110_000)
    made.mark("rst-outside", made.acked, 0, made.frame())
    moment("Y", "rst-outside", made.acked, 0, "RST made by the peer; lethal")
    made.pause(90_000, 110_000)
    made.mark("rst-path", made.acked - 20 * SEGMENT, 0, made.frame())
    made.mark("rst-inside", made.acked - 60 * SEGMENT, 0, made.frame())
    return moments
