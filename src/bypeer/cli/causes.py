"""`bypeer causes`: the catalogue, a page each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from bypeer.cli.output import deliver

if TYPE_CHECKING:
    from bypeer.core.causes import Cause


@click.command()
@click.argument("code", required=False)
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True)
def causes(code: str | None, output: str) -> None:
    """List the causes that bypeer knows, or print the page of one, by its CODE or name."""
    from bypeer.core.causes import CATALOGUE

    chosen = [
        cause for cause in CATALOGUE if code is None or code.lower() in (cause.code.lower(), cause.name)
    ]
    if not chosen:
        raise click.BadParameter(f"{code}: no such cause; `bypeer causes` lists them", param_hint="CODE")
    if output == "json":
        records = [_record(cause) for cause in chosen]
        deliver(json.dumps(records if code is None else records[0], indent=2, ensure_ascii=False))
    elif code is None:
        deliver(_table(chosen))
    else:
        deliver(f"{chosen[0].code} {chosen[0].name}\n\n{chosen[0].page}")


def _record(cause: Cause) -> dict[str, str]:
    """One cause, for JSON."""
    return {"code": cause.code, "name": cause.name, "summary": cause.summary, "page": cause.page}


def _table(chosen: list[Cause]) -> str:
    """A line a cause."""
    width = max(len(cause.name) for cause in chosen)
    return "\n".join(f"{cause.code}  {cause.name:{width}}  {cause.summary}" for cause in chosen)
