"""The rules that tell the kernels apart: their cells, and what a patch changed."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from bypeer.core.kernels import KERNELS, LINUX_6_18, Kernel
from bypeer.core.rules import FATELESS, PATCHES, RULES, SERIES


def test_every_rule_has_a_cell_for_each_kernel() -> None:
    for row in RULES:
        assert len(row.cells.split()) == len(SERIES) == len(KERNELS)
        assert all(cell[0] in "+-" and cell[1:] in ("m", "r", "i") for cell in row.cells.split())
    flags = {name for name, kind in get_type_hints(Kernel).items() if kind is bool}
    assert flags == {row.rule for row in RULES} == set(LINUX_6_18.sources)
    assert flags > FATELESS


@pytest.mark.parametrize("row", RULES, ids=lambda row: row.rule)
def test_every_rule_tells_kernels_apart(row: tuple[str, str]) -> None:
    assert len({cell[0] for cell in row[1].split()}) == 2


@pytest.mark.parametrize("row", RULES, ids=lambda row: row.rule)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_where_a_rule_holds(kernel: Kernel, row: tuple[str, str]) -> None:
    cell = row[1].split()[SERIES.index(kernel.name)]
    assert (getattr(kernel, row[0]), kernel.sources[row[0]]) == (cell[0] == "+", cell[1])


def test_the_last_patch_of_a_series_is_what_its_cell_says() -> None:
    """A patch level that is not known counts as the newest."""
    last = {(at, rule): holds for at, _, rule, holds in PATCHES}
    cells = {(kernel.version, row.rule): getattr(kernel, row.rule) for kernel in KERNELS for row in RULES}
    assert {place: cells[place] for place in last} == last
