"""What tcpdump prints, line by line."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bypeer.capture.numbers import ASSUMED
from bypeer.capture.printed import PASSED_OVER
from bypeer.core.addresses import NAMED, address, endpoint_text
from bypeer.core.dump import dump
from bypeer.core.segment import ABSENT, BAD, GOOD, NO_TIME, UNKNOWN, Segment
from bypeer.core.tcp import ACK_, CWR, ECE, FIN, PSH, RST, SYN, URG
from tests.capture.printing import EXCERPT, decoded, opened, segments

CASE = Path(__file__).parent.parent / "captures/late-segment/outside.pcap"
ENDS = "10.0.0.1.40000 > 10.0.0.2.80"
SECOND, HOUR, DAY = 10**9, 3600 * 10**9, 86_400 * 10**9

# A line, and fields of the segment that it must become.
LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "a SYN with its options": (
        f"IP {ENDS}: Flags [S], seq 7, win 65320, "
        f"options [mss 1420,sackOK,TS val 3 ecr 0,nop,wscale 10], length 0",
        {"flags": SYN, "seq": 7, "win": 65320, "mss": 1420, "sack_permitted": True, "tsval": 3, "wscale": 10},
    ),
    "data": (
        f"IP {ENDS}: Flags [P.], seq 7:12, ack 9, win 3, length 5: HTTP: GET /, ack 77, length 99",
        {"flags": PSH | ACK_, "seq": 7, "ack": 9, "size": 5, "win": 3, "mss": ABSENT, "timestamps": False},
    ),
    "every flag": (f"IP {ENDS}: Flags [FSRPUEW], seq 1, win 0, urg 5, length 0",
                   {"flags": FIN | SYN | RST | PSH | URG | ECE | CWR}),
    "no flag": (f"IP {ENDS}: Flags [none], win 0, length 0", {"flags": 0}),
    "more than a packet holds: BIG TCP": (
        f"IP {ENDS}: Flags [.], seq 0:200000, ack 9, win 3, length 200000", {"size": 200000, "length": 200040}
    ),
    "the same over IPv6": (
        "IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [.], seq 0:200000, ack 9, win 3, length 200000",
        {"size": 200000, "version": 6},
    ),
    "SACK blocks": (
        f"IP {ENDS}: Flags [.], ack 9, win 3, options [nop,nop,sack 2 {{100:200}}{{20:30}}], length 0",
        {"sack_count": 2, "dsack_left": 100, "dsack_right": 200, "sack": 200},
    ),
    "SACK blocks of which -o tcpdump knows one": (
        f"IP {ENDS}: Flags [.], ack 9, win 3, options [sack 3 {{100:200}}...], length 0",
        {"sack_count": 1, "dsack_left": 100, "dsack_right": 200},
    ),
    "options cut by snaplen": (
        f"IP {ENDS}: Flags [S], seq 1, win 3, options [mss 1460,sackOK,TS [|tcp]>",
        {"mss": 1460, "cut": True, "timestamps": False},
    ),
    "an option that is broken": (
        f"IP {ENDS}: Flags [S], seq 1, win 3, options [mss 1460[len 3],wscale 2,[bad opt]], length 0",
        {"mss": ABSENT, "wscale": 2, "cut": False},
    ),
    "the link layer shown": (
        "4e:db:94:03:55:a0 (oui Unknown) > b2:74:ab:56:02:8e (oui Unknown), "
        "ethertype 802.1Q (0x8100), length 78: "
        f"vlan 100, p 0, ethertype IPv4 (0x0800), {ENDS}: Flags [S], seq 1, win 3, length 0",
        {"sport": 40000, "dport": 80, "seq": 1},
    ),
    "quoted and indented": (f"  > | 01:02:03.5 IP {ENDS}: Flags [R], seq 8, win 0, length 0",
                            {"ts": HOUR + 123 * SECOND + SECOND // 2, "seq": 8}),
    "ports apart from addresses": (
        "IP6 2001:db8::1 > 2001:db8::2: HBH 40000 > 80: Flags [S], seq 5, win 1, length 0",
        {"sport": 40000, "dport": 80, "src_lo": 1, "dst_lo": 2, "seq": 5},
    ),
    "a packet that was cut short": (
        "IP truncated-ip - 20 bytes missing! " + f"{ENDS}: Flags [S], seq 5, win 1, length 0", {"seq": 5}
    ),
    "with -v": (
        "1.000001 IP (tos 0x0, ttl 63, id 37329, offset 0, flags [DF], proto TCP (6), length 40)\n"
        f"    {ENDS}: Flags [S], cksum 0x6671 (correct), seq 5, win 1, length 0",
        {"ttl": 63, "ip_id": 37329, "df": True, "checksum": GOOD, "ts": SECOND + 1000},
    ),
    "with -v, a wrong checksum": (
        "IP (tos 0x0, ttl 63, id 1, offset 0, flags [none], proto TCP (6), length 40)\n"
        f"    {ENDS}: Flags [S], cksum 0x6671 (incorrect -> 0xd8c7), seq 5, win 1, length 0",
        {"df": False, "checksum": BAD},
    ),
    "with -v, a wrong checksum over data that nobody has": (
        "IP (tos 0x0, ttl 63, id 1, offset 0, flags [none], proto TCP (6), length 41)\n"
        f"    {ENDS}: Flags [P.], cksum 0x6671 (incorrect -> 0xd8c7), seq 5:6, ack 1, win 1, length 1",
        {"checksum": UNKNOWN, "size": 1},
    ),
    "with -v, IPv6": (
        "IP6 (flowlabel 0x4c9fe, hlim 62, next-header TCP (6) payload length: 20) "
        "2001:db8::1.40000 > 2001:db8::2.80: Flags [S], cksum 0x1 (correct), seq 5, win 1, length 0",
        {"ttl": 62, "version": 6},
    ),
    "with -v, labels before": (
        "MPLS (label 254, tc 0, [S], ttl 60)\n\tIP (tos 0x0, ttl 9, id 8, offset 0, flags [DF], "
        "proto TCP (6), length 40)\n"
        f"    {ENDS}: Flags [S], seq 5, win 1, length 0", {"ttl": 9, "seq": 5},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "fields"), LINES.values(), ids=LINES)
def test_line(tmp_path: Path, text: str, fields: dict[str, Any]) -> None:
    (one,) = segments(tmp_path, text + "\n")
    assert {name: getattr(one, name) for name in fields} == fields


# What becomes no segment: the kinds of its packets.
OTHERS: dict[str, tuple[str, list[str]]] = {
    "a tunnel": (
        f"IP 1.1.1.1 > 2.2.2.2: GREv0, length 64: IP {ENDS}: Flags [S], seq 5, win 1, length 0",
        ["tunnel-cut"],
    ),
    "a tunnel, -v": (
        "IP (tos 0x0, ttl 1, id 1, offset 0, flags [none], proto GRE (47), length 64)\n"
        "    1.1.1.1 > 2.2.2.2: GREv0, Flags [none], length 40\n"
        "\tIP (tos 0x0, ttl 1, id 1, offset 0, flags [none], proto TCP (6), length 40)\n"
        f"    {ENDS}: Flags [S], seq 5, win 1, length 0", ["other"],
    ),
    "a quotation in ICMP": (
        "IP (tos 0x0, ttl 1, id 1, offset 0, flags [none], proto ICMP (1), length 56)\n"
        "    1.1.1.1 > 2.2.2.2: ICMP host 10.0.0.2 unreachable, length 36\n"
        "\tIP (tos 0x0, ttl 1, id 1, offset 0, flags [none], proto TCP (6), length 40)\n"
        f"    {ENDS}: Flags [S], seq 5, win 1, length 0", ["other"],
    ),
    "a later fragment": (
        "IP (tos 0x0, ttl 1, id 1, offset 1480, flags [none], proto TCP (6), length 50)\n"
        "    1.1.1.1 > 2.2.2.2: tcp", ["fragment"],
    ),
    "-q": (f"01:02:03.000001 IP {ENDS}: tcp 14", ["tcp-cut"]),
    "a header cut off": (f"IP {ENDS}: [|tcp]", ["tcp-cut"]),
    "a header too long": (f"IP {ENDS}: Flags [S] [bad hdr length 44 - too long, > 20]", ["tcp-offset-large"]),
    "a header too short": (f"IP {ENDS}: Flags [S] [bad hdr length 8 - too short, < 20]",
                           ["tcp-offset-small"]),
    "others": ("ARP, Request who-has 1.1.1.1 tell 2.2.2.2, length 28\n"
               "1.000000 IP 1.1.1.1.53 > 2.2.2.2.5000: UDP, length 9\n"
               "00:00:01.000000 STP 802.1d, Config, Flags [none], length 35", ["other"] * 3),
    "octets and text beside (-X, -A)": (
        f"01:02:03.000001 IP {ENDS}: tcp 14\n\t0x0000:  4500 003c 91d1 4000 3f06  E..<..@.\n"
        f"E..<..@.", ["tcp-cut"]
    ),
    "the first line of two alone": (
        "IP (tos 0x0, ttl 1, id 1, offset 0, flags [none], proto TCP (6), length 50)", ["other"]
    ),
    "no endpoints": ("IP > : Flags [S], seq 1\nIP a b > c d: Flags [S], seq 1", ["other"] * 2),
    "an endpoint beyond any name": (f"IP {'a' * 400}.1 > 1.1.1.1.2: Flags [S], seq 1", ["other"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "kinds"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_segment_is_counted(tmp_path: Path, text: str, kinds: list[str]) -> None:
    known = f"02:00:00.000000 IP {ENDS}: Flags [S], seq 7, win 0, length 0\n"
    capture = opened(tmp_path, known + text)
    assert [kind for kind, _ in decoded(capture)] == ["tcp", *kinds]
    assert capture.packets == 1 + len(kinds)


def test_what_a_person_adds_is_passed_over(tmp_path: Path) -> None:
    capture = opened(tmp_path, f"Hello,\nsee below.\n\nA\nIP {ENDS}: Flags [S], seq 7, win 0\n...\n  note\n")
    assert [kind for kind, _ in decoded(capture)] == ["tcp"]
    assert capture.oddities == {PASSED_OVER: 2}


def test_the_excerpt(tmp_path: Path) -> None:
    capture = opened(tmp_path, EXCERPT)
    rows = [(one.seq, one.ack, one.size, one.sport, one.offset) for _, one in decoded(capture)]
    # The RSTs, which were printed absolute, bear the numbers of what they answer.
    assert [row[:4] for row in rows] == [
        (35556934, 789, 26752, 443), (35556934, 789, 26752, 443), (34355910, 789, 2816, 443),
        (789, 0, 0, 60790), (789, 35731526, 0, 60790), (789, 35731526, 0, 60790),
        (35731526, 0, 0, 443), (35731526, 0, 0, 443),
    ]  # fmt: skip
    lines = EXCERPT.encode().splitlines(keepends=True)
    assert [row[4] for row in rows[:2]] == [2, 2 + len(lines[1])]
    assert capture.oddities == {ASSUMED: 8}


@pytest.mark.parametrize("ends", [(b"\n", b"\n\n"), (b"\r\n",), (b"\r", b"\n\r"), (b"\r",)])
def test_each_line_is_found_where_the_text_has_it(tmp_path: Path, ends: tuple[bytes, ...]) -> None:
    """Over several buffers, with lines of all lengths between, some too long for any."""
    chance = random.Random(7)
    line = f"IP {ENDS}: Flags [S], seq 7, win 0, length 0".encode()
    parts = [b"x" * chance.choice((0, 5, 300, 16_383, 16_384, 70_000, 1_100_000)) for _ in range(60)]
    text = b"".join(
        line + b" " * (number % 9) + chance.choice(ends) + part + ends[0] for number, part in enumerate(parts)
    )
    found = list(decoded(opened(tmp_path, text)))
    assert len(found) == 60
    assert all(text[one.offset :].startswith(line) for _, one in found)
    assert len({one.offset for _, one in found}) == 60


# Times

TIMES: dict[str, tuple[list[str], list[int]]] = {
    "of day": (["22:26:19.414064", "22:26:20"], [80_779_414_064_000, 80_780 * SECOND]),
    "in nanoseconds": (["00:00:00.000000001"], [1]),
    "past midnight": (["23:59:59.5", "00:00:00.5"], [DAY - SECOND // 2, DAY + SECOND // 2]),
    "with a date": (["1970-01-02 00:00:01.5"], [DAY + 3 * SECOND // 2]),
    "with a date that is none": (["1970-02-31 00:00:01.5"], [3 * SECOND // 2]),
    "of the epoch": (["1795402818.212128"], [1_795_402_818_212_128_000]),
    "spans": ([" 00:00:00.000000", " 00:00:01.000000", " 00:00:00.500000"], [0, SECOND, 3 * SECOND // 2]),
    "spans, one negative": ([" 00:00:00.000000", "-00:00:00.000500"], [0, -500_000]),
    "since the first": ([" 00:00:00.000000", " 00:00:01.000000", " 00:00:01.500000"],
                        [0, SECOND, 3 * SECOND // 2]),
    "beyond 64 bits": (["9999999999.000000", "9999-12-31 00:00:00.0"], [NO_TIME, NO_TIME]),
    "that tcpdump could not print": (["[Error converting time]"], [NO_TIME]),
    "none": ([""], [NO_TIME]),
    "with numbers": (["    1  00:00:00.000001", "   22  00:00:00.000002"], [1000, 2000]),
}  # fmt: skip


@pytest.mark.parametrize(("times", "expected"), TIMES.values(), ids=TIMES)
def test_time(tmp_path: Path, times: list[str], expected: list[int]) -> None:
    text = "".join(f"{time} IP {ENDS}: Flags [R], seq 1, win 0, length 0\n" for time in times)
    if times == [""]:
        text = text.lstrip()
    assert [one.ts for one in segments(tmp_path, text)] == expected


# Interfaces and names


def test_interfaces_are_vantages(tmp_path: Path) -> None:
    line = f"IP {ENDS}: Flags [S], seq 7, win 0, length 0\n"
    capture = opened(
        tmp_path, f"1.000000 eth0  In  {line}2.000000 veth1 Out {line}3.000000 eth0 P {line}{line}"
    )
    assert [one.interface for _, one in decoded(capture)] == [1, 2, 1, 0]
    assert [one.name for one in capture.interfaces] == ["", "eth0", "veth1"]


def test_interfaces_are_bounded(tmp_path: Path) -> None:
    line = f"IP {ENDS}: Flags [S], seq 7, win 0, length 0\n"
    capture = opened(tmp_path, "".join(f"1.000000 if{number} In  {line}" for number in range(1500)))
    assert [one.interface for _, one in decoded(capture)] == [*range(1, 1001), *[0] * 500]


def test_names_are_endpoints_of_their_own(tmp_path: Path) -> None:
    capture = opened(
        tmp_path,
        "IP dl.google.com.https > 10.0.0.1.40000: Flags [S], seq 7, win 0, length 0\n"
        "IP 10.0.0.1.40000 > dl.google.com.https: Flags [R], seq 7, win 0, length 0\n"
        "IP a.example.1 > 10.0.0.1.no-such-service: Flags [R], seq 7, win 0, length 0\n",
    )
    first, second, third = (one for _, one in decoded(capture))
    assert (first.src_hi, first.src_lo, first.sport) == (second.dst_hi, second.dst_lo, second.dport)
    assert (first.src_hi, first.sport, first.dst_lo) == (NAMED, 443, 0xFFFF_0A00_0001)
    assert third.src_lo != first.src_lo
    assert capture.names[address((first.src_hi, first.src_lo, 0))] == "dl.google.com"
    port = endpoint_text((third.dst_hi, third.dst_lo, third.dport))
    assert capture.names[port] == "10.0.0.1:no-such-service"


# tcpdump itself


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="no tcpdump here to hold dump() against")
def test_dump_prints_what_tcpdump_prints(tmp_path: Path) -> None:
    run = ["tcpdump", "-nn", "-S", "-r", str(CASE)]
    said = subprocess.run(run, capture_output=True, text=True, check=True, env={"TZ": "UTC"}).stdout
    lines = [line for line in said.splitlines() if ": Flags [" in line]
    rows: list[tuple[str, Segment]] = list(decoded(opened(tmp_path, CASE.read_bytes())))
    got = [dump(one) for kind, one in rows if kind == "tcp" and one.sack_count < 2]
    want = [plainly(line) for line in lines if line.count("}{") == 0]
    assert len(got) > 500
    assert sorted(map(options_sorted, got)) == sorted(map(options_sorted, want))


def plainly(line: str) -> str:
    """Without the options that say nothing, and what follows TCP."""
    line = line.replace("nop,", "").replace(",nop", "")
    before, mark, after = line.partition(", length ")
    return before + mark + after.partition(":")[0]


def options_sorted(line: str) -> str:
    before, mark, rest = line.partition("options [")
    options, end, after = rest.partition("]")
    return before + mark + ",".join(sorted(options.split(","))) + end + after


# Hostile text


def test_cut_at_every_length(tmp_path: Path) -> None:
    text = EXCERPT.encode()[:1200]
    whole = segments(tmp_path, text)
    for length in range(1, len(text)):
        if b": Flags [" not in text[:length]:
            continue
        found = segments(tmp_path, text[:length])
        complete = sum(b": Flags [" in line for line in text[:length].split(b"\n")[:-1])
        assert complete <= len(found) <= complete + 1
        assert [one.seq for one in found[:complete]] == [one.seq for one in whole[:complete]]


def test_a_line_without_end(tmp_path: Path) -> None:
    line = f"IP {ENDS}: Flags [S], seq 7, win 0, length 0".encode()
    capture = opened(tmp_path, line + b"x" * 3_000_000 + b"\n" + line + b"\n" + line + b" " * 2_000_000)
    assert [kind for kind, _ in decoded(capture)] == ["tcp"] * 3


@pytest.mark.parametrize("seed", range(4))
def test_any_octets(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    text = bytearray(EXCERPT.encode() * 20)
    for _ in range(2000):
        text[chance.randrange(len(text))] = chance.randrange(256)
    capture = opened(tmp_path, b"IP 1.1.1.1.1 > 1.1.1.1.2: Flags [S], seq 1\n" + bytes(text))
    assert Counter(kind for kind, _ in decoded(capture))["tcp"] > 1
