"""Veth pairs and raw frames for tests of rings, all in namespaces of their own."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
from pathlib import Path

from bypeer.live.history import History
from bypeer.live.namespace import Namespace

ETHERNET = bytes.fromhex("020000000002020000000001")
SIOCETHTOOL, ETHTOOL_SGRO = 0x8946, 0x2C


def ip(namespace: Namespace, *commands: str) -> None:
    """Commands for `ip -batch`, run inside."""
    text = "\n".join(commands)
    namespace.call(subprocess.run, ["ip", "-batch", "-"], input=text, text=True, check=True)


def pair(namespace: Namespace, *commands: str) -> None:
    """Lay va and vb, which nothing uses by itself, GRO off."""
    namespace.set_sysctls({"net.ipv6.conf.default.disable_ipv6": 1})
    ip(namespace, "link add va type veth peer name vb", *commands, "link set va up")
    if not commands:
        ip(namespace, "link set vb up")
        namespace.call(no_gro, "vb")


def apart(near: Namespace, far: Namespace) -> None:
    """Lay va in one namespace and vb in the other, with addresses 10.0.0.1 and 10.0.0.2."""
    far.set_sysctls({"net.ipv6.conf.default.disable_ipv6": 1})
    fd = far.call(os.open, "/proc/thread-self/ns/net", os.O_RDONLY)
    pair(near, f"link set vb netns /proc/{os.getpid()}/fd/{fd}", "addr add 10.0.0.1/24 dev va")
    os.close(fd)
    ip(far, "addr add 10.0.0.2/24 dev vb", "link set vb up", "link set lo up")
    far.call(no_gro, "vb")


def no_gro(device: str) -> None:
    """What `ethtool -K DEVICE gro off` does."""
    value = (ctypes.c_uint32 * 2)(ETHTOOL_SGRO, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = struct.pack("16sP16x", device.encode(), ctypes.addressof(value))
        fcntl.ioctl(asked, SIOCETHTOOL, request)


def passed(namespace: Namespace, device: str) -> int:
    """Packets that the device itself has counted, in both directions."""
    for line in namespace.call(Path("/proc/thread-self/net/dev").read_text).splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == device:
            numbers = counters.split()
            return int(numbers[1]) + int(numbers[9])
    raise AssertionError(f"no {device}")


def sender(namespace: Namespace, device: str) -> socket.socket:
    """A socket that sends frames out of the device and gets none."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        made.bind((device, 0))
        return made

    return namespace.call(make)


def ipv4(payload: bytes, protocol: int = 6, fragment: int = 0) -> bytes:
    """An IPv4 packet from 10.0.0.1 to 10.0.0.2, its checksum left out."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 7, fragment, 64, protocol, 0)
    return head + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + payload


def ipv6(payload: bytes, following: int = 6) -> bytes:
    """An IPv6 packet between two addresses."""
    return (
        struct.pack("!IHBB", 6 << 28, len(payload), following, 64)
        + bytes(15)
        + b"\1"
        + bytes(15)
        + b"\2"
        + payload
    )


def tcp(flags: int, number: int = 0, payload: bytes = b"") -> bytes:
    """A TCP segment from port 1024 to 443, with that SEG.SEQ."""
    return struct.pack("!HHIIBBHHH", 1024, 443, number, 5, 0x50, flags, 100, 0, 0) + payload


def framed(packet: bytes, *types: int) -> bytes:
    """An Ethernet frame; of several EtherTypes all but the last are tags, for VLAN 5."""
    tags = b"".join(struct.pack("!HH", one, 5) for one in types[:-1])
    return ETHERNET + tags + struct.pack("!H", types[-1]) + packet


def packets(history: History) -> list[bytes]:
    """The packets in a history, one by one."""
    return [
        bytes(batch.octets[batch.start[row] : batch.start[row] + batch.captured[row]])
        for batch in history.frames()
        for row in range(batch.count)
    ]
