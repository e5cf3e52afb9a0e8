"""The remedies of the catalogue, as what is set on the NAT host before a scenario is played.

The last of them heal nothing: they are here because people try them.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import NamedTuple

_SOL_TCP = socket.IPPROTO_TCP


class Remedy(NamedTuple):
    """Something that is done about a cause."""

    name: str
    says: str
    sysctls: Mapping[str, int | str] = {}  # of the NAT host, after the scenario's own
    rules: str = ""  # an nft script
    options: tuple[tuple[str, int, int, int], ...] = ()  # of sockets, as Traffic has them


def _drop(chain: str) -> str:
    return f"""
table inet remedy {{
    chain {chain} {{ type filter hook {chain} priority filter; policy accept; ct state invalid drop; }}
}}
"""


_TRACKER = "net.netfilter.nf_conntrack_tcp"
_KEEPALIVE = (
    ("client", socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ("client", _SOL_TCP, socket.TCP_KEEPIDLE, 1),  # s, below every idle timeout of the scenarios
    ("client", _SOL_TCP, socket.TCP_KEEPINTVL, 1),
)

REMEDIES = {
    one.name: one
    for one in (
        Remedy("drop-invalid", "drop INVALID in INPUT", rules=_drop("input")),
        Remedy("drop-invalid-forward", "drop INVALID in FORWARD", rules=_drop("forward")),
        Remedy("be-liberal", "nf_conntrack_tcp_be_liberal=1", {f"{_TRACKER}_be_liberal": 1}),
        Remedy(
            "raise-timeout",
            "nf_conntrack_tcp_timeout_established=432000, and that of unacknowledged data 300",
            {f"{_TRACKER}_timeout_established": 432_000, f"{_TRACKER}_timeout_unacknowledged": 300},
        ),
        Remedy("keepalive", "the client's socket sends keepalives", options=_KEEPALIVE),
        Remedy(
            "rp-filter",
            "rp_filter=1",
            {"net.ipv4.conf.all.rp_filter": 1, "net.ipv4.conf.default.rp_filter": 1},
        ),
        Remedy("not-loose", "nf_conntrack_tcp_loose=0", {f"{_TRACKER}_loose": 0}),
        Remedy(
            "not-loose-and-drop",
            "nf_conntrack_tcp_loose=0, drop INVALID in INPUT",
            {f"{_TRACKER}_loose": 0},
            _drop("input"),
        ),
        Remedy(
            "ignore-invalid-rst",
            "nf_conntrack_tcp_ignore_invalid_rst=1",
            {f"{_TRACKER}_ignore_invalid_rst": 1},
        ),
    )
}
