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
    spares: tuple[str, ...] = ()  # hosts where the server's program runs as well

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

# The path can lead to either of two servers with one address, as a load balancer's does.
BALANCED = DOCKER._replace(
    name="balanced",
    says="as docker, and a second server with the first one's address, to which the path may turn",
    cables=(
        *DOCKER.cables,
        (
            End("other", "s0", ("192.0.2.2/24", "2001:db8:2::2/64", "198.51.100.2/32", "2001:db8:51::2/128")),
            End("path", "p2", ("192.0.2.1/24", "2001:db8:2::1/64")),
        ),
    ),
    routes={**_ROUTES, "other": ["default via 192.0.2.1", "default via 2001:db8:2::1"]},
    spares=("other",),
)

# A neighbour beside the host on the path's segment, and one beside the container on its bridge.
NEIGHBOURS = DOCKER._replace(
    name="neighbours",
    says="as docker; on the host's outer segment sits a neighbour, on the container's bridge another one",
    cables=(
        _SERVER_CABLE,
        (End("path", "port0", (), "p1"), _HOST_CABLE[1]),
        (
            End("path", "port1", (), "p1"),
            End("neighbour", "n0", ("203.0.113.66/24", "2001:db8:113::66/64")),
        ),
        _CONTAINER_CABLE,
        (End("host", "veth1", (), "docker0"), End("lodger", "eth0", ("172.17.0.66/16", "fd00:17::66/64"))),
    ),
    bridges={**_BRIDGE, ("path", "p1"): _HOST_CABLE[0].addresses},
    routes={
        **_ROUTES,
        "neighbour": ["default via 203.0.113.1", "default via 2001:db8:113::1"],
        "lodger": ["default via 172.17.0.1", "default via fd00:17::1"],
    },
)

_KUBE_PROXY = """
table inet nat {
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        ip daddr 10.96.0.10 tcp dport 80 dnat ip to 10.244.2.2
        ip6 daddr fd00:96::10 tcp dport 80 dnat ip6 to fd00:244:2::2
    }
}
"""
SERVICE = Topology(
    name="service",
    says="a Kubernetes service: the client pod's node translates its address to that of a pod elsewhere",
    cables=(
        (
            End("server", "s0", ("10.244.2.2/24", "fd00:244:2::2/64")),
            End("node", "n0", ("10.244.2.1/24", "fd00:244:2::1/64")),
        ),
        (
            End("node", "n1", ("192.168.2.2/24", "fd00:168:2::2/64")),
            End("path", "p0", ("192.168.2.1/24", "fd00:168:2::1/64")),
        ),
        (
            End("path", "p1", ("192.168.1.1/24", "fd00:168:1::1/64")),
            End("host", "ext0", ("192.168.1.12/24", "fd00:168:1::12/64")),
        ),
        (
            End("host", "veth0", (), "cni0"),
            End("container", "eth0", ("10.244.1.2/24", "fd00:244:1::2/64")),
        ),
    ),
    bridges={("host", "cni0"): ("10.244.1.1/24", "fd00:244:1::1/64")},
    routes={
        "server": ["default via 10.244.2.1", "default via fd00:244:2::1"],
        "node": ["default via 192.168.2.1", "default via fd00:168:2::1"],
        "path": [
            "10.244.2.0/24 via 192.168.2.2",
            "fd00:244:2::/64 via fd00:168:2::2",
            "10.244.1.0/24 via 192.168.1.12",
            "fd00:244:1::/64 via fd00:168:1::12",
        ],
        "host": ["default via 192.168.1.1", "default via fd00:168:1::1"],
        "container": ["default via 10.244.1.1", "default via fd00:244:1::1"],
    },
    forwards=("node", "path", "host"),
    rules={"host": _KUBE_PROXY},
    client="container",
    server="server",
    inside="container",
    service={4: "10.96.0.10", 6: "fd00:96::10"},
    far={4: "10.244.2.2", 6: "fd00:244:2::2"},
)

# The container's address is not hidden, so that its packets may come and go by different ways.
ASYMMETRIC = DOCKER._replace(
    name="asymmetric",
    says="a container with a routed address; a second cable leads from the path to it, past the host",
    cables=(
        *DOCKER.cables,
        (
            End("path", "p2", ("192.0.2.1/24", "2001:db8:2::1/64")),
            End("container", "eth1", ("192.0.2.2/24", "2001:db8:2::2/64")),
        ),
    ),
    routes={**_ROUTES, "path": ["172.17.0.0/16 via 203.0.113.12", "fd00:17::/64 via 2001:db8:113::12"]},
    rules={},
)

_HAIRPIN = """
table inet nat {
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local tcp dport 80 meta nfproto ipv4 dnat ip to 172.17.0.3:80
        fib daddr type local tcp dport 80 meta nfproto ipv6 dnat ip6 to [fd00:17::3]:80
    }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
        ip6 saddr fd00:17::/64 oifname != "docker0" masquerade
        iifname "docker0" oifname "docker0" ct status dnat masquerade
    }
}
"""
PAIR = DOCKER._replace(
    name="pair",
    says="two containers of one host: one uses the port that the host publishes for the other",
    cables=(
        _HOST_CABLE,
        _CONTAINER_CABLE,
        (End("host", "veth1", (), "docker0"), End("server", "eth0", ("172.17.0.3/16", "fd00:17::3/64"))),
    ),
    routes={
        "host": _ROUTES["host"],
        "container": _ROUTES["container"],
        "server": _ROUTES["container"],
    },
    rules={"host": _HAIRPIN},
    service={4: "203.0.113.12", 6: "2001:db8:113::12"},
    far={4: "172.17.0.3", 6: "fd00:17::3"},
)

TOPOLOGIES = {one.name: one for one in (DOCKER, PUBLISHED, BALANCED, NEIGHBOURS, SERVICE, ASYMMETRIC, PAIR)}
