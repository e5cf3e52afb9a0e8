"""What is mutated: small captures of every format and link type, and the small ones of the shared corpus."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from bypeer.core.tcp import ACK_, FIN, PSH, RST, SYN
from tests import make
from tests.core import test_decode, test_ether, test_link, test_serial, test_wireless
from tests.make import Taken, block, enhanced, interface, option, section

LARGEST = 4_096
OPENING = make.mss(1460) + make.SACK_PERMITTED + make.timestamps(5, 0) + make.wscale(7)
THERE = [
    make.tcp(SYN, 100, 0, options=OPENING),
    make.tcp(ACK_, 101, 501),
    make.tcp(PSH | ACK_, 101, 501, payload=b"GET / HTTP/1.0\r\n\r\n", options=make.timestamps(6, 5)),
    make.tcp(ACK_, 119, 521, options=make.sack((541, 561))),
    make.tcp(RST, 119, 0),
]
BACK = [
    make.tcp(SYN | ACK_, 500, 101, sport=443, dport=40000, options=OPENING),
    make.tcp(PSH | ACK_, 501, 119, sport=443, dport=40000, payload=bytes(20)),
    make.tcp(PSH | FIN | ACK_, 541, 119, sport=443, dport=40000, payload=bytes(20)),
]
TALK = [make.ip(one) for one in THERE[:1]] + [
    make.ip(one, src=make.SERVER, dst=make.CLIENT, ttl=57) for one in BACK
]
TALK += [make.ip(one) for one in THERE[1:]]
ETHERNET = [make.ethernet(one) for one in TALK]


def dated(frames: list[bytes]) -> list[Taken]:
    """Frames, a millisecond after each other."""
    return [Taken(one, ts=1_700_000_000_000_000_000 + n * 1_000_000) for n, one in enumerate(frames)]


def made() -> Iterator[bytes]:
    """Captures made here."""
    for module in (test_link, test_ether, test_serial, test_wireless):
        for link_type, before in module.BEFORE.values():
            yield make.pcap(dated([before(one) + one for one in TALK[:6]]), link_type)
    packets = [make.ethernet(packet) for packet in test_decode.SAMPLES]
    for first in range(0, len(packets), 8):
        yield make.pcap(dated(packets[first : first + 8]))
    for order in "<>":
        yield make.pcap(dated(ETHERNET), order=order, nano=order == ">", minor=4)
        yield make.pcap(dated(ETHERNET), order=order, minor=2)
        yield make.pcapng(dated(ETHERNET), order=order)
        yield several(order)
    yield make.snoop(dated(ETHERNET))
    yield make.snoop(dated(ETHERNET), 10, bytes(16))
    for magic, more in ((0xA1B2CD34, 8), (0xA1B2CD34, 12), (0xA1B2C3D4, 8), (0x1C0001AC, 0)):
        head = struct.pack("<IHHIIII", magic, 2, 4, 0, 0, 65535, 1) + bytes(4 if more == 0 else 0)
        yield head + b"".join(
            struct.pack("<IIII", 1_700_000_000, n, len(one), len(one)) + bytes(more) + one
            for n, one in enumerate(ETHERNET)
        )


def several(order: str) -> bytes:
    """Two sections, three interfaces of several clocks, every kind of block, options."""
    names = option(2, b"eth0", order) + option(9, b"\x09", order) + option(14, bytes(8), order)
    said = option(1, b"why\x1b[31m?", order) + option(4, struct.pack(order + "Q", 3), order)
    octets = section(order, option(1, b"words", order) + option(0, b"", order))
    octets += interface(1, order, names + option(0, b"", order)) + interface(
        101, order, option(9, b"\x8a", order)
    )
    first, second = dated(ETHERNET), [one._replace(interface=1) for one in dated(TALK)]
    octets += b"".join(enhanced(one, order, said) for one in first[:4])
    octets += b"".join(enhanced(one, order) for one in second)
    octets += block(3, struct.pack(order + "I", len(ETHERNET[0])) + ETHERNET[0], order)
    octets += block(2, struct.pack(order + "HHIIII", 0, 1, 0, 9, 54, 54) + ETHERNET[1][:54], order)
    octets += block(5, struct.pack(order + "III", 0, 0, 0) + option(5, bytes(8), order), order)
    octets += block(4, bytes(8), order) + block(0x0BAD, b"PEN!" + bytes(40), order)
    other = "<" if order == ">" else ">"
    return octets + section(other) + interface(276, other) + enhanced(Taken(make.sll2(TALK[0])), other)


def seeds() -> list[bytes]:
    """All of them, in the same order at every run."""
    found = list(made())
    corpus = Path(os.environ.get("BYPEER_SHARED", ""), "corpus")
    if os.environ.get("BYPEER_SHARED") and corpus.exists():
        files = sorted(path for path in corpus.rglob("*") if path.is_file())
        found += [path.read_bytes() for path in files if path.stat().st_size <= LARGEST]
    return found
