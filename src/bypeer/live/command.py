"""A command in a target's network namespace: as the user who asked, and with the target's resolv.conf.

It is begun before privileges are given up, since it needs them to enter, and waits until it may go.

Source: setns(2), mount_namespaces(7), ip-netns(8) for resolv.conf, sudo(8) for who asked.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from bypeer.errors import HostError

# What a shell says, too: not executable, not found; and that a signal ended it.
NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 126, 127, 128

RESOLV = Path("/etc/resolv.conf")
_NEWNET, _NEWNS = 0x40000000, 0x00020000
_BIND, _PRIVATE, _REC = 0x1000, 0x40000, 0x4000  # MS_*
_LONGEST = 1 << 16  # octets of a resolv.conf that are read
_libc = ctypes.CDLL(None, use_errno=True)


class User(NamedTuple):
    """Who asked, where sudo made him root."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    environment: dict[str, str]


def invoking(environment: Mapping[str, str] = os.environ) -> User | None:
    """The user whom sudo names, if we are root for him; None if the command is to run as we do."""
    if os.geteuid() != 0:
        return None
    try:
        uid, gid = int(environment["SUDO_UID"]), int(environment["SUDO_GID"])
    except (KeyError, ValueError):
        return None
    if uid == 0:
        return None
    try:
        known = pwd.getpwuid(uid)
    except KeyError:
        return User(uid, gid, (gid,), {})
    home = {"HOME": known.pw_dir, "USER": known.pw_name, "LOGNAME": known.pw_name}
    return User(uid, gid, tuple(os.getgrouplist(known.pw_name, gid)), home)


def resolv_conf(pid: int, name: str) -> bytes | None:
    """The target's resolv.conf: of a process, as it sees it; else as ip-netns(8) has it for a name."""
    path = Path(f"/proc/{pid}/root/etc/resolv.conf") if pid else Path("/etc/netns") / name / "resolv.conf"
    if not pid and (not name or "/" in name):
        return None
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST)
    except OSError:
        return None


class Command:
    """A process that waits to become the command. As a context manager it ends it, if it still runs."""

    def __init__(
        self, words: Sequence[str], netns: int | None = None, user: User | None = None,
        resolv: bytes | None = None,
    ) -> None:  # fmt: skip
        """`netns`: descriptor of the namespace. Raises HostError if it cannot be entered."""
        self._status: int | None = None
        waits, self._go = os.pipe()
        told, tells = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            os.close(told)
            _become(words, netns, user, resolv, waits, tells)
        os.close(waits)
        os.close(tells)
        try:
            self.fd = os.pidfd_open(self.pid)  # readable when it has ended
            with os.fdopen(told, "rb") as said:
                why = said.read().decode("utf-8", "replace")
        except BaseException:
            self.close()
            raise
        if why:
            self.close()
            raise HostError(why)

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def fileno(self) -> int:
        """A descriptor that can be read once the command has ended."""
        return self.fd

    def go(self) -> None:
        """Let the command begin."""
        os.close(self._go)
        self._go = -1

    def wait(self) -> int:
        """Its exit status, as a shell would tell it."""
        if self._status is None:
            code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self._status = code if code >= 0 else SIGNALLED - code
        return self._status

    def send(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self._status is None:
            signal.pidfd_send_signal(self.fd, number)

    def close(self) -> None:
        """Have it ended: one that has not begun never does."""
        if self._go >= 0:
            os.close(self._go)
            self._go = -1
        if self._status is None:
            os.kill(self.pid, signal.SIGTERM)
            self.wait()
        if getattr(self, "fd", -1) >= 0:
            os.close(self.fd)
            self.fd = -1


def _become(
    words: Sequence[str], netns: int | None, user: User | None, resolv: bytes | None, waits: int, tells: int
) -> NoReturn:
    """In the new process: enter, give up what the user has not, wait, and be the command."""
    status = NOT_FOUND
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            _enter(netns, resolv)
            _be(user)
        except OSError as error:
            os.write(tells, f"the command cannot be run there: {error.strerror}".encode())
            os._exit(NOT_EXECUTABLE)
        os.close(tells)
        if os.read(waits, 1):
            raise AssertionError("nothing is ever written to it")
        if os.getppid() == 1:
            os._exit(NOT_EXECUTABLE)  # who would have watched is gone
        os.execvpe(words[0], list(words), dict(os.environ) | (user.environment if user else {}))
    except FileNotFoundError:
        _say(f"{words[0]}: not found")
    except OSError as error:
        status = NOT_EXECUTABLE
        _say(f"{words[0]}: {error.strerror}")
    finally:
        os._exit(status)


def _say(text: str) -> None:
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"bypeer: {text}\n".encode("utf-8", "replace"))


def _enter(netns: int | None, resolv: bytes | None) -> None:
    if netns is not None:
        _check(_libc.setns(netns, _NEWNET))
    if resolv is None or not RESOLV.exists():
        return
    _check(_libc.unshare(_NEWNS))
    _check(_libc.mount(None, b"/", None, _REC | _PRIVATE, None))
    # The target's own file lies in another mount namespace, out of which nothing can be bound.
    with tempfile.NamedTemporaryFile() as copy:
        copy.write(resolv)
        copy.flush()
        os.fchmod(copy.fileno(), 0o644)
        target = os.fsencode(RESOLV.resolve())
        _check(_libc.mount(os.fsencode(copy.name), target, None, _BIND, None))


def _be(user: User | None) -> None:
    if user is None:
        return
    os.setgroups(user.groups)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)


def _check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
