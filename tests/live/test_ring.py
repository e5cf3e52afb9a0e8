"""A tap on an interface of a namespace: no packet is unaccounted for."""

from __future__ import annotations

import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from bypeer.core import tcp as bits
from bypeer.core.scan import scan
from bypeer.errors import HostError
from bypeer.live import bpf
from bypeer.live.blocks import Caught
from bypeer.live.history import History
from bypeer.live.namespace import Namespace
from bypeer.live.ring import MOST_CAUGHT, Ring
from bypeer.live.tun import open_tun
from tests.lab.unprivileged import without_privilege
from tests.live.wire import ETHERNET, apart, framed, ip, ipv4, ipv6, packets, pair, passed, sender, tcp

pytestmark = pytest.mark.live

IPV4, IPV6, VLAN, ARP = 0x0800, 0x86DD, 0x8100, 0x0806
KINDS = (
    framed(ipv4(tcp(bits.ACK_, payload=bytes(1_000))), IPV4),
    framed(ipv6(tcp(bits.ACK_)), IPV6),
    framed(ipv4(tcp(bits.RST)), VLAN, IPV4),
    framed(ipv4(tcp(0), 17), IPV4),
    framed(bytes(28), ARP),
    framed(b"\x45", IPV4),  # ends before the filter has seen what it is
    ETHERNET + b"\x08\x00",
)
UNPRIVILEGED = """
from bypeer.errors import HostError
from bypeer.live.history import History
from bypeer.live.ring import Ring
try:
    Ring("lo", History(0))
except HostError as error:
    print(error)
"""


@contextmanager
def opened(namespace: Namespace, interface: str = "vb", **options: object) -> Iterator[Ring]:
    history = History(0, interface, 1 << 17)
    with closing(namespace.call(Ring, interface, history, **options)) as ring:  # type: ignore[arg-type]
        yield ring


def settled(ring: Ring, packets: int) -> list[Caught]:
    """Drain until that many packets were seen and none is left in the ring; what was caught."""
    caught = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        select.select([ring], [], [], 0.02)
        caught += ring.drain()
        counts = ring.counts()
        if counts.received >= packets and ring.history.added + counts.dropped + counts.filtered >= packets:
            return caught
    raise AssertionError(f"of {packets} packets: {ring.counts()}")


@pytest.mark.parametrize("seed", range(20))
def test_every_packet_is_accounted_for(namespace: Namespace, seed: int) -> None:
    """Held against the interface's own counters; every fourth time the ring overruns."""
    chance, overrun = random.Random(seed), seed % 4 == 0
    pair(namespace)
    with (
        opened(namespace, snaplen=1_100, block_size=1 << 14, blocks=4 if overrun else 64) as ring,
        sender(namespace, "va") as far,
        sender(namespace, "vb") as near,
    ):
        before = passed(namespace, "vb")
        for number in range(4_000):
            chance.choice((far, near)).send(chance.choice(KINDS))
            if not overrun and number % 100 == 0:
                ring.drain()
        ring.drain()
        settled(ring, 4_000)
        counts = ring.counts()
        assert counts.received == passed(namespace, "vb") - before == 4_000
        assert counts.received == counts.recorded + counts.dropped + counts.filtered + counts.overwritten
        assert counts.recorded == len(packets(ring.history))
        assert counts.overwritten > 0 or overrun
        assert (counts.dropped > 0, counts.freezes > 0, ring.lost(0, time.time_ns()) > 0) == (overrun,) * 3
        assert sum(one.dropped for one in ring.losses) == counts.dropped


def test_losses_are_placed_in_time(namespace: Namespace) -> None:
    pair(namespace)
    with opened(namespace, block_size=1 << 12, blocks=2) as ring, sender(namespace, "va") as far:
        far.send(KINDS[1])
        settled(ring, 1)
        began = time.time_ns()
        for _ in range(500):
            far.send(KINDS[1])
        ended = time.time_ns()
        settled(ring, 501)
        after = time.time_ns()
        far.send(KINDS[1])
        settled(ring, 502)
        dropped = ring.counts().dropped
        assert dropped > 400
        assert ring.lost(began, ended) == dropped
        assert ring.lost(0, began - 1_000_000_000) == ring.lost(after, time.time_ns()) == 0
        assert ring.seconds[0].counts.dropped == 0


