"""Processes as /proc shows them, and what the names of cgroups tell."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bypeer.live.holders import Place, Process, look, look_through, open_process, place, processes
from tests.live.hosts import Host, digits

pytestmark = pytest.mark.live
A, B = digits("a"), digits("b")
UID = "0123abcd-0123-4567-89ab-0123456789ab"
SLICE = UID.replace("-", "_")
STATIC = "5" * 32
KUBE = f"kubepods-burstable.slice/kubepods-burstable-pod{SLICE}.slice"
IN_KIND = f"kubelet-kubepods.slice/kubelet-kubepods-pod{SLICE}.slice"  # Kubernetes in Docker
FORKS = """
import os
for _ in range(300):
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
"""

CGROUPS = {
    f"/system.slice/docker-{A}.scope": Place("docker", A),
    f"/docker/{A}": Place("docker", A),
    f"/docker/{A}/docker/{B}": Place("docker", B),
    f"/docker/{A}/system.slice/nginx.service": Place("docker", A),
    f"/ecs/task/{A}": Place("", A),
    f"/machine.slice/libpod-{A}.scope/container": Place("podman", A),
    f"/user.slice/user-1000.slice/user@1000.service/app.slice/x.service/libpod-payload-{A}": Place(
        "podman", A
    ),
    f"/machine.slice/libpod-conmon-{A}.scope": Place(),
    f"/docker/{B}/machine.slice/libpod-conmon-{A}.scope": Place("docker", B),
    f"/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope": Place("podman", A, B),
    f"/libpod_parent/libpod-{A}": Place("podman", A),
    f"/libpod_parent/{B}/libpod-{A}": Place("podman", A, B),
    f"/libpod_parent/{B}": Place("", "", B),
    f"/kubepods.slice/{KUBE}/cri-containerd-{A}.scope": Place("containerd", A, UID),
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{A}.scope": Place("cri-o", A, UID),
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/crio-conmon-{A}.scope": Place("", "", UID),
    f"/kubepods/burstable/pod{UID}/{A}": Place("", A, UID),
    f"/kubepods/besteffort/pod{STATIC}/{A}": Place("", A, STATIC),
    f"/system.slice/containerd.service/kubepods-besteffort-pod{SLICE}.slice:cri-containerd:{A}": Place(
        "containerd", A, UID
    ),
    f"/docker/{B}/kubelet.slice/{IN_KIND}/cri-containerd-{A}.scope": Place("containerd", A, UID),
    f"/kubepods/pod{UID}/{A}/docker/{B}": Place("docker", B),
    f"/system.slice/nerdctl-{A}.scope": Place("containerd", A),
    "/lxc.payload.web/init.scope": Place("lxc", "web"),
    "/machine.slice/systemd-nspawn@deb.service/payload": Place("nspawn", "deb"),
    "/user.slice/user-0.slice/session-1.scope": Place(),
    f"/system.slice/docker-{A[:-1]}.scope": Place(),
}


@pytest.mark.parametrize("path", CGROUPS)
def test_what_a_cgroup_tells(path: str) -> None:
    assert place(f"0::{path}\n") == CGROUPS[path]


def test_the_first_hierarchy_that_tells() -> None:
    assert place(f"9:pids:/\n4:memory:/docker/{A}\n0::/init.scope\n") == Place("docker", A)
    assert place("") == Place()


def test_a_command_may_hold_anything(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.process(7, 42, command="a) S 1 (b", start=99)
    assert list(processes(tmp_path / "proc")) == [Process(7, 99, 42, "a) S 1 (b", Place())]


def test_a_kernel_without_cgroups(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.process(7, 42)
    (tmp_path / "proc/7/cgroup").unlink()
    assert look(7, tmp_path / "proc") == Process(7, 70, 42, "sleep", Place())


def test_what_waits_to_be_reaped_holds_nothing(tmp_path: Path) -> None:
    """Nor is it counted as hidden, where its namespace may not be asked for."""
    Host(tmp_path).process(7, 42, state="Z")
    assert list(processes(tmp_path / "proc")) == []


def test_this_process_is_seen_as_it_is() -> None:
    (me,) = (one for one in processes() if one.pid == os.getpid())
    assert isinstance(me, Process)
    assert me.netns == Path("/proc/self/ns/net").stat().st_ino
    assert me.command == Path("/proc/self/comm").read_text().strip()
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    assert me.start_time == int(stat[19])


def test_an_open_directory_means_that_process_only() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        fd = open_process(child.pid)
        one = look_through(fd, child.pid)
        assert isinstance(one, Process)
        child.kill()
        deadline = time.monotonic() + 5
        while look(child.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert look(child.pid) is None  # killed and not reaped: it holds nothing any more
        child.wait()
        assert look_through(fd, child.pid) is None
        os.close(fd)
    assert look(child.pid) is None


def test_a_process_that_ends_while_all_are_listed() -> None:
    """Hundreds that live for a moment: none is an error, none is listed by half."""
    with subprocess.Popen([sys.executable, "-c", FORKS]) as child:
        while child.poll() is None:
            assert all(one.pid > 0 for one in processes())
        assert child.returncode == 0
