"""One run of a whole process: how long it took, on the clock and of a processor, and its memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import Timer
from typing import NamedTuple

LONGEST = 300  # s; what takes longer is ended


class Run(NamedTuple):
    """What one run cost."""

    seconds: float  # on the clock
    cpu: float  # s, of its own processes
    peak: int  # octets that were resident; not known where it is no more than this process itself has had
    failure: str  # "" or why it counts for nothing


@contextmanager
def processors(few: int) -> Iterator[None]:
    """What is begun in the block runs on that many processors, the last ones there are."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-few:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run(command: Sequence[str], few: int = 1, well: Sequence[int] = (0,), feeder: Sequence[str] = ()) -> Run:
    """Run a command on that many processors; `feeder` is a command whose output it reads.

    `well`: its exit statuses that are no failure.
    """
    source = subprocess.Popen(feeder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) if feeder else None
    with TemporaryFile() as said, processors(few):
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=source.stdout if source else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        end = Timer(LONGEST, process.kill)
        end.start()
        if source and source.stdout:
            source.stdout.close()  # so that the feeder ends when its reader does
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        end.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if source:
            source.wait()
        said.seek(0)
        last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
    failure = ""
    if process.returncode not in well:
        failure = last or f"exit status {process.returncode}"
        if process.returncode < 0:
            failure = (
                f"ended after {seconds:.0f} s" if seconds >= LONGEST else f"signal {-process.returncode}"
            )
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10, failure)


def mib(peak: int) -> str:
    """Resident memory for a table: a new process begins as a copy of this one, so less does not show."""
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return f"< {floor / (1 << 20):.0f}" if peak <= floor else f"{peak / (1 << 20):.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table; all columns but the first are numbers."""
    sys.stdout.write(f"| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}\n")
    for row in rows:
        sys.stdout.write(f"| {' | '.join(row)} |\n")
    sys.stdout.write("\n")
    sys.stdout.flush()
