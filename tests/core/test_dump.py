"""A segment as tcpdump prints it. tests/capture/test_printed.py holds it against tcpdump itself."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.addresses import NAMED
from bypeer.core.dump import dump
from bypeer.core.segment import Segment
from bypeer.core.tcp import ACK_, PSH, RST, SYN

MAPPED = 0xFFFF << 32
ENDS = "10.0.0.1.40000 > 10.0.0.2.80"

LINES: dict[str, tuple[dict[str, Any], str]] = {
    "data": (
        {"flags": PSH | ACK_, "seq": 7, "ack": 9, "size": 5, "win": 3},
        f"IP {ENDS}: Flags [P.], seq 7:12, ack 9, win 3, length 5",
    ),
    "data over the end of the numbers": (
        {"flags": ACK_, "seq": 0xFFFF_FFFF, "size": 2},
        f"IP {ENDS}: Flags [.], seq 4294967295:1, ack 0, win 0, length 2",
    ),
    "a bare acknowledgement shows no SEG.SEQ": (
        {"flags": ACK_, "seq": 7, "ack": 9},
        f"IP {ENDS}: Flags [.], ack 9, win 0, length 0",
    ),
    "a RST": ({"flags": RST, "seq": 7}, f"IP {ENDS}: Flags [R], seq 7, win 0, length 0"),
    "no flags": ({}, f"IP {ENDS}: Flags [none], win 0, length 0"),
    "options": (
        {"flags": SYN, "mss": 1460, "wscale": 0, "sack_permitted": True, "timestamps": True, "tsval": 4},
        f"IP {ENDS}: Flags [S], seq 0, win 0, options [mss 1460,sackOK,TS val 4 ecr 0,wscale 0], length 0",
    ),
    "one SACK block": (
        {"flags": ACK_, "sack_count": 1, "dsack_left": 3, "dsack_right": 4},
        f"IP {ENDS}: Flags [.], ack 0, win 0, options [sack 1 {{3:4}}], length 0",
    ),
    "more SACK blocks than it knows": (
        {"flags": ACK_, "sack_count": 3, "dsack_left": 3, "dsack_right": 4},
        f"IP {ENDS}: Flags [.], ack 0, win 0, options [sack 3 {{3:4}}...], length 0",
    ),
    "a time": (
        {"flags": RST, "ts": 1_580_423_179_414_064_999},
        f"22:26:19.414064 IP {ENDS}: Flags [R], seq 0, win 0, length 0",
    ),
    "IPv6": (
        {
            "flags": RST,
            "version": 6,
            "src_hi": 0x2001_0DB8 << 32,
            "src_lo": 1,
            "dst_hi": 0xFE80 << 48,
            "dst_lo": 2,
        },
        "IP6 2001:db8::1.40000 > fe80::2.80: Flags [R], seq 0, win 0, length 0",
    ),
    "a name": (
        {"flags": RST, "version": 6, "src_hi": NAMED, "src_lo": 1},
        "IP 100::1.40000 > 10.0.0.2.80: Flags [R], seq 0, win 0, length 0",
    ),
}


@pytest.mark.parametrize(("changes", "line"), LINES.values(), ids=LINES)
def test_line(changes: dict[str, Any], line: str) -> None:
    one = Segment()
    one.version, one.sport, one.dport = 4, 40000, 80
    one.src_lo, one.dst_lo = MAPPED | 0x0A00_0001, MAPPED | 0x0A00_0002
    for name, value in changes.items():
        setattr(one, name, value)
    assert dump(one) == line
