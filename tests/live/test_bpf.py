"""Filter programs, judged by the kernel: a datagram passes a socket that has one, or not."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.errors import HostError
from bypeer.live import bpf
from tests.live.wire import framed, ipv4, ipv6, tcp

HOP, DESTINATION, FRAGMENT, UDP, ICMP = 0, 60, 44, 17, 1
IPV4, IPV6, VLAN, SERVICE, ARP = 0x0800, 0x86DD, 0x8100, 0x88A8, 0x0806
KEPT = {
    "IPv4": framed(ipv4(tcp(16)), IPV4),
    "IPv6": framed(ipv6(tcp(16)), IPV6),
    "a first fragment": framed(ipv4(tcp(16), fragment=0x2000), IPV4),
    "a later fragment": framed(ipv4(b"rest", fragment=0x0010), IPV4),
    "a VLAN": framed(ipv4(tcp(16)), VLAN, IPV4),
    "a VLAN in a VLAN": framed(ipv6(tcp(16)), SERVICE, VLAN, IPV6),
    "a first fragment of IPv6": framed(ipv6(bytes([6, 0, 0, 1, 0, 0, 0, 9]) + tcp(16), FRAGMENT), IPV6),
    "a later fragment of IPv6": framed(ipv6(bytes([6, 0, 0, 8, 0, 0, 0, 9]) + b"rest", FRAGMENT), IPV6),
    "options of IPv6": framed(ipv6(bytes([6, 0, 1, 4, 0, 0, 0, 0]) + tcp(16), HOP), IPV6),
    "more options in a fragment": framed(ipv6(bytes([DESTINATION, 0, 0, 1]) + bytes(20), FRAGMENT), IPV6),
}
REJECTED = {
    "UDP": framed(ipv4(tcp(16), UDP), IPV4),
    "UDP of IPv6": framed(ipv6(tcp(16), UDP), IPV6),
    "a fragment of UDP": framed(ipv6(bytes([UDP, 0, 0, 1, 0, 0, 0, 9]) + tcp(16), FRAGMENT), IPV6),
    "ICMP in a VLAN": framed(ipv4(tcp(16), ICMP), VLAN, IPV4),
    "ARP": framed(bytes(28), ARP),
    "three tags": framed(ipv4(tcp(16)), SERVICE, VLAN, VLAN, IPV4),
    "no IP header": framed(b"\x45", IPV4),
    "nothing": b"x",
}
# Some read beyond a packet's end, some divide by 0.
TEXTS = (
    "tcp port 443", "tcp[13] & 16 != 0", "ip6 or host 10.0.0.1", "tcp or udp[60:4] > 7", "udp[2:2] = 443",
    "arp or len / ip[1] > 0", "arp or len % ip[1] = 3", "ip[0] / ip[8] > 0", "vlan 5 and tcp", "",
    "greater 60", "tcp portrange 1-1024 and not port 7",
)  # fmt: skip


@pytest.fixture(scope="module")
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A pair that carries datagrams one way at a time."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        other.setblocking(False)
        yield one, other


def passes(frame: bytes, program: bpf.Program, between: tuple[socket.socket, socket.socket]) -> int:
    """Octets that the kernel keeps of it."""
    one, other = between
    bpf.attach(other, program)
    one.send(frame)
    try:
        return len(other.recv(70_000))
    except BlockingIOError:
        return 0


def compiled(text: str) -> bpf.Program:
    try:
        return bpf.compile_filter(text, 96)
    except HostError as error:
        if "libpcap" in str(error):
            pytest.skip(str(error))
        raise


Pair = tuple[socket.socket, socket.socket]


@pytest.mark.parametrize("frame", KEPT.values(), ids=KEPT)
def test_tcp_is_kept(frame: bytes, sockets: Pair) -> None:
    assert passes(frame, bpf.tcp(96), sockets) == min(len(frame), 96)
    assert passes(frame, bpf.tcp(20), sockets) == 20
    assert passes(frame, bpf.opposite(bpf.tcp(96)), sockets) == 0


@pytest.mark.parametrize("frame", REJECTED.values(), ids=REJECTED)
def test_else_is_rejected(frame: bytes, sockets: Pair) -> None:
    assert passes(frame, bpf.tcp(96), sockets) == 0
    assert passes(frame, bpf.opposite(bpf.tcp(96)), sockets) == 1


@pytest.mark.parametrize("text", TEXTS)
def test_a_packet_passes_a_program_or_its_opposite(text: str, sockets: Pair) -> None:
    program = compiled(text)
    opposite = bpf.opposite(program)
    seen = set()
    for whole in [*KEPT.values(), *REJECTED.values()]:
        for size in range(1, len(whole) + 1):
            kept = passes(whole[:size], program, sockets) > 0
            assert kept != (passes(whole[:size], opposite, sockets) == 1), (whole.hex(), size)
            seen.add(kept)
    assert True in seen


@given(st.binary(min_size=1, max_size=100))
def test_so_does_noise(octets: bytes) -> None:
    frame = framed(octets[1:], (IPV4, IPV6, VLAN, ARP)[octets[0] % 4])
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        other.setblocking(False)
        kept = passes(frame, bpf.tcp(96), (one, other)) > 0
        assert kept != (passes(frame, bpf.opposite(bpf.tcp(96)), (one, other)) == 1)


def test_a_long_filter_has_an_opposite(sockets: Pair) -> None:
    program = compiled(" or ".join(f"tcp port {port}" for port in range(100, 400)))
    assert len(program) > 300
    frame = framed(ipv4(tcp(16)), IPV4)
    assert passes(frame, program, sockets) == 0
    assert passes(frame, bpf.opposite(program), sockets) == 1
    hit = frame[:34] + (399).to_bytes(2, "big") + frame[36:]
    assert passes(hit, program, sockets) == len(hit)
    assert passes(hit, bpf.opposite(program), sockets) == 0


def test_a_filter_of_libpcap_cuts(sockets: Pair) -> None:
    assert passes(KEPT["IPv4"] + bytes(100), compiled("tcp"), sockets) == 96


@pytest.mark.parametrize("text", ["tcp prot 80", "port \x1b[2J", "tcp\0", "\udcff"])
def test_no_filter_is_said(text: str) -> None:
    compiled("tcp")
    with pytest.raises(HostError, match=r"^(not a filter: |a filter cannot)"):
        bpf.compile_filter(text, 96)


def test_without_libpcap_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(HostError, match="needs libpcap, which is not installed"):
        bpf.compile_filter("tcp", 96)


def test_what_the_kernel_does_not_take_is_said(sockets: Pair) -> None:
    for program in ([], [bpf.Instruction(6, 0, 0, 1)] * 70_000, [bpf.Instruction(0x15, 9, 9, 0)]):
        with pytest.raises(HostError, match="the kernel does not take the filter"):
            bpf.attach(sockets[1], program)
