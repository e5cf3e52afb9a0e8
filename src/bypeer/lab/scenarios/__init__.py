"""All scenarios, by name. To add one is to add a row to a table in here (CONTRIBUTING.md)."""

from __future__ import annotations

from bypeer.lab.scenario import Scenario
from bypeer.lab.scenarios import attack, capture, endpoint, entries, netfilter, path, service

SCENARIOS: dict[str, Scenario] = {
    one.name: one
    for table in (netfilter, entries, endpoint, path, service, capture, attack)
    for one in table.SCENARIOS
}
