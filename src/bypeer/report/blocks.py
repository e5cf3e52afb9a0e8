"""The kinds of block that a report is made of."""

# No annotations as text here: see explanation.py.
from collections.abc import Sequence
from typing import NamedTuple


class Prose(NamedTuple):
    """A paragraph, or one item of a list."""

    text: str
    item: bool = False


class Points(NamedTuple):
    """Items under a label."""

    label: str
    items: list[str]


class Moment(NamedTuple):
    """One line of the lettered timeline."""

    letter: str
    when: str
    where: str
    lines: list[str]  # the segment; what became of it
    marked: bool  # it belongs to the kill
    skipped: bool  # letters, and so time, lie between the one before and this one


class Timeline(NamedTuple):
    """What happened, in order."""

    moments: list[Moment]


class Command(NamedTuple):
    """Something to do, the shell lines for it, and what must be known before."""

    title: str
    lines: list[str]
    notes: list[str]


class Lookups(NamedTuple):
    """Expressions to paste elsewhere."""

    pairs: list[tuple[str, str]]  # what it finds, the expression


class Table(NamedTuple):
    """Rows under headings."""

    columns: list[str]
    rows: list[list[str]]


Block = Prose | Points | Timeline | Command | Lookups | Table


class Section(NamedTuple):
    """Blocks under a title; without blocks it is left out."""

    title: str
    blocks: Sequence[Block] = ()
