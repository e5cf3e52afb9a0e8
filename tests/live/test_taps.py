"""Where to listen, on hosts that forward for a container: real interfaces and routes in namespaces."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from bypeer.errors import HostError, LiveError
from bypeer.live.hold import hold
from bypeer.live.namespace import Namespace
from bypeer.live.taps import Taps, taps
from bypeer.live.targets import find
from bypeer.live.tun import open_tun

pytestmark = [pytest.mark.live, pytest.mark.skipif(not shutil.which("ip"), reason="needs ip (iproute2)")]


class World(NamedTuple):
    """A container behind a host, as Docker lays it."""

    host: Namespace
    container: Namespace
    pid: int  # of a process in the container

    def taps(self, **options: str) -> Taps:
        """What is found by someone on the host."""

        def ask() -> Taps:
            with hold(find("pid", str(self.pid))) as held:
                return taps(held, **options)

        return self.host.call(ask)


def ip(namespace: Namespace, *lines: str) -> None:
    """Lines of `ip -batch`; skips where the kernel lacks a kind of interface."""
    run = ["ip", "-batch", "-"]
    done = namespace.call(subprocess.run, run, input="\n".join(lines), capture_output=True, text=True)
    if "Unknown device type" in done.stderr:
        pytest.skip(f"this kernel lacks an interface: {lines}")
    assert done.returncode == 0, done.stderr


def names(found: Taps) -> list[str]:
    """The interfaces from inside to outside."""
    return [one.name if one else "-" for one in (found.inside, found.twin, found.bridge, found.outside)]


@pytest.fixture
def start() -> Iterator[Callable[[Namespace], int]]:
    """Start a process in a namespace: its pid."""
    children: list[subprocess.Popen[bytes]] = []

    def one(namespace: Namespace) -> int:
        children.append(namespace.call(subprocess.Popen, ["sleep", "60"]))
        return children[-1].pid

    yield one
    for child in children:
        child.kill()
        child.wait()


@pytest.fixture
def world(start: Callable[[Namespace], int]) -> Iterator[World]:
    try:
        host, container = Namespace(), Namespace()
    except HostError as error:
        pytest.skip(str(error))
    with host, container:
        pid = start(container)
        ip(
            host,
            "link add docker0 type bridge",
            "addr add 172.17.0.1/16 dev docker0",
            "addr add fd00:17::1/64 dev docker0 nodad",
            "link set docker0 up",
            f"link add veth9 type veth peer name eth0 netns {pid}",
            "link set veth9 master docker0 up",
            "link add ens3 type veth peer name street",
            "link set street up",
            "addr add 203.0.113.12/24 dev ens3",
            "addr add fd00:cafe::12/64 dev ens3 nodad",
            "link set ens3 up",
            "route add default via 203.0.113.1",
            "route add default via fd00:cafe::1",
        )
        ip(
            container,
            "link set lo up",
            "addr add 172.17.0.2/16 dev eth0",
            "addr add fd00:17::2/64 dev eth0 nodad",
            "link set eth0 up",
            "route add default via 172.17.0.1",
        )
        host.set_sysctls({"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1})
        yield World(host, container, pid)


def test_a_container_on_a_bridge(world: World) -> None:
    found = world.taps()
    assert names(found) == ["eth0", "veth9", "docker0", "ens3"]
    assert [one and one.kind for one in found[:4]] == ["veth", "veth", "veth", "bridge"]
    assert found.notes == ()
    assert found.inside
    assert found.inside.namespace
    assert [one and one.namespace for one in found[1:4]] == [None, None, None]


def test_the_numbers_are_the_kernels(world: World) -> None:
    def index(namespace: Namespace, name: str) -> int:
        show = ["ip", "-o", "link", "show", name]
        done = namespace.call(subprocess.run, show, capture_output=True, text=True, check=True)
        return int(done.stdout.partition(":")[0])

    inside, outside, twin, bridge, _ = world.taps()
    assert inside
    assert inside.ifindex == index(world.container, "eth0")
    for tap, name in ((twin, "veth9"), (bridge, "docker0"), (outside, "ens3")):
        assert tap
        assert tap.ifindex == index(world.host, name)


def test_a_destination_may_lie_another_way(world: World) -> None:
    ip(world.host, "link add vpn0 type veth peer name far", "link set far up",
       "addr add 10.8.0.1/24 dev vpn0", "link set vpn0 up", "route add 10.9.0.0/16 via 10.8.0.2")  # fmt: skip
    assert names(world.taps(to="10.9.1.1")) == ["eth0", "veth9", "docker0", "vpn0"]
    assert names(world.taps(to="198.51.100.2")) == ["eth0", "veth9", "docker0", "ens3"]


def test_rules_by_source_and_interface_are_followed(world: World) -> None:
    ip(world.host, "link add vpn0 type veth peer name far", "link set far up",
       "addr add 10.8.0.1/24 dev vpn0", "link set vpn0 up", "route add default via 10.8.0.2 table 100",
       "rule add from 172.17.0.0/16 lookup 100")  # fmt: skip
    assert names(world.taps())[3] == "vpn0"
    ip(world.host, "rule del from 172.17.0.0/16 lookup 100", "rule add iif docker0 lookup 100")
    assert names(world.taps())[3] == "vpn0"
    ip(world.host, "rule del iif docker0 lookup 100")
    assert names(world.taps())[3] == "ens3"


def test_ipv6(world: World) -> None:
    ip(world.container, "route add default via fd00:17::1")
    assert names(world.taps(to="2001:db8::1")) == ["eth0", "veth9", "docker0", "ens3"]
    ip(world.container, "route del default")
    assert names(world.taps()) == ["eth0", "veth9", "docker0", "ens3"]


def test_a_destination_on_the_host_does_not_leave_it(world: World) -> None:
    found = world.taps(to="203.0.113.12")
    assert names(found) == ["eth0", "veth9", "docker0", "-"]
    assert found.notes == ("that address is the host's own: what is sent there does not leave it",)


def test_a_destination_in_the_container_itself(world: World) -> None:
    with pytest.raises(LiveError, match=r"^172\.17\.0\.2 is an address of pid \d+ itself$"):
        world.taps(to="172.17.0.2")


def test_a_host_that_does_not_forward_is_said(world: World) -> None:
    world.host.set_sysctls({"net.ipv4.ip_forward": 0})
    found = world.taps()
    assert names(found) == ["eth0", "veth9", "docker0", "ens3"]
    words = "the host would not forward from 172.17.0.2 at docker0: the way to 198.41.0.4: No route to host"
    assert found.notes == (words,)


def test_no_way_out(world: World) -> None:
    ip(world.container, "route del default")
    with pytest.raises(LiveError) as caught:
        world.taps()
    assert str(caught.value) == (
        f"pid {world.pid} has no way out: the way to 198.41.0.4: Network is unreachable; interfaces: lo, eth0"
    )
    assert names(world.taps(inside="eth0")) == ["eth0", "veth9", "docker0", "ens3"]


def test_no_way_out_of_the_host(world: World) -> None:
    ip(world.host, "route del default")
    found = world.taps()
    assert names(found) == ["eth0", "veth9", "docker0", "-"]
    said, _, interfaces = found.notes[-1].partition("; interfaces: ")
    assert said == "the host: the way to 198.41.0.4: Network is unreachable"
    assert set(interfaces.split(", ")) == {"lo", "docker0", "veth9", "street", "ens3"}


def test_names_take_the_place_of_what_is_found(world: World) -> None:
    assert names(world.taps(inside="lo", outside="street")) == ["lo", "-", "-", "street"]
    for option, whose in (("inside", f"pid {world.pid}"), ("outside", "the host")):
        with pytest.raises(LiveError, match=f"^{whose} has no interface 'eth9'; interfaces: lo, "):
            world.taps(**{option: "eth9"})


def test_an_address_that_is_none(world: World) -> None:
    with pytest.raises(LiveError, match=r"^'dl\.example\.com' is no address$"):
        world.taps(to="dl.example.com")


def test_several_ways_out_are_said(world: World) -> None:
    ip(world.host, "link add ens4 type veth peer name other", "link set other up",
       "addr add 192.0.2.12/24 dev ens4", "link set ens4 up", "route del default",
       "route add default nexthop via 203.0.113.1 nexthop via 192.0.2.1")  # fmt: skip
    found = world.taps()
    words = "the host's route has several ways, of which each connection takes one: "
    assert found.notes in ((words + "ens3, ens4",), (words + "ens4, ens3",))
    assert found.outside
    assert found.outside.name in ("ens3", "ens4")


def test_a_veth_without_a_bridge(world: World) -> None:
    ip(world.host, "link set veth9 nomaster", "addr del 172.17.0.1/16 dev docker0",
       "addr add 172.17.0.1/16 dev veth9")  # fmt: skip
    found = world.taps()
    assert names(found) == ["eth0", "veth9", "-", "ens3"]
    assert found.notes == ()


def test_an_interface_upon_another_inside_hangs_on_what_that_does(world: World) -> None:
    ip(world.container, "link add link eth0 name upper type macvlan", "addr add 10.5.0.2/24 dev upper",
       "link set upper up", "route replace default via 10.5.0.1")  # fmt: skip
    assert names(world.taps())[:3] == ["upper", "veth9", "docker0"]


def test_a_macvlan_lies_upon_the_hosts_interface(world: World) -> None:
    ip(world.host, f"link add link ens3 name mac0 netns {world.pid} type macvlan mode bridge")
    ip(world.container, "addr add 203.0.113.50/24 dev mac0", "link set mac0 up",
       "route replace default via 203.0.113.1")  # fmt: skip
    found = world.taps()
    assert names(found)[:3] == ["mac0", "ens3", "-"]
    assert found.inside
    assert found.inside.kind == "macvlan"


def test_a_container_in_a_container(world: World, start: Callable[[Namespace], int]) -> None:
    """What the host sees is the outer one's veth; the inner one's ends out of its sight."""
    with Namespace() as inner:
        pid = start(inner)
        ip(world.container, f"link add veth5 type veth peer name eth0 netns {pid}",
           "addr add 10.77.0.1/24 dev veth5", "link set veth5 up")  # fmt: skip
        ip(inner, "addr add 10.77.0.2/24 dev eth0", "link set eth0 up", "route add default via 10.77.0.1")
        found = World(world.host, inner, pid).taps()
        assert names(found) == ["eth0", "-", "-", "ens3"]
        words = "the other end of eth0 is not in the host's namespace: there may be another NAT"
        assert found.notes == (words,)
        nested = World(world.container, inner, pid).taps()
        assert names(nested)[:2] == ["eth0", "veth5"]


def test_what_hangs_on_nothing_is_said(world: World) -> None:
    """A tunnel that a program holds (as slirp4netns does), and a device that was moved in."""
    words = "way0 ends in a program (slirp4netns, pasta, a VPN), not in an interface"
    fd = world.container.call(open_tun, "way0")
    assert world.taps(inside="way0").notes == (words,)
    os.close(fd)
    words = "lo has no other end on the host: what it sends may not pass the host"
    assert world.taps(inside="lo").notes == (words,)


def test_a_process_in_the_hosts_namespace(world: World, start: Callable[[Namespace], int]) -> None:
    found = World(world.host, world.host, start(world.host)).taps()
    assert names(found) == ["-", "-", "-", "ens3"]
    assert len(found.notes) == 1
    assert "is in the host's own namespace: nothing is translated" in found.notes[0]
    with pytest.raises(LiveError, match="has no namespace of its own, so there is no inside 'eth0'"):
        World(world.host, world.host, start(world.host)).taps(inside="eth0")


def test_the_host_alone(world: World) -> None:
    def ask() -> Taps:
        with hold(find("host", "")) as held:
            return taps(held)

    found = world.host.call(ask)
    assert (names(found), found.notes) == (["-", "-", "-", "ens3"], ())


# What the kernel changes by itself in a namespace just laid: states, IPv6's addresses.
LASTING = ("ifindex", "ifname", "master", "link_netnsid", "dst", "gateway", "dev", "priority", "src", "table")


def test_asking_changes_nothing(world: World) -> None:
    def state() -> list[list[object]]:
        shown = []
        for namespace in (world.host, world.container):
            for what in ("link", "addr", "route", "rule"):
                run = ["ip", "-4", "-j", what]
                done = namespace.call(subprocess.run, run, capture_output=True, text=True, check=True)
                shown.append([[one.get(key) for key in LASTING] for one in json.loads(done.stdout)])
        return shown

    before = state()
    assert [3, "veth9", "docker0"] in [one[:3] for one in before[0]]
    world.taps()
    assert state() == before
