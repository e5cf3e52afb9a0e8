"""What a scenario is: a row of the tables in `scenarios/`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bypeer.lab.detour import Meddling
from bypeer.lab.topologies import DOCKER, Topology
from bypeer.lab.traffic import Traffic


class Act(NamedTuple):
    """Something that is done to a host while the traffic goes on."""

    at: int  # once the traffic has come so far (Traffic)
    host: str
    # "nft": a script; "ip", "tc": arguments; "sysctl": name=value; of the tracker's table "flush", "fill",
    # "occupy": an entry in the way (both tuples, seconds); "abandon": an older connection, from a port
    verb: str
    text: str = ""
    after: float = 0.0  # s later still


class Expected(NamedTuple):
    """A verdict that is right."""

    killed_by: str
    cause: str | None
    outcome: str  # what became of the client; where the host killed it and nobody told the client, it hangs
    certainty: str = ""  # "": any but "undetermined"


# It says that it does not know, and what would settle it.
OPEN = Expected("", None, "", "undetermined")


class Scenario(NamedTuple):
    """A cause, made to happen: where, with which traffic, by which disturbance, and what is to be found."""

    name: str
    code: str  # of the cause that it is about; of a decoy, of the one that it is not
    says: str  # what happens, in one line
    # By kernels ("any", "<6.1", ">=6.1"): the verdicts that are right there; several where timing decides.
    expected: Mapping[str, Sequence[Expected]]
    traffic: Traffic = Traffic()
    meddling: Sequence[Meddling] = ()
    acts: Sequence[Act] = ()
    topology: Topology = DOCKER
    family: int = 4  # of IP
    settings: Mapping[str, Mapping[str, int | str]] = {}  # host: sysctls, before anything happens
    rules: Mapping[str, str] = {}  # host: an nft script, before anything happens
    before: Sequence[Act] = ()  # done before anything is recorded
    # An end in whose name the path acts so well that nothing tells: "inside", "outside".
    forges: str = ""
    supports: Sequence[str] = ()  # causes that have to be found supported as well, of whatever subject
    elsewhere: str = ""  # what happens on the kernels on which it does not bite
    spoil: str = ""  # what `explain` gets instead of the recording: the name of a spoiler (spoil.py)
    longest: float = 20.0  # s, after which it is ended

    def right(self, release: str) -> Sequence[Expected]:
        """The verdicts that are right on that kernel."""
        for kernels, verdicts in self.expected.items():
            if applies(kernels, release):
                return verdicts
        return ()


class Pace(NamedTuple):
    """How plays are fitted to a machine that is slower than those they were written on."""

    # Of a download or upload that nothing limits so much is sent: less to record and to read again.
    octets: float = 1.0
    patience: float = 1.0  # so many times as long a client waits, and a play may take


HERE = Pace()


def paced(scenario: Scenario, pace: Pace) -> Scenario:
    """The scenario as it is played at that pace; all that it has in mid-stream stays there."""
    traffic = scenario.traffic
    latest = max(traffic.at, *(one.at for one in scenario.acts), *(one.at for one in scenario.meddling), 0)
    share = 1.0 if traffic.rate else pace.octets
    octets = max(int(traffic.octets * share), min(2 * latest, traffic.octets))
    return scenario._replace(
        traffic=traffic._replace(octets=octets, patience=traffic.patience * pace.patience),
        longest=scenario.longest * pace.patience,
    )


def applies(kernels: str, release: str) -> bool:
    """Whether a condition ("any", "<6.1", ">=6.1") holds for a kernel, as `uname -r` has it."""
    if kernels == "any":
        return True
    found = re.match(r"(<|>=)(\d+)\.(\d+)$", kernels)
    own = re.match(r"(\d+)\.(\d+)", release)
    if found is None or own is None:
        raise ValueError(f"no condition on kernels: {kernels!r}, {release!r}")
    wanted, here = tuple(map(int, found.group(2, 3))), tuple(map(int, own.groups()))
    return here < wanted if found.group(1) == "<" else here >= wanted
