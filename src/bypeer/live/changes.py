"""What may be changed on a host so that the kernel tells more, and how each change is taken back.

There are three, all in the network namespace of this process, and no caller can ask for others: the
tracker's log, a table of rules that only count and log, a tracing instance. The earlier value is noted
before a change; one that somebody else set meanwhile is left as it is, and said.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bypeer.core import tcp
from bypeer.errors import HostError
from bypeer.live import nftables
from bypeer.live.netlink import NETFILTER, Netlink, RefusedError
from bypeer.live.nftables import FORWARD, INET, MANGLE, OUTPUT, PREROUTING, Chain
from bypeer.live.tracefs import Instance

# The tracker's log: of TCP, to NFLOG's group 0. By name, what is set and what will do as well.
LOGGING = {
    "net.netfilter.nf_log.2": ("nfnetlink_log", ("nfnetlink_log",)),
    "net.netfilter.nf_log.10": ("nfnetlink_log", ("nfnetlink_log",)),
    "net.netfilter.nf_conntrack_log_invalid": ("6", ("6", "255")),
}
SNAPLEN = 128  # octets of a packet that are logged: both headers, with options

_SYSCTLS = Path("/proc/sys")
_PATIENCE, _PAUSE = 5.0, 0.005  # s: for a dead process's descriptors to be closed


class Changes:
    """What was changed, and how to take it back, the latest first."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], list[str]]] = []
        self._netlink: Netlink | None = None
        self._table = f"bypeer_{os.getpid()}"

    def log_reasons(self) -> dict[str, str]:
        """Let the tracker log why it objects; returns the earlier value of each sysctl that was changed.

        Where one cannot be set none stays changed.
        """
        earlier: dict[str, str] = {}
        done = len(self._undo)
        try:
            for name, (wanted, enough) in LOGGING.items():
                before = read_sysctl(name)
                if before is None and name.endswith(".10"):
                    continue  # a kernel without IPv6
                if before is None:
                    raise HostError(f"this kernel has no {name}")
                if before not in enough:
                    self._undo.append(partial(_put_back, name, before, wanted))
                    _write_sysctl(name, wanted)
                    earlier[name] = before
        except HostError:
            while len(self._undo) > done:
                self._undo.pop()()
            raise
        return earlier

    def add_rules(self, group: int) -> str:
        """Let INVALID segments and RSTs be counted, and logged to that group; returns the table's name.

        From Linux 5.12 the kernel itself removes it when this process ends.
        """
        netlink = Netlink(NETFILTER)
        self._undo.append(partial(self._remove_rules, netlink))
        try:
            nftables.make_table(self._table, INET, _chains(group), netlink, owned=True)
        except RefusedError as error:
            if error.code not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            nftables.make_table(self._table, INET, _chains(group), netlink)
        self._netlink = netlink
        return self._table

    def counted(self) -> dict[str, int]:
        """How many packets each rule saw: "reset output" and its like."""
        return nftables.counted(self._table, INET, self._netlink) if self._netlink else {}

    def trace(self) -> Instance:
        """Make a tracing instance in which resets and their triggers are traced."""
        instance = Instance(f"bypeer_{os.getpid()}")
        self._undo.insert(0, lambda: _remove(instance))  # taken back last: it may have to wait for a reader
        return instance

    def undo(self) -> list[str]:
        """Take everything back; returns what could not be, or was not ours any more, a line each."""
        left: list[str] = []
        while self._undo:
            try:
                left += self._undo.pop()()
            except (OSError, HostError) as error:  # the others are to be taken back all the same
                left.append(str(error))
        return left

    def _remove_rules(self, netlink: Netlink) -> list[str]:
        try:
            nftables.delete_table(self._table, INET, netlink)
        except RefusedError as error:
            if error.code != errno.ENOENT:  # never made, or removed by another
                raise
        finally:
            netlink.close()
        return []


def _chains(group: int) -> list[Chain]:
    """Rules that let everything pass. Their prefix says which, and at which hook."""
    hooks = {"prerouting": PREROUTING, "forward": FORWARD, "output": OUTPUT}

    def rule(what: str, hook: str, *tests: bytes) -> tuple[bytes, ...]:
        return (*tests, nftables.log(group, f"{what} {hook}", SNAPLEN))

    invalid, reset = (nftables.is_tcp(), nftables.is_invalid()), (nftables.is_tcp(tcp.RST),)
    rules = {
        "prerouting": [rule("invalid", "prerouting", *invalid)],
        "forward": [rule("reset", "forward", *reset)],
        "output": [rule("invalid", "output", *invalid), rule("reset", "output", *reset)],
    }
    return [Chain(name, "filter", hook, MANGLE, rules[name]) for name, hook in hooks.items()]


def read_sysctl(name: str) -> str | None:
    """A sysctl's value in the namespace of this thread; None where there is none of that name."""
    try:
        return (_SYSCTLS / name.replace(".", "/")).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(f"reading {name}: {error.strerror}") from None


def _write_sysctl(name: str, value: str) -> None:
    try:
        (_SYSCTLS / name.replace(".", "/")).write_text(f"{value}\n", encoding="ascii")
    except OSError as error:
        raise HostError(f"setting {name} to {value}: {error.strerror}") from None


def _put_back(name: str, before: str, ours: str) -> list[str]:
    now = read_sysctl(name)
    if now == ours:
        _write_sysctl(name, before)
    elif now != before:
        return [f"{name} is {now} by somebody else's will, was {before} at first: left as it is"]
    return []


def _remove(instance: Instance) -> list[str]:
    deadline = time.monotonic() + _PATIENCE
    while not instance.remove():
        if time.monotonic() > deadline:
            instance.silence()
            return ["the tracing instance is still being read by somebody: switched off, not removed"]
        time.sleep(_PAUSE)
    return []
