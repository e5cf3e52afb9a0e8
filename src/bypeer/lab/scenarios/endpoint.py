"""Causes that an endpoint makes: EP01 and on."""

from __future__ import annotations

from bypeer.lab.scenario import Expected, Scenario
from bypeer.lab.traffic import Traffic

SCENARIOS = (
    Scenario(
        name="closed-port",
        code="EP01",
        says="nobody listens at the server's port",
        traffic=Traffic("connect", server="absent"),
        expected={"any": [Expected("outside", "EP01", "refused")]},
    ),
    Scenario(
        name="abortive-close",
        code="EP02",
        says="the server's program closes in mid-stream with linger 0",
        traffic=Traffic(octets=20_000_000, server="linger", at=5_000_000),
        expected={"any": [Expected("outside", "EP02", "reset")]},
    ),
)
