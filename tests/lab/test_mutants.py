"""Whatever is broken in the tracker's model, packet scripts or generated packets show it.

Broken are: every comparison of the model's functions, the constants beside them, every cell of both
tables, every flag, rule and setting, one at a time. The judges are the files of tests/scripts and at most
100,000 generated packets, all of which a kernel can be shown too (`bypeer lab play`, `bypeer lab agree`).
A mutant that survives is a hole in both, or makes no difference: EQUIVALENT lists these, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from bypeer.core.kernels import LINUX_6_18, Kernel
from bypeer.lab import timed
from bypeer.lab.worlds import WORLDS, World
from tests.core.tracking import PLAYED, failures
from tests.generated import Recording, differs, record
from tests.misread import misread
from tests.mutants import Model, Mutant, load, mutants
from tests.pure import here

pytestmark = pytest.mark.skipif(
    here() == "compiled", reason="mutants are made of the sources: they are tested where those run"
)

MOST, SHARE, SHARE_TIMED = 100_000, 3_000, 9_000  # packets: in all, of a world, of one where time passes
KERNELS = {release: PLAYED[release] for release in ("6.18", "5.10", "6.1", "6.12.117")}
# By how a mutant's name tells what was changed (tests/mutants.py).
_COMPARISON = re.compile(r"\[(<|<=|>|>=|==|!=|in|not in|is|is not) -> ")
_CONSTANT = re.compile(r"\w+: _[A-Z]")

# What no packet can show, and why.
EQUIVALENT = {
    "window._failed: out.ack_under = seen - (lag if lag [> -> >=] _ACK_LAG else _ACK_LAG) - 1 & _MASK":
        "of two equal numbers either is the larger",
    "entry.Rules.__init__: self.cells, self.kinds = (_CELLS if tables [== -> !=] _TABLES else"
    " _cells(*tables), _KINDS)":
        "all kernels have the same tables: made anew they are what they were",
    "window._advance: if sender.td_maxwin [< -> <=] widest":
        "it is set to what it is",
    "conntrack._accept: if new == _ESTABLISHED and timeout [> -> >=] rules.unack":
        "it is set to what it is",
    "conntrack._timeout: return rules.retrans if entry.last_win == 0 and timeout [> -> >=] rules.retrans"
    " else timeout":
        "both answers are the same number",
    "conntrack._timeout: if kind == _RST and entry.state [!= -> ==] _CLOSE":
        "a RST that does not close lies in data that nobody acknowledged, or beyond: that counts as much",
    "conntrack.expired: return entry.state != _NONE and entry.deadline != _UNDATED and (ts != _UNDATED)"
    " and (ts [>= -> >] entry.deadline)":
        "a nanosecond, where the kernel's clock has milliseconds",
    "conntrack._lower: if left [>= -> >] _LOWERED_FROM and left > rules.unack":
        "a nanosecond, where the kernel's clock has milliseconds",
}  # fmt: skip


def broken() -> Iterator[Mutant]:
    """Those that are tested."""
    for mutant in mutants():
        if _COMPARISON.search(mutant.name) or _CONSTANT.match(mutant.name):
            yield mutant
    cells = set()
    for mutant in misread([LINUX_6_18]):
        place = mutant.name.rpartition(":")[0]
        if mutant.name.startswith("texts"):
            continue  # the lab compares log lines
        if not mutant.name.startswith("tables") or place not in cells:
            yield mutant
        cells.add(place)


MUTANTS = {mutant.name: mutant for mutant in broken()}


def places() -> Iterator[tuple[Kernel, World, int, int]]:
    """Where packets are made, how many, and the pause (ns) between some."""
    for world in timed.WORLDS:
        yield LINUX_6_18, world, SHARE_TIMED, timed.APART
    yield LINUX_6_18, timed.WORLDS[-1], SHARE_TIMED, 0  # a timer is lowered at once, or hardly ever
    for world in WORLDS:
        yield LINUX_6_18, world, SHARE, 0


@cache
def recordings() -> list[Recording]:
    return [record(*place[:3], seed, place[3]) for seed, place in enumerate(places())]


def caught(model: Model) -> Iterator[str]:
    """By what the model is caught: what is likely and quick comes first."""
    yield from failures(KERNELS, model.step, model.rules)
    yield from (recording.world.name for recording in recordings() if differs(recording, model))


def test_there_are_no_more_packets_than_said() -> None:
    assert 0.8 * MOST < sum(map(len, recordings())) <= MOST


def test_there_are_many_mutants_of_each_kind() -> None:
    kinds = [name.partition(":")[0] for name in MUTANTS]
    assert len(MUTANTS) >= 300
    assert {"tables", "flags", "rules", "settings", "timeouts"} < set(kinds)
    assert set(EQUIVALENT) <= set(MUTANTS), "stale"


def test_the_whole_model_is_not_caught() -> None:
    assert list(caught(load())) == []


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in EQUIVALENT])
def test_a_mutant_is_caught(name: str) -> None:
    try:
        found = next(caught(load(MUTANTS[name])), None)
    except Exception as error:  # that it fails shows, too
        found = repr(error)
    assert found


@pytest.mark.parametrize("name", EQUIVALENT)
def test_an_equivalent_mutant_makes_no_difference(name: str) -> None:
    assert list(caught(load(MUTANTS[name]))) == []
