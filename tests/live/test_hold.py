"""A target that is held stays what it was; one that has gone is said to be gone, and never another."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bypeer.errors import HostError, LiveError
from bypeer.live.hold import hold
from bypeer.live.namespace import Namespace
from bypeer.live.targets import Target, find
from tests.lab.unprivileged import without_privilege

pytestmark = pytest.mark.live
Child = subprocess.Popen[bytes]


@pytest.fixture
def child(namespace: Namespace) -> Iterator[Child]:
    """A process in a namespace of its own."""
    with namespace.call(subprocess.Popen, ["sleep", "60"]) as child:
        yield child
        child.kill()


def until(holds: Callable[[], bool]) -> bool:
    """Whether it holds within a few seconds."""
    deadline = time.monotonic() + 5
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def inode() -> int:
    return Path("/proc/thread-self/ns/net").stat().st_ino


def test_what_is_called_runs_inside(namespace: Namespace, child: Child) -> None:
    before = descriptors()
    with hold(find("pid", str(child.pid))) as held:
        assert held.call(inode) == namespace.inode
        assert not held.gone()
    assert descriptors() == before


def test_the_host_is_held_without_a_namespace() -> None:
    with hold(find("host", "")) as held:
        assert held.namespace is None
        assert held.call(inode) == inode()
        assert not held.gone()


def test_a_process_of_the_host_is_the_hosts_until_it_ends() -> None:
    with subprocess.Popen(["sleep", "60"]) as child, hold(find("pid", str(child.pid))) as held:
        assert held.namespace is None
        assert not held.gone()
        child.kill()
        assert until(held.gone)


def test_one_that_ended_before_is_not_held(child: Child) -> None:
    target = find("pid", str(child.pid))
    before = descriptors()
    child.kill()
    child.wait()
    with pytest.raises(LiveError, match=f"^pid {child.pid} has ended$"):
        hold(target)
    assert descriptors() == before


def test_a_later_process_with_the_same_pid_is_not_taken_for_it(child: Child) -> None:
    target = find("pid", str(child.pid))
    before = descriptors()
    with pytest.raises(LiveError, match="has ended; its pid is another's now"):
        hold(target._replace(start_time=target.start_time - 1))
    assert descriptors() == before


REUSED = """
import subprocess, time
from pathlib import Path
from bypeer.errors import LiveError
from bypeer.live.hold import hold
from bypeer.live.targets import find
first = subprocess.Popen(["sleep", "60"])
target = find("pid", str(first.pid))
hold(target).close()
first.kill()
first.wait()
time.sleep(0.02)  # not in the same tick
Path("/proc/sys/kernel/ns_last_pid").write_text(str(target.pid - 1))
second = subprocess.Popen(["sleep", "60"])
print(second.pid == target.pid, find("pid", str(second.pid)).netns == target.netns)
try:
    hold(target)
except LiveError as error:
    print(error)
second.kill()
"""


def test_a_pid_that_was_really_used_again() -> None:
    """In a PID namespace of its own, whose kernel is told which pid to give next."""
    run = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c"]
    if subprocess.run([*run, ""], capture_output=True).returncode:
        pytest.skip("no PID namespace can be made here (unshare --pid --mount-proc)")
    done = subprocess.run([*run, REUSED], capture_output=True, text=True, check=True)
    same, said = done.stdout.splitlines()
    assert same == "True True"
    assert re.fullmatch(r"pid \d+ has ended; its pid is another's now", said)


def test_one_that_ends_while_it_is_held(namespace: Namespace, child: Child) -> None:
    with hold(find("pid", str(child.pid))) as held:
        child.kill()
        assert until(held.gone)
        assert held.call(inode) == namespace.inode  # and still it can be listened to


def test_while_another_process_is_in_there_it_is_not_gone(namespace: Namespace, child: Child) -> None:
    with (
        namespace.call(subprocess.Popen, ["sleep", "60"]) as second,
        hold(find("pid", str(child.pid))) as held,
    ):
        child.kill()
        child.wait()
        assert not held.gone()
        second.kill()
        assert until(held.gone)


def test_one_that_has_gone_to_another_namespace(child: Child) -> None:
    target = find("pid", str(child.pid))
    before = descriptors()
    with pytest.raises(LiveError, match="has gone to another namespace"):
        hold(target._replace(netns=inode()))
    assert descriptors() == before


def test_a_name_that_means_another_namespace_now(namespace: Namespace, child: Child, tmp_path: Path) -> None:
    path = tmp_path / "box"
    path.symlink_to(f"/proc/{child.pid}/ns/net")
    target = find("netns", str(path))
    with hold(target) as held:
        assert held.call(inode) == namespace.inode
        path.unlink()
        path.symlink_to("/proc/self/ns/net")
        assert not held.gone()  # the process is still in it
        child.kill()
        assert until(held.gone)
    with pytest.raises(LiveError, match="is another namespace than a moment ago"):
        hold(target)
    path.unlink()
    with pytest.raises(LiveError, match="No such file"):
        hold(target)


def test_held_alone_a_namespace_lives_on_and_no_longer(child: Child) -> None:
    """What `gone` is for: interfaces stay on the host for as long as they are held."""
    held = hold(find("pid", str(child.pid)))
    child.kill()
    child.wait()
    assert held.call(lambda: dict(socket.if_nameindex())) == {1: "lo"}
    held.close()
    held.close()
    assert held.pidfd == -1


HOLD = """
import sys
from bypeer.live.hold import hold
from bypeer.live.targets import Target
from bypeer.errors import HostError
pid, start_time, netns = map(int, sys.argv[1:])
try:
    with hold(Target("pid", str(pid), netns, pid, start_time)) as held:
        held.call(print)
except HostError as error:
    print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
def test_without_privilege_it_says_which(child: Child) -> None:
    target: Target = find("pid", str(child.pid))
    arguments = [str(target.pid), str(target.start_time), str(target.netns)]
    done = subprocess.run(
        [*without_privilege(), "-c", HOLD, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout == "entering a network namespace needs root (CAP_SYS_ADMIN)\n"


def test_a_file_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(HostError, match=r"^opening the namespace /.* needs root$"):
        hold(Target("netns", "x", 1, path=str(tmp_path)))
