"""`bypeer lab list`, `run`: causes, made to happen on a real kernel, recorded and explained."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from bypeer.cli import Status
from bypeer.cli.output import deliver, save, warn

if TYPE_CHECKING:
    from bypeer.lab.result import Result
    from bypeer.lab.scenario import Scenario

_WRONG = 1


@click.command("list")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True)
def list_(output: str) -> None:
    """List the scenarios: what each makes happen, and what is to be found on which kernels."""
    from bypeer.lab.scenarios import SCENARIOS

    if output == "json":
        deliver(json.dumps([_scenario(one) for one in SCENARIOS.values()], indent=2))
    else:
        deliver("\n".join(_listed(list(SCENARIOS.values()))))


@click.command()
@click.argument("names", nargs=-1, metavar="[SCENARIO]...")
@click.option("--all", "every", is_flag=True, help="All of them that are meant for the kernel.")
@click.option(
    "--kernel",
    metavar="NAME",
    help="On one of `bypeer lab kernels list`, in a virtual machine.  [default: the running one]",
)
@click.option(
    "--with-fix", "fix", metavar="REMEDY", help="With one of `bypeer lab remedies --list` in place."
)
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="Play each so often.")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep the case files in that directory."
)
@click.option("--tcpdump", "pair", is_flag=True, help="Have tcpdump take both sides too, and compare.")
@click.option("--report", type=click.Path(path_type=Path), help="Write a report as Markdown there.")
@click.option(
    "-o", "--output", type=click.Choice(("text", "json", "jsonl")), default="text", show_default=True
)
@click.pass_context
def run(
    ctx: click.Context, names: tuple[str, ...], every: bool, kernel: str | None, fix: str | None,
    rounds: int, keep: Path | None, pair: bool, report: Path | None, output: str,
) -> None:  # fmt: skip
    """Make a cause happen, record it from both sides, explain it, and hold the verdict against the truth.

    The truth is what sockets and counters say. All happens in network namespaces of this process alone,
    or in a virtual machine that ends with it. If a verdict is wrong, the exit status is 1.
    """
    scenarios = _chosen(names, every)
    _check_fix(fix)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    began, found = time.monotonic(), []
    for result in _played(scenarios, _How(kernel, fix, rounds, keep, pair, every)):
        found.append(result)
        if output == "jsonl":
            deliver(json.dumps(result._asdict()))
        elif output == "text":
            deliver("\n".join(_brief(result) if len(scenarios) > 1 or rounds > 1 else _whole(result)))
            sys.stdout.flush()
    seconds = time.monotonic() - began
    if keep is not None:
        warn(f"the recordings are in {keep}")
    if output == "json":
        deliver(json.dumps([one._asdict() for one in found], indent=2))
    bad, missing = _wrong(found), sum(not one.played for one in found)
    if len(found) > 1:
        end = f"{bad} of them wrong" if bad else "all verdicts right"
        also = f"; {missing} could not be played" if missing else ""
        click.echo(f"{len(found) - missing} played in {seconds:.0f} s, {end}{also}", err=True)
    if report is not None:
        save("\n".join(_report(found, seconds)), report)
    ctx.exit(_WRONG if bad else Status.HOST_LACKS if missing else 0)


def _wrong(found: Sequence[Result]) -> int:
    """How many verdicts were wrong; of what could not be played none was."""
    return sum(bool(one.wrong) and one.played for one in found)


def _chosen(names: Sequence[str], every: bool) -> list[Scenario]:
    """The scenarios named, or all."""
    from bypeer.lab.scenarios import SCENARIOS

    if every == bool(names):
        raise click.UsageError("name scenarios (`bypeer lab list` has them), or say --all")
    return [known(name) for name in names] or list(SCENARIOS.values())


def known(name: str) -> Scenario:
    """The scenario of that name; a usage error where there is none."""
    from bypeer.lab.scenarios import SCENARIOS

    if name not in SCENARIOS:
        raise click.BadParameter(f"no scenario {name!r}{_close(name, SCENARIOS)}", param_hint="SCENARIO")
    return SCENARIOS[name]


def _check_fix(fix: str | None) -> None:
    from bypeer.lab.remedies import REMEDIES

    if fix is not None and fix not in REMEDIES:
        raise click.BadParameter(
            f"no remedy {fix!r}: there are {', '.join(REMEDIES)}", param_hint="--with-fix"
        )


def _close(name: str, names: Iterable[str]) -> str:
    """What may have been meant."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(names), 3, 0.5)
    return f": did you mean {' or '.join(close)}?" if close else ": see `bypeer lab list`"


class _How(NamedTuple):
    """How scenarios are to be played."""

    kernel: str | None
    fix: str | None
    rounds: int
    keep: Path | None
    pair: bool
    every: bool  # only what is meant for the kernel


