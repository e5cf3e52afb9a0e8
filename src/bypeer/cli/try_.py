"""`bypeer try`: a command in a target's namespace, recorded from both sides meanwhile."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bypeer.cli.output import warn
from bypeer.cli.recording import LATEST, give_up, named_by_time, opened, target_options

if TYPE_CHECKING:
    from bypeer.core.explanation import Explanation
    from bypeer.live.command import Command
    from bypeer.live.recording import Recording

OWN_FAILURE = 125  # as env, nohup and timeout have it


@click.command("try", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@target_options
@click.option("-w", "--write", type=click.Path(path_type=Path), help="Keep the recording there.")
@click.option("--always", is_flag=True, help="Explain, also if nothing failed.")
@click.option("--after", type=click.FloatRange(0, 60), default=1.0, show_default=True,
              help="Seconds to listen on when the command has ended.")  # fmt: skip
@click.pass_context
def try_(
    ctx: click.Context,
    command: tuple[str, ...],
    container: str | None,
    pod: str | None,
    pid: str | None,
    netns: str | None,
    to: str,
    interfaces: tuple[str, ...],
    allow: bool,
    write: Path | None,
    always: bool,
    after: float,
) -> None:
    """Run a command in a target's network, record both sides, and explain what happened to it.

    The command runs as the user who called sudo. Its output and its exit status are passed on; bypeer's
    own failure is 125. What happened is said on stderr if a connection failed, and the recording is then
    kept in a case file in this directory.
    """
    from bypeer.errors import BypeerError
    from bypeer.live.command import Command, invoking, resolv_conf

    named = {"container": container, "pod": pod, "pid": pid, "netns": netns}
    try:
        with opened(named, to, interfaces, allow) as (held, recording):
            user = invoking()
            inside = held.namespace.fileno() if held.namespace else None
            resolv = resolv_conf(held.target.pid, held.target.name) if inside is not None else None
            with Command(command, inside, user, resolv) as running:
                give_up(user)
                since = time.time_ns()
                status = _run(recording, running, after)
            path, found = _written(recording, since, write)
    except (BypeerError, OSError) as error:
        warn(str(error))
        ctx.exit(OWN_FAILURE)
    failed = found.totals.failed > 0
    if failed or always:
        _say(path)
    if failed or always or write:
        warn(f"the recording is {path}")
    else:
        path.unlink()
    ctx.exit(status)


def _run(recording: Recording, running: Command, after: float) -> int:
    """Record while the command runs, and a little longer; its exit status."""
    # What a terminal sends it sends to both; what others send us is meant for the command.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: running.send(got))
    running.go()
    while not _ended(running):
        recording.wait(1.0, running.fileno())
    status = running.wait()
    end = time.monotonic() + after
    while (left := end - time.monotonic()) > 0:
        recording.wait(left)
    time.sleep(LATEST)
    for fault in recording.faults:
        warn(fault)
    return status


def _ended(running: Command) -> bool:
    import select

    return bool(select.select([running], [], [], 0)[0])


def _written(recording: Recording, since: int, write: Path | None) -> tuple[Path, Explanation]:
    """Write the case file, and say what it means."""
    if write is not None and not write.is_dir():
        path = write
    else:
        folder = write or (Path() if os.access(".", os.W_OK) else Path(tempfile.gettempdir()))
        path = named_by_time(folder, since)
    recording.drain()
    recording.settle()
    return path, recording.write(path, since - 1_000_000_000)


def _say(path: Path) -> None:
    """Explain the case file on stderr."""
    from bypeer import api
    from bypeer.report import text

    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = os.get_terminal_size(2).columns if sys.stderr.isatty() else 0
    click.echo(text.render(api.explain([path]), colour=colour, width=width), err=True, color=colour)
