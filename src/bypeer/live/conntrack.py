"""The tracker's table of a namespace, by ctnetlink.

Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import socket

from bypeer.live.netlink import NETFILTER, Netlink, netfilter_header

_SUBSYSTEM = 1
_DELETE = _SUBSYSTEM << 8 | 2


class Conntrack:
    """The tracker's table in the namespace of the thread that makes it."""

    def __init__(self) -> None:
        self._netlink = Netlink(NETFILTER)

    def close(self) -> None:
        """End it; the entries stay."""
        self._netlink.close()

    def flush(self) -> None:
        """Forget every entry."""
        self._netlink.do("flushing the tracker's table", _DELETE, netfilter_header(socket.AF_UNSPEC))
