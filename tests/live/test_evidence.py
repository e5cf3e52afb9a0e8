"""What the running kernel says of a segment beyond the window, by every way that bypeer listens."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

import pytest

from bypeer.core import tcp
from bypeer.core.evidence import Event
from bypeer.core.kernels import LOG_PREFIX
from bypeer.live import evidence as listening
from bypeer.live.changes import LOGGING, read_sysctl
from bypeer.live.evidence import NEEDS, Evidence
from bypeer.live.nflog import Nflog
from tests.live.nat import CLIENT, HOST, PORT, SERVER, Connection, Net, run, state, until

pytestmark = pytest.mark.live

ALL = {"conntrack", "tracepoint", "nft", "nflog"}


class Heard:
    """What was heard so far."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence, self.events = evidence, []

    def of(self, source: str, **fields: str | int) -> list[Event]:
        """The events of a source with these fields."""
        return [
            one for one in self.events if one.source == source and fields.items() <= dict(one.fields).items()
        ]

    def hear(self, what: Callable[[], object]) -> bool:
        """Listen until it comes true."""

        def heard() -> bool:
            self.events += self.evidence.wait(0.05)
            return bool(what())

        return until(heard)


def test_every_witness_tells_of_a_segment_beyond_the_window(net: Net) -> None:
    with net.host.call(Evidence, allow=True) as evidence:
        assert {one.source for one in evidence.witnesses} | {"tracepoint"} == ALL, evidence.missing
        heard = Heard(evidence)
        connection = Connection(net)
        before = evidence.sample().fields
        started = time.time_ns()
        seq = connection.beyond(net)
        assert heard.hear(
            lambda: (
                heard.of("nflog", seq=seq)
                and heard.of("nft", rule="invalid", hook="prerouting", seq=seq)
                and heard.of("nft", rule="reset", hook="output")
            )
        ), heard.events
        ended = time.time_ns()
        with pytest.raises(ConnectionResetError):
            connection.server.recv(1)
        after = evidence.sample().fields
        there, back = (SERVER, PORT, HOST, connection.port), (HOST, connection.port, SERVER, PORT)

        (said,) = heard.of("nflog", seq=seq)
        assert str(said.fields["prefix"]).startswith(LOG_PREFIX.strip())
        assert "SEQ is over" in str(said.fields["prefix"])
        (invalid,) = heard.of("nft", rule="invalid", hook="prerouting")
        (reset,) = heard.of("nft", rule="reset", hook="output")
        assert not heard.of("nft", rule="reset", hook="forward")
        assert named(said) == named(invalid) == there
        assert named(reset) == back
        assert reset.fields["seq"] == connection.ack, "the RST's SEG.SEQ is the trigger's SEG.ACK"
        assert reset.fields["flags"] == tcp.RST
        assert said.fields["clock"] == invalid.fields["clock"] == "packet"
        assert all(started - 1_000 <= one.ts <= ended for one in (said, invalid, reset))
        rises = {name: after[name] - before[name] for name in before if isinstance(before[name], int)}
        assert rises["invalid"] >= 1
        rules = ("invalid prerouting", "reset output", "reset forward")
        assert [rises[name] for name in (*rules, "TcpOutRsts")] == [1, 1, 0, 1]
        connection.close()


def test_the_tracepoints_say_why_and_which_packet_found_no_socket(net: Net) -> None:
    with net.host.call(Evidence, allow=True) as evidence:
        if "tracepoint" in evidence.missing:
            pytest.skip(evidence.missing["tracepoint"])
        heard, connection = Heard(evidence), Connection(net)
        started = time.time_ns()
        connection.beyond(net)
        assert heard.hear(lambda: heard.of("tracepoint", name="tcp:tcp_send_reset", dport=PORT))
        (traced,) = heard.of("tracepoint", name="tcp:tcp_send_reset", dport=PORT)
        assert named(traced) == (HOST, connection.port, SERVER, PORT)
        assert started - 1_000_000 <= traced.ts <= time.time_ns() + 1_000_000
        if "reason" not in traced.fields:
            pytest.skip("this kernel's tcp_send_reset gives no reason (before 6.12)")
        assert traced.fields["reason"] == "NO_SOCKET"
        assert heard.hear(lambda: heard.of("tracepoint", name="skb:kfree_skb", sport=PORT))
        (dropped,) = heard.of("tracepoint", name="skb:kfree_skb", sport=PORT)
        assert named(dropped) == (SERVER, PORT, HOST, connection.port)
        assert dropped.fields["reason"] == "NO_SOCKET"
        assert dropped.fields["skbaddr"] == traced.fields["skbaddr"]
        assert 0 <= dropped.ts - traced.ts < 10_000_000
        connection.close()


