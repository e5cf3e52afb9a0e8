"""Captures scanned at once: the same is found as one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import bypeer
from bypeer.capture import jobs as module
from bypeer.core import scan

PAIRS = sorted(path for path in (Path(__file__).parents[1] / "captures").iterdir() if path.is_dir())


@pytest.mark.parametrize("pair", PAIRS, ids=lambda path: path.name)
@pytest.mark.parametrize("most", [0, 1 << 20])
def test_the_same_is_found(pair: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted(pair.glob("*.pcap"))
    monkeypatch.setattr(scan, "MOST_KEPT", most)
    alone = bypeer.explain(files)
    monkeypatch.setattr(module, "WORTH", 0)
    told: list[Any] = []
    remember = module.Capture.remember
    monkeypatch.setattr(module.Capture, "remember", lambda one, seen: (told.append(one), remember(one, seen)))
    assert bypeer.explain(files, jobs=2) == alone
    assert len(told) == len(files), "each was scanned by another process"


def test_damage_is_told_by_another_process_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH", 0)
    files = []
    for name in ("inside.pcap", "outside.pcap"):
        octets = (PAIRS[0] / name).read_bytes()
        (tmp_path / name).write_bytes(octets[: len(octets) // 2])
        files.append(tmp_path / name)
    alone, both = bypeer.explain(files), bypeer.explain(files, jobs=2)
    assert both == alone
    assert all(one.damage is not None for one in both.inputs)
