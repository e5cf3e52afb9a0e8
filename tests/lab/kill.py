"""Kill the lab with SIGKILL at random moments of its plays, clean up once, and see whether all is as it was.

    sudo .venv/bin/python -m tests.lab.kill 20 [SEED]

The lab is started in a namespace of its own, which it may not change either. What it starts bears a mark in
its environment, so that none of it can be overlooked.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bypeer.lab.clean import clean
from bypeer.live.namespace import Namespace
from tests.live.kill import instances
from tests.live.nat import state

MARK = "BYPEER_TEST_MARK"
PLAYED = ("beyond-window", "closed-port", "abortive-close")
LATEST = 1.2  # s after its start: sooner than it is done
LEFT = 5.0  # s after its end, by when no process may be left


class Sight(NamedTuple):
    """All that a play might leave."""

    settings: dict[str, str]  # of the namespace in which it was started
    links: str
    named: list[str]  # namespaces
    folders: list[str]
    instances: list[str]
    processes: list[int]


def sight(space: Namespace, mark: str) -> Sight:
    """What there is."""
    return Sight(
        settings=state(space),
        links=space.call(_output, "ip", "-details", "address"),
        named=sorted(one.name for one in Path("/run/netns").glob("*")),
        folders=sorted(one.name for one in Path(tempfile.gettempdir()).glob("bypeer*")),
        instances=[one for one in instances() if not Path(f"/proc/{one.removeprefix('bypeer_')}").exists()],
        processes=marked(mark),
    )


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def marked(mark: str) -> list[int]:
    """Processes that bear the mark, and have not ended."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def start(space: Namespace, mark: str, name: str) -> subprocess.Popen[bytes]:
    """A play that has begun."""
    command = [sys.executable, "-m", "bypeer", "lab", "run", name]
    environment = {**os.environ, MARK: mark}
    return space.call(
        subprocess.Popen, command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def kill(space: Namespace, mark: str, name: str, at: float) -> tuple[bool, float]:
    """Start a play and kill it after so long; whether it was still playing, and s until nobody was left."""
    play = start(space, mark, name)
    try:
        play.wait(at)
        amid = False
    except subprocess.TimeoutExpired:
        amid = True
    play.kill()
    killed = time.monotonic()
    play.wait()
    while marked(mark) and time.monotonic() < killed + LEFT:
        time.sleep(0.02)
    return amid, time.monotonic() - killed


def rounds(number: int, seed: int) -> list[str]:
    """Kill that often and clean once; what differs from before, a line each."""
    chance, mark = random.Random(seed), f"{os.getpid()}-{seed}"
    amid, slowest = 0, 0.0
    with Namespace() as space:
        before = sight(space, mark)
        for _ in range(number):
            was, took = kill(space, mark, chance.choice(PLAYED), chance.uniform(0.1, LATEST))
            amid, slowest = amid + was, max(slowest, took)
        removed = clean()
        after = sight(space, mark)
    left = [
        f"{name}: {was} before, {now} after"
        for name, was, now in zip(Sight._fields, before, after, strict=True)
        if was != now
    ]
    say(f"seed {seed}: {number} kills, {amid} of them amid a play; nobody was left {slowest:.2f} s later")
    say(f"removed: {len(removed)}: {', '.join(removed)}")
    return left if amid else ["no play was killed amid: nothing was shown"]


def say(line: str) -> None:
    """To who started it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(number: int, seed: int) -> int:
    """Kill that often; 1 if anything is left."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        left = rounds(number, seed)
    say("\n".join(left) or "all is as it was")
    return 1 if left else 0


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*words) if len(words) > 1 else main(words[0] if words else 20, random.randrange(1 << 32)))
