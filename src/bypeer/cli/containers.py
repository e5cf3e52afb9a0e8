"""`bypeer containers`: what on this host can be named, with namespaces and interfaces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from bypeer.cli.output import deliver, warn

if TYPE_CHECKING:
    from bypeer.live.taps import Tap, Taps
    from bypeer.live.targets import Target


class Row(NamedTuple):
    """A target and what was found at it; `taps` is None where `why` says why not."""

    target: Target
    taps: Taps | None
    why: str


@click.command()
@click.option("--to", metavar="ADDRESS", default="", help="The way to it.  [default: the default route]")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True)
def containers(to: str, output: str) -> None:
    """List what on this host can be named, and the interfaces on its way out.

    Those are: the interface inside, its other end on the host and the bridge that this is a port of, and
    the host's interface outside. Nothing is changed and no packet sent. Without root less is to be seen,
    and stderr says what.
    """
    from bypeer.errors import LiveError
    from bypeer.live.taps import address
    from bypeer.live.targets import all_holders
    from bypeer.report.plain import cleaned

    try:
        to = address(to) if to else ""
    except LiveError as error:
        raise click.BadParameter(str(error), param_hint="--to") from None
    seen = all_holders()
    rows = [_row(target, to) for target in seen.targets]
    if output == "json":
        records = [_record(row, seen.host) for row in rows]
        deliver(json.dumps({"targets": records, "notes": seen.notes}, indent=2))
    else:
        deliver("\n".join(_text(cleaned(rows))))
    for note in seen.notes:
        warn(note)


def _row(target: Target, to: str) -> Row:
    from bypeer.errors import HostError, LiveError
    from bypeer.live.hold import hold
    from bypeer.live.taps import taps

    try:
        with hold(target) as held:
            return Row(target, taps(held, to), "")
    except (HostError, LiveError) as error:
        return Row(target, None, str(error))


def _record(row: Row, host: int) -> dict[str, object]:
    """One target, for JSON."""
    found = row.taps
    interfaces = {
        field: {"name": tap.name, "ifindex": tap.ifindex, "kind": tap.kind}
        for field, tap in (found._asdict().items() if found else ())
        if field != "notes" and tap
    }
    return {
        **row.target._asdict(),
        "host_network": row.target.netns == host,
        "interfaces": interfaces,
        "notes": list(found.notes) if found else [row.why],
    }


def _text(rows: list[Row]) -> Iterator[str]:
    """A line a target, notes below."""
    lines = [_cells(row) for row in rows]
    head = ("NAME", "ENGINE", "PID", "NAMESPACE", "INTERFACES", "WHAT IT IS")
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    for cells, row in zip([head, *lines], [None, *rows], strict=True):
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
        for note in (row.taps.notes if row.taps else [row.why]) if row else ():
            yield f"    {note}"


def _cells(row: Row) -> tuple[str, ...]:
    target = row.target
    name = "(the host)" if target.kind == "host" else f"--{target.kind} {target.name}"
    about = [target.image, f"pod {target.pod}" if target.pod else "", target.id[:12], target.command]
    return (
        name,
        target.engine or "-",
        str(target.pid or "-"),
        str(target.netns or "?"),
        _path(row.taps) if row.taps else "-",
        ", ".join(filter(None, about)),
    )


def _path(found: Taps) -> str:
    """The interfaces from inside to outside."""

    def name(tap: Tap | None) -> str:
        return tap.name if tap else ""

    way = [name(found.inside), name(found.twin), name(found.bridge), name(found.outside)]
    return " > ".join(filter(None, way)) or "-"
