"""Many plays in a row, each with its result; here, and as a program of its own under another kernel.

    python -m bypeer.lab.plays '{"plays": [["late-segment", "drop-invalid"]], "pace": [0.5, 3]}'

prints a line of JSON for each: its result, and its case file if that was asked for.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bypeer.errors import HostError
from bypeer.lab.remedies import REMEDIES
from bypeer.lab.result import Result, of, unplayed
from bypeer.lab.scenario import HERE, Pace, paced
from bypeer.lab.scenarios import SCENARIOS
from bypeer.lab.stage import play


class Play(NamedTuple):
    """A scenario to be played once."""

    name: str
    remedy: str = ""  # "": none


def plays(names: Sequence[str], remedies: Sequence[str] = ("",), rounds: int = 1) -> list[Play]:
    """Each scenario with each remedy, and all of that so many times."""
    return [Play(name, one) for _ in range(rounds) for name in names for one in remedies]


def meant(names: Sequence[str], release: str) -> list[str]:
    """Those of the scenarios that say what is right on that kernel."""
    return [name for name in names if SCENARIOS[name].right(release)]


def played(
    wanted: Sequence[Play], keep: Path | None = None, pace: Pace = HERE, *, pair: bool = False
) -> Iterator[Result]:
    """Play them on the running kernel; `keep`: a folder for the case files; `pair`: as `play` has it.

    What cannot be played, as the kernel lacks something, has a result that says so.
    """
    release = os.uname().release
    for one in wanted:
        scenario, remedy = SCENARIOS[one.name], REMEDIES[one.remedy] if one.remedy else None
        path = case_in(keep, one) if keep else None
        try:
            yield of(play(paced(scenario, pace), release, remedy, path, pair=pair))
        except HostError as error:
            yield unplayed(scenario, release, remedy, str(error))


def case_in(folder: Path, one: Play) -> Path:
    """A name for a case file that is not taken yet."""
    stem, number = f"{one.name}+{one.remedy}".removesuffix("+"), 0
    while (path := folder / f"{stem}{f'.{number}' if number else ''}.pcapng").exists():
        number += 1
    return path


def main(asked: str) -> None:
    """Play what is asked for, and print each result with its case file."""
    job = json.loads(asked)
    with TemporaryDirectory() as folder:
        keep = Path(folder) if job.get("cases") else None
        for one in job["plays"]:
            for result in played([Play(*one)], keep, Pace(*job["pace"])):
                record = result._asdict()
                for path in Path(folder).iterdir():
                    record["case"] = base64.b64encode(path.read_bytes()).decode()
                    path.unlink()
                sys.stdout.write(json.dumps(record) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
