"""A topology, built: network namespaces without names, wired up, which end with this process.

Nothing of it can be left behind: what keeps a namespace is a descriptor, and programs run inside are
threads of this process or end with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bypeer.errors import HostError
from bypeer.lab.topologies import Topology
from bypeer.live.namespace import Namespace

TOOLS = {"ip": "iproute2", "nft": "nftables"}
_SYSCTLS = {
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    # Else a router's first packets wait a second until it may use its own address.
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.default.dad_transmits": 0,
}
_FORWARDING = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}


class Net:
    """The namespaces of a topology, by their hosts' names."""

    def __init__(self, topology: Topology, hosts: dict[str, Namespace]) -> None:
        self.topology = topology
        self.hosts = hosts
        self.kept: list[socket.socket] = []  # what lives as long as the network

    def __getitem__(self, host: str) -> Namespace:
        return self.hosts[host]

    def path(self, host: str) -> str:
        """Where a namespace is found by other programs."""
        return f"/proc/{os.getpid()}/fd/{self.hosts[host].fileno()}"

    def nft(self, host: str, script: str) -> str:
        """Run an nft script there."""
        return self.hosts[host].call(run, "nft", "-f", "-", text=script)

    def run(self, host: str, *command: str) -> str:
        """What a program prints there."""
        return self.hosts[host].call(run, *command)


@contextmanager
def built(topology: Topology) -> Iterator[Net]:
    """A topology, wired up. HostError where the machine lacks something."""
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            raise HostError(f"{tool} is missing: apt-get install --no-install-recommends {package}")
    with ExitStack() as stack:
        net = Net(topology, {host: stack.enter_context(Namespace()) for host in topology.hosts})
        for host in topology.hosts:
            forwards = _FORWARDING if host in topology.forwards else {}
            net[host].set_sysctls({**_SYSCTLS, **forwards})
        _wire(net)
        for host in topology.hosts:
            net[host].call(run, "ip", "-batch", "-", text="\n".join(_configured(topology, host)))
        for host, script in topology.rules.items():
            net.nft(host, script)
        yield net
        for one in net.kept:
            one.close()


def _wire(net: Net) -> None:
    """Bridges, and cables between the hosts."""
    for host, device in net.topology.bridges:
        net.run(host, "ip", "link", "add", device, "type", "bridge", "forward_delay", "0")
    for number, (one, other) in enumerate(net.topology.cables):
        # Unlike numbers: where both ends have the same, the kernel takes a second to see the carrier.
        numbers = [str(10 + 2 * number + end) for end in range(2)]
        net.run(
            one.host, "ip", "link", "add", one.device, "index", numbers[0], "type", "veth",
            "peer", "name", other.device, "index", numbers[1], "netns", net.path(other.host),
        )  # fmt: skip


def _configured(topology: Topology, host: str) -> list[str]:
    """What `ip -batch` does in a host: addresses, links, routes."""
    lines = ["link set lo up"]
    for cable in topology.cables:
        for end in cable:
            if end.host != host:
                continue
            if end.bridge:
                lines.append(f"link set {end.device} master {end.bridge}")
            lines += [f"address add {one} dev {end.device} nodad" for one in end.addresses]
            lines.append(f"link set {end.device} up")
    # Bridges after their ports: one that is up without a carrier waits for a second.
    for (where, device), addresses in topology.bridges.items():
        if where == host:
            lines += [f"address add {one} dev {device} nodad" for one in addresses]
            lines.append(f"link set {device} up")
    return lines + [f"route add {one}" for one in topology.routes.get(host, ())]


def run(*command: str, text: str = "") -> str:
    """What a program prints. HostError where it fails: the kernel lacks what it wants, or says no."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise HostError(f"{' '.join(command[:3])}: {lines[0]}")
    return done.stdout
