"""Case files: what is written is read, by others too, and a file is there whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bypeer.capture import case
from bypeer.capture.case import About, Counts, Vantage, appearing, write
from bypeer.capture.journal import LONGEST_VALUE
from bypeer.capture.model import Comment, Loss
from bypeer.core.evidence import Event, Evidence
from bypeer.core.frames import BATCH, Frames, Interface
from bypeer.core.marks import Mark
from tests import make, scene
from tests.capture.test_pcapng import Row, read
from tests.make import ETHERNET, RAW, Taken
from tests.pure import load_compiled, load_pure

NS = 1_700_000_000_000_000_000
ABOUT = About("bypeer 0", "Linux 5.10", ("one", "two"))


def source(taken: list[Taken], link_type: int = ETHERNET) -> scene.Memory:
    found = scene.Memory(taken)
    found.interfaces = [Interface(link_type, "eth0")]
    return found


def some(count: int, every: int = 1_000, since: int = 0, size: int = 0) -> list[Taken]:
    packets = [make.ip(make.tcp(seq=number, payload=bytes(size))) for number in range(count)]
    return [Taken(make.ethernet(packet), NS + since + at * every) for at, packet in enumerate(packets)]


def rows(taken: list[Taken], interface: int) -> list[Row]:
    return [(one.octets, one.length or len(one.octets), one.ts, interface) for one in taken]


def test_packets_events_and_all_that_is_said_come_back(tmp_path: Path) -> None:
    inside, outside = some(3), some(2, since=500)
    events = [Event(NS + 1_000, "nflog", {"seq": "7"}), Event(NS - 5, "host", {"kernel": "5.10\n"})]
    marks = {2: Mark(9, ("a finding", "another"))}
    told = {"os": "Linux", "marks": marks, "drops": ((NS + 2_000, 4),), "counts": Counts(7, 6, 5, 0)}
    vantages = [
        Vantage(source(inside), "eth0", "inside: container x", **told),
        Vantage(source(outside), "eth1", "outside", marks={2: Mark(9)}),
    ]
    done = write(tmp_path / "x.pcapng", ABOUT, vantages, events)
    assert (done.packets, done.events, done.octets) == (5, 2, (tmp_path / "x.pcapng").stat().st_size)
    capture, got = numbered(tmp_path / "x.pcapng")
    assert [row[1:] for row in got] == sorted(rows(inside, 0) + rows(outside, 1), key=lambda row: row[2])
    assert [row[0] for row in got] == [2, 3, 4, 6, 7]  # 1 and 5 are the events
    assert [(one.name, one.description) for one in capture.interfaces] == [
        ("eth0", "inside: container x"),
        ("eth1", "outside"),
    ]
    assert capture.comments == [
        Comment(0, "one"),
        Comment(0, "two"),
        Comment(4, "a finding"),
        Comment(4, "another"),
    ]
    assert capture.losses == [Loss(0, "epb_dropcount", 4), Loss(0, "isb_osdrop", 5)]
    assert capture.events == sorted(events)
    assert (capture.damage, capture.oddities) == (None, {})


def numbered(path: Path) -> tuple[Any, list[tuple[int, *Row]]]:
    """A capture with the number of each frame before its row."""
    from bypeer.capture.read import open_capture

    capture, found = open_capture(path), list[Any]()
    for batch in capture.frames():
        for row in range(batch.count):
            start = batch.start[row]
            octets = bytes(batch.octets[start : start + batch.captured[row]])
            found.append((batch.first + row, octets, batch.length[row], batch.ts[row], batch.interface[row]))
    return capture, found


def test_packets_without_a_link_header_get_one(tmp_path: Path) -> None:
    four, six = make.ip(make.tcp()), make.ip(make.tcp(), src=make.CLIENT6, dst=make.SERVER6)
    bare = source([Taken(four), Taken(six), Taken(b"")], RAW)
    write(tmp_path / "x", ABOUT, [Vantage(bare, "tun0", "")], [])
    _, got = read(tmp_path / "x")
    expected = [make.ethernet(four), make.ethernet(six), bytes(12) + b"\x08\x00"]
    assert [(row[0], row[1]) for row in got] == [(octets, len(octets)) for octets in expected]


def test_many_batches_are_woven_by_time(tmp_path: Path) -> None:
    inside, outside = some(3 * BATCH + 7, 2_000), some(2 * BATCH, 3_000, since=1)
    events = [Event(NS + at * 100_000, "nft", {"n": str(at)}) for at in range(30)]
    marks = {number: Mark(number) for number in range(1, 3 * BATCH, 5)}
    vantages = [Vantage(source(inside), "a", "", marks=marks), Vantage(source(outside), "b", "")]
    write(tmp_path / "x", ABOUT, vantages, events)
    capture, got = numbered(tmp_path / "x")
    assert [row[1:] for row in got] == sorted(rows(inside, 0) + rows(outside, 1), key=lambda row: row[2])
    assert capture.events == events
    times = {row[0]: row[3] for row in got}
    free = [number for number in range(1, len(got) + 31) if number not in times]
    for number, event in zip(free, events, strict=True):  # the entries lie where their time is
        assert all(ts <= event.ts for at, ts in times.items() if at < number)
        assert all(ts >= event.ts for at, ts in times.items() if at > number)


def test_large_packets_and_long_comments_find_room(tmp_path: Path) -> None:
    big = [Taken(bytes(262_000), NS + at) for at in range(9)]
    marks = {4: Mark(1, ("x" * 70_000,) * 30)}
    write(tmp_path / "x", ABOUT, [Vantage(source(big), "a", "", marks=marks)], [])
    capture, got = numbered(tmp_path / "x")
    assert ([row[1:] for row in got], capture.damage) == (rows(big, 0), None)
    assert [one.frame for one in capture.comments] == [0, 0, 4, 4, 4]


def test_long_facts_are_entries_of_their_own_and_none_is_lost(tmp_path: Path) -> None:
    rulesets = {f"ruleset{at}": "\U0001f600\n" * 600_000 for at in range(6)}
    write(tmp_path / "x", ABOUT, [], [Event(NS, "host", {"kernel": "5.10", **rulesets, "a": 1})])
    capture, _ = numbered(tmp_path / "x")
    facts = Evidence({0: capture.events}).facts
    assert (facts["kernel"], facts["a"], len(facts)) == ("5.10", "1", 8)
    assert {len(value) for name, value in facts.items() if name in rulesets} == {LONGEST_VALUE}
    assert (capture.oddities, capture.damage) == ({}, None)


def test_no_packets_and_no_events_are_a_file_too(tmp_path: Path) -> None:
    assert write(tmp_path / "x", ABOUT, [Vantage(source([]), "a", "")], []).packets == 0
    assert numbered(tmp_path / "x")[1] == []


@pytest.mark.parametrize("bad", ["two interfaces", "a link type"])
def test_what_is_no_vantage_is_refused(tmp_path: Path, bad: str) -> None:
    wrong = source(some(1), 113)
    if bad == "two interfaces":
        wrong.interfaces = [Interface(1), Interface(1)]
    with pytest.raises(ValueError, match="eth9: "):
        write(tmp_path / "x", ABOUT, [Vantage(wrong, "eth9", "")], [])
    assert os.listdir(tmp_path) == []


# Compiled and not


@pytest.mark.parametrize("bare", [False, True])
def test_weaving_is_the_same_compiled(bare: bool) -> None:
    answers = []
    for load in (load_pure, load_compiled):
        weave, frames = load("bypeer.capture.weave"), load("bypeer.core.frames")
        lanes = []
        for number in range(3):
            lane = weave.Lane(number, bare)
            lane.frames = filled(frames.Frames(), some(40, 1_000 + number, number))
            lane.stop = 30 + number
            lanes.append(lane)
        out = bytearray(1 << 16)
        end = weave.weave(lanes, NS + 35_000, out, 4)
        end = weave.packet(lanes[0], out, end, 9)
        answers.append((bytes(out), end, [lane.row for lane in lanes]))
    assert answers[0] == answers[1]
    assert answers[0][2][0] > 1


def filled(frames: Frames, taken: list[Taken]) -> Frames:
    frames.octets, frames.count, at = bytearray(b"".join(one.octets for one in taken)), len(taken), 0
    for row, one in enumerate(taken):
        frames.start[row], frames.captured[row] = at, len(one.octets)
        frames.length[row], frames.ts[row] = 99, one.ts
        at += len(one.octets)
    return frames


@pytest.mark.parametrize("load", [load_pure, load_compiled])
@pytest.mark.parametrize(("start", "captured"), [(-1, 5), (0, -1), (50, 5), (0, 55), (2**62, 2**62)])
def test_a_frame_outside_its_buffer_is_not_written(load: Any, start: int, captured: int) -> None:
    weave, frames = load("bypeer.capture.weave"), load("bypeer.core.frames")
    lane = weave.Lane(0, False)
    lane.frames = filled(frames.Frames(), some(1))
    lane.frames.start[0], lane.frames.captured[0], lane.stop = start, captured, 1
    out = bytearray(500)
    with pytest.raises(AssertionError):
        weave.packet(lane, out, 0, 0)
    assert out == bytes(500)


# Whole or not at all


@pytest.fixture(params=["unnamed", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The two ways to write a file that has no name yet."""
    if request.param == "named":
        monkeypatch.setattr(case, "_unnamed", lambda folder, mode: None)
    return str(request.param)


