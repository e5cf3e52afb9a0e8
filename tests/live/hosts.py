"""A directory that looks like a host's root: processes, and what engines have written down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def digits(letter: str) -> str:
    """A container's id."""
    return letter * 64


class Host:
    """A root directory under construction."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc").mkdir()

    def process(
        self,
        pid: int,
        netns: int,
        cgroup: str = "0::/",
        command: str = "sleep",
        start: int = 0,
        state: str = "S",
    ) -> None:
        """A process; its number tells its age unless `start` does."""
        home = self.root / f"proc/{pid}"
        (home / "ns").mkdir(parents=True)
        (home / "ns/net").symlink_to(f"net:[{netns}]")
        (home / "cgroup").write_text(cgroup + "\n")
        middle = " ".join(["0"] * 18)
        (home / "stat").write_text(f"{pid} ({command}) {state} {middle} {start or pid * 10} 0 0\n")

    def write(self, path: str, content: Any) -> None:
        """A file below the root; what is no text becomes JSON."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