def test_no_loss_is_forgotten(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than are kept the oldest are put together."""
    pair(namespace)
    monkeypatch.setattr("bypeer.live.ring._KEPT_TIMES", 3)
    with opened(namespace, block_size=1 << 12, blocks=2) as ring, sender(namespace, "va") as far:
        before = time.time_ns()
        for late in range(0, 100, 10):
            now = before + late * 1_000_000_000
            monkeypatch.setattr("bypeer.live.ring.time.time_ns", lambda now=now: now)
            for _ in range(200):
                far.send(KINDS[1])
            ring.drain()
        assert len(ring.losses) == 3
        assert sum(one.dropped for one in ring.losses) == ring.counts().dropped > 1_000
        assert ring.lost(before, before) == ring.losses[0].dropped
        assert ring.losses[0].until == before + 70_000_000_000


def test_the_counts_are_noted_every_second(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    pair(namespace)
    with opened(namespace) as ring, sender(namespace, "va") as far:
        now = time.time_ns()
        for late in (0, 900_000_000, 1_000_000_000, 1_500_000_000, 2_100_000_000, -5_000_000_000):
            monkeypatch.setattr("bypeer.live.ring.time.time_ns", lambda late=late: now + late)
            far.send(KINDS[4])
            ring.drain()
        assert [one.ts - now for one in ring.seconds] == [0, 1_000_000_000, 2_100_000_000, -5_000_000_000]
        assert [one.counts.filtered for one in ring.seconds] == [1, 3, 5, 6]


def test_a_connection_that_is_reset(namespace: Namespace) -> None:
    """Real sockets; the RST is caught on both sides, and says which way it went."""
    with Namespace() as far:
        apart(namespace, far)
        with opened(namespace, "va") as here, opened(far, "vb") as there:
            port = reset(namespace, far)
            for ring, place, outgoing in ((here, namespace, False), (there, far, True)):
                one = until_caught(ring)
                assert one.outgoing == outgoing
                assert (one.segment.sport, one.segment.dport) == (443, port)
                assert ring.caught == 1
                found = scan(ring.history)
                assert (len(found.table), found.rst, found.tcp) == (1, 1, found.packets)
                assert ring.counts().received == passed(place, ring.interface)


def reset(near: Namespace, far: Namespace) -> int:
    """A connection that the server, at port 443, resets; the client's port."""
    with (
        far.call(socket.create_server, ("10.0.0.2", 443)) as listening,
        near.call(socket.create_connection, ("10.0.0.2", 443), 5) as client,
    ):
        server, _ = listening.accept()
        server.sendall(b"x" * 5_000)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
        return int(client.getsockname()[1])


def until_caught(ring: Ring) -> Caught:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        select.select([ring], [], [], 0.1)
        if caught := ring.drain():
            return caught[0]
    raise AssertionError("no RST came")


def test_octets_are_cut_and_tags_put_back(namespace: Namespace) -> None:
    pair(namespace)
    with opened(namespace, snaplen=60) as ring, sender(namespace, "va") as far:
        sent = [KINDS[0], KINDS[2], framed(ipv4(tcp(bits.ACK_)), 0x88A8, VLAN, IPV4)]
        for one in sent:
            far.send(one)
        assert len(settled(ring, 3)) == 1
        # The kernel cuts what it has, and it has the outer tag beside the packet.
        assert packets(ring.history) == [sent[0][:60], sent[1][:64], sent[2][:64]]
        assert list(next(iter(ring.history.frames())).length[:3]) == [len(one) for one in sent]


def test_a_filter_of_ones_own(namespace: Namespace) -> None:
    pair(namespace)

    def program(snaplen: int, link: int) -> bpf.Program:
        return bpf.compile_filter("udp or arp", snaplen, link)

    try:
        bpf.compile_filter("tcp", 96)
    except HostError as error:
        pytest.skip(str(error))
    with opened(namespace, program=program) as ring, sender(namespace, "va") as far:
        for one in KINDS:
            far.send(one)
        settled(ring, len(KINDS))
        assert packets(ring.history) == [KINDS[3], KINDS[4]]
        assert ring.counts().filtered == len(KINDS) - 2


def test_a_device_without_ethernet(namespace: Namespace) -> None:
    fd = namespace.call(open_tun, "tap")
    namespace.set_sysctls({"net.ipv6.conf.tap.disable_ipv6": 1})
    ip(namespace, "link set tap up")
    with opened(namespace, "tap") as ring:
        for one in (ipv4(tcp(bits.RST)), ipv6(tcp(bits.ACK_)), ipv4(bytes(9), 17), b"\x45" + bytes(9)):
            os.write(fd, one)
        caught = settled(ring, 3)
        assert [one.segment.flags for one in caught] == [bits.RST]
        assert packets(ring.history) == [
            bytes(12) + b"\x08\x00" + ipv4(tcp(bits.RST)),
            bytes(12) + b"\x86\xdd" + ipv6(tcp(bits.ACK_)),
        ]
        counts = ring.counts()
        assert counts.received == passed(namespace, "tap") == counts.recorded + counts.filtered
    os.close(fd)


def test_a_storm_is_handed_out_in_part_and_counted(namespace: Namespace) -> None:
    pair(namespace)
    with opened(namespace) as ring, sender(namespace, "va") as far:
        for _ in range(MOST_CAUGHT + 500):
            far.send(KINDS[2])
        caught = settled(ring, MOST_CAUGHT + 500)
        assert 0 < len(caught) <= MOST_CAUGHT + 500
        assert ring.caught == MOST_CAUGHT + 500


def test_an_interface_that_goes(namespace: Namespace) -> None:
    pair(namespace)
    with opened(namespace) as ring, sender(namespace, "va") as far:
        far.send(KINDS[1])
        settled(ring, 1)
        assert ring.fault == ""
        ip(namespace, "link set vb down")
        ring.drain()
        assert ring.fault == "the interface vb is down"
        ip(namespace, "link set vb up")
        far.send(KINDS[1])
        settled(ring, 2)
        assert ring.fault == ""
        ip(namespace, "link del vb")
        ring.drain()
        assert ring.fault == "the interface vb is gone"
        assert ring.counts().recorded == 2


def test_it_takes_nothing_from_before_and_after(namespace: Namespace) -> None:
    pair(namespace)
    with sender(namespace, "va") as far:
        far.send(KINDS[1])
        with opened(namespace) as ring:
            far.send(KINDS[1])
            settled(ring, 1)
            assert ring.counts().received == 1
        assert ring.fileno() == -1
        far.send(KINDS[1])
        assert ring.history.added == 1


@pytest.mark.parametrize("interface", ["", "nonesuch", "lo\0", "sixteenletterss7", "lo\x1b[2J", "\udcff"])
def test_an_interface_that_is_not_there(namespace: Namespace, interface: str) -> None:
    ip(namespace, "link add sixteenletterss type veth")
    with pytest.raises(HostError, match=f"^{re.escape(f'the interface {interface}: there is none')}"):
        namespace.call(Ring, interface, History(0))


def test_a_ring_that_the_kernel_refuses(namespace: Namespace) -> None:
    with pytest.raises(HostError, match=r"^capturing on lo: Invalid argument$"):
        namespace.call(Ring, "lo", History(0), block_size=1_000)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
def test_without_privilege_it_says_what_it_needs() -> None:
    drop = without_privilege(13)  # CAP_NET_RAW
    done = subprocess.run([*drop, "-c", UNPRIVILEGED], capture_output=True, text=True, check=True)
    assert done.stdout == "capturing needs root (CAP_NET_RAW)\n"
    assert sys.executable == drop[0]
