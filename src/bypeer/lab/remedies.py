"""The remedies of the catalogue, as what is set on the NAT host before a scenario is played."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Remedy(NamedTuple):
    """Something that is done about a cause."""

    name: str
    says: str
    sysctls: Mapping[str, int | str] = {}
    rules: str = ""  # an nft script


def _drop(chain: str) -> str:
    return f"""
table inet remedy {{
    chain {chain} {{ type filter hook {chain} priority filter; policy accept; ct state invalid drop; }}
}}
"""


REMEDIES = {
    one.name: one
    for one in (
        Remedy("drop-invalid", "drop INVALID in INPUT", rules=_drop("input")),
        Remedy("drop-invalid-forward", "drop INVALID in FORWARD", rules=_drop("forward")),
        Remedy(
            "be-liberal", "nf_conntrack_tcp_be_liberal=1", {"net.netfilter.nf_conntrack_tcp_be_liberal": 1}
        ),
    )
}
