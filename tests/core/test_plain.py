"""The short way for plain frames: a scan finds the same by it as by `decode`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core import lines
from bypeer.core import plain as module
from bypeer.core.frames import Frames, Interface
from bypeer.core.scan import scan
from bypeer.core.tcp import ACK_, FIN, PSH, RST, SYN
from tests import make, pure
from tests.make import ETHERNET, RAW, Taken, ethernet, ip, tcp
from tests.scene import Memory

STAMPED = b"\x01\x01" + make.timestamps(7, 9)
SEGMENTS = {
    "bare": ip(tcp(ACK_, 5, 6)),
    "data": ip(tcp(PSH | ACK_, 5, 6, payload=b"octets")),
    "stamped": ip(tcp(ACK_, 5, 6, options=STAMPED, payload=b"octets")),
    "FIN": ip(tcp(FIN | ACK_, 0xFFFF_FFFF, 6, options=STAMPED)),
    "RST": ip(tcp(RST, 5)),
    "SYN": ip(tcp(SYN, 5, options=make.mss(1460) + make.wscale(7) + b"\x01")),
    "stamped otherwise": ip(tcp(ACK_, 5, 6, options=make.timestamps(7, 9) + b"\x01\x01")),
    "SACK": ip(tcp(ACK_, 5, 6, options=STAMPED + b"\x01\x01\x05\x0a" + bytes(range(8)))),
    "SACK alone": ip(tcp(ACK_, 5, 6, options=b"\x01\x01\x05\x0a" + bytes(range(8)))),
    "stamped twice": ip(tcp(ACK_, 5, 6, options=STAMPED + b"\x01\x01" + make.timestamps(8, 9))),
    "ended before the stamp": ip(tcp(ACK_, 5, 6, options=b"\x00\x01" + make.timestamps(7, 9))),
    "an option of no size": ip(tcp(ACK_, 5, 6, options=b"\x09\x00" + make.timestamps(7, 9))),
    "an option too long": ip(tcp(ACK_, 5, 6, options=STAMPED + b"\x09\x05\x01\x01")),
    "a stamp of another size": ip(tcp(ACK_, 5, 6, options=b"\x08\x06\x01\x02\x03\x04\x01\x01")),
    "the last fragment": ip(tcp(ACK_, 5, 6), fragment=0x0010),
    "the first fragment": ip(tcp(ACK_, 5, 6), fragment=0x2000),
    "DF": ip(tcp(ACK_, 5, 6), fragment=0x4000),
    "not TCP": ip(bytes(20), protocol=17),
    "offset too large": ip(tcp(ACK_, 5, 6, offset=15)),
    "offset too small": ip(tcp(ACK_, 5, 6, offset=4)),
    "no length": ip(tcp(ACK_, 5, 6, payload=b"octets"), length=0),
    "IPv6": ip(tcp(ACK_, 5, 6), src=make.CLIENT6, dst=make.SERVER6),
}


def found(packets: list[tuple[bytes, int]], link_type: int) -> Any:
    """What a scan says of these packets, of which so much was captured."""
    wrap = ethernet if link_type == ETHERNET else bytes
    more = len(wrap(b""))
    taken = [
        Taken(wrap(one)[: kept + more], at, length=len(one) + more) for at, (one, kept) in enumerate(packets)
    ]
    memory = Memory(taken)
    memory.interfaces = [Interface(link_type)]
    one = scan(memory)
    return [tuple(row) for row in one.table.rows], one.tcp, one.rst, one.kinds


@pytest.mark.parametrize("packet", SEGMENTS.values(), ids=SEGMENTS)
def test_both_ways_say_the_same(packet: bytes) -> None:
    for kept in range(20, len(packet) + 1):
        cut = [(packet, kept), (SEGMENTS["data"], 99)]
        assert found(cut, ETHERNET) == found(cut, RAW)


@given(
    st.sampled_from([*SEGMENTS.values()]),
    st.lists(st.tuples(st.integers(1, 79), st.integers(0, 255)), max_size=3),
)
def test_both_ways_say_the_same_of_broken_ones(packet: bytes, changes: list[tuple[int, int]]) -> None:
    broken = bytearray(packet)
    for at, value in changes:
        broken[at % len(broken) or 1] = value
    assert found([(bytes(broken), 99)], ETHERNET) == found([(bytes(broken), 99)], RAW)


@pytest.mark.skipif(pure.here() == "compiled", reason="a compiled module's C functions cannot be called")
def test_which_are_plain() -> None:
    plain = set()
    for name, packet in SEGMENTS.items():
        batch = Frames()
        batch.octets = bytearray(ethernet(packet))
        batch.captured[0], batch.count = 14 + len(packet), 1
        if module.read_plain(batch, batch.octets, 0, 1, lines.packets(1), 0):
            plain.add(name)
    strange = {"SYN", "RST", "not TCP", "offset too large", "offset too small", "no length", "IPv6"}
    assert plain == set(SEGMENTS) - strange - {"the first fragment", "the last fragment"}


def test_a_run_ends_with_its_interface() -> None:
    """Frames of two interfaces in turn are those of two connections, whatever is plain among them."""
    taken = [Taken(ethernet(SEGMENTS["data"]), at, interface=at % 2) for at in range(6)]
    memory = Memory(taken)
    memory.interfaces = [Interface(ETHERNET), Interface(ETHERNET, "other")]
    rows = scan(memory).table.rows
    assert [(row.interface, row.halves[0].segments) for row in rows] == [(0, 3), (1, 3)]
