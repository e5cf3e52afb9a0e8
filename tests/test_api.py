"""The library's door: capture files in, an Explanation out. The document is held against the files."""

from __future__ import annotations

import hashlib
import json
import struct
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

import bypeer
from bypeer.api import explain
from bypeer.core.explanation import Explanation
from bypeer.core.tcp import letters
from bypeer.errors import CaptureError
from bypeer.report.json import render
from tests import make, variants
from tests.make import Taken
from tests.scene import ASKED, captures, frames

CAPTURES = Path(__file__).parent / "captures"
PAIRS = sorted(path.name for path in CAPTURES.iterdir() if path.is_dir())
SCHEMA = json.loads((files("bypeer.report") / "schema/explanation.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def invalid(found: Explanation) -> list[str]:
    """What the schema says against it."""
    return [error.message for error in VALIDATOR.iter_errors(json.loads(render(found)))]


# Is the document what it says?


class Read(NamedTuple):
    """A frame of TCP over IPv4, read back with nothing of ours."""

    source: str  # address.port
    target: str
    seq: int
    ack: int
    flags: int
    size: int
    ts: int


def read(taken: Taken, link: int = 0) -> Read:
    """`link` octets go before the IP header."""
    octets = taken.octets[link:]
    words, total = (octets[0] & 15) * 4, struct.unpack(">H", octets[2:4])[0]
    sport, dport, seq, ack, offset, flags = struct.unpack(">HHIIBB", octets[words : words + 14])
    ends = [f"{'.'.join(map(str, octets[at : at + 4]))}.{port}" for at, port in ((12, sport), (16, dport))]
    return Read(ends[0], ends[1], seq, ack, flags, total - words - (offset >> 4) * 4, taken.ts)


Inputs = Sequence[Sequence[Taken]]


def flaws(found: Explanation, inputs: Inputs, link: int = 0) -> list[str]:
    """What is wrong with the document: against the schema, in itself, against the files (IPv4)."""
    wrong = invalid(found)
    vantages = {one.id: one for one in found.vantages}
    resets, connections = {one.id: one for one in found.resets}, {one.id: one for one in found.connections}
    rows = ((vantages, found.vantages), (resets, found.resets), (connections, found.connections))
    if any(len(named) != len(listed) for named, listed in rows):
        wrong.append("an id is used twice")

    def frame(what: str, vantage: str, number: int) -> Read | None:
        if vantage not in vantages:
            wrong.append(f"{what}: no vantage {vantage}")
            return None
        taken = inputs[vantages[vantage].input]
        if not 1 <= number <= len(taken):
            wrong.append(f"{what}: no frame {number} at {vantage}")
            return None
        return read(taken[number - 1], link)

    for reset in found.resets:
        _check_reset(reset, connections, frame, wrong)
    for one in found.connections:
        wrong += [f"{one.id}: no reset {name}" for name in one.resets if name not in resets]
        _check_events(one, frame, wrong)
    for outcome in found.outcomes:
        for vantage, number in outcome.frames:
            frame(outcome.cause, vantage, number)
    return wrong + _dangling(found, set(vantages), set(resets), set(connections))


def _dangling(found: Explanation, vantages: set[str], resets: set[str], connections: set[str]) -> list[str]:
    """Names of what is not there."""
    known = {"reset": resets, "connection": connections, "input": {"all"}}
    named = [("loss", one.vantage, {None, *vantages}) for row in found.inputs for one in row.losses]
    named += [("filter", one.vantage, vantages) for one in found.filters]
    named += [(one.cause, one.subject.id, known[one.subject.kind]) for one in found.outcomes]
    named += [("its own verdict", one.verdict.connection, {one.id}) for one in found.connections]
    named += [("the verdict", found.verdict.connection, {None, *connections})]
    return [f"{what}: there is no {name}" for what, name, there in named if name not in there]


def _check_reset(reset: Any, connections: dict[str, Any], frame: Any, wrong: list[str]) -> None:
    if reset.connection not in connections or reset.id not in connections[reset.connection].resets:
        wrong.append(f"{reset.id} is of no connection")
    shown = [frame(reset.id, *where) for where in reset.seen.items()]
    if not shown or len({(one.seq, one.flags) for one in shown}) != 1 or not shown[0].flags & 4:
        wrong.append(f"{reset.id} is not seen as one RST: {shown}")
    if reset.time_ns not in {one.ts for one in shown}:
        wrong.append(f"{reset.id}: time is of no frame")
    if reset.trigger is None:
        return
    one, said = frame(reset.id, reset.trigger.vantage, reset.trigger.frame), reset.trigger
    if (one.seq, one.ack, one.size) != (said.seq, said.ack, said.length) or one.flags & 4:
        wrong.append(f"{reset.id}: the trigger is {one}, not {said}")
    if one.ts != said.time_ns:
        wrong.append(f"{reset.id}: the trigger's time is not its frame's")
    if one.ack != shown[0].seq and one.seq + one.size != shown[0].ack - bool(one.flags & 3):
        wrong.append(f"{reset.id} does not answer {one}")


def _check_events(one: Any, frame: Any, wrong: list[str]) -> None:
    if len({event.letter for event in one.events}) != len(one.events):
        wrong.append(f"{one.id}: a letter is used twice")
    for event in one.events:
        shown = frame(event.letter, event.vantage, event.frame)
        if f"{shown.source} > {shown.target}: Flags [{letters(shown.flags)}]" not in event.text:
            wrong.append(f"{event.letter} is {shown}, not {event.text}")
        if not event.text.partition(" | ")[0].endswith(f"length {shown.size}"):
            wrong.append(f"{event.letter}: length {shown.size}, not {event.text}")
        if event.time_ns != shown.ts:
            wrong.append(f"{event.letter}: time is not its frame's")
        if event.twin is not None:
            twin = frame(event.letter, event.twin, event.twin_frame)
            if (twin.seq, twin.flags) != (shown.seq, shown.flags):
                wrong.append(f"{event.letter}: its twin is {twin}")


# The three real pairs


def pair(name: str) -> tuple[Path, Path]:
    return CAPTURES / name / "inside.pcap", CAPTURES / name / "outside.pcap"


@pytest.mark.parametrize("name", PAIRS)
def test_a_real_pair_is_explained_rightly_and_soundly(name: str) -> None:
    found = explain(pair(name))
    expected = tomllib.loads((CAPTURES / name / "expect.toml").read_text(encoding="utf-8"))
    verdict = found.verdict
    assert expected == {
        "killed_by": verdict.killed_by, "cause": verdict.cause, "certainty": verdict.certainty,
        "client_outcome": verdict.client_outcome,
        "host_resets": sum(one.author == "host" for one in found.resets),
    }  # fmt: skip
    assert flaws(found, [variants.read(path) for path in pair(name)], link=14) == []
    assert found.exit_status == 1


@pytest.mark.parametrize("name", PAIRS)
def test_the_order_of_the_files_does_not_count(name: str) -> None:
    one, other = explain(pair(name)), explain(pair(name)[::-1])
    assert one.verdict == other.verdict
    assert [row.role for row in other.vantages] == [row.role for row in one.vantages][::-1]


def test_the_inputs_are_told_in_full() -> None:
    inside, outside = explain(pair("late-segment")).inputs
    assert (inside.format, inside.packets, inside.tcp, inside.rst) == ("pcap", 1029, 1029, 1)
    assert (outside.path, outside.packets, outside.rst) == (str(pair("late-segment")[1]), 1101, 37)
    assert inside.sha256 == hashlib.sha256(pair("late-segment")[0].read_bytes()).hexdigest()
    assert (inside.weird, inside.damage, inside.losses) == ({}, None, [])


def test_the_tool_names_itself() -> None:
    tool = explain(pair("late-segment")[:1]).tool
    assert (tool.name, tool.version) == ("bypeer", bypeer.__version__)


# What the user says

HOST = ASKED + "+.01 < . 90000001:90000101(100) ack 101 win 509 !\n+.0001 H> R 101:101(0) win 0\n"
SERVER = ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"


def written(folder: Path, *stories: str, **how: Any) -> list[Path]:
    paths = [folder / "inside.pcap", folder / "outside.pcap"]
    for path, octets in zip(paths, captures(*stories, **how), strict=True):
        path.write_bytes(octets)
    return paths


def test_the_kernel_may_be_given(tmp_path: Path) -> None:
    paths = written(tmp_path, HOST)
    given = explain(paths, kernel="5.10.0-32-amd64").kernel
    assert (given.assumed, given.given) == ("5.10", True)
    assert (explain(paths).kernel.assumed, explain(paths).kernel.given) == ("7.3", False)
    with pytest.raises(ValueError, match="no kernel version"):
        explain(paths, kernel="new")


def test_inside_and_outside_may_be_given(tmp_path: Path) -> None:
    inside, outside = written(tmp_path, SERVER)
    assert [one.role for one in explain([inside, outside]).vantages] == ["inside", "outside"]
    turned = explain([inside, outside], inside=[outside], outside=[inside])
    assert [one.role for one in turned.vantages] == ["outside", "inside"]
    assert turned.verdict.killed_by == "inside"
    one = explain([str(inside), outside], outside=[str(inside)])
    assert [row.role for row in one.vantages] == ["outside", "inside"]


def test_a_lone_file_may_be_named(tmp_path: Path) -> None:
    inside, _ = written(tmp_path, SERVER)
    assert [one.role for one in explain([inside]).vantages] == ["unknown"]
    assert [one.role for one in explain([inside], inside=[inside]).vantages] == ["inside"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    inside, outside = written(tmp_path, HOST)
    found = explain([inside, outside, str(inside)])
    assert [one.path for one in found.inputs] == [str(inside), str(outside)]
    assert found.verdict == explain([inside, outside]).verdict


# Files that are not whole


def test_a_damaged_file_is_explained_as_far_as_it_goes(tmp_path: Path) -> None:
    inside, outside = written(tmp_path, HOST + "+.1 > . 101:101(0) ack 1449\n" * 3)
    octets = outside.read_bytes()
    outside.write_bytes(octets[:-30])
    found = explain([inside, outside])
    whole, damaged = found.inputs
    assert whole.damage is None
    assert damaged.damage is not None
    assert 0 < damaged.damage.offset < len(octets)
    assert damaged.damage.reason
    assert damaged.packets == len(octets_of(octets)) - 1
    assert (found.verdict.killed_by, found.verdict.cause) == ("host", "NF02")
    assert invalid(found) == []


def octets_of(capture: bytes) -> list[int]:
    """Where the records of a pcap begin."""
    at, found = 24, []
    while at < len(capture):
        found.append(at)
        at += 16 + struct.unpack("<I", capture[at + 8 : at + 12])[0]
    return found


def test_a_file_that_is_no_capture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no capture")
    with pytest.raises(CaptureError, match=r"notes\.txt"):
        explain([path])
    with pytest.raises(CaptureError, match="No such file"):
        explain([tmp_path / "nowhere.pcap"])


def nothing(tmp_path: Path, taken: Sequence[Taken], link_type: int = make.RAW) -> Explanation:
    """The explanation of a capture in which there is nothing to analyse."""
    path = tmp_path / "a.pcap"
    path.write_bytes(make.pcap(taken, link_type))
    found = explain([path])
    assert (found.exit_status, found.totals.connections, found.vantages) == (3, 0, [])
    assert (found.verdict.killed_by, found.verdict.certainty) == ("unknown", "undetermined")
    assert found.verdict.needs
    assert invalid(found) == []
    return found


def test_no_frames_at_all(tmp_path: Path) -> None:
    assert "no TCP" in nothing(tmp_path, []).verdict.headline


def test_no_tcp_at_all(tmp_path: Path) -> None:
    found = nothing(tmp_path, [Taken(make.ip(bytes(8), protocol=17))])
    assert "no TCP" in found.verdict.headline
    assert (found.inputs[0].packets, found.inputs[0].tcp) == (1, 0)


def test_snaplen_cut_every_tcp_header(tmp_path: Path) -> None:
    packet = make.ip(make.tcp())
    found = nothing(tmp_path, [Taken(packet[:30], length=len(packet))] * 2)
    assert "snaplen" in found.verdict.headline
    assert "snaplen" in found.verdict.needs[0]
    assert found.inputs[0].weird == {"tcp-cut": 2}


def test_an_unsupported_link_type_is_told(tmp_path: Path) -> None:
    found = nothing(tmp_path, [Taken(b"?" * 60)], 147)
    (kind,) = found.inputs[0].weird
    assert (kind.startswith("unsupported link type "), found.inputs[0].weird[kind]) == (True, 1)


# Interfaces


def both(tmp_path: Path, *names: str) -> Explanation:
    """Both sides in one pcapng whose interfaces are called so. It says of itself that it lacks two frames."""
    rows = sorted((one for side in frames(HOST) for one in side), key=lambda one: one.ts)
    blocks = [make.section()]
    blocks += [make.interface(make.RAW, options=make.option(2, name.encode())) for name in names]
    blocks += [make.enhanced(one, ticks=one.ts // 1000) for one in rows[:-1]]
    blocks += [make.enhanced(rows[-1], options=make.option(4, struct.pack("<Q", 2)))]
    path = tmp_path / "both.pcapng"
    path.write_bytes(b"".join(blocks))
    return explain([path])


def test_interfaces_are_called_by_name_else_by_number(tmp_path: Path) -> None:
    found = both(tmp_path, "veth1", "")
    assert [(one.interface, one.role) for one in found.vantages] == [("veth1", "inside"), ("1", "outside")]
    assert {one.link_type for one in found.vantages} == {"RAW"}
    assert found.inputs[0].format == "pcapng"


def test_what_a_file_says_that_it_lacks_is_told_and_counts(tmp_path: Path) -> None:
    found = both(tmp_path, "a", "b")
    assert [(one.vantage, one.packets) for one in found.inputs[0].losses] == [(None, 2)]
    assert found.verdict.killed_by == "host"
    assert found.verdict.certainty != "certain"
    assert invalid(found) == []


@pytest.mark.parametrize(
    ("indexes", "names"), [((3, 4), ["index 3", "index 4"]), ((0, 4), ["0", "index 4"]), ((0, 0), ["", ""])]
)
def test_interfaces_of_any_are_called_by_index(
    tmp_path: Path, indexes: tuple[int, int], names: list[str]
) -> None:
    rows = sorted((one for side in frames(HOST) for one in side), key=lambda one: one.ts)
    path = tmp_path / "any.pcap"
    taken = [Taken(make.sll2(one.octets, indexes[one.interface]), one.ts) for one in rows]
    path.write_bytes(make.pcap(taken, make.SLL2, nano=True))
    found = explain([path])
    assert [one.interface for one in found.vantages] == names
    assert found.verdict.killed_by == "host"


def test_a_named_interface_of_any_keeps_both(tmp_path: Path) -> None:
    rows = sorted((one for side in frames(HOST) for one in side), key=lambda one: one.ts)
    blocks = [make.section(), make.interface(make.SLL2, options=make.option(2, b"any"))]
    for one in rows:
        taken = Taken(make.sll2(one.octets, 3 + one.interface), one.ts)
        blocks.append(make.enhanced(taken, ticks=one.ts // 1000))
    path = tmp_path / "any.pcapng"
    path.write_bytes(b"".join(blocks))
    assert [one.interface for one in explain([path]).vantages] == ["any%3", "any%4"]


def test_what_a_tunnel_carries_is_a_vantage_of_its_own(tmp_path: Path) -> None:
    """The host's one interface: what goes to the container comes in VXLAN, the rest is the outside."""
    udp = b"\x30\x39\x12\xb5" + bytes(4) + b"\x08" + bytes(7)
    taken = [
        one._replace(
            octets=make.ip(udp + make.ethernet(one.octets), src="10.9.0.1", dst="10.9.0.2", protocol=17)
        )
        if one.interface == 0
        else one
        for one in sorted((one for side in frames(HOST) for one in side), key=lambda one: one.ts)
    ]
    path = tmp_path / "node.pcap"
    path.write_bytes(make.pcap([one._replace(length=None) for one in taken], make.RAW, nano=True))
    found, plain = explain([path]), explain([both_file(tmp_path)])
    assert {one.interface: one.role for one in found.vantages} == {"in a tunnel": "inside", "0": "outside"}
    assert found.verdict == plain.verdict
    assert (found.verdict.killed_by, found.verdict.certainty) == ("host", "certain")
    assert found.inputs[0].tcp + found.inputs[0].weird["tunnel"] == plain.inputs[0].tcp


def both_file(tmp_path: Path) -> Path:
    """The same without a tunnel, by two interfaces."""
    rows = sorted((one for side in frames(HOST) for one in side), key=lambda one: one.ts)
    path = tmp_path / "plain.pcapng"
    octets = make.section() + make.interface(make.RAW, options=make.option(9, b"\x09")) * 2
    path.write_bytes(octets + b"".join(make.enhanced(one, ticks=one.ts) for one in rows))
    return path


def test_frames_without_a_date_are_counted(tmp_path: Path) -> None:
    blocks = [make.section(), make.interface(make.RAW)]
    for one in frames(SERVER)[0]:
        blocks.append(make.block(3, struct.pack("<I", len(one.octets)) + one.octets))
    path = tmp_path / "simple.pcapng"
    path.write_bytes(b"".join(blocks))
    found = explain([path])
    assert found.inputs[0].weird == {"undated": len(blocks) - 2}
    assert found.resets[0].time_ns is None
    assert invalid(found) == []
