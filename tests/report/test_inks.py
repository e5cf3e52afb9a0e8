"""Colours have names, and letters can be read."""

from __future__ import annotations

import pytest

from bypeer.report import palette
from bypeer.report.inks import LEAST, LETTERS, contrast, ink
from tests.forks import NAMES


def test_contrast_is_as_the_standard_has_it() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#FFFFFF", "#FFFFFF") == 1
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["ink", "soft", "bound", *NAMES])
def test_letters_of_any_colour_can_be_read(name: str, dark: bool) -> None:
    for ground in ("paper", "panel"):
        assert contrast(ink(name + LETTERS, dark), ink(ground, dark)) >= LEAST * 0.97


@pytest.mark.parametrize("dark", [False, True])
def test_marks_keep_their_colours(dark: bool) -> None:
    for name in NAMES:
        assert ink(name, dark) == palette.colour(name, dark)
    assert ink("trigger" + LETTERS, dark=True) == palette.colour("trigger", dark=True)
