"""`bypeer lab remedies`: which remedy heals which cause, measured here and on other kernels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bypeer.cli.output import deliver, save

if TYPE_CHECKING:
    from bypeer.lab.result import Result

_WRONG = 1


@click.command()
@click.argument("names", nargs=-1, metavar="[SCENARIO]...")
@click.option("--list", "just_list", is_flag=True, help="List the remedies, and play nothing.")
@click.option("--kernel", "kernels", multiple=True, metavar="NAME",
              help="On that kernel too, in a virtual machine: one of `bypeer lab kernels list`.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="Play each so often.")
@click.option("-w", "--write", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown there.")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.pass_context
def remedies(
    ctx: click.Context, names: tuple[str, ...], just_list: bool, kernels: tuple[str, ...], rounds: int,
    write: Path | None, output: str,
) -> None:  # fmt: skip
    """Play scenarios without and with each remedy, and say what each does: heals, no help, hangs, breaks.

    Without names: all about which something can be done on the NAT host. It takes some seconds a play.
    If a verdict was wrong, the exit status is 1.
    """
    from bypeer.cli.run_lab import known
    from bypeer.lab.remedies import REMEDIES

    if just_list:
        wide = max(map(len, REMEDIES))
        deliver("\n".join(f"{one.name:{wide}}  {one.says}" for one in REMEDIES.values()))
        return
    from bypeer.lab.measure import markdown, measured, text, worth

    wanted = [known(name).name for name in names] or worth()
    cells = measured(wanted, list(REMEDIES), [None, *kernels], rounds, _watch)
    if output == "json":
        deliver(json.dumps([one._asdict() for one in cells], indent=2))
    else:
        deliver("\n".join(text(cells)))
    if write is not None:
        save("\n".join(markdown(cells)), write)
    ctx.exit(_WRONG if any(one.wrong for one in cells) else 0)


def _watch(one: Result) -> None:
    """Say on stderr how far it is."""
    fix = f" with {one.remedy}" if one.remedy else ""
    ended = "healed" if one.healed else one.client or "no error"
    click.echo(f"{one.name}{fix} on Linux {one.kernel}: {ended} ({one.seconds:.1f} s)", err=True)


@click.command()
def clean() -> None:
    """Remove what a lab that was killed has left: folders and tracing instances that nobody uses."""
    from bypeer.lab.clean import clean as removed

    left = removed()
    deliver("\n".join(f"removed {one}" for one in left) if left else "nothing is left of the lab")
