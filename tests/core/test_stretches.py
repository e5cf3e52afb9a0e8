"""Long connections: what is looked at of them, and that it tells the same as all of it."""

from __future__ import annotations

from functools import cache

import pytest

from bypeer.core import scan, stretches
from bypeer.core.connection import TICK
from bypeer.core.explain import Analysis, analyse
from bypeer.core.kernels import LINUX_5_10
from tests.scene import ASKED, Memory, sources

ROUNDS = 3 * TICK  # of data and acknowledgement, before what matters and after
SIZE = 1448


def flow(first: int, rounds: int, begins: float) -> str:
    """Data to the client, a segment a millisecond, each acknowledged."""
    lines = []
    for at in range(first, first + rounds):
        start, when = 1449 + at * SIZE, begins + (at - first) / 1000
        lines.append(f"{when:.4f} < . {start}:{start + SIZE}({SIZE}) ack 101 win 509")
        lines.append(f"{when + 0.0003:.4f} > . 101:101(0) ack {start + SIZE} win 502")
    return "\n".join(lines) + "\n"


NEXT = 1449 + ROUNDS * SIZE  # where the second half begins
BEFORE = ASKED + flow(0, ROUNDS, 0.030)
AFTER = 0.030 + ROUNDS / 1000
LATE = f"{AFTER:.4f} < . 1:1449(1448) ack 101 win 509 !\n"
FAR = f"{AFTER:.4f} < . 900000001:900000101(100) ack 101 win 509 !\n"

END = NEXT + ROUNDS * SIZE
KILLED = "+.0001 H> R 101:101(0) win 0\n"

STORIES = {
    "a late segment kills in the middle, the peer's RST comes much later": f"""{BEFORE}{LATE}{KILLED}
        {flow(ROUNDS, 20, AFTER + 0.001)}
        +2.5 > . 101:101(0) ack {NEXT + 20 * SIZE} win 502
        +.01 < R {NEXT + 20 * SIZE}:{NEXT + 20 * SIZE}(0) win 0
    """,
    "beyond the window, at once": f"""{BEFORE}{FAR}{KILLED}
        +.4  > P. 101:201(100) ack {NEXT} win 502
        +.01 < R {NEXT}:{NEXT}(0) win 0
    """,
    "a harmless host RST, then the peer's own": f"""{BEFORE}{FAR}
        +.0001 H> R 99:99(0) win 0
        {flow(ROUNDS, ROUNDS, AFTER + 0.01)}
        +.01 < R. {END}:{END}(0) ack 101
    """,
    "a clean end": f"""{BEFORE}{flow(ROUNDS, ROUNDS, AFTER)}
        +.01 < F. {END}:{END}(0) ack 101
        +.01 > F. 101:101(0) ack {END + 1}
        +.01 < . {END + 1}:{END + 1}(0) ack 102
    """,
    "the peer falls silent": BEFORE + "".join(
        f"{AFTER + 2**at:.4f} > P. 101:201(100) ack {NEXT} win 502\n" for at in range(8)
    ),
}  # fmt: skip


@cache
def told(name: str, clock: float) -> list[Memory]:
    return sources(STORIES[name], clock=clock)


def outcome(found: Analysis) -> list[object]:
    """What a user is told, as far as it must be the same."""
    return [
        (
            one.conclusion.killed_by, one.conclusion.cause, one.seen.fates.outcomes,
            [(reset.author, reset.effect, reset.sighting.segment.frame) for reset in one.seen.resets],
            [None if reset.trigger is None else reset.trigger.segment.frame for reset in one.seen.resets],
        )
        for one in found.cases
    ]  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("clock", [0.0, 3.7])
def test_some_of_it_tells_the_same_as_all(monkeypatch: pytest.MonkeyPatch, name: str, clock: float) -> None:
    whole = analyse(told(name, clock), LINUX_5_10)
    monkeypatch.setattr(scan, "MOST_KEPT", 0)
    monkeypatch.setattr(stretches, "MOST_SEGMENTS", 0)
    some = analyse(told(name, clock), LINUX_5_10)
    assert bool(whole.cases) == (name != "a clean end")
    assert outcome(some) == outcome(whole)
    for ours, theirs in zip(some.cases, whole.cases, strict=True):
        part, all_of_it = ours.seen.study.sightings, theirs.seen.study.sightings
        assert 0 < len(part) < len(all_of_it)
        assert ours.seen.study.crossings
        assert ours.conclusion.certainty == theirs.conclusion.certainty
        numbers = {(one.side, one.segment.frame): (one.start, one.end, one.ack) for one in all_of_it}
        assert [numbers[one.side, one.segment.frame] for one in part] == [
            (one.start, one.end, one.ack) for one in part
        ]
