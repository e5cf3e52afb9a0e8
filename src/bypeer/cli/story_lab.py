"""`bypeer lab story`: the investigation that bypeer comes from, told step by step, live."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bypeer.cli.output import colourful, columns, deliver

if TYPE_CHECKING:
    from bypeer.lab.story import Act

_OTHER, _FAILED = "5.10", 1


@click.command()
@click.option(
    "--here", is_flag=True, help="On the running kernel, also where the original trigger is harmless."
)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep the case files there.")
@click.option("--pause", is_flag=True, help="Wait for Enter before each act.")
@click.pass_context
def story(ctx: click.Context, here: bool, keep: Path | None, pause: bool) -> None:
    """Tell the investigation in six acts, live: the failure, the captures, the culprit, the cure.

    Everything happens in network namespaces of this process. The original trigger needs a kernel before
    6.1: on a later one the story is told in a virtual machine with Linux 5.10, if QEMU and that kernel are at
    hand (`bypeer lab kernels fetch 5.10`), else with a trigger that bites everywhere. If an act does not
    come out as it should, the exit status is 1.
    """
    from bypeer.lab.scenario import applies

    release = os.uname().release
    if not here and not pause and keep is None and not applies("<6.1", release) and _another():
        ctx.exit(_elsewhere())
    failed = False
    with tempfile.TemporaryDirectory(prefix="bypeer-lab-") as folder:
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
        failed = _tell(release, keep or Path(folder), pause=pause)
    ctx.exit(_FAILED if failed else 0)


def _another() -> bool:
    """Whether a kernel on which the original trigger bites can be booted."""
    from bypeer.lab import debian, vm

    tools = all(shutil.which(tool) for tool in vm.TOOLS)
    return tools and any(one.name == _OTHER for one in debian.cached())


def _elsewhere() -> int:
    """Tell it in a virtual machine; its exit status."""
    from bypeer.cli.lab import pass_through
    from bypeer.lab import vm

    click.echo(f"Linux {_OTHER} is booting in a virtual machine (a minute; --here: without it)", err=True)
    return vm.rerun(_OTHER, ["lab", "story", "--here"], timeout=1800, watch=pass_through).status


def _tell(release: str, folder: Path, *, pause: bool) -> bool:
    """Tell it; whether an act failed."""
    from bypeer.lab.story import tell

    failed, number = False, 0
    deliver(f"The investigation, on Linux {release}\n")
    for act in tell(release, folder):
        # The prologue has no number: it is told where the original trigger is harmless.
        number += not act.title.startswith("Before")
        deliver("\n".join(_lines(act, number)), colour=colourful())
        if act.picture is not None:
            deliver(_picture(act.picture), colour=colourful())
        sys.stdout.flush()
        failed = failed or bool(act.failed)
        if pause and sys.stdin.isatty():
            click.prompt("", prompt_suffix="", default="", show_default=False, err=True)
    return failed


def _picture(path: Path) -> str:
    """The fork, for this terminal."""
    from bypeer import api
    from bypeer.cli.graph import in_terminal

    drawn = api.pictures([path])
    return in_terminal(drawn[0], None, 24, colourful(), plain=False) if drawn else ""


def _lines(act: Act, number: int) -> list[str]:
    """An act for a terminal."""
    import textwrap

    wide = min(columns() or 100, 100)
    title = f"{number}. {act.title}" if not act.title.startswith("Before") else act.title
    lines = [click.style(title, bold=True)]
    for line in act.lines:
        indent = " " * (3 + len(line) - len(line.lstrip()))
        lines += textwrap.wrap(line.lstrip(), wide, initial_indent=indent, subsequent_indent=indent) or [""]
    if act.failed:
        lines.append(click.style(f"   This is not how it should be: {act.failed}", fg="red"))
    return [*lines, ""]