def _played(scenarios: Sequence[Scenario], how: _How) -> Iterator[Result]:
    """Their results as they come."""
    names = [one.name for one in scenarios]
    if how.kernel is not None:
        from bypeer.lab.elsewhere import play_on

        if how.pair:
            raise click.UsageError("--tcpdump is for the running kernel")
        yield from play_on(how.kernel, names, how.fix, how.rounds, how.keep)
        return
    from bypeer.lab.plays import meant, played, plays
    from bypeer.live.namespace import Namespace

    Namespace().close()  # whether we may at all: else each would say so
    if how.every:
        names = meant(names, os.uname().release)
    yield from played(plays(names, [how.fix or ""], how.rounds), how.keep, pair=how.pair)


# What people read


def _listed(scenarios: Sequence[Scenario]) -> Iterator[str]:
    wide = max(len(one.name) for one in scenarios)
    for one in scenarios:
        yield f"{one.name:{wide}}  {one.code}  {one.says}"
        for kernels, verdicts in one.expected.items():
            found = " or ".join(_verdict(v.killed_by, v.cause, v.outcome, v.certainty) for v in verdicts)
            where = "" if kernels == "any" else f"Linux {kernels}: "
            yield f"{'':{wide}}        {where}{found}"
        if one.elsewhere:
            yield f"{'':{wide}}        elsewhere {one.elsewhere}"


def _verdict(killed_by: str, cause: str | None, outcome: str, certainty: str) -> str:
    who = "nothing is reset" if killed_by == "none" else f"killed by {killed_by}"
    return ", ".join(filter(None, (who, cause, outcome, certainty)))


def _told(one: Result) -> str:
    return _verdict(one.killed_by, one.cause, one.outcome, one.certainty)


def _brief(one: Result) -> Iterator[str]:
    """A line, and what is wrong below it."""
    fix = f" with {one.remedy}" if one.remedy else ""
    if not one.played:
        yield f"-----  {one.name}{fix}: {', '.join(one.wrong)}"
        return
    yield f"{'WRONG' if one.wrong else 'right'}  {one.name}{fix}: {_told(one)} ({one.seconds:.1f} s)"
    for line in one.wrong:
        yield f"       {line}"


def _whole(one: Result) -> Iterator[str]:
    """One scenario, told."""
    from bypeer.lab.scenarios import SCENARIOS

    scenario = SCENARIOS[one.name]
    fix = f", with {one.remedy} in place" if one.remedy else ""
    yield f"{one.name} on Linux {one.kernel}{fix}: {scenario.says}"
    yield ""
    if not one.played:
        yield from one.wrong
        return
    yield f"The client's socket  {_socket(one.client)}, {one.received:,} octets received"
    yield f"The server's socket  {_socket(one.server)}"
    yield f"The NAT host         made {one.host_resets} RSTs; INVALID to its tracker: {one.invalid} packets"
    yield f"bypeer explain       {one.headline}"
    if one.pair:
        yield f"tcpdump's two files  {one.pair}"
    yield ""
    yield f"{_told(one)}: {'WRONG' if one.wrong else 'right'} ({one.seconds:.1f} s)"
    yield from one.wrong
    bites = next((kernels for kernels in scenario.expected if kernels != "any"), "")
    if scenario.elsewhere and not one.wrong and one.killed_by == "none" and not one.remedy:
        yield f"It bites on Linux {bites}; here {scenario.elsewhere}."


def _socket(error: str) -> str:
    return {"": "no error", "TIMEOUT": "its program gave up waiting"}.get(error, error)


def _report(found: Sequence[Result], seconds: float) -> Iterator[str]:
    """The results as Markdown."""
    kernels = ", ".join(dict.fromkeys(one.kernel for one in found))
    yield "# bypeer's lab"
    yield ""
    yield f"Linux {kernels}; {len(found)} plays in {seconds:.0f} s; {_wrong(found)} verdicts wrong."
    yield ""
    yield "| scenario | about | remedy | verdict | client's socket | host's RSTs | INVALID | | s |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in found:
        yield (
            f"| {one.name} | {one.code} | {one.remedy or '-'} | {_told(one)} | {_socket(one.client)} | "
            f"{one.host_resets} | {one.invalid} | {_judged(one)} | "
            f"{one.seconds:.1f} |"
        )
    for one in found:
        for line in one.wrong:
            yield f"\n- {one.name}: {line}"


def _judged(one: Result) -> str:
    return "not played" if not one.played else "**wrong**" if one.wrong else "right"


def _scenario(one: Scenario) -> dict[str, Any]:
    """A scenario, for JSON."""
    return {
        "name": one.name,
        "code": one.code,
        "says": one.says,
        "topology": one.topology.name,
        "family": one.family,
        "traffic": one.traffic.kind,
        "expected": {k: [v._asdict() for v in verdicts] for k, verdicts in one.expected.items()},
        "elsewhere": one.elsewhere,
    }
