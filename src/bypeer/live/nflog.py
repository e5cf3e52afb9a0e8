"""NFLOG: packets and words that the kernel's rules and its tracker log, on a netlink socket.

Source: include/uapi/linux/netfilter/nfnetlink_log.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from bypeer.errors import HostError
from bypeer.live.netlink import NETFILTER, Netlink, attribute, attributes, netfilter_header, number

_SUBSYSTEM = 4
_PACKET, _CONFIG = _SUBSYSTEM << 8, _SUBSYSTEM << 8 | 1
_CMD, _MODE, _THRESHOLD = 1, 2, 5  # of a configuration
_BIND, _PF_BIND, _PF_UNBIND = 1, 3, 4
_COPY_PACKET = 2
_PAYLOAD, _PREFIX = 9, 10  # of a packet


class Logged(NamedTuple):
    """A line that the kernel logged, and the beginning of the packet that it is about."""

    prefix: str
    packet: bytes


class Nflog:
    """One group of NFLOG in the namespace of the thread that makes it, each line at once."""

    def __init__(self, group: int = 0, octets: int = 96, receive_buffer: int = 1 << 23) -> None:
        """`octets` of each packet are copied."""
        self._netlink = Netlink(NETFILTER, receive_buffer)
        for family in (socket.AF_INET, socket.AF_INET6):
            self._bind_family(family)
        self._configure(group, attribute(_CMD, bytes([_BIND])))
        self._configure(group, attribute(_MODE, struct.pack("!IBB", octets, _COPY_PACKET, 0)))
        self._configure(group, number(_THRESHOLD, 1))  # else lines come late, in batches
        self._netlink.socket.setblocking(False)

    def close(self) -> None:
        """Unbind the group."""
        self._netlink.close()

    def lines(self) -> Iterator[Logged]:
        """What was logged and not yet taken, in order; does not wait."""
        while True:
            try:
                messages = self._netlink.receive()
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                raise HostError("NFLOG lost lines: they were not taken fast enough") from None
            if messages is None:
                return
            for kind, body in messages:
                if kind == _PACKET:
                    found = dict(attributes(body, 4))
                    prefix = found.get(_PREFIX, b"").rstrip(b"\0").decode(errors="replace")
                    yield Logged(prefix, found.get(_PAYLOAD, b""))

    def _configure(self, group: int, attribute_: bytes, family: int = socket.AF_UNSPEC) -> None:
        self._netlink.do("binding NFLOG", _CONFIG, netfilter_header(family, group) + attribute_)

    def _bind_family(self, family: int) -> None:
        """What kernels before 3.17 needed; newer ones take it and do nothing."""
        self._configure(0, attribute(_CMD, bytes([_PF_UNBIND])), family)
        self._configure(0, attribute(_CMD, bytes([_PF_BIND])), family)
