"""Network namespaces: those of others, and one of our own, which ends with this process.

Our own has no name: what keeps it is a file descriptor, so that it is gone when that is closed, and
also when the process is killed. The caller's threads stay in their namespace: whatever has to
happen inside runs in a short thread of its own (unshare and setns move one thread only). A socket or
device made there stays there, and may be used from anywhere.

Source: network_namespaces(7), unshare(2), setns(2). os.unshare and os.setns need Python 3.12.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from bypeer.errors import HostError, LiveError

_CLONE_NEWNET, _CLONE_NEWUTS = 0x40000000, 0x04000000
_NS_GET_NSTYPE = 0xB703  # ioctl_ns(2)
_SYSCTLS = Path("/proc/sys")
# Not /proc/self: that is the process's first thread, which need not be where we are.
OWN = Path("/proc/thread-self/ns/net")
_libc = ctypes.CDLL(None, use_errno=True)

P = ParamSpec("P")
R = TypeVar("R")


class Namespace:
    """A network namespace, as a context manager; `call` runs a function inside.

    A fresh one, or that of a descriptor, which becomes the Namespace's own.
    """

    def __init__(self, fd: int | None = None) -> None:
        self._fd = _in_thread(_fresh) if fd is None else fd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; the kernel removes it once nothing made inside is open any more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def fileno(self) -> int:
        """Its descriptor, which stays the Namespace's own."""
        return self._fd

    @property
    def inode(self) -> int:
        """What tells it from all other namespaces while it lives."""
        return os.fstat(self._fd).st_ino

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns, run inside; a process that it starts is inside too."""

        def inside() -> R:
            _check(_libc.setns(self._fd, _CLONE_NEWNET), "entering a network namespace")
            return function(*args, **kwargs)

        return _in_thread(inside)

    def set_sysctls(self, values: Mapping[str, int | str]) -> None:
        """Set sysctls of the namespace, as {"net.netfilter.nf_conntrack_checksum": 0}."""
        self.call(_write_sysctls, values)

    def sysctl(self, name: str) -> str:
        """What that sysctl is inside."""
        return self.call((_SYSCTLS / name.replace(".", "/")).read_text).strip()


def open_path(path: Path) -> int:
    """A descriptor of the network namespace that a file is; LiveError if it is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError:
        raise HostError(f"opening the namespace {path} needs root") from None
    except OSError as error:
        raise LiveError(f"{path}: {error.strerror}") from None
    try:
        kind = fcntl.ioctl(fd, _NS_GET_NSTYPE)
    except OSError:
        kind = 0  # a file of another kind
    if kind != _CLONE_NEWNET:
        os.close(fd)
        raise LiveError(f"{path} is no network namespace")
    return fd


def hostname_in(fd: int) -> str:
    """The host name of the UTS namespace (/proc/PID/ns/uts) that the descriptor is of."""

    def inside() -> str:
        _check(_libc.setns(fd, _CLONE_NEWUTS), "entering a UTS namespace")
        return socket.gethostname()

    return _in_thread(inside)


def _in_thread(function: Callable[[], R]) -> R:
    """Run a function in a thread that ends with it; what it raises, this raises."""
    results: list[R] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # it is raised again below, in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _fresh() -> int:
    _check(_libc.unshare(_CLONE_NEWNET), "making a network namespace")
    return os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)


def _check(result: int, doing: str) -> None:
    if result == 0:
        return
    code = ctypes.get_errno()
    if code == errno.EPERM:
        raise HostError(f"{doing} needs root (CAP_SYS_ADMIN)")
    if code in (errno.EINVAL, errno.ENOSYS):
        raise HostError(f"{doing}: this kernel has no network namespaces")
    raise HostError(f"{doing}: {os.strerror(code)}")


def _write_sysctls(values: Mapping[str, int | str]) -> None:
    for name, value in values.items():
        try:
            (_SYSCTLS / name.replace(".", "/")).write_text(f"{value}\n", encoding="ascii")
        except FileNotFoundError:
            tracked = (_SYSCTLS / "net/netfilter/nf_conntrack_max").exists() or "conntrack" not in name
            why = "no such setting" if tracked else "no connection tracking (nf_conntrack)"
            raise HostError(f"this kernel has {why}: {name}") from None
        except OSError as error:
            raise HostError(f"the setting {name} cannot be set to {value}: {error.strerror}") from None
