"""Entries that the tracker is told of rather than made by packets: one that is in the way, or a table full.

nf_conntrack_max counts the entries of each namespace by itself, but is one number for all, which only the
first namespace may change: here its table is filled up to it.

Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h; Documentation/networking/nf_conntrack-sysctl.rst.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from bypeer.errors import HostError
from bypeer.live.conntrack import NEW, Ends
from bypeer.live.netlink import CREATE, NETFILTER, Netlink, attribute, nested, netfilter_header, number

_MAX = Path("/proc/sys/net/netfilter/nf_conntrack_max")
_MOST = 1 << 20  # entries; each takes some 320 octets of the kernel's memory
_AT_ONCE = 256  # messages in a datagram
_REQUEST = 1
_ORIGINAL, _REPLY, _STATUS, _PROTOCOL, _TIMEOUT = 1, 2, 3, 4, 7  # of an entry
# Of its status: seen in both directions, assured, so that it is not dropped early, and in the table.
_SEEN_ASSURED = 2 | 4 | 8
_ESTABLISHED = 3
_SECONDS = 600


def occupy(original: Ends, reply: Ends, seconds: int) -> None:
    """Make one entry in the namespace of this thread, an established connection's, for so long."""
    netlink = Netlink(NETFILTER)
    try:
        netlink.do("making an entry", NEW, _entry(original, reply, seconds), CREATE)
    finally:
        netlink.close()


def fill() -> int:
    """Fill the table of this thread's namespace; how many it may hold. HostError if it is too large."""
    most = int(_MAX.read_text())
    if most > _MOST:
        raise HostError(f"nf_conntrack_max is {most}: too many entries to fill the table with")
    netlink = Netlink(NETFILTER)
    try:
        # Some are refused, where too many share a place of the table; too many in all are refused as well.
        for datagram in _datagrams(most + most // 64):
            netlink.socket.send(datagram)
    finally:
        netlink.close()
    return most


def _datagrams(count: int) -> Iterator[bytes]:
    """Messages that make so many entries, each of an address of its own, some at a time."""
    here = ("10.0.0.0", 1000, "192.0.2.1", 80)
    body = _entry(here, (*here[2:], *here[:2]), _SECONDS)
    message = struct.pack("=IHHII", 16 + len(body), NEW, _REQUEST | CREATE, 0, 0) + body
    octets = bytearray(message * _AT_ONCE)
    placed = [at for at in range(len(message)) if message.startswith(ip_address(here[0]).packed, at)]
    for first in range(0, count, _AT_ONCE):
        for row in range(_AT_ONCE):
            address = struct.pack("!I", 0x0A00_0000 + first + row)
            for at in placed:
                octets[row * len(message) + at : row * len(message) + at + 4] = address
        yield bytes(octets[: len(message) * min(_AT_ONCE, count - first)])


def _entry(original: Ends, reply: Ends, seconds: int) -> bytes:
    state = nested(1, attribute(1, bytes([_ESTABLISHED])))
    family = socket.AF_INET if ip_address(original[0]).version == 4 else socket.AF_INET6
    return (
        netfilter_header(family)
        + _tuple(_ORIGINAL, original)
        + _tuple(_REPLY, reply)
        + number(_STATUS, _SEEN_ASSURED)
        + number(_TIMEOUT, seconds)
        + nested(_PROTOCOL, state)
    )


def _tuple(kind: int, ends: Ends) -> bytes:
    source, sport, target, dport = ends
    first = 1 if ip_address(source).version == 4 else 3
    addresses = [attribute(first + row, ip_address(one).packed) for row, one in enumerate((source, target))]
    ports = [attribute(2 + row, struct.pack("!H", one)) for row, one in enumerate((sport, dport))]
    return nested(kind, nested(1, *addresses), nested(2, attribute(1, bytes([socket.IPPROTO_TCP])), *ports))
