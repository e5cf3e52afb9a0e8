"""Which files are pieces of one capture: by their kind, their names, their times and who speaks in them."""

from __future__ import annotations

import bz2
import gzip
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from bypeer.capture.read import Capture, open_capture
from bypeer.capture.rotation import series
from tests import make
from tests.make import Taken

START, S, MS = 1_700_000_000 * 10**9, 10**9, 10**6  # ns
HOST, GATEWAY, CONTAINER, BRIDGE = (bytes((2, 0, 0, 0, 0, last)) for last in (1, 2, 3, 4))
OUTSIDE, INSIDE = HOST + GATEWAY, CONTAINER + BRIDGE


def taken(*seconds: float, between: bytes = OUTSIDE) -> list[Taken]:
    """A frame at each of these times."""
    octets = make.ethernet(make.ip(make.tcp()))[12:]
    return [Taken(between + octets, START + round(at * S)) for at in seconds]


def pcap(*seconds: float, between: bytes = OUTSIDE) -> bytes:
    return make.pcap(taken(*seconds, between=between), nano=True)


def pcapng(*seconds: float, name: bytes = b"eth0") -> bytes:
    interface = make.interface(options=make.option(2, name) + make.option(9, b"\x09"))
    return make.section() + interface + b"".join(make.enhanced(one, ticks=one.ts) for one in taken(*seconds))


def groups(
    folder: Path, files: Mapping[str, bytes], sides: Mapping[str, str] | None = None
) -> list[list[str]]:
    """The names of the files that are one, in order."""
    for name, octets in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(octets)
    rows = {list(files).index(name): side for name, side in (sides or {}).items()}
    with opened([str(folder / name) for name in files]) as captures:
        found = series(captures, rows)
        return [[str(Path(one.path).relative_to(folder)) for one in row.captures] for row in found]


@contextmanager
def opened(paths: Sequence[str]) -> Iterator[list[Capture]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(open_capture(path))) for path in paths]


