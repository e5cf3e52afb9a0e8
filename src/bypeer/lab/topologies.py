"""The small networks that scenarios are played in: facts only; `net.py` builds them.

Every host is a network namespace. Each topology has IPv4 and IPv6 addresses throughout, so that a scenario
may be played with either. In all of them `host` is the one whose tracker is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class End(NamedTuple):
    """A device at one end of a cable."""

    host: str
    device: str
    addresses: tuple[str, ...] = ()  # with prefix lengths
    bridge: str = ""  # which bridge of its host it is a port of


class Topology(NamedTuple):
    """Hosts, cables, routes and rules; and who plays which part."""

    name: str
    says: str
    cables: Sequence[tuple[End, End]]
    bridges: Mapping[tuple[str, str], tuple[str, ...]]  # (host, device): addresses
    routes: Mapping[str, Sequence[str]]  # host: as `ip route add` has them
    forwards: Sequence[str]  # hosts that forward
    rules: Mapping[str, str]  # host: an nft script
    client: str  # host of the client's program, and of the server's
    server: str
    inside: str  # host that the NAT hides: whom `record` is told to record
    service: Mapping[int, str]  # where the client connects to, by IP version
    far: Mapping[int, str]  # what `inside` reaches through the host: where the outside is listened at
    path: str = "path"  # host whose packets can be held, changed and dropped
    to_host: str = "p1"  # the path's device towards the host

    @property
    def hosts(self) -> list[str]:
        """Their names, in the order in which they are met."""
        return list(dict.fromkeys(end.host for cable in self.cables for end in cable))


PORT = 80  # of every service

_MASQUERADE = """
table inet nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
        ip6 saddr fd00:17::/64 oifname != "docker0" masquerade
    }
}
"""
_PUBLISHED = """
table inet nat {
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local tcp dport 80 meta nfproto ipv4 dnat ip to 172.17.0.2:80
        fib daddr type local tcp dport 80 meta nfproto ipv6 dnat ip6 to [fd00:17::2]:80
    }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
        ip6 saddr fd00:17::/64 oifname != "docker0" masquerade
    }
}
"""

_SERVER_CABLE = (
    End("server", "s0", ("198.51.100.2/24", "2001:db8:51::2/64")),
    End("path", "p0", ("198.51.100.1/24", "2001:db8:51::1/64")),
)
_HOST_CABLE = (
    End("path", "p1", ("203.0.113.1/24", "2001:db8:113::1/64")),
    End("host", "ext0", ("203.0.113.12/24", "2001:db8:113::12/64")),
)
_CONTAINER_CABLE = (
    End("host", "veth0", (), "docker0"),
    End("container", "eth0", ("172.17.0.2/16", "fd00:17::2/64")),
)
_BRIDGE = {("host", "docker0"): ("172.17.0.1/16", "fd00:17::1/64")}
_ROUTES = {
    "server": ["default via 198.51.100.1", "default via 2001:db8:51::1"],
    "host": ["default via 203.0.113.1", "default via 2001:db8:113::1"],
    "container": ["default via 172.17.0.1", "default via fd00:17::1"],
}

DOCKER = Topology(
    name="docker",
    says="a container behind Docker's bridge; its host masquerades; a path; a server",
    cables=(_SERVER_CABLE, _HOST_CABLE, _CONTAINER_CABLE),
    bridges=_BRIDGE,
    routes=_ROUTES,
    forwards=("path", "host"),
    rules={"host": _MASQUERADE},
    client="container",
    server="server",
    inside="container",
    service={4: "198.51.100.2", 6: "2001:db8:51::2"},
    far={4: "198.51.100.2", 6: "2001:db8:51::2"},
)

PUBLISHED = DOCKER._replace(
    name="published",
    says="a container's port published by its host (DNAT); the client is far away",
    rules={"host": _PUBLISHED},
    client="server",
    server="container",
    service={4: "203.0.113.12", 6: "2001:db8:113::12"},
)

TOPOLOGIES = {one.name: one for one in (DOCKER, PUBLISHED)}
