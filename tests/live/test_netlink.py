"""What goes over netlink, and what the kernel makes of it."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.errors import HostError
from bypeer.live import nftables
from bypeer.live.conntrack import Conntrack
from bypeer.live.namespace import Namespace
from bypeer.live.netlink import ROUTE, Netlink, attribute, attributes, name, nested, number
from bypeer.live.nflog import Nflog
from bypeer.live.nftables import Chain, make_table
from bypeer.live.route import Routes
from bypeer.live.tun import open_tun

pytestmark = pytest.mark.live
GETLINK = 18


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40))))
def test_attributes_come_back(values: list[tuple[int, bytes]]) -> None:
    assert list(attributes(b"".join(attribute(*one) for one in values))) == values


@given(st.binary(max_size=64), st.integers(0, 64))
def test_any_octets_are_taken(octets: bytes, at: int) -> None:
    assert sum(len(value) for _, value in attributes(octets, at)) <= len(octets)


def test_numbers_are_in_network_order_and_nests_marked() -> None:
    assert number(1, -1) == b"\x08\x00\x01\x00\xff\xff\xff\xff"
    assert name(2, "ab") == b"\x07\x00\x02\x00ab\x00\x00"
    assert nested(3, b"") == struct.pack("=HH", 4, 0x8003)


def test_a_dump_is_complete(namespace: Namespace) -> None:
    fd = namespace.call(open_tun, "dumped")
    netlink = namespace.call(Netlink, ROUTE)
    messages = list(netlink.dump("listing devices", GETLINK, bytes(16)))
    netlink.close()
    os.close(fd)
    names = [dict(attributes(one.body, 16))[3] for one in messages]
    assert {b"lo\0", b"dumped\0"} <= set(names)


def test_a_refusal_is_said(namespace: Namespace) -> None:
    netlink = namespace.call(Netlink, ROUTE)
    with pytest.raises(HostError, match=r"^listing devices: "):
        netlink.do("listing devices", 9999, bytes(16))
    netlink.close()


def test_devices_and_routes(namespace: Namespace) -> None:
    fd = namespace.call(open_tun, "way")

    def lay() -> None:
        routes = Routes()
        routes.up("way", 1400, 10)
        routes.route("10.9.0.0/16", "way")
        routes.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", ("10.9.1.2", 7))

    namespace.call(lay)
    packets = []
    while not packets or packets[-1][9] != socket.IPPROTO_UDP:
        packets.append(os.read(fd, 2000))
    os.close(fd)
    assert packets[-1][16:20] == bytes([10, 9, 1, 2])


def test_rules_are_all_or_none(namespace: Namespace) -> None:
    def make(*rules: tuple[bytes, ...]) -> None:
        make_table("t", nftables.IPV4, [Chain("c", "filter", nftables.OUTPUT, 0, rules)])

    good = (nftables.load_ct(nftables.CT_STATE), nftables.write(nftables.TRANSPORT, 0, 4))
    bad = (nftables.load_ct(9999),)
    with pytest.raises(HostError, match="setting nftables rules"):
        namespace.call(make, good, bad)
    with pytest.raises(HostError, match="No such file"):
        namespace.call(make_table, "t", nftables.IPV4, [Chain("c", "nonsense", 0, 0, ())])
    namespace.call(make, good)


def test_an_empty_table_of_the_tracker_is_flushed(namespace: Namespace) -> None:
    tracker = namespace.call(Conntrack)
    tracker.flush()
    tracker.close()


def test_nothing_logged_is_no_line(namespace: Namespace) -> None:
    log = namespace.call(Nflog)
    assert list(log.lines()) == []
    log.close()


def test_binding_nflog_changes_no_setting(namespace: Namespace) -> None:
    names = ("net.netfilter.nf_log.2", "net.netfilter.nf_log.10")
    before = [namespace.sysctl(name) for name in names]
    with closing(namespace.call(Nflog)):
        assert [namespace.sysctl(name) for name in names] == before
        with pytest.raises(HostError, match=r"NFLOG group 0 is read by another program \(port \d+\)"):
            namespace.call(Nflog)
    namespace.call(Nflog).close()
