"""The command line: a file a command, each imported when it is called.

Only this package prints. Results go to stdout, words for people to stderr. The exit status is
one of `Status`, or what Click takes for a wrong usage, which is the same 2.
"""

from __future__ import annotations

import atexit
import gc
import sys
from enum import IntEnum
from keyword import iskeyword

import click

from bypeer import __version__


class Status(IntEnum):
    """What the process says when it ends; an explanation knows its own (0, 1 or 4)."""

    USAGE = 2
    NOTHING_ANALYSED = 3
    HOST_LACKS = 5
    OUR_FAULT = 70  # EX_SOFTWARE of sysexits.h: Python's own 1 would read as a verdict
    INTERRUPTED = 130


# Each is a function in the module of its name in this package. Its line of the help stands
# here, so that the help needs no import.
COMMANDS = {
    "explain": "Say who reset the connections in captures, and why.",
    "graph": "Draw a connection: sequence numbers against time.",
    "try": "Run a command, and explain what happened to it (root).",
    "record": "A case file each time a connection is reset (root).",
    "case": "What a case file holds.",
    "containers": "What can be named on this host, and where to listen.",
    "causes": "The catalogue of causes, a page each.",
    "kernels": "The kernels whose conntrack is known, and how they differ.",
    "lab": "Make a cause happen on a real kernel, and explain it (root).",
    "schema": "The JSON Schema of an output.",
}


class Commands(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import that command, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        found: click.Command = getattr(import_module(f"bypeer.cli.{name}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help's list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Who reset this connection, which packet triggered it, and why."""


def main(args: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    # What is left at the end goes with the process: Python would look through all of it, twice.
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that is ASCII only gets "\u2192" instead of a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(cli.main(args, prog_name="bypeer", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return Status.INTERRUPTED
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> Status:
    """Say in one line what stopped the work; only a fault of ours is worth a traceback."""
    from bypeer.errors import BypeerError, HostError

    if isinstance(error, BypeerError):
        click.echo(f"bypeer: {error}", err=True)
        return Status.HOST_LACKS if isinstance(error, HostError) else Status.NOTHING_ANALYSED
    if isinstance(error, OSError):
        why = error.strerror or type(error).__name__
        click.echo(f"bypeer: {error.filename}: {why}" if error.filename else f"bypeer: {why}", err=True)
        return Status.NOTHING_ANALYSED
    import traceback

    traceback.print_exception(error)
    click.echo("bypeer: this is a fault of bypeer, not of the captures: please report it", err=True)
    return Status.OUR_FAULT
