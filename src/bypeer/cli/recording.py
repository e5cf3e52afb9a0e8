"""What `try` and `record` have in common: whom to record, and where to listen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bypeer.cli.output import warn

if TYPE_CHECKING:
    from bypeer.live.command import User
    from bypeer.live.hold import Held
    from bypeer.live.recording import Recording

LATEST = 0.05  # s in which what has passed comes out of the rings

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--container", metavar="NAME", help="Record a container: its name, id or host name."),
    click.option("--pod", metavar="NAME", help="Record a pod: its name, NAMESPACE/NAME or UID."),
    click.option("--pid", metavar="PID", help="Record the namespace of a process."),
    click.option("--netns", metavar="NAME", help="Record a named network namespace, or one by path."),
    click.option("--to", metavar="ADDRESS", default="", help="Listen on the way to it."),
    click.option(
        "-i", "--interface", "interfaces", multiple=True, metavar="SIDE=NAME",
        help="Listen there instead: inside=eth0, outside=ens3.",
    ),
    click.option(
        "--allow-system-changes", "allow", is_flag=True,
        help="Let the kernel say more: its log of INVALID packets, rules that only log, tracepoints. All is "
        "put back.",
    ),
)  # fmt: skip


def target_options(function: F) -> F:
    """Add the options by which a target is named."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def sides(interfaces: Sequence[str]) -> dict[str, str]:
    """The interfaces given, by side."""
    found: dict[str, str] = {}
    for one in interfaces:
        side, _, name = one.partition("=")
        if side not in ("inside", "outside") or not name:
            raise click.BadParameter(f"{one!r} is not inside=NAME or outside=NAME", param_hint="-i")
        found[side] = name
    return found


@contextmanager
def opened(
    named: dict[str, str | None], to: str, interfaces: Sequence[str], allow: bool, **how: Any
) -> Iterator[tuple[Held, Recording]]:
    """The target and its recording, once all that takes privileges is open; `how` is Recording's.

    Raises HostError, LiveError.
    """
    from bypeer.live.hold import hold
    from bypeer.live.privilege import require
    from bypeer.live.recording import Recording
    from bypeer.live.taps import taps
    from bypeer.live.targets import find

    given = [(kind, word) for kind, word in named.items() if word]
    if len(given) > 1:
        raise click.UsageError("name one target: --container, --pod, --pid or --netns")
    require()
    kind, word = given[0] if given else ("host", "")
    with hold(find(kind, word or "")) as held:
        ways = taps(held, to, **sides(interfaces))
        for note in ways.notes:
            warn(note)
        recording = Recording(held, ways, allow=allow, **how)
        try:
            listening = ", ".join(f"{lane.role} {lane.tap.name}" for lane in recording.lanes)
            warn(f"recording {held.target}: {listening}")
            _say_what_is_missing(recording.missing)
            yield held, recording
        finally:
            for left in recording.close():
                warn(f"not put back: {left}")


def _say_what_is_missing(missing: Mapping[str, str]) -> None:
    """Say what of the kernel's word is not heard: in one line, what is so for want of leave."""
    from bypeer.live.evidence import NEEDS

    wanting = [source for source, why in missing.items() if NEEDS in why]
    if wanting:
        warn(f"with --allow-system-changes the kernel would say more ({', '.join(wanting)})")
    for source, why in missing.items():
        if source not in wanting:
            warn(f"the kernel's word is not heard: {source}: {why}")


def give_up(user: User | None) -> None:
    """Drop all privileges, and be the user who asked."""
    from bypeer.live.privilege import drop

    drop(user.uid if user else None, user.gid if user else None)


def named_by_time(folder: Path, ts: int) -> Path:
    """The name of a case file whose moment is that (ns)."""
    moment = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime(ts // 1_000_000_000))
    path = folder / f"{moment}Z.case.pcapng"
    number = 2
    while path.exists():
        path = folder / f"{moment}Z_{number}.case.pcapng"  # sorts after the first
        number += 1
    return path
