"""The running kernel as judge: what it makes of each packet, with no timing and no loss.

Two TUN devices in a namespace of our own. A packet written to the one goes through PREROUTING, FORWARD
and POSTROUTING inside write(), and is read from the other; a rule that runs last writes over its TCP
header what the tracker says (shuttle.py reads it). NAT, where there is any, shows in the
addresses. With `reasons` the tracker's own log lines come by NFLOG, each known by its packet's
IP identification or flow label.

All by netlink: the machine needs no nft, ip or conntrack, and no packet costs more than two system calls.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bypeer.core.kernels import LOG_PREFIX, Kernel, Sysctls
from bypeer.errors import HostError
from bypeer.lab import shuttle
from bypeer.lab.shuttle import Shuttle
from bypeer.lab.tracker import NO_TIMER
from bypeer.lab.wire import CLIENT, MASQUERADED, SERVER, SERVICE, Batch
from bypeer.lab.worlds import TIMEOUT_SYSCTLS
from bypeer.live import nftables
from bypeer.live.conntrack import Conntrack
from bypeer.live.namespace import Namespace
from bypeer.live.nflog import Nflog
from bypeer.live.nftables import TRANSPORT, Chain
from bypeer.live.route import Routes
from bypeer.live.tun import open_tun

_DEVICES = ("clients", "servers")
_GROUPS = {"clients": (CLIENT, MASQUERADED), "servers": (SERVER, SERVICE)}
_MTU, _QUEUE = 65_535, 1000
_LOWERS = " lower timeout to "  # then jiffies, of which there may be 100 or 1000 a second
_SRC_NAT, _DST_NAT = 100, -100  # priorities (NF_IP_PRI_NAT_SRC, NF_IP_PRI_NAT_DST)

# Written by the last rule over the TCP header; those after the first only where there is an entry.
_RULES = (
    (nftables.load_ct(nftables.CT_STATE), nftables.write(TRANSPORT, shuttle.AT_STATE, 4)),
    (
        nftables.load_ct(nftables.CT_DIRECTION), nftables.write(TRANSPORT, shuttle.AT_DIRECTION, 1),
        nftables.load_ct(nftables.CT_EXPIRATION), nftables.write(TRANSPORT, shuttle.AT_EXPIRATION, 4),
        nftables.load_ct(nftables.CT_STATUS), nftables.write(TRANSPORT, shuttle.AT_STATUS, 4),
    ),
)  # fmt: skip


class Oracle:
    """A namespace with these settings of the tracker; `play` asks it."""

    def __init__(
        self, sysctls: Sysctls, *, nat: str = "", version: int = 4, reasons: bool = False,
        kernel: Kernel | None = None, timers: bool = True,
    ) -> None:  # fmt: skip
        """`nat` is "", "snat" or "dnat"; `kernel` tells which settings there are to be set.

        `timers`: whether the answers name the entry's timer, which a world must make telling.
        """
        if sys.byteorder != "little":
            raise HostError("the kernel's answers are read on little-endian machines only")
        self.version, self.nat = version, nat
        self._log: Nflog | None = None
        self._plumbing: _Plumbing | None = None
        self._namespace = Namespace()
        try:
            self._settle(sysctls, kernel, reasons, _timers(sysctls) if timers else ())
        except BaseException:
            self.close()  # a device left open would keep the namespace
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything; the namespace goes with it."""
        if self._plumbing:
            self._plumbing.close()
        if self._log:
            self._log.close()
        self._namespace.close()

    def play(self, batch: Batch) -> list[int]:
        """The kernel's answer to each packet of the batch (tracker.py: answers)."""
        return self._shuttle.play(batch)

    def lines(self, batch: Batch) -> list[list[str]]:
        """What the tracker logged of each packet of the batch just played."""
        found: list[list[str]] = [[] for _ in range(len(batch))]
        if self._log is None:
            return found
        for prefix, packet, _ in self._log.lines():
            number = packet[4] << 8 | packet[5]
            if self.version == 6:
                number = (packet[1] & 15) << 16 | packet[2] << 8 | packet[3]
            text, lowers, _ = prefix.strip().partition(_LOWERS)
            text += lowers.rstrip()
            if text.startswith(LOG_PREFIX) and number < len(found):
                found[number].append(text)
        return found

    def forget(self) -> None:
        """Flush the tracker's table, so that the same addresses may be used again."""
        assert self._plumbing
        self._plumbing.conntrack.flush()

    @property
    def lost(self) -> int:
        """Packets that did not come out."""
        return self._shuttle.lost

    def _settle(
        self, sysctls: Sysctls, kernel: Kernel | None, reasons: bool, timers: tuple[int, ...]
    ) -> None:  # fmt: skip
        self._plumbing = self._namespace.call(_lay)
        clients, servers = self._plumbing.devices
        self._namespace.set_sysctls(_network_sysctls(self.version))
        self._namespace.call(_open, self.version)
        self._namespace.call(_make_rules, self.version, self.nat)
        self._namespace.set_sysctls(_tracker_sysctls(sysctls, kernel))
        self._shuttle = Shuttle(clients, servers, self.version, self.nat, timers)
        if reasons:
            # Without the attributes of the entry: to ask for them may lock up kernels before 6.12.104.
            self._log = self._namespace.call(Nflog, octets=8)
            family = 2 if self.version == 4 else 10
            self._namespace.set_sysctls(
                {
                    f"net.netfilter.nf_log.{family}": "nfnetlink_log",
                    "net.netfilter.nf_conntrack_log_invalid": 6,
                }
            )


