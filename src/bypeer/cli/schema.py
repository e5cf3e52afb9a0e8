"""`bypeer schema`: the JSON Schema of an output, as shipped."""

from __future__ import annotations

import click

from bypeer.cli.output import deliver

# output: its file in bypeer/report/schema
SCHEMAS = {"explanation": "explanation.schema.json"}


@click.command()
@click.argument("output", type=click.Choice(tuple(SCHEMAS)))
def schema(output: str) -> None:
    """Print the JSON Schema of OUTPUT; `explanation` is that of `bypeer explain -o json`."""
    from importlib.resources import files

    deliver((files("bypeer.report") / "schema" / SCHEMAS[output]).read_text(encoding="utf-8"))
