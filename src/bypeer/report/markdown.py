"""The report for a ticket, in GitHub's Markdown (GFM 0.29)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bypeer.core.explanation import Explanation
from bypeer.report.blocks import Block, Command, Lookups, Moment, Points, Prose, Section, Table, Timeline
from bypeer.report.plain import plain
from bypeer.report.story import tell

# What would otherwise format, link, address somebody or become HTML. A backslash does not keep
# GitHub from linking @name, #1 or an address: a zero-width space does, as its own bots use it.
# An underscore inside a word is safe, and common in names of settings.
_ESCAPES = (
    (re.compile(r"([\\`*\[\]|~$])"), r"\\\1"),
    (re.compile(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])"), r"\\_"),
    (re.compile(r"&"), "&amp;"),
    (re.compile(r"<"), "&lt;"),
    (re.compile(r"(@(?=\w)|#(?=\d)|\b[Gg][Hh]-(?=\d))"), r"\1&#8203;"),
    (re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE), lambda found: f"&#{ord(found[0])};"),
    # At its beginning it would be a heading, a quotation, a list, or underline a heading.
    (re.compile(r"^([-+=#>]|\d+(?=[.)](?:\s|$)))"), r"&#8203;\1"),
)

_WORDS = re.compile(r"[A-Za-z0-9 ,-]{,40}")  # a table cell that needs no care; a digest is longer


def render(explanation: Explanation, attached: Sequence[str] = ()) -> str:
    """The explanation as Markdown: all that the text says, and what the text only counts.

    `attached`: names of files that go with the ticket, as the page and the picture.
    """
    story = tell(explanation, ticket=True)
    parts = [f"## {escape(story.headline)}", *(part for block in story.lead for part in _block(block))]
    for section in story.sections:
        parts += _section(section)
    if attached:
        parts += ["### Attached", "\n".join(f"- {code(plain(name))}" for name in attached)]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """The text such that Markdown shows it as it is, wherever it stands on a line."""
    text = text.strip()
    for pattern, by in _ESCAPES:
        text = pattern.sub(by, text)
    return text


def code(text: str) -> str:
    """The text as code, also inside a table; nothing in it is formatted or linked."""
    if not re.search(r"[`|\\]", text):
        return f"`{text}`" if text.strip() else ""
    # Renderers differ on pipes, ticks and backslashes in a table's code span: spell them out.
    return f"<code>{re.sub('[^0-9A-Za-z ]', lambda one: f'&#{ord(one[0])};', text)}</code>"


def fenced(lines: list[str], language: str) -> str:
    """The lines as a fenced block that none of them can close."""
    fence = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    return "\n".join([fence + language, *lines, fence])


def _section(section: Section) -> list[str]:
    parts = [f"### {escape(section.title)}"]
    items: list[str] = []
    for block in section.blocks:
        if isinstance(block, Prose) and block.item:
            items.append(f"- {escape(block.text)}")
            continue
        if items:
            parts.append("\n".join(items))
            items = []
        parts += _block(block)
    return [*parts, "\n".join(items)] if items else parts


def _block(block: Block) -> list[str]:
    match block:
        case Prose():
            return [escape(block.text)]
        case Points():
            return [f"**{escape(block.label)}**", "\n".join(f"- {escape(one)}" for one in block.items)]
        case Timeline():
            return [fenced([line for one in block.moments for line in _moment(one)], "text")]
        case Command():
            pasted = [fenced(block.lines, "sh")] if block.lines else []
            notes = ["\n".join(f"- {escape(note)}" for note in block.notes)] if block.notes else []
            return [f"**{escape(block.title)}**", *pasted, *notes]
        case Lookups():
            return [part for what, one in block.pairs for part in (escape(what), fenced([one], "text"))]
        case Table():
            return [_table(block)]


def _moment(one: Moment) -> list[str]:
    gap = ["..."] if one.skipped else []
    return [*gap, f"{one.letter}  {one.when}  {one.where}", *(f"   {line}" for line in one.lines)]


def _table(block: Table) -> str:
    rows = [[escape(cell) for cell in block.columns], ["---"] * len(block.columns)]
    rows += [[cell if _WORDS.fullmatch(cell) else code(cell) for cell in row] for row in block.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
