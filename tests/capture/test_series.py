"""Several captures as one source: what goes on from file to file, and what stays each file's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bypeer.capture.case import About, Vantage, write
from bypeer.capture.read import open_capture
from bypeer.capture.series import Series
from bypeer.core.evidence import Event
from bypeer.core.frames import BATCH, Interface
from bypeer.core.segment import NO_TIME
from tests import make, scene
from tests.make import Taken

START, S = 1_700_000_000 * 10**9, 10**9  # ns


def taken(*seconds: float, interface: int = 0) -> list[Taken]:
    """A frame at each of these times."""
    octets = make.ethernet(make.ip(make.tcp()))
    return [Taken(octets, START + round(at * S), interface=interface) for at in seconds]


def pcap(*seconds: float) -> bytes:
    return make.pcap(taken(*seconds), nano=True)


def named(name: str) -> bytes:
    return make.interface(options=make.option(2, name.encode()))


def pcapng(names: Sequence[str], rows: Sequence[int]) -> bytes:
    """A frame of each of these rows of the interfaces."""
    frames = [make.enhanced(one) for at, row in enumerate(rows) for one in taken(at, interface=row)]
    return make.section() + b"".join(map(named, names)) + b"".join(frames)


def series(folder: Path, *contents: bytes) -> Series:
    paths = [folder / f"{at}.pcap" for at in range(len(contents))]
    for path, octets in zip(paths, contents, strict=True):
        path.write_bytes(octets)
    return Series([open_capture(path) for path in paths])


def read(one: Series) -> list[tuple[int, int, int]]:
    """Each frame's number, offset and interface."""
    return [
        (batch.first + row, batch.offset[row], batch.interface[row])
        for batch in one.frames()
        for row in range(batch.count)
    ]


def test_numbers_go_on_and_offsets_are_the_files_own(tmp_path: Path) -> None:
    one = series(tmp_path, pcap(*range(700)), pcap(700), pcap(*range(701, 1500)))
    frames = read(one)
    assert [number for number, _, _ in frames] == list(range(1, 1501))
    assert [frames[at][1] for at in (0, 700, 701)] == [24, 24, 24]
    assert [(piece.first, piece.packets) for piece in one.pieces] == [(1, 700), (701, 1), (702, 799)]
    assert [one.pieces[at].began - START for at in range(3)] == [0, 700 * S, 701 * S]
    assert [one.pieces[at].ended - START for at in range(3)] == [699 * S, 700 * S, 1499 * S]
    assert read(one) == frames, "again from the first"


