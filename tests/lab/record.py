"""What a kernel answers to generated packets, recorded, so that the model can be held to it anywhere.

    python -m tests.lab.record NAME ...   boots those of `bypeer lab kernels list`, writes their files
    python -m tests.lab.record            writes the running kernel's answers to stdout

A recording is gzipped text. Its first line is the kernel's version; then come a line `== WORLD` for
each of worlds.py and a line a packet: the answer (tracker.py) as a hexadecimal number, and what was
logged, if anything was, each line after a tab. The packets are those of generate.py with seed SEED
and the rules of that version, so a change of the generator wants new recordings.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bypeer.core.entry import Rules
from bypeer.core.kernels import Kernel, named
from bypeer.lab import debian, vm
from bypeer.lab.agree import running
from bypeer.lab.chance import mixed
from bypeer.lab.generate import LONGEST_EVER, Generator
from bypeer.lab.oracle import Oracle
from bypeer.lab.wire import Batch, Packer
from bypeer.lab.worlds import WORLDS, World

FOLDER = Path(__file__).parent / "answers"
SEED, MOST = 11, 600  # packets of a world


class Answer(NamedTuple):
    """What was said of a packet."""

    number: int
    lines: list[str]


class Recording(NamedTuple):
    """A file."""

    version: str
    worlds: dict[str, list[Answer]]


def generate(kernel: Kernel, number: int, world: World) -> tuple[Generator, Batch]:
    """The packets of a world, and what the model expects of them."""
    packer = Packer(world.version, world.nat)
    rules = Rules(kernel, world.sysctls)
    generator = Generator(rules, packer, bool(world.nat), mixed(SEED, number), reasons=True)
    batch = Batch(LONGEST_EVER + MOST)
    generator.fill(batch, 0)
    return generator, batch


def record() -> Iterator[str]:
    """The running kernel's answers, as lines of a recording."""
    kernel = named(running())
    yield running()
    for number, world in enumerate(WORLDS):
        yield f"== {world.name}"
        _, batch = generate(kernel, number, world)
        with Oracle(
            world.sysctls, nat=world.nat, version=world.version, reasons=True, kernel=kernel
        ) as oracle:
            answers = oracle.play(batch)
            for answer, lines in zip(answers, oracle.lines(batch), strict=True):
                yield "\t".join((f"{answer:x}", *lines))


def read(path: Path) -> Recording:
    """A recording from its file."""
    version, *rows = gzip.decompress(path.read_bytes()).decode().splitlines()
    found = Recording(version, {})
    for row in rows:
        if row.startswith("== "):
            answers = found.worlds[row.removeprefix("== ")] = []
        else:
            number, *lines = row.split("\t")
            answers.append(Answer(int(number, 16), lines))
    return found


def main(names: list[str]) -> None:
    """Record under each of those kernels; under the running one, to stdout, if there is none."""
    if not names:
        sys.stdout.writelines(line + "\n" for line in record())
    for name in names:
        version = debian.find(name).version
        done = vm.run(name, [sys.executable, "-m", "tests.lab.record"])
        sys.stderr.buffer.write(done.stderr)
        if done.status:
            sys.exit(done.status)
        assert done.stdout.startswith(f"{version}\n".encode())
        for old in FOLDER.glob(f"{version.rpartition('.')[0]}.*.gz"):
            old.unlink()
        (FOLDER / f"{version}.gz").write_bytes(gzip.compress(done.stdout, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:])
