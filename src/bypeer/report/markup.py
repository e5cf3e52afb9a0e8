"""Blocks of a report as HTML. Every text passes `text`: nothing is left in it that a browser would obey."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import count
from typing import NamedTuple

from bypeer.report.blocks import Block, Command, Lookups, Points, Prose, Section, Table, Timeline
from bypeer.report.blocks import Moment as Line
from bypeer.report.plain import plain


class Row(NamedTuple):
    """A row of the event table."""

    line: Line
    filters: list[tuple[str, str]]  # where, the Wireshark display filter that finds it there
    place: int | None  # row of the picture's moments; None: not in the picture


def text(value: str) -> str:
    """A text as it is shown, between tags or within a quoted attribute."""
    return escape(plain(value))


class Markup:
    """Makes HTML; knows which ids it has given away."""

    def __init__(self) -> None:
        self._ids = count(1)

    def section(self, name: str, section: Section) -> str:
        """The section under its title, to be linked as #name; "" if there is nothing in it."""
        return self.framed(name, section.title, self.blocks(section.blocks)) if section.blocks else ""

    def framed(self, name: str, title: str, body: str) -> str:
        """A section of what is markup already."""
        head = f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{text(title)}</h2>'
        return f"{head}\n{body}\n</section>\n"

    def blocks(self, blocks: Sequence[Block]) -> str:
        """Blocks one below the other; items that follow each other are one list."""
        parts: list[str] = []
        items: list[str] = []
        for block in blocks:
            if isinstance(block, Prose) and block.item:
                items.append(block.text)
                continue
            if items:
                parts.append(_list(items))
                items = []
            parts.append(self.block(block))
        return "\n".join([*parts, _list(items)] if items else parts)

    def block(self, block: Block) -> str:
        """One block."""
        match block:
            case Prose():
                return f"<p>{text(block.text)}</p>"
            case Points():
                return f"<h3>{text(block.label)}</h3>\n{_list(block.items)}"
            case Timeline():
                return self.events([Row(one, [], None) for one in block.moments], "")
            case Command():
                pasted = self.copied("\n".join(block.lines), block.title, block=True) if block.lines else ""
                return f"<h3>{text(block.title)}</h3>\n{pasted}\n{_list(block.notes) if block.notes else ''}"
            case Lookups():
                rows = (
                    f"<dt>{text(what)}</dt><dd>{self.copied(one, what)}</dd>" for what, one in block.pairs
                )
                return f'<dl class="lookups">{"".join(rows)}</dl>'
            case Table():
                return _table(block)

    def copied(self, value: str, what: str, block: bool = False) -> str:
        """Code with a button that copies it; the page's script brings the buttons to light."""
        name = f"copied-{next(self._ids)}"
        button = f'<button type="button" class="copy" data-copy="{name}" hidden><span>Copy</span>'
        button += f'<span class="unseen"> {text(what)}</span></button>'
        if not block:
            return f'<code id="{name}">{text(value)}</code> {button}'
        lines = "\n".join(map(text, value.split("\n")))
        scrolls = f'role="group" aria-label="{text(what)}" tabindex="0"'  # by keyboard too
        return f'<div class="pasted"><pre {scrolls}><code id="{name}">{lines}</code></pre>{button}</div>'

    def events(self, rows: Sequence[Row], picture: str) -> str:
        """The event table: what the picture shows, in words. `picture`: its id, "" for none."""
        columns = ["Event", "Time", "Where", "What happened"]
        filtered = any(row.filters for row in rows)
        heads = [*columns, *(["Find it in Wireshark"] if filtered else [])]
        head = "".join(f'<th scope="col">{one}</th>' for one in heads)
        body = "\n".join(self._event(row, picture, filtered) for row in rows)
        return framed_table(head, body, ' class="events"')

    def _event(self, row: Row, picture: str, filtered: bool) -> str:
        one = row.line
        letter = f"<b>{text(one.letter)}</b>"
        attributes = ' class="marked"' if one.marked else ""
        if row.place is not None:
            attributes += f' id="event-{picture}-{row.place}"'
            letter += (
                f' <button type="button" class="show" data-moment="{row.place}" hidden>Show'
                f'<span class="unseen"> {text(one.letter)} in the picture</span></button>'
            )
        what = "<br>".join(
            [f"<code>{text(one.lines[0])}</code>", *map(text, one.lines[1:])] if one.lines else []
        )
        cells = [f'<th scope="row">{letter}</th>', f'<td class="when">{text(one.when)}</td>']
        cells += [f"<td>{text(one.where)}</td>", f"<td>{what}</td>"]
        if filtered:
            found = (
                f"<div>{text(where)} {self.copied(it, f'the filter for {one.letter} {where}')}</div>"
                for where, it in row.filters
            )
            cells.append(f"<td>{''.join(found)}</td>")
        gap = f'<tr class="gap"><td colspan="{len(cells)}">...</td></tr>' if one.skipped else ""
        return f"{gap}<tr{attributes}>{''.join(cells)}</tr>"


def _list(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{text(one)}</li>' for one in items)}</ul>"


def _table(block: Table) -> str:
    head = "".join(f'<th scope="col">{text(one)}</th>' for one in block.columns)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in block.rows)
    return framed_table(head, rows)


def framed_table(head: str, body: str, attributes: str = "") -> str:
    """A table of cells and rows that are markup already; what is too wide for a screen scrolls by itself."""
    table = f"<table{attributes}><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _cell(cell: str) -> str:
    number = ' class="number"' if cell.replace(",", "").isdigit() else ""
    return f"<td{number}>{text(cell)}</td>"
