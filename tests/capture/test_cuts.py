"""Captures by others, cut short: what is found is the beginning of what is found in the whole.

Every file of at most 4 KiB, at lengths spread over it; at every length with BYPEER_CUTS=all, which
takes a quarter of an hour.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bypeer.capture.read import Capture, open_capture
from bypeer.core.frames import Frames, Interface
from bypeer.core.scan import scan
from bypeer.errors import CaptureError

SHARED = os.environ.get("BYPEER_SHARED", "")
CORPUS = Path(SHARED, "corpus")
pytestmark = pytest.mark.skipif(
    not SHARED or not CORPUS.exists(), reason="no shared corpus: BYPEER_SHARED does not name it"
)
LARGEST = 4096
CUTS = 0 if os.environ.get("BYPEER_CUTS") == "all" else 6  # a file; 0: all

Frame = tuple[int, int, int, int, bytes]


class Recorded:
    """A capture that remembers the frames that it gives."""

    def __init__(self, capture: Capture) -> None:
        self.capture, self.seen = capture, list[Frame]()

    @property
    def interfaces(self) -> list[Interface]:
        return self.capture.interfaces

    def frames(self) -> Iterator[Frames]:
        for batch in self.capture.frames():
            for row in range(batch.count):
                start = batch.start[row]
                octets = bytes(batch.octets[start : start + batch.captured[row]])
                link_type = self.interfaces[batch.interface[row]].link_type
                self.seen.append((link_type, batch.length[row], batch.ts[row], batch.offset[row], octets))
            yield batch


def read(path: Path) -> list[Frame]:
    """All frames of a file, which also went through a scan; none if it is refused."""
    try:
        recorded = Recorded(open_capture(path))
    except CaptureError:
        return []
    found = scan(recorded)
    assert found.packets == recorded.capture.packets == len(recorded.seen)
    return recorded.seen


def lengths(size: int, number: int) -> range:
    """Where to cut, from the longest on: file `number` elsewhere than the one before."""
    step = max(1, size // CUTS) if CUTS else 1
    return range(size - 1 - number % step, -1, -step)


def test_what_is_left_of_a_cut_file_is_read_as_before(tmp_path: Path) -> None:
    files = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.stat().st_size <= LARGEST)
    assert len(files) > 700
    copy, cuts = tmp_path / "cut", 0
    for number, path in enumerate(files):
        octets = path.read_bytes()
        copy.write_bytes(octets)
        whole = read(copy)
        for size in lengths(len(octets), number):
            os.truncate(copy, size)
            part = read(copy)
            assert part == whole[: len(part)], f"{path}, its first {size} octets"
            cuts += 1
    assert cuts > 4_000
