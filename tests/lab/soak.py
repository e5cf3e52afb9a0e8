"""Disturbances made by chance, on this kernel: `python -m tests.lab.soak N [SEED [ONLY]]`, `make soak N=...`.

Nobody knows beforehand what is right of such a play. But sockets, counters and the path's own log say much
that a verdict may not contradict, unless it is undetermined. What contradicts them is printed, and kept in
build/soak: the case file, and the captures that were spoilt, if they were.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from bypeer.errors import HostError
from bypeer.lab.detour import ITSELF, Copy, Meddling
from bypeer.lab.edit import Edit
from bypeer.lab.judge import against_truth, told
from bypeer.lab.scenario import Act, Scenario
from bypeer.lab.spoil import SPOILERS, spoilt
from bypeer.lab.stage import Ran, Truth, play
from bypeer.lab.topologies import DOCKER, PUBLISHED, TOPOLOGIES
from bypeer.lab.traffic import Traffic

KEPT = Path("build/soak")
PLACES = (DOCKER, DOCKER, PUBLISHED, TOPOLOGIES["balanced"], TOPOLOGIES["service"])
MANNERS = ("linger", "close", "unread", "killed", "wait")
KINDS = ("length > 200", "length < 80", "& fin == fin", "& syn == syn", "& rst == rst", "")
OFTEN = ("", "numgen inc mod 20 0", "limit rate 1/hour burst 1 packets", "limit rate 1/hour burst 5 packets")
ID = 34_530  # a copy's own identification
EDITS = (
    *(Edit(),) * 6,
    *(Edit(seq=by, ip_id=ID) for by in (50_000_000, -50_000_000, 70_000, -70_000, 2_000, 1, -1)),
    *(Edit(ack=by, ip_id=ID) for by in (50_000_000, -50_000_000, 5_000, -5_000, -100_000)),
    *(Edit(flags=flags, ip_id=ID) for flags in (0, 0x02, 0x04, 0x11, 0x12, 0x14, 0x29)),
    *(Edit(bad_sum=True), Edit(tsval=-10_000_000), Edit(window=0), Edit(bare=True), Edit(ttl=20)),
    Edit(back=True, flags=0x14),
)
RULES = (
    "ct state invalid drop",
    "tcp dport 80 meta length > 1000 limit rate 1/hour burst 1 packets drop",
    "tcp sport 80 numgen inc mod 50 0 drop",
)
TABLE = "table inet soak {{\n chain forward {{\n type filter hook forward priority filter;\n {}\n }}\n}}\n"
SETTINGS = ("nf_conntrack_tcp_be_liberal", "nf_conntrack_tcp_ignore_invalid_rst")
FAILED = ("ECONNRESET", "EPIPE", "ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH")
INVALID = ("NF01", "NF02", "NF03", "NF05", "NF06", "NF07")  # begin with a segment that is INVALID


def scenario(chance: Random) -> Scenario:
    """A scenario made by chance."""
    place, traffic = chance.choice(PLACES), _traffic(chance)
    rules = {"host": TABLE.format(chance.choice(RULES))} if chance.random() < 0.25 else {}
    setting = f"net.netfilter.{chance.choice(SETTINGS)}"
    return Scenario(
        name="soak",
        code="",
        says="made by chance",
        expected={},
        traffic=traffic,
        meddling=[_meddling(chance, traffic) for _ in range(chance.choice((0, 1, 1, 1, 2)))],
        acts=(Act(_midway(traffic), "host", "flush"),) if chance.random() < 0.15 else (),
        topology=place,
        family=6 if place is DOCKER and chance.random() < 0.2 else 4,
        settings={"host": {setting: 1}} if chance.random() < 0.25 else {},
        rules=rules,
        spoil=chance.choice(("", "", "", *SPOILERS)),
    )


def _traffic(chance: Random) -> Traffic:
    kind = chance.choice(("download", "download", "upload", "chat", "chat"))
    found = Traffic(kind, patience=3.0)
    if kind == "chat":
        found = found._replace(rounds=chance.choice((5, 20)), pause=chance.choice((0, 0.05)))
    else:
        octets, rate = chance.choice((300_000, 2_000_000, 8_000_000)), chance.choice((0, 5_000_000))
        found = found._replace(octets=octets, rate=rate)
    if chance.random() < 0.3:
        manner = {chance.choice(("server", "client")): chance.choice(MANNERS)}
        found = found._replace(at=_midway(found), pause=chance.choice((0.0, 1.0)), **manner)
    return found


def _midway(traffic: Traffic) -> int:
    return 2 if traffic.kind == "chat" else traffic.octets // 2


def _meddling(chance: Random, traffic: Traffic) -> Meddling:
    kind = chance.choice(KINDS)
    words = f"tcp flags {kind}" if kind.startswith("&") else f"meta {kind}" if kind else ""
    chosen = f"tcp {chance.choice(('sport', 'dport'))} 80 {words} {chance.choice(OFTEN)}"
    copy = [Copy(chance.choice((0, 0, 0, 0.002, 0.12, 0.5)), chance.choice(EDITS)) for _ in range(2)]
    deals = ((), (Copy(0.12),), (copy[0],), (ITSELF, copy[0]), (copy[0], ITSELF), (ITSELF, *copy))
    at = chance.choice((0, 0, _midway(traffic)))
    return Meddling(" ".join(chosen.split()), chance.choice(deals), at=at, times=chance.choice((0, 0, 1, 3)))


def doubts(ran: Ran) -> Iterator[str]:
    """What is told, and cannot be, by what is known without captures."""
    verdict, truth, one = ran.explanation.verdict, ran.truth, ran.scenario
    yield from _contradicted(ran)
    if verdict.certainty == "undetermined":
        return
    client, server, killer = truth.client.error, truth.server.error, verdict.killed_by
    if killer == "none" and (client in FAILED or server in FAILED):
        yield f"nobody is said to have killed it; sockets: {client or 'no error'}, {server or 'no error'}"
    if killer not in ("none", "unknown") and not client and not server:
        yield f"{killer} is said to have killed it; no socket had an error"
    if killer == "host" and verdict.cause in INVALID and not truth.counted.invalid:
        yield f"{verdict.cause} is said to have killed it; nothing was INVALID"
    if killer == "on-path" and not any(truth.dealt):
        yield "the path is said to have killed it, which did nothing"
    if killer in ("inside", "outside") and client in FAILED[:2]:
        ends = {one.topology.inside}
        if killer == "outside":
            ends = {one.topology.client, one.topology.server, *one.topology.spares} - ends
        if not sum(truth.counted.resets[end].made for end in ends):
            yield f"{killer} is said to have reset it, and made no RST"


def _contradicted(ran: Ran) -> Iterator[str]:
    """As the lab's judge has it, but for what a disturbance by chance may do unseen."""
    verdict, truth = ran.explanation.verdict, ran.truth
    copies = [copy.edit for one in ran.scenario.meddling for copy in one.deal]
    # A program that left, or had sent all it had, did not learn what became of its socket. The path may copy
    # a RST, or make one of another segment, in an end's name; and an end may be told not to know of it.
    unknowing = ("socket: LEFT", *(() if truth.server.error else ("server's connection",)))
    if ran.scenario.traffic.client or ran.scenario.traffic.server:
        unknowing += ("socket: TIMEOUT",)  # it waited for what a manner made of it
    doubled = any(len(one.deal) > 1 for one in ran.scenario.meddling)
    if doubled or any(edit.flags and edit.flags & 4 for edit in copies):
        unknowing += "RSTs are told to be made by inside", "RSTs are told to be made by outside"
    if verdict.certainty == "undetermined":
        unknowing += ("by its kernel's counters",)
    for line in against_truth(ran.scenario, ran.explanation, truth):
        if not any(words in line for words in unknowing):
            yield line


