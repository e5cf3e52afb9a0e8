"""The report for a terminal, or a pipe, or a person at 3 a.m."""

from __future__ import annotations

from bypeer.core.explanation import Explanation
from bypeer.report.blocks import Block, Command, Lookups, Points, Prose, Section, Table, Timeline
from bypeer.report.story import Story, tell

# SGR parameters (ECMA-48, 8.3.117). Sparse, and never the only carrier of a meaning.
STYLES = {"bad": "1;31", "doubt": "1;33", "good": "1;32", "title": "1", "mark": "31", "paste": "36"}

LABEL = 12  # columns for the label of a list of points
LEAST_WIDTH = 40  # narrower than that is not wrapped to: it would not be read


def render(explanation: Explanation, *, colour: bool = False, width: int = 0) -> str:
    """The explanation as plain text.

    Args:
        explanation: what to tell.
        colour: whether to mark the headline, titles, culprits and commands by ANSI colours.
        width: the columns to wrap prose to; 0 leaves every paragraph on its line. Commands,
            filters and tables are never wrapped.
    """
    return _Page(colour, max(width, LEAST_WIDTH) if width else 0).set(tell(explanation))


class _Page:
    """How to set one report: with colour or not, how wide."""

    def __init__(self, colour: bool, width: int) -> None:
        self.colour, self.width = colour, width

    def set(self, story: Story) -> str:
        lines = self.wrap(story.headline, style=story.tone)
        lines += [line.removeprefix("  ") for block in story.lead for line in self.block(block)]
        for section in story.sections:
            lines += ["", *self.section(section)]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def section(self, section: Section) -> list[str]:
        lines = [self.paint(section.title, "title")]
        for block in section.blocks:
            lines += self.block(block)
        return lines

    def block(self, block: Block) -> list[str]:
        match block:
            case Prose():
                return self.wrap(block.text, "  - " if block.item else "  ", "    " if block.item else "  ")
            case Points():
                return self.points(block)
            case Timeline():
                return self.timeline(block)
            case Command():
                return self.command(block)
            case Lookups():
                wide = max(len(what) for what, _ in block.pairs)
                return [f"  {what:{wide}}  {self.paint(one, 'paste')}" for what, one in block.pairs]
            case Table():
                return _table(block)

    def points(self, block: Points) -> list[str]:
        lines, label = [], block.label
        for text in block.items:
            lines += self.wrap(text, f"  {label:{LABEL}}", " " * (LABEL + 4))
            label = ""
        return lines

    def timeline(self, block: Timeline) -> list[str]:
        lines = [""]
        wide = max(len(one.letter) for one in block.moments)
        for one in block.moments:
            if one.skipped:
                lines.append("  ...")
            style = "mark" if one.marked else ""
            lines.append(f"  {self.paint(f'{one.letter:{wide}}', style)}  {one.when}  {one.where}")
            indent = " " * (wide + 4)
            lines += [part for line in one.lines for part in self.wrap(line, indent, indent, style)]
        return lines

    def command(self, block: Command) -> list[str]:
        lines = self.wrap(block.title, "  - ", "    ")
        lines += ["      " + self.paint(line, "paste") for line in block.lines]
        for note in block.notes:
            lines += self.wrap(note, "    ", "    ")
        return lines

    def wrap(self, text: str, first: str = "", rest: str = "", style: str = "") -> list[str]:
        if not self.width:
            return [first + self.paint(text, style)]
        import textwrap  # here: its patterns take time that what goes into a pipe need not spend

        room = self.width - max(len(first), len(rest))
        folded = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
        return [(rest if row else first) + self.paint(line, style) for row, line in enumerate(folded)]

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.colour and style and text else text


def _table(block: Table) -> list[str]:
    rows = [block.columns, *block.rows]
    wide = [max(len(row[column]) for row in rows) for column in range(len(block.columns))]
    numbers = [all(_numeric(row[column]) for row in block.rows) for column in range(len(wide))]
    return ["  " + "  ".join(map(_cell, row, wide, numbers)) for row in rows]


def _cell(text: str, size: int, number: bool) -> str:
    return text.rjust(size) if number else text.ljust(size)


def _numeric(cell: str) -> bool:
    return cell.replace(",", "").isdigit()
