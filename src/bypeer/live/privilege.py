"""Privileges: which are missing for what, and giving all of them up.

Capabilities belong to a thread, and no thread can take another's: they are dropped while there is only
one. What is open stays open: that is how a recorder goes on without them.

Source: capabilities(7), prctl(2), capget(2), proc(5).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from bypeer.errors import HostError

# include/uapi/linux/capability.h: those that something in live/ needs, and for what.
CAPABILITIES = {
    "CAP_SETPCAP": 8, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21,
}  # fmt: skip
RECORDING = {
    "CAP_NET_RAW": "taking packets from an interface",
    "CAP_NET_ADMIN": "hearing the tracker and NFLOG",
    "CAP_SYS_ADMIN": "entering a container's namespace",
    "CAP_SYS_PTRACE": "finding the namespace of another user's process",
}

_STATUS = Path("/proc/thread-self/status")
_VERSION_3 = 0x2008_0522  # _LINUX_CAPABILITY_VERSION_3
_CAPBSET_DROP, _NO_NEW_PRIVS, _AMBIENT, _AMBIENT_CLEAR = 24, 38, 47, 4
_SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")
_PATIENCE = 2.0  # s, for threads that have just ended
_libc = ctypes.CDLL(None, use_errno=True)


def held() -> int:
    """The capabilities in effect for this thread, a bit each."""
    return _status("CapEff")


def missing(needs: Mapping[str, str] = RECORDING) -> list[str]:
    """What this thread may not do, as "CAP_NET_RAW (taking packets from an interface)"."""
    have = held()
    return [f"{name} ({what})" for name, what in needs.items() if not have >> CAPABILITIES[name] & 1]


def require(needs: Mapping[str, str] = RECORDING) -> None:
    """Raise a HostError that names each capability that is missing, and for what."""
    if lacking := missing(needs):
        raise HostError(f"not permitted without root; missing: {', '.join(lacking)}")


def drop(user: int | None = None, group: int | None = None) -> None:
    """Give up every capability for good, and become that user and group where they are named.

    Raises HostError where something of it fails: whoever called must not go on as if it had not.
    """
    _wait_until_alone()
    _empty_bounding_set()
    _prctl("clearing ambient capabilities", _AMBIENT, _AMBIENT_CLEAR)
    try:
        if group is not None:
            os.setgroups([])
            os.setresgid(group, group, group)
        if user is not None:
            os.setresuid(user, user, user)
    except OSError as error:
        raise HostError(f"becoming user {user}, group {group}: {error.strerror}") from None
    header = struct.pack("=Ii", _VERSION_3, 0)
    if _libc.capset(header, bytes(24)):
        raise HostError(f"dropping capabilities: {os.strerror(ctypes.get_errno())}")
    _prctl("setting no_new_privs", _NO_NEW_PRIVS, 1)
    left = [name for name in _SETS if _status(name)]
    if left or not _status("NoNewPrivs"):
        raise HostError(f"privileges could not be dropped: {', '.join(left) or 'NoNewPrivs'} stays")


def _empty_bounding_set() -> None:
    """Let no program that is executed have any. Without CAP_SETPCAP it stays; no_new_privs has to do."""
    if not held() >> CAPABILITIES["CAP_SETPCAP"] & 1:
        return
    for capability in range(64):
        if _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0) == 0:
            continue
        code = ctypes.get_errno()
        if code == errno.EINVAL:  # beyond the last one that this kernel knows
            return
        raise HostError(f"dropping capability {capability}: {os.strerror(code)}")


def _wait_until_alone() -> None:
    deadline = time.monotonic() + _PATIENCE
    while (threads := len(os.listdir("/proc/self/task"))) > 1:
        if time.monotonic() > deadline:
            raise HostError(f"privileges cannot be dropped: {threads - 1} other threads would keep theirs")
        time.sleep(0.001)


def _status(name: str) -> int:
    """A field of this thread's status that is a number; those of capabilities are hexadecimal."""
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value, 16)
    raise HostError(f"/proc says nothing of {name}")


def _prctl(doing: str, option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise HostError(f"{doing}: {os.strerror(ctypes.get_errno())}")
