"""Mutated captures through bypeer: `python -m tests.fuzz.run N [SEED [ONLY]]`, or `make fuzz N=...`.

Each input is opened and scanned, some are explained and rendered, some scanned by the sources as by
the compiled modules. A find is an exception but CaptureError, more than ten seconds, a difference, a
control character in what is shown, or memory that grows. It is kept as a file in build/fuzz, and its
number with the seed makes it again.
"""

from __future__ import annotations

import os
import resource
import secrets
import signal
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import seeds
from tests.pure import inside

SECONDS = 10
EXPLAINED, COMPARED = 20, 20  # one input in so many
WARM = 5_000  # inputs before memory is expected to stay
GROWTH = 48 << 10  # KiB by which it may grow then: buffers of a larger input
KEPT = Path("build/fuzz")
SIMPLE = (int, str, float, bool, type(None))


class Library:
    """bypeer's modules of one world."""

    def __init__(self, world: str) -> None:
        with inside(world):
            self.open = import_module("bypeer.capture.read").open_capture
            self.scan = import_module("bypeer.core.scan").scan
            self.explain = import_module("bypeer.api").explain
            self.text = import_module("bypeer.report.text").render
            self.json = import_module("bypeer.report.json").render
            self.refused = import_module("bypeer.errors").CaptureError

    def scanned(self, path: Path) -> Any:
        """What a scan finds, with all segments; or why there is none."""
        try:
            capture = self.open(path)
        except self.refused as error:
            return str(error)
        try:
            found = self.scan(capture)
            counts = [getattr(found, name) for name in found.__slots__ if name != "table"]
            told = [capture.damage, capture.losses, capture.comments, capture.interfaces]
            return [*counts, found.table.rows, *told]
        finally:
            capture.close()


def plain(value: Any) -> Any:
    """A record of either world, as what can be compared."""
    if isinstance(value, SIMPLE):
        return value
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    fields = ((name, getattr(value, name)) for name in dir(value) if not name.startswith("_"))
    return [(name, plain(field)) for name, field in fields if not callable(field)]


def shown(library: Library, path: Path) -> None:
    """Explain an input and render that; what would steer a terminal must not be in it."""
    try:
        found = library.explain([path])
    except library.refused:
        return
    for text in (library.text(found, colour=False, width=100), library.json(found)):
        strange = {sign for sign in text if (sign < " " and sign != "\n") or "\x7f" <= sign < "\xa0"}
        assert not strange, f"control characters are shown: {strange}"


def tried(number: int, path: Path, fast: Library, slow: Library) -> None:
    """One input through all that it is meant for."""
    found = fast.scanned(path)
    if number % COMPARED == 0:
        one, other = plain(found), plain(slow.scanned(path))
        assert one == other, f"compiled: {one}\nsource: {other}"
    if number % EXPLAINED == 1:
        shown(fast, path)


def late(*_: object) -> None:
    """Handle the alarm."""
    raise TimeoutError(f"over {SECONDS} s")


def run(count: int, seed: str, only: int | None = None) -> list[int]:
    """Try inputs 1 to `count`, or one of them; the numbers of the finds."""
    fast, slow = Library("compiled"), Library("source")
    given, finds, settled = seeds(), list[int](), 0
    signal.signal(signal.SIGALRM, late)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "input")
        for number in range(1, count + 1) if only is None else (only,):
            path.write_bytes(mutated(Random(f"{seed}:{number}"), given))
            signal.alarm(SECONDS)
            try:
                tried(number, path, fast, slow)
            except Exception:
                finds.append(number)
                KEPT.mkdir(parents=True, exist_ok=True)
                Path(KEPT, f"{seed}-{number}").write_bytes(path.read_bytes())
                sys.stderr.write(f"input {number} of seed {seed}:\n{traceback.format_exc()[-2_000:]}\n")
            finally:
                signal.alarm(0)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            settled = peak if number <= WARM else settled
            assert peak <= settled + GROWTH or only, f"memory grew to {peak} KiB by input {number}"
    return finds


def main(count: str = "100000", seed: str = "", only: str = "") -> int:
    """Run as a command."""
    seed = seed or secrets.token_hex(4)
    sys.stdout.write(f"fuzz: {count} inputs, seed {seed}\n")
    sys.stdout.flush()
    start = time.monotonic()
    finds = run(int(count), seed, int(only) if only else None)
    took = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    sys.stdout.write(f"fuzz: {len(finds)} finds {finds[:20]}, {took:.0f} s, peak {peak} MiB\n")
    return int(bool(finds))


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    sys.exit(main(*sys.argv[1:]))
