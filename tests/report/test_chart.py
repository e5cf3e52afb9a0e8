"""The layout: letters and words that overlap nothing, ranges that show what matters."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bypeer.core.picture import KINDS, Bound, Moment, Picture
from bypeer.report import chart, panel
from bypeer.report.axes import Box
from bypeer.report.chart import lay
from bypeer.report.scene import Area, Glyph, Line, Pixels, Scene, Text
from tests.forks import NAMES, columns, fork, moment, picture

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXY"
FORK, SMALL = fork(), fork(300)


def texts(scene: Scene) -> list[Text]:
    return [part for part in scene.parts if isinstance(part, Text)]


def overlaps(scene: Scene) -> list[tuple[str, str]]:
    pairs = combinations(texts(scene), 2)
    return [(one.text, other.text) for one, other in pairs if one.box.meets(other.box)]


def crowded(seed: int, many: int, near: int) -> Picture:
    """The fork with so many moments of any kind, `near` ns from each to the next."""
    chance = random.Random(seed)
    start = SMALL.focus[0] + chance.randint(0, 15_000_000)
    moments = []
    for at in range(many):
        kind = chance.choice(list(NAMES))
        low = None if chance.random() < 0.1 else 40_000_000 + chance.randint(0, 1_500_000)
        moments.append(
            moment(LETTERS[at], start + at * near, low, chance.randint(0, 30_000), kind, "what " * 30)
        )
    return SMALL._replace(moments=moments)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    many=st.integers(0, 25),
    near=st.sampled_from([1, 20_000, 100_000]),
    size=st.sampled_from([(1200, 800), (480, 360), (800, 1100), (2000, 600)]),
)
def test_no_text_lies_on_another(seed: int, many: int, near: int, size: tuple[int, int]) -> None:
    scene = lay(crowded(seed, many, near), *size)
    assert overlaps(scene) == []
    ground = Box(0, 0, *size)
    assert [one.text for one in texts(scene) if not one.box.inside(ground)] == []


def test_letters_twenty_us_apart_are_all_there() -> None:
    scene = lay(crowded(1, 25, 20_000), 1200, 800)
    flags = [one for one in texts(scene) if one.ink == "paper"]
    assert [one.text for one in sorted(flags, key=lambda one: one.x)] == list(LETTERS)
    leads = [part for part in scene.parts if isinstance(part, Line) and len(part.points) == 4]
    assert len(leads) == 25
    assert {round(line.points[0][0], 6) for line in leads} == {round(one.x, 6) for one in flags}


def test_trigger_and_rst_are_named_next_to_their_marks() -> None:
    scene = lay(FORK, 1200, 800)
    for text, kind in (("B  what a RST answers", "trigger"), ("C  RST by this host", "rst-host")):
        glyphs = [part for part in scene.parts if isinstance(part, Glyph) and part.kind == kind]
        big = max(glyphs, key=lambda one: one.size)
        near = [
            min(abs(one.box.left - big.x), abs(one.box.right - big.x)) < 60 and abs(one.y - big.y) < 60
            for one in texts(scene)
            if one.text == text
        ]
        assert any(near)


def test_marks_lie_where_the_axes_say() -> None:
    scene = lay(FORK, 1200, 800)
    upper = next(part.box for part in scene.parts if isinstance(part, Pixels))
    trigger = next(one for one in FORK.moments if one.kind == "trigger")
    start, end = chart.stretch(FORK, None)
    low, high = panel.fitted(FORK, start, end, behind=False)
    assert trigger.low is not None
    x = upper.left + (trigger.ts - start) / (end - start) * (upper.right - upper.left)
    y = upper.bottom - (trigger.low + trigger.size / 2 - low) / (high - low) * (upper.bottom - upper.top)
    found = [part for part in scene.parts if isinstance(part, Glyph) and part.kind == "trigger"]
    assert any(abs(one.x - x) < 1 and abs(one.y - y) < 1 for one in found)


def test_the_legend_tells_kinds_and_counts() -> None:
    words = [one.text for one in texts(lay(FORK, 1200, 800))]
    within = [
        kind
        for ts, kind in zip(FORK.marks.ts, FORK.marks.kind, strict=True)
        if chart.stretch(FORK, None)[0] <= ts <= chart.stretch(FORK, None)[1]
    ]
    for row, (name, text) in enumerate(KINDS):
        told = [word for word in words if word.startswith(text) and word.endswith(f" {within.count(row)}")]
        assert len(told) == (row in within), name
    assert "edge of the receiver's window (further up) 33" in words


def test_the_whole_is_shown_on_demand() -> None:
    whole = chart.whole(FORK)
    assert whole == (FORK.marks.ts[0], FORK.moments[-1].ts)
    assert any("s after" in one.text for one in texts(lay(FORK, 1200, 800, whole)))
    assert any("ms after" in one.text for one in texts(lay(FORK, 1200, 800)))


def lone(**changes: object) -> Picture:
    marks = columns([(0, 100, 10, 0, NAMES["data"]), (1000, 110, 10, 0, NAMES["data"])])
    return picture(marks, (0, 1000))._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("behind", [False, True])
def test_one_stray_number_does_not_squash_the_rest(behind: bool) -> None:
    rows = [(at, 100 * at, 100, 0, NAMES["data"]) for at in range(100)]
    stray = (50, 2**40, 0, -(2**40), NAMES["late"])
    made = picture(columns(sorted([*rows, stray])), (0, 99))
    low, high = panel.fitted(made, 0, 99, behind)
    assert -12_000 < low < high < 12_000


@pytest.mark.parametrize("behind", [False, True])
def test_late_marks_are_in_the_picture_without_being_lettered_and_beside_a_stray_one(behind: bool) -> None:
    rows = [(at, 10**8 + 100 * at, 100, 0, NAMES["data"]) for at in range(100)]
    late = [(at, 10**8 + 100 * at - 10**6, 100, 10**6, NAMES["late"]) for at in range(0, 100, 9)]
    stray = [(50, 2**40, 0, -(2**40), NAMES["late"])]
    made = picture(columns(sorted(rows + late + stray)), (0, 99))
    low, high = panel.fitted(made, 0, 99, behind)
    assert low < (0 if behind else 10**8) - 10**6 < high < 2 * 10**8


def test_what_the_story_tells_of_is_always_in_the_picture() -> None:
    far = moment("A", 50, 2**40, 10, "kept", "far out")
    low, high = panel.fitted(lone(moments=[far]), 0, 1000, behind=False)
    assert low < 100 < 2**40 + 10 < high
    low, high = panel.fitted(lone(moments=[far]), 0, 1000, behind=True)
    assert low < 0 < 2**39 < high


def test_bounds_widen_the_range_only_if_they_are_near() -> None:
    assert panel.fitted(lone(), 0, 1000, behind=False) == panel.fitted(
        lone(bounds=[Bound(0, -(10**6), 10**6)]), 0, 1000, behind=False
    )
    low, high = panel.fitted(lone(bounds=[Bound(0, 95, 125)]), 0, 1000, behind=False)
    assert low < 95 < 125 < high


def test_a_bound_is_a_line_and_an_area_and_words() -> None:
    scene = lay(lone(bounds=[Bound(-10, 98, 123)]), 1200, 800)
    assert len([part for part in scene.parts if isinstance(part, Area) and part.ink == "refused"]) >= 2
    words = " ".join(one.text for one in texts(scene))
    assert "below conntrack's lower bound" in words
    assert "above conntrack's upper bound" in words
    off = " ".join(one.text for one in texts(lay(lone(bounds=[Bound(-10, -5_000, None)]), 1200, 800)))
    assert "below conntrack's lower bound: 5.1 kB further down" in off


def test_a_bound_along_the_frontier_is_left_to_the_lower_panel_unless_something_lies_beyond_it() -> None:
    rows = [(at, 10**6 * at, 1000, 0, NAMES["data"]) for at in range(100)]
    bounds = [Bound(at, 10**6 * at - 3000, 10**6 * at + 3000) for at in range(100)]
    late = moment("A", 90, 50 * 10**6, 9, "trigger", "late")

    def areas(moments: list[Moment]) -> list[Area]:
        scene = lay(picture(columns(rows), (0, 99), moments, bounds), 1200, 800)
        return [part for part in scene.parts if isinstance(part, Area) and part.ink == "refused"]

    assert len(areas([])) == 2  # both bounds, in the lower panel
    assert len(areas([late])) == 3  # and the one that it lies below


@pytest.mark.parametrize("window", [None, (0, 0), (7, 3), (-(10**15), 10**15), (10**12, 10**12 + 1)])
def test_any_window_and_an_empty_picture(window: tuple[int, int] | None) -> None:
    empty = picture(columns([]), (0, 0))
    for made in (empty, lone(), FORK, empty._replace(moments=[moment("A", 3, None, 0, "rst-host", "x")])):
        scene = lay(made, 900, 600, window)
        assert overlaps(scene) == []


def test_too_small_is_taken_as_the_smallest() -> None:
    scene = lay(FORK, 1, 1)
    assert (scene.width, scene.height) == (480, 360)


def test_words_for_those_who_do_not_see_it() -> None:
    words = lay(FORK, 1200, 800).words
    for one in FORK.moments:
        assert f"{one.letter} 22:26:18." in words
        assert one.text in words


def test_more_marks_of_a_rare_kind_than_can_be_drawn_singly_become_pixels() -> None:
    def made(many: int) -> Scene:
        rows = [(at, 100 * at, 100, 0, NAMES["late"]) for at in range(many)]
        return lay(picture(columns(rows), (0, many)), 1200, 800)

    def glyphs(scene: Scene) -> int:
        return sum(isinstance(part, Glyph) for part in scene.parts)

    assert glyphs(made(panel.SINGLE)) == 2 * panel.SINGLE + 1  # and one in the legend
    many = made(panel.SINGLE + 1)
    assert glyphs(many) == 1
    pixels = next(part for part in many.parts if isinstance(part, Pixels))
    assert set(pixels.canvas) == {0, NAMES["late"] + 1}


def hostile(text: str) -> Moment:
    return moment(text, 500, 100, 10, "kept", text)


def test_foreign_text_is_made_plain() -> None:
    bad = "\x1b[2J\u202e<b>\x00\ud800"
    made = lone(title=bad, direction=bad, bounds_note=bad, moments=[hostile(bad)], bounds=[Bound(0, 1, 2)])
    for one in texts(lay(made, 1200, 800)):
        assert one.text.isprintable()
