"""`bypeer lab play`: packet scripts through the model and the running kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bypeer.cli import Status
from bypeer.cli.output import deliver

if TYPE_CHECKING:
    from bypeer.core.script import Story
    from bypeer.lab.play import Row

_NOT_AS_EXPECTED = 1


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--rules",
    metavar="VERSION",
    help="Whose rules and expectations, as 6.12.  [default: the running kernel's]",
)
@click.option("-6", "ip", flag_value=6, type=int, default=4, help="Over IPv6.")
@click.option("-q", "--quiet", is_flag=True, help="Only what is not answered as expected.")
@click.pass_context
def play(ctx: click.Context, files: tuple[Path, ...], rules: str | None, ip: int, quiet: bool) -> None:
    """Play packet scripts, and hold both the model and the running kernel to them.

    Prints each segment with what is expected and what both answered. Everything happens in network
    namespaces of this process alone. If an answer is not as expected, the exit status is 1.
    """
    import os

    from bypeer.core.kernels import named

    release = rules or os.uname().release
    try:
        named(release)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--rules") from None
    segments = wrong = 0
    for path in files:
        for story, rows in _played(path, release, ip):
            segments += len(rows)
            wrong += sum(not row.right for row in rows)
            if not quiet or not all(row.right for row in rows):
                deliver("\n".join(_text(path, story, rows)))
    if not segments:
        click.echo(f"nothing played: no story is meant for Linux {release}", err=True)
        ctx.exit(Status.NOTHING_ANALYSED)
    end = f"{wrong:,} of them not as expected" if wrong else "all as expected"
    click.echo(f"{segments:,} segments played by the rules of Linux {release}, {end}", err=True)
    ctx.exit(_NOT_AS_EXPECTED if wrong else 0)


def _played(path: Path, release: str, ip: int) -> Iterator[tuple[Story, list[Row]]]:
    """The stories of a file; nothing in an error's text is left that a terminal would obey."""
    from bypeer.core.script import read
    from bypeer.lab import play as lab
    from bypeer.report.plain import plain

    try:
        yield from lab.play(read(path.read_text(encoding="utf-8")), release, ip)
    except ValueError as error:
        raise click.BadParameter(plain(f"{path}: {error}"), param_hint="FILES") from None


def _text(path: Path, story: Story, rows: Sequence[Row]) -> Iterator[str]:
    """A story, and below each segment what was answered."""
    from bypeer.report.plain import plain

    yield plain(f"// {path}" + (f": {story.name}" if story.name else ""))
    for row in rows:
        yield plain(f"{row.line.text} => {row.expected}")
        if row.right:
            yield f"//   both:   {row.kernel}"
        else:
            yield f"//   NOT AS EXPECTED in line {row.line.number}"
            yield f"//   model:  {row.found}: {row.model}"
            yield f"//   kernel: {row.kernel}"