def named(event: Event) -> tuple[str | int, ...]:
    """Source and destination of what an event is about."""
    return tuple(event.fields[name] for name in ("src", "sport", "dst", "dport"))


def test_a_reset_that_is_passed_on_is_told_from_one_that_is_made(net: Net) -> None:
    with net.host.call(Evidence, allow=True) as evidence:
        heard, connection = Heard(evidence), Connection(net)
        connection.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.client.close()
        assert heard.hear(lambda: heard.of("nft", rule="reset", hook="forward")), heard.events
        (passed,) = heard.of("nft", rule="reset", hook="forward")
        assert named(passed)[:1] + named(passed)[2:] == (CLIENT, SERVER, PORT)  # NAT comes after FORWARD
        assert not heard.of("nft", hook="output")
        assert not heard.of("nflog")
        counted = evidence.sample().fields
        assert (counted["reset forward"], counted["reset output"], counted["TcpOutRsts"]) == (1, 0, 0)
        connection.close()


def test_entries_come_are_asked_for_and_go(net: Net) -> None:
    with net.host.call(Evidence, allow=False) as evidence:
        heard, connection = Heard(evidence), Connection(net)
        inner = (CLIENT, connection.client.getsockname()[1], SERVER, PORT)
        assert heard.hear(lambda: heard.of("conntrack", event="NEW", sport=inner[1]))
        (outer,) = evidence.entries([(SERVER, PORT, HOST, connection.port)])
        (entry,) = evidence.entries([inner])
        assert entry.fields == {**outer.fields, "timeout": entry.fields["timeout"]}
        assert named(entry) == inner
        assert [entry.fields[f"reply_{name}"] for name in ("src", "dst", "dport")] == [
            SERVER,
            HOST,
            connection.port,
        ]
        assert (entry.fields["event"], entry.fields["state"]) == ("ENTRY", "ESTABLISHED")
        assert "src_nat" in str(entry.fields["status"]).split()
        assert evidence.entries([(SERVER, 1, HOST, 2)]) == []
        net.host.call(run, "conntrack", "-F")
        assert heard.hear(lambda: heard.of("conntrack", event="DESTROY", sport=inner[1]))
        (gone,) = heard.of("conntrack", event="DESTROY", sport=inner[1])
        assert gone.fields["id"] == entry.fields["id"]
        assert heard.events[0].ts <= int(gone.fields["since"]) <= gone.ts
        connection.close()


def test_without_leave_nothing_is_changed_and_it_is_said(net: Net) -> None:
    before = state(net.host)
    with net.host.call(Evidence, allow=False) as evidence:
        assert state(net.host) == before
        assert {one.source for one in evidence.witnesses} == {"conntrack"}
        assert set(evidence.missing) == {"tracepoint", "nft", "nflog"}
        assert all(why.endswith(NEEDS) for why in evidence.missing.values())
        connection = Connection(net)
        connection.beyond(net)
        assert until(lambda: evidence.sample().fields["TcpOutRsts"] == 1)
        assert evidence.sample().fields["invalid"]
        connection.close()
        assert state(net.host) == before
        about = evidence.about().fields
        assert about["used"] == "conntrack"
        assert NEEDS in str(about["missing_nflog"])
    assert state(net.host) == before


def test_with_leave_everything_is_as_before_afterwards(net: Net) -> None:
    before = state(net.host)
    with net.host.call(Evidence, allow=True) as evidence:
        during = state(net.host)
        changed = {name for name in before if during[name] != before[name]}
        paths = {f"/proc/sys/{name.replace('.', '/')}" for name in LOGGING}
        assert changed == paths | {"ruleset", "nflog"}
        about = evidence.about().fields
        assert about["changed_net.netfilter.nf_conntrack_log_invalid"] == "was 0"
        assert about["lost"] == ""
    assert state(net.host) == before
    assert evidence.close() == []


