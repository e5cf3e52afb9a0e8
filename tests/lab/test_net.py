"""Topologies, built: what reaches what, and that nothing is left."""

from __future__ import annotations

import os
import socket

import pytest

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", ["docker", "published"])
def test_the_client_reaches_the_service(name: str, family: int) -> None:
    from bypeer.errors import HostError
    from bypeer.lab.net import built
    from bypeer.lab.topologies import PORT, TOPOLOGIES

    topology = TOPOLOGIES[name]
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    try:
        with built(topology) as net:
            listener = net[topology.server].call(socket.socket, kind)
            client = net[topology.client].call(socket.socket, kind)
            with listener, client:
                listener.bind(("", PORT))
                listener.listen()
                client.settimeout(5)
                client.connect((topology.service[family], PORT))
                accepted, (seen_from, *_) = listener.accept()
                accepted.close()
            own = {"docker": "203.0.113.12", "published": "198.51.100.2"}[name]  # masqueraded, or as it is
            assert family == 6 or seen_from == own
    except HostError as error:
        pytest.skip(str(error))


def test_nothing_is_left_of_it() -> None:
    from bypeer.errors import HostError
    from bypeer.lab.net import built
    from bypeer.lab.topologies import DOCKER

    open_before = len(os.listdir("/proc/self/fd"))
    try:
        with built(DOCKER) as net:
            inodes = {net[host].inode for host in DOCKER.hosts}
            assert len(inodes) == len(DOCKER.hosts)
    except HostError as error:
        pytest.skip(str(error))
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_what_a_program_says_is_told() -> None:
    from bypeer.errors import HostError
    from bypeer.lab.net import run

    with pytest.raises(HostError, match="ls --no-such-option: "):
        run("ls", "--no-such-option")