@dataclass
class _Plumbing:
    """What was made inside and stays open."""

    devices: tuple[int, int]
    conntrack: Conntrack

    def close(self) -> None:
        for fd in self.devices:
            os.close(fd)
        self.conntrack.close()


def _lay() -> _Plumbing:
    first = open_tun(_DEVICES[0])
    return _Plumbing((first, open_tun(_DEVICES[1])), Conntrack())


def _open(version: int) -> None:
    """Switch the devices on and route each side's addresses, and what NAT makes of them, to it."""
    routes = Routes()
    try:
        for device in _DEVICES:
            routes.up(device, _MTU, _QUEUE)
            for group in _GROUPS[device]:
                routes.route(f"10.{group}.0.0/16" if version == 4 else f"fd00:{group}::/32", device)
    finally:
        routes.close()


def _network_sysctls(version: int) -> dict[str, int | str]:
    """Forward; believe any source; send nothing unasked, on either device."""
    where = ("all", "default", *_DEVICES)
    values: dict[str, int | str] = {f"net.ipv4.conf.{name}.rp_filter": 0 for name in where}
    values |= {f"net.ipv4.conf.{name}.send_redirects": 0 for name in where}
    values["net.ipv4.ip_forward"] = 1
    if version == 4:
        return values | {f"net.ipv6.conf.{name}.disable_ipv6": 1 for name in where}
    values |= {
        f"net.ipv6.conf.{name}.addr_gen_mode": 1 for name in _DEVICES
    }  # no address, so no solicitations
    values |= {f"net.ipv6.conf.{name}.router_solicitations": 0 for name in where}
    return values | {"net.ipv6.conf.all.forwarding": 1}


def _tracker_sysctls(sysctls: Sysctls, kernel: Kernel | None) -> dict[str, int | str]:
    prefix = "net.netfilter."
    values: dict[str, int | str] = {
        prefix + name: sysctls.timeouts[index] for index, name in TIMEOUT_SYSCTLS.items()
    }
    values |= {
        prefix + "nf_conntrack_checksum": int(sysctls.checksum),
        prefix + "nf_conntrack_tcp_be_liberal": int(sysctls.tcp_be_liberal),
        prefix + "nf_conntrack_tcp_loose": int(sysctls.tcp_loose),
        prefix + "nf_conntrack_tcp_max_retrans": sysctls.tcp_max_retrans,
    }
    if kernel is None or kernel.has_ignore_invalid_rst:
        values[prefix + "nf_conntrack_tcp_ignore_invalid_rst"] = int(sysctls.tcp_ignore_invalid_rst)
    return values


def _make_rules(version: int, nat: str) -> None:
    family = nftables.IPV4 if version == 4 else nftables.IPV6
    # The chain before its rules: the tracker hooks in when the first rule asks for it, and of two
    # hooks of one priority the newer runs first. So the last rule sees entries confirmed.
    chains = [Chain("last", "filter", nftables.POSTROUTING, nftables.LAST, _RULES)]
    if nat == "snat":
        rule = (
            nftables.leaves_by("servers"),
            nftables.translate(nftables.SNAT, _address(MASQUERADED, version)),
        )
        chains.append(Chain("nat", "nat", nftables.POSTROUTING, _SRC_NAT, [rule]))
    elif nat == "dnat":
        rule = (nftables.comes_by("clients"), nftables.translate(nftables.DNAT, _address(SERVER, version)))
        chains.append(Chain("nat", "nat", nftables.PREROUTING, _DST_NAT, [rule]))
    nftables.make_table("bypeer", family, chains)


def _address(group: int, version: int) -> bytes:
    """The first address of a group, as wire.py writes it."""
    if version == 4:
        return bytes((10, group, 0, 1))
    return bytes((0xFD, 0, 0, group, *[0] * 11, 1))


def _timers(sysctls: Sysctls) -> tuple[int, ...]:
    """By how many steps a timer has left, rounded up: its index of Sysctls.timeouts."""
    steps = [-(-1000 * seconds // shuttle.STEP) for seconds in sysctls.timeouts]
    found = [NO_TIMER] * (max(steps) + 1)
    for index, step in reversed(list(enumerate(steps))):
        found[step] = index  # NONE and SYN_SENT2 have 120 s both; nothing is ever in NONE
    found[1] = 9 if steps[9] == 1 else found[1]
    return tuple(found)