def test_what_somebody_else_set_meanwhile_stays_and_is_said(net: Net) -> None:
    name = "net.netfilter.nf_conntrack_log_invalid"
    evidence = net.host.call(Evidence, allow=True)
    assert "nflog" not in str(evidence.about().fields["lost"])
    net.host.set_sysctls({name: 17})
    evidence.sample()
    assert "nflog" in str(evidence.about().fields["lost"]).split()
    assert evidence.close() == [f"{name} is 17 by somebody else's will, was 0 at first: left as it is"]
    assert net.host.sysctl(name) == "17"


def test_a_log_that_is_on_already_is_read_without_leave(net: Net) -> None:
    net.host.set_sysctls({name: wanted for name, (wanted, _) in LOGGING.items()})
    before = state(net.host)
    with net.host.call(Evidence, allow=False) as evidence:
        heard, connection = Heard(evidence), Connection(net)
        seq = connection.beyond(net)
        assert heard.hear(lambda: heard.of("nflog", seq=seq))
        connection.close()
    assert state(net.host) == before


def test_where_another_reads_the_tracker_s_log_nothing_of_it_is_changed(net: Net) -> None:
    other = net.host.call(Nflog)
    with net.host.call(Evidence, allow=True) as evidence:
        assert evidence.missing["nflog"].startswith("NFLOG group 0 is read by another program (port ")
        assert net.host.call(read_sysctl, "net.netfilter.nf_conntrack_log_invalid") == "0"
        # A second recorder beside the first.
        with net.host.call(Evidence, allow=True) as second:
            assert "nft" in {one.source for one in second.witnesses}
            heard, connection = Heard(second), Connection(net)
            seq = connection.beyond(net)
            assert heard.hear(lambda: heard.of("nft", rule="invalid", seq=seq))
            connection.close()
    other.close()


def test_lines_that_come_too_fast_are_counted_and_said(net: Net) -> None:
    with net.host.call(Evidence, allow=True) as evidence:
        (lines,) = [one for one in evidence.witnesses if one.source == "nft"]
        lines._log._netlink.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        connection = Connection(net)
        for _ in range(40):
            connection.beyond(net)
        assert until(lambda: evidence.sample().fields["invalid prerouting"] == 40)
        told = evidence.read()
        assert len([one for one in told if one.source == "nft"]) < 80
        assert lines.lost
        assert "nft" in str(evidence.about().fields["lost"]).split()
        connection.beyond(net)  # those that follow are heard again
        assert until(lambda: any(one.source == "nft" for one in evidence.wait(0.05)))
        connection.close()


def test_a_supervisor_that_is_ended_puts_all_back_and_is_missed(net: Net) -> None:
    import os
    import signal

    before = state(net.host)
    evidence = net.host.call(Evidence, allow=True)
    for one in [one for one in evidence.witnesses if one.source == "tracepoint"]:
        one.close()  # else its instance is kept for five seconds
        evidence.witnesses.remove(one)
    os.kill(evidence._supervisor.pid, signal.SIGTERM)
    sysctls = {name: text for name, text in before.items() if name != "nflog"}
    assert until(lambda: {name: text for name, text in state(net.host).items() if name != "nflog"} == sysctls)
    assert until(lambda: evidence.wait(0.05) is not None and bool(evidence.broken))
    assert set(str(evidence.about().fields["lost"]).split()) == {"nft", "nflog"}
    started = time.monotonic()
    assert evidence.wait(0.2) == []
    assert time.monotonic() - started >= 0.15, "waiting for it still is no waiting"
    evidence.close()
    assert state(net.host) == before


def test_modules_that_would_be_loaded_are_not_asked(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "would_load", lambda name: True)
    with net.host.call(Evidence, allow=False) as evidence:
        assert evidence.witnesses == []
        assert evidence.missing["conntrack"] == f"loading the kernel module nf_conntrack_netlink {NEEDS}"
        assert evidence.entries([(CLIENT, 1, SERVER, 2)]) == []
        assert "TcpOutRsts" in evidence.sample().fields
        assert "invalid" not in evidence.sample().fields
