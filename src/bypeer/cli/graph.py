"""`bypeer graph`: captures in, the picture of a connection out."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bypeer.cli.explain import CAPTURE, KernelName, asked, patience, renderer, telling, warn_of_damage
from bypeer.cli.output import colourful, deliver, not_over, save

if TYPE_CHECKING:
    from bypeer.core.picture import Picture

# By the name's end of the file that is written: module of bypeer.report.
RENDERERS = {".svg": "svg", ".png": "png", ".html": "page"}
IN_PIPE = 80, 24  # columns and lines, where no terminal says how many it has
STATUSES = """\b
Exit status:
  0    it was drawn
  2    wrong usage
  3    there is no connection to be drawn
  5    a PNG is wanted, and Pillow is not installed
  130  interrupted
"""
_NOTHING = 3


@click.command(no_args_is_help=True, epilog=STATUSES)
@click.argument("captures", nargs=-1, type=CAPTURE, metavar="CAPTURE...")
@click.option("-w", "--write", type=click.Path(dir_okay=False, path_type=Path),
              help="Write to this file: NAME.svg, NAME.png or NAME.html.")  # fmt: skip
@click.option("--connection", metavar="ID", help="Draw this one, as `bypeer explain -o json` names it.")
@click.option("--dark", is_flag=True, help="On a dark ground (.svg, .png).")
@click.option("--width", type=click.IntRange(20, 1000), help="Columns of a picture in the terminal.")
@click.option("--height", type=click.IntRange(8, 1000), help="Its lines.")
@click.option("--ascii", "plain", is_flag=True, help="With nothing but ASCII.")
@click.option("--kernel", type=KernelName(), default="auto", help="Of the NAT host, as 5.10.")
@click.option("--inside", type=CAPTURE, multiple=True, help="A capture from inside the NAT.")
@click.option("--outside", type=CAPTURE, multiple=True, help="A capture from outside the NAT.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, help="Read so many large captures at once.")
@click.pass_context
def graph(
    ctx: click.Context,
    captures: tuple[str, ...],
    write: Path | None,
    connection: str | None,
    dark: bool,
    width: int | None,
    height: int | None,
    plain: bool,
    kernel: str,
    inside: tuple[str, ...],
    outside: tuple[str, ...],
    jobs: int,
) -> None:
    """Draw a connection of the captures: sequence numbers against time, and octets behind the newest.

    It is the one that `bypeer explain` gives its verdict about, and the picture begins shortly before the
    RST that killed it. Without -w it is drawn in the terminal. A page (.html) can be zoomed.
    """
    from bypeer.cli.progress import progress

    gc.disable()  # as in explain
    paths = tuple(dict.fromkeys((*captures, *inside, *outside)))
    _check(paths, write)
    given = asked(kernel, inside, outside, jobs)
    with progress(paths) as watch, patience("-" in paths, watch):
        found, drawn = _drawn(
            paths, connection, bool(write and write.suffix == ".html"), watch=watch, **given
        )
    warn_of_damage(found)
    if not drawn:
        click.echo("bypeer: the captures hold no TCP connection to be drawn", err=True)
        ctx.exit(_NOTHING)
    if write is None:
        colour = colourful()
        deliver(in_terminal(drawn[0], width, height, colour, plain), colour)
    elif write.suffix.lower() == ".html":
        save(renderer("page")(found, drawn), write)
    else:
        save(_in_file(drawn[0], write.suffix.lower(), dark), write)


def _in_file(picture: Picture, suffix: str, dark: bool) -> str | bytes:
    """The picture as a file's content. HostError where what it takes is not installed."""
    from bypeer.errors import HostError

    try:
        drawn: str | bytes = renderer(RENDERERS[suffix])(picture, dark=dark)
    except ImportError:
        raise HostError("a PNG needs Pillow: pip install 'bypeer[png]' (SVG needs nothing)") from None
    return drawn


def _check(paths: tuple[str, ...], write: Path | None) -> None:
    """Whether there is something to read, and where to write it."""
    if not paths:
        raise click.UsageError("no capture given")
    if write and write.suffix.lower() not in RENDERERS:
        raise click.BadParameter(f"{write}: the name must end in {', '.join(RENDERERS)}", param_hint="-w")
    not_over(write, paths)


def _drawn(
    paths: tuple[str, ...], connection: str | None, page: bool, **given: Any
) -> tuple[Any, list[Picture]]:
    """What was found, and the pictures: a page has those of all that failed, unless one is named."""
    from bypeer import api

    with api.looked_into(paths, anyway=True, **given) as work:
        wanted = [connection] if connection else None
        if page and not wanted:
            wanted = telling(work.explanation) or None
        try:
            return work.explanation, work.pictures(wanted)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--connection") from error


def in_terminal(picture: Picture, width: int | None, height: int | None, colour: bool, plain: bool) -> str:
    """The picture in braille; in ASCII, where stdout has no more."""
    size = shutil.get_terminal_size(IN_PIPE) if sys.stdout.isatty() else os.terminal_size(IN_PIPE)
    try:
        "\u2800".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        plain = True
    # Python writes UTF-8 in the C locale too (PEP 540), which a terminal there need not understand.
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    plain = plain or locale in ("C", "POSIX")
    lines = height or max(size.lines - 1, 8)  # one is the prompt's
    text: str = renderer("braille")(picture, width or size.columns, lines, colour, plain)
    return text
