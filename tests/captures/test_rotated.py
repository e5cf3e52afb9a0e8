"""Captures in several files, as rotation leaves them: the same answer as from one file.

All but the names of files and the frame numbers in filters is equal, since frame numbers count on.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bypeer.api import explain
from bypeer.core.explanation import Explanation, Input
from tests import pure, variants
from tests.test_api import flaws

OURS = sorted(path for path in Path(__file__).parent.iterdir() if (path / "inside.pcap").exists())
SHARED = Path(os.environ["BYPEER_SHARED"]) / "captures" if "BYPEER_SHARED" in os.environ else None
CASES = {path.name: (path / "inside.pcap", path / "outside.pcap") for path in OURS}
if SHARED:
    for path in sorted(one for one in SHARED.iterdir() if one.is_dir()):
        CASES[path.name] = path / "container_eth0.pcap", path / "host_ext0.pcap"

every = pytest.mark.parametrize("name", CASES)
# `make test` runs everything twice; these many whole runs only where they are quick.
compiled = pytest.mark.skipif(pure.here() == "source", reason="many whole runs: pytest --compiled has them")


def findings(found: Explanation) -> Explanation:
    """All but what names files, their interfaces and the frames in them."""
    vantages = [one._replace(interface="") for one in found.vantages]
    filters = [one for one in found.filters if not one.expression.startswith("frame.number ==")]
    return found._replace(inputs=[], vantages=vantages, filters=[one._replace(file="") for one in filters])


def same(found: Explanation, pair: Sequence[Path], pieces: Sequence[int]) -> None:
    """The answer of the whole pair, told of so many files of each; and sound in itself."""
    whole = explain(pair)
    assert [len(one.files) for one in found.inputs] == list(pieces)
    assert not any(file.gap for one in found.inputs for file in one.files if one.packets > 100)
    assert findings(found) == findings(whole)
    taken = [variants.read(path) for path in pair]
    assert flaws(found, taken, link=14) == []
    for one, frames in zip(found.inputs, taken, strict=True):
        _check_files(one, frames)
    _check_filters(found, whole)


def _check_files(one: Input, frames: Sequence[variants.Taken]) -> None:
    """Each frame is where `locate` says."""
    for number, frame in enumerate(frames, 1):
        file, row = one.locate(number)
        assert file is not None
        if row == 1:
            piece = variants.read(Path(file.path))
        assert piece[row - 1].octets == frame.octets


def _check_filters(found: Explanation, whole: Explanation) -> None:
    """A frame number in a filter is one of the file that it names."""
    inputs = {one.id: found.inputs[one.input] for one in found.vantages}
    for one, of_whole in zip(found.filters, whole.filters, strict=True):
        if one.expression.startswith("frame.number == "):
            file, number = inputs[one.vantage].locate(int(of_whole.expression.rpartition(" ")[2]))
            assert (one.expression, one.file) == (f"frame.number == {number}", file.path if file else "")


@compiled
@every
@pytest.mark.parametrize("form", variants.FORMS)
@pytest.mark.parametrize("cut", [0.25, 0.5, 0.8])
def test_cut_once(name: str, form: str, cut: float, tmp_path: Path) -> None:
    pair = CASES[name]
    inside, outside = (variants.rotated(path, tmp_path, [cut], form) for path in pair)
    same(explain([inside[1], outside[1], *inside[:1], *outside[:1]]), pair, [2, 2])


@pytest.mark.parametrize("name", [path.name for path in OURS])
def test_cut_at_several_places_and_given_in_any_order(name: str, tmp_path: Path) -> None:
    inside, outside = (variants.rotated(path, tmp_path, [0.2, 0.5, 0.7]) for path in CASES[name])
    random.Random(1).shuffle(inside)
    random.Random(2).shuffle(outside)
    same(explain([*inside, *outside]), CASES[name], [4, 4])


@compiled
@every
def test_cut_at_the_moment_of_death_it_is_right_or_less_certain(name: str, tmp_path: Path) -> None:
    """The time between two short files may be long for them: then nothing there is sure."""
    whole = explain(CASES[name])
    moments = [event for one in whole.connections for event in one.events]
    for moment in moments[:3]:
        cuts = [moment.frame / max(1, one.packets) for one in whole.inputs]
        pieces = [
            variants.rotated(path, tmp_path, [cut]) for path, cut in zip(CASES[name], cuts, strict=True)
        ]
        found = explain([path for files in pieces for path in files])
        assert [len(one.files) for one in found.inputs] == [2, 2]
        least = ("certain", "likely", "undetermined")
        assert least.index(found.verdict.certainty) >= least.index(whole.verdict.certainty)
        if found.verdict.certainty != "undetermined":
            assert found.verdict.killed_by == whole.verdict.killed_by


@compiled
@every
def test_one_side_in_one_file(name: str, tmp_path: Path) -> None:
    inside, outside = CASES[name]
    pieces = variants.rotated(outside, tmp_path, [0.4])
    found = explain([inside, *pieces])
    assert [len(one.files) for one in found.inputs] == [0, 2]
    assert findings(found) == findings(explain([inside, outside]))


@compiled
@every
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_without_a_file_of_the_middle_it_is_right_or_undetermined(
    name: str, side: int, lost: int, tmp_path: Path
) -> None:
    whole = explain(CASES[name]).verdict
    pieces = [variants.rotated(path, tmp_path, [0.2, 0.4, 0.6, 0.8]) for path in CASES[name]]
    del pieces[side][lost]
    found = explain([path for files in pieces for path in files]).verdict
    assert found.certainty == "undetermined" or (found.killed_by, found.cause) == (
        whole.killed_by,
        whole.cause,
    )


# Files as the tools themselves write them


def ran(*command: str | Path, stdin: Path | None = None) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    with open(stdin or os.devnull, "rb") as source:
        subprocess.run(command, stdin=source, check=True, capture_output=True, timeout=60)


def by_editcap(path: Path, out: Path, form: str) -> list[Path]:
    ran("editcap", "-c", "300", "-F", form, path, out / f"{path.stem}.{form}")
    return sorted(out.glob(f"{path.stem}_*"))


def by_dumpcap(path: Path, out: Path) -> list[Path]:
    ran("dumpcap", "-q", "-i", "-", "-b", "packets:300", "-w", out / f"{path.stem}.pcapng", stdin=path)
    return sorted(out.glob(f"{path.stem}_*"))


def by_tcpdump(path: Path, out: Path) -> list[Path]:
    ran("tcpdump", "-Z", "root", "-r", path, "-C", "1", "-w", out / f"{path.stem}.pcap")
    return sorted(out.glob(f"{path.stem}.pcap*"))


TOOLS = {
    "editcap, pcap": lambda path, out: by_editcap(path, out, "pcap"),
    "editcap, pcapng": lambda path, out: by_editcap(path, out, "pcapng"),
    "dumpcap": by_dumpcap,
}


@pytest.mark.parametrize("tool", TOOLS)
def test_files_of_a_tool(tool: str, tmp_path: Path) -> None:
    pair = CASES["late-segment"]
    inside, outside = (TOOLS[tool](path, tmp_path) for path in pair)
    same(explain([*inside, *outside]), pair, [4, 4])


def test_files_of_tcpdump(tmp_path: Path) -> None:
    """It cuts at a million octets at the least: captures of many small packets."""
    pair = []
    for path in CASES["late-segment"]:
        frames = variants.read(path)
        padded = [one._replace(octets=one.octets.ljust(1_400, b"\0")) for one in frames]
        pair.append(variants.write(tmp_path / f"whole-{path.name}", padded))
    (tmp_path / "cut").mkdir()
    inside, outside = (by_tcpdump(path, tmp_path / "cut") for path in pair)
    same(explain([*inside, *outside]), pair, [2, 2])


# What is no rotation


@every
def test_two_vantages_whose_clocks_differ_by_more_than_they_last_are_two(name: str, tmp_path: Path) -> None:
    """Even where their names are alike: no pair of stations speaks at both."""
    pair = CASES[name]
    times = [one.ts for path in pair for one in variants.read(path)]
    later = variants.shifted(pair[1], tmp_path / "2.pcap", (max(times) - min(times)) / 1e9 + 5)
    first = variants.shifted(pair[0], tmp_path / "1.pcap", 0)
    found = explain([first, later])
    assert [one.files for one in found.inputs] == [(), ()]
    assert found.verdict.killed_by == explain(pair).verdict.killed_by
