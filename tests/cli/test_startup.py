"""What starting costs: by what is imported, since a clock would make the test depend on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "numpy",
    "rich",
    "importlib.metadata",
    "importlib.resources",
    "bypeer.core",
    "bypeer.capture",
    "bypeer.api",
)
REPORT = "import sys; from bypeer.cli import main; main({!r}); print(*sys.modules, sep=chr(10))"


def imported(*args: str) -> set[str]:
    """The modules that a run of bypeer imports."""
    run = [sys.executable, "-c", REPORT.format(list(args))]
    return set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines())


@pytest.mark.parametrize("args", [["--version"], ["--help"]])
def test_version_and_help_import_nothing_heavy(args: list[str]) -> None:
    modules = imported(*args)
    assert "click" in modules
    assert [name for name in HEAVY if name in modules] == []


def test_the_door_imports_nothing() -> None:
    code = "import sys, bypeer; print(*(name for name in sys.modules if name.startswith('bypeer')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["bypeer"]


def test_every_name_of_the_door_opens() -> None:
    code = "import bypeer; print(*(callable(getattr(bypeer, name)) for name in bypeer._DOOR))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"True"}


def test_a_small_capture_costs_no_machinery_that_it_does_not_need() -> None:
    case = Path(__file__).parents[1] / "captures/late-segment"
    modules = imported("explain", *(str(path) for path in sorted(case.glob("*.pcap"))))
    assert "bypeer.core.study" in modules
    heavy = ("numpy", "multiprocessing", "concurrent.futures", "subprocess", "tempfile", "asyncio", "email")
    assert [name for name in heavy if name in modules] == []
