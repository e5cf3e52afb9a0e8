"""Tracing in an instance of our own, of a tracefs that is mounted nowhere.

Other users of tracing are not disturbed: an instance has its own buffer, events, and clock. The mount
has no place in any file tree and ends with its descriptor; the instance stays until it is removed.

Source: Documentation/trace/ftrace.rst; fsopen(2), fsmount(2), from Linux 5.2.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re

from bypeer.errors import HostError

RESET, DROP = "tcp/tcp_send_reset", "skb/kfree_skb"

_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432  # the same on every architecture but Alpha
_CLOEXEC, _CREATE = 1, 6  # FSOPEN_CLOEXEC and FSMOUNT_CLOEXEC; FSCONFIG_CMD_CREATE
_BUFFER = 256  # KiB a CPU
_libc = ctypes.CDLL(None, use_errno=True)


class Instance:
    """A tracing instance in which the events that tell of resets are on."""

    def __init__(self, name: str) -> None:
        """Make it. HostError where the kernel has no tracefs, or not the first of the events."""
        self._at = f"instances/{name}"
        self._root = mount()
        try:
            os.mkdir(self._at, dir_fd=self._root)
        except OSError as error:
            os.close(self._root)
            raise HostError(f"making a tracing instance: {error.strerror}") from None
        try:
            self.events = self._enable()
        except BaseException:
            self.remove()
            raise

    def open_pipe(self) -> int:
        """A descriptor to read the events from, the caller's to close; it does not block."""
        return self._open("trace_pipe", os.O_RDONLY | os.O_NONBLOCK)

    def silence(self) -> None:
        """Switch all its events off."""
        self._write("events/enable", "0")

    def remove(self) -> bool:
        """Remove it; False while somebody still reads it, and it may be tried again."""
        try:
            os.rmdir(self._at, dir_fd=self._root)
        except FileNotFoundError:
            pass  # another removed it: what was wanted
        except OSError as error:
            if error.errno == errno.EBUSY:
                return False
            raise
        os.close(self._root)
        return True

    def _enable(self) -> list[str]:
        """Set it up, and switch events on: those that are there."""
        # mono can be told apart from the wall clock's steps; buffer_percent 0 wakes readers at once.
        for name, value in (
            ("trace_clock", "mono"),
            ("buffer_size_kb", str(_BUFFER)),
            ("buffer_percent", "0"),
        ):
            self._write(name, value)
        if not self._exists(f"events/{RESET}"):
            raise HostError(f"this kernel has no tracepoint {RESET.replace('/', ':')}")
        self._write(f"events/{RESET}/enable", "1")
        no_socket = self._no_socket()
        if no_socket is None:
            return [RESET]
        self._write(f"events/{DROP}/filter", f"reason == {no_socket}")
        self._write(f"events/{DROP}/enable", "1")
        return [RESET, DROP]

    def _no_socket(self) -> int | None:
        """The number of the drop reason NO_SOCKET, which kernels count differently; None before 5.17."""
        if not self._exists(f"events/{DROP}"):
            return None
        fd = self._open(f"events/{DROP}/format", os.O_RDONLY)
        with open(fd, encoding="ascii", errors="replace") as file:
            found = re.search(r'\{ *(\d+), *"NO_SOCKET" *\}', file.read())
        return int(found[1]) if found else None

    def _exists(self, path: str) -> bool:
        try:
            os.stat(f"{self._at}/{path}", dir_fd=self._root)
        except FileNotFoundError:
            return False
        return True

    def _write(self, path: str, value: str) -> None:
        fd = self._open(path, os.O_WRONLY)
        try:
            os.write(fd, value.encode())
        except OSError as error:
            raise HostError(f"setting tracing's {path}: {error.strerror}") from None
        finally:
            os.close(fd)

    def _open(self, path: str, flags: int) -> int:
        try:
            return os.open(f"{self._at}/{path}", flags | os.O_CLOEXEC, dir_fd=self._root)
        except OSError as error:
            raise HostError(f"opening tracing's {path}: {error.strerror}") from None


def mount() -> int:
    """A descriptor of tracefs's root."""
    context = _call("opening tracefs", _FSOPEN, b"tracefs", _CLOEXEC)
    try:
        _call("opening tracefs", _FSCONFIG, context, _CREATE, None, None, 0)
        return _call("mounting tracefs", _FSMOUNT, context, _CLOEXEC, 0)
    finally:
        os.close(context)


def _call(doing: str, *args: object) -> int:
    result: int = _libc.syscall(*args)
    if result >= 0:
        return result
    code = ctypes.get_errno()
    if code in (errno.ENODEV, errno.ENOSYS):
        raise HostError("this kernel has no tracefs that could be mounted apart (Linux 5.2, tracing)")
    needs = " needs root (CAP_SYS_ADMIN)" if code == errno.EPERM else f": {os.strerror(code)}"
    raise HostError(f"{doing}{needs}")
