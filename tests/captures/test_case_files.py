"""Case files of the real pairs, with what their kernel would have said: read by bypeer and by others."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bypeer
from bypeer.capture import case
from bypeer.capture.read import Capture, open_capture
from bypeer.cli import main
from bypeer.core.evidence import Event
from bypeer.core.explain import Analysis, analyse
from bypeer.core.frames import Interface
from bypeer.core.marks import marks
from tests import make, scene, variants
from tests.core.test_describe import described
from tests.core.test_testimony import KILLED
from tests.core.test_testimony_entries import destroyed
from tests.telling import LATE, logged, ruled

HERE = Path(__file__).parent
PAIRS = ["late-segment", "entry-missing", "published-port"]
SIDES = ("inside", "outside")


@contextmanager
def pair(name: str) -> Iterator[list[Capture]]:
    captures = [open_capture(HERE / name / f"{side}.pcap") for side in SIDES]
    with closing(captures[0]), closing(captures[1]):
        yield captures


def said(analysis: Analysis) -> Iterator[Event]:
    """What the kernel says of each RST of the host and its trigger, in the shapes that it says it in."""
    yield Event(min(one.began for one in analysis.scans) - 10**6, "recorder", {"used": "nflog nft"})
    for one in analysis.cases:
        for reset in one.seen.resets:
            judgement = one.seen.judgement(reset.trigger) if reset.trigger is not None else None
            if reset.author == "host":
                yield ruled(reset.sighting, "reset", "output", -3_000)
            if reset.author == "host" and reset.trigger and judgement and judgement.invalid:
                yield logged(reset.trigger, judgement.log)


@pytest.fixture(scope="module", params=PAIRS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of a pair and its case file."""
    path = tmp_path_factory.mktemp("cases") / "x.case.pcapng"
    with pair(request.param) as captures:
        analysis = analyse(captures)
        marked = marks(analysis, described(analysis))
        vantages = [
            case.Vantage(one, side, f"{side}: made up", "Linux", marked[row])
            for row, (side, one) in enumerate(zip(SIDES, captures, strict=True))
        ]
        case.write(path, case.About("bypeer", "Linux"), vantages, said(analysis))
    return request.param, path


def expected(name: str) -> dict[str, object]:
    return tomllib.loads((HERE / name / "expect.toml").read_text())


def verdict(path: Path) -> tuple[dict[str, object], bypeer.Explanation]:
    found = bypeer.explain([path])
    one = found.verdict
    return {
        "killed_by": one.killed_by,
        "cause": one.cause,
        "certainty": one.certainty,
        "client_outcome": one.client_outcome,
        "host_resets": sum(reset.author == "host" for reset in found.resets),
    }, found


def test_the_verdict_is_the_pairs_and_the_kernel_stands_beside_it(made: tuple[str, Path]) -> None:
    name, path = made
    seen, found = verdict(path)
    assert seen == expected(name)
    assert any(one.source == "kernel" and "OUTPUT" in one.says and one.agrees for one in found.evidence)
    judged = [one for one in found.evidence if one.source == "kernel" and "nf_ct_proto_6" in one.says]
    assert bool(judged) == (seen["cause"] != "NF04")
    assert {one.role for one in found.vantages} == {"inside", "outside"}


def test_each_event_is_about_the_segment_that_it_was_made_of(made: tuple[str, Path]) -> None:
    _, path = made
    with closing(open_capture(path)) as capture:
        list(capture.frames())
        events = [one.source for one in capture.events]
    _, found = verdict(path)
    host = [one for one in found.resets if one.author == "host"]
    assert events.count("nft") == len(host) > 0
    assert all("OUTPUT" in one.because for one in host)
    told = [one for one in host if one.trigger is not None and one.trigger.told_by == "kernel"]
    assert events.count("nflog") == len(told)


def test_the_words_beside_several_files_of_one_recording_count_alike(tmp_path: Path) -> None:
    name = "late-segment"
    with pair(name) as captures:
        analysis = analyse(captures)
        events = list(said(analysis))
    frames = {side: variants.read(HERE / name / f"{side}.pcap") for side in SIDES}
    cut = sorted(one.ts for taken in frames.values() for one in taken)[100]
    files = []
    for number, (since, until) in enumerate([(0, cut), (cut, 1 << 62)]):
        vantages = []
        for row, side in enumerate(SIDES):
            source = scene.Memory([one for one in frames[side] if since <= one.ts < until])
            source.interfaces = [captures[row].interfaces[0]._replace(name=side)]
            vantages.append(case.Vantage(source, side, f"{side}: made up"))
        files.append(tmp_path / f"x{number}.case.pcapng")
        told = [one for one in events if since <= one.ts < until]
        case.write(files[-1], case.About("bypeer"), vantages, told)
    found = bypeer.explain(reversed(files))
    (one,) = found.inputs
    assert [Path(file.path).name for file in one.files] == ["x0.case.pcapng", "x1.case.pcapng"]
    assert (found.verdict.killed_by, found.verdict.cause) == ("host", expected(name)["cause"])
    words = [word.says for word in found.evidence if word.source == "kernel"]
    assert any("OUTPUT" in said for said in words)
    assert any("nf_ct_proto_6" in said for said in words)


# Others' tools


