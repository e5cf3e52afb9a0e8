"""The tracker's step alone: ns a packet, compiled and as plain Python, and the same answers from both.

Two recordings: downloads as in bench/inputs.py, and conversations of lab/generate.py, most of which
go wrong. Each is played from memory, best of many, of the processor's time; the loop's own cost is
taken off. What making a record of a segment costs is told apart.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import bypeer
from bench.measure import table
from bypeer.capture.read import open_capture
from bypeer.core.conntrack import step
from bypeer.core.entry import Entry, Rules, Step
from bypeer.core.excerpt import Excerpt
from bypeer.core.kernels import named
from bypeer.core.scan import look_again, scan
from bypeer.core.segment import Segment
from bypeer.lab.generate import Generator
from bypeer.lab.wire import Packer

PACKETS = 20_000  # of a recording
TIMED, RUNS = 2_000, 100  # only its first, over and over, so that they stay near the processor
KERNEL = "6.18"
ANSWERS = (
    "ctstate", "direction", "index", "state_before", "state_after", "reason", "bound", "beyond",
    "seq_over", "seq_under", "ack_over", "ack_under", "lowered", "reopened", "unreplied",
)  # fmt: skip
Recording = tuple[list[Segment], bytes]  # the segments, and the ways of loop.played


def downloads(file: str) -> Recording:
    """Each connection of a capture as a conversation."""
    capture = open_capture(file)
    found = scan(capture)
    wanted = [(row, Excerpt()) for row in found.table.rows]
    look_again(capture, found, wanted)
    return recorded([one.rows for _, one in wanted])


def generated() -> Recording:
    """Conversations by chance."""
    generator = Generator(Rules(named(KERNEL)), Packer(4), nat=False, seed=1)
    found: list[list[tuple[int, Segment]]] = []
    count = 0
    while count < PACKETS:
        found.append(list(generator.conversation(len(found))))
        count += len(found[-1])
    return recorded(found)


def recorded(conversations: list[list[tuple[int, Segment]]]) -> Recording:
    """Conversations end to end."""
    segments = [segment for one in conversations for _, segment in one]
    ways = bytes(way | (row == 0) << 1 for one in conversations for row, (way, _) in enumerate(one))
    return segments, ways


def digest(segments: list[Segment], ways: bytes, rules: Rules) -> str:
    """A hash of all that the tracker says of all segments, and of the entry after each."""
    entry, out, told = Entry(), Step(), hashlib.sha256()
    for segment, way in zip(segments, ways, strict=True):
        if way & 2:
            entry.clear()
        step(entry, way & 1, segment, rules, out)
        told.update(repr([int(getattr(out, name)) for name in ANSWERS]).encode())
        told.update(repr([entry.state, entry.timeout, entry.deadline, entry.retrans]).encode())
    return told.hexdigest()


def best(work: Callable[..., object], recording: Sequence[object], *rest: object) -> float:
    """Ns a packet, of the processor's time."""
    took = []
    for _ in range(RUNS):
        start = time.process_time_ns()
        work(*recording, *rest)
        took.append(time.process_time_ns() - start)
    return min(took) / TIMED


def measure(loop: ModuleType, file: str) -> dict[str, dict[str, float | str]]:
    """What this process's modules need."""
    rules, entry, out = Rules(named(KERNEL)), Entry(), Step()
    found: dict[str, dict[str, float | str]] = {}
    for name, (segments, ways) in {"downloads": downloads(file), "generated": generated()}.items():
        some = segments[:TIMED], ways[:TIMED]
        idle = best(loop.walked, some, entry)
        found[name] = {
            "packets": len(segments),
            "step": best(loop.played, some, entry, rules, out) - idle,
            "copy": best(loop.copied, some, entry) - idle,
            "digest": digest(segments, ways, rules),
        }
    return found


def compile_loop(folder: Path) -> None:
    """Make loop.so of loop.py in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("loop.py", "loop.pxd"):
        shutil.copy(Path(__file__).with_name(name), folder)
    tool = Path(sys.executable).with_name("cythonize")
    command = [str(tool), "-i", "-q", "-3", "-X", "annotation_typing=False", "loop.py"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def child(path: Path, file: str) -> dict[str, dict[str, float | str]]:
    """Measure in a process of its own, whose modules are looked for there first."""
    environment = os.environ | {"PYTHONPATH": str(path.resolve())}
    command = [sys.executable, "-m", "bench.tracker", file]
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    found: dict[str, dict[str, float | str]] = json.loads(run.stdout)
    return found


def compare(folder: Path, file: str) -> bool:
    """Print both worlds' figures; whether they agree."""
    if not bypeer.compiled():
        sys.stdout.write("- the tracker's step: skipped: bypeer is not compiled here\n\n")
        return True
    sources, compiled = folder / "sources", folder / "compiled"
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(
        Path(bypeer.__file__).parent, sources / "bypeer", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    compile_loop(compiled)
    fast, slow = child(compiled, file), child(sources, file)
    rows, agree = [], True
    for name, one in fast.items():
        other = slow[name]
        same = one["digest"] == other["digest"]
        agree = agree and same
        for part, title in {"step": "step", "copy": "a Segment copied"}.items():
            quick, long = float(one[part]), float(other[part])
            said = ("yes" if same else "NO") if part == "step" else ""
            rows.append([f"{name}: {title}", f"{quick:.0f}", f"{long:,.0f}", f"{long / quick:.0f}", said])
    head = ("The tracker, ns a packet", "compiled", "plain Python", "ratio", f"{PACKETS:,} answers alike")
    table(head, rows)
    return agree


def main() -> None:
    """Measure this process's modules over the downloads in a file, and print it as JSON."""
    loop = import_module("loop" if bypeer.compiled() else "bench.loop")
    sys.stdout.write(json.dumps(measure(loop, sys.argv[1])))


if __name__ == "__main__":
    main()
