"""Whatever a capture brings along is shown and does nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from bypeer.core.picture import Picture
from bypeer.report.page import render
from tests.browser.driver import Window
from tests.picture import picture
from tests.report import sample

Open = Callable[..., Window]

EVIL = (
    "</script></style></textarea><script>window.pwned = 1</script><img src=x onerror='pwned=1'>"
    "<!--<script><svg onload=pwned=1>\"'><a href=javascript:pwned=1>&lt;b&gt;"
    "\x00\x1b[2J\u202egnp.\u2028\udcff"
)
# What the reports understand; a capture has no say in it.
WORDS = {"role", "nat", "kind", "answer", "author", "effect", "certainty", "killed_by", "cause", "candidates"}
WORDS |= {"client_outcome", "client", "server", "heals", "judgement", "told_by", "source", "schema", "letter"}
# References to other records.
WORDS |= {"id", "connection", "vantage", "twin", "resets", "seen"}


def poisoned(record: Any, name: str = "") -> Any:
    """The record with every text in it out to do harm; `client` and `server` too where they are addresses."""
    if isinstance(record, str):
        return record if name in WORDS else record + EVIL
    if isinstance(record, tuple) and hasattr(record, "_fields"):
        addresses = type(record).__name__ == "Pair"
        return type(record)(
            *(
                poisoned(value, "" if addresses else key)
                for key, value in zip(record._fields, record, strict=True)
            )
        )
    if isinstance(record, (list, tuple)):
        return type(record)(poisoned(one, name) for one in record)
    if isinstance(record, dict):
        return record if name in WORDS else {key + EVIL: poisoned(one) for key, one in record.items()}
    return record


def drawn() -> Picture:
    one = picture(1_500)
    harmless = one._replace(connection="c1")
    return poisoned(harmless._replace(bounds=()))._replace(connection="c1", bounds=one.bounds)  # type: ignore[no-any-return]


class Tags(HTMLParser):
    """All tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)


def test_hostile_names_are_inert_wherever_they_stand(window: Open) -> None:
    for make in (sample.killed, sample.many, sample.undetermined, sample.rotated, sample.hung):
        html = render(poisoned(make()), [drawn()])
        one = window(html).ready()
        page = one.page
        assert page.evaluate("typeof pwned") == "undefined"
        assert page.locator("img, iframe, object, a[href^=javascript], svg[onload]").count() == 0
        assert page.evaluate("document.scripts.length") == 4  # two of columns, the data, our own
        assert page.locator("script:not([type])").count() == 0
        text = page.locator("body").inner_text()
        assert "<img src=x onerror='pwned=1'>" in text
        assert "\\x00\\x1b[2J\\u202egnp.\\u2028\\udcff" in text
        for key in ("n", "n", "?"):
            one.press(key)
        page.keyboard.press("Escape")
        assert page.locator("#said").inner_text().count("<script>") == 2
        page.mouse.move(*one.at(700, 300))
        assert page.evaluate("typeof pwned") == "undefined"


def test_even_unescaped_markup_could_not_run_or_load(window: Open) -> None:
    html = render(sample.killed(), [picture(1_500)])
    one = window(
        html.replace(
            "<footer>", "<footer><script>pwned = 1</script><img src='http://192.0.2.1/x' onerror='pwned = 2'>"
        )
    ).ready()
    assert one.page.evaluate("typeof pwned") == "undefined"
    assert sum("Content Security Policy" in it for it in one.complaints) >= 2
    assert all("Content Security Policy" in it for it in one.complaints)
    one.complaints.clear()
    one.requests[:] = [
        it for it in one.requests if it != "http://192.0.2.1/x"
    ]  # was blocked: no error but CSP's


def test_the_file_itself_holds_nothing_that_could_be_obeyed() -> None:
    html = render(poisoned(sample.killed()), [drawn()])
    html.encode("utf-8")  # no lone surrogates
    assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", html) is None
    tags = Tags()
    tags.feed(html)
    assert "button" in tags.names
    assert tags.names.isdisjoint(["img", "iframe", "object", "embed", "base"])
    assert not [name for name in tags.attributes if name.startswith("on") or name == "style"]
    assert "http://" not in html.replace("http://www.w3.org", "")
    data = re.search('id="data">(.*?)</script>', html, re.DOTALL)
    assert data is not None
    assert "<" not in data[1]
    assert json.loads(data[1])["pictures"][0]["title"].endswith("\\udcff")
