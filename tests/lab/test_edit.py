"""Packets read and changed on the path, held to the tests' own builder and sums."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.lab.edit import Edit, Packet, built, checksum, edited, parse
from tests import make

OPTIONS = make.NOP * 2 + make.timestamps(1000, 2000)
ENDS = {4: (make.CLIENT, make.SERVER), 6: (make.CLIENT6, make.SERVER6)}
ip_versions = pytest.mark.parametrize("version", [4, 6])
words = st.integers(0, 0xFFFF_FFFF)
halves = st.integers(0, 0xFFFF)
octets = st.binary(max_size=300)


def whole(version: int, segment: bytes, **how: Any) -> bytes:
    """A packet with its sums, as the tests' own builder makes it."""
    src, dst = ENDS[version]
    return make.ip(segment, src=src, dst=dst, **how)


def packet(version: int = 4, **how: Any) -> Packet:
    """A segment of ten octets with timestamps, read."""
    found = parse(whole(version, make.tcp(options=OPTIONS, payload=b"0123456789", **how)))
    assert found is not None
    return found


def sums(raw: bytes) -> tuple[bool, bool]:
    """Whether the header's sum and the segment's are right, by the sums' own rule (RFC 1071)."""
    if raw[0] >> 4 == 4:
        header, ends, segment = make.checksum(raw[:20]) == 0, raw[12:20], raw[20:]
    else:
        header, ends, segment = True, raw[8:40], raw[40:]
    return header, make.checksum(ends + len(segment).to_bytes(4, "big") + bytes((0, 0, 0, 6)) + segment) == 0


@given(octets)
def test_the_sum_is_that_of_words_added_one_by_one(data: bytes) -> None:
    assert checksum(data) == make.checksum(data)


@ip_versions
@given(
    seq=words, ack=words, flags=st.integers(0, 255), win=halves, sport=halves, dport=halves,
    payload=octets, options=st.sampled_from([b"", OPTIONS, make.mss(1460) + make.wscale(7) + make.NOP]),
    ttl=st.integers(1, 255), ip_id=halves,
)  # fmt: skip
def test_what_is_read_is_built_again_to_the_octet(version: int, ttl: int, ip_id: int, **how: Any) -> None:
    raw = whole(version, make.tcp(**how), ttl=ttl, **({"ip_id": ip_id} if version == 4 else {}))
    found = parse(raw)
    assert found is not None
    assert (found.seq, found.ack, found.flags, found.window) == (
        how["seq"], how["ack"], how["flags"], how["win"],
    )  # fmt: skip
    assert (found.payload, found.ttl) == (how["payload"], ttl)
    assert built(found) == raw


@given(st.binary(max_size=120))
def test_what_is_no_tcp_packet_is_not_read_and_nothing_fails(raw: bytes) -> None:
    found = parse(raw)
    if found is not None:
        assert raw[9 if raw[0] >> 4 == 4 else 6] == 6


@pytest.mark.parametrize(
    "raw",
    [
        make.ip(bytes(20), protocol=17),
        make.ip(bytes(20), src=make.CLIENT6, dst=make.SERVER6, protocol=17),
        make.ip(make.tcp())[:39],
        make.ip(make.tcp(), src=make.CLIENT6, dst=make.SERVER6)[:59],
        b"",
    ],
    ids=["UDP", "UDP by IPv6", "cut", "cut IPv6", "empty"],
)
def test_other_packets_are_left_to_others(raw: bytes) -> None:
    assert parse(raw) is None


EDITS: dict[str, tuple[Edit, dict[str, Any]]] = {
    # what to change: fields that are then otherwise
    "nothing": (Edit(), {}),
    "numbers": (Edit(seq=50, ack=-1), {"seq": 1050, "ack": 1999}),
    "numbers that wrap": (Edit(seq=-2000, ack=-2001), {"seq": 2**32 - 1000, "ack": 2**32 - 1}),
    "flags": (Edit(flags=0x03), {"flags": 0x03}),
    "no flags": (Edit(flags=0), {"flags": 0}),
    "TTL": (Edit(ttl=9), {"ttl": 9}),
    "window": (Edit(window=0), {"window": 0}),
    "no payload": (Edit(payload=b""), {"payload": b""}),
    "no options": (Edit(bare=True), {"options": b""}),
    "timestamp": (Edit(tsval=5), {"options": make.NOP * 2 + make.timestamps(1005, 2000)}),
    "timestamp that wraps": (Edit(tsval=-1001), {"options": make.NOP * 2 + make.timestamps(2**32 - 1, 2000)}),
}


@ip_versions
@pytest.mark.parametrize("name", EDITS)
def test_only_what_is_named_changes_and_the_sums_are_right(version: int, name: str) -> None:
    edit, changed = EDITS[name]
    one = packet(version)
    raw = edited(one, edit)
    assert parse(raw) == one._replace(**changed)
    assert sums(raw) == (True, True)


def test_identification_counts_on_and_wraps() -> None:
    one = packet()
    assert (one.ip_id, parse(edited(one, Edit(ip_id=0xFFFF)))) == (7, one._replace(ip_id=6))


@ip_versions
def test_a_bad_sum_is_the_segments_alone(version: int) -> None:
    assert sums(edited(packet(version), Edit(bad_sum=True))) == (True, False)


@ip_versions
def test_what_goes_back_answers_what_came(version: int) -> None:
    one = packet(version)
    back = parse(edited(one, Edit(back=True, flags=0x04, payload=b"", bare=True)))
    assert back is not None
    assert (back.source, back.sport, back.target, back.dport) == (
        one.target, one.dport, one.source, one.sport,
    )  # fmt: skip
    assert (back.seq, back.ack) == (one.ack, one.seq + 10)


@given(octets)
def test_options_that_make_no_sense_stay_as_they_are_or_lose_no_octet(options: bytes) -> None:
    options = options[:40]
    options += bytes(-len(options) % 4)
    one = packet()._replace(options=options)
    again = parse(edited(one, Edit(tsval=1)))
    assert again is not None
    assert len(again.options) == len(options)
