"""Which modules a test runs on: the plain .py sources, or what was compiled from them.

A process has two worlds of bypeer's modules, "source" and "compiled", that never mix. Tests
run in the source world, so that an edit counts at once and coverage sees it; `--compiled`
runs them in the other. A test that compares the two loads a module from each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType

import pytest


class SourcesOnly(MetaPathFinder):
    """Finds bypeer's modules as .py files, also where a compiled one lies beside."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module inside bypeer; everything else is left to Python."""
        if not fullname.startswith("bypeer."):
            return None
        finders = [FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)) for folder in path or ()]
        found = (finder.find_spec(fullname) for finder in finders)
        return next((spec for spec in found if spec and spec.loader), None)


_SOURCES = SourcesOnly()
_AWAY: dict[str, dict[str, ModuleType]] = {"source": {}, "compiled": {}}


def here() -> str:
    """The world that an import leads to now."""
    return "source" if _SOURCES in sys.meta_path else "compiled"


def enter(world: str) -> None:
    """Make imports lead to that world; the modules of the other are kept for its return."""
    if world == here():
        return
    ours = [name for name in sys.modules if name.partition(".")[0] == "bypeer"]
    _AWAY[here()] = {name: sys.modules.pop(name) for name in ours}
    sys.modules.update(_AWAY[world])
    if world == "source":
        sys.meta_path.insert(0, _SOURCES)
    else:
        sys.meta_path.remove(_SOURCES)


@contextmanager
def inside(world: str) -> Iterator[None]:
    """Imports lead to that world in the `with` block."""
    before = here()
    enter(world)
    try:
        yield
    finally:
        enter(before)


def load_pure(name: str) -> ModuleType:
    """That module as its plain .py source runs. It keeps to its world, but for late imports."""
    with inside("source"):
        return import_module(name)


def load_compiled(name: str) -> ModuleType:
    """That module as compiled; skips the test where it is not."""
    with inside("compiled"):
        module = import_module(name)
    if str(module.__file__).endswith(".py"):
        pytest.skip(f"{name} is not compiled here")
    return module
