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
    attributes,
    name,
    nested,
    netfilter_header,
    number,
)

INET, IPV4, IPV6 = 1, 2, 10  # families of a table
PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)  # hooks
MANGLE, LAST = -150, 0x7FFF_FFFF  # priorities (NF_IP_PRI_MANGLE: after the tracker, before NAT and filter)
# What `ct` can load.
CT_STATE, CT_DIRECTION, CT_STATUS, CT_EXPIRATION = 0, 1, 2, 5
NETWORK, TRANSPORT = 1, 2  # headers that a payload expression counts from
SNAT, DNAT = 0, 1

_SUBSYSTEM = 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEWTABLE, _NEWCHAIN, _NEWRULE = _SUBSYSTEM << 8, _SUBSYSTEM << 8 | 3, _SUBSYSTEM << 8 | 6
_DELTABLE, _GETRULE = _SUBSYSTEM << 8 | 2, _SUBSYSTEM << 8 | 7
_META_IIF, _META_OIF, _META_L4PROTO = 4, 5, 16
_EQUAL, _UNEQUAL = 0, 1
_INVALID = 1  # of what CT_STATE loads: NF_CT_STATE_INVALID_BIT
_FLAGS = 13  # offset in the TCP header
_OWNER = 2  # NFT_TABLE_F_OWNER, from 5.12: the table ends with the socket that made it


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


def is_invalid() -> bytes:
    """Go on only if the tracker called the packet INVALID."""
    return load_ct(CT_STATE) + _has(struct.pack("=I", _INVALID))


def is_tcp(flags: int = 0) -> bytes:
    """Go on only if it is TCP, with one of these flags where any are named."""
    load = _expression("meta", number(2, _META_L4PROTO), number(1, 1))
    told = load + _compare(_EQUAL, bytes([socket.IPPROTO_TCP]))
    if not flags:
        return told
    load = _expression("payload", number(1, 1), number(2, TRANSPORT), number(3, _FLAGS), number(4, 1))
    return told + load + _has(bytes([flags]))


def log(group: int, prefix: str, octets: int) -> bytes:
    """Count the packet, and log so many octets of it to that group of NFLOG, at once."""
    short = struct.pack("!H", group), struct.pack("!H", 1)
    told = attribute(1, short[0]), name(2, prefix), number(3, octets), attribute(4, short[1])
    return _expression("counter") + _expression("log", *told)


def make_table(
    table: str, family: int, chains: Sequence[Chain], netlink: Netlink | None = None, *, owned: bool = False
) -> None:
    """Make a table with its chains and rules in this thread's namespace, all or nothing.

    With a socket it is made by that; `owned`: nobody else can change it, and the kernel removes it when
    the socket is closed.
    """
    head = netfilter_header(family)
    flags = number(2, _OWNER) if owned else b""
    parts = [(_NEWTABLE, CREATE, head + name(1, table) + flags)]
    for one in chains:
        hook = nested(4, number(1, one.hook), number(2, one.priority))
        body = head + name(1, table) + name(3, one.name) + hook + name(7, one.type)
        parts.append((_NEWCHAIN, CREATE, body))
        for rule in one.rules:
            body = head + name(1, table) + name(2, one.name) + nested(4, *rule)
            parts.append((_NEWRULE, CREATE | APPEND, body))
    own = netlink or Netlink(NETFILTER)
    try:
        _transact(own, "setting nftables rules", parts)
    finally:
        if netlink is None:
            own.close()


def delete_table(table: str, family: int, netlink: Netlink) -> None:
    """Remove a table with all that is in it."""
    head = netfilter_header(family)
    _transact(netlink, "removing nftables rules", [(_DELTABLE, 0, head + name(1, table))])


def counted(table: str, family: int, netlink: Netlink) -> dict[str, int]:
    """Packets that each rule of `log` counted, by its prefix."""
    found = {}
    asked = netfilter_header(family) + name(1, table)
    for message in netlink.dump("reading nftables counters", _GETRULE, asked):
        rule = dict(attributes(message.body, 4))
        # Kernels before 4.5 list the rules of every table.
        if rule.get(1) != table.encode() + b"\0":
            continue
        expressions = [dict(attributes(one)) for _, one in attributes(rule.get(4, b""))]
        parts = {one[1]: dict(attributes(one.get(2, b""))) for one in expressions if 1 in one}
        log_, counter = parts.get(b"log\0", {}), parts.get(b"counter\0", {})
        if 2 in log_ and 2 in counter:
            found[log_[2].rstrip(b"\0").decode()] = int.from_bytes(counter[2], "big")
    return found


def _transact(netlink: Netlink, doing: str, parts: list[tuple[int, int, bytes]]) -> None:
    """Messages in one transaction: all of them, or nothing."""
    begin = (_BATCH_BEGIN, 0, netfilter_header(socket.AF_UNSPEC, _SUBSYSTEM))
    end = (_BATCH_END, 0, netfilter_header(socket.AF_UNSPEC, _SUBSYSTEM))
    acknowledged = [(kind, flags | ACK, body) for kind, flags, body in parts]
    netlink.do_all(doing, [begin, *acknowledged, end])


def _device(key: int, device: str) -> bytes:
    index = struct.pack("=I", socket.if_nametoindex(device))
    return _expression("meta", number(2, key), number(1, 1)) + _compare(_EQUAL, index)


def _compare(how: int, value: bytes) -> bytes:
    return _expression("cmp", number(1, 1), number(2, how), nested(3, attribute(1, value)))


def _has(bits: bytes) -> bytes:
    """Go on only if one of these bits is set in register 1."""
    mask, nothing = nested(4, attribute(1, bits)), bytes(len(bits))
    masked = _expression(
        "bitwise", number(1, 1), number(2, 1), number(3, len(bits)), mask, nested(5, attribute(1, nothing))
    )
    return masked + _compare(_UNEQUAL, nothing)


def _expression(kind: str, *parts: bytes) -> bytes:
    return nested(1, name(1, kind), nested(2, *parts))
