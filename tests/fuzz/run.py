"""Mutated captures through bypeer: `python -m tests.fuzz.run N [SEED [ONLY [text]]]`, or `make fuzz N=...`.

One input in three is printed text, with `text` all are. Each is opened and scanned, some are explained
and rendered, some scanned and drawn by the sources as by the compiled modules, some explained after a second
reading as after one. A find is an exception but
CaptureError, more than ten seconds, a difference, a control character in what is shown, or memory
that grows. It is kept as a file in build/fuzz, and its number with the seed makes it again.
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
from array import array
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from tests.fuzz.mutate import mutated
from tests.fuzz.printed import texts
from tests.fuzz.seeds import seeds
from tests.pure import inside

SECONDS = 10
EXPLAINED, COMPARED, DRAWN, REREAD, TEXTS = 20, 20, 20, 20, 3  # one input in so many
# What makes even a small capture one that is read twice, and in pieces.
LITTLE = (
    ("capture.jobs", "_MANY", 0),
    ("capture.walk", "_BATCH", 3),
    ("capture.pcapng", "BATCH", 3),
    ("core.scan", "_GROUP", 2),
    ("core.trail", "_NEAR", 0),
)
WARM = 5_000  # inputs before memory is expected to stay
GROWTH = 48 << 10  # KiB by which it may grow then: buffers of a larger input
KEPT = Path("build/fuzz")
SIMPLE = (int, str, float, bool, type(None))


class Library:
    """bypeer's modules of one world."""

    def __init__(self, world: str) -> None:
        self.world = world  # to be entered at each use: read.py imports text.py only when it meets one
        with inside(world):
            self.open = import_module("bypeer.capture.read").open_capture
            self.scan = import_module("bypeer.core.scan").scan
            self.explain = import_module("bypeer.api").explain
            self.pictures = import_module("bypeer.api").pictures
            self.text = import_module("bypeer.report.text").render
            reports = [import_module(f"bypeer.report.{name}") for name in ("json", "markdown", "tcpdump")]
            self.renders = [one.render for one in reports]
            self.refused = import_module("bypeer.errors").CaptureError

    def scanned(self, path: Path) -> Any:
        """What a scan finds, with all segments; or why there is none."""
        with inside(self.world), ExitStack() as stack:
            try:
                capture = stack.enter_context(closing(self.open(path)))
            except self.refused as error:
                return str(error)
            found = self.scan(capture)
            counts = {name: getattr(found, name) for name in found.__slots__ if name != "table"}
            told = [capture.damage, capture.losses, capture.comments, capture.interfaces, capture.names]
            return [counts, found.table.rows, *told, capture.oddities, capture.events]

    def told(self, path: Path) -> str:
        """What is made of it, as JSON; or why nothing is."""
        with inside(self.world):
            try:
                return str(self.renders[0](self.explain([path])))
            except self.refused as error:
                return str(error)

    def told_after_two(self, path: Path) -> str:
        """The same, but from a second reading, which leaves out whatever it can. Only of the sources."""
        with inside(self.world), ExitStack() as stack:
            for name, constant, value in LITTLE:
                stack.enter_context(patch.object(import_module(f"bypeer.{name}"), constant, value))
            return self.told(path)

    def drawn(self, path: Path) -> Any:
        """The picture of a connection in it, or why there is none."""
        with inside(self.world):
            try:
                return self.pictures([path])
            except self.refused as error:
                return str(error)


def plain(value: Any) -> Any:
    """A record of either world, as what can be compared."""
    if isinstance(value, SIMPLE):
        return value
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset | array):
        return [plain(one) for one in value]
    fields = ((name, getattr(value, name)) for name in dir(value) if not name.startswith("_"))
    return [(name, plain(field)) for name, field in fields if not callable(field)]


def shown(library: Library, path: Path) -> None:
    """Explain an input and render that; what would steer a terminal must not be in it."""
    with inside(library.world):
        try:
            found = library.explain([path])
        except library.refused:
            return
    for text in (
        library.text(found, colour=False, width=100),
        *(render(found) for render in library.renders),
    ):
        strange = {sign for sign in text if not (sign.isprintable() or sign == "\n")}
        assert not strange, f"control characters are shown: {strange}"


def tried(number: int, path: Path, fast: Library, slow: Library) -> None:
    """One input through all that it is meant for."""
    found = fast.scanned(path)
    if number % COMPARED == 0:
        one, other = plain(found), plain(slow.scanned(path))
        assert one == other, f"compiled: {one}\nsource: {other}"
    if number % EXPLAINED == 1:
        shown(fast, path)
    if number % DRAWN == 2:
        one, other = plain(fast.drawn(path)), plain(slow.drawn(path))
        assert one == other, "compiled and source draw another picture"
    if number % REREAD == 3:
        assert fast.told(path) == slow.told_after_two(path), "a second reading tells another story"


def late(*_: object) -> None:
    """Handle the alarm."""
    raise TimeoutError(f"over {SECONDS} s")


def run(count: int, seed: str, only: int | None = None, kind: str = "") -> list[int]:
    """Try inputs 1 to `count`, or one of them, of text alone if `kind` says so; the numbers of the finds."""
    fast, slow = Library("compiled"), Library("source")
    captures, printed, finds, settled = seeds(), texts(), list[int](), 0
    longest, slowest = 0.0, 0  # of its seconds; the input's number
    signal.signal(signal.SIGALRM, late)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "input")
        for number in range(1, count + 1) if only is None else (only,):
            given = printed if kind == "text" or number % TEXTS == 0 else captures
            path.unlink(missing_ok=True)  # a new file: some file systems write out what is truncated
            path.write_bytes(mutated(Random(f"{seed}:{number}"), given))
            signal.alarm(SECONDS)
            start = time.process_time()
            try:
                tried(number, path, fast, slow)
            except Exception:
                finds.append(number)
                KEPT.mkdir(parents=True, exist_ok=True)
                Path(KEPT, f"{seed}-{number}").write_bytes(path.read_bytes())
                sys.stderr.write(f"input {number} of seed {seed}:\n{traceback.format_exc()[-2_000:]}\n")
            finally:
                signal.alarm(0)
            longest, slowest = max((longest, slowest), (time.process_time() - start, number))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            settled = peak if number <= WARM else settled
            assert peak <= settled + GROWTH or only, f"memory grew to {peak} KiB by input {number}"
    sys.stdout.write(f"fuzz: input {slowest} took longest, {longest:.2f} s\n")
    return finds


def main(count: str = "100000", seed: str = "", only: str = "", kind: str = "") -> int:
    """Run as a command."""
    seed = seed or secrets.token_hex(4)
    sys.stdout.write(f"fuzz: {count} inputs{kind and f' of {kind}'}, seed {seed}\n")
    sys.stdout.flush()
    start = time.monotonic()
    finds = run(int(count), seed, int(only) if only else None, kind)
    took = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    sys.stdout.write(f"fuzz: {len(finds)} finds {finds[:20]}, {took:.0f} s, peak {peak} MiB\n")
    return int(bool(finds))


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    sys.exit(main(*sys.argv[1:]))
