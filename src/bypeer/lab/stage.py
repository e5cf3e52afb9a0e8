"""A scenario, played: the network is built, recorded as a user would, disturbed, and explained; then judged.

ran = play(scenario)
ran.verdict, ran.wrong
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from bypeer import api
from bypeer.core.explanation import Explanation
from bypeer.errors import HostError
from bypeer.lab import crowd, stale
from bypeer.lab.clean import scratch
from bypeer.lab.detour import Dealt, Detour
from bypeer.lab.judge import against, wrong
from bypeer.lab.net import Net, built
from bypeer.lab.pair import taken
from bypeer.lab.remedies import Remedy
from bypeer.lab.scenario import Act, Scenario
from bypeer.lab.spoil import spoilt
from bypeer.lab.traffic import OCTETS, Ended, Talk
from bypeer.lab.witness import Counted, Witness
from bypeer.live.conntrack import Conntrack
from bypeer.live.hold import hold
from bypeer.live.recording import Recording
from bypeer.live.taps import Taps, taps
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
    without: Explanation | None  # of tcpdump's two files alone, if they were asked for
    truth: Truth
    wrong: Sequence[str]  # where verdict, expectation and truth disagree; nothing: all is right
    seconds: float  # all in all


def play(
    scenario: Scenario,
    release: str,
    remedy: Remedy | None = None,
    keep: Path | None = None,
    *,
    pair: bool = False,
) -> Ran:
    """Play a scenario on the running kernel. `keep`: where its case file goes.

    `pair`: have tcpdump take both sides as well, and judge what is found in its files alone, too. Raises
    HostError where the machine lacks something.
    """
    began = time.monotonic()
    with _set(scenario, remedy) as scene, scratch() as folder:
        path = keep or folder / f"{scenario.name}.pcapng"
        files = [path.with_suffix(f".{side}.pcap") for side in ("inside", "outside")] if pair else []
        _recorded(scene, path, files)
        truth = scene.truth()
        given = spoilt(path, scenario.spoil, Path(folder)) if scenario.spoil else [path]
        explanation = api.explain(given)
        without = api.explain(files) if pair else None
    found = wrong(scenario, release, explanation, truth, remedied=remedy is not None)
    if without is not None:
        found += against(explanation, without)
    return Ran(scenario, release, remedy, explanation, without, truth, found, time.monotonic() - began)


def rehearse(scenario: Scenario, remedy: Remedy | None = None) -> Truth:
    """Play a scenario without recording it: what sockets and counters say. Raises HostError as `play`."""
    with _set(scenario, remedy) as scene:
        _act(scene)
        return scene.truth()


class _Scene(NamedTuple):
    """What is on the stage."""

    scenario: Scenario
    net: Net
    witness: Witness
    detours: Sequence[Detour]
    talk: Talk

    def truth(self) -> Truth:
        """What became of it."""
        logs = [one.log for one in self.detours]
        return Truth(self.talk.client, self.talk.server, self.witness.read(), logs)


@contextmanager
def _set(scenario: Scenario, remedy: Remedy | None) -> Iterator[_Scene]:
    """The stage, set: nothing has happened yet."""
    with ExitStack() as stack:
        net = stack.enter_context(built(scenario.topology))
        _prepare(net, scenario, remedy)
        witness = Witness(net)
        detours = [stack.enter_context(Detour(net, one, row)) for row, one in enumerate(scenario.meddling)]
        traffic, options = scenario.traffic, remedy.options if remedy else ()
        talk = Talk(net, traffic._replace(options=(*traffic.options, *options)), scenario.family)
        stack.callback(talk.close)
        yield _Scene(scenario, net, witness, detours, talk)


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


def _recorded(scene: _Scene, path: Path, pair: Sequence[Path]) -> None:
    """Record the NAT host and the hidden side while it is played, into a case file, and a `pair`."""
    net, scenario = scene.net, scene.scenario
    opened, ended = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def record() -> None:
        try:
            with hold(find("netns", net.path(scenario.topology.inside))) as held:
                ways = taps(held, scenario.topology.far[scenario.family])
                with _paired(scene, ways, pair), Recording(held, ways, allow=True) as recording:
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
            _act(scene)
    finally:
        ended.set()
        thread.join()
    if failed:
        raise failed[0]


@contextmanager
def _paired(scene: _Scene, ways: Taps, pair: Sequence[Path]) -> Iterator[None]:
    """With tcpdump at the same interfaces, if a pair of files is wanted."""
    if not pair:
        yield
        return
    if ways.inside is None or ways.outside is None:
        raise HostError(f"{scene.scenario.name}: only one side can be listened at")
    sides = (scene.net[scene.scenario.topology.inside], ways.inside), (scene.net["host"], ways.outside)
    with taken([(space, tap.name, path) for (space, tap), path in zip(sides, pair, strict=True)]):
        yield


def _act(scene: _Scene) -> None:
    """Let the traffic run, and do to it what the scenario has, each at its time."""
    scenario, net, talk, detours = scene.scenario, scene.net, scene.talk, scene.detours
    due: list[tuple[int, Callable[[], None]]] = []
    for act in scenario.acts:
        if act.at or act.after:
            due.append((act.at, _doing(net, act, talk)))
        else:
            _doing(net, act, talk)()
    for one, detour in zip(scenario.meddling, detours, strict=True):
        if scenario.traffic.kind in OCTETS:
            detour.begin(one.at)  # the kernel itself counts them, and is never late
        elif one.at:
            due.append((one.at, talk.slowly()(detour.begin)))
        else:
            detour.begin()
    due.sort(key=lambda one: one[0])
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


def _doing(net: Net, act: Act, talk: Talk | None = None) -> Callable[[], None]:
    """An act, to be called at its time. What starts a program takes long; the traffic does not run away."""

    def do() -> None:
        time.sleep(act.after)
        if act.verb in ("nft", "ip", "tc"):
            with talk.slowly() if talk else nullcontext():
                if act.verb == "nft":
                    net.nft(act.host, act.text)
                else:
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
