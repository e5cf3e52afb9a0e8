"""The SVG: well-formed, complete in itself, readable without eyes."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO
from xml.etree import ElementTree

import pytest

from bypeer.core.picture import KINDS
from bypeer.report import chart, svg
from bypeer.report.palette import colour
from tests.forks import NAMES, columns, fork, moment, picture

SVG = "{http://www.w3.org/2000/svg}"
FORK = fork(1200)


def parsed(**options: object) -> ElementTree.Element:
    return ElementTree.fromstring(svg.render(FORK, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_well_formed_and_says_what_it_is(dark: bool) -> None:
    root = parsed(dark=dark)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    title, words = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert words is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {words.get('id')}"
    assert title.text == f"{FORK.title}, {FORK.direction}"
    assert all(one.text in (words.text or "") for one in FORK.moments)


def test_nothing_is_fetched_or_run() -> None:
    text = svg.render(FORK)
    assert all(text.startswith("data:image/png;base64,", at.end()) for at in re.finditer('href="', text))
    assert not re.search(r"url\(|src=|@import|<!", text)
    assert set(re.findall(r"https?://[^\"' ]*", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script|<foreignObject|\son\w+=", text)


def test_rare_kinds_are_shapes_and_common_ones_pixels() -> None:
    root = parsed(window=chart.whole(FORK))
    shapes = [one.get("class") for one in root.iter(f"{SVG}path") if one.get("class")]
    for kind in ("late", "again", "trigger", "rst-host", "rst-outside"):
        assert kind in shapes
    images = list(root.iter(f"{SVG}image"))
    assert len(images) == 2
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed: nothing opens the PNG")
    seen = set()
    for one in images:
        data = (one.get("href") or "").removeprefix("data:image/png;base64,")
        image = pillow.open(BytesIO(b64decode(data))).convert("RGBA")
        assert image.size == (2 * float(one.get("width") or 0), 2 * float(one.get("height") or 0))
        seen |= {
            f"#{red:02X}{green:02X}{blue:02X}" for _, (red, green, blue, alpha) in image.getcolors() if alpha
        }
    assert seen >= {colour("data", dark=False), colour("ack", dark=False)}
    assert seen <= {colour(name, dark=False) for name, _ in KINDS}


def test_dark_and_light_differ_in_colours_alone() -> None:
    def bare(dark: bool) -> str:
        text = re.sub(r"data:image/png[^\"]*", "", svg.render(FORK, dark=dark))
        return re.sub(r"#[0-9A-Fa-f]{6}", "", text)

    assert bare(dark=True) == bare(dark=False)
    assert svg.render(FORK, dark=True) != svg.render(FORK)


def test_it_stays_small() -> None:
    rows = [(at, 100 * at, 100, 0, at % len(KINDS)) for at in range(40_000)]
    assert len(svg.render(picture(columns(rows), (0, 40_000)))) < 1_000_000


def test_foreign_text_stays_text() -> None:
    bad = "</text><script>alert(1)</script>&amp;\x1b[2J\u202e\x00\ud800 \"'"
    made = FORK._replace(
        title=bad, direction=bad, bounds_note=bad, moments=[moment(bad, FORK.focus[1], 5, 1, "kept", bad)]
    )
    root = ElementTree.fromstring(svg.render(made))
    assert {one.tag.removeprefix(SVG) for one in root.iter()} == {
        "svg",
        "title",
        "desc",
        "path",
        "text",
        "image",
    }
    texts = ["".join(one.itertext()) for one in root.iter() if one.tag != f"{SVG}svg"]
    assert any("<script>alert(1)</script>&amp;\\x1b[2J\\u202e\\x00\\ud800" in text for text in texts)


def test_each_kind_has_its_shape_in_the_legend() -> None:
    rows = [(at, at, 0, 0, row) for at, row in enumerate(NAMES.values())]
    root = ElementTree.fromstring(svg.render(picture(columns(rows), (0, 20))))
    outlines = {one.get("class"): one.get("d") for one in root.iter(f"{SVG}path") if one.get("class")}
    assert set(outlines) == set(NAMES)
