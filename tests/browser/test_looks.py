"""Pictures of the page, to be looked at: build/screenshots/NAME.png."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bypeer.report.page import render
from tests.browser.driver import Window
from tests.picture import picture
from tests.report import sample

Open = Callable[..., Window]
FOLDER = Path(__file__).parent.parent.parent / "build" / "screenshots"

# name: colour scheme, keys, what is taken
CASES = {
    "fork": ("light", ["f"], "body"),
    "whole-dark": ("dark", ["0"], "#picture"),
    "event": ("light", ["n", "n"], "#picture"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_screenshot_is_taken(window: Open, name: str) -> None:
    scheme, keys, part = CASES[name]
    one = window(render(sample.killed(), [picture(20_000)]), color_scheme=scheme).ready()
    one.press(*keys)
    one.settle()
    FOLDER.mkdir(parents=True, exist_ok=True)
    taken = one.page.locator(part).screenshot(path=FOLDER / f"{name}.png")
    assert len(taken) > 20_000  # a blank one is much smaller
