"""When the flight recorder writes a case file: its clocks, counts and quota. The rest is in tests/live."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bypeer.cli import record as module
from bypeer.cli.record import PAUSE, Flight, Quota
from bypeer.core.segment import Segment
from bypeer.live import aside

S = 10**9  # ns


class Clock:
    """Both of the machine's clocks; nobody sets the monotonic one."""

    def __init__(self) -> None:
        self.passed, self.date = 100.0, 1_700_000_000 * S

    def monotonic(self) -> float:
        return self.passed

    def time_ns(self) -> int:
        return self.date

    def go_on(self, seconds: float) -> None:
        self.passed += seconds
        self.date += int(seconds * S)

    def gmtime(self, seconds: float) -> Any:
        import time

        return time.gmtime(seconds)

    def strftime(self, form: str, moment: Any) -> str:
        import time

        return time.strftime(form, moment)


class Caught(NamedTuple):
    segment: Segment
    outgoing: bool = True


class Seen(NamedTuple):
    role: str
    caught: Caught


class Recording:
    """What is asked of a recording."""

    resets = 0

    def __init__(self) -> None:
        self.written: list[tuple[int, int]] = []

    def settle(self) -> None:
        pass

    def write(self, path: Path, since: int, until: int) -> Any:
        self.written.append((since, until))
        path.touch()

        class Found:
            class verdict:  # noqa: N801
                headline = "somebody did"

        return Found


class Now:
    """Work that is done at once, by nobody else."""

    def __init__(self, work: Any) -> None:
        self.text = work()

    def result(self) -> Any:
        return aside.Result(True, self.text)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    monkeypatch.setattr(aside, "Aside", Now)
    return found


def flight(folder: Path, *triggers: str, cases: int = 100, delete: bool = False) -> tuple[Flight, Recording]:
    recording = Recording()
    quota = Quota(folder, cases, 1 << 30, delete)
    found = Flight(recording, quota, triggers or ("host", "reset"), 30 * S, 3 * S)  # type: ignore[arg-type]
    return found, recording


def see(one: Flight, seen: list[Any]) -> None:
    one.see(seen)
    one.finish()


def reset(clock: Clock, role: str = "inside", ttl: int = 64, outgoing: bool = True) -> list[Any]:
    segment = Segment()
    segment.ts, segment.ttl = clock.date, ttl
    return [Seen(role, Caught(segment, outgoing))]


def test_it_waits_for_what_comes_after(tmp_path: Path, clock: Clock) -> None:
    one, recording = flight(tmp_path)
    moment = clock.date
    see(one, reset(clock))
    clock.go_on(2.9)
    see(one, [])
    assert recording.written == []
    clock.go_on(0.2)
    see(one, [])
    assert recording.written == [(moment - 30 * S, clock.date)]
    see(one, [])
    assert len(recording.written) == 1


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_that_is_set_changes_nothing(tmp_path: Path, clock: Clock, step: int) -> None:
    one, recording = flight(tmp_path)
    moment = clock.date
    see(one, reset(clock))
    clock.date += step * S
    see(one, [])
    assert recording.written == []
    clock.go_on(3.1)
    see(one, [])
    ((since, until),) = recording.written
    assert since == moment - 30 * S
    assert until >= moment + 3 * S


def test_resets_without_end_share_case_files(tmp_path: Path, clock: Clock) -> None:
    one, recording = flight(tmp_path)
    for _ in range(300):
        see(one, reset(clock) * 10)
        clock.go_on(0.1)
    assert one.met == 3000
    assert [until - since >= 33 * S for since, until in recording.written] == [True] * 3
    assert PAUSE == 10, "of thirty seconds the first three, and then each ten"


WHAT = {
    "inside": ("inside", 63, False, ("host", "reset"), 1),
    "inside, but not asked for": ("inside", 63, False, ("host",), 0),
    "the host's own, outside": ("outside", 64, True, ("host",), 1),
    "one that it forwarded": ("outside", 63, True, ("host", "reset"), 0),
    "one that came in": ("outside", 64, False, ("host", "reset"), 0),
    "the host's own, but not asked for": ("outside", 64, True, ("reset",), 0),
}


@pytest.mark.parametrize(("role", "ttl", "outgoing", "triggers", "met"), WHAT.values(), ids=WHAT)
def test_what_is_worth_a_case_file(
    tmp_path: Path, clock: Clock, role: str, ttl: int, outgoing: bool, triggers: tuple[str, ...], met: int
) -> None:
    one, _ = flight(tmp_path, *triggers)
    see(one, reset(clock, role, ttl, outgoing))
    assert one.met == met


def test_a_quota(tmp_path: Path, clock: Clock) -> None:
    one, recording = flight(tmp_path, cases=2)
    for _ in range(4):
        one.write(clock.date)
        one.finish()
        clock.go_on(1)
    assert (len(recording.written), one.written, one.refused) == (2, 2, 2)
    assert "2 case files, 2 not written" in one.summary()


def test_a_quota_that_makes_room(tmp_path: Path, clock: Clock) -> None:
    one, _ = flight(tmp_path, cases=2, delete=True)
    for _ in range(4):
        one.write(clock.date)
        one.finish()
        clock.go_on(1)
    assert (one.written, one.refused, len(list(tmp_path.iterdir()))) == (4, 0, 2)
