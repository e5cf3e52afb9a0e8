"""A NAT host between a client and a server, each in a namespace of its own, which end with the test.

    client 10.7.0.2  -  10.7.0.1 host 192.0.2.1  -  192.0.2.2 server

The host masquerades, and accepts everything, as Docker's bridge does.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bypeer.errors import HostError
from bypeer.live.namespace import Namespace
from tests import make

CLIENT, INNER, HOST, SERVER = "10.7.0.2", "10.7.0.1", "192.0.2.1", "192.0.2.2"
PORT = 8080
RULES = """
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "out" masquerade
    }
}
"""
_LACKING = ("Operation not supported", "Unknown device type", "Protocol not supported")
COUNTS = {"nf_conntrack_count"}  # sysctls that are no settings


class Net(NamedTuple):
    """The three namespaces."""

    client: Namespace
    host: Namespace
    server: Namespace


def run(*command: str, text: str = "") -> str:
    """What a program prints. HostError where the kernel lacks what it wants."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if any(lacking in done.stderr for lacking in _LACKING):
        raise HostError(f"{' '.join(command)}: {done.stderr.strip()}")
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout


@contextmanager
def nat_host() -> Iterator[Net]:
    """Three namespaces, wired up. HostError where the machine lacks something."""
    for program in ("ip", "nft"):
        if shutil.which(program) is None:
            raise HostError(f"{program} is not installed")
    with ExitStack() as stack:
        net = Net(*(stack.enter_context(Namespace()) for _ in range(3)))
        paths = [_path(one, stack) for one in net]
        net.host.call(_wire, paths[0], paths[2])
        net.client.call(_address, "eth0", f"{CLIENT}/24", INNER)
        net.server.call(_address, "eth0", f"{SERVER}/24", "")
        net.host.set_sysctls({"net.ipv4.ip_forward": 1})
        net.host.call(run, "nft", "-f", "-", text=RULES)
        yield net


def _path(namespace: Namespace, stack: ExitStack) -> str:
    fd = namespace.call(os.open, "/proc/thread-self/ns/net", os.O_RDONLY)
    stack.callback(os.close, fd)
    return f"/proc/{os.getpid()}/fd/{fd}"


def _wire(client: str, server: str) -> None:
    for name, other in (("in", client), ("out", server)):
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", other)
    _address("in", f"{INNER}/24", "")
    _address("out", f"{HOST}/24", "")


def _address(device: str, address: str, gateway: str) -> None:
    lines = ["link set lo up", f"address add {address} dev {device}", f"link set {device} up"]
    run(
        "ip",
        "-batch",
        "-",
        text="\n".join([*lines, *([f"route add default via {gateway}"] if gateway else [])]),
    )


class Connection:
    """A connection from client to server through the NAT, with the server's sequence numbers."""

    def __init__(self, net: Net) -> None:
        listener = net.server.call(socket.socket)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((SERVER, PORT))
        listener.listen()
        tap = net.server.call(_tap)
        self.client = net.client.call(socket.socket)
        self.client.settimeout(5)
        self.client.connect((SERVER, PORT))
        self.server, (self.seen_from, self.port) = listener.accept()
        self.server.settimeout(5)
        listener.close()
        # The client's SYN: what the server acknowledges is its number and one.
        self.ack = (_syn(tap, ack=False) + 1) & 0xFFFF_FFFF
        self.seq = (_syn(tap, ack=True) + 1) & 0xFFFF_FFFF
        tap.close()

    def close(self) -> None:
        """Close both ends."""
        self.client.close()
        self.server.close()

    def beyond(self, net: Net, by: int = 100_000_000) -> int:
        """Send a segment that far beyond the window from the server, right but for that; its SEG.SEQ."""
        seq = (self.seq + by) & 0xFFFF_FFFF
        segment = make.tcp(make.ACK_, seq, self.ack, sport=PORT, dport=self.port, payload=b"beyond")
        packet = make.ip(segment, src=SERVER, dst=self.seen_from)
        net.server.call(_send, packet, self.seen_from)
        return seq


def _tap() -> socket.socket:
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
    tap.settimeout(5)
    return tap


def _syn(tap: socket.socket, *, ack: bool) -> int:
    """SEG.SEQ of the next SYN, or SYN and ACK."""
    while True:
        packet = tap.recv(2000)
        if len(packet) >= 40 and packet[0] == 0x45 and packet[9] == socket.IPPROTO_TCP:
            flags = packet[33]
            if flags & 2 and bool(flags & 16) == ack:
                return int(struct.unpack_from("!I", packet, 24)[0])


def _send(packet: bytes, to: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(packet, (to, 0))


def state(namespace: Namespace) -> dict[str, str]:
    """All that a recorder might have left there: ruleset, sysctls, readers of NFLOG."""
    return namespace.call(_state)


def _state() -> dict[str, str]:
    found = {"ruleset": run("nft", "list", "ruleset")}
    for path in sorted(Path("/proc/sys/net").rglob("*")):
        if path.name not in COUNTS and path.is_file() and path.stat().st_mode & 0o400:
            try:
                found[str(path)] = path.read_text(errors="replace")
            except OSError as error:
                found[str(path)] = str(error.errno)  # as stable_secret, until it is set
    readers = Path("/proc/thread-self/net/netfilter/nfnetlink_log")
    found["nflog"] = " ".join(line.split()[0] for line in readers.read_text().splitlines())
    return found


def until(what: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether it comes true within that time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
