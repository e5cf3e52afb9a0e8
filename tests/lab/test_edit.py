"""A packet that is changed is as it was but for that, and its sums are right."""

from __future__ import annotations

import pytest

from bypeer.core import tcp
from bypeer.lab.edit import Edit, Packet, built, checksum, edited, parse

ONE = Packet(
    4, bytes((198, 51, 100, 2)), bytes((203, 0, 113, 12)), 63, 7_000, 80, 40_000, 4_294_967_000, 500,
    tcp.ACK_, 509, bytes((1, 1, 8, 10)) + (1_000).to_bytes(4, "big") + (9).to_bytes(4, "big"), b"hello",
)  # fmt: skip
SIX = ONE._replace(version=6, source=bytes(15) + b"\2", target=bytes(15) + b"\3", ip_id=0)

EDITS = {
    "beyond": (Edit(seq=1_000), {"seq": 704}),
    "identified as another": (Edit(ip_id=60_000), {"ip_id": 1_464}),
    "not identified": (Edit(id_is=0, ip_id=5), {"ip_id": 0}),
    "a RST in its place": (
        Edit(flags=tcp.RST, payload=b"", bare=True, window=0),
        {"flags": tcp.RST, "payload": b"", "options": b"", "window": 0},
    ),
    "later": (Edit(tsval=24), {"options": ONE.options[:4] + (1_024).to_bytes(4, "big") + ONE.options[8:]}),
    "back": (
        Edit(back=True, ttl=64),
        {"source": ONE.target, "target": ONE.source, "sport": 40_000, "dport": 80, "seq": 500,
         "ack": 5 + 4_294_967_000 & 0xFFFF_FFFF, "ttl": 64},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "changed"), EDITS.values(), ids=EDITS)
def test_what_is_changed(edit: Edit, changed: dict[str, object]) -> None:
    assert parse(edited(ONE, edit)) == ONE._replace(**changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("packet", [ONE, SIX], ids=["IPv4", "IPv6"])
def test_it_is_read_as_it_was_built_with_good_sums(packet: Packet) -> None:
    octets = built(packet)
    assert parse(octets) == packet
    at = 20 if packet.version == 4 else 40
    pseudo = packet.source + packet.target + (len(octets) - at).to_bytes(4, "big") + (6).to_bytes(4, "big")
    # 0 and 0xFFFF are the same number there (RFC 1071).
    assert checksum(pseudo + octets[at:]) in (0, 0xFFFF)
    assert checksum(pseudo + built(packet, bad_sum=True)[at:]) not in (0, 0xFFFF)
    if packet.version == 4:
        assert checksum(octets[:20]) in (0, 0xFFFF)


@pytest.mark.parametrize("octets", [b"", bytes(39), built(ONE)[:39], bytes((0x45, *bytes(60)))])
def test_what_is_no_whole_tcp_packet(octets: bytes) -> None:
    assert parse(octets) is None