NAMES = {
    "tcpdump -C": ["x.pcap", "x.pcap1", "x.pcap2"],
    "tcpdump -C -W": ["x.pcap00", "x.pcap01", "x.pcap02"],
    "tcpdump -G": ["x-2026-01-31_23:59:59.pcap", "x-2026-02-01_00:59:59.pcap", "x-2026-02-01_01:59:59.pcap"],
    "tcpdump -C -z gzip": ["x.pcap0.gz", "x.pcap1.gz", "x.pcap2"],
    "dumpcap -b": ["x_00001_20260131235959.pcap", "x_00002_20260201005959.pcap", "x_00003_20260201.pcap"],
    "one folder each": ["1/x.pcap", "2/x.pcap", "3/x.pcap"],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_files_in_turn_are_one(names: Sequence[str], order: Sequence[int], tmp_path: Path) -> None:
    contents = [pcap(0, 9), pcap(9.001, 20), pcap(20.5, 21)]
    contents = [
        gzip.compress(one) if name.endswith("gz") else one for name, one in zip(names, contents, strict=True)
    ]
    assert groups(tmp_path, {names[at]: contents[at] for at in order}) == [names]


PRINTED = b"IP 10.0.0.1.40000 > 192.0.2.80.443: Flags [.], ack 1, win 512, length 0\n"

# What speaks against it: two files in turn, but for this.
NOT_ONE: dict[str, dict[str, bytes]] = {
    "names that differ in more than digits": {"in.pcap": pcap(0, 9), "out.pcap": pcap(10, 20)},
    "another folder": {"a/1.pcap": pcap(0, 9), "b/1.pcap": pcap(10, 20)},
    "overlap": {"1.pcap": pcap(0, 9), "2.pcap": pcap(8, 20)},
    "one within the other": {"1.pcap": pcap(0, 9), "2.pcap": pcap(3, 4)},
    "the same time": {"1.pcap": pcap(3), "2.pcap": pcap(3)},
    "overlap, compressed": {"1.pcap.gz": gzip.compress(pcap(0, 9)), "2.pcap.gz": gzip.compress(pcap(8, 20))},
    "other stations": {"1.pcap": pcap(0, 9), "2.pcap": pcap(10, 20, between=INSIDE)},
    "another interface": {"1.pcapng": pcapng(0, 9), "2.pcapng": pcapng(10, 20, name=b"eth1")},
    "no name of an interface": {"1.pcap": pcap(0, 9), "2.pcap": pcapng(10, 20)},
    "another link type": {"1.pcap": pcap(0, 9), "2.pcap": make.pcap(taken(10, 20), link_type=make.RAW)},
    "no packet": {"1.pcap": pcap(0, 9), "2.pcap": pcap()},
    "no time": {
        "1.pcapng": make.section() + make.interface() + make.block(3, b"\x04\0\0\0abcd"),
        "2.pcapng": make.section() + make.interface() + make.block(3, b"\x04\0\0\0abcd"),
    },
    "printed": {f"{at}.txt": b"12:00:0%d.000000 %s" % (at, PRINTED) for at in range(2)},
    "the same file packed": {"1.pcap": pcap(0, 9), "1.pcap.gz": gzip.compress(pcap(0, 9))},
}  # fmt: skip


@pytest.mark.parametrize("files", NOT_ONE.values(), ids=NOT_ONE)
def test_what_speaks_against_it(files: dict[str, bytes], tmp_path: Path) -> None:
    assert groups(tmp_path, files) == [[name] for name in files]


def test_two_sides_that_were_cut_alike_are_told_apart_by_name(tmp_path: Path) -> None:
    """All that start at the same second: by time alone any could follow any."""
    files = {
        f"{side}.pcap{at}": pcap(at * 60 + late, at * 60 + 59, between=INSIDE if side == "in" else OUTSIDE)
        for at in (2, 0, 1)
        for side, late in (("out", 0), ("in", 0.001))
    }
    assert groups(tmp_path, files) == [[f"{side}.pcap{at}" for at in range(3)] for side in ("out", "in")]


def test_a_number_may_be_the_name_of_an_interface(tmp_path: Path) -> None:
    files = {f"eth{side}_{at:05}_2026.pcap": pcap(at * 10, at * 10 + 9) for side in (0, 1) for at in (0, 1)}
    assert groups(tmp_path, files) == [[f"eth{side}_{at:05}_2026.pcap" for at in (0, 1)] for side in (0, 1)]


def test_where_no_name_tells_which_follow_each_is_its_own(tmp_path: Path) -> None:
    files = {f"{at}-eth0.pcap": pcap(at, at + 2) for at in range(3)}
    assert groups(tmp_path, files) == [[name] for name in files]


@pytest.mark.parametrize(
    ("sides", "one"),
    [
        ({"mon.pcap": "outside", "tue.pcap": "outside"}, True),
        ({"mon.pcap": "inside", "tue.pcap": "outside"}, False),
        ({"mon.pcap": "outside"}, False),
    ],
)
def test_of_one_side_no_names_are_asked(sides: dict[str, str], one: bool, tmp_path: Path) -> None:
    names = ["mon.pcap", "tue.pcap"]
    found = groups(tmp_path, dict(zip(names, (pcap(0, 9), pcap(10, 20)), strict=True)), sides)
    assert found == ([names] if one else [[name] for name in names])


def test_what_the_user_tells_apart_stays_apart(tmp_path: Path) -> None:
    files = {"1.pcap": pcap(0, 9), "2.pcap": pcap(10, 20)}
    assert groups(tmp_path, files, {"1.pcap": "inside", "2.pcap": "outside"}) == [["1.pcap"], ["2.pcap"]]


@pytest.mark.parametrize(("overlap", "one"), [(0, True), (0.05, True), (0.11, False)])
def test_a_few_packets_may_have_changed_places(overlap: float, one: bool, tmp_path: Path) -> None:
    """At most a hundredth of the shorter file, here 10 s."""
    found = groups(tmp_path, {"1.pcap": pcap(0, 100), "2.pcap": pcap(100 - overlap, 110 - overlap)})
    assert found == ([["1.pcap", "2.pcap"]] if one else [["1.pcap"], ["2.pcap"]])


def test_the_overlap_is_a_second_at_most(tmp_path: Path) -> None:
    files = {"1.pcap": pcap(0, 1_000), "2.pcap": pcap(998.9, 2_000)}
    assert len(groups(tmp_path, files)) == 2


def test_a_word_to_all_stations_tells_nothing(tmp_path: Path) -> None:
    everyone = b"\xff" * 6
    files = {
        "1.pcap": pcap(0, 9, between=everyone + HOST),
        "2.pcap": pcap(10, 19, between=everyone + BRIDGE),
    }
    assert groups(tmp_path, files) == [["1.pcap", "2.pcap"]]


def test_either_way_is_the_same_pair(tmp_path: Path) -> None:
    files = {"1.pcap": pcap(0, 9), "2.pcap": pcap(10, 19, between=GATEWAY + HOST)}
    assert groups(tmp_path, files) == [["1.pcap", "2.pcap"]]


def test_other_link_types_have_no_such_pairs(tmp_path: Path) -> None:
    files = {f"{at}.pcap": make.pcap(taken(at * 10, at * 10 + 9), link_type=make.RAW) for at in range(2)}
    assert groups(tmp_path, files) == [["0.pcap", "1.pcap"]]


def test_the_order_is_that_of_the_first_of_each(tmp_path: Path) -> None:
    files = {"b2.pcap": pcap(10, 19), "a.pcap": pcap(0, 1), "b1.pcap": pcap(0, 9)}
    assert groups(tmp_path, files) == [["b1.pcap", "b2.pcap"], ["a.pcap"]]


def test_what_comes_through_a_pipe_is_its_own() -> None:
    """Its end may be yet to come."""
    readers = []
    for at in range(2):
        reader, writer = os.pipe()
        os.write(writer, pcap(at * 10, at * 10 + 9))
        os.close(writer)
        readers.append(reader)
    with opened([f"/dev/fd/{reader}" for reader in readers]) as captures:
        assert [len(one.captures) for one in series(captures, {})] == [1, 1]
    for reader in readers:
        os.close(reader)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_compressed_files_are_looked_through(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    suffix = "gz" if pack is gzip.compress else "bz2"
    names = [f"x.pcap{at}.{suffix}" for at in range(3)]
    files = {name: pack(pcap(at * 10, at * 10 + 9)) for at, name in enumerate(names)}
    assert groups(tmp_path, files) == [names]


def test_they_are_looked_through_no_further_than_need_be(tmp_path: Path) -> None:
    """Two sides of one time, as they mostly are: each has its beginning looked at."""
    frames = [
        one._replace(octets=one.octets + random.Random(at).randbytes(1_000))
        for at, one in enumerate(taken(*(at / 100 for at in range(8_000))))
    ]
    told: list[int] = []
    paths = [tmp_path / f"{at}.pcap.gz" for at in range(2)]
    for path in paths:
        path.write_bytes(gzip.compress(make.pcap(frames), 1))
    with opened([str(path) for path in paths]) as captures:
        for one in captures:
            one.watch = lambda _, octets: told.append(octets)
        assert len(series(captures, {})) == 2
    assert 0 < sum(told) < sum(path.stat().st_size for path in paths) / 2


def test_a_damaged_end_does_not_hide_the_last_time(tmp_path: Path) -> None:
    files = {"1.pcap": pcap(0, 9, 9.5)[:-3], "2.pcap": pcap(9.2, 20)}
    assert groups(tmp_path, files) == [["1.pcap", "2.pcap"]]
    files = {"1.pcap": pcap(0, 9, 9.5)[:-3], "2.pcap": pcap(8, 20)}
    assert groups(tmp_path, files) == [["1.pcap"], ["2.pcap"]]


def test_many_numbers_in_a_name_do_no_harm(tmp_path: Path) -> None:
    name = "1-" * 100
    files = {f"{name}{at}.pcap": pcap(0, 9) for at in range(2)}
    assert groups(tmp_path, files) == [[one] for one in files]
