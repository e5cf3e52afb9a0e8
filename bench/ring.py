"""What recording costs while it goes on: `python -m bench.ring`, as root, in namespaces of its own.

Small packets at rising rates, sent out of one end of a veth pair and recorded at the other: what was
lost, and what part of a core the recorder took. Then a TCP stream of 1 Gbit/s, as merged segments and
as single ones. Sender and recorder have a core each; on a machine that does other work too the rates
say little, the recorder's ns a packet still do.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import mmap
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np

from bench.measure import table
from bypeer.live.history import History
from bypeer.live.namespace import Namespace
from bypeer.live.ring import Counts, Ring

RATES = (50_000, 100_000, 200_000, 400_000, 600_000, 800_000, 0)  # packets a second; 0: as many as it can
FIRST, *_, LAST = sorted(os.sched_getaffinity(0)) * 2  # the sender's core, the recorder's
GIGABIT = 125_000_000  # octets a second
SMALL = bytes.fromhex("020000000002020000000001080045000034000740004006000000000a0000010a000002")[
    :34
] + bytes.fromhex(
    "040001bb000000010000000580100064000000000101080a0000000100000002"
)  # a TCP acknowledgement: 66 octets

_SOL_PACKET, _TX_RING, _VERSION, _V2 = 263, 13, 10, 1
_SLOT, _SLOTS, _WANTED = 256, 256, 1  # octets, frames; TP_STATUS_SEND_REQUEST
_SIOCETHTOOL, _STSO, _SGSO, _SGRO = 0x8946, 0x1F, 0x24, 0x2C
_SO_MAX_PACING_RATE = 47


class Taken(NamedTuple):
    """What the recorder did."""

    seconds: float
    cpu: float
    counts: Counts


def offload(device: str, on: bool) -> None:
    """Merge segments, or not."""
    for what in (_STSO, _SGSO, _SGRO):
        value = (ctypes.c_uint32 * 2)(what, on)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            fcntl.ioctl(asked, _SIOCETHTOOL, struct.pack("16sP16x", device.encode(), ctypes.addressof(value)))


def lay(near: Namespace, far: Namespace) -> None:
    """Lay va, 10.0.0.1, in one namespace, and vb, 10.0.0.2, in the other."""
    fd = far.call(os.open, "/proc/thread-self/ns/net", os.O_RDONLY)
    steps = [
        "link add va type veth peer name vb",
        f"link set vb netns /proc/{os.getpid()}/fd/{fd}",
        "addr add 10.0.0.1/24 dev va",
        "link set va up",
    ]
    for where, commands in ((near, steps), (far, ["addr add 10.0.0.2/24 dev vb", "link set vb up"])):
        text = "\n".join(commands)
        where.call(subprocess.run, ["ip", "-batch", "-"], input=text, text=True, check=True)
    os.close(fd)


def send_small(rate: int, seconds: float) -> None:
    """Small packets out of va, for that long, from a ring that the kernel empties."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
        out.setsockopt(_SOL_PACKET, _VERSION, _V2)
        blocks = _SLOT * _SLOTS // mmap.PAGESIZE
        out.setsockopt(_SOL_PACKET, _TX_RING, struct.pack("=4I", mmap.PAGESIZE, blocks, _SLOT, _SLOTS))
        ring = mmap.mmap(out.fileno(), _SLOT * _SLOTS)
        out.bind(("va", 0))
        for slot in range(_SLOTS):
            at = slot * _SLOT
            struct.pack_into("=II", ring, at, 0, len(SMALL))
            ring[at + 32 : at + 32 + len(SMALL)] = SMALL
        status = np.frombuffer(ring, np.uint32)[:: _SLOT // 4]
        began, sent = time.perf_counter(), 0
        while (now := time.perf_counter() - began) < seconds:
            if rate and sent > now * rate:
                time.sleep(0.0002)
                continue
            status[:] = _WANTED
            out.send(b"")
            sent += _SLOTS


def send_stream(seconds: float) -> None:
    """A TCP stream of 1 Gbit/s to 10.0.0.2."""
    with socket.create_connection(("10.0.0.2", 443), 5) as out:
        out.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, GIGABIT)
        octets, until = bytes(1 << 18), time.monotonic() + seconds
        while time.monotonic() < until:
            out.sendall(octets)


def receive_stream() -> None:
    """Take what `send_stream` sends."""
    with socket.create_server(("10.0.0.2", 443)) as listening:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        taken, _ = listening.accept()
        buffer = bytearray(1 << 18)
        with taken:
            while taken.recv_into(buffer):
                pass


def child(core: int, *words: str) -> subprocess.Popen[str]:
    """This program again, on one core."""
    return subprocess.Popen(
        ["taskset", "-c", str(core), sys.executable, "-m", "bench.ring", *words],
        stdout=subprocess.PIPE,
        text=True,
    )


def record(ring: Ring, sender: subprocess.Popen[str]) -> Taken:
    """Record until the sender has ended."""
    began, cpu = time.perf_counter(), time.process_time()
    while sender.poll() is None:
        select.select([ring], [], [], 0.2)
        ring.drain()
    took = time.perf_counter() - began, time.process_time() - cpu
    for _ in range(5):
        select.select([ring], [], [], 0.05)
        ring.drain()
    return Taken(*took, ring.counts())


def measured(far: Namespace, near: Namespace, words: Sequence[str]) -> Taken:
    """Run one sender, with a fresh ring."""
    with closing(far.call(Ring, "vb", History(64 << 20, "vb"))) as ring:
        sender = near.call(child, FIRST, *words)
        with sender:
            return record(ring, sender)


def row(name: str, taken: Taken, seconds: float) -> list[str]:
    """A line of the table."""
    counts = taken.counts
    accounted = counts.recorded + counts.dropped + counts.filtered + counts.overwritten
    return [
        name,
        f"{counts.received / seconds:,.0f}",
        f"{counts.dropped:,}",
        f"{100 * taken.cpu / seconds:.1f}",
        f"{1e9 * taken.cpu / max(1, counts.received):.0f}",
        "yes" if accounted == counts.received else f"no: {accounted - counts.received:+}",
    ]


def report(seconds: float, rates: Sequence[int]) -> None:
    """Print the table."""
    os.sched_setaffinity(0, {LAST})
    rows = []
    with Namespace() as near, Namespace() as far:
        lay(near, far)
        for rate in rates:
            taken = measured(far, near, ["--small", str(rate), "--seconds", str(seconds)])
            rows.append(row(f"small, {rate:,}/s" if rate else "small, as it can", taken, seconds))
        for merged in (True, False):
            near.call(offload, "va", merged)
            far.call(offload, "vb", merged)
            with far.call(child, LAST, "--receive") as receiver:
                assert receiver.stdout
                receiver.stdout.readline()
                taken = measured(far, near, ["--stream", "--seconds", str(seconds)])
            rows.append(row(f"1 Gbit/s, {'merged' if merged else 'single'}", taken, seconds))
    table(("", "packets/s", "dropped", "% of a core", "ns a packet", "all accounted for"), rows)


def main() -> None:
    """Measure, or be one of the processes that are needed for it."""
    parser = argparse.ArgumentParser(prog="python -m bench.ring", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="for each line")
    parser.add_argument("--rates", type=int, nargs="*", default=RATES, help="small packets a second")
    parser.add_argument("--small", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--stream", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.receive:
        receive_stream()
    elif given.stream:
        send_stream(given.seconds)
    elif given.small is not None:
        send_small(given.small, given.seconds)
    else:
        report(given.seconds, given.rates)


if __name__ == "__main__":
    main()
