"""What is known of a scenario without any capture: rules of our own that count, and the kernel's counters."""

from __future__ import annotations

import json
from typing import NamedTuple

from bypeer.lab.net import Net
from bypeer.live.conntrack import Conntrack
from bypeer.live.counters import TcpCounters

# RSTs that each host makes, takes and hands on; on the host of the NAT what its tracker calls INVALID.
_COUNTING = """
table inet witness {
    counter made {}
    counter taken {}
    counter passed {}
    chain output { type filter hook output priority 300; tcp flags & rst == rst counter name made; }
    chain input { type filter hook input priority -300; tcp flags & rst == rst counter name taken; }
    chain forward { type filter hook forward priority 300; tcp flags & rst == rst counter name passed; }
}
"""
_INVALID = """
table inet witness_invalid {
    counter invalid {}
    chain prerouting {
        type filter hook prerouting priority -150;
        meta l4proto tcp ct state invalid counter name invalid;
    }
}
"""


class Resets(NamedTuple):
    """RST packets of a host."""

    made: int
    taken: int
    passed: int


class Counted(NamedTuple):
    """What the hosts counted."""

    resets: dict[str, Resets]  # by host
    invalid: int  # packets that came to the NAT host and were INVALID
    rejected: int  # by a rule of the scenario's, which counts in table witness_rejected
    statistics: dict[str, int]  # its tracker's
    tcp: dict[str, dict[str, int]]  # TCP's own counters, by host


class Witness:
    """Counts from now on."""

    def __init__(self, net: Net) -> None:
        self._net = net
        for host in net.topology.hosts:
            net.nft(host, _COUNTING)
        net.nft("host", _INVALID)

    def read(self) -> Counted:
        """What was counted until now."""
        resets, tcp = {}, {}
        for host in self._net.topology.hosts:
            counters = self._counters(host)
            resets[host] = Resets(*(counters.get(name, 0) for name in Resets._fields))
            tcp[host] = self._net[host].call(_tcp)
        own = self._counters("host")
        invalid, rejected = own.get("invalid", 0), own.get("rejected", 0)
        return Counted(resets, invalid, rejected, self._net["host"].call(_statistics), tcp)

    def _counters(self, host: str) -> dict[str, int]:
        listed = json.loads(self._net.run(host, "nft", "-j", "list", "counters"))["nftables"]
        found = [one["counter"] for one in listed if "counter" in one]
        return {one["name"]: one["packets"] for one in found if one["table"].startswith("witness")}


def _tcp() -> dict[str, int]:
    counters = TcpCounters()
    try:
        return counters.read()
    finally:
        counters.close()


def _statistics() -> dict[str, int]:
    table = Conntrack()
    try:
        return table.statistics()
    finally:
        table.close()
