"""A second reading in places: what is wanted comes as it came before, and what need not be read is left."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import inputs
from bench.inputs import Kind
from bypeer.api import explain
from bypeer.capture import jobs, walk
from bypeer.capture.read import open_capture
from bypeer.capture.series import Series
from bypeer.core import scan, trail
from bypeer.core.frames import BATCH, Frames, Span
from bypeer.errors import CaptureError
from bypeer.report.json import render
from tests import make
from tests.capture.test_series import named, pcap, series, taken
from tests.pure import here

MANY = 5 * BATCH + 100
Row = tuple[int, int, int]  # number, offset, interface


def rows(batches: Iterator[Frames]) -> list[Row]:
    return [
        (batch.first + row, batch.offset[row], batch.interface[row])
        for batch in batches
        for row in range(batch.count)
    ]


def span(frames: Sequence[Row], first: int, last: int) -> Span:
    """That span of what was read before; it may reach into the next file."""
    stop = frames[last][1] if last < len(frames) and frames[last][1] > frames[last - 1][1] else -1
    return Span(first, last, frames[first - 1][1], stop)


def wanted(frames: Sequence[Row], spans: Sequence[Span]) -> list[Row]:
    return [one for one in frames if any(span.first <= one[0] <= span.last for span in spans)]


def sections() -> bytes:
    """Two interfaces from the start, a third after a while, and then a section that has one of its own."""
    frames = [make.enhanced(one) for one in taken(*range(MANY))]
    later = [make.enhanced(one) for one in taken(*range(MANY), interface=2)]
    first = [make.section(), named("a"), named("b"), *frames, named("c"), *later]
    return b"".join([*first, make.section(), named("d"), *frames])


FILES = {
    "pcap": [pcap(*range(MANY))],
    "pcaps": [pcap(*range(MANY)), pcap(MANY), pcap(*range(MANY + 1, 2 * MANY))],
    "pcapng": [sections()],
    "gzip": [gzip.compress(pcap(*range(MANY)), 1)],
}


@pytest.fixture(scope="module", params=FILES)
def found(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Series, list[Row]]:
    one = series(tmp_path_factory.mktemp("again"), *FILES[request.param])
    return one, rows(one.frames())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_wanted_comes_as_before(found: tuple[Series, list[Row]], data: st.DataObject) -> None:
    one, frames = found
    ends = sorted(data.draw(st.sets(st.integers(1, len(frames)), min_size=2, max_size=8)))
    spans = [span(frames, *one) for one in zip(ends[::2], ends[1::2], strict=False)]
    again = rows(one.again(spans))
    assert wanted(again, spans) == wanted(frames, spans)
    assert set(again) <= set(frames)
    assert again == sorted(again)


def test_what_is_not_wanted_is_not_read(tmp_path: Path) -> None:
    one = series(tmp_path, *FILES["pcaps"])
    frames = rows(one.frames())
    assert len(frames) == 2 * MANY
    ends = [(1, 1), (3 * BATCH + 5, 3 * BATCH + 6), (MANY + 1, MANY + 2)]
    spans = [span(frames, *one) for one in ends]
    again = rows(one.again(spans))
    assert wanted(again, spans) == wanted(frames, spans)
    assert len(again) <= 2 * BATCH + 5, "the first batch of a file, and what is wanted"
    assert len(rows(one.again([span(frames, 2, 3)]))) == 3, "it ends with the last that is wanted"


def test_octets_before_an_interface_are_read(tmp_path: Path) -> None:
    """What tells of it lies among them."""
    one = series(tmp_path, sections())
    frames = rows(one.frames())
    assert frames[-1][2] == 3
    last = [span(frames, len(frames), len(frames))]
    again = rows(one.again(last))
    assert again[-1] == frames[-1]
    assert len(again) < len(frames) - 2 * BATCH, "those behind the last interface are left out"


def test_nothing_else_is_forgotten_or_told_again(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(*range(MANY))[:-3])
    capture = open_capture(path)
    one = Series([capture])
    frames = rows(one.frames())
    known = capture.found
    assert capture.damage is not None
    rows(one.again([span(frames, 1, 2)]))
    assert capture.found == known
    assert one.pieces[0].packets == capture.packets == len(frames)


@pytest.mark.parametrize("how", ["replaced", "cut"])
def test_a_file_that_is_no_longer_the_same_is_said(how: str, tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(*range(MANY)))
    capture = open_capture(path)
    one = Series([capture])
    frames = rows(one.frames())
    if how == "cut":
        path.write_bytes(pcap(*range(MANY // 2)))
    else:
        other = tmp_path / "other.pcap"
        other.write_bytes(pcap(*range(2 * MANY)))
        other.rename(path)
    with pytest.raises(CaptureError, match="replaced or cut while it was looked into"):
        rows(one.again([span(frames, 1, 2)]))


def test_a_file_that_was_written_over_is_said(tmp_path: Path) -> None:
    """As by tcpdump -W, where it is the same file and no shorter."""
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(*range(MANY)))
    one = Series([open_capture(path)])
    frames = rows(one.frames())
    with path.open("r+b") as file:
        file.seek(frames[MANY // 2][1])
        file.write(b"\xff" * 1_000)
    assert rows(one.again([span(frames, 1, 2)])), "what is before it is as it was"
    with pytest.raises(CaptureError, match="changed while it was looked into"):
        rows(one.again([span(frames, 1, MANY)]))


def test_a_file_that_grows_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(*range(MANY)))
    one = Series([open_capture(path)])
    frames = rows(one.frames())
    with path.open("ab") as file:
        file.write(pcap(*range(10))[24:])
    assert rows(one.again([span(frames, MANY - 1, MANY)]))[-1] == frames[-1]


def test_a_story_from_two_readings_is_that_from_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the second goes from place to place: of half of these connections nothing is wanted."""
    made = inputs.make("pair", Kind(6_000, 60), tmp_path)
    once = explain(made["files"])
    monkeypatch.setattr(jobs, "_MANY", 0)
    spans: list[int] = []
    if here() != "compiled":
        for module, constant, value in ((trail, "_NEAR", 0), (scan, "_GROUP", 2), (walk, "_BATCH", 16)):
            monkeypatch.setattr(module, constant, value)
        told = trail.Trail.spans
        monkeypatch.setattr(
            trail.Trail, "spans", lambda *given: spans.append(len(found := told(*given))) or found
        )
    assert render(explain(made["files"])) == render(once)
    assert once.connections
    assert here() == "compiled" or spans[0] > 20
