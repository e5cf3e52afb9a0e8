from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bypeer.core import decode as module
from bypeer.core.decode import KINDS, LAST_TCP, TCP, WEIRD, decode, in_tunnel, interface_and_index
from bypeer.core.segment import BAD, GOOD, UNKNOWN, Segment
from bypeer.core.tcp import ACK_, FIN, PSH, RST, SYN
from tests import make
from tests.make import CLIENT6, ETHERNET, RAW, SERVER6, ethernet, ip, tcp
from tests.pure import load_compiled

LINKS = (0, 1, 6, 9, 10, 12, 105, 106, 107, 113, 117, 119, 127, 163, 178, 192, 228, 239, 258, 276, 285, 999)
FULL = tcp(SYN | ACK_, options=make.mss(1460) + make.SACK_PERMITTED + make.timestamps(5, 6) + make.wscale(7))


def v6(payload: bytes, **more: Any) -> bytes:
    return ip(payload, src=CLIENT6, dst=SERVER6, **more)


def decoded(
    frame: bytes, link_type: int = RAW, *, length: int | None = None, verify: bool = True
) -> tuple[str, Segment]:
    segment, start = Segment(), 3
    octets = bytearray(b"\xff" * start) + frame + b"\xff\xff"
    wire = len(frame) if length is None else length
    kind = decode(octets, start, len(frame), wire, link_type, segment, verify)
    return KINDS[kind], segment


def fields(segment: object) -> dict[str, int]:
    return {name: getattr(segment, name) for name in Segment.__slots__}


def address(high: int, low: int) -> str:
    return str(make.ip_address(high.to_bytes(8, "big") + low.to_bytes(8, "big")))


def test_every_field_of_a_plain_segment_is_filled_in() -> None:
    segment = tcp(PSH | ACK_, 0xFFFF_FFF0, 0x8000_0001, sport=65535, dport=1, win=65534, payload=b"hello")
    kind, got = decoded(ip(segment, ttl=63, ip_id=0xBEEF))
    assert kind == "tcp"
    assert (address(got.src_hi, got.src_lo), address(got.dst_hi, got.dst_lo)) == (
        "::ffff:a00:1",
        "::ffff:c000:250",
    )
    assert (got.version, got.ttl, got.ip_id, got.df) == (4, 63, 0xBEEF, True)
    assert (got.sport, got.dport, got.seq, got.ack) == (65535, 1, 0xFFFF_FFF0, 0x8000_0001)
    assert (got.flags, got.win, got.size, got.checksum) == (PSH | ACK_, 65534, 5, GOOD)
    assert (got.mss, got.wscale, got.sack_permitted, got.timestamps, got.sack_count) == (
        -1,
        -1,
        False,
        False,
        0,
    )
    assert got.sack == got.ack
    assert not got.cut


def test_ipv6_is_filled_in_alike() -> None:
    high = "fe80::ffff:ffff:ffff:ffff"
    kind, got = decoded(ip(tcp(FIN, payload=b"odd"), src=high, dst=SERVER6, ttl=1))
    assert kind == "tcp"
    assert (address(got.src_hi, got.src_lo), address(got.dst_hi, got.dst_lo)) == (high, SERVER6)
    assert (got.version, got.ttl, got.ip_id, got.df, got.size, got.checksum) == (6, 1, 0, True, 3, GOOD)


def test_the_options_of_a_syn_are_read() -> None:
    _, got = decoded(ip(FULL))
    assert (got.mss, got.wscale, got.sack_permitted) == (1460, 7, True)
    assert (got.timestamps, got.tsval, got.tsecr) == (True, 5, 6)


def test_nothing_of_the_segment_before_stays_in_a_reused_record() -> None:
    used, fresh = Segment(), Segment()
    before = bytearray(ip(FULL[:13] + b"\x12" + FULL[14:] + b"data") + b"")
    sacked = bytearray(ip(tcp(options=make.sack((3000, 4000)))))
    plain = bytearray(v6(tcp()))
    for octets in (before, sacked, plain):
        decode(octets, 0, len(octets), len(octets), RAW, used, True)
    decode(plain, 0, len(plain), len(plain), RAW, fresh, True)
    assert fields(used) == fields(fresh)


