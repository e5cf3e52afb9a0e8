"""Processes, the network namespace that each is in, and the container and pod that its cgroup names.

A process is looked at through one descriptor of its directory in /proc, which goes on meaning that
process when its number is given to another: what was read fits together.

Source: proc(5), cgroups(7), namespaces(7). The cgroups' names: Docker and containerd name the scope
after their unit prefix ("docker-ID.scope", "cri-containerd-ID.scope"), Podman "libpod-ID.scope" or
"libpod-payload-ID", CRI-O "crio-ID.scope", the kubelet "kubepods-burstable-podUID.slice"; without
systemd they are "/docker/ID", "/libpod_parent/POD/libpod-ID", "/kubepods/burstable/podUID/ID". Those of
Docker 20.10 and Podman 4.3 without systemd were measured, the others read in these projects' documents.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_ENGINES = {
    "docker": "docker",
    "actions_job": "docker",  # GitHub's runners
    "libpod": "podman",
    "libpod-payload": "podman",
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
}
_CONTAINER = re.compile(r"(?:([a-z-]+)-)?([0-9a-f]{64})(?:\.scope)?")
_NAMED = re.compile(r"(?:lxc\.payload\.(?P<lxc>.+)|systemd-nspawn@(?P<nspawn>.+)\.service)")
# A pod's UID; that of a static pod is a hash; Podman's pods have an id as its containers have.
_POD = re.compile(
    r"(?:.*-)?(?:libpod_)?pod_?"
    r"([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{32})(?:\.slice)?"
)
_LARGEST = 1 << 16  # octets of a file in /proc that is read
_STATE, _START_TIME = 0, 19  # in /proc/PID/stat, counted behind the command


class Place(NamedTuple):
    """What a cgroup's name tells; each "" where it does not."""

    engine: str = ""  # docker, podman, containerd, cri-o, lxc, nspawn
    container: str = ""  # 64 hex digits, or a name (lxc, nspawn)
    pod: str = ""  # Kubernetes: its UID, with "-"; Podman: its id


class Process(NamedTuple):
    """A process as it was at one time."""

    pid: int
    start_time: int  # clock ticks since boot: with the pid it means this process and no later one
    netns: int  # inode of its network namespace; 0: we may not know
    command: str
    place: Place


class Hidden(NamedTuple):
    """A process of which nothing may be read."""

    pid: int


def processes(proc: Path = PROC) -> Iterator[Process | Hidden]:
    """Every process that /proc shows, as it is looked at; those that end meanwhile are left out."""
    for name in os.listdir(proc):
        if name.isascii() and name.isdigit() and (one := look(int(name), proc)):
            yield one


def look(pid: int, proc: Path = PROC) -> Process | Hidden | None:
    """That process; None if there is none, or it has ended and only waits to be reaped."""
    try:
        fd = open_process(pid, proc)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:
        return Hidden(pid)
    try:
        return look_through(fd, pid)
    finally:
        os.close(fd)


def open_process(pid: int, proc: Path = PROC) -> int:
    """A descriptor of its directory in /proc: it never comes to mean another process."""
    return os.open(proc / str(pid), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def look_through(fd: int, pid: int) -> Process | Hidden | None:
    """The process whose directory in /proc is open; None if it has ended."""
    try:
        where = place(_cgroups(fd))
        # The command may hold anything, also a parenthesis; what comes behind it does not.
        before, _, behind = _read(fd, "stat").rpartition(")")
        values = behind.split()
        if values[_STATE] in "ZX":
            return None
        command = before.partition("(")[2]
        return Process(pid, int(values[_START_TIME]), _netns(fd), command, where)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:
        return Hidden(pid)


def place(cgroups: str) -> Place:
    """What /proc/PID/cgroup tells; of containers in containers the innermost."""
    for line in cgroups.splitlines():
        found = _place(line.split(":", 2)[-1])
        if found != Place():
            return found
    return Place()


def _place(path: str) -> Place:
    engine = container = pod = parent = ""
    # A colon: "...podUID.slice:cri-containerd:ID", where containerd was told of systemd and runc was not.
    for part in re.split("[/:]", path):
        if parent == "libpod_parent" and re.fullmatch("[0-9a-f]{64}", part):
            pod = part
        elif found := _CONTAINER.fullmatch(part):
            prefix = found[1] or ""
            if prefix.endswith("conmon"):
                continue  # it looks after that container from outside
            pod = "" if container else pod  # one inside a container of a pod is not the pod's
            engine, container = _ENGINES.get(prefix or parent, ""), found[2]
        elif named := _NAMED.fullmatch(part):
            engine, container, pod = named.lastgroup or "", named[named.lastgroup or 0], ""
        elif found := _POD.fullmatch(part):
            container, pod = "", found[1].replace("_", "-")
        parent = part
    return Place(engine, container, pod)


def _cgroups(fd: int) -> str:
    try:
        return _read(fd, "cgroup")
    except FileNotFoundError:
        return ""  # a kernel without cgroups


def _netns(fd: int) -> int:
    """The inode of a process's network namespace; 0 if it may not be known."""
    try:
        link = os.readlink("ns/net", dir_fd=fd)
    except PermissionError:
        return 0
    found = re.fullmatch(r"net:\[(\d+)\]", link)
    return int(found[1]) if found else 0


def _read(fd: int, name: str) -> str:
    file = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=fd)
    try:
        return os.read(file, _LARGEST).decode(errors="surrogateescape")
    finally:
        os.close(file)
