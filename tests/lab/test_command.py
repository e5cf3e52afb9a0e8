"""`bypeer lab agree`, as it is called."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from bypeer.core.kernels import Kernel
from tests.lab.unprivileged import without_privilege

pytestmark = pytest.mark.lab

COMMAND = [sys.executable, "-m", "bypeer", "lab", "agree"]


def run(*args: str, command: Sequence[str] = COMMAND) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *args], capture_output=True, text=True, check=False)


def test_agreement_ends_with_0(running: Kernel) -> None:
    done = run("--packets", "3000", "--seed", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"the model of Linux {running.name}" in done.stdout
    assert "agree on all" in done.stdout


def test_json_has_it_all(running: Kernel) -> None:
    found = json.loads(run("--packets", "3000", "--reasons", "-o", "json").stdout)
    assert found["disagreement"] is None
    assert found["kernel"] == running.name
    assert found["logged"] > 300
    assert found["coverage"]["cells"] > 500


def test_disagreement_ends_with_1_and_a_script(running: Kernel) -> None:
    done = run("--packets", "20000", "--rules", "4.19")
    if running.name == "4.19":
        pytest.skip("it is the running one")
    assert done.returncode == 1
    assert "disagree: verdict" in done.stdout
    assert "> S 0:0(0)" in done.stdout
    assert "// kernel: " in done.stdout


def test_rules_of_no_kernel() -> None:
    done = run("--rules", "nonsense")
    assert done.returncode == 2
    assert "--rules" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
def test_without_privilege_it_ends_with_5() -> None:
    done = run("--packets", "1000", command=[*without_privilege(), *COMMAND[1:]])
    assert done.returncode == 5, done.stderr
    assert "needs root" in done.stderr


def namespaces(pid: int) -> set[str]:
    """The network namespaces that a process holds open."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(link))
        except OSError:
            continue
    return {target for target in found if target.startswith("net:")}


def test_killed_it_leaves_nothing(running: Kernel) -> None:
    before = sorted(os.listdir("/sys/class/net"))
    with subprocess.Popen([*COMMAND, "--packets", "100000000"], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 20
        held: set[str] = set()
        while not held and time.monotonic() < deadline:
            held = namespaces(process.pid)
        assert held
        process.send_signal(signal.SIGKILL)
    others = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    left = set()
    for pid in others:
        try:
            left |= namespaces(pid) | {os.readlink(f"/proc/{pid}/ns/net")}
        except OSError:
            continue
    assert not held & left
    assert not {"clients", "servers"} & set(os.listdir("/sys/class/net"))
    assert set(before) - set(os.listdir("/sys/class/net")) == set()
