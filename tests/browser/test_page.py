"""The page in a browser: it opens, draws what it must where it must, and does what keys and pointer ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import pytest

from bypeer.core.picture import KINDS, Bound, Marks, Picture
from bypeer.report.page import render
from tests.browser.driver import LEFT, Window, first_of, light
from tests.picture import picture
from tests.report import sample

Open = Callable[..., Window]


@cache
def download() -> Picture:
    return picture(6_000)


@cache
def page() -> str:
    return render(sample.killed(), [download()])


def test_it_opens_with_the_verdict_and_on_the_moments_before_the_reset(window: Open) -> None:
    one = window(page()).ready()
    assert one.page.locator("h1").inner_text().startswith("The NAT host itself reset this download")
    view = one.view
    assert (view["from"], view["to"]) == pytest.approx(download().focus)
    assert one.page.locator("#which").inner_text() == "198.51.100.2:80 > 172.17.0.2:40000, data to the client"
    assert "Linux 5.10" in one.page.locator("#picture-note").inner_text()


def test_every_kind_is_drawn_where_it_lies_and_nowhere_when_it_is_switched_off(window: Open) -> None:
    one = window(page()).ready()
    one.press("0")
    marks = download().marks
    for name, _ in KINDS:
        row = first_of(download(), name, 0, marks.ts[-1])
        one.only(name)
        place = one.place(marks.ts[row], marks.low[row] + marks.size[row] / 2)
        assert one.pixels(*place, light(name)) > 0, name
        if name not in ("ack", "window", "sack"):
            below = one.place(marks.ts[row], marks.behind[row], panel=1)
            assert one.pixels(*below, light(name)) > 0, name
        one.only()
        assert one.pixels(*place, light(name)) == 0, name


def test_the_bounds_are_lines(window: Open) -> None:
    one = window(page()).ready()
    colour = one.page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--bound')"
    ).strip()
    bound = next(it for it in reversed(download().bounds) if it.ts < download().focus[1] - 3_000_000)
    one.only("data", "lower")
    lower = bound.lower
    assert lower is not None
    assert one.pixels(*one.place(bound.ts, lower), colour, 3) > 0
    one.only("data")
    assert one.pixels(*one.place(bound.ts, lower), colour, 3) == 0


def test_what_holds_after_many_steps_is_the_last_of_them(window: Open) -> None:
    whole = picture(1_500)
    end = whole.marks.ts[-1]
    steps = [Bound(end // 2 + at, 1_000 * at, None) for at in range(1_000)]
    one = window(render(sample.killed(), [whole._replace(bounds=steps, moments=())])).ready()
    colour = one.page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--bound')"
    ).strip()
    one.press("0")
    one.only("data", "lower")
    held = end // 2 + end // 4
    assert one.pixels(*one.place(held, 999_000), colour, 3) > 0
    assert one.pixels(*one.place(held, 0), colour, 3) == 0


def test_the_wheel_zooms_round_the_pointer_and_out_to_the_whole(window: Open) -> None:
    one = window(page()).ready()
    before, view = one.span, one.view
    middle = one.at(LEFT + view["panels"][0]["width"] / 4, 200)
    under = view["from"] + before / 4
    one.page.mouse.move(*middle)
    for _ in range(5):
        one.page.mouse.wheel(0, -100)
    after = one.view
    assert one.span < before / 2
    assert after["from"] + one.span / 4 == pytest.approx(under, abs=before / 500)
    for _ in range(60):
        one.page.mouse.wheel(0, 120)
    assert one.view["from"] < 0 < download().marks.ts[-1] < one.view["to"]


def test_y_is_fitted_again_to_what_is_visible(window: Open) -> None:
    one = window(page()).ready()
    one.press("0")
    whole = one.view["panels"][0]
    one.press("+", "+", "+", "+", "+", "+")
    near = one.view["panels"][0]
    assert near["high"] - near["low"] < (whole["high"] - whole["low"]) / 4


def test_it_zooms_down_to_a_microsecond(window: Open) -> None:
    one = window(page()).ready()
    one.press(*["+"] * 30)
    assert one.span == 1_000
    one.press(*["-"] * 40)
    assert one.span > download().marks.ts[-1]


def test_dragging_marks_the_stretch_to_show(window: Open) -> None:
    one = window(page()).ready()
    view, span = one.view, one.span
    width = view["panels"][0]["width"]
    one.page.mouse.move(*one.at(LEFT + width * 0.25, 200))
    one.page.mouse.down()
    one.page.mouse.move(*one.at(LEFT + width * 0.5, 260))
    assert one.page.locator("#band").is_visible()
    one.page.mouse.up()
    assert one.view["from"] == pytest.approx(view["from"] + span / 4, abs=span / 100)
    assert one.span == pytest.approx(span / 4, rel=0.02)
    assert not one.page.locator("#band").is_visible()
    one.page.mouse.dblclick(*one.at(500, 300))
    assert one.span > download().marks.ts[-1]


def test_keys_move_zoom_and_go_home(window: Open) -> None:
    one = window(page()).ready()
    start, span = one.view["from"], one.span
    one.press("ArrowLeft")
    assert one.view["from"] == pytest.approx(start - span / 5, abs=1)
    one.press("ArrowRight", "ArrowRight")
    assert one.view["from"] == pytest.approx(start + span / 5, abs=span / 4)  # it ends with the capture
    one.press("ArrowUp")
    assert one.span == pytest.approx(span / 2)
    one.press("f")
    assert one.span == pytest.approx(span)
    one.press("?")
    assert one.page.locator("#help").is_visible()
    one.page.keyboard.press("n")  # is not for the picture behind
    assert one.page.locator("tr[aria-current]").count() == 0
    one.page.get_by_role("button", name="Close", exact=True).click()
    assert not one.page.locator("#help").is_visible()


def test_events_are_reached_by_keys_and_by_the_table(window: Open) -> None:
    one = window(page()).ready()
    moments = download().moments
    one.press("0", "f", "n")
    seen = []
    for _ in moments:
        view = one.view
        seen.append(one.page.locator("tr[aria-current] th b").inner_text())
        chosen = next(it for it in moments if it.letter == seen[-1])
        assert view["from"] < chosen.ts < view["to"]
        assert sum(view["from"] < it.ts < view["to"] for it in moments) > 1  # not alone
        assert one.page.locator("#said").inner_text().startswith(f"{chosen.letter}: 22:26:")
        one.press("n")
    assert sorted(seen) == ["A", "B", "C", "X", "Y"]
    one.press("p")
    assert one.page.locator("tr[aria-current] th b").inner_text() == seen[-1]
    button = one.page.get_by_role("button", name="Show C in the picture")
    button.focus()
    one.page.keyboard.press("Enter")
    assert one.view["from"] < moments[2].ts < one.view["to"]
    assert one.span < 1_000_000


def test_letters_keep_clear_of_each_other_and_lead_to_their_points(window: Open) -> None:
    one = window(page()).ready()
    for keys in (["f"], ["0"], ["n"]):
        one.press(*keys)
        chips = sorted(one.view["chips"])
        assert len(chips) >= 2
        assert all(right - left >= 20 for left, right in pairwise(chips))
        assert chips[0] >= 80
        assert chips[-1] <= 1280


def test_hover_tells_all_of_a_mark(window: Open) -> None:
    one = window(page()).ready()
    marks = download().marks
    row = first_of(download(), "trigger", *download().focus)
    one.page.mouse.move(*one.at(*one.place(marks.ts[row], marks.low[row] + marks.size[row] / 2)))
    said = one.page.locator("#tip").inner_text().split("\n")
    ns = download().origin + marks.ts[row]
    assert said[0] == "what a RST answers"
    assert said[1] == f"22:26:19.{ns % 10**9:09} UTC"
    assert said[2] == f"outside frame {marks.outside[row]}, inside not seen"
    assert said[3].startswith(f"octets {marks.low[row]:,} to ")
    assert said[4] == f"{marks.behind[row]:,} octets behind the newest data"
    assert said[5].startswith("INVALID: SEQ is under the lower bound")
    one.page.mouse.move(*one.at(100, 45))
    assert not one.page.locator("#tip").is_visible()


def test_copy_buttons_copy_what_stands_beside_them(window: Open) -> None:
    one = window(page(), permissions=["clipboard-read", "clipboard-write"]).ready()
    for name, wanted in (
        ("Copy the filter for B outside", "frame.number == 24877"),
        ("Copy Make conntrack accept segments outside its window", sample.remedies()[1].command),
    ):
        button = one.page.get_by_role("button", name=name).element_handle()
        button.click()
        one.until("document.getElementById('said').textContent === 'Copied'")
        assert button.inner_text().startswith("Copied")
        one.page.evaluate("() => { document.getElementById('said').textContent = ''; }")
        assert one.page.evaluate("navigator.clipboard.readText()") == wanted


def test_where_the_clipboard_is_not_to_be_had_the_text_is_selected(window: Open) -> None:
    one = window(page()).ready()
    one.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    one.page.get_by_role("button", name="Copy the filter for B outside").click()
    one.until("getSelection().toString() !== ''")
    assert one.page.evaluate("getSelection().toString()") == "frame.number == 24877"


def test_another_connection_s_picture_and_events_take_the_place(window: Open) -> None:
    found = sample.many(2)
    second = picture(1_500, seed=2, connection="c2")._replace(title="the second")
    one = window(render(found, [download(), second])).ready()
    one.page.locator("#choice").select_option(label="the second")
    one.until("document.getElementById('which').textContent.startsWith('the second')")
    assert (one.view["from"], one.view["to"]) == pytest.approx(second.focus)
    assert one.page.locator("tr[id^=event-1-]").first.is_visible()
    assert not one.page.locator("tr[id^=event-0-]").first.is_visible()
    one.page.locator("button[data-open='0']").click()
    one.until("!document.getElementById('which').textContent.startsWith('the second')")
    assert (one.view["from"], one.view["to"]) == pytest.approx(download().focus)


def test_thousands_of_connections_are_paged_and_filtered(window: Open) -> None:
    one = window(render(sample.many(3_000))).page
    rows = one.locator("#list tbody tr:visible")
    assert rows.count() == 50
    assert rows.first.inner_text().startswith("c1")
    one.locator("#list-filter").fill("172.17.0.2:52999")
    assert rows.count() == 1
    one.locator("#list-filter").fill("172.17.0.2 EP02")
    assert rows.count() == 50
    assert one.locator("#list-told").inner_text() == "50 of 3,000 shown"
    one.get_by_role("button", name="More").click()
    assert rows.count() == 550


def test_without_script_all_of_it_is_there_but_the_picture(window: Open) -> None:
    one = window(page(), java_script_enabled=False).page
    text = one.locator("body").inner_text()
    assert "The picture needs JavaScript" in text
    assert all(remedy.title in text for remedy in sample.remedies())
    assert all(moment.letter in one.locator("table.events").inner_text() for moment in download().moments)
    assert one.locator("button:visible").count() == 0
    assert one.locator("#plot:visible").count() == 0


def test_a_browser_that_cannot_draw_says_so_and_shows_the_rest(window: Open) -> None:
    one = window(page(), before="delete window.DecompressionStream")
    one.page.locator("#picture-failed").wait_for()
    assert not one.page.locator("#plot").is_visible()
    assert one.page.locator("table.events").is_visible()
    assert one.page.locator("button.copy").first.is_visible()
    assert [it for it in one.complaints if "DecompressionStream" not in it] == []
    one.complaints.clear()


def test_it_is_dark_where_that_is_wanted_and_white_on_paper(window: Open) -> None:
    one = window(page(), color_scheme="dark").ready()
    assert one.pixels(3, 3, "#15171a", 2) > 0
    one.page.emulate_media(color_scheme="light")
    one.settle()
    assert one.pixels(3, 3, "#ffffff", 2) > 0
    one.page.emulate_media(color_scheme="dark")
    one.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    one.settle()
    assert one.pixels(3, 3, "#ffffff", 2) > 0
    one.page.evaluate("dispatchEvent(new Event('afterprint'))")
    one.settle()
    assert one.pixels(3, 3, "#15171a", 2) > 0
    assert len(one.page.pdf()) > 20_000


def test_a_picture_of_nothing_or_of_one_mark_is_drawn(window: Open) -> None:
    whole = picture(1_500)
    for rows in (0, 1):
        marks = Marks(*(column[:rows] for column in whole.marks))
        bare = whole._replace(marks=marks, bounds=(), moments=(), bounds_note="", notes=(), focus=(0, 0))
        one = window(render(sample.refused(), [bare])).ready()
        one.press("+", "0", "n", "f", "-")
        assert one.span >= 1_000
        assert one.page.locator("#legend input").count() == rows


def test_it_fits_a_small_window(window: Open) -> None:
    one = window(page(), viewport={"width": 480, "height": 800}).ready()
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    one.page.set_viewport_size({"width": 900, "height": 800})
    one.until("document.getElementById('canvas').clientWidth > 800")
    assert one.view["panels"][0]["width"] > 700
