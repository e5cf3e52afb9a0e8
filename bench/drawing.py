"""What drawing costs: a picture of 200,000 and of 2,000,000 marks, thinned, as SVG, as PNG, in a terminal.

    python bench/drawing.py [MARKS ...]

Whole pictures, which is the worst case: what is shown at first is a stretch of them. Best of three runs.
"""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.measure import table
from bypeer.core.picture import KINDS, Bound, Marks, Picture
from bypeer.core.thin import thin
from bypeer.report import braille, chart, png, svg

RUNS = 3
MARKS = (200_000, 2_000_000)
NAMES = [name for name, _ in KINDS]
SEGMENT, LAG = 1448, 900_000
ACK, WINDOW, DATA, LATE = (NAMES.index(name) for name in ("ack", "window", "data", "late"))


def made(count: int) -> Picture:
    """A download of so many marks: data, acknowledgements, window edges, and 300 late segments."""
    rounds = count // 3
    ts = array("q", (4000 * (at // 3) + at % 3 for at in range(3 * rounds)))
    low = array("q", (SEGMENT * (at // 3) + (0, SEGMENT, 3_000_000)[at % 3] for at in range(3 * rounds)))
    size = array("I", [SEGMENT, 0, 0]) * rounds
    behind = array("q", [0, 0, SEGMENT - 3_000_000]) * rounds
    kind = array("B", [DATA, ACK, WINDOW]) * rounds
    for at in range(0, rounds, max(rounds // 300, 1)):
        low[3 * at], behind[3 * at], kind[3 * at] = max(low[3 * at] - LAG, 0), LAG, LATE
    numbers = array("q", range(3 * rounds))
    marks = Marks(ts, low, size, behind, kind, numbers, numbers, array("i", [-1]) * (3 * rounds))
    bounds = [Bound(4000 * at, SEGMENT * at - 1_000_000, SEGMENT * at + 3_000_000) for at in range(rounds)]
    end = 4000 * rounds
    return Picture("c1", "a > b", "to the client", 0, marks, bounds, "bounds", [], [], (0, end), 0)


def best(run: Callable[[], object]) -> str:
    """Seconds of the processor that a run takes, at best: others' load does not count."""
    spans = []
    for _ in range(RUNS):
        start = time.process_time()
        run()
        spans.append(time.process_time() - start)
    return f"{min(spans):.2f}"


def measured(count: int) -> list[str]:
    """The line of one size."""
    one = made(count)
    whole = chart.whole(one)
    return [
        f"{count:,}",
        best(lambda: thin(one.marks, count // 4, (0, 0))),
        best(lambda: svg.render(one, window=whole)),
        best(lambda: png.render(one, window=whole)),
        best(lambda: braille.render(one, 200, 60, True, False)),
        f"{len(svg.render(one, window=whole)) / 1000:.0f}",
    ]


def main(counts: list[int]) -> None:
    """Print a line a size."""
    head = ("marks", "thinned to a quarter, s", "SVG, s", "PNG, s", "terminal, s", "SVG, kB")
    table(head, [measured(count) for count in counts])


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or list(MARKS))
