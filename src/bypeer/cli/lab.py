"""`bypeer lab`: causes made to happen, and a kernel as the judge of the model; the running one or another."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from bypeer.cli.kernels_lab import kernels
from bypeer.cli.output import deliver
from bypeer.cli.play_lab import play
from bypeer.cli.remedies_lab import clean, remedies
from bypeer.cli.run_lab import list_, run
from bypeer.cli.story_lab import story

if TYPE_CHECKING:
    from bypeer.lab.agree import Agreement

_DISAGREEMENT = 1
# A machine without KVM: packets a second that it makes at the least, and s for all the rest.
_SLOWEST, _SETTLING_S = 200, 600


@click.group()
def lab() -> None:
    """Make causes happen on a real kernel, and hold bypeer's words against it (Linux, root)."""


for _command in (list_, run, remedies, story, clean, play, kernels):
    lab.add_command(_command)


@lab.command()
@click.option(
    "--packets", type=click.IntRange(1), default=300_000, show_default=True, help="How many to play."
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="The same gives the same packets."
)
@click.option("--reasons", is_flag=True, help="Compare the tracker's log lines too, bounds included.")
@click.option(
    "--kernel",
    metavar="NAME",
    help="The judge: one of `bypeer lab kernels list`, in a virtual machine.  [default: the running one]",
)
@click.option(
    "--rules", metavar="VERSION", help="Whose rules the model applies, as 6.12.  [default: the judge's]"
)
@click.option("--progress/--no-progress", default=None, help="Say how far it is.  [default: to a terminal]")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.pass_context
def agree(
    ctx: click.Context, packets: int, seed: int, reasons: bool, kernel: str | None, rules: str | None,
    progress: bool | None, output: str,
) -> None:  # fmt: skip
    """Play packets through the model and a kernel, and compare every answer.

    Everything happens in network namespaces of this process alone, or in a virtual machine that
    ends with it. The first disagreement is shrunk to the shortest packet script; then the exit
    status is 1.
    """
    from bypeer.core.kernels import named
    from bypeer.lab.agree import agree as play
    from bypeer.lab.agree import running

    try:
        model = named(rules or running())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--rules") from None
    shown = sys.stderr.isatty() if progress is None else progress
    if kernel is not None and not _runs_here(kernel):
        ctx.exit(_elsewhere(kernel, ctx.params | {"progress": shown}))
    found = play(packets, seed, model, reasons=reasons, progress=_progress(packets) if shown else None)
    deliver(json.dumps(_record(found), indent=2) if output == "json" else "\n".join(_text(found)))
    ctx.exit(_DISAGREEMENT if found.disagreement else 0)


def _runs_here(kernel: str) -> bool:
    """Whether what the cache has under that name, or that series, is what runs here."""
    from bypeer.lab import debian
    from bypeer.lab.agree import running

    here = running()
    versions = [one.version for one in debian.cached() if one.name == kernel]
    return here in versions or kernel in (here, ".".join(here.split(".")[:2]))


def _elsewhere(kernel: str, given: Mapping[str, Any]) -> int:
    """The same comparison in a virtual machine: its output as it comes, and its exit status."""
    from bypeer.lab import debian, vm

    names = [series.name for series in debian.SERIES]
    if kernel not in names:
        message = f"no kernel {kernel!r}: there are {', '.join(names)}, and what runs here"
        raise click.BadParameter(message, param_hint="--kernel")
    argv = ["lab", "agree", "--packets", str(given["packets"]), "--seed", str(given["seed"])]
    argv += ["--reasons"] if given["reasons"] else []
    argv += ["--rules", given["rules"] or debian.find(kernel).version]
    argv += ["--progress" if given["progress"] else "--no-progress", "-o", given["output"]]
    done = vm.rerun(kernel, argv, timeout=_SETTLING_S + given["packets"] / _SLOWEST, watch=pass_through)
    click.echo(f"booted in {done.boot_s:.0f} s, ran {done.run_s:.0f} s", err=True)
    return done.status


def pass_through(descriptor: int, octets: bytes) -> None:
    """Write what a virtual machine's command wrote."""
    stream = sys.stdout if descriptor == 1 else sys.stderr
    stream.buffer.write(octets)
    stream.flush()


def _progress(packets: int) -> Callable[[Agreement], None]:
    """Writes how far it is to stderr."""

    def show(found: Agreement) -> None:
        done = min(found.packets, packets)
        click.echo(f"\r{done:,} of {packets:,} packets, {found.rate:,.0f}/s ", err=True, nl=done == packets)

    return show


def _record(found: Agreement) -> dict[str, object]:
    """The comparison, for JSON."""
    from dataclasses import asdict

    coverage = found.coverage
    met, wanted = coverage.table_cells()
    record = {name: value for name, value in asdict(found).items() if name != "cells"}
    return record | {
        "rate": round(found.rate),
        "coverage": {
            "cells": len(coverage),
            "cells_without_places": coverage.projected(),
            "table_cells_met": met,
            "table_cells": wanted,
            "packets_by_state": coverage.by_state(),
            "packets_by_place_of_seq": coverage.by_place(of_ack=False),
            "packets_by_place_of_ack": coverage.by_place(of_ack=True),
        },
    }


def _text(found: Agreement) -> Iterator[str]:
    """The comparison, for people."""
    coverage, wrong = found.coverage, found.disagreement
    who = f"the model of Linux {found.kernel} and the kernel {found.release}"
    if wrong:
        yield f"{who}, disagree: {', '.join(wrong.differs)} (settings: {wrong.world})"
        yield ""
        yield wrong.script
        yield ""
        if not wrong.reproduced:
            yield "Played again alone they agree: this may be a fault of the comparison."
    else:
        yield f"{who}, agree on all {found.packets + found.timed_packets:,} packets"
    yield f"{found.packets:,} packets in {found.seconds:.1f} s ({found.rate:,.0f}/s), seed {found.seed}"
    if found.reasons:
        yield f"{found.logged:,} log lines compared, bounds included"
    if found.timed_packets:
        yield (
            f"{found.timed_packets:,} packets with real timers in {found.timed_seconds:.1f} s; "
            f"{found.timed_lapsed:,} came after their entry had run out"
        )
    if found.lost:
        yield f"{found.lost:,} packets did not come out"
    met, wanted = coverage.table_cells()
    fewer = f"{coverage.projected():,} without the places of SEG.SEQ and SEG.ACK"
    yield f"cells covered: {len(coverage):,}; {fewer}"
    yield f"cells of the transition tables: {met} of {wanted}"
    yield from _counts("packets by state before", coverage.by_state())
    yield from _counts("SEG.SEQ or its end against its bounds", coverage.by_place(of_ack=False))
    yield from _counts("SEG.ACK or the SACK edge against its bounds", coverage.by_place(of_ack=True))


def _counts(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield f"{title}:"
    yield "  " + ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