def _known(truth: Truth) -> str:
    """What is known without captures, in few words."""
    made = {host: resets.made for host, resets in truth.counted.resets.items() if resets.made}
    ends = f"client {truth.client.error or '-'}, server {truth.server.error or '-'}"
    return f"{ends}, RSTs {made}, INVALID {truth.counted.invalid}"


def run(count: int, seed: str, only: int | None = None) -> list[int]:
    """Play numbers 1 to `count`, or one of them; the numbers of those that are told wrongly."""
    found = []
    KEPT.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1) if only is None else (only,):
        keep = KEPT / f"{seed}-{number}.pcapng"
        keep.unlink(missing_ok=True)
        one = scenario(Random(f"{seed}:{number}"))
        ran = play(one, os.uname().release, keep=keep)
        lines = list(doubts(ran))
        how = "WRONG" if lines else "ok"
        sys.stdout.write(f"{number} {how}: {told(ran.explanation)}; {_known(ran.truth)}\n")
        if not lines:
            keep.unlink()
            continue
        found.append(number)
        sys.stdout.write("".join(f"  {line}\n" for line in lines) + f"  {one}\n")
        if one.spoil:
            folder = KEPT / f"{seed}-{number}"
            folder.mkdir(exist_ok=True)
            spoilt(keep, one.spoil, folder)
    return found


def main(count: str = "100", seed: str = "", only: str = "") -> int:
    """Run as a command."""
    seed = seed or secrets.token_hex(4)
    sys.stdout.write(f"soak: {count} plays, seed {seed}\n")
    try:
        found = run(int(count), seed, int(only) if only else None)
    except HostError as error:
        sys.stdout.write(f"soak: {error}\n")
        return 3
    sys.stdout.write(f"soak: {len(found)} told wrongly {found[:20]}\n")
    return int(bool(found))


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    sys.exit(main(*sys.argv[1:]))
