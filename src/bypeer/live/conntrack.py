"""The tracker's table of a namespace, by ctnetlink: entries, statistics, and what it tells by itself.

Window edges are not told by the kernel. An entry made before anybody listened ends without an event.

Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h, nf_conntrack_tcp.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from bypeer.errors import HostError
from bypeer.live.netlink import (
    NETFILTER,
    Message,
    Netlink,
    RefusedError,
    attribute,
    attributes,
    nested,
    netfilter_header,
)

_SUBSYSTEM = 1
NEW, _GET, _DELETE, _STATISTICS = (_SUBSYSTEM << 8 | kind for kind in (0, 1, 2, 4))
_GROUP_NEW, _GROUP_DESTROY = 1, 3  # of multicast
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1

_ORIGINAL, _REPLY, _STATUS, _PROTOCOL, _TIMEOUT, _ID = 1, 2, 3, 4, 7, 12  # of an entry
_IP, _PROTO = 1, 2  # of a tuple
_PROTO_NUMBER, _SPORT, _DPORT = 1, 2, 3
_TCP, _TCP_STATE, _TCP_FLAGS = 1, 1, (4, 5)  # of an entry's protocol

# enum tcp_conntrack
_STATES = (
    "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",
    "CLOSE", "SYN_SENT2",
)  # fmt: skip
# Bits of an entry's status that say something of what became of its packets.
_STATUS_BITS = {1: "seen_reply", 2: "assured", 4: "src_nat", 5: "dst_nat", 9: "dying", 14: "offload"}
_LIBERAL = 0x08  # of a direction's flags: bounds are not checked
# enum ctattr_stats_cpu, what kernels of today still count
_COUNTERS = {
    2: "found", 4: "invalid", 8: "insert", 9: "insert_failed", 10: "drop", 11: "early_drop", 12: "error",
    13: "search_restart", 14: "clash_resolve", 15: "chain_toolong",
}  # fmt: skip

Ends = tuple[str, int, str, int]  # source, port, destination, port


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

    def statistics(self) -> dict[str, int]:
        """The tracker's counters, of all CPUs together."""
        total: dict[str, int] = {}
        answers = self._netlink.dump(
            "reading the tracker's counters", _STATISTICS, netfilter_header(socket.AF_UNSPEC)
        )
        for message in answers:
            for kind, value in attributes(message.body, 4):
                if kind in _COUNTERS and len(value) == 4:
                    name = _COUNTERS[kind]
                    total[name] = total.get(name, 0) + int.from_bytes(value, "big")
        return total

    def entry(self, ends: Ends) -> dict[str, str | int] | None:
        """The entry to which a TCP packet with these ends would belong, either way; None without one."""
        family = socket.AF_INET if ip_address(ends[0]).version == 4 else socket.AF_INET6
        body = netfilter_header(family) + _tuple(ends)
        try:
            return entry_fields(self._netlink.ask("looking for an entry", _GET, body))
        except RefusedError as error:
            if error.code == errno.ENOENT:
                return None
            raise


class Arrivals:
    """Entries as they come and go, in the namespace of the thread that makes it."""

    def __init__(self, receive_buffer: int = 1 << 22) -> None:
        self._netlink = Netlink(NETFILTER, receive_buffer)
        try:
            for group in (_GROUP_NEW, _GROUP_DESTROY):
                self._netlink.socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        except OSError as error:
            self.close()
            if error.errno == errno.EPERM:
                raise HostError("hearing the tracker needs root (CAP_NET_ADMIN)") from None
            raise HostError(f"hearing the tracker: {error.strerror}") from None
        self._netlink.socket.setblocking(False)

    def fileno(self) -> int:
        """The socket's, to wait for messages."""
        return self._netlink.socket.fileno()

    def close(self) -> None:
        """Listen no more."""
        self._netlink.close()

    def receive(self) -> list[Message] | None:
        """The messages of one datagram; None if nothing has come. OSError(ENOBUFS): some are lost."""
        return self._netlink.receive()


def entry_fields(message: Message) -> dict[str, str | int] | None:
    """What a message says of a TCP entry: both tuples, ct_state, status; None of any other protocol."""
    found = dict(attributes(message.body, 4))
    original, reply = _ends(found.get(_ORIGINAL, b"")), _ends(found.get(_REPLY, b""))
    if original is None or reply is None:
        return None
    fields: dict[str, str | int] = {**_named(original), **_named(reply, "reply_")}
    tcp = dict(attributes(dict(attributes(found.get(_PROTOCOL, b""))).get(_TCP, b"")))
    if _TCP_STATE in tcp and tcp[_TCP_STATE][0] < len(_STATES):
        fields["state"] = _STATES[tcp[_TCP_STATE][0]]
    if any(tcp.get(kind, b"\0")[0] & _LIBERAL for kind in _TCP_FLAGS):
        fields["liberal"] = 1
    status = int.from_bytes(found.get(_STATUS, b""), "big")
    fields["status"] = " ".join(name for bit, name in _STATUS_BITS.items() if status >> bit & 1)
    for kind, name in ((_TIMEOUT, "timeout"), (_ID, "id")):
        if kind in found:
            fields[name] = int.from_bytes(found[kind], "big")
    return fields


def _named(ends: Ends, prefix: str = "") -> Mapping[str, str | int]:
    names: Iterable[str] = (f"{prefix}{name}" for name in ("src", "sport", "dst", "dport"))
    return dict(zip(names, ends, strict=True))


def _tuple(ends: Ends) -> bytes:
    """The attribute that asks for an entry: whether it is the original tuple or the reply does not matter."""
    source, sport, target, dport = ends
    first = 1 if ip_address(source).version == 4 else 3
    ip = nested(
        _IP, attribute(first, ip_address(source).packed), attribute(first + 1, ip_address(target).packed)
    )
    ports = [attribute(kind, struct.pack("!H", port)) for kind, port in ((_SPORT, sport), (_DPORT, dport))]
    proto = nested(_PROTO, attribute(_PROTO_NUMBER, bytes([socket.IPPROTO_TCP])), *ports)
    return nested(_ORIGINAL, ip, proto)


def _ends(octets: bytes) -> Ends | None:
    """Source and destination of a tuple of TCP."""
    found = dict(attributes(octets))
    ip, proto = dict(attributes(found.get(_IP, b""))), dict(attributes(found.get(_PROTO, b"")))
    hosts = [ip.get(kind) or ip.get(kind + 2) for kind in (1, 2)]
    ports = [proto.get(kind) for kind in (_SPORT, _DPORT)]
    if proto.get(_PROTO_NUMBER) != bytes([socket.IPPROTO_TCP]) or None in (*hosts, *ports):
        return None
    source, target = (str(ip_address(host)) for host in hosts if host)
    sport, dport = (int.from_bytes(port, "big") for port in ports if port)
    return source, sport, target, dport
