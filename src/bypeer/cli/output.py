"""Where results go: stdout or a file, and what may be done to them on the way."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path


def colourful() -> bool:
    """Whether stdout is a terminal that wants colour (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns() -> int:
    """How wide the terminal on stdout is; 0 if that is none."""
    if not sys.stdout.isatty():
        return 0
    from shutil import get_terminal_size  # here: it imports three compressors

    return get_terminal_size().columns


def deliver(text: str, colour: bool = False) -> None:
    """Write a result to stdout. A reader that has left, such as `head`, is no failure."""
    try:
        # The stream is named because Click would swap an ASCII one for UTF-8.
        click.echo(text.removesuffix("\n"), file=sys.stdout, color=colour)
    except BrokenPipeError:
        # Python flushes stdout once more when it ends: let that go nowhere (docs of signal).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(text: str) -> None:
    """Say a word to people, on stderr, with nothing in it that a terminal would obey."""
    from bypeer.report.plain import plain

    try:
        click.echo(f"bypeer: {plain(text)}", err=True)
    except BrokenPipeError:  # nobody listens any more, which is no reason to stop recording
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def save(result: str | bytes, path: Path) -> None:
    """Write a result to a file; text as UTF-8."""
    try:
        if isinstance(result, bytes):
            path.write_bytes(result)
        else:
            path.write_text(result.removesuffix("\n") + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="-w") from error


def as_path(ctx: click.Context, param: click.Parameter, name: str | None) -> Path | None:
    """What -w says, as a Path: it is imported for those who say something, at a cost of 3 ms."""
    if name is None:
        return None
    from pathlib import Path

    return Path(name)


def not_over(path: Path | None, captures: Iterable[str]) -> None:
    """Refuse to write a result over one of the captures that it is of."""
    if path and path.exists() and any(one != "-" and path.samefile(one) for one in captures):
        raise click.BadParameter(f"{path} is one of the captures", param_hint="-w")
