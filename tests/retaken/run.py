"""Known cases taken otherwise, by chance: `python -m tests.retaken.run N [SEED [ONLY]]`, or `make retaken`.

The cases are the pairs of tests/captures, those that BYPEER_SHARED names, and case files of the folder that
BYPEER_CASES names (`bypeer lab run --all --keep FOLDER`). What is FAITHFUL must have the same verdict; what
is LOSSY the same, or an undetermined one; whether the first was right is for other tests to say. What has
another is printed and kept in build/retaken.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from bypeer import api
from tests import variants
from tests.retaken.faithful import FAITHFUL
from tests.retaken.lossy import LOSSY
from tests.retaken.pair import Pair, read, write

KEPT = Path("build/retaken")
LARGEST = 4 << 20  # octets of a case file
MOST = 3  # connections of a case
WHY = "nothing passed at one side, or of many connections the one that failed may be lacking"


class Told(NamedTuple):
    """What of a verdict must not become something else."""

    killed_by: str
    cause: str
    certainty: str
    outcome: str
    fits: frozenset[str]  # causes that the packets do not tell apart
    connections: int

    def __str__(self) -> str:
        return f"{self.killed_by} {self.cause or '-'} {self.outcome} {self.certainty}"

    def agrees(self, base: Told, ways: Sequence[str]) -> bool:
        """Whether it says what the other says, or that it does not know."""
        same = self.killed_by == base.killed_by and self.cause in {base.cause, *base.fits}
        if not same and base.certainty == "undetermined":
            return self.certainty != "certain"  # what is known of it says nothing
        if same or not set(ways) & (set(LOSSY) | VAGUE):
            return same
        if self.killed_by == base.killed_by and not self.cause:
            return True
        if "ended_early" in ways and self.killed_by == "none" and self.outcome == "unknown":
            return True  # what came later is not known
        return self.certainty == "undetermined" or self.killed_by == "unknown"


def told(paths: list[Path]) -> Told:
    """The verdict on these captures."""
    explained = api.explain(paths, digest=None)
    found, count = explained.verdict, explained.totals.connections
    fits = frozenset(found.candidates)
    return Told(found.killed_by, found.cause or "", found.certainty, found.client_outcome, fits, count)


def cases() -> dict[str, list[Path]]:
    """The files of each case that is at hand."""
    found = {}
    for folder in sorted(Path("tests/captures").iterdir()):
        if (folder / "inside.pcap").exists():
            found[folder.name] = [folder / "inside.pcap", folder / "outside.pcap"]
    if shared := os.environ.get("BYPEER_SHARED"):
        for folder in sorted(Path(shared, "captures").iterdir()):
            if folder.is_dir():
                found[folder.name] = [folder / "container_eth0.pcap", folder / "host_ext0.pcap"]
    if kept := os.environ.get("BYPEER_CASES"):
        for path in sorted(Path(kept).glob("*.pcapng")):
            if path.stat().st_size <= LARGEST:
                found[path.stem] = [path]
    return found


def drawn(chance: Random) -> list[str]:
    """The names of one to three ways, and of a form."""
    faithful = chance.sample(list(FAITHFUL), chance.choice((0, 1, 2)))
    lossy = chance.sample(list(LOSSY), 1 if chance.random() < 0.75 or not faithful else 0)
    if "among_others" in faithful:
        lossy = [one for one in lossy if one != "no_connection_apart"]  # theirs might be the busiest
    form = chance.choice(list(FORMS)) if "tagged" not in faithful and chance.random() < 0.3 else PAIR
    if form in ONE_FILE:
        faithful, lossy = ([one for one in some if one not in APART] for some in (faithful, lossy))
    return [*faithful, *lossy, form]


def retaken(pair: Pair, ways: list[str], chance: Random) -> Pair:
    """The pair, taken otherwise."""
    tagged = "tagged" in ways  # last, since what is changed has no tag
    for name in [one for one in ways[:-1] if one != "tagged"] + ["tagged"] * tagged:
        pair = (FAITHFUL | LOSSY)[name](pair, chance)
    return pair


def printed(paths: list[Path], folder: Path) -> list[Path]:
    """What tcpdump prints of them."""
    found = []
    for path in paths:
        found.append(folder / f"{path.stem}.txt")
        with found[-1].open("wb") as text:
            subprocess.run(
                ["tcpdump", "-nn", "-tttt", "-v", "-r", path],
                stdout=text,
                stderr=subprocess.DEVNULL,
                check=True,
            )
    return found


PAIR = "pair"
FORMS: dict[str, Callable[[list[Path], Path], list[Path]]] = {
    PAIR: lambda paths, _: paths,
    "swapped": lambda paths, _: paths[::-1],
    "pcapng": lambda paths, folder: [variants.as_pcapng(paths, folder / "both.pcapng")],
    "SLL2": lambda paths, folder: [variants.as_any(paths, folder / "any.pcap")],
    "merged": lambda paths, folder: [variants.as_one(paths, folder / "both.pcap")],
    "printed": printed,
}
VAGUE = {"merged", "printed"}
ONE_FILE = {"pcapng", "SLL2", "merged"}  # which has one clock, and begins and ends once
APART = {"other_clock", "drifting_clock", "began_late", "ended_early"}


def run(count: int, seed: str, only: int | None = None) -> list[int]:
    """Take numbers 1 to `count`, or one of them; the numbers of those that are told otherwise."""
    files, finds, undetermined, left_out = cases(), list[int](), 0, 0
    pairs: dict[str, tuple[Pair, Told]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(1, count + 1) if only is None else (only,):
            chance = Random(f"{seed}:{number}")
            case = chance.choice(list(files))
            if case not in pairs:
                pair = read(files[case])
                pairs[case] = pair, told(write(pair, folder))
            pair, base = pairs[case]
            if not all(pair.values()) or base.connections > MOST:
                left_out += 1
                continue
            ways = drawn(chance)
            paths = FORMS[ways[-1]](write(retaken(pair, ways, chance), folder), folder)
            found = told(paths)
            undetermined += found.certainty == "undetermined"
            if not found.agrees(base, ways):
                finds.append(number)
                sys.stdout.write(f"{number}: {case}, {' '.join(ways)}: {base} -> {found}\n")
                sys.stdout.flush()
                _keep(paths, KEPT / f"{seed}-{number}")
    sys.stdout.write(f"retaken: {undetermined} of {count} undetermined; {left_out} left out: {WHY}\n")
    return finds


def _keep(paths: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        shutil.copy(path, folder)


def main(count: str = "1000", seed: str = "", only: str = "") -> int:
    """Run as a command."""
    seed = seed or secrets.token_hex(4)
    sys.stdout.write(f"retaken: {count} of {len(cases())} cases, seed {seed}\n")
    if shutil.which("tcpdump") is None:
        sys.stdout.write("retaken: there is no tcpdump: nothing is printed\n")
        del FORMS["printed"]
    found = run(int(count), seed, int(only) if only else None)
    sys.stdout.write(f"retaken: {len(found)} told otherwise {found[:20]}\n")
    return int(bool(found))


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    sys.exit(main(*sys.argv[1:]))
