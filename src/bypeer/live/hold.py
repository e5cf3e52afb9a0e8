"""A target's namespace, open: it stays what it was, whoever ends and whoever gets the same pid.

    with hold(find("container", "ci-job")) as held:
        held.call(socket.if_nameindex)

Source: namespaces(7), pidfd_open(2), proc(5).
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from bypeer.errors import HostError, LiveError
from bypeer.live.holders import Process, look_through, open_process, processes
from bypeer.live.namespace import OWN, Namespace, open_path
from bypeer.live.targets import Target

P = ParamSpec("P")
R = TypeVar("R")


class Held:
    """A target whose namespace is open, as a context manager; `hold` makes it.

    While it is held the namespace lives on, with its interfaces and their other ends on the host: let go
    of it when `gone` says that nobody else needs it.
    """

    def __init__(self, target: Target, namespace: Namespace | None, pidfd: int = -1) -> None:
        self.target = target
        self.namespace = namespace  # None: the target is in the host's own
        self.pidfd = pidfd  # readable once the target's process has ended; -1: it needs none

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the namespace and of the process."""
        if self.namespace:
            self.namespace.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns, run in the target's namespace."""
        if self.namespace is None:
            return function(*args, **kwargs)
        return self.namespace.call(function, *args, **kwargs)

    def gone(self) -> bool:
        """Whether its process has ended, or its name is gone, and no process is left in the namespace.

        What bypeer itself runs in there counts as left. Costs some ms once the process has ended.
        """
        target = self.target
        if target.kind == "host":
            return False
        if target.path:
            if _still(Path(target.path), target.netns):
                return False
        elif not select.select([self.pidfd], [], [], 0)[0]:
            return False
        elif self.namespace is None:
            return True
        return not any(isinstance(one, Process) and one.netns == target.netns for one in processes())


def hold(target: Target) -> Held:
    """Open the target's namespace; LiveError if it has gone, HostError if we may not."""
    if target.kind == "host":
        return Held(target, None)
    if target.path:
        fd = open_path(Path(target.path))
        if os.fstat(fd).st_ino != target.netns:
            os.close(fd)
            raise LiveError(f"{target} is another namespace than a moment ago")
        return _held(target, fd)
    try:
        directory = open_process(target.pid)
    except (FileNotFoundError, ProcessLookupError):
        raise LiveError(f"{target} has ended") from None
    except PermissionError:
        raise _forbidden(target) from None
    try:
        return _of_process(target, directory)
    finally:
        os.close(directory)


def _of_process(target: Target, directory: int) -> Held:
    """Open the namespace of a process, through its directory in /proc."""
    _check(target, directory)
    try:
        fd = os.open("ns/net", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    except PermissionError:
        raise _forbidden(target) from None
    except OSError:
        raise LiveError(f"{target} has ended") from None
    moved = os.fstat(fd).st_ino != target.netns
    try:
        pidfd = os.pidfd_open(target.pid)
    except OSError:
        os.close(fd)
        raise LiveError(f"{target} has ended") from None
    held = _held(target, fd, pidfd)
    try:
        _check(target, directory)  # it lives, so its pid was nobody else's when the pidfd was opened
        if moved:
            raise LiveError(f"{target} has gone to another namespace")
    except LiveError:
        held.close()
        raise
    return held


def _held(target: Target, fd: int, pidfd: int = -1) -> Held:
    """Hold an open namespace; that of the host needs no keeping."""
    if _same(OWN, os.fstat(fd).st_ino):
        os.close(fd)
        return Held(target, None, pidfd)
    return Held(target, Namespace(fd), pidfd)


def _check(target: Target, directory: int) -> None:
    now = look_through(directory, target.pid)
    if now is None:
        raise LiveError(f"{target} has ended")
    if not isinstance(now, Process) or now.start_time != target.start_time:
        raise LiveError(f"{target} has ended; its pid is another's now")


def _still(path: Path, inode: int) -> bool:
    """Whether a file is that namespace, as far as may be known without privileges."""
    try:
        return path.stat().st_ino == inode
    except PermissionError:
        return True
    except OSError:
        return False


def _same(path: Path, inode: int) -> bool:
    """Whether a file is that namespace."""
    try:
        return path.stat().st_ino == inode
    except OSError:
        return False


def _forbidden(target: Target) -> HostError:
    return HostError(f"seeing the namespace of {target} needs root (CAP_SYS_PTRACE)")
