"""Devices and routes of a namespace, by rtnetlink.

Source: rtnetlink(7); include/uapi/linux/rtnetlink.h, if_link.h.
"""

from __future__ import annotations

import ipaddress
import socket
import struct

from bypeer.live.netlink import CREATE, ROUTE, Netlink, attribute

_NEWLINK, _NEWROUTE = 16, 24
_IFLA_MTU, _IFLA_TXQLEN = 4, 13
_RTA_DST, _RTA_OIF = 1, 4
_IFF_UP = 1
_TABLE_MAIN, _PROTOCOL_STATIC, _SCOPE_LINK, _UNICAST = 254, 4, 253, 1


class Routes:
    """What `ip link` and `ip route` change, in the namespace of the thread that makes it."""

    def __init__(self) -> None:
        self._netlink = Netlink(ROUTE)

    def close(self) -> None:
        """End it; what it changed stays."""
        self._netlink.close()

    def up(self, device: str, mtu: int, queue: int) -> None:
        """Switch a device on; `mtu` in octets, `queue` in packets that wait to be read."""
        index = socket.if_nametoindex(device)
        body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP)
        body += attribute(_IFLA_MTU, struct.pack("=I", mtu)) + attribute(
            _IFLA_TXQLEN, struct.pack("=I", queue)
        )
        self._netlink.do(f"switching {device} on", _NEWLINK, body)

    def route(self, network: str, device: str) -> None:
        """Send what is for that network, as 10.1.0.0/16, out of the device."""
        where = ipaddress.ip_network(network)
        family = socket.AF_INET if where.version == 4 else socket.AF_INET6
        body = struct.pack(
            "=BBBBBBBBI",
            family,
            where.prefixlen,
            0,
            0,
            _TABLE_MAIN,
            _PROTOCOL_STATIC,
            _SCOPE_LINK,
            _UNICAST,
            0,
        )
        body += attribute(_RTA_DST, where.network_address.packed)
        body += attribute(_RTA_OIF, struct.pack("=I", socket.if_nametoindex(device)))
        self._netlink.do(f"routing {network}", _NEWROUTE, body, CREATE)
