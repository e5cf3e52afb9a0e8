"""Counters, facts and modules: read from what the kernel shows, and nothing else is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.live import facts, modules
from bypeer.live.counters import TcpCounters, parse
from bypeer.live.events import segment_fields
from bypeer.live.namespace import Namespace
from tests import make
from tests.live.nat import Net, state

SNMP = b"""\
Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm MaxConn EstabResets OutSegs OutRsts
Tcp: 1 -1 5 77 3
"""


def test_counters_by_their_names() -> None:
    assert parse(SNMP) == {"EstabResets": 5, "TcpOutRsts": 3}
    assert parse(b"TcpExt: A TCPAbortOnClose\nTcpExt: 1 9\n") == {"TCPAbortOnClose": 9}


@given(st.binary(max_size=200))
def test_any_octets_are_taken(octets: bytes) -> None:
    parse(octets)
    parse(b"Tcp:" + octets)


@pytest.mark.live
def test_they_are_the_namespace_s_own_and_stay_so(namespace: Namespace) -> None:
    inside, outside = namespace.call(TcpCounters), TcpCounters()
    assert inside.read()["TcpOutRsts"] == 0
    assert set(inside.read()) == set(outside.read()) >= {"TcpOutRsts", "EstabResets", "TCPAbortOnClose"}
    assert all(value == 0 for value in inside.read().values())
    inside.close()
    outside.close()


def test_a_segment_is_named_from_the_beginning_of_its_packet() -> None:
    packet = make.ip(make.tcp(make.ACK_, 7, 9, payload=bytes(1000)), src="10.0.0.1", dst="10.0.0.2")
    wanted = {"src": "10.0.0.1", "sport": 40000, "dst": "10.0.0.2", "dport": 443, "seq": 7, "ack": 9}
    assert segment_fields(packet[:40]) == {**wanted, "flags": make.ACK_}
    six = make.ip(make.tcp(make.ACK_, 7, 9), src="2001:db8::1", dst="2001:db8::2")
    assert segment_fields(six)["src"] == "2001:db8::1"
    assert segment_fields(packet[:33]) == {}
    assert segment_fields(b"") == {}


@given(st.binary(max_size=100))
def test_any_packet_is_taken(octets: bytes) -> None:
    segment_fields(octets)


@pytest.mark.live
def test_facts_of_the_host_change_nothing(net: Net) -> None:
    before = state(net.host)
    event = net.host.call(facts.facts)
    assert event.source == "host"
    assert event.fields["kernel"] == os.uname().release
    assert event.fields["net.netfilter.nf_conntrack_tcp_be_liberal"] == "0"
    assert "masquerade" in str(event.fields["ruleset"])
    assert "192.0.2.0/24" in str(event.fields["routes"])
    assert state(net.host) == before


def test_a_program_that_lacks_or_fails_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert facts._output(["nonsense-of-bypeer"], ()) == "not read: nonsense-of-bypeer is not installed"
    assert facts._output(["ls", "/nonsense"], ()).endswith("No such file or directory")
    monkeypatch.setattr(facts, "would_load", lambda name: name == "two")
    assert facts._output(["true"], ("one", "two")) == "not read: the kernel module two is not loaded"


def test_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listed = tmp_path / "modules"
    monkeypatch.setattr(modules, "LOADED", listed)
    monkeypatch.setattr(modules, "BUILT_IN", tmp_path / "modules.builtin")
    assert not modules.would_load("nf_tables"), "without modules nothing is loaded"
    listed.write_text("nf_tables 1 0 - Live 0x0\n")
    assert not modules.would_load("nf_tables")
    assert modules.would_load("nf_tab")
    assert modules.would_load("nfnetlink_log"), "where nothing tells, it may"
    (tmp_path / "modules.builtin").write_text("kernel/net/netfilter/nfnetlink-log.ko\n")
    assert not modules.would_load("nfnetlink_log")
    assert modules.would_load("nfnetlink")
