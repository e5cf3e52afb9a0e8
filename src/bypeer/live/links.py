"""The interfaces of a namespace, and the way that its kernel would send a packet; by rtnetlink.

All of it asks in the namespace of the calling thread, needs no privilege and sends no packet.

Source: rtnetlink(7); include/uapi/linux/rtnetlink.h, if_link.h, net_namespace.h.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from bypeer.live.netlink import ROUTE, Message, Netlink, attribute, attributes

_GETLINK, _GETROUTE, _GETNSID = 18, 26, 90
_IFLA_IFNAME, _IFLA_LINK, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_LINK_NETNSID = 3, 5, 10, 18, 37
_IFLA_INFO_KIND = 1
_RTA_DST, _RTA_SRC, _RTA_IIF, _RTA_OIF, _RTA_PREFSRC, _RTA_MULTIPATH = 1, 2, 3, 4, 7, 9
_NETNSA_NSID, _NETNSA_FD = 1, 3
_RTM_F_FIB_MATCH = 0x2000  # Linux 4.13; older ones answer as without it
_LOCAL = 2  # RTN_LOCAL
_ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg
_HOP = struct.Struct("=HBBi")  # rtnexthop
_LINK_HEADER, _NSID_HEADER = 16, 4  # octets: ifinfomsg, rtgenmsg


class Link(NamedTuple):
    """An interface."""

    ifindex: int
    name: str
    kind: str  # rtnetlink's: "veth", "bridge", "tun" ...; "" for hardware and the loopback
    below: int  # index of its other end (veth) or of what it lies upon; 0: nothing
    elsewhere: int | None  # the namespace in which that is, by its number here; None: this one
    master: int  # index of the bridge, bond or VRF that it is a port of; 0: none


class Way(NamedTuple):
    """Where a packet would go."""

    local: bool  # it would not leave: the address is one of this namespace's
    device: int  # index of the interface
    source: str  # the address that it would have; "" where it is not this namespace's to choose
    devices: tuple[int, ...]  # all that the route may choose from (ECMP)


def links() -> dict[int, Link]:
    """The interfaces here, by index."""
    with closing(Netlink(ROUTE)) as netlink:
        found = [_link(one) for one in netlink.dump("listing interfaces", _GETLINK, bytes(_LINK_HEADER))]
    return {one.ifindex: one for one in found}


def way_to(address: str, source: str = "", through: int = 0) -> Way:
    """The way to an address, of a packet made here, or of one that came in through that interface.

    RefusedError says that there is none, and with what errno.
    """
    with closing(Netlink(ROUTE)) as netlink:
        chosen = _ask(netlink, address, source, through, 0)
        whole = _ask(netlink, address, source, through, _RTM_F_FIB_MATCH)
    values = dict(attributes(chosen.body, _ROUTE.size))
    (device,) = struct.unpack("=I", values.get(_RTA_OIF, bytes(4)))
    kind = _ROUTE.unpack_from(chosen.body)[7]
    prefer = values.get(_RTA_PREFSRC)
    return Way(
        kind == _LOCAL,
        device,
        str(ipaddress.ip_address(prefer)) if prefer else "",
        tuple(sorted({device, *_devices(whole)})),
    )


def number_of(namespace: int) -> int | None:
    """By which number this namespace calls that of the descriptor; None if by none."""
    with closing(Netlink(ROUTE)) as netlink:
        body = bytes(_NSID_HEADER) + attribute(_NETNSA_FD, struct.pack("=I", namespace))
        answer = netlink.ask("asking for a namespace's number", _GETNSID, body)
    (number,) = struct.unpack("=i", dict(attributes(answer.body, _NSID_HEADER))[_NETNSA_NSID])
    return number if number >= 0 else None


def _ask(netlink: Netlink, address: str, source: str, through: int, flags: int) -> Message:
    where = ipaddress.ip_address(address)
    family = socket.AF_INET if where.version == 4 else socket.AF_INET6
    body = _ROUTE.pack(family, where.max_prefixlen, 0, 0, 0, 0, 0, 0, flags)
    body += attribute(_RTA_DST, where.packed)
    if source:
        body += attribute(_RTA_SRC, ipaddress.ip_address(source).packed)
    if through:
        body += attribute(_RTA_IIF, struct.pack("=I", through))
    return netlink.ask(f"the way to {address}", _GETROUTE, body)


def _link(message: Message) -> Link:
    values = dict(attributes(message.body, _LINK_HEADER))
    about = dict(attributes(values.get(_IFLA_LINKINFO, b"")))
    elsewhere = values.get(_IFLA_LINK_NETNSID)
    return Link(
        struct.unpack_from("=i", message.body, 4)[0],
        _text(values.get(_IFLA_IFNAME, b"")),
        _text(about.get(_IFLA_INFO_KIND, b"")),
        _index(values.get(_IFLA_LINK)),
        struct.unpack("=i", elsewhere)[0] if elsewhere else None,
        _index(values.get(_IFLA_MASTER)),
    )


def _devices(route: Message) -> Iterator[int]:
    """The interfaces of a route as it stands in the table."""
    values = dict(attributes(route.body, _ROUTE.size))
    if _RTA_OIF in values:
        yield _index(values[_RTA_OIF])
    hops, at = values.get(_RTA_MULTIPATH, b""), 0
    while at + _HOP.size <= len(hops):
        length, _, _, device = _HOP.unpack_from(hops, at)
        yield device
        at += max((length + 3) & ~3, _HOP.size)


def _index(value: bytes | None) -> int:
    return int(struct.unpack("=I", value)[0]) if value else 0


def _text(value: bytes) -> str:
    return value.partition(b"\0")[0].decode(errors="surrogateescape")