def heard(folder: Path, *stories: Sequence[float]) -> Series:
    """Case files, each with a packet at these times and the kernel's word half a second after the first."""
    paths = []
    for story in stories:
        source = scene.Memory(taken(*story))
        source.interfaces = [Interface(1, "eth0")]
        at = START + round(story[0] * S)
        events = [
            Event(at - 1_000, "recorder", {"used": "nflog"}),
            Event(at + S // 2, "nflog", {"prefix": "x", "seq": len(paths)}),
        ]
        paths.append(folder / f"{len(paths)}.case.pcapng")
        write(paths[-1], About("bypeer"), [Vantage(source, "eth0", "inside")], events)
    return Series([open_capture(path) for path in paths])


def test_events_are_numbered_among_the_frames(tmp_path: Path) -> None:
    one = heard(tmp_path, [0, 1, 2], [3, 4])
    assert [number for number, _, _ in read(one)] == [2, 4, 5, 7, 9]
    assert [(piece.first, piece.last, piece.packets) for piece in one.pieces] == [(1, 5, 3), (6, 9, 2)]
    alone = [number for capture in one.captures for number, _, _ in read(Series([capture]))]
    assert alone == [2, 4, 5, 2, 4]


def test_all_that_the_kernel_said_but_of_several_files_not_that_it_was_heard(tmp_path: Path) -> None:
    one = heard(tmp_path, [0, 1, 2], [3, 4])
    read(one)
    told = [(event.ts - START, event.source, event.fields["seq"]) for event in one.events]
    assert told == [(S // 2, "nflog", "0"), (3 * S + S // 2, "nflog", "1")]
    alone = Series(one.captures[:1])
    read(alone)
    assert [event.source for event in alone.events] == ["recorder", "nflog"]


def test_a_comment_keeps_the_number_of_its_file(tmp_path: Path) -> None:
    talk = make.option(1, b"here")
    frames = [
        make.enhanced(frame, options=talk if at == 599 else b"")
        for at, frame in enumerate(taken(*range(600)))
    ]
    one = series(tmp_path, pcap(*range(9)), make.section() + make.interface() + b"".join(frames))
    assert len(read(one)) == 609
    assert [(comment.frame, comment.text) for comment in one.captures[1].comments] == [(600, "here")]


@pytest.mark.parametrize(
    ("files", "names", "rows"),
    [
        ([(["a", "b"], [0, 1]), (["a", "b"], [1, 0])], ["a", "b"], [0, 1, 1, 0]),
        ([(["a", "b"], [0, 1]), (["a"], [0])], ["a", "b"], [0, 1, 0]),
        ([(["a"], [0]), (["a", "b"], [1, 0])], ["a", "b"], [0, 1, 0]),
        ([(["a", "b"], [0, 1]), (["b", "a"], [0, 1])], ["a", "b"], [0, 1, 1, 0]),
        ([(["a"], [0]), (["b", "a"], [0, 1, 0])], ["a", "b"], [0, 1, 0, 1]),
        ([(["", ""], [0, 1]), (["", ""], [0, 1])], ["", ""], [0, 1, 0, 1]),
    ],
)
def test_an_interface_is_one_through_all_files(
    files: list[tuple[list[str], list[int]]], names: list[str], rows: list[int], tmp_path: Path
) -> None:
    one = series(tmp_path, *(pcapng(*file) for file in files))
    assert [row for _, _, row in read(one)] == rows
    assert [interface.name for interface in one.interfaces] == names


def test_an_interface_of_snoop_is_one_through_all_batches(tmp_path: Path) -> None:
    """Its reader must say of each frame that it is of the only one: the rows of a batch are translated."""
    fddi = make.snoop(taken(*range(2 * BATCH + 1)), kind=8)
    one = series(tmp_path, make.snoop(taken(0)), fddi)
    assert [interface for _, _, interface in read(one)] == [0, *[1] * (2 * BATCH + 1)]


def test_there_is_an_end_to_interfaces(tmp_path: Path) -> None:
    """Segment.interface keeps 16 bits for them: more would be taken for others."""
    many = [
        make.section()
        + b"".join(named(f"{file}.{row}") for row in range(40_000))
        + make.enhanced(taken(0)[0])
        for file in range(2)
    ]
    one = series(tmp_path, *many, pcapng(["0.7"], [0]))
    assert [number for number, _, _ in read(one)] == [1, 2]
    assert [capture.damage is not None for capture in one.captures] == [False, True, False]
    assert "more than 65536 interfaces" in str(one.captures[1].damage)


def test_behind_damage_the_next_file_goes_on(tmp_path: Path) -> None:
    one = series(tmp_path, pcap(0, 1, 2)[:-1], pcap(3, 4))
    assert [number for number, _, _ in read(one)] == [1, 2, 3, 4]
    assert one.captures[0].damage is not None
    assert one.gaps == [(START + 1 * S, START + 3 * S)]


GAPS: dict[str, tuple[list[bytes], list[tuple[float, float]]]] = {
    "none": ([pcap(0, 100), pcap(100.001, 200)], []),
    "a pause": ([pcap(0, 100), pcap(109.9, 300)], []),
    "room for a file": ([pcap(0, 100), pcap(111, 300)], [(100, 111)]),
    "by the shorter one": ([pcap(0, 1_000), pcap(1_002, 1_010)], [(1_000, 1_002)]),
    "two": ([pcap(0, 1), pcap(2, 3), pcap(3.01, 4), pcap(9, 10)], [(1, 2), (4, 9)]),
    "a file of one packet": ([pcap(0, 100), pcap(100.1), pcap(100.2, 200)], [(100, 100.1), (100.1, 100.2)]),
    "overlap": ([pcap(0, 100), pcap(99.999, 200)], []),
    "damage, though close": ([pcap(0, 100, 101)[:-1], pcap(101.001, 200)], [(100, 101.001)]),
    "damage, once": ([pcap(0, 100, 101)[:-1], pcap(101, 200), pcap(200.5, 300)], [(100, 101)]),
    "damage before any packet": ([pcap(0, 100), pcap(100.5)[:-1], pcap(101, 200)], [(100, 101)]),
    "damage at the end": ([pcap(0, 100), pcap(101, 200)[:-1]], [(100, 101)]),
}


@pytest.mark.parametrize(("contents", "gaps"), GAPS.values(), ids=GAPS)
def test_where_packets_may_be_missing(
    contents: list[bytes], gaps: list[tuple[float, float]], tmp_path: Path
) -> None:
    one = series(tmp_path, *contents)
    read(one)
    assert one.gaps == [(START + round(since * S), START + round(until * S)) for since, until in gaps]


def test_a_file_without_dates_stands_between(tmp_path: Path) -> None:
    undated = make.section() + make.interface() + make.block(3, b"\x04\0\0\0abcd")
    one = series(tmp_path, pcap(0, 100), undated, pcap(101, 200))
    assert [number for number, _, _ in read(one)] == [1, 2, 3, 4, 5]
    assert (one.pieces[1].began, one.pieces[1].ended) == (NO_TIME, NO_TIME)
    assert one.gaps == []
