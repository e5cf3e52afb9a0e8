"""Lines of trace_pipe, as kernels print them: read, joined, and lost ones counted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.evidence import Event
from bypeer.live.tracepoints import Tracepoints

# In the form that 6.18 printed here; OLD follows the print format before 6.10, and was not recorded.
RESET = (
    "          <idle>-0       [001] ..s2.  1234.567890: tcp_send_reset: skbaddr=000000007af8664a "
    "skaddr=0000000000000000 src=192.0.2.1:60730 dest=192.0.2.2:8080 state=UNKNOWN reason=NO_SOCKET"
)
DROP = (
    "          <idle>-0       [001] ..s1.  1234.567907: kfree_skb: skbaddr=000000007af8664a "
    "rx_sk=0000000000000000 protocol=2048 location=tcp_v4_rcv+0x91/0x13f0 reason: NO_SOCKET"
)
OLD = (
    "     ksoftirqd/0-10      [000] ..s1    88.000001: tcp_send_reset: skbaddr=00000000dd6f3a2b "
    "skaddr=00000000a03eb3f1 family=AF_INET sport=80 dport=4242 saddr=10.0.0.1 daddr=10.0.0.2 "
    "saddrv6=::ffff:10.0.0.1 daddrv6=::ffff:10.0.0.2 state=TCP_ESTABLISHED"
)
SIX = (
    "  a b [1] c-7       [001] ..s2.  1.000000: tcp_send_reset: skbaddr=1 skaddr=0 src=[2001:db8::1]:80 "
    "dest=[2001:db8::2]:8080 state=UNKNOWN reason=NO_SOCKET"
)


class Pipe:
    """A pipe in the place of a trace_pipe."""

    def __init__(self) -> None:
        out, self.into = os.pipe2(os.O_NONBLOCK)
        self.trace = Tracepoints(out)

    def say(self, *lines: str) -> list[Event]:
        """What is read of these lines."""
        os.write(self.into, "".join(f"{line}\n" for line in lines).encode())
        return self.trace.read()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    one = Pipe()
    yield one
    one.trace.close()
    os.close(one.into)


def ends(event: Event) -> list[str | int]:
    return [event.fields[name] for name in ("src", "sport", "dst", "dport")]


def test_a_reset_and_what_it_answers(pipe: Pipe) -> None:
    ahead = time.time_ns() - time.monotonic_ns()
    reset, drop = pipe.say(RESET, DROP)
    assert reset.fields["name"] == "tcp:tcp_send_reset"
    assert reset.fields["reason"] == drop.fields["reason"] == "NO_SOCKET"
    assert ends(reset) == ["192.0.2.1", 60730, "192.0.2.2", 8080]
    assert drop.fields["name"] == "skb:kfree_skb"
    assert ends(drop) == ["192.0.2.2", 8080, "192.0.2.1", 60730]
    assert drop.fields["location"] == "tcp_v4_rcv+0x91/0x13f0"
    assert drop.ts - reset.ts == 17_000
    assert abs(reset.ts - ahead - 1_234_567_890_000) < 50_000_000


def test_a_drop_alone_names_nobody(pipe: Pipe) -> None:
    (drop,) = pipe.say(DROP)
    assert "src" not in drop.fields
    pipe.say(RESET, DROP)
    (again,) = pipe.say(DROP)  # the buffer is another packet's by now
    assert "src" not in again.fields


def test_kernels_before_6_10_name_addresses_otherwise(pipe: Pipe) -> None:
    (reset,) = pipe.say(OLD)
    assert ends(reset) == ["10.0.0.1", 80, "10.0.0.2", 4242]
    assert reset.fields["state"] == "TCP_ESTABLISHED"
    assert "reason" not in reset.fields
    old_six = OLD.replace("AF_INET ", "AF_INET6 ").replace("saddrv6=::ffff:10.0.0.1", "saddrv6=2001:db8::7")
    (reset,) = pipe.say(old_six)
    assert ends(reset) == ["2001:db8::7", 80, "10.0.0.2", 4242]


def test_ipv6_and_names_of_processes_that_look_like_more(pipe: Pipe) -> None:
    (reset,) = pipe.say(SIX)
    assert ends(reset) == ["2001:db8::1", 80, "2001:db8::2", 8080]


def test_a_line_that_comes_in_halves_and_lost_ones(pipe: Pipe) -> None:
    assert pipe.trace.read() == []
    os.write(pipe.into, RESET[:70].encode())
    assert pipe.trace.read() == []
    os.write(pipe.into, f"{RESET[70:]}\nCPU:1 [LOST 12 EVENTS]\n".encode())
    assert len(pipe.trace.read()) == 1
    assert pipe.trace.lost == 12


def test_resets_that_are_never_answered_are_forgotten(pipe: Pipe) -> None:
    for at in range(1000):
        pipe.say(RESET.replace("7af8664a", f"{at:08x}"))
    assert len(pipe.trace._about) < 100


@given(st.binary(max_size=300))
def test_any_octets_are_taken(octets: bytes) -> None:
    one = Pipe()
    os.write(one.into, octets + b"\n" + RESET.encode() + b"\n")
    assert len(one.trace.read()) >= 1
    one.trace.close()
    os.close(one.into)
