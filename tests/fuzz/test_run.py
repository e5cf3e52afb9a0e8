from __future__ import annotations

import time
from itertools import product
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fuzz import run as module
from tests.fuzz.mutate import MUTATIONS, TEXT_MUTATIONS, mutated
from tests.fuzz.printed import texts
from tests.fuzz.run import Library, main, plain, run
from tests.fuzz.seeds import made
from tests.fuzz.shape import shape

SEEDS, TEXTS = list(made()), texts()
TUNNEL = 14  # the text of which nothing is TCP that can be read


def test_some_inputs_of_a_known_seed_are_no_finds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("300", "known") == 0, capsys.readouterr().err
    assert "300 inputs, seed known" in capsys.readouterr().out


def test_an_input_is_made_again_by_its_seed_and_number() -> None:
    assert [mutated(Random(f"x:{n}"), SEEDS) for n in range(20)] == [
        mutated(Random(f"x:{n}"), SEEDS) for n in range(20)
    ]


def test_some_texts_of_a_known_seed_are_no_finds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("100", "known", "", "text") == 0, capsys.readouterr().err
    assert "100 inputs of text, seed known" in capsys.readouterr().out


@pytest.mark.parametrize("mutation", set(MUTATIONS), ids=lambda one: one.__name__)
def test_every_mutation_changes_something(mutation: Any) -> None:
    assert changed(mutation, SEEDS) > len(SEEDS) // 2


@pytest.mark.parametrize("mutation", set(TEXT_MUTATIONS), ids=lambda one: one.__name__)
def test_every_mutation_of_text_changes_something(mutation: Any) -> None:
    assert changed(mutation, TEXTS) > len(TEXTS) // 2


def changed(mutation: Any, seeds: list[bytes]) -> int:
    count = 0
    for number, seed in enumerate(seeds):
        octets = bytearray(seed)
        mutation(Random(number), octets, shape(seed))
        count += octets != seed
    return count


@pytest.mark.parametrize("octets", [b"", b"\n", b" " * 5_000 + b"x", b"\xff\n" * 9], ids=range(4))
def test_mutations_of_text_stand_any_octets(octets: bytes) -> None:
    for mutation, number in product(TEXT_MUTATIONS, range(20)):
        mutation(Random(number), bytearray(octets), shape(octets))


def test_every_text_is_read_and_most_mutated_ones_still_are(tmp_path: Path) -> None:
    library, path = Library("source"), tmp_path / "text"

    def segments(octets: bytes) -> int:
        path.write_bytes(octets)
        found = library.scanned(path)
        return 0 if isinstance(found, str) else int(found[0]["tcp"])

    assert [number for number, text in enumerate(TEXTS) if segments(text) < 3] == [TUNNEL]
    assert sum(segments(mutated(Random(number), TEXTS)) > 2 for number in range(300)) > 150


def test_the_parts_of_a_seed_are_all_of_it() -> None:
    for seed in SEEDS + TEXTS:
        parts = shape(seed)
        assert parts.text == (seed in TEXTS)
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
    "a difference": ({"scanned": lambda path: "another"}, "compiled: "),
    "another picture": ({"drawn": lambda path: "another"}, "draw another picture"),
    "another story": ({"told": lambda path: "none"}, "a second reading tells another story"),
    "a control character": ({"text": lambda found, **how: "\x1b[31m"}, "control characters are shown"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_find_is_told_and_kept(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed, words = FAULTS[name]

    def library(world: str) -> Any:
        sound = Library("source")
        used = "world scanned explain text renders refused drawn told told_after_two"
        members = {key: getattr(sound, key) for key in used.split()}
        return SimpleNamespace(**members | (changed if world == "compiled" else {}))

    monkeypatch.setattr(module, "Library", library)
    monkeypatch.setattr(module, "SECONDS", 1)
    monkeypatch.setattr(module, "COMPARED", 1)
    monkeypatch.setattr(module, "EXPLAINED", 2)
    monkeypatch.setattr(module, "KEPT", tmp_path)
    finds = run(1 if name == "a hang" else 9, "known")
    assert finds
    assert {f"known-{number}" for number in finds} == {path.name for path in tmp_path.iterdir()}
    said = capsys.readouterr().err
    assert words in said
    assert "AttributeError" not in said, "the fault is found, not that something is missing here"


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
