"""Every topology: its client reaches its service, with either version of IP, and nothing of it stays."""

from __future__ import annotations

import pytest

from bypeer.errors import HostError
from bypeer.lab.net import built
from bypeer.lab.topologies import TOPOLOGIES
from bypeer.lab.traffic import Talk, Traffic

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", TOPOLOGIES)
def test_the_client_reaches_the_service(name: str, family: int) -> None:
    try:
        with built(TOPOLOGIES[name]) as net:
            talk = Talk(net, Traffic("chat", rounds=3), family)
            talk.start()
            assert talk.wait(10), "it hangs"
    except HostError as error:
        pytest.skip(str(error))
    assert (talk.client.error, talk.client.received) == ("", 600)
    assert (talk.server.error, talk.server.received) == ("", 600)
