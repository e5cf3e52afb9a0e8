"""The investigation, told in six acts on the running kernel: something is done, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bypeer.core.explanation import Explanation
from bypeer.lab.remedies import REMEDIES
from bypeer.lab.result import Result, of
from bypeer.lab.scenario import Scenario, applies
from bypeer.lab.scenarios import SCENARIOS
from bypeer.lab.stage import Ran, Truth, play, rehearse

_FAILED = ("ECONNRESET", "TIMEOUT")  # nobody tells a client that had nothing under way
TRIES = 20  # downloads with the rule in place
ORIGINAL, EVERYWHERE = "late-segment", "beyond-window"
REMEDY = "drop-invalid"


class Act(NamedTuple):
    """An act: what is done, then what came of it."""

    title: str
    lines: Sequence[str]
    picture: Path | None = None  # a case file to be drawn with it
    failed: str = ""  # what did not come as it should


def tell(release: str, folder: Path) -> Iterator[Act]:
    """The acts, as they happen; case files go to that directory. Raises HostError as `play`."""
    scenario = SCENARIOS[ORIGINAL if applies("<6.1", release) else EVERYWHERE]
    if scenario.name != ORIGINAL:
        yield _prologue(release, folder)
    path = folder / f"{scenario.name}.pcapng"
    from_host, ran = _on_the_host(scenario), play(scenario, release, keep=path)
    yield _failing(scenario, from_host, of(ran))
    yield _counter(ran)
    yield _joined(ran.explanation)
    yield Act("The fork", ["Sequence numbers against time, and octets behind the newest."], path)
    yield Act("The culprit", _culprit(ran.explanation), failed="; ".join(ran.wrong))
    yield _remedied(scenario)


def _prologue(release: str, folder: Path) -> Act:
    """The original trigger, on a kernel where it does no harm."""
    ran = play(SCENARIOS[ORIGINAL], release, keep=folder / f"{ORIGINAL}.pcapng")
    result, late = of(ran), len(ran.truth.dealt[0])
    lines = [
        f"The investigation's trigger was a segment that came late. Linux {release} forwards such segments "
        "(since 6.1): here they do no harm.",
        f"Shown: {late} segments of a download were held for 120 ms. What became of it: {_ended(result)}; "
        f"the host made {result.host_resets} RSTs.",
        "So the story is told with a segment beyond the window, which every kernel calls INVALID.",
    ]
    return Act("Before we begin: the original trigger", lines, failed="; ".join(ran.wrong))


def _on_the_host(scenario: Scenario) -> Truth:
    """The download, run on the NAT host itself."""
    return rehearse(scenario._replace(topology=scenario.topology._replace(client="host")))


def _failing(scenario: Scenario, from_host: Truth, result: Result) -> Act:
    error = from_host.client.error
    lines = [
        f"The path disturbs a download: {scenario.says}.",
        f"On the host it gets {from_host.client.received:,} octets, and "
        + (f"fails: {error}." if error else "succeeds."),
        f"From the container, with a recording of both sides: {_ended(result)} after {result.received:,} of "
        f"{scenario.traffic.octets:,} octets.",
    ]
    failed = [f"on the host: {error}"] if error else []
    failed += [] if result.client in _FAILED else [f"from the container: {_ended(result)}"]
    return Act(
        "The download works from the host, and fails from the container", lines, None, "; ".join(failed)
    )


def _counter(ran: Ran) -> Act:
    counted = ran.truth.counted
    lines = [
        f"conntrack -S  invalid: 0 before, {counted.statistics.get('invalid', 0)} after.",
        f"{counted.invalid} of these came from outside; the host's own RSTs are INVALID as well. "
        f"The host made {counted.resets['host'].made} RSTs of its own in OUTPUT.",
    ]
    return Act("conntrack's counter has moved", lines)


def _joined(found: Explanation) -> Act:
    lines = []
    for one in found.inputs:
        lines.append(f"{one.packets:,} packets were taken on both sides of the NAT.")
    for connection in found.connections[:1]:
        inside, outside = connection.inside, connection.outside
        if inside and outside:
            lines.append(f"Inside they belong to {inside.client} > {inside.server},")
            lines.append(f"outside to {outside.client} > {outside.server}: one connection, translated.")
        twins = sum(event.twin is not None for event in connection.events)
        lines.append(
            f"Of the {len(connection.events)} segments that tell the story, {twins} passed both sides."
        )
    return Act("Two captures, joined", lines)


def _culprit(found: Explanation) -> list[str]:
    connection = found.connections[0]
    lines = []
    for event in connection.events:
        dump, _, rest = event.text.partition(" | ")
        lines += [f"{event.letter}  {dump}", f"   {rest}"]
    return [*lines, "", found.verdict.headline]


def _remedied(scenario: Scenario) -> Act:
    remedy = REMEDIES[REMEDY]
    done = [rehearse(scenario, remedy) for _ in range(TRIES)]
    good = sum(not one.client.error for one in done)
    dropped = sum(one.counted.invalid for one in done)
    made = sum(one.counted.resets["host"].made for one in done)
    lines = [
        "iptables -I INPUT -m conntrack --ctstate INVALID -j DROP  (set here as a rule of nftables)",
        f"The same download from the container, {TRIES} times: {good} of {TRIES} succeed. "
        f"{dropped} INVALID segments came; the host made {made} RSTs.",
    ]
    return Act("The rule", lines, failed="" if good == TRIES else f"{TRIES - good} downloads failed")


def _ended(result: Result) -> str:
    """How the client's part ended, in a few words."""
    if result.client == "ECONNRESET":
        return "connection reset by peer"
    if result.client == "TIMEOUT":
        return "it hangs"
    return result.client or "the download succeeded"
