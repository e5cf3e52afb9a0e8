from __future__ import annotations

import time
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fuzz import run as module
from tests.fuzz.mutate import MUTATIONS, mutated
from tests.fuzz.run import Library, main, plain, run
from tests.fuzz.seeds import made
from tests.fuzz.shape import shape

SEEDS = list(made())


def test_some_inputs_of_a_known_seed_are_no_finds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("300", "known") == 0, capsys.readouterr().err
    assert "300 inputs, seed known" in capsys.readouterr().out


def test_an_input_is_made_again_by_its_seed_and_number() -> None:
    assert [mutated(Random(f"x:{n}"), SEEDS) for n in range(20)] == [
        mutated(Random(f"x:{n}"), SEEDS) for n in range(20)
    ]


@pytest.mark.parametrize("mutation", set(MUTATIONS), ids=lambda one: one.__name__)
def test_every_mutation_changes_something(mutation: Any) -> None:
    changed = 0
    for number, seed in enumerate(SEEDS):
        octets = bytearray(seed)
        mutation(Random(number), octets, shape(seed))
        changed += octets != seed
    assert changed > len(SEEDS) // 2


def test_the_parts_of_a_seed_are_all_of_it() -> None:
    for seed in SEEDS:
        parts = shape(seed)
        assert parts.units
        assert max(stop for _, stop in parts.units) == len(seed)
        assert all(0 <= start < stop <= len(seed) for start, stop in parts.fields + parts.units)


def crash(path: Path) -> None:
    raise IndexError("a fault of ours")


def hang(path: Path) -> None:
    time.sleep(5)


FAULTS = {
    "an exception": ({"scanned": crash}, "a fault of ours"),
    "a hang": ({"scanned": hang}, "over 1 s"),
    "a difference": ({"scanned": lambda path: object()}, "compiled: "),
    "a control character": ({"text": lambda found, **how: "\x1b[31m"}, "control characters are shown"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_find_is_told_and_kept(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed, words = FAULTS[name]

    def library(world: str) -> Any:
        sound = Library("source")
        members = {key: getattr(sound, key) for key in ("scanned", "explain", "text", "json", "refused")}
        return SimpleNamespace(**members | (changed if world == "compiled" else {}))

    monkeypatch.setattr(module, "Library", library)
    monkeypatch.setattr(module, "SECONDS", 1)
    monkeypatch.setattr(module, "COMPARED", 1)
    monkeypatch.setattr(module, "EXPLAINED", 2)
    monkeypatch.setattr(module, "KEPT", tmp_path)
    finds = run(1 if name == "a hang" else 9, "known")
    assert finds
    assert {f"known-{number}" for number in finds} == {path.name for path in tmp_path.iterdir()}
    assert words in capsys.readouterr().err


def test_memory_that_grows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([*[1_000] * 3, 1_000 + module.GROWTH, 1_001 + module.GROWTH])
    usage = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda _: SimpleNamespace(ru_maxrss=next(peaks)))
    monkeypatch.setattr(module, "resource", usage)
    monkeypatch.setattr(module, "WARM", 3)
    with pytest.raises(AssertionError, match="memory grew to 50153 KiB by input 5"):
        run(5, "known")


def test_records_are_compared_by_all_they_hold() -> None:
    slotted = type("Slotted", (), {"__slots__": ("a", "b")})
    one, other = slotted(), slotted()
    one.a, one.b, other.a, other.b = 1, [2, {3: 4}], 1, [2, {3: 5}]
    assert plain(one) == plain(one)
    assert plain(one) != plain(other)
