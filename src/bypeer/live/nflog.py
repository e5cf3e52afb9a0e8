"""NFLOG: packets and words that the kernel's rules and its tracker log, on a netlink socket.

A group has one reader in a namespace. The tracker logs to group 0, and only while the sysctl
net.netfilter.nf_log.2 (10 for IPv6) names nfnetlink_log: binding alone changes nothing of the host.

Source: include/uapi/linux/netfilter/nfnetlink_log.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bypeer.errors import HostError
from bypeer.live.netlink import (
    NETFILTER,
    Netlink,
    RefusedError,
    attribute,
    attributes,
    netfilter_header,
    number,
)

_SUBSYSTEM = 4
_PACKET, _CONFIG = _SUBSYSTEM << 8, _SUBSYSTEM << 8 | 1
_CMD, _MODE, _THRESHOLD = 1, 2, 5  # of a configuration
_BIND = 1
_COPY_PACKET = 2
_TIMESTAMP, _PAYLOAD, _PREFIX = 3, 9, 10  # of a packet
_READERS = Path("/proc/thread-self/net/netfilter/nfnetlink_log")  # a line a group: group, port ...


class Logged(NamedTuple):
    """A line that the kernel logged, and the beginning of the packet that it is about."""

    prefix: str
    packet: bytes
    ts: int  # ns: when the packet came, to the microsecond; 0 where the kernel does not say


class LostError(HostError):
    """Lines came faster than they were taken; those that follow can be read."""


class Nflog:
    """One group of NFLOG in the namespace of the thread that makes it, each line at once."""

    def __init__(self, group: int = 0, octets: int = 96, receive_buffer: int = 1 << 23) -> None:
        """`octets` of each packet are copied. HostError where another program reads the group."""
        self._netlink = Netlink(NETFILTER, receive_buffer)
        try:
            self._bind(group)
            self._configure(group, attribute(_MODE, struct.pack("!IBB", octets, _COPY_PACKET, 0)))
            self._configure(group, number(_THRESHOLD, 1))  # else lines come late, in batches
        except BaseException:
            self.close()
            raise
        self._netlink.socket.setblocking(False)

    def fileno(self) -> int:
        """The socket's, to wait for lines."""
        return self._netlink.socket.fileno()

    def close(self) -> None:
        """Unbind the group."""
        self._netlink.close()

    def lines(self, most: int = 1 << 30) -> Iterator[Logged]:
        """What was logged and not yet taken, in order, of at most so many datagrams; does not wait.

        Raises LostError where lines before the next one are lost.
        """
        for _ in range(most):
            try:
                messages = self._netlink.receive()
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                raise LostError("NFLOG lost lines: they were not taken fast enough") from None
            if messages is None:
                return
            for kind, body in messages:
                if kind == _PACKET:
                    yield _logged(dict(attributes(body, 4)))

    def _configure(self, group: int, attribute_: bytes) -> None:
        header = netfilter_header(socket.AF_UNSPEC, group)
        self._netlink.do("binding NFLOG", _CONFIG, header + attribute_)

    def _bind(self, group: int) -> None:
        try:
            self._configure(group, attribute(_CMD, bytes([_BIND])))
        except RefusedError as error:
            # EPERM says both that we may not and that the group is another's.
            reader = readers().get(group)
            if error.code != errno.EPERM or reader is None:
                raise
            raise HostError(f"NFLOG group {group} is read by another program (port {reader})") from None


def readers() -> dict[int, int]:
    """The netlink port that reads each group, in the namespace of this thread."""
    try:
        lines = _READERS.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return {int(group): int(port) for group, port, *_ in map(str.split, lines)}


def _logged(found: dict[int, bytes]) -> Logged:
    prefix = found.get(_PREFIX, b"").rstrip(b"\0").decode(errors="replace")
    stamp = found.get(_TIMESTAMP, b"")
    seconds, microseconds = struct.unpack("!QQ", stamp) if len(stamp) == 16 else (0, 0)
    return Logged(prefix, found.get(_PAYLOAD, b""), seconds * 1_000_000_000 + microseconds * 1_000)
