"""What the lab may leave behind when it is killed, found and removed; what is in use is left alone.

Namespaces, devices, rules and sysctls end with their processes, and child processes by themselves. A folder
for case files stays, and a tracing instance whose supervisor was killed as well. A folder is in use while
somebody holds its lock, which the kernel lets go with its holder, whatever pids are used again.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bypeer.errors import HostError
from bypeer.live.tracefs import mount

_PREFIX = "bypeer-lab-"
_INSTANCE = re.compile(r"bypeer_(\d+)")  # and the pid of the supervisor that made it (live/changes.py)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for this play, in use until it ends."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _locked(path)
        if lock is not None and path.exists():
            break
        if lock is not None:  # `clean` came between
            os.close(lock)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def clean() -> list[str]:
    """Remove what the lab left and nobody uses; what that was, a line each."""
    return [*_folders(), *_instances()]


def _folders() -> Iterator[str]:
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")):
        lock = _locked(path)
        if lock is None:
            continue
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)
        yield f"the folder {path}"


def _locked(path: Path) -> int | None:
    """A descriptor that holds the folder's lock; None if somebody else has it, or it is no folder of ours."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if os.fstat(fd).st_uid != os.geteuid():
            raise BlockingIOError
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def _instances() -> Iterator[str]:
    """Tracing instances of recorders that are dead, as the lab's are."""
    try:
        root = mount()
    except HostError:
        return  # a kernel without tracing has no instances, and who is not root made none
    try:
        for name in _names(root):
            found = _INSTANCE.fullmatch(name)
            if found and not Path(f"/proc/{found[1]}").exists():
                try:
                    os.rmdir(f"instances/{name}", dir_fd=root)
                except OSError:
                    continue  # somebody reads it: it is in use
                yield f"the tracing instance {name}"
    finally:
        os.close(root)


def _names(root: int) -> list[str]:
    folder = os.open("instances", os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
    try:
        return sorted(os.listdir(folder))
    finally:
        os.close(folder)
