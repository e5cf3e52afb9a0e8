"""What tcpdump and tshark print of captures by others, against the captures themselves.

The machine's own tools are the judges. BYPEER_SHARED names the directory that holds corpus/ (see
its README.md); BYPEER_WHOLE_CORPUS=1 takes all captures instead of a sample (some minutes).
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from bypeer.capture.read import Capture, open_capture
from bypeer.core import seq, tcp
from bypeer.core.addresses import address
from bypeer.core.connections import Connections
from bypeer.core.decode import TCP, UNSUPPORTED, decode
from bypeer.core.segment import Segment
from bypeer.errors import CaptureError

SHARED = os.environ.get("BYPEER_SHARED", "")
TRUTH = Path(SHARED, "corpus/truth.tsv")
WHOLE = os.environ.get("BYPEER_WHOLE_CORPUS", "") == "1"
SAMPLE = 12  # every so manieth capture with TCP
pytestmark = pytest.mark.skipif(
    not SHARED or not TRUTH.exists(), reason="no shared corpus: BYPEER_SHARED does not name it"
)

# What this machine's tcpdump cannot print of a capture that bypeer reads.
EXCEPTIONS = {
    "OISF__suricata-verify/tests/decode-etag-01/input.pcap": "an IEEE 802.1BR tag is unknown to it",
    "ntop__nDPI/tests/cfgs/default/pcap/ajp.pcap": "FabricPath is unknown to it",
    "ntop__nDPI/tests/cfgs/default/pcap/anydesk.pcapng": "an IP length of 0 is bad-len to it",
    "the-tcpdump-group__tcpdump/tests/bigtcp-ipv4.pcap": "an IP length of 0 is bad-len to it",
    "the-tcpdump-group__tcpdump/tests/ipv4_tcp_http_xml_tso.pcap": "an IP length of 0 is bad-len to it",
    "seladb__PcapPlusPlus/Tests/Pcap++Test/PcapExamples/pcapng-example.pcapng": "no interfaces in it",
}

# What tshark's columns show otherwise than the frame's first IP and TCP headers have it.
TSHARK_EXCEPTIONS = {
    "OISF__suricata-verify/tests/defrag/bug-6887-defrag-eth-vlan-ipv6-tcp/frag-eth-vlan-ipv6-tcp.pcap": (
        "it puts fragments together"
    ),
    "OISF__suricata-verify/tests/detect-ipopts/input.pcap": "it shows where a source route ends",
    "zeek__zeek/testing/btest/Traces/chksums/ip6-route0-tcp-bad-chksum.pcap": "the same",
    "ntop__nDPI/tests/cfgs/default/pcap/ajp.pcap": "it calls FabricPath's frames malformed",
    "zeek__zeek/testing/btest/Traces/tcp/window-scale-range.pcap": "it shows a shift of 255 as one of 14",
    "zeek__zeek/testing/btest/Traces/tunnels/tunnel-direct-bypass.pcap": "it shows the packet in the tunnel",
}

OPTIONS = (
    "-nn", "-n -S", "-nn -t", "-nn -tt -#", "-nn -ttt", "-nn -tttt -e", "-nn -ttttt -v", "-nn -vv -S",
    "-nn -vv -K -e --number", "",
)  # fmt: skip


class Seen(NamedTuple):
    """A segment of a connection, without what moves with the base of its numbers."""

    direction: int
    flags: int
    size: int
    options: tuple[int, ...]


class Flow(NamedTuple):
    """A connection as one source shows it."""

    ends: tuple[tuple[int, int, int], ...]
    seen: list[Seen]
    numbers: list[tuple[int, int, int, int]]  # direction, SEG.SEQ, SEG.ACK, highest SACK


def flows(capture: Capture) -> list[Flow]:
    """The connections of a source, as scan would part them, whatever the interface."""
    table, found, segment = Connections(), [], Segment()
    for batch in capture.frames():
        for row in range(batch.count):
            segment.interface = 0
            segment.ts, segment.frame = batch.ts[row], batch.first + row
            where = batch.octets, batch.start[row], batch.captured[row], batch.length[row]
            kind = decode(*where, capture.interfaces[batch.interface[row]].link_type, segment)
            if kind == UNSUPPORTED:
                raise CaptureError(capture.path, 0, "link type")
            if kind != TCP:
                continue
            row, direction = table.place(segment), table.direction
            if row == len(found):
                connection = table.connection(row)
                found.append(Flow((connection.client, connection.server), [], []))
            options = (segment.mss, segment.wscale, segment.tsval, segment.tsecr, segment.sack_count)
            flow = found[row]
            flow.seen.append(Seen(direction, segment.flags, segment.size, options))
            flow.numbers.append((direction, segment.seq, segment.ack, segment.sack))
    return found


def called(flow: Flow, names: Mapping[str, str]) -> list[str]:
    """The endpoints of a connection, by name where this machine has one."""
    return [f"{names.get(address(end), address(end))} {end[2]}" for end in flow.ends]


def own_names() -> dict[str, str]:
    """The names that tcpdump finds for addresses on this machine."""
    lines = [line.split() for line in Path("/etc/hosts").read_text(encoding="utf-8").splitlines()]
    return {line[0]: line[1] for line in reversed(lines) if len(line) > 1 and not line[0].startswith("#")}


def difference(want: list[Flow], got: list[Flow], all_printed: bool, names: Mapping[str, str]) -> str:
    """In what the text differs from the capture, "" if in nothing but what numbers count from."""
    hosts = own_names() if names else {}
    if [called(one, hosts) for one in want] != [called(one, names) for one in got]:
        return f"{len(got)} connections, not {len(want)}, or others"
    for at, (mine, theirs) in enumerate(zip(want, got, strict=True)):
        if mine.seen != theirs.seen:
            row = next(
                (
                    row
                    for row, pair in enumerate(zip(mine.seen, theirs.seen, strict=False))
                    if pair[0] != pair[1]
                ),
                min(len(mine.seen), len(theirs.seen)),
            )
            return f"connection {at}, row {row}: {theirs.seen[row : row + 1]}, not {mine.seen[row : row + 1]}"
        moved = shifts(mine, theirs, all_printed)
        if any(len(one) > 1 for one in moved):
            return f"connection {at}: numbers are moved by {moved}"
    return ""


def shifts(mine: Flow, theirs: Flow, all_printed: bool) -> tuple[set[int], set[int]]:
    """By how much the numbers of each direction differ: one difference at most, if they are the same."""
    moved: tuple[set[int], set[int]] = set(), set()
    for seen, one, other in zip(mine.seen, mine.numbers, theirs.numbers, strict=True):
        # Without -vv tcpdump prints no SEG.SEQ where nothing is counted from it.
        if all_printed or seen.size or seen.flags & (tcp.SYN | tcp.FIN | tcp.RST):
            moved[one[0]].add(seq.add(other[1], -one[1]))
        if seen.flags & tcp.ACK_:
            moved[1 - one[0]].add(seq.add(other[2], -one[2]))
            moved[1 - one[0]].add(seq.add(other[3], -one[3]))
    return moved


def chosen(every: int) -> list[str]:
    """Captures with TCP that tcpdump reads to their end, every so manieth by name; or all."""
    with TRUTH.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    names = sorted(row["path"] for row in rows if int(row["tcp_first"] or 0) > 0 and row["tcpdump_rc"] == "0")
    return names if WHOLE else names[::every]


def printed(command: list[str], path: Path, to: Path) -> Capture:
    """What the tool prints of the capture."""
    environment = {**os.environ, "TZ": "UTC", "RES_OPTIONS": "timeout:1 attempts:1"}
    run = [*command, "-r", os.fspath(path)]
    with to.open("wb") as file:
        subprocess.run(run, stdout=file, stderr=subprocess.DEVNULL, env=environment, check=False)
    return open_capture(to)


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="no tcpdump here to print captures")
@pytest.mark.parametrize("options", OPTIONS)
def test_the_text_says_what_the_capture_says(tmp_path: Path, options: str) -> None:
    wrong, compared = [], 0
    # Without -n tcpdump asks the resolver for every address, which may take its time.
    for name in chosen(SAMPLE if "-n" in options else 10 * SAMPLE):
        try:
            want = flows(open_capture(TRUTH.parent / name))
        except CaptureError:
            continue
        if not want or name in EXCEPTIONS:
            continue
        text = printed(["tcpdump", *options.split()], TRUTH.parent / name, tmp_path / "printed")
        fault = difference(want, flows(text), "-vv" in options, text.names)
        wrong += [f"{name}: {fault}"] if fault else []
        compared += 1
    assert wrong == []
    assert compared > 3


Row = tuple[tuple[int, ...], tuple[int, ...], tuple[int, int, int]]


def rows(capture: Capture) -> dict[int, Row]:
    """By frame number: addresses and ports; what no base moves; SEG.SEQ, SEG.ACK, highest SACK."""
    found, segment = {}, Segment()
    for batch in capture.frames():
        for row in range(batch.count):
            where = batch.octets, batch.start[row], batch.captured[row], batch.length[row]
            if decode(*where, capture.interfaces[batch.interface[row]].link_type, segment) == TCP:
                ends = (
                    segment.src_hi,
                    segment.src_lo,
                    segment.sport,
                    segment.dst_hi,
                    segment.dst_lo,
                    segment.dport,
                )
                said = (
                    segment.flags,
                    segment.size,
                    segment.mss,
                    segment.wscale,
                    segment.tsval,
                    segment.tsecr,
                )
                found[batch.first + row] = ends, said, (segment.seq, segment.ack, segment.sack)
    return found


@pytest.mark.skipif(not shutil.which("tshark"), reason="no tshark here to print captures")
def test_tsharks_columns_say_what_the_capture_says(tmp_path: Path) -> None:
    wrong, compared = [], 0
    for name in chosen(SAMPLE):
        try:
            want = rows(open_capture(TRUTH.parent / name))
        except CaptureError:
            continue
        if not want or name in TSHARK_EXCEPTIONS:
            continue
        text = printed(["tshark"], TRUTH.parent / name, tmp_path / "printed")
        moved: dict[tuple[int, ...], set[int]] = {}
        for frame, (ends, said, numbers) in rows(text).items():
            if frame not in want or want[frame][:2] != (ends, said):
                wrong.append(f"{name}: frame {frame}: {ends, said}, not {want.get(frame)}")
                continue
            back = (*ends[3:], *ends[:3])
            moved.setdefault(ends, set()).add(seq.add(numbers[0], -want[frame][2][0]))
            if said[0] & tcp.ACK_:
                moved.setdefault(back, set()).add(seq.add(numbers[1], -want[frame][2][1]))
                moved.setdefault(back, set()).add(seq.add(numbers[2], -want[frame][2][2]))
            compared += 1
        lives = 1 + (tmp_path / "printed").read_bytes().count(b"[TCP Port numbers reused]")
        wrong += [f"{name}: {ends}: moved by {by}" for ends, by in moved.items() if len(by) > lives]
    assert wrong == []
    assert compared > 500
