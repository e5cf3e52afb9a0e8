"""`bypeer explain`: captures in, who reset the connections out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bypeer.cli.output import as_path, colourful, columns, deliver, not_over, save, warn

if TYPE_CHECKING:
    from pathlib import Path

    from bypeer.cli.progress import Progress
    from bypeer.core.explanation import Explanation
    from bypeer.core.picture import Picture

# \b: Click leaves the lines as they are.
STATUSES = """\b
Exit status:
  0    the NAT host killed no connection
  1    it did
  2    wrong usage
  3    nothing could be analysed
  4    undetermined; the output names the capture that would settle it
  130  interrupted
"""

# As text: to a Path, ./- would be -, which is standard input.
CAPTURE = click.Path(exists=True, dir_okay=False, allow_dash=True)


def _text(found: Explanation, colour: bool, width: int) -> str:
    from bypeer.report import text

    return text.render(found, colour=colour, width=width)


def _markdown(found: Explanation, colour: bool, width: int) -> str:
    from bypeer.report import markdown

    return markdown.render(found)


def _json(found: Explanation, colour: bool, width: int) -> str:
    from bypeer.report import json

    return json.render(found)


def _tcpdump(found: Explanation, colour: bool, width: int) -> str:
    from bypeer.report import tcpdump

    return tcpdump.render(found)


# Each is told whether to colour and how many columns to keep to; what is no page for a terminal ignores it.
Render = Callable[["Explanation", bool, int], str]
RENDER: dict[str, Render] = {"text": _text, "markdown": _markdown, "json": _json, "tcpdump": _tcpdump}
UNHASHED = ("text", "tcpdump")  # outputs that show no digest, so that none is made
HTML = "html"  # with pictures, for which the captures are read once more
MOST_DRAWN = 24  # connections whose pictures a page has


class KernelName(click.ParamType[str]):
    """A kernel's version, as `uname -r` gives it or shorter; "auto" leaves it to the packets."""

    name = "version"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The version as it was given, if its tracker is known."""
        from bypeer.core.kernels import named

        if value != "auto":
            try:
                named(value)
            except ValueError as error:
                self.fail(str(error), param, ctx)
        return value


def renderer(name: str) -> Callable[..., Any]:
    """What makes a page or a picture of what was found; imported when it is wanted."""
    from importlib import import_module

    render: Callable[..., Any] = import_module(f"bypeer.report.{name}").render
    return render


def telling(found: Explanation) -> list[str]:
    """The connections whose pictures a page has, the most telling first."""
    main = found.verdict.connection
    killed = [one.id for one in found.connections if one.verdict.killed_by == "host"]
    failed = [one.id for one in found.connections if one.verdict.killed_by != "none"]
    return list(dict.fromkeys([*([main] if main else []), *killed, *failed]))[:MOST_DRAWN]


def asked(
    kernel: str, inside: Sequence[str], outside: Sequence[str], jobs: int
) -> dict[str, Any]:  # fmt: skip
    """What the options say, as the library takes it."""
    chosen = None if kernel == "auto" else kernel
    return {"kernel": chosen, "inside": inside or None, "outside": outside or None, "jobs": jobs}


def warn_of_damage(found: Explanation) -> None:
    """Say which files could not be read to their end."""
    for one in (file for taken in found.inputs for file in taken.files or (taken,)):
        if one.damage is not None:
            where = f"{one.path}: at octet {one.damage.offset}"
            warn(f"{where}: {one.damage.reason}; what came before was analysed")


def _beside(ticket: Path, picture: Picture) -> str:
    """Put the picture into a file beside the ticket; its name."""
    path = ticket.with_suffix(".svg")
    save(renderer("svg")(picture), path)
    warn(f"the picture that goes with it is {path}")
    return path.name


@contextmanager
def patience(piped: bool, shown: Progress | None) -> Iterator[None]:
    """Leave the first Ctrl-C to whoever writes into the pipe: the last packets come after it.

    `shown` is on the screen, where a line of ours would be in its way.
    """
    if not piped:
        yield
        return
    import signal  # here: it makes enumerations of all signals

    def once(number: int, frame: object) -> None:
        signal.signal(number, before)
        if shown is not None:
            shown.erase()
        warn("reading standard input to its end; interrupt again to give up")

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@click.command(no_args_is_help=True, epilog=STATUSES)
@click.argument("captures", nargs=-1, type=CAPTURE, metavar="CAPTURE...")
@click.option("-o", "--output", type=click.Choice((*RENDER, HTML)), default="text", show_default=True)
@click.option("-w", "--write", type=click.Path(dir_okay=False), callback=as_path, help="Write to this file.")
@click.option("--kernel", type=KernelName(), default="auto", help="Of the NAT host, as 5.10.")
@click.option("--inside", type=CAPTURE, multiple=True, help="A capture from inside the NAT.")
@click.option("--outside", type=CAPTURE, multiple=True, help="A capture from outside the NAT.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, help="Read so many large captures at once.")
@click.option("--hash", "digest", is_flag=True, help="Give the SHA-256 of captures above 64 MiB too.")
@click.pass_context
def explain(
    ctx: click.Context,
    captures: tuple[str, ...],
    output: str,
    write: Path | None,
    kernel: str,
    inside: tuple[str, ...],
    outside: tuple[str, ...],
    digest: bool,
    jobs: int,
) -> None:
    """Say who reset the connections in the captures, which packet triggered it, and why.

    Give the captures of both sides of the NAT, in any order, or one with both (tcpdump -i any).
    Which is which is found from the packets; --inside and --outside say it instead. Files that were
    one capture (tcpdump -C, -G, -W; dumpcap -b) are read as one. - is standard input:
    tcpdump -w - | bypeer explain -. With -o markdown -w NAME.md the picture goes into NAME.svg.
    """
    gc.disable()  # all modules and records are wanted until the end: to look for others is lost time
    from bypeer import api
    from bypeer.cli.progress import progress

    paths = tuple(dict.fromkeys((*captures, *inside, *outside)))
    if not paths:
        raise click.UsageError("no capture given")
    not_over(write, paths)
    hashed = None if output in UNHASHED else digest
    given = asked(kernel, inside, outside, jobs) | {"digest": hashed}
    with progress(paths, hashed) as watch, patience("-" in paths, watch):
        if output == HTML or (output == "markdown" and write):
            with api.looked_into(paths, watch=watch, **given) as work:
                found, drawn = work.explanation, work.pictures(telling(work.explanation))
        else:
            found, drawn = api.explain(paths, watch=watch, **given), []
    warn_of_damage(found)
    colour = colourful() and not write and output != HTML
    if output == HTML:
        text = renderer("page")(found, drawn)
    elif drawn and write:
        text = renderer("markdown")(found, [_beside(write, drawn[0])])
    else:
        text = RENDER[output](found, colour, 0 if write else columns())
    if write:
        save(text, write)
    else:
        deliver(text, colour)
    ctx.exit(found.exit_status)
