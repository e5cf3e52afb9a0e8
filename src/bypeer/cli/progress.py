"""How far long work has come: one line on a terminal's stderr, after a second, and gone at the end."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from bypeer.api import UNASKED
from bypeer.capture.series import DOING

PATIENCE = 1.0  # s of work of which nothing is shown
_PAUSE = 0.1  # s between two looks at the same line
_BAR, _NARROW, _TOO_NARROW = 16, 75, 50  # columns: of the bar; of terminals without it, and without the line
_ERASE = "\r\x1b[2K\x1b[?25h"  # the line, and Click's hiding of the cursor (ECMA-48, 8.3.41; xterm)


@contextmanager
def progress(paths: Iterable[str], digest: bool | None = False) -> Iterator[Progress | None]:
    """What shows how far the work on these captures is, if stderr is a terminal that can show it.

    `digest`: whether all are hashed, however large; None where none is.
    """
    shown = None
    if sys.stderr.isatty() and (os.environ.get("TERM") or "dumb") != "dumb":
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        if columns >= _TOO_NARROW:
            shown = Progress(_totals(_sizes(paths), digest), columns >= _NARROW)
    try:
        yield shown
    finally:
        if shown:
            shown.erase()


def _totals(sizes: Sequence[int], digest: bool | None) -> dict[str, int]:
    """Octets that will be read, by what is done; of the rest nobody knows beforehand how much it will be."""
    if not sizes:
        return {}
    hashed = sum(size for size in sizes if digest or (digest is not None and size <= UNASKED))
    return dict.fromkeys(DOING, sum(sizes)) | {"checksums": hashed}


def _sizes(paths: Iterable[str]) -> list[int]:
    """Octets of each of these files; none if one is a pipe."""
    sizes = []
    for path in paths:
        try:
            found = os.fstat(0) if path == "-" else os.stat(path)
        except OSError:
            return []  # whoever opens it says why
        if not stat.S_ISREG(found.st_mode):
            return []
        sizes.append(found.st_size)
    return sizes


class Progress:
    """A line that says what is being done and how far it is, by octets read."""

    def __init__(self, totals: Mapping[str, int], bar: bool) -> None:
        """`totals`: octets by what is done, where they are known."""
        self._totals, self._wide = totals, bar
        self._began = self._shown = time.monotonic()
        self._doing, self._started = "", 0.0
        self._done = self._told = 0  # octets; those that the bar knows of
        self._bar: Any = None

    def __call__(self, doing: str, octets: int) -> None:
        """Take note that so many more octets were read for that."""
        now = time.monotonic()
        if doing != self._doing:
            self.erase()
            self._doing, self._started, self._done, self._told, self._bar = doing, now, 0, 0, None
        self._done += octets
        if now - self._began >= PATIENCE and now - self._shown >= _PAUSE:
            self._shown = now
            self._show(now - self._started)

    def erase(self) -> None:
        """Leave nothing on the screen; what comes next is shown again."""
        if self._bar is not None:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()

    def _show(self, seconds: float) -> None:
        if self._bar is None:
            self._bar = self._new()
        rate = f", {_text(self._done / seconds)}/s" if seconds else ""
        self._bar.update(self._done - self._told, _text(self._done) + rate)
        self._told = self._done

    def _new(self) -> Any:
        total = self._totals.get(self._doing)
        whole = bool(total)
        return click.progressbar(
            (),
            length=total,
            label=self._doing,
            file=sys.stderr,
            width=_BAR,
            show_percent=whole,
            show_eta=whole,
            bar_template="%(label)s  [%(bar)s]  %(info)s" if whole and self._wide else "%(label)s  %(info)s",
            item_show_func=lambda text: text,
        )


def _text(octets: float) -> str:
    """A size as people say it."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if octets >= unit:
            return f"{octets / unit:.1f} {name}"
    return f"{octets / 1e3:.0f} kB"