OPTIONS = {
    "no operation, then MSS": (make.NOP * 3 + make.mss(9), {"mss": 9}),
    "nothing after the end": (make.EOL + make.mss(9), {"mss": -1}),
    "nothing after a length of 1": (b"\xfe\x01" + make.mss(9), {"mss": -1}),
    "nothing after a length of 0": (b"\xfe\x00" + make.mss(9), {"mss": -1}),
    "nothing after a length beyond the header": (b"\xfe\x09" + make.mss(9), {"mss": -1}),
    "an unknown option is stepped over": (b"\xfe\x05abc" + make.mss(9), {"mss": 9}),
    "a kind without a length ends them": (make.NOP * 3 + b"\x02", {"mss": -1}),
    "a wrong size is no MSS": (b"\x02\x03\x01" + make.wscale(3), {"mss": -1, "wscale": 3}),
    "a shift above 14 as sent": (make.wscale(255), {"wscale": 255}),
    "the last of two counts": (make.mss(1) + make.mss(2), {"mss": 2}),
    "timestamps of a wrong size are none": (b"\x08\x06abcd", {"timestamps": False}),
    "SACK without a block": (b"\x05\x02", {"sack_count": 0, "sack": 2000}),
    "SACK with half a block": (b"\x05\x06abcd", {"sack_count": 0}),
    "one SACK block": (make.sack((3000, 4000)), {"sack_count": 1, "sack": 4000, "dsack_left": 3000}),
    "highest of three": (
        make.sack((5, 6), (9000, 9100), (7, 8)),
        {"sack_count": 3, "sack": 9100, "dsack_right": 6},
    ),
    "none beyond ack": (make.sack((1000, 1500)), {"sack_count": 1, "sack": 2000, "dsack_right": 1500}),
    "across the wrap, before": (make.sack((0xFFFF_FFF0, 0xFFFF_FFFF)), {"sack": 2000}),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_read_as_linux_does(name: str) -> None:
    options, want = OPTIONS[name]
    kind, got = decoded(ip(tcp(options=options)))
    assert kind == "tcp"
    assert {field: getattr(got, field) for field in want} == want


def test_sack_compares_across_the_wrap() -> None:
    _, got = decoded(ip(tcp(ack=0xFFFF_FF00, options=make.sack((0xFFFF_FFF0, 16)))))
    assert got.sack == 16


def test_sack_blocks_count_for_nothing_without_the_ack_flag() -> None:
    _, got = decoded(ip(tcp(RST, ack=1, options=make.sack((10, 20)))))
    assert (got.sack, got.sack_count, got.dsack_left) == (1, 1, 10)


def test_size_is_by_the_ip_length_with_padding_and_with_a_cut() -> None:
    padded = ethernet(ip(tcp())).ljust(60, b"\0")
    assert decoded(padded, ETHERNET)[1].size == 0
    assert decoded(padded, ETHERNET)[1].checksum == GOOD
    whole = ip(tcp(payload=bytes(1000)))
    kind, got = decoded(whole[:60], length=len(whole))
    assert (kind, got.size, got.checksum, got.cut) == ("tcp", 1000, UNKNOWN, False)


@pytest.mark.parametrize("address_", [(make.CLIENT, make.SERVER), (CLIENT6, SERVER6)], ids=["IPv4", "IPv6"])
def test_an_ip_length_of_zero_means_what_the_frame_held(address_: tuple[str, str]) -> None:
    packet = ip(tcp(payload=bytes(100)), src=address_[0], dst=address_[1], length=0)
    kind, got = decoded(ethernet(packet[:70]), ETHERNET, length=14 + len(packet) + 70000)
    assert (kind, got.size) == ("tcp", 70100)


VXLAN = b"\0\0\x12\xb5" + bytes(4) + b"\x08" + bytes(7)
GENEVE = b"\0\0\x17\xc1" + bytes(4) + b"\x01\0\x65\x58" + bytes(8)
KIND_OF = {
    "UDP": ("other", ip(bytes(8), protocol=17)),
    "a later fragment": ("fragment", ip(tcp(), fragment=0x2001)),
    "a later fragment of UDP": ("other", ip(bytes(8), protocol=17, fragment=0x0001)),
    "a first fragment": ("tcp", ip(tcp(), fragment=0x2000)),
    "IHL below 5": ("bad-header-length", b"\x44" + ip(tcp())[1:]),
    "total below header": ("bad-total-length", ip(tcp(), length=19)),
    "options cut": ("cut", ip(tcp(), options=bytes(8))[:27]),
    "data offset 4": ("tcp-offset-small", ip(tcp(offset=4))),
    "data offset beyond": ("tcp-offset-large", ip(tcp(offset=6))),
    "half a TCP header": ("tcp-short", ip(tcp()[:10])),
    "no TCP header": ("tcp-short", ip(b"")),
    "source route": ("tcp", ip(tcp(), options=b"\x83\x03\x04\0")),
    "quoted": ("in-icmp", ip(b"\x03\x01" + bytes(6) + ip(tcp())[:28], protocol=1)),
    "quoted UDP": ("other", ip(b"\x03\x01" + bytes(6) + ip(bytes(8), protocol=17), protocol=1)),
    "quoted, v6": ("in-icmp", v6(b"\x02" + bytes(7) + v6(tcp()), protocol=58)),
    "ping": ("other", ip(b"\x08" + bytes(7) + ip(tcp()), protocol=1)),
    "ICMP cut": ("other", ip(b"\x03\x01" + bytes(6), protocol=1)),
    "ICMP quotes no IP": ("other", ip(b"\x03\x01" + bytes(40), protocol=1)),
    "IPIP": ("tunnel", ip(ip(tcp()), protocol=4)),
    "6in4": ("tunnel", ip(v6(tcp()), protocol=41)),
    "IPIP in IPIP": ("tunnel", ip(ip(ip(tcp()), protocol=4), protocol=4)),
    "IPIP cut": ("other", ip(b"\x45\0\0", protocol=4)),
    "IPIP of UDP": ("other", ip(ip(bytes(8), protocol=17), protocol=4)),
    "GRE": ("tunnel", ip(b"\0\0\x08\0" + ip(tcp()), protocol=47)),
    "GRE with key and more": ("tunnel", ip(b"\xb0\0\x08\0" + bytes(12) + ip(tcp()), protocol=47)),
    "GRE of Ethernet": ("tunnel", ip(b"\0\0\x65\x58" + ethernet(ip(tcp())), protocol=47)),
    "GRE of Ethernet cut": ("other", ip(b"\0\0\x65\x58" + bytes(13), protocol=47)),
    "VXLAN": ("tunnel", ip(VXLAN + ethernet(ip(tcp())), protocol=17)),
    "Geneve": ("tunnel", ip(GENEVE + ethernet(ip(tcp())), protocol=17)),
    "VXLAN of Linux": ("tunnel", ip(b"\0\0\x21\x18" + VXLAN[4:] + ethernet(ip(tcp())), protocol=17)),
    "VXLAN with a group": ("tunnel", ip(VXLAN[:8] + b"\x88" + VXLAN[9:] + ethernet(ip(tcp())), protocol=17)),
    "VXLAN without identifier": ("other", ip(VXLAN[:8] + bytes(8) + ethernet(ip(tcp())), protocol=17)),
    "VXLAN in IPIP": ("tunnel", ip(ip(VXLAN + ethernet(ip(tcp())), protocol=17), protocol=4)),
    "half a TCP header in IPIP": ("tunnel-cut", ip(ip(tcp())[:30], protocol=4)),
    "a later fragment in IPIP": ("tunnel-cut", ip(ip(tcp(), fragment=0x2001), protocol=4)),
    "quoted, in IPIP": ("other", ip(ip(b"\x03\x01" + bytes(6) + ip(tcp())[:28], protocol=1), protocol=4)),
    "IPIP with a senseless packet": ("other", ip(b"\x44" + ip(tcp())[1:], protocol=4)),
    "DNS": ("other", ip(b"\0\x35\0\x35" + bytes(40), protocol=17)),
    "tunnels without end": ("other", b"".join(ip(bytes(400), protocol=4)[:20] for _ in range(9))),
    "cut in IPv4": ("cut", ip(tcp())[:19]),
    "cut in IPv6": ("cut", v6(tcp())[:39]),
    "nothing": ("cut", b""),
}  # fmt: skip


@pytest.mark.parametrize("name", KIND_OF)
def test_the_kind_is_told_of(name: str) -> None:
    kind, packet = KIND_OF[name]
    assert decoded(packet)[0] == kind


HOP, ROUTING, FRAGMENT, AH, DESTINATION = 0, 43, 44, 51, 60
# headers before TCP: kind, whether the checksum can be computed
CHAINS = {
    "hop-by-hop and destination": ("tcp", GOOD, [(HOP, bytes(8)), (DESTINATION, b"\0\x01" + bytes(14))]),
    "routing, arrived": ("tcp", GOOD, [(ROUTING, bytes(8))]),
    "routing, under way": ("tcp", UNKNOWN, [(ROUTING, b"\0\0\0\x01" + bytes(4))]),
    "authentication": ("tcp", GOOD, [(AH, b"\0\x01" + bytes(10))]),
    "a fragment that is all": ("tcp", GOOD, [(FRAGMENT, bytes(8))]),
    "a first fragment": ("tcp", UNKNOWN, [(FRAGMENT, b"\0\0\0\x01" + bytes(4))]),
    "a later fragment": ("fragment", UNKNOWN, [(FRAGMENT, b"\0\0\0\x08" + bytes(4))]),
    "beyond the payload": ("bad-extension", UNKNOWN, [(HOP, b"\0\xff" + bytes(6))]),
    "forty": ("bad-extension", UNKNOWN, [(DESTINATION, bytes(8))] * 40),
}


@pytest.mark.parametrize("name", CHAINS)
def test_ipv6_extension_headers_are_walked(name: str) -> None:
    want, state, chain = CHAINS[name]
    kind, got = decoded(v6(tcp(payload=b"abc"), extensions=chain))
    assert (kind, got.checksum) == (want, state)
    assert kind != "tcp" or got.size == 3


def test_other_ipv6_payloads_are_told_too() -> None:
    later = [(FRAGMENT, b"\0\0\0\x08" + bytes(4))]
    assert decoded(v6(bytes(8), protocol=17, extensions=later))[0] == "other"
    assert decoded(v6(ip(tcp()), protocol=4))[0] == "tunnel"
    assert decoded(v6(bytes(7), protocol=HOP))[0] == "cut"


def test_a_cut_header_keeps_what_was_captured() -> None:
    packet = ip(tcp(RST, seq=77, ack=88, win=99))
    seen = {}
    for have in range(20):
        kind, got = decoded(packet[: 20 + have], length=len(packet))
        assert (kind, got.cut, got.dst_lo & 0xFF) == ("tcp-cut", True, 80)
        seen[have] = (got.dport, got.seq, got.ack, got.flags, got.win)
    assert [seen[have] for have in (3, 4, 8)] == [(0, 0, 0, 0, 0), (443, 0, 0, 0, 0), (443, 77, 0, 0, 0)]
    assert [seen[have] for have in (12, 14, 16)] == [
        (443, 77, 88, 0, 0),
        (443, 77, 88, RST, 0),
        (443, 77, 88, RST, 99),
    ]


def test_cut_options_keep_those_before() -> None:
    packet = ip(FULL)
    for size in range(40, len(packet)):
        kind, got = decoded(packet[:size], length=len(packet))
        assert (kind, got.cut, got.checksum) == ("tcp", True, UNKNOWN)
        assert (got.mss == 1460) == (size >= 44)
        assert got.timestamps == (size >= 56)
    assert not decoded(packet)[1].cut


@pytest.mark.parametrize("packet", [ip(tcp(payload=b"x")), v6(tcp(payload=b"x"))])
def test_one_wrong_bit_is_a_bad_checksum(packet: bytes) -> None:
    assert decoded(packet)[1].checksum == GOOD
    wrong = packet[:-1] + b"y"
    assert decoded(wrong)[1].checksum == BAD
    assert decoded(wrong, verify=False)[1].checksum == UNKNOWN


def test_no_checksum_is_claimed_where_the_address_or_the_rest_is_elsewhere() -> None:
    assert decoded(ip(tcp(), options=b"\x83\x03\x04\0"))[1].checksum == UNKNOWN
    assert decoded(ip(tcp(), fragment=0x2000))[1].checksum == UNKNOWN


def test_sll2_interfaces_are_told_apart_and_split_again() -> None:
    _, got = decoded(make.sll2(ip(tcp()), index=9), make.SLL2)
    assert interface_and_index(got.interface) == (0, 9)
    assert interface_and_index(70000 << 16 | 12) == (12, 70000)


TUNNELS = {
    "IPIP": lambda packet: ip(packet, protocol=4, ttl=9),
    "IPv6": lambda packet: v6(packet, protocol=41 if packet[0] >> 4 == 6 else 4),
    "GRE": lambda packet: ip(
        b"\x20\0" + make.ether_type(packet).to_bytes(2, "big") + bytes(4) + packet, protocol=47
    ),
    "VXLAN": lambda packet: ip(VXLAN + ethernet(packet), protocol=17),
    "Geneve": lambda packet: ip(GENEVE + ethernet(packet), protocol=17),
    "two": lambda packet: ip(v6(packet, protocol=41 if packet[0] >> 4 == 6 else 4), protocol=41),
}


@pytest.mark.parametrize("name", TUNNELS)
@pytest.mark.parametrize("packet", [ip(FULL, ttl=63), v6(FULL, ttl=63)], ids=["IPv4", "IPv6"])
def test_what_a_tunnel_carries_is_seen_inside_it(name: str, packet: bytes) -> None:
    kind, inner = decoded(TUNNELS[name](packet))
    _, alone = decoded(packet)
    assert kind == "tunnel"
    assert in_tunnel(inner.interface)
    assert not in_tunnel(alone.interface)
    assert fields(inner) == fields(alone) | {"interface": inner.interface}
    assert (inner.ttl, inner.checksum) == (63, GOOD)


def test_a_tunnel_seen_by_sll2_keeps_its_interface() -> None:
    kind, got = decoded(make.sll2(TUNNELS["VXLAN"](ip(tcp())), index=9), make.SLL2)
    assert (kind, interface_and_index(got.interface), in_tunnel(got.interface)) == ("tunnel", (0, 9), True)


def test_an_ip_length_of_zero_in_a_tunnel_means_what_the_tunnel_held() -> None:
    packet = ip(ip(tcp(payload=bytes(100)), length=0), protocol=4)
    kind, got = decoded(packet + bytes(6))
    assert (kind, got.size) == ("tunnel", 100)


def test_kinds_have_names_and_order() -> None:
    numbers = {
        name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, int)
    }
    for number, name in enumerate(KINDS):
        assert numbers[name.upper().replace("-", "_")] == number
    assert TCP == 0
    assert {kind for kind in range(len(KINDS)) if KINDS[kind].startswith("tcp")} == set(range(LAST_TCP + 1))
    assert all(KINDS[kind].startswith(("tcp-", "bad-")) for kind in WEIRD)


