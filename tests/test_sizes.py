"""Forty lines a function, four hundred a file.

A function's docstring does not count: a cause's is its documentation page.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FUNCTION, FILE = 40, 400

# "file" or "file:function": why it may be longer
ALLOWED: dict[str, str] = {}

FILES = sorted(path for part in ("src", "tests", "bench") for path in (ROOT / part).rglob("*.py"))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the last, without the docstring's."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1)


def measured() -> Iterator[tuple[str, int, int]]:
    """Every file and function: its name, its length, its limit."""
    for path in FILES:
        source, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        yield name, source.count("\n"), FILE
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}:{node.name}", length(node), FUNCTION


def test_nothing_is_too_long() -> None:
    over = [f"{name}: {lines} > {limit}" for name, lines, limit in measured() if lines > limit]
    assert [line for line in over if line.rpartition(": ")[0] not in ALLOWED] == []


def test_the_exceptions_are_still_needed() -> None:
    assert set(ALLOWED) <= {name for name, lines, limit in measured() if lines > limit}
