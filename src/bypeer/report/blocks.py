"""The kinds of block that a report is made of."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph, or one item of a list."""

    text: str
    item: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """Items under a label."""

    label: str
    items: list[str]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the lettered timeline."""

    letter: str
    when: str
    where: str
    lines: list[str]  # the segment; what became of it
    marked: bool  # it belongs to the kill
    skipped: bool  # letters, and so time, lie between the one before and this one


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, in order."""

    moments: list[Moment]


@dataclass(frozen=True, slots=True)
class Command:
    """Something to do, the shell lines for it, and what must be known before."""

    title: str
    lines: list[str]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Lookups:
    """Expressions to paste elsewhere."""

    pairs: list[tuple[str, str]]  # what it finds, the expression


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings."""

    columns: list[str]
    rows: list[list[str]]


Block = Prose | Points | Timeline | Command | Lookups | Table


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a title; without blocks it is left out."""

    title: str
    blocks: list[Block] = field(default_factory=list)
