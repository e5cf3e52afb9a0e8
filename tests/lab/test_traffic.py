"""Programs in their namespaces: each manner of treating a connection ends it as told, for both ends.

What is expected is read off sockets, and off the counters of the hosts' own kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from bypeer.errors import HostError
from bypeer.lab.manners import MANNERS
from bypeer.lab.net import Net, built
from bypeer.lab.topologies import DOCKER
from bypeer.lab.traffic import Talk, Traffic
from bypeer.lab.witness import Counted, Witness

pytestmark = pytest.mark.lab

RESET = ("ECONNRESET", "EPIPE")  # the latter to one that is sending


class Ends(NamedTuple):
    """How it has to end."""

    client: tuple[str, ...]
    server: str
    resets: bool  # whether the server's host made RSTs
    counter: str = ""  # of the server's kernel, that rose; "": none of those that tell of aborts


ENDS = {
    "": (Traffic(octets=2_000_000), Ends(("",), "", resets=False)),
    "absent": (Traffic("connect", server="absent"), Ends(("ECONNREFUSED",), "OPEN", resets=True)),
    "linger": (
        Traffic(octets=4_000_000, server="linger", at=1_000_000),
        Ends(RESET, "ABORTED", resets=True, counter="TCPAbortOnData"),
    ),
    "unread": (
        Traffic("upload", octets=4_000_000, server="unread", at=1_000_000),
        Ends(RESET, "ABORTED", resets=True, counter="TCPAbortOnClose"),
    ),
    "close": (
        Traffic("upload", octets=4_000_000, rate=2_000_000, server="close", at=1_000_000),
        Ends(RESET, "LEFT", resets=True),
    ),
    "killed": (
        Traffic(octets=4_000_000, server="killed", at=1_000_000),
        Ends(("CUT",), "LEFT", resets=False),
    ),
    "vanish": (
        Traffic("chat", rounds=5, server="vanish", at=2),
        Ends(("ECONNRESET",), "VANISHED", resets=True),
    ),
    "half-close": (Traffic(octets=2_000_000, client="half-close"), Ends(("",), "", resets=False)),
    "wait": (Traffic(octets=2_000_000, server="wait", pause=0.1), Ends(("",), "", resets=False)),
    "stall": (
        Traffic("chat", rounds=5, server="stall", at=2, patience=2),
        Ends(("TIMEOUT",), "STALLED", resets=True, counter="TCPAbortOnClose"),  # a question lay unread
    ),
}  # fmt: skip


@pytest.fixture
def net() -> Iterator[Net]:
    try:
        with built(DOCKER) as found:
            yield found
    except HostError as error:
        pytest.skip(str(error))


def talked(net: Net, traffic: Traffic, family: int = 4) -> tuple[Talk, Counted]:
    witness = Witness(net)
    talk = Talk(net, traffic, family)
    talk.start()
    assert talk.wait(10), "it hangs"
    return talk, witness.read()


def test_every_manner_is_tried() -> None:
    assert set(ENDS) == {"", "absent", *MANNERS}


@pytest.mark.parametrize("manner", ENDS)
def test_a_manner_ends_the_connection_as_told(net: Net, manner: str) -> None:
    traffic, expected = ENDS[manner]
    talk, counted = talked(net, traffic)
    assert talk.client.error in expected.client
    assert talk.server.error == expected.server
    assert (counted.resets["server"].made > 0) == expected.resets
    assert counted.resets["host"].made == 0
    aborts = ("TCPAbortOnClose", "TCPAbortOnMemory", "TCPAbortOnTimeout", "TCPAbortOnLinger")
    risen = {name for name in aborts if counted.tcp["server"][name]}
    assert risen == {expected.counter} & set(aborts)
    assert not expected.counter or counted.tcp["server"][expected.counter] > 0


@pytest.mark.parametrize("manner", ["linger", "unread", "killed"])
def test_a_client_in_mid_download_resets_what_it_did_not_read(net: Net, manner: str) -> None:
    talk, counted = talked(net, Traffic(octets=20_000_000, client=manner, at=1_000_000), family=6)
    assert talk.client.error == ("LEFT" if manner == "killed" else "ABORTED")
    assert talk.server.error in RESET
    assert counted.resets["container"].made > 0


def test_whoever_asks_again_looks_first_whether_the_server_has_closed(net: Net) -> None:
    talk, counted = talked(net, Traffic("chat", rounds=5, pause=0.1, server="close", at=2))
    assert (talk.client.error, talk.client.sent) == ("", 400)
    assert (talk.server.error, talk.server.received) == ("LEFT", 400)
    assert not any(host.made for host in counted.resets.values())


def test_of_several_connections_the_one_that_failed_is_told(net: Net) -> None:
    talk, _ = talked(net, Traffic("chat", rounds=3, server="vanish", at=2, connections=4))
    assert [one.error for one in talk.clients] == ["ECONNRESET"] * 4
    assert talk.client.error == "ECONNRESET"
    assert talk.progress == 2


def test_what_waits_beyond_its_client_is_open(net: Net) -> None:
    talk, _ = talked(net, Traffic("chat", rounds=3, server="stall", at=1, client="vanish", patience=3))
    assert (talk.client.error, talk.server.error) == ("VANISHED", "OPEN")
    talk.close()
