"""`bypeer record`: a flight recorder, which writes a case file when something happens."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bypeer.cli.output import warn
from bypeer.cli.recording import LATEST, give_up, named_by_time, opened, target_options

if TYPE_CHECKING:
    from bypeer.live.aside import Aside
    from bypeer.live.recording import Recording, Seen

TRIGGERS = {
    "host": "a RST that this host made, outside",
    "reset": "a RST inside, whoever made it",
}
_SECOND = 1_000_000_000  # ns
# s from one case file to the next, at least: where resets never end, not all the time is to go into files.
PAUSE = 10


@click.command()
@click.argument("chosen", nargs=-1, metavar="[FILTER]")
@target_options
@click.option("-w", "--write", type=click.Path(file_okay=False, path_type=Path), required=True,
              help="The folder for case files; made if it is not there.")  # fmt: skip
@click.option("--trigger", "triggers", multiple=True, type=click.Choice(tuple(TRIGGERS)),
              default=tuple(TRIGGERS), show_default=True, help="What is worth a case file.")  # fmt: skip
@click.option("--before", type=click.FloatRange(0, 3600), default=30.0, show_default=True,
              help="Seconds before it that are kept.")  # fmt: skip
@click.option("--after", type=click.FloatRange(0.1, 600), default=3.0, show_default=True,
              help="Seconds after it.")  # fmt: skip
@click.option("--memory", type=click.IntRange(2, 1 << 20), default=64, show_default=True,
              help="MiB for the packets of each side.")  # fmt: skip
@click.option("--snaplen", type=click.IntRange(54, 65_521), default=96, show_default=True,
              help="Octets kept of a packet.")  # fmt: skip
@click.option("--max-cases", type=click.IntRange(1), default=100, show_default=True)
@click.option("--max-disk", type=click.IntRange(1), default=1024, show_default=True,
              help="MiB of all case files in the folder.")  # fmt: skip
@click.option("--delete-oldest", is_flag=True, help="Make room for new ones, instead of writing no more.")
def record(
    chosen: tuple[str, ...],
    container: str | None,
    pod: str | None,
    pid: str | None,
    netns: str | None,
    to: str,
    interfaces: tuple[str, ...],
    allow: bool,
    write: Path,
    triggers: tuple[str, ...],
    before: float,
    after: float,
    memory: int,
    snaplen: int,
    max_cases: int,
    max_disk: int,
    delete_oldest: bool,
) -> None:
    """Keep what passes on both sides in memory, and write a case file when a connection is reset.

    FILTER chooses packets, as tcpdump's does (libpcap compiles it); all TCP without one.

    Runs until it is stopped (SIGINT, SIGTERM), or until the target is gone. SIGUSR1 makes it write one.
    """
    from bypeer.live.command import invoking

    write.mkdir(parents=True, exist_ok=True)
    named = {"container": container, "pod": pod, "pid": pid, "netns": netns}
    how = {"chosen": " ".join(chosen), "memory": memory << 20, "snaplen": snaplen}
    with opened(named, to, interfaces, allow, **how) as (held, recording):
        user = invoking()
        if user:
            _hand_over(write, user.uid, user.gid)
        give_up(user)
        quota = Quota(write, max_cases, max_disk << 20, delete_oldest)
        flight = Flight(recording, quota, triggers, int(before * _SECOND), int(after * _SECOND))
        flight.run(lambda: held.gone())
    warn(flight.summary())


def _hand_over(folder: Path, uid: int, gid: int) -> None:
    """Give a folder that we have just made to the user who will write into it."""
    import os

    if not any(folder.iterdir()) and folder.stat().st_uid == 0:
        os.chown(folder, uid, gid)


class Quota:
    """How much may be written into a folder."""

    def __init__(self, folder: Path, cases: int, octets: int, delete: bool) -> None:
        self.folder, self.cases, self.octets, self.delete = folder, cases, octets, delete

    def room(self) -> bool:
        """Whether one more case may be written; makes room where that is allowed."""
        files = sorted(self.folder.glob("*.case.pcapng"), key=lambda one: one.stat().st_mtime)
        while files and (len(files) >= self.cases or sum(one.stat().st_size for one in files) >= self.octets):
            if not self.delete:
                return False
            files.pop(0).unlink()
        return True


class Flight:
    """The recorder at work."""

    def __init__(
        self, recording: Recording, quota: Quota, triggers: Sequence[str], before: int, after: int
    ) -> None:  # fmt: skip
        """`before`, `after` the first trigger, ns."""
        self.recording, self.quota, self.triggers = recording, quota, triggers
        self.before, self.after = before, after
        self.begun = 0  # ns: the first trigger of the case to come
        self.met = self.written = self.refused = 0  # triggers; case files; those for which there was no room
        self.stopped = self.asked = False
        self.aside: Aside | None = None  # who writes one now, and of which name
        self._path = Path()
        # When the next may be written, and when the one to come is due: s of a clock that nobody sets.
        self._rested = self._due = 0.0

    def run(self, gone: object) -> None:
        """Record until stopped, or until the target is gone."""
        assert callable(gone)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGUSR1, self._ask)
        looked = time.monotonic()
        while not self.stopped:
            self.see(self.recording.wait(self._patience(), *([self.aside.fileno()] if self.aside else ())))
            if self.aside and self.aside.finished():
                self.finish()
            if self.asked and not self.aside:
                self.asked = False
                self.write(time.time_ns())
            if time.monotonic() - looked > 1:
                looked = time.monotonic()
                if gone():
                    warn(f"{self.recording.target} is gone")
                    break
        time.sleep(LATEST)
        self.finish()
        self.see(self.recording.drain())
        self.finish()
        if self.begun:
            self.write(self.begun)
        self.finish()

    def see(self, seen: Sequence[Seen]) -> None:
        """Take in what was caught; write the case whose time has come."""
        for one in seen:
            if why := self._trigger(one):
                self.met += 1
                if not self.begun:
                    self.begun = one.caught.segment.ts
                    self._due = max(time.monotonic() + self.after / _SECOND, self._rested)
                    warn(f"{TRIGGERS[why]}")
        if self.begun and not self.aside and time.monotonic() >= self._due:
            self.write(self.begun)

    def write(self, moment: int) -> None:
        """Have a case file written, from some time before a moment (ns) until now."""
        from bypeer.live.aside import Aside

        self.begun, self._rested = 0, time.monotonic() + PAUSE
        until = max(time.time_ns(), moment + self.after)  # the clock may have been set back meanwhile
        if not self.quota.room():
            self.refused += 1
            if self.refused == 1:
                warn(
                    f"{self.quota.folder} is full (--max-cases, --max-disk); from here on it is only counted"
                )
            return
        path = self._path = named_by_time(self.quota.folder, moment)
        since = moment - self.before
        self.recording.settle()
        # Aside: it takes longer than the rings have room for what passes meanwhile.
        self.aside = Aside(lambda: self.recording.write(path, since, until).verdict.headline)

    def finish(self) -> None:
        """Wait for the case file that is being written, and say what came of it."""
        if self.aside is None:
            return
        done, text = self.aside.result()
        self.aside = None
        self.written += done
        self.refused += not done
        warn(f"{self._path}: {text}")

    def summary(self) -> str:
        """What came of it."""
        text = f"{self.recording.resets} RSTs seen, {self.written} case files"
        return f"{text}, {self.refused} not written" if self.refused else text

    def _trigger(self, one: Seen) -> str:
        """Which trigger that segment is, or ""."""
        from bypeer.core.nat import INITIAL_TTLS

        if one.role == "inside":
            return "reset" if "reset" in self.triggers else ""
        made_here = one.caught.outgoing and one.caught.segment.ttl in INITIAL_TTLS
        return "host" if made_here and "host" in self.triggers else ""

    def _patience(self) -> float:
        if not self.begun or self.aside:
            return 1.0
        return max(0.0, min(1.0, self._due - time.monotonic()))

    def _stop(self, number: int, frame: object) -> None:
        self.stopped = True

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
