"""The ticket says what the text says, and foreign text stays text in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from bypeer.core.explanation import Damage
from bypeer.report.markdown import code, escape, fenced, render
from tests.report import sample

markdown_it = pytest.importorskip(
    "markdown_it", reason="markdown-it-py is not installed: nothing to judge by"
)
GFM = markdown_it.MarkdownIt("gfm-like", {"linkify": False, "html": True})


class Shown(HTMLParser):
    """Which elements a page has, and its text."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.text = ""
        self.feed(GFM.render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


NASTY = [
    "# head", "- item", "+ item", "1. one", "23) one", "> quote", "---", "===", "```", "~~~", "    code",
    "*a* _b_ **c** ~~d~~ `e`", "[x](http://a.b) ![i](j)", "<b>&amp;<!-- -->", "a | b", "\\| \\` \\", "$x$",
    "nf_conntrack_tcp_be_liberal", "@you #12 GH-3 www.a.b http://a.b", "`` ` ``", "| --- |", "a\\",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    for before in ("", "- "):
        shown = Shown(before + escape(text))
        assert shown.text.replace("\u200b", "").strip() == text.strip()
        assert shown.elements <= {"p", "ul", "li"}


@pytest.mark.parametrize("text", NASTY)
def test_code_in_a_table_is_shown_as_it_is(text: str) -> None:
    shown = Shown(f"| a | b |\n| --- | --- |\n| {code(text)} | end |")
    assert "".join(shown.text.split()) == "ab" + "".join(text.split()) + "end"
    assert shown.elements == {"table", "thead", "tbody", "tr", "th", "td", "code"}


@pytest.mark.parametrize("text", NASTY)
def test_nothing_closes_a_fence(text: str) -> None:
    shown = Shown(fenced([text, "last"], "text"))
    assert shown.text == f"{text}\nlast\n\n"  # the last line feed is the page's
    assert shown.elements == {"pre", "code"}


def test_it_links_and_addresses_nobody() -> None:
    escaped = escape("@you #12 GH-3 www.a.b http://a.b")
    assert not re.search(r"@\w|(?<!&)#\d|GH-\d|www\.|://", escaped)


def test_the_headline_is_the_heading_and_the_order_is_the_text_s() -> None:
    ticket = render(sample.killed())
    assert ticket.startswith("## The NAT host itself reset this download")
    assert re.findall(r"^### (.*)", ticket, re.MULTILINE) == [
        "What happened (2020-01-30, UTC)",
        "What the tracker said",
        "Causes",
        "RSTs that did no harm",
        "What to do",
        "See it in Wireshark (display filters)",
        "Captures",
    ]


def test_timeline_and_commands_are_fenced() -> None:
    found = sample.killed()
    ticket = render(found)
    fences = re.findall(r"^```\w+\n(.*?)^```$", ticket, re.MULTILINE | re.DOTALL)
    assert [re.findall(r"^([A-Z])  ", one, re.MULTILINE) for one in fences][1] == ["A", "B", "C", "X", "Y"]
    assert {one.command + "\n" for one in found.remedies if one.command} <= set(fences)
    assert {one.expression + "\n" for one in found.filters} <= set(fences)


def test_captures_carry_their_digests() -> None:
    found = sample.killed()
    table = render(found).partition("### Captures")[2]
    assert all(f"| `{one.path}` | " in table and f"`{one.sha256}`" in table for one in found.inputs)


def test_lists_keep_their_place_among_paragraphs() -> None:
    found = sample.killed()
    damaged = found.inputs[0]._replace(damage=Damage(9, "cut"))
    ticket = render(found._replace(inputs=[damaged, found.inputs[1]]))
    assert ticket.endswith(
        "\n\n- container.pcap is damaged at octet 9: cut. What comes before was read."
        "\n\n1 connection in all, 1 failed; 4 RSTs.\n"
    )


def test_a_ticket_leaves_nothing_out() -> None:
    ticket = render(sample.many())
    assert ticket.count("EP02 abortive-close |") == 40
    assert "PA06 nat-ports-exhausted: other connections opened" in ticket
    assert "see -o markdown" not in ticket


def test_no_zero_width_space_in_what_is_pasted() -> None:
    ticket = render(sample.killed())
    fences = re.findall(r"^```\w+\n(.*?)^```$", ticket, re.MULTILINE | re.DOTALL)
    assert "&" not in "".join(fences).replace("&&", "")


@pytest.mark.parametrize("name", sample.ALL)
def test_nothing_foreign_becomes_markup(name: str) -> None:
    ticket = render(sample.ALL[name]())
    assert ticket.replace("\n", "").isprintable()
    assert Shown(ticket).elements <= {
        *("h2", "h3", "p", "pre", "code", "strong", "ul", "li"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