def run(*command: str) -> str:
    """What a tool prints, if it complains of nothing; as an unprivileged word about root is none."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ignored = ("Running as user", "reading from file")
    words = [line for line in done.stderr.splitlines() if line and not line.startswith(ignored)]
    assert (done.returncode, words) == (0, [])
    return done.stdout


def test_tshark_numbers_the_frames_alike_and_reads_what_is_said_of_them(made: tuple[str, Path]) -> None:
    _, path = made
    fields = ["frame.number", "frame.interface_name", "tcp.seq_raw", "frame.comment", "frame.packet_id"]
    options = [word for name in fields for word in ("-e", name)]
    printed = run("tshark", "-r", str(path), "-T", "fields", *options)
    rows = {row[0]: row[1:] for row in (line.split("\t") for line in printed.splitlines())}
    _, found = verdict(path)
    told = [one.trigger for one in found.resets if one.trigger is not None]
    sides = {one.id: one.interface for one in found.vantages}
    assert told
    for one in told:
        assert rows[str(one.frame)][:2] == [sides[one.vantage], str(one.seq)]
    commented = [one for connection in found.connections for one in connection.events]
    assert all(rows[str(one.frame)][2].startswith(f"bypeer: c1 {one.letter}: ") for one in commented)
    twins = [one for one in commented if one.twin_frame is not None]
    assert twins
    assert all(rows[str(one.frame)][3] == rows[str(one.twin_frame)][3] != "" for one in twins)


def test_tshark_dissects_the_events(made: tuple[str, Path]) -> None:
    _, path = made
    with closing(open_capture(path)) as capture:
        list(capture.frames())
        events = len(capture.events)
    assert len(run("tshark", "-r", str(path), "-Y", "systemd_journal").splitlines()) == events
    assert run("tshark", "-r", str(path), "-Y", "_ws.malformed") == ""


def test_tcpdump_reads_both_sides(made: tuple[str, Path]) -> None:
    name, path = made
    with pair(name) as captures:
        packets = sum(batch.count for one in captures for batch in one.frames())
    assert len(run("tcpdump", "-n", "-r", str(path)).splitlines()) == packets


def test_capinfos_counts_as_it_should(made: tuple[str, Path]) -> None:
    name, path = made
    printed = run("capinfos", "-M", str(path))
    with pair(name) as captures:
        packets = sum(batch.count for one in captures for batch in one.frames())
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in printed.splitlines())
    }
    assert facts["Number of packets"] == str(packets)
    assert facts["Number of interfaces in file"] == "2"
    assert facts["File timestamp precision"] == "nanoseconds (9)"


@pytest.mark.parametrize("tool", ["editcap", "mergecap", "reordercap"])
def test_what_others_copy_still_reads(made: tuple[str, Path], tool: str, tmp_path: Path) -> None:
    name, path = made
    copy = tmp_path / "copy.pcapng"
    if tool == "mergecap":
        run(tool, "-w", str(copy), str(path))
    else:
        run(tool, str(path), str(copy))
    with closing(open_capture(path)) as one, closing(open_capture(copy)) as other:
        for capture in (one, other):
            list(capture.frames())
        assert sorted(other.events) == sorted(one.events)
        assert [comment.text for comment in other.comments if comment.frame] == [
            comment.text for comment in one.comments if comment.frame
        ]
    seen, found = verdict(copy)
    assert seen == expected(name)
    assert [one for one in found.evidence if one.source == "kernel"]


def test_show_lists_what_is_in_it(made: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, path = made
    assert main(["case", "show", "-o", "json", "--events", str(path)]) == 0
    contents = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in contents["interfaces"]] == list(SIDES)
    assert sum(one["packets"] for one in contents["interfaces"]) == contents["packets"]
    assert len(contents["events"]) == sum(one["events"] for one in contents["sources"].values())
    assert contents["recorder"] == [{"used": "nflog nft"}]
    assert main(["case", "show", str(path)]) == 0
    out = capsys.readouterr().out
    assert "inside: made up" in out
    assert "bypeer: c1 A: " in out


# Hostile files


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A case file of a few packets, each with all that may be said of it."""
    analysis = scene.play(KILLED)
    marked = marks(analysis, described(analysis))
    sources = scene.sources(KILLED)
    vantages = [case.Vantage(one, "eth", "x", marks=marked[row]) for row, one in enumerate(sources)]
    (one,) = analysis.cases
    more = [Event(0, "host", {"kernel": "5.10", "net.netfilter.nf_conntrack_tcp_loose": 1, "rules": "a\nb"})]
    more += [
        destroyed(one, 5_000),
        Event(0, "counters", {"invalid": 1}),
        Event(5, "counters", {"invalid": 3}),
    ]
    path = tmp_path_factory.mktemp("small") / "x"
    case.write(path, case.About("b"), vantages, [*said(analysis), *more])
    return path.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 24), st.integers(0, 255)), min_size=1, max_size=8))
def test_mutated_case_files_are_explained_or_refused(
    small: bytes, tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    octets = bytearray(small)
    start = octets.index(b"BYPEER_SOURCE")
    for at, value in changes:
        octets[start + at % (len(octets) - start)] = value
    path = tmp_path / "x"
    path.write_bytes(octets)
    found = bypeer.explain([path])
    assert found.exit_status in (0, 1, 3, 4)


def test_many_events_about_the_same_numbers_take_no_hour(tmp_path: Path) -> None:
    """As many events as are read, all about the same numbers as all segments."""
    packet = make.ethernet(make.ip(make.tcp(seq=7, ack=9)))
    taken = [make.Taken(packet, scene.START + at * 1_000) for at in range(16_000)]
    fields = {"src": make.CLIENT, "dst": make.SERVER, "sport": 40_000, "dport": 443, "seq": 7, "ack": 9}
    line = {"prefix": LATE, "clock": "reader", **fields}
    events = [Event(scene.START + at * 1_000, "nflog", line) for at in range(20_000)]
    source = scene.Memory(taken)
    source.interfaces = [Interface(1)]
    case.write(tmp_path / "x", case.About("b"), [case.Vantage(source, "eth", "x")], events)
    began = time.process_time()
    bypeer.explain([tmp_path / "x"])
    assert time.process_time() - began < 60
