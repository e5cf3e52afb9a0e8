"""Kill a recorder with SIGKILL at random moments, and see whether the host is as it was.

    sudo .venv/bin/python -m tests.live.kill 50 [SEED]

The recorder opens and closes all of its evidence again and again, so that it is hit before, amid and
after its changes.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from bypeer.live.changes import LOGGING, read_sysctl
from bypeer.live.namespace import Namespace
from tests.live.nat import Net, nat_host, run, state

RECORDER = """
from bypeer.live.evidence import Evidence
while True:
    with Evidence(allow=True) as evidence:
        for _ in range(20):
            evidence.wait(0.01)
            evidence.sample()
"""
LATEST = 1.5  # s after its start
LEFT = 2.0  # s after its end, by when all must be as before


class Round(NamedTuple):
    """What one kill came to."""

    at: float  # s after the recorder's start
    changed: bool  # whether the host was changed at that moment
    restored: float  # s after the kill: the host was as before; infinite if never
    left: list[str]  # what was left after LEFT


def kill(net: Net, at: float) -> Round:
    """Start a recorder on the NAT host, kill it after that time, and look."""
    before, there, short = state(net.host), leftovers(net), net.host.call(_in_short)
    recorder = net.host.call(subprocess.Popen, [sys.executable, "-c", RECORDER])
    time.sleep(at)
    changed = net.host.call(_settings) != short[1:]
    recorder.kill()
    killed = time.monotonic()
    recorder.wait()
    restored = float("inf")
    while time.monotonic() < killed + LEFT:
        if restored == float("inf") and net.host.call(_in_short) == short:
            restored = time.monotonic() - killed
        time.sleep(0.01)
    after = state(net.host)
    left = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    return Round(at, changed, restored, left + [one for one in leftovers(net) if one not in there])


def _in_short() -> list[str | None]:
    """What a recorder changes: looked at in few ms, as the whole state is not."""
    return [run("nft", "list", "ruleset"), *_settings()]


def _settings() -> list[str | None]:
    return [read_sysctl(name) for name in LOGGING]


def inhabitants(namespace: Namespace) -> list[int]:
    """The processes in a namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.stat(process / "ns/net").st_ino == namespace.inode:
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended meanwhile, or we may not look at it: then it is not ours
    return found


def leftovers(net: Net) -> list[str]:
    """Processes in the host's namespace, and tracing instances of ours that no process has."""
    lost = [name for name in instances() if not Path(f"/proc/{name.removeprefix('bypeer_')}").exists()]
    return [f"process {pid}" for pid in inhabitants(net.host)] + lost


def instances() -> list[str]:
    """The tracing instances of ours that there are on this machine."""
    from bypeer.errors import HostError
    from bypeer.live.tracefs import mount

    try:
        root = mount()
    except HostError:
        return []  # a kernel without tracing has no instances
    try:
        folder = os.open("instances", os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
        names = os.listdir(folder)
        os.close(folder)
    finally:
        os.close(root)
    return [name for name in names if name.startswith("bypeer_")]


def main(rounds: int, seed: int) -> int:
    """Kill that often; 1 if anything was left, or the host was not as before within a second."""
    chance = random.Random(seed)
    say(f"seed {seed}")
    done = []
    with nat_host() as net:
        for _ in range(rounds):
            done.append(kill(net, chance.uniform(0, LATEST)))
            say(str(done[-1]))
    amid = [one.restored for one in done if one.changed]
    bad = [one for one in done if one.left or one.restored > 1]
    slowest = max(amid, default=0.0)
    say(f"{rounds} kills, {len(amid)} amid changes; the host was as before {slowest:.3f} s later at most")
    say(f"left or late: {len(bad)}")
    return 1 if bad or not amid else 0


def say(line: str) -> None:
    """To who started it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*words) if len(words) > 1 else main(words[0] if words else 50, random.randrange(1 << 32)))
