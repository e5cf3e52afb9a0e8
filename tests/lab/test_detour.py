"""What a path does to packets that it was told of, counted where they arrive; others pass as ever."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bypeer.lab.detour import Copy, Dealt, Meddling
    from bypeer.lab.net import Net

# Segments with data, as the server's host takes them, and those whose TTL is not what two routers leave.
COUNTING = """
table inet counting {
    counter data {}
    counter hops {}
    chain input {
        type filter hook input priority 0;
        tcp dport 80 tcp flags & psh == psh counter name data
        tcp dport 80 ip ttl != 62 counter name hops
        tcp dport 80 ip6 hoplimit != 62 counter name hops
    }
}
"""
SAID = b"question"
families = pytest.mark.parametrize("family", [4, 6])


def chosen(deal: Sequence[Copy], skip: int = 0, times: int = 1) -> Meddling:
    from bypeer.lab.detour import Meddling

    return Meddling('iifname "p1" tcp dport 80 tcp flags & psh == psh', deal, skip=skip, times=times)


class Path:
    """A connection over a path that meddles."""

    def __init__(self, net: Net, log: Sequence[Dealt], client: socket.socket, server: socket.socket) -> None:
        self.net, self.log, self.client, self.server = net, log, client, server

    def say(self) -> float:
        """The client says something; when the server had it, in the clock of the log, in s."""
        self.client.sendall(SAID)
        assert self.server.recv(100) == SAID
        return time.time()

    def counted(self, name: str, least: int = 0) -> int:
        """How many packets the server's host counted; waits a while until they are so many at least."""
        until = time.monotonic() + 5
        while True:
            listed = json.loads(self.net.run("server", "nft", "-j", "list", "counters"))["nftables"]
            (packets,) = [
                one["counter"]["packets"] for one in listed if one.get("counter", {}).get("name") == name
            ]
            if packets >= least or time.monotonic() > until:
                return int(packets)
            time.sleep(0.01)


@contextmanager
def path(meddling: Meddling, family: int = 4) -> Iterator[Path]:
    """A client in a container, connected to a server over a path that meddles."""
    from bypeer.errors import HostError
    from bypeer.lab.detour import Detour
    from bypeer.lab.net import built
    from bypeer.lab.topologies import DOCKER, PORT

    with ExitStack() as stack:
        try:
            net = stack.enter_context(built(DOCKER))
            detour = stack.enter_context(Detour(net, meddling, 0))
            net.nft("server", COUNTING)
            detour.begin()
        except HostError as error:
            pytest.skip(str(error))
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        listener = stack.enter_context(net["server"].call(socket.socket, kind))
        listener.bind(("", PORT))
        listener.listen()
        client = stack.enter_context(net["container"].call(socket.socket, kind))
        client.settimeout(10)
        client.connect((DOCKER.service[family], PORT))
        server = stack.enter_context(listener.accept()[0])
        server.settimeout(10)
        yield Path(net, detour.log, client, server)


@families
def test_one_is_dropped_and_comes_when_it_is_sent_again(family: int) -> None:
    with path(chosen([]), family) as way:
        way.say()
        way.say()
        (dealt,) = way.log
        assert (dealt.size, dealt.sent) == (len(SAID), 0)
        assert way.counted("data") == 2  # of three that were sent


@families
def test_one_is_doubled(family: int) -> None:
    from bypeer.lab.detour import ITSELF, Copy
    from bypeer.lab.edit import Edit

    with path(chosen([ITSELF, Copy(edit=Edit(ip_id=9))]), family) as way:
        way.say()
        way.say()
        (dealt,) = way.log
        assert (dealt.size, dealt.sent) == (len(SAID), 2)
        assert way.counted("data", 3) == 3, "the copy comes behind what was read"


@families
def test_one_is_held(family: int) -> None:
    from bypeer.lab.detour import Copy

    with path(chosen([Copy(after=0.1)]), family) as way:
        came = way.say()
        (dealt,) = way.log
        assert came - dealt.ts / 1e9 >= 0.09  # not before; how much later is the machine's business
        assert dealt.sent == 1


def test_what_is_held_comes_in_order_of_its_time() -> None:
    from bypeer.lab.detour import Copy

    with path(chosen([Copy(after=0.15), Copy(after=0.05)], times=2)) as way:
        way.client.sendall(b"1")
        time.sleep(0.02)
        way.client.sendall(b"2")
        got = b""
        while len(got) < 2:
            got += way.server.recv(10)
        assert got == b"12"
        assert [one.sent for one in way.log[:2]] == [2, 2]


def test_only_those_that_are_meant_are_dealt() -> None:
    with path(chosen([], skip=1, times=1)) as way:
        for _ in range(4):
            way.say()
        assert len(way.log) == 1  # the second; sent again it passes
        assert way.counted("data") == 4
    with path(chosen([], skip=9)) as way:
        way.say()
        assert not way.log


@families
def test_a_changed_copy_arrives_as_it_was_told_and_hops_are_as_ever(family: int) -> None:
    from bypeer.lab.detour import ITSELF, Copy
    from bypeer.lab.edit import Edit

    with path(chosen([Copy(edit=Edit(seq=50_000_000)), ITSELF]), family) as way:
        way.say()
        assert (way.counted("data"), way.counted("hops")) == (2, 0)
    with path(chosen([Copy(edit=Edit(ttl=9, seq=-1000)), ITSELF]), family) as way:
        way.say()
        assert way.counted("hops") == 1


def test_nothing_is_chosen_before_it_begins() -> None:
    from bypeer.errors import HostError
    from bypeer.lab.detour import Detour
    from bypeer.lab.net import built
    from bypeer.lab.topologies import DOCKER

    try:
        with built(DOCKER) as net, Detour(net, chosen([]), 0) as detour:
            assert "detour" not in net.run("path", "nft", "list", "tables")
            detour.begin()
            assert "detour" in net.run("path", "nft", "list", "tables")
    except HostError as error:
        pytest.skip(str(error))
