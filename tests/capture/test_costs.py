"""What hostile text costs: no more an octet in long lines, no more a talk after many others."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product
from types import ModuleType
from typing import Any

import pytest

from bypeer.capture import numbers, tcpdump, tshark
from bypeer.capture.printed import Printed
from bypeer.core.tcp import ACK_

SHORT, LONG, ALL = 500, 16_000, 48_000  # octets of a line, and of all
TIMES_DEARER = 3  # measured: 1.3 at most, 9 where a pattern was quadratic

ENDS = b"IP 10.0.0.1.40000 > 10.0.0.2.80: Flags [S], seq 1"
# What a line begins with, and what is said in it again and again.
BEGINNINGS: dict[ModuleType, list[bytes]] = {
    tcpdump: [b"", b"IP ", b"1.000000 IP ", ENDS, ENDS + b", options [", ENDS + b", cksum 0x1 (incorrect"],
    tshark: [b"1 ", b"1 0.0 ", b"1 0.0 a -> ", b"1 0.0 a -> b" + b" " * 200, b"1 0.0 a -> b TCP 1 "],
}
UNITS = (
    b" ", b"1", b"x", b"x ", b":", b"00:", b"(", b"[", b"]", b">", b" > ", b"-> ", b"w -> ", b"a > b: ",
    b"00:00:00:00:00:00 ", b"00:00:00:00:00:00 (oui ", b"(hlim ", b"a > b: HBH ", b": Flags [", b": tcp ",
    b"ttl 1, id 1, offset 0, flags [", b"ttl 1, id 1, offset 0, flags [], proto ", b", options [", b"{1:2}",
    b"], length ", b"[SYN, ", b"1 -> 1 [SYN] ", b" TSval=1", b"w-", b"\t", b"mss 1,",
)  # fmt: skip


def feeder(module: ModuleType) -> Any:
    return module.Lines([], {}, lambda name: 0, {})


def seconds(work: Callable[[], object]) -> float:
    """The least of three times, since other programs run here too."""

    def once() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return min(once() for _ in range(3))


def cost(module: ModuleType, beginning: bytes, unit: bytes, size: int) -> float:
    line = (beginning + unit * (size // len(unit)))[:size]

    def work() -> None:
        lines = feeder(module)
        for _ in range(ALL // size):
            assert module.looks_like(line) in (True, False)
            lines.feed(line)

    return seconds(work)


@pytest.mark.parametrize("module", BEGINNINGS, ids=lambda one: one.__name__.rpartition(".")[2])
def test_a_long_line_costs_what_as_many_octets_of_short_ones_do(module: ModuleType) -> None:
    for beginning, unit in product(BEGINNINGS[module], UNITS):
        short, long = (cost(module, beginning, unit, size) for size in (SHORT, LONG))
        assert long < TIMES_DEARER * short + 0.002, (beginning, unit)


def test_a_talk_costs_no_more_when_others_must_be_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    known = 50_000
    monkeypatch.setattr(numbers, "_MOST_TALKS", known)
    account, talks = numbers.Numbers(), iter(range(4 * known))

    def some() -> float:
        start = time.process_time()
        for _, talk in zip(range(known), talks, strict=False):
            source = bytes(12) + talk.to_bytes(4, "big")
            account.undo(Printed(0, source=source, target=bytes(16), flags=ACK_, seq=1, ack=1))
        return time.process_time() - start

    first, *_, last = (some() for _ in range(4))
    assert account.forgotten == 3 * known
    assert last < 3 * first


def test_only_segments_of_the_last_batch_wait_for_a_number() -> None:
    account, batch = numbers.Numbers(), numbers.BATCH_OF_LINES
    held = [
        Printed(0, source=bytes(15) + bytes((talk,)), target=bytes(16), flags=0)
        for _, talk in product(range(20), range(100))
    ]
    for one in held:
        account.undo(one)
    held += [Printed(0, source=one.source, target=one.target, flags=0, seq=7) for one in held[:100]]
    for one in held[-100:]:
        account.undo(one)
    assert [one.seq for one in held] == [None] * (2_000 - batch) + [7] * (batch + 100)
