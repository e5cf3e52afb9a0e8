"""A command in another namespace: where it runs, as whom, and how its end is told."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bypeer.errors import HostError
from bypeer.live.command import RESOLV, Command, User, invoking, resolv_conf

rooted = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = User(65534, 65534, (65534,), {"HOME": "/nonexistent"})


def said(path: Path, *words: str, **how: Any) -> str:
    """What a shell says that runs so."""
    with Command(("sh", "-c", f"exec >{path}; " + words[0]), **how) as command:
        command.go()
        assert command.wait() == 0
    return path.read_text().strip()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("sh", "-c", "exit 7"), 7),
        (("sh", "-c", "kill -9 $$"), 137),
        (("/no/such/command",), 127),
        (("/etc/hostname",), 126),
        ((sys.executable, "-c", "pass"), 0),
    ],
)
def test_its_status_is_told_as_a_shell_does(words: tuple[str, ...], status: int) -> None:
    with Command(words) as command:
        command.go()
        assert select.select([command], [], [], 10)[0], "readable when it has ended"
        assert command.wait() == status


def test_it_waits_until_it_may_go(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with Command(("touch", str(mark))) as command:
        time.sleep(0.1)
        assert not mark.exists()
        command.go()
        command.wait()
    assert mark.exists()


def test_one_that_may_not_go_never_begins(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with Command(("touch", str(mark))):
        pass
    time.sleep(0.1)
    assert not mark.exists()


def test_a_signal_is_passed_on() -> None:
    with Command(("sleep", "60")) as command:
        command.go()
        time.sleep(0.1)
        command.send(signal.SIGINT)
        assert command.wait() == 128 + signal.SIGINT
        command.send(signal.SIGINT)


@rooted
def test_it_is_inside(tmp_path: Path, namespace: Any) -> None:
    there = said(tmp_path / "out", "readlink /proc/self/ns/net", netns=namespace.fileno())
    assert there == f"net:[{namespace.inode}]"
    assert there != os.readlink("/proc/self/ns/net")


@rooted
def test_it_has_the_targets_resolv_conf_and_nobody_else_has(tmp_path: Path) -> None:
    if not RESOLV.exists():
        pytest.skip(f"this machine has no {RESOLV}")
    before = RESOLV.read_bytes()
    content = "# of the target\nnameserver 192.0.2.53"
    assert said(tmp_path / "out", f"cat {RESOLV}", resolv=content.encode()) == content
    assert RESOLV.read_bytes() == before


@rooted
def test_it_runs_as_the_one_who_asked(tmp_path: Path, namespace: Any) -> None:
    out = tmp_path / "out"
    out.touch()
    out.chmod(0o666)
    for part in (tmp_path, *tmp_path.parents[:2]):
        part.chmod(0o755)
    how = {"user": NOBODY, "netns": namespace.fileno(), "resolv": b""}
    assert said(out, "id -u; id -g; id -G; echo $HOME; cat /proc/self/status", **how).split("\n")[:4] == [
        "65534", "65534", "65534", "/nonexistent",
    ]  # fmt: skip
    (effective,) = (line for line in out.read_text().splitlines() if line.startswith("CapEff"))
    assert int(effective.split()[1], 16) == 0


def test_what_cannot_be_entered_is_told() -> None:
    with open("/dev/null") as file, pytest.raises(HostError, match="cannot be run there"):
        Command(("true",), netns=file.fileno())


def test_whom_sudo_names() -> None:
    if os.geteuid() != 0:
        assert invoking({"SUDO_UID": "1000", "SUDO_GID": "1000"}) is None
        return
    assert invoking({}) is None
    assert invoking({"SUDO_UID": "0", "SUDO_GID": "0"}) is None
    assert invoking({"SUDO_UID": "x", "SUDO_GID": "1"}) is None
    someone = invoking({"SUDO_UID": "65534", "SUDO_GID": "65534"})
    assert someone is not None
    assert (someone.uid, someone.gid, someone.environment["USER"]) == (65534, 65534, "nobody")


def test_where_a_resolv_conf_is_looked_for() -> None:
    assert resolv_conf(0, "../../etc") is None
    assert resolv_conf(0, "no-such-namespace") is None
    assert resolv_conf(os.getpid(), "") == (RESOLV.read_bytes() if RESOLV.exists() else None)
