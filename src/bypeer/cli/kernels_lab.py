"""`bypeer lab kernels`: the kernels that the lab can run under, in a virtual machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bypeer.cli.output import deliver

if TYPE_CHECKING:
    from bypeer.lab.debian import Cached, Series

_MB = 1_000_000


@click.group()
def kernels() -> None:
    """Debian's kernels, kept in a cache to run the lab under them in a virtual machine."""


@kernels.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--missing", is_flag=True, help="Leave alone what the cache has.")
@click.option("--mirror", metavar="URL", help="Of Debian's archive.  [default: this machine's apt's]")
def fetch(names: tuple[str, ...], missing: bool, mirror: str | None) -> None:
    """Download kernels with apt, by their NAMES, as 5.10 or newest; nothing is installed.

    Each takes the place of what the cache had under its name, and is the latest of its series:
    security updates count. `bypeer lab kernels list` shows the names.
    """
    from bypeer.lab import debian

    known = [series.name for series in debian.SERIES]
    strange = [name for name in names if name not in known]
    if strange:
        message = f"no kernel {strange[0]!r} can be fetched: there are {', '.join(known)}"
        raise click.BadParameter(message, param_hint="NAMES")
    there = {one.name for one in debian.cached()} if missing else set()
    wanted = [name for name in dict.fromkeys(names) if name not in there]
    if not wanted:
        return
    total = sum(series.fetched for series in debian.SERIES if series.name in wanted) // _MB
    kept = sum(series.kept for series in debian.SERIES if series.name in wanted) // _MB
    click.echo(f"about {total} MB to download, {kept} MB to keep in {debian.cache()}", err=True)
    for name in wanted:
        got = debian.fetch(name, lambda words: click.echo(words, err=True), mirror)
        click.echo(f"{name}: Linux {got.version} is in the cache, {got.octets // _MB} MB", err=True)


@kernels.command("list")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True)
def list_(output: str) -> None:
    """List the kernels in the cache, and those that can be fetched."""
    from bypeer.lab import debian

    found = {one.name: one for one in debian.cached()}
    if output == "json":
        records = [_record(series, found.get(series.name)) for series in debian.SERIES]
        deliver(json.dumps(records, indent=2))
        return
    lines = [f"{'name':8}  {'kernel':10}  {'uname -r':24}  size"]
    for series in debian.SERIES:
        one = found.get(series.name)
        if one:
            lines.append(f"{one.name:8}  {one.version:10}  {one.release:24}  {one.octets // _MB} MB")
        else:
            size = f"{series.fetched // _MB} MB to download, {series.kept // _MB} MB to keep"
            lines.append(f"{series.name:8}  {'-':10}  {'-':24}  not fetched: {size} (Debian {series.suite})")
    deliver("\n".join(lines))


def _record(series: Series, one: Cached | None) -> dict[str, object]:
    """A kernel that can be fetched, and what the cache has of it, for JSON."""
    return {**series._asdict(), "cached": asdict(one) if one else None}
