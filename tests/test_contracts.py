"""The import contracts in pyproject.toml hold, and fail when they should."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tree's sources and contracts, to be broken."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(tree / "src")}
    return subprocess.run(LINT, cwd=tree, env=env, capture_output=True, text=True, check=False)


def test_contracts_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("core/seq.py", "import os", "core knows no files, sockets, clocks or terminals"),
        ("core/seq.py", "import bypeer.api", "imports point downwards"),
        ("core/scan.py", "import numpy", "nothing on scan's path imports numpy"),
        ("capture/__init__.py", "import click", "only the command line talks to a terminal"),
    ],
)
def test_a_contract_fails_when_broken(copy: Path, module: str, line: str, broken: str) -> None:
    with (copy / "src/bypeer" / module).open("a") as source:
        source.write(f"\n{line}\n")
    done = lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{broken} BROKEN" in " ".join(done.stdout.split())
