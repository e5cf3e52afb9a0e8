"""`bypeer case`: what a case file holds."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from bypeer.cli.output import deliver

if TYPE_CHECKING:
    from bypeer.capture.read import Capture


@click.group()
def case() -> None:
    """Case files: packets from both sides, and what the kernel said meanwhile, in one pcapng file."""


@case.command()
@click.argument("file", metavar="FILE")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--events", is_flag=True, help="List each event of the kernel.")
def show(file: str, output: str, events: bool) -> None:
    """List what is in a case FILE, or in any other capture. `bypeer explain FILE` says what it means."""
    from bypeer.capture.read import open_capture
    from bypeer.cli.output import warn

    with closing(open_capture(file)) as capture:
        frames: Counter[int] = Counter()
        for batch in capture.frames():
            frames.update(batch.interface[: batch.count])
        contents = _contents(capture, frames, events)
        if capture.damage is not None:
            warn(f"{file}: at octet {capture.damage.offset}: {capture.damage.reason}; all before is listed")
    if output == "json":
        deliver(json.dumps(contents, indent=2, ensure_ascii=False))
    else:
        deliver("\n".join(_lines(contents)))


def _contents(capture: Capture, frames: Counter[int], events: bool) -> dict[str, Any]:
    """All of it, as JSON has it."""
    from bypeer.core.evidence import Evidence
    from bypeer.core.linktypes import link_type_name

    evidence = Evidence({0: capture.events})
    sources: dict[str, list[int]] = {}
    for event in capture.events:
        sources.setdefault(event.source, []).append(event.ts)
    return {
        "path": capture.path,
        "format": capture.format,
        "packets": capture.packets,
        "host": evidence.facts,
        "interfaces": [
            {
                "name": one.name,
                "description": one.description,
                "link_type": link_type_name(one.link_type),
                "packets": frames[row],
                "lost": {loss.counter: loss.frames for loss in capture.losses if loss.interface == row},
            }
            for row, one in enumerate(capture.interfaces)
        ],
        "comments": [one._asdict() for one in capture.comments],
        "sources": {
            name: {"events": len(times), "first_ns": min(times), "last_ns": max(times)}
            for name, times in sources.items()
        },
        "oddities": capture.oddities,
        "recorder": [dict(one.fields) for one in capture.events if one.source == "recorder"],
        "events": [one._asdict() for one in capture.events] if events else None,
    }


def _lines(contents: dict[str, Any]) -> list[str]:
    """The same for people, with nothing in it that a terminal would obey."""
    from bypeer.report.plain import plain

    rows = [f"{contents['path']}: {contents['format']}, {contents['packets']:,} packets"]
    for title, lines in (
        ("The NAT host", _table(contents["host"])),
        ("Interfaces", [_interface(one) for one in contents["interfaces"]]),
        ("What the kernel said", _said(contents)),
        (
            "Comments",
            [
                f"#{one['frame']}  {one['text']}" if one["frame"] else one["text"]
                for one in contents["comments"]
            ],
        ),
        ("Odd", _table(contents["oddities"])),
        ("Events", [_event(one) for one in contents["events"] or []]),
    ):
        if lines:
            rows += ["", title, *(f"  {line}" for line in lines)]
    return [plain(row) for row in rows]


def _table(values: dict[str, Any]) -> list[str]:
    width = max(map(len, values), default=0)
    return [f"{name:{width}}  {_brief(str(value))}" for name, value in values.items()]


def _brief(value: str) -> str:
    """A value in one line: of several, how much it is."""
    lines = value.count("\n")
    return f"{lines:,} lines: -o json has them" if lines else value


def _interface(one: dict[str, Any]) -> str:
    lost = ", ".join(f"{count:,} lost ({counter})" for counter, count in one["lost"].items())
    what = "; ".join(part for part in (one["description"], one["link_type"], lost) if part)
    return f"{one['name'] or '-'}  {one['packets']:,} packets; {what}"


def _said(contents: dict[str, Any]) -> list[str]:
    """A line a source, and what the recorder says of itself."""
    lines = [
        f"{name:10}  {one['events']:,} events, {_clock(one['first_ns'])} to {_clock(one['last_ns'])}"
        for name, one in contents["sources"].items()
    ] or ["nothing: no event of bypeer's is in this file"]
    return lines + [
        f"recorder: {name}: {value}" for one in contents["recorder"] for name, value in one.items()
    ]


def _event(one: dict[str, Any]) -> str:
    fields = "  ".join(f"{name}={_brief(str(value))}" for name, value in one["fields"].items())
    return f"{_clock(one['ts'])}  {one['source']}  {fields}"


def _clock(ns: int) -> str:
    """A time of day, UTC, with its date."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{fraction // 1_000:06}"
