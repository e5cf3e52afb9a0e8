"""A scenario, played: the network is built, recorded as a user would, disturbed, and explained; then judged.

ran = play(scenario)
ran.verdict, ran.wrong
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bypeer import api
from bypeer.core.explanation import Explanation
from bypeer.errors import HostError
from bypeer.lab import crowd, stale
from bypeer.lab.detour import Dealt, Detour
from bypeer.lab.judge import wrong
from bypeer.lab.net import Net, built
from bypeer.lab.remedies import Remedy
from bypeer.lab.scenario import Act, Scenario
from bypeer.lab.traffic import Ended, Talk
from bypeer.lab.witness import Counted, Witness
from bypeer.live.conntrack import Conntrack
from bypeer.live.hold import hold
from bypeer.live.recording import Recording
from bypeer.live.taps import taps
from bypeer.live.targets import find

AFTER = 0.3  # s that is recorded when the programs have ended
_STEP = 0.002  # s between two looks at how far the traffic has come


class Truth(NamedTuple):
    """What is known without the captures."""

    client: Ended
    server: Ended
    counted: Counted
    dealt: Sequence[Sequence[Dealt]]  # by meddling: the path's own log


class Ran(NamedTuple):
    """A scenario that was played."""

    scenario: Scenario
    release: str  # of the kernel
    remedy: Remedy | None
    explanation: Explanation
    truth: Truth
    wrong: Sequence[str]  # where verdict, expectation and truth disagree; nothing: all is right
    seconds: float  # all in all


def play(scenario: Scenario, release: str, remedy: Remedy | None = None, keep: Path | None = None) -> Ran:
    """Play a scenario on the running kernel. `keep`: where its case file goes.

    Raises HostError where the machine lacks something.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        net = stack.enter_context(built(scenario.topology))
        _prepare(net, scenario, remedy)
        witness = Witness(net)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bypeer-lab-")))
        path = keep or folder / f"{scenario.name}.pcapng"
        detours = [stack.enter_context(Detour(net, one, row)) for row, one in enumerate(scenario.meddling)]
        talk = Talk(net, scenario.traffic, scenario.family)
        stack.callback(talk.close)
        _recorded(net, scenario, path, lambda: _act(net, scenario, talk, detours))
        truth = Truth(talk.client, talk.server, witness.read(), [one.log for one in detours])
        explanation = api.explain([path])
    found = wrong(scenario, release, explanation, truth, remedied=remedy is not None)
    return Ran(scenario, release, remedy, explanation, truth, found, time.monotonic() - began)


def _prepare(net: Net, scenario: Scenario, remedy: Remedy | None) -> None:
    """Settings and rules that are there before anything happens."""
    for host, values in scenario.settings.items():
        net[host].set_sysctls(values)
    for host, script in scenario.rules.items():
        net.nft(host, script)
    for act in scenario.before:
        _doing(net, act)()
    if remedy is not None:
        net["host"].set_sysctls(remedy.sysctls)
        if remedy.rules:
            net.nft("host", remedy.rules)


def _recorded(net: Net, scenario: Scenario, path: Path, action: Callable[[], None]) -> None:
    """Record the NAT host and the hidden side during an action, into a case file."""
    opened, ended = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def record() -> None:
        try:
            with hold(find("netns", net.path(scenario.topology.inside))) as held:
                ways = taps(held, scenario.topology.far[scenario.family])
                with Recording(held, ways, allow=True) as recording:
                    since = time.time_ns()
                    opened.set()
                    while not ended.is_set():
                        recording.wait(0.05)
                    time.sleep(AFTER)
                    recording.drain()
                    recording.settle()
                    recording.write(path, since)
        except BaseException as error:  # it is raised again below, in the caller's thread
            failed.append(error)
            opened.set()

    thread = threading.Thread(target=net["host"].call, args=(record,), daemon=True)
    thread.start()
    opened.wait()
    try:
        if not failed:
            action()
    finally:
        ended.set()
        thread.join()
    if failed:
        raise failed[0]


def _act(net: Net, scenario: Scenario, talk: Talk, detours: Sequence[Detour]) -> None:
    """Let the traffic run, and do to it what the scenario has, each at its time."""
    due = [(one.at, _doing(net, one)) for one in scenario.acts if one.at or one.after]
    due += [(one.at, row.begin) for one, row in zip(scenario.meddling, detours, strict=True) if one.at]
    due.sort(key=lambda one: one[0])
    for first in [_doing(net, one) for one in scenario.acts if not one.at and not one.after]:
        first()
    for one, row in zip(scenario.meddling, detours, strict=True):
        if not one.at:
            row.begin()
    talk.start()
    deadline = time.monotonic() + scenario.longest
    while due and time.monotonic() < deadline:
        if talk.progress >= due[0][0]:
            due.pop(0)[1]()
        elif talk.wait(0):
            break
        else:
            time.sleep(_STEP)
    if not talk.wait(max(0.0, deadline - time.monotonic())):
        talk.close()
        talk.wait(2)


def _doing(net: Net, act: Act) -> Callable[[], None]:
    """An act, to be called at its time."""

    def do() -> None:
        time.sleep(act.after)
        if act.verb == "nft":
            net.nft(act.host, act.text)
        elif act.verb in ("ip", "tc"):
            net.run(act.host, act.verb, *act.text.split())
        elif act.verb == "sysctl":
            name, _, value = act.text.partition("=")
            net[act.host].set_sysctls({name: value})
        elif act.verb == "flush":
            net[act.host].call(_flush)
        elif act.verb == "fill":
            net[act.host].call(crowd.fill)
        elif act.verb == "abandon":
            net.kept.append(stale.abandon(net, int(act.text)))
        elif act.verb == "occupy":
            *both, seconds = act.text.split()
            one, other = ((a, int(b), c, int(d)) for a, b, c, d in (both[:4], both[4:]))
            net[act.host].call(crowd.occupy, one, other, int(seconds))
        else:
            raise HostError(f"no such act: {act.verb}")

    return do


def _flush() -> None:
    table = Conntrack()
    try:
        table.flush()
    finally:
        table.close()