def test_a_file_appears_when_it_is_complete(tmp_path: Path, way: str) -> None:
    with appearing(tmp_path / "x") as file:
        file.write(b"abc")
        assert not (tmp_path / "x").exists()
        assert len(os.listdir(tmp_path)) == (way == "named")
    assert (tmp_path / "x").read_bytes() == b"abc"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.usefixtures("way")
def test_a_file_that_fails_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), appearing(tmp_path / "x") as file:
        file.write(bytes(1 // (len(os.listdir(tmp_path)) * 0)))
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("way")
def test_a_name_that_is_taken_stays_whose_it_was(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(FileExistsError), appearing(tmp_path / "x"):
        pass
    assert (tmp_path / "x").read_text() == "mine"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.usefixtures("way")
def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), appearing(tmp_path / "none" / "x"):
        pass


@pytest.mark.usefixtures("way")
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """The limit on a file's size ends writing as a full disk does: in the middle, with an error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as error:
            write(tmp_path / "x", ABOUT, [Vantage(source(some(3_000, size=1_400)), "a", "")], [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert error.value.errno == errno.EFBIG
    assert os.listdir(tmp_path) == []


def test_a_kill_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    if case._unnamed(tmp_path, 0o600) is None:
        pytest.skip(f"the file system of {tmp_path} has no files without a name")
    code = (
        "import sys; from bypeer.capture.case import appearing\n"
        "with appearing(sys.argv[1]) as file: file.write(b'abc'); print('writing', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "x")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        child.kill()
        child.wait()
    assert os.listdir(tmp_path) == []
