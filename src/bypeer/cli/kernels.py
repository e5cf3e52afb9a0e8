"""`bypeer kernels`: whose conntrack rules are known, and what tells them apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from bypeer.cli.output import deliver

if TYPE_CHECKING:
    from bypeer.core.kernels import Kernel


@click.command()
@click.argument("version", required=False)
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True)
def kernels(version: str | None, output: str) -> None:
    """List the kernels whose conntrack bypeer knows, or say all of one, by its VERSION as 5.10."""
    from bypeer.core.kernels import KERNELS, named

    try:
        chosen = list(KERNELS) if version is None else [named(version)]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="VERSION") from error
    if output == "json":
        records = [_record(kernel) for kernel in chosen]
        deliver(json.dumps(records if version is None else records[0], indent=2, ensure_ascii=False))
    else:
        deliver("\n\n".join(_text(kernel) for kernel in chosen))


def _record(kernel: Kernel) -> dict[str, object]:
    """One kernel, for JSON."""
    from bypeer.core.kernels import describe

    return {"name": kernel.name, "inferred": list(kernel.inferred), "behaviour": list(describe(kernel))}


def _text(kernel: Kernel) -> str:
    """One kernel, a line a behaviour in which the kernels differ."""
    from bypeer.core.kernels import describe

    return "\n".join([f"Linux {kernel.name}", *(f"  - {words}" for words in describe(kernel))])
