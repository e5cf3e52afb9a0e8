"""Causes that the NAT host's netfilter makes: NF01 and on."""

from __future__ import annotations

from bypeer.lab.detour import ITSELF, Copy, Meddling
from bypeer.lab.edit import Edit
from bypeer.lab.scenario import Act, Expected, Scenario
from bypeer.lab.traffic import Traffic

# Segments of a download as they come from the server.
_DATA = 'iifname "p0" tcp sport 80 meta length > 200'

SCENARIOS = (
    Scenario(
        name="late-segment",
        code="NF01",
        says="every 60th segment is held for 120 ms, and retransmitted meanwhile: the investigation's case",
        # Late means: by more than the container ever lets the server send at once. At this rate and with this
        # window much more than that passes meanwhile, and there is always something under way.
        traffic=Traffic(octets=65_000_000),
        settings={"container": {"net.ipv4.tcp_rmem": "4096 131072 262144"}},
        acts=(Act(0, "path", "tc", "qdisc add dev p1 root tbf rate 160mbit burst 64kb latency 50ms"),),
        meddling=(Meddling(f"{_DATA} numgen inc mod 60 0", (Copy(after=0.12),), at=1_000_000),),
        expected={
            "<6.1": [Expected("host", "NF01", "reset", "certain")],
            ">=6.1": [Expected("none", None, "completed")],
        },
        elsewhere="the tracker ignores that they are late: they are forwarded, and nothing is reset",
    ),
    Scenario(
        name="beyond-window",
        code="NF02",
        says="a copy of a segment comes 50 MB above the window",
        traffic=Traffic(octets=20_000_000),
        meddling=(
            Meddling(_DATA, (ITSELF, Copy(edit=Edit(seq=50_000_000, ip_id=34_530))), at=5_000_000, times=1),
        ),
        expected={"any": [Expected("host", "NF02", "reset", "certain")]},
    ),
)
