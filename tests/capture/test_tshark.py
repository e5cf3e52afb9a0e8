"""What tshark prints with its default columns, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bypeer.capture import tshark
from bypeer.capture.numbers import ASSUMED, FORGOTTEN
from bypeer.capture.printed import PASSED_OVER
from bypeer.capture.tshark import NO_HEADER
from bypeer.core.addresses import address
from bypeer.core.segment import NO_TIME, Segment
from bypeer.core.tcp import ACK_, CWR, ECE, FIN, PSH, RST, SYN, URG
from tests.capture.printing import decoded, opened, segments

INSIDE, OUTSIDE, SERVER = "172.17.0.2", "203.0.113.12", "198.51.100.2"
OPTIONS = " MSS=1460 SACK_PERM TSval={} TSecr=0 WS=128"


def line(info: str, source: str = INSIDE, target: str = SERVER, time: str = "0.000020") -> str:
    return f"   22   {time} {source} → {target}     TCP 74 {info}\n"


# Info of a line, and fields of the segment that it must become.
LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "a SYN": (
        "40000 → 80 [SYN] Seq=0 Win=64240 Len=0" + OPTIONS.format(9),
        {"flags": SYN, "sport": 40000, "dport": 80, "win": 64240, "mss": 1460, "wscale": 7, "tsval": 9,
         "sack_permitted": True, "src_lo": 0xFFFF_AC11_0002, "ttl": 0, "ts": 20_000},
    ),
    "with words before": (
        "[TCP Out-Of-Order] 40000 → 80 [PSH, ACK] Seq=1 Ack=1 Win=9 Len=5 TSval=3 TSecr=4[Malformed Packet]",
        {"flags": PSH | ACK_, "size": 5, "win": 9, "tsval": 3, "tsecr": 4},
    ),
    "every flag": ("1 → 2 [FIN, SYN, RST, PSH, URG, ECE, CWR] Seq=1 Win=9 Urg=1 Len=0",
                   {"flags": FIN | SYN | RST | PSH | URG | ECE | CWR}),
    "no flag": ("1 → 2 [<None>] Seq=1 Win=9 Len=0", {"flags": 0}),
    "ASCII arrows of older ones": ("http > https [RST] Seq=1 Win=9 Len=0", {"sport": 80, "dport": 443}),
    "an acknowledgement that is not shown": ("1 → 2 [ACK] Seq=1 Win=9 Len=0", {"flags": 0}),
}  # fmt: skip


@pytest.mark.parametrize(("info", "fields"), LINES.values(), ids=LINES)
def test_line(tmp_path: Path, info: str, fields: dict[str, Any]) -> None:
    (one,) = segments(tmp_path, line(info))
    assert {name: getattr(one, name) for name in fields} == fields


TIMES = {
    "1.5": 1_500_000_000,
    "-99.010000": -99_010_000_000,
    "01:02:03.5": 3_723_500_000_000,
    "1970-01-02 00:00:00.5": 86_400_500_000_000,
    "9999999999.0": NO_TIME,
    "1-2": NO_TIME,
}


@pytest.mark.parametrize("time", TIMES)
def test_time(tmp_path: Path, time: str) -> None:
    (one,) = segments(tmp_path, line("1 → 2 [RST] Seq=1 Win=9 Len=0", time=time))
    assert one.ts == TIMES[time]


def test_what_shows_no_tcp_is_counted(tmp_path: Path) -> None:
    capture = opened(
        tmp_path,
        "Capturing on eth0\n\n"
        + line("1 → 2 [RST] Seq=1 Win=9 Len=0")
        + line("PUT 200  [TCP segment of a reassembled PDU]")
        + "    6   0.275483 02:42:ac:10:ee:0a →              ARP 44 Who has 172.16.238.11?\n"
        + "    7   0.3           10 →           20   DNP 3.0 64 from 10 to 20\n",
    )
    assert [kind for kind, _ in decoded(capture)] == ["tcp", "other", "other", "other"]
    assert capture.oddities == {PASSED_OVER: 1, NO_HEADER: 3, ASSUMED: 1}


def both_sides(stamp: str) -> str:
    """A handshake and data as seen inside and outside."""
    syn, answer = "40000 → 80 [SYN] Seq=0 Win=9 Len=0", "80 → 40000 [SYN, ACK] Seq=0 Ack=1 Win=9 Len=0"
    data = "40000 → 80 [ACK] Seq=1 Ack=1 Win=9 Len=5 SLE=3 SRE=4"
    rows = [(syn + stamp, INSIDE, SERVER), (syn + stamp, OUTSIDE, SERVER)]
    rows += [
        (answer, SERVER, OUTSIDE),
        (answer, SERVER, INSIDE),
        (data, INSIDE, SERVER),
        (data, OUTSIDE, SERVER),
    ]
    return "".join(line(info, source, target) for info, source, target in rows)


def test_numbers_are_alike_on_both_sides_of_a_nat(tmp_path: Path) -> None:
    one, two, three, four, five, six = segments(tmp_path, both_sides(OPTIONS.format(77)))
    assert [one.seq, three.seq, five.seq] == [two.seq, four.seq, six.seq]
    assert [three.ack - one.seq, five.seq - one.seq, five.ack - three.seq] == [1, 1, 1]
    assert (five.dsack_left, five.dsack_right, five.sack) == (three.seq + 3, three.seq + 4, three.seq + 4)


def test_connections_have_numbers_of_their_own(tmp_path: Path) -> None:
    first, *_ = segments(tmp_path, both_sides(OPTIONS.format(77)))
    other, *_ = segments(tmp_path, both_sides(OPTIONS.format(78)))
    inside, outside, *_ = segments(tmp_path, both_sides(""))  # nothing tells that these are one
    assert len({first.seq, other.seq, inside.seq, outside.seq}) == 4


def test_a_port_used_again_is_another_connection(tmp_path: Path) -> None:
    syn = "40000 → 80 [SYN] Seq=0 Win=9 Len=0"
    text = line(syn) + line(f"[TCP Retransmission] {syn}") + line(f"[TCP Port numbers reused] {syn}")
    one, again, new = segments(tmp_path, text)
    assert one.seq == again.seq != new.seq


def test_of_too_many_conversations_the_first_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tshark, "_MOST_TALKS", 2)
    data = "{} → 80 [ACK] Seq=1 Ack=1 Win=9 Len=5"
    reused = "[TCP Port numbers reused] {} → 80 [SYN] Seq=0 Win=9 Len=0"
    text = "".join(line(data.format(port)) for port in (1, 2)) + line(reused.format(2)) + line(data.format(1))
    capture = opened(tmp_path, text)
    assert len(list(decoded(capture))) == 4
    assert FORGOTTEN not in capture.oddities
    capture = opened(tmp_path, text + line(data.format(3)))
    assert len(list(decoded(capture))) == 5
    assert capture.oddities[FORGOTTEN] == 1


def windows(tmp_path: Path, first: str, second: str) -> list[int]:
    text = line(f"1 → 2 [SYN] Seq=0 Win=64240 Len=0{first}")
    text += line(f"2 → 1 [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0{second}", SERVER, INSIDE)
    text += line("1 → 2 [ACK] Seq=1 Ack=1 Win=65536 Len=0") + line(
        "2 → 1 [ACK] Seq=1 Ack=1 Win=1000000 Len=0"
    )
    return [one.win for one in segments(tmp_path, text)[2:]]


def test_windows_are_as_on_the_wire(tmp_path: Path) -> None:
    assert windows(tmp_path, " WS=1024", " WS=128") == [64, 0xFFFF]
    assert windows(tmp_path, " WS=1024", "") == [0xFFFF, 0xFFFF]


def test_names_are_shown(tmp_path: Path) -> None:
    capture = opened(tmp_path, line("1 → 2 [RST] Seq=1 Win=9 Len=0", "client.example"))
    ((_, one),) = decoded(capture)
    assert capture.names == {shown(one): "client.example"}


def shown(one: Segment) -> str:
    return address((one.src_hi, one.src_lo, 0))