SAMPLES = [packet for _, packet in KIND_OF.values()] + [ip(FULL), ip(tcp(options=make.sack((1, 2), (3, 4))))]
SAMPLES += [v6(tcp(), extensions=chain) for _, _, chain in CHAINS.values()]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A packet with some octets changed, perhaps cut."""
    packet = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(0, 4)) if packet else 0):
        packet[draw(st.integers(0, len(packet) - 1))] = draw(st.integers(0, 255))
    return bytes(packet[: draw(st.integers(0, len(packet)))] if draw(st.booleans()) else packet)


@given(
    st.one_of(mutated(), mutated().map(ethernet), st.binary(max_size=120)),
    st.sampled_from(LINKS),
    st.integers(0, 2**32),
)
@example(struct.pack(">HH", 0xFFFF, 0xFFFF) * 30, 1, 0)
def test_any_octets_give_a_kind_and_fields_in_range(frame: bytes, link_type: int, length: int) -> None:
    kind, got = decoded(frame, link_type, length=length)
    assert kind in KINDS
    assert 0 <= got.size <= max(65535, length)
    assert all(
        0 <= getattr(got, name) < 1 << 32 for name in ("seq", "ack", "sack", "tsval", "tsecr", "dsack_left")
    )
    assert all(0 <= getattr(got, name) < 1 << 64 for name in ("src_hi", "src_lo", "dst_hi", "dst_lo"))


@given(st.one_of(mutated(), mutated().map(make.null), mutated().map(ethernet)), st.sampled_from(LINKS))
@example(b"\x1c\0\0\xea" + ip(tcp()), 0)  # a number that a C int does not hold
def test_compiled_and_source_decode_alike(frame: bytes, link_type: int) -> None:
    # Both worlds come from the same place, so that each decode gets a Segment of its own world.
    fast, record = load_compiled("bypeer.core.decode"), load_compiled("bypeer.core.segment").Segment()
    octets, segment = bytearray(frame), Segment()
    for verify in (False, True):
        kinds = [
            one(octets, 0, len(octets), len(octets), link_type, into, verify)
            for one, into in ((decode, segment), (fast.decode, record))
        ]
        assert kinds[0] == kinds[1]
        assert kinds[0] > LAST_TCP or fields(segment) == fields(record)
