"""The PNG shows what the SVG shows, with smooth letters."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Any

import pytest

from bypeer.report import chart, png
from bypeer.report.palette import colour, ink
from bypeer.report.scene import Glyph, Pixels, Text, measured
from tests.forks import columns, fork, moment, picture

pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed: no PNG can be written")

FORK = fork(6000)


def opened(**options: Any) -> Any:
    image = pillow.open(BytesIO(png.render(FORK, **options)))
    image.load()
    return image


def rgb(text: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(text[1:]))


@pytest.mark.parametrize(("scale", "dark"), [(1, False), (2, True), (3, False)])
def test_it_opens_and_has_its_size(scale: int, dark: bool) -> None:
    image = opened(width=900, height=600, scale=scale, dark=dark)
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (900 * scale, 600 * scale))
    assert image.getpixel((1, 1)) == rgb(ink("paper", dark))


def test_it_says_in_words_what_it_shows() -> None:
    said = opened(scale=1).text
    assert said["Title"] == f"{FORK.title}, {FORK.direction}"
    assert all(one.text in said["Description"] for one in FORK.moments)


@pytest.mark.parametrize("dark", [False, True])
def test_rare_marks_have_their_colour_at_their_place(dark: bool) -> None:
    image = opened(dark=dark)
    scene = chart.lay(FORK, 1200, 800)
    glyphs = [part for part in scene.parts if isinstance(part, Glyph) and part.kind in ("rst-host", "late")]
    assert {one.kind for one in glyphs} == {"rst-host", "late"}
    for one in glyphs:
        assert image.getpixel((round(one.x * 2), round(one.y * 2))) == rgb(colour(one.kind, dark))


def test_common_marks_lie_where_the_raster_has_them() -> None:
    image = opened()
    scene = chart.lay(FORK, 1200, 800)
    upper = next(part for part in scene.parts if isinstance(part, Pixels))
    wanted = [at for at, kind in enumerate(upper.canvas) if kind == 4]
    hits = sum(
        image.getpixel(
            (round(upper.box.left * 2) + at % upper.width, round(upper.box.top * 2) + at // upper.width)
        )
        == rgb(colour("data", dark=False))
        for at in wanted
    )
    assert len(wanted) > 100
    assert hits > 0.8 * len(wanted)  # the others lie below letters and larger marks


def test_dashes_go_on_round_corners() -> None:
    steps = [(0.0, 0.0), (2.0, 0.0), (2.0, 4.0), (10.0, 4.0)]
    pieces = list(png._pieces(steps, 3))
    assert pieces == [
        ((0, 0), (2, 0)),
        ((2, 0), (2, 1)),
        ((2, 4), (5, 4)),
        ((8, 4), (10, 4)),
    ]
    assert list(png._pieces(steps, 0)) == [(steps[at], steps[at + 1]) for at in range(3)]


def test_letters_are_smooth() -> None:
    image = opened()
    heading = image.crop((32, 20, 900, 70))
    assert len(heading.getcolors(maxcolors=100_000)) > 20


def test_no_text_is_wider_than_was_reckoned() -> None:
    for text in (
        "22:26:19.414077 UTC",
        "WWWW MMMM @@@@",
        "octets behind the frontier, MB",
        "iiiillll....",
        "~!#$%^&*()",
    ):
        for size in (11, 12, 13, 18):
            assert png._font(size * 2).getlength(text) / 2 <= measured(text, size) + 1
            wide = Text(text, 0, 0, size, "ink").box
            left, top, right, bottom = png._font(size * 2).getbbox(text, anchor="ls")
            assert wide.top * 2 - 1 <= top
            assert wide.left * 2 - 2 <= left
            assert right <= wide.right * 2 + 2
            assert bottom <= wide.bottom * 2 + 2


def test_what_the_font_lacks_is_escaped() -> None:
    bad = "net\u7f51\u202e\x1b"
    made = picture(columns([]), (0, 9), [moment(bad, 5, 5, 1, "kept", bad)])._replace(title=bad)
    texts = [part.text for part in chart.lay(png._latin(made), 1200, 800).parts if isinstance(part, Text)]
    assert "net\\u7f51\\u202e\\x1b" in texts
    assert all(text.isascii() for text in texts)
    assert png.render(made)[:4] == b"\x89PNG"


def test_without_pillow_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError):
        png.render(FORK)
