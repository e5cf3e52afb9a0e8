"""The page as a file: complete, sealed, and in the words of the other reports."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from importlib.resources import files

import pytest

from bypeer.core.explanation import Explanation
from bypeer.core.picture import KINDS
from bypeer.report import markdown, text
from bypeer.report.page import SCRIPTS, render
from bypeer.report.palette import LOOKS
from tests.picture import picture
from tests.report import sample


def shown(html: str) -> str:
    """The text of a page, on one line."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def hashed(part: str) -> str:
    return f"'sha256-{b64encode(sha256(part.encode()).digest()).decode()}'"


def test_only_its_own_script_and_style_are_allowed() -> None:
    html = render(sample.killed(), [picture(300)])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    script = re.search(r'<script type="module">(.*?)</script>', html, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert script is not None
    assert style is not None
    assert policy[1].split("; ") == [
        "default-src 'none'",
        f"script-src {hashed(script[1])}",
        f"style-src {hashed(style[1])}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert html.index("Content-Security-Policy") < html.index("<title>")


def test_the_script_can_stand_in_a_page() -> None:
    for name in (*SCRIPTS, "page.css"):
        source = files("bypeer.report").joinpath(name).read_text(encoding="utf-8")
        assert "</s" not in source
        assert "<!--" not in source
        assert source.isascii()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|fetch\(|https?:", source
        )


@pytest.mark.parametrize("make", sample.ALL.values(), ids=sample.ALL)
def test_it_says_what_the_others_say(make: object) -> None:
    found: Explanation = make()  # type: ignore[operator]
    said = shown(render(found))
    verdict = text.render(found).splitlines()[0]
    assert " ".join(verdict.split()) in said
    for remedy in found.remedies:
        assert remedy.title in said
        assert remedy.command in said
        assert remedy.cost in said
    for outcome in found.outcomes:
        if outcome.subject.kind == "connection" and found.verdict.killed_by != "none":
            assert outcome.because in said or "\\x1b" in said
    for taken in found.inputs:
        assert f"{taken.packets:,}" in said
    for need in found.verdict.needs:
        assert need[1:] in said


def test_undetermined_says_first_what_would_settle_it() -> None:
    said = shown(render(sample.undetermined(), [picture(300)]))
    assert said.index("What would settle it") < said.index("Time runs to the right")
    assert "a capture on the NAT host's external interface" in said


def test_each_event_has_its_filters_where_it_was_seen() -> None:
    html = render(sample.killed(), [picture(300)])
    assert "outside <code" in html
    said = shown(html)
    assert re.search(
        r"A Show A in the picture .* outside frame\.number == 24876 .* inside frame\.number == 24050", said
    )
    assert "inside frame.number == 24877" not in said
    printed = sample.killed()
    inputs = [one._replace(format="tcpdump text") for one in printed.inputs]
    assert "frame.number == 24876" not in shown(render(printed._replace(inputs=inputs)))


def test_of_several_files_the_one_is_named() -> None:
    assert re.search(r"outside host\.pcap2 frame\.number == 48\d\d", shown(render(sample.rotated())))


def test_without_a_picture_there_is_none_and_nothing_leads_to_it() -> None:
    html = render(sample.killed())
    assert 'id="picture"' not in html
    assert "data-moment" not in html
    assert "B" in shown(html)


def test_failed_connections_come_first() -> None:
    found = sample.many(3)
    fine = found.connections[1]._replace(
        id="c0", verdict=found.verdict._replace(killed_by="none", connection="c0")
    )
    html = render(found._replace(connections=[fine, *found.connections]))
    rows = re.findall(r"<tr><td>(c\d)", html[html.index('id="list"') :])
    assert rows == ["c1", "c2", "c3", "c4", "c0"]


def test_what_was_left_out_of_the_picture_is_said() -> None:
    html = render(sample.killed(), [picture(300)._replace(thinned=1_234_567)])
    assert "1,234,567 common marks left out" in html


def test_the_same_comes_out_twice() -> None:
    assert render(sample.killed(), [picture(300)]) == render(sample.killed(), [picture(300)])


def test_every_kind_has_a_look_and_no_two_the_same() -> None:
    assert list(LOOKS) == [name for name, _ in KINDS]
    assert len({(one.light, one.shape) for one in LOOKS.values()}) == len(KINDS)
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for one in LOOKS.values() for colour in one[:2])


def test_a_ticket_names_what_is_attached() -> None:
    said = markdown.render(sample.killed(), ["report.html", "fork`.svg\x1b"])
    assert said.endswith("### Attached\n\n- `report.html`\n- <code>fork&#96;&#46;svg&#92;x1b</code>\n")
    assert "Attached" not in markdown.render(sample.killed())
