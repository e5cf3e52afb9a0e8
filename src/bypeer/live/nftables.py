"""nftables rules by netlink, one transaction a call.

Written here rather than with the program `nft`, because a rule may then copy a register into a
packet as it is (ct state, the timer), for which nft has no syntax, and because it is one thing
less that a machine may lack. Only the expressions that something here needs.

Source: include/uapi/linux/netfilter/nf_tables.h; registers are 16 octets each, numbers in
attributes in network byte order, what `ct` and `meta` load in the machine's.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from bypeer.live.netlink import (
    ACK,
    APPEND,
    CREATE,
    NETFILTER,
    Netlink,
    attribute,
    name,
    nested,
    netfilter_header,
    number,
)

IPV4, IPV6 = 2, 10  # families of a table
PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)  # hooks
LAST = 0x7FFF_FFFF  # priority
# What `ct` can load.
CT_STATE, CT_DIRECTION, CT_STATUS, CT_EXPIRATION = 0, 1, 2, 5
NETWORK, TRANSPORT = 1, 2  # headers that a payload expression counts from
SNAT, DNAT = 0, 1

_SUBSYSTEM = 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEWTABLE, _NEWCHAIN, _NEWRULE = _SUBSYSTEM << 8, _SUBSYSTEM << 8 | 3, _SUBSYSTEM << 8 | 6
_META_IIF, _META_OIF = 4, 5


class Chain(NamedTuple):
    """A base chain and its rules, each a sequence of expressions."""

    name: str
    type: str  # filter, nat
    hook: int
    priority: int
    rules: Sequence[Sequence[bytes]]


def load_ct(key: int, register: int = 1) -> bytes:
    """Load what the tracker knows of the packet; one without an entry leaves the rule, but for CT_STATE."""
    return _expression("ct", number(2, key), number(1, register))


def write(base: int, offset: int, size: int, register: int = 1) -> bytes:
    """Copy the first octets of a register into the packet, checksums left as they are."""
    return _expression("payload", number(5, register), number(2, base), number(3, offset), number(4, size))


def comes_by(device: str) -> bytes:
    """Go on only if the packet came by that device."""
    return _device(_META_IIF, device)


def leaves_by(device: str) -> bytes:
    """Go on only if the packet leaves by that device."""
    return _device(_META_OIF, device)


def translate(kind: int, address: bytes) -> bytes:
    """SNAT or DNAT to that one address, port kept if it is free."""
    family = IPV4 if len(address) == 4 else IPV6
    return _expression("immediate", number(1, 1), nested(2, attribute(1, address))) + _expression(
        "nat", number(1, kind), number(2, family), number(3, 1)
    )


def make_table(table: str, family: int, chains: Sequence[Chain]) -> None:
    """Make a table with its chains and rules in this thread's namespace, all or nothing."""
    begin = (_BATCH_BEGIN, 0, netfilter_header(socket.AF_UNSPEC, _SUBSYSTEM))
    end = (_BATCH_END, 0, netfilter_header(socket.AF_UNSPEC, _SUBSYSTEM))
    head = netfilter_header(family)
    parts = [(_NEWTABLE, CREATE, head + name(1, table))]
    for one in chains:
        hook = nested(4, number(1, one.hook), number(2, one.priority))
        body = head + name(1, table) + name(3, one.name) + hook + name(7, one.type)
        parts.append((_NEWCHAIN, CREATE, body))
        for rule in one.rules:
            body = head + name(1, table) + name(2, one.name) + nested(4, *rule)
            parts.append((_NEWRULE, CREATE | APPEND, body))
    netlink = Netlink(NETFILTER)
    try:
        acknowledged = [(kind, flags | ACK, body) for kind, flags, body in parts]
        netlink.do_all("setting nftables rules", [begin, *acknowledged, end])
    finally:
        netlink.close()


def _device(key: int, device: str) -> bytes:
    index = struct.pack("=I", socket.if_nametoindex(device))
    load = _expression("meta", number(2, key), number(1, 1))
    return load + _expression("cmp", number(1, 1), number(2, 0), nested(3, attribute(1, index)))


def _expression(kind: str, *attributes: bytes) -> bytes:
    return nested(1, name(1, kind), nested(2, *attributes))
