"""The bench of the page measures something; what it should come to is for idle machines."""

from __future__ import annotations

from typing import Any

from bench.page import REDRAWS, measure


def test_it_measures(chromium: Any) -> None:
    found = measure(chromium, 500, 2)
    assert found.octets > 50_000
    assert len(found.ready) == len(found.busy) == 2
    assert len(found.redraws) == 2 * REDRAWS
    assert min(found.made, *found.ready, *found.busy, *found.redraws) > 0
