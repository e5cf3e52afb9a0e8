"""Captures scanned at once: the same is found as one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bypeer
from bypeer.capture import case
from bypeer.capture import jobs as module
from bypeer.capture.read import open_capture
from bypeer.capture.series import Series
from bypeer.core import scan
from bypeer.core.evidence import Event
from bypeer.core.frames import Interface
from bypeer.errors import CaptureError
from tests import make, scene, variants
from tests.make import Taken

PAIRS = sorted(path for path in (Path(__file__).parents[1] / "captures").iterdir() if path.is_dir())
BOTH = [PAIRS[0] / "inside.pcap", PAIRS[0] / "outside.pcap"]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda path: path.name)
@pytest.mark.parametrize("most", [0, 1 << 20])
def test_the_same_is_found(pair: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted(pair.glob("*.pcap"))
    monkeypatch.setattr(scan, "MOST_KEPT", most)
    alone = bypeer.explain(files)
    monkeypatch.setattr(module, "WORTH", 0)
    told: list[Any] = []
    remember = Series.remember
    monkeypatch.setattr(Series, "remember", lambda one, seen: (told.append(one), remember(one, seen)))
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


def rotated(folder: Path) -> list[Path]:
    """Both sides of a pair in three files each."""
    return [piece for path in BOTH for piece in variants.rotated(path, folder, [0.3, 0.6], "pcapng")]


def test_files_of_one_capture_are_read_by_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORTH", 0)
    files = rotated(tmp_path)
    files[1].write_bytes(files[1].read_bytes()[:-1])
    alone, both = bypeer.explain(files), bypeer.explain(files, jobs=2)
    assert both == alone
    assert [len(one.files) for one in both.inputs] == [3, 3]
    assert [file.damage is not None for file in both.inputs[0].files] == [False, True, False]


def test_what_is_read_elsewhere_is_told_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH", 0)
    files = rotated(tmp_path)
    told: dict[str, int] = {}

    def watch(doing: str, octets: int) -> None:
        told[doing] = told.get(doing, 0) + octets

    bypeer.explain(files, jobs=2, watch=watch)
    assert told["reading"] == sum(file.stat().st_size for file in files)


def test_the_kernels_words_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH", 0)
    files = [case_file(tmp_path / f"{name}.case.pcapng", name) for name in ("one", "two")]
    sources = [Series([open_capture(file)]) for file in files]
    module.scan_at_once(sources, 2)
    assert [[event.fields["prefix"] for event in one.events] for one in sources] == [["one"], ["two"]]


def case_file(path: Path, word: str) -> Path:
    source = scene.Memory([Taken(make.ethernet(make.ip(make.tcp())), 10**18)])
    source.interfaces = [Interface(1, "eth0")]
    event = Event(10**18, "nflog", {"prefix": word})
    case.write(path, case.About("bypeer"), [case.Vantage(source, "eth0", "inside")], [event])
    return path


def test_a_file_that_went_away_is_told_as_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH", 0)
    sources = [Series([open_capture(file)]) for file in rotated(tmp_path)]
    sources[1].captures[0].path, gone = "gone.pcapng", Path(sources[1].captures[0].path)
    gone.unlink()
    with pytest.raises(CaptureError, match=r"^gone.pcapng: at octet 0: No such file"):
        module.scan_at_once(sources, 2)


def test_standard_input_may_be_a_large_file() -> None:
    """The processes have the descriptor too, though not sys.stdin."""
    run = "import bypeer, sys; from bypeer.capture import jobs; jobs.WORTH = 0; "
    run += "print([one.packets for one in bypeer.explain(sys.argv[1:], jobs=2).inputs])"
    with BOTH[0].open() as file:
        done = subprocess.run(
            [sys.executable, "-c", run, "-", BOTH[1]], stdin=file, capture_output=True, text=True, check=True
        )
    assert done.stdout == f"{[len(variants.read(path)) for path in BOTH]}\n"
