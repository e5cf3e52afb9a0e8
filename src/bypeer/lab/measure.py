"""Which remedy heals which cause: measured, a play each, on several kernels side by side.

A remedy heals a scenario if with it the traffic comes to its end and the host makes no RST; without it, it
does not. All else is told, too: what hangs instead of being reset is worse, since nobody is told.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from bypeer.lab.elsewhere import played_on
from bypeer.lab.plays import meant, played, plays
from bypeer.lab.remedies import REMEDIES
from bypeer.lab.result import Result
from bypeer.lab.scenarios import SCENARIOS

HEALS, NO_HELP, HANGS, BREAKS = "heals", "no help", "hangs", "breaks"
NOTHING, UNPLAYED, UNMEASURED = "-", "n/a", "?"  # nothing to heal; the kernel lacks something; not asked
LEGEND = {
    HEALS: "the traffic comes to its end, and the host makes no RST",
    "heals N/M": "in so many of the plays",
    NO_HELP: "it fails as it does without",
    HANGS: "what was reset hangs instead: worse",
    BREAKS: "what went well fails",
    NOTHING: "nothing to heal on this kernel",
    UNPLAYED: "this kernel does not have the remedy, or the scenario is not for it",
    UNMEASURED: "not measured",
}
_ABOUT = ("NF", "PA02", "EP06")  # causes that something on the NAT host may be done about


class Cell(NamedTuple):
    """What a remedy does for a scenario on a kernel."""

    scenario: str
    code: str
    remedy: str
    kernel: str  # release
    effect: str  # a word of LEGEND
    wrong: Sequence[str]  # where what `explain` said was not true


def worth() -> list[str]:
    """The scenarios about which something on the NAT host may be done."""
    return [one.name for one in SCENARIOS.values() if one.code.startswith(_ABOUT)]


def measured(
    names: Sequence[str], remedies: Sequence[str], kernels: Sequence[str | None] = (None,), rounds: int = 1,
    watch: Callable[[Result], None] | None = None,
) -> list[Cell]:  # fmt: skip
    """Play each scenario without and with each remedy; on kernels of the cache, None being the running one.

    `watch` is told of each result as it comes. Raises HostError as `play`.
    """
    cells: list[Cell] = []
    for kernel in kernels:
        wanted = plays(names, ["", *remedies], rounds)
        if kernel is None:
            wanted = [one for one in wanted if meant([one.name], os.uname().release)]
        results = []
        for result in played(wanted) if kernel is None else played_on(kernel, wanted):
            results.append(result)
            if watch:
                watch(result)
        cells += cells_of(results)
    return cells


def cells_of(results: Iterable[Result]) -> Iterator[Cell]:
    """What results, of several kernels, come to; each scenario was played without a remedy, too."""

    def key(one: Result) -> tuple[str, str]:
        return one.kernel, one.name

    for (kernel, name), several in groupby(sorted(results, key=key), key):
        by_remedy: dict[str, list[Result]] = {}
        for one in several:
            by_remedy.setdefault(one.remedy, []).append(one)
        without = by_remedy.pop("")
        for remedy, those in by_remedy.items():
            wrong = [line for one in those if one.played for line in one.wrong]
            yield Cell(name, those[0].code, remedy, kernel, effect(without, those), wrong)


def effect(without: Sequence[Result], those: Sequence[Result]) -> str:
    """What a remedy did: a word of LEGEND."""
    if not all(one.played for one in (*without, *those)):
        return UNPLAYED
    healed = sum(one.healed for one in those)
    if all(one.healed for one in without):
        return NOTHING if healed == len(those) else BREAKS
    if healed:
        return HEALS if healed == len(those) else f"{HEALS} {healed}/{len(those)}"
    hung = all(one.hung for one in those)
    return HANGS if hung and not any(one.hung for one in without) else NO_HELP


# The table


def rows(cells: Sequence[Cell]) -> list[list[str]]:
    """The table: its head, then a row a scenario. Kernels that differ stand side by side."""
    kernels = list(dict.fromkeys(one.kernel for one in cells))
    remedies = [name for name in REMEDIES if any(one.remedy == name for one in cells)]
    found = {(one.scenario, one.remedy, one.kernel): one.effect for one in cells}
    table = [["scenario", "code", *remedies]]
    for name, code in dict.fromkeys((one.scenario, one.code) for one in cells):
        row = [name, code]
        for remedy in remedies:
            words = [found.get((name, remedy, kernel), UNMEASURED) for kernel in kernels]
            row.append(words[0] if len(set(words)) == 1 else " / ".join(words))
        table.append(row)
    order = list(SCENARIOS)
    return [table[0], *sorted(table[1:], key=lambda row: (row[1], order.index(row[0])))]


def text(cells: Sequence[Cell]) -> Iterator[str]:
    """The table for a terminal, and what its words mean."""
    table = rows(cells)
    wide = [max(map(len, column)) for column in zip(*table, strict=True)]
    yield _kernels(cells)
    yield ""
    for row in table:
        yield "  ".join(f"{word:{width}}" for word, width in zip(row, wide, strict=True)).rstrip()
    yield ""
    yield from (f"{word:9}  {means}" for word, means in LEGEND.items())
    yield from (f"WRONG  {one.scenario} with {one.remedy}: {line}" for one in cells for line in one.wrong)


def markdown(cells: Sequence[Cell]) -> Iterator[str]:
    """The table as Markdown."""
    table = rows(cells)
    yield _kernels(cells)
    yield ""
    for row in (table[0], ["---"] * len(table[0]), *table[1:]):
        yield f"| {' | '.join(row)} |"
    yield ""
    yield from (f"- *{word}*: {means}" for word, means in LEGEND.items())
    yield ""
    used = dict.fromkeys(one.remedy for one in cells)
    yield from (f"- `{one}`: {REMEDIES[one].says}" for one in REMEDIES if one in used)


def _kernels(cells: Sequence[Cell]) -> str:
    """What the table was measured on."""
    kernels = list(dict.fromkeys(one.kernel for one in cells))
    differ = f"; where they differ: {' / '.join(kernels)}" if len(kernels) > 1 else ""
    return f"Measured on Linux {', '.join(kernels)}{differ}"
