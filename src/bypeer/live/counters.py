"""Counters of a namespace's TCP: how many RSTs it sent, how many connections were reset, and why.

The files are opened in the namespace, stay in it, and need no privilege to be read again.

Source: RFC 4022 (tcpOutRsts, tcpEstabResets); proc(5): /proc/net/snmp, /proc/net/netstat.
"""

from __future__ import annotations

import os
import re

from bypeer.errors import HostError

# What is told, by the kernel's name for the group and for the counter.
_TOLD = {
    "Tcp": {"OutRsts": "TcpOutRsts", "EstabResets": "EstabResets", "InErrs": "TcpInErrs"},
    "TcpExt": {
        name: name
        for name in (
            "TCPAbortOnData", "TCPAbortOnClose", "TCPAbortOnMemory", "TCPAbortOnTimeout", "TCPAbortOnLinger",
            "TCPAbortFailed", "TCPChallengeACK", "TCPSYNChallenge", "TCPReqQFullDrop", "ListenOverflows",
        )
    },
}  # fmt: skip
_ROOM = 1 << 16  # octets of a file


class TcpCounters:
    """The counters of the namespace of the thread that makes it."""

    def __init__(self) -> None:
        self._files: list[int] = []
        try:
            for name in ("snmp", "netstat"):
                path = f"/proc/thread-self/net/{name}"
                self._files.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            self.close()
            raise HostError(f"/proc/net/{name}: {error.strerror}") from None

    def read(self) -> dict[str, int]:
        """All of them as they are now."""
        return {name: value for fd in self._files for name, value in parse(os.pread(fd, _ROOM, 0)).items()}

    def close(self) -> None:
        """Read them no more."""
        while self._files:
            os.close(self._files.pop())


def parse(octets: bytes) -> dict[str, int]:
    """The counters that are told of such a file: pairs of lines, names above values."""
    lines = octets.decode("ascii", "replace").splitlines()
    found = {}
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        group, _, rest = names.partition(":")
        told = _TOLD.get(group, {})
        if not told or not values.startswith(f"{group}:"):
            continue
        for name, value in zip(rest.split(), values.split()[1:], strict=False):
            if name in told and re.fullmatch(r"-?\d+", value):
                found[told[name]] = int(value)
    return found
