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
    "dataclasses",
    "pathlib",
    "traceback",
)
# What an explanation of pcap files as text has no use for.
NEEDLESS = (
    "numpy", "multiprocessing", "concurrent.futures", "subprocess", "tempfile", "asyncio", "email",
    "hashlib", "ipaddress", "json", "pathlib", "shutil", "signal", "textwrap", "traceback", "urllib", "zlib",
    "bypeer.capture.journal", "bypeer.capture.pcapng", "bypeer.capture.snoop", "bypeer.capture.tail",
    "bypeer.capture.text",
    "bypeer.core.draw", "bypeer.core.picture", "bypeer.core.script", "bypeer.lab", "bypeer.live",
    "bypeer.report.json", "bypeer.report.markdown", "bypeer.report.page", "bypeer.report.svg",
)  # fmt: skip
# A dataclass is code that is written and compiled at each start: 0.4 ms, where a NamedTuple takes 0.15.
DATACLASSES = {"Crossing", "Hole", "Join", "Place", "Replay", "Scan", "Side", "Study", "_Index"}
CASE = sorted(str(path) for path in (Path(__file__).parents[1] / "captures/late-segment").glob("*.pcap"))
REPORT = "import sys; from bypeer.cli import main; main({!r}); print(*sys.modules, sep=chr(10))"


def said(code: str) -> set[str]:
    """The lines that Python writes when it runs this."""
    run = [sys.executable, "-c", code]
    return set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines())


def imported(*args: str) -> set[str]:
    """The modules that a run of bypeer imports, beside those that Python and Click take for themselves."""
    return said(REPORT.format(list(args))) - said("import sys, click; print(*sys.modules, sep=chr(10))")


@pytest.mark.parametrize("args", [["--version"], ["--help"]])
def test_version_and_help_import_nothing_heavy(args: list[str]) -> None:
    modules = imported(*args)
    assert "bypeer.cli" in modules
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
    modules = imported("explain", *CASE)
    assert "bypeer.core.study" in modules
    assert [name for name in NEEDLESS if name in modules] == []


def test_few_classes_are_written_at_each_start() -> None:
    code = f"""
import sys
from bypeer.cli import main
main(["explain", *{CASE}])
print()
for module in [one for name, one in sys.modules.items() if name.startswith("bypeer")]:
    for one in vars(module).values():
        if isinstance(one, type) and "__dataclass_fields__" in vars(one):
            print("made", one.__name__)
"""
    assert {line.removeprefix("made ") for line in said(code) if line.startswith("made ")} <= DATACLASSES
