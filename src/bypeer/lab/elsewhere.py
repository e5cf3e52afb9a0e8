"""Scenarios under another kernel: many in one boot of a virtual machine, each result as it comes.

    for result in play_on("5.10", ["late-segment", "beyond-window"]):
        ...

Inside runs this same bypeer over this machine's files (vm.py, plays.py). What it writes to disk nobody else
sees, so that case files come back through its output, beside the results.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bypeer.errors import HostError
from bypeer.lab import debian, vm
from bypeer.lab.plays import Play, case_in, meant, plays
from bypeer.lab.result import Result, from_json
from bypeer.lab.scenario import Pace

# A processor that is emulated: a play takes 10 to 20 times as long.
EMULATED = Pace(octets=0.5, patience=3)
_LONGEST = 240  # s: no play has taken a quarter of it


def play_on(
    kernel: str, names: Sequence[str], fix: str | None = None, rounds: int = 1, keep: Path | None = None
) -> Iterator[Result]:
    """Play those of the scenarios that are meant for a kernel of the cache, each so many times.

    `keep`: a folder for the case files. The machine is gone when the iteration ends. HostError where this
    machine lacks something, or the other one died.
    """
    wanted = plays(meant(names, debian.find(kernel).release), [fix or ""], rounds)
    return played_on(kernel, wanted, keep)


def played_on(kernel: str, wanted: Sequence[Play], keep: Path | None = None) -> Iterator[Result]:
    """Play these under a kernel of the cache, in one boot."""
    if not wanted:
        return
    job = json.dumps({"plays": wanted, "pace": EMULATED, "cases": keep is not None})
    argv = [sys.executable, "-m", "bypeer.lab.plays", job]
    rest, errors, heard = b"", b"", 0
    with closing(vm.stream(kernel, argv, timeout=_LONGEST * len(wanted))) as spoken:
        for descriptor, octets in spoken:
            if descriptor == 2:
                errors += octets
                continue
            *lines, rest = (rest + octets).split(b"\n")
            for line in lines:
                heard += 1
                yield _heard(json.loads(line), keep)
    if heard < len(wanted):
        said = errors.decode(errors="replace").strip().splitlines() or ["no word why"]
        raise HostError(f"under Linux {kernel} {heard} of {len(wanted)} were played: {said[-1]}")


def _heard(record: dict[str, Any], keep: Path | None) -> Result:
    """A result, out of its line; its case file goes where they are kept."""
    case = record.pop("case", None)
    result = from_json(record)
    if keep is not None and case is not None:
        case_in(keep, Play(result.name, result.remedy)).write_bytes(base64.b64decode(case))
    return result
