"""The model gives the answers that kernels gave, recorded: no kernel is asked here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bypeer.core.kernels import KERNELS, CtState, named, with_rules
from bypeer.core.rules import RULES
from bypeer.lab.generate import Generator
from bypeer.lab.shrink import Answers, Packet, initial_of, script_of
from bypeer.lab.worlds import WORLDS, World
from tests.lab.record import FOLDER, MOST, Answer, Recording, generate, read
from tests.pure import here

FILES = sorted(FOLDER.glob("*.gz"))
RECORDED = {"5.10", "6.1", "6.12", "7.2"}  # those that `bypeer lab kernels fetch` gets
ASKED = {"6.18", "7.3"}  # where they ran
OCTETS = 150_000
SELDOM = 6  # rules that show once in ten thousand packets, so that a recording may lack them


def test_there_is_one_of_each_kernel_that_was_measured() -> None:
    assert {path.stem.rpartition(".")[0] for path in FILES} == RECORDED
    assert {kernel.name for kernel in KERNELS if "m" in kernel.sources.values()} == RECORDED | ASKED
    assert sum(path.stat().st_size for path in FILES) < OCTETS


def first_difference(recording: Recording, changed: Mapping[str, bool]) -> str | None:
    """A script that ends with the first packet of which the model says something else."""
    kernel = with_rules(named(recording.version), changed)
    for number, world in enumerate(WORLDS):
        generator, batch = generate(kernel, number, world)
        theirs = recording.worlds[world.name]
        ours = [Answer(*one) for one in zip(batch.expected, batch.lines, strict=True)]
        # Lengths may differ: the generator follows the model, so a wrong one makes other packets.
        for row, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            if one != other:
                conversation = batch.conversations[row]
                start = batch.conversations.index(conversation)
                script = shown(generator, conversation, ours[start : row + 1], theirs[start : row + 1], world)
                return f"{world.name}:\n{script}"
        assert len(ours) == len(theirs)
    return None


def shown(
    generator: Generator, conversation: int, ours: list[Answer], theirs: list[Answer], world: World
) -> str:
    """The beginning of a conversation, as a script."""
    packets: list[Packet] = []
    states: list[str] = []  # after each
    for way, segment in generator.conversation(conversation):
        if packets:
            states.append(CtState(generator.tracker.entry.state).name)
        packets.append(Packet(way, segment))
        if len(packets) == len(ours):
            break
    both = Answers(
        [one.number for one in ours], [one.number for one in theirs], [*states, "-"],
        [one.lines for one in ours], [one.lines for one in theirs],
    )  # fmt: skip
    return script_of(packets, both, initial_of(packets), world.sysctls)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_model_answers_as_recorded(path: Path) -> None:
    recording = read(path)
    assert recording.version == path.stem
    assert list(recording.worlds) == [world.name for world in WORLDS]
    assert all(len(answers) > MOST / 2 for answers in recording.worlds.values())
    found = first_difference(recording, {})
    assert found is None, found


@pytest.mark.parametrize(
    "path", FILES if here() == "compiled" else FILES[-1:], ids=lambda path: path.stem
)  # a quarter of a minute each, uncompiled
def test_nearly_every_rule_shows_in_a_recording(path: Path) -> None:
    recording = read(path)
    kernel = named(recording.version)
    silent = [row.rule for row in RULES
              if first_difference(recording, {row.rule: not getattr(kernel, row.rule)}) is None]  # fmt: skip
    assert len(silent) <= SELDOM, silent


def test_a_difference_is_shown_as_a_script() -> None:
    found = first_difference(read(FILES[-1]), {"late_is_invalid": True})
    assert found is not None
    *script, model, kernel = found.splitlines()
    assert any(line.startswith("initial ") for line in script)
    assert model.startswith("// model:  INVALID")
    assert kernel.startswith(("// kernel: ESTABLISHED", "// kernel: NEW"))
