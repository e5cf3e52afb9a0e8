"""The two worlds of modules that tests/pure.py keeps."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from tests.pure import here, inside, load_compiled, load_pure


def test_sources_are_sources() -> None:
    assert str(load_pure("bypeer.core.seq").__file__).endswith("seq.py")


def test_compiled_is_another_module_with_the_same_answers() -> None:
    compiled, source = load_compiled("bypeer.core.seq"), load_pure("bypeer.core.seq")
    assert compiled is not source
    assert compiled.distance(5, 2**32 - 5) == source.distance(5, 2**32 - 5) == 10


@pytest.mark.parametrize("world", ["source", "compiled"])
def test_a_world_returns_as_it_was(world: str) -> None:
    before = {name: module for name, module in sys.modules.items() if name.startswith("bypeer")}
    start = here()
    with inside(world):
        first = import_module("bypeer.core.segment")
    with inside(world):
        assert import_module("bypeer.core.segment") is first
    assert here() == start
    after = {name: module for name, module in sys.modules.items() if name in before}
    assert after == before


def test_worlds_do_not_mix() -> None:
    with inside("source"):
        segment = import_module("bypeer.core.segment").Segment
    for world in ("source", "compiled"):
        with inside(world):
            assert (import_module("bypeer.core.segment").Segment is segment) == (world == "source")
