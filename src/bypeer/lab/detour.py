"""What a path does to packets: chosen ones take a detour, on which they are held, changed, doubled or lost.

The kernel chooses them (an nft rule of the path marks them, and marked ones are routed into a TUN device), so
that all others pass as they would; passing everything through a program would itself reorder them. Each
chosen packet is dealt: what is sent on in its place, and when.

Source: Documentation/networking/tuntap.rst; ip-rule(8).
"""

from __future__ import annotations

import heapq
import os
import select
import socket
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from bypeer.lab.edit import Edit, edited, parse
from bypeer.lab.net import Net, run
from bypeer.live.tun import open_tun

_LARGEST = 65_536
_MANY = (1 << 32) - 1  # more than a scenario has packets
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_FIRST_TABLE = 100  # of routes; one a detour
_CHAIN = """
add table inet detour
add chain inet detour prerouting {{ type filter hook prerouting priority mangle; policy accept; }}
add rule inet detour prerouting iifname != "{device}" meta mark 0 {chosen} meta mark set {mark}
"""


class Copy(NamedTuple):
    """What is sent on in a packet's place."""

    after: float = 0.0  # s
    edit: Edit = Edit()
    by: str = ""  # the host that sends it, in its sender's name; "": the path sends it on


ITSELF = Copy()


class Meddling(NamedTuple):
    """What the path does, and to which packets."""

    chooses: str  # an nft match, met in the path's prerouting
    deal: Sequence[Copy] = ()  # none: the packet is lost
    at: int = 0  # only once the traffic has come so far (Traffic)
    skip: int = 0  # so many chosen ones pass before
    times: int = 0  # so many are dealt, the rest passes; 0: all


class Dealt(NamedTuple):
    """The path's own log: a packet as it came, and what was sent in its place."""

    ts: int  # ns
    seq: int
    ack: int
    size: int  # octets of payload
    sent: int  # how many copies


class Detour:
    """A Meddling at work on a path, as a context manager."""

    def __init__(self, net: Net, meddling: Meddling, number: int) -> None:
        self._net, self._meddling = net, meddling
        self._host, self._device = net.topology.path, f"detour{number}"
        self._mark = number + 1
        self.log: list[Dealt] = []
        self._passed = 0
        self._waiting: list[tuple[float, int, bytes, str]] = []  # by time
        self._order = 0  # of packets that wait, where times are equal
        self._tun = net[self._host].call(open_tun, self._device)
        forgers = {copy.by for copy in meddling.deal if copy.by}
        self._forgers = {host: net[host].call(_forger) for host in forgers}
        self._end, self._ending = os.pipe()
        self._thread = threading.Thread(target=self._pump, daemon=True)

    def __enter__(self) -> Detour:
        table = _FIRST_TABLE + self._mark
        lines = (
            f"rule add fwmark {self._mark} table {table}\nroute add default dev {self._device} table {table}"
        )
        namespace = self._net[self._host]
        namespace.call(run, "ip", "-batch", "-", text=f"link set {self._device} mtu 1500 up\n{lines}")
        namespace.call(run, "ip", "-6", "-batch", "-", text=lines)
        self._thread.start()
        return self

    def begin(self, octets: int = 0) -> None:
        """From here on packets are chosen, once so many octets have passed."""
        one = self._meddling
        # What comes after the last that is dealt need not come this way.
        first = f"numgen inc mod {_MANY} < {one.skip + one.times}" if one.times else ""
        passed = f"quota over {octets} bytes" if octets else ""
        chosen = f"{passed} {one.chooses} {first}"
        script = _CHAIN.format(device=self._device, mark=self._mark, chosen=chosen)
        self._net.nft(self._host, script)

    def __exit__(self, *_: object) -> None:
        os.close(self._ending)
        self._thread.join()
        os.close(self._tun)
        os.close(self._end)
        for sockets in self._forgers.values():
            for one in sockets.values():
                one.close()

    def _pump(self) -> None:
        """Read, deal, send on, until told to end."""
        poll = select.poll()
        poll.register(self._tun, select.POLLIN)
        poll.register(self._end, select.POLLHUP)
        while True:
            wait = (self._waiting[0][0] - time.monotonic()) * 1000 if self._waiting else None
            ready = {fd for fd, _ in poll.poll(None if wait is None else max(0.0, wait))}
            if self._end in ready:
                return
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                self._send(*heapq.heappop(self._waiting)[2:])
            if self._tun in ready:
                self._take(now)

    def _take(self, now: float) -> None:
        """Deal all that has come."""
        while True:
            try:
                octets = os.read(self._tun, _LARGEST)
            except BlockingIOError:
                return
            packet = parse(octets)
            if packet is None:
                self._send(octets)
                continue
            # Forwarding into the detour took one hop more than the packet shall seem to have made.
            packet = packet._replace(ttl=packet.ttl + 1)
            self._passed += 1
            first, times = self._meddling.skip, self._meddling.times
            chosen = self._passed > first and (not times or self._passed <= first + times)
            deal = self._meddling.deal if chosen else (ITSELF,)
            if chosen:  # noted first: whoever has the packet shall find it here
                size = len(packet.payload)
                self.log.append(Dealt(time.time_ns(), packet.seq, packet.ack, size, len(deal)))
            for copy in deal:
                octets = edited(packet, copy.edit)
                if copy.after:
                    self._order += 1
                    heapq.heappush(self._waiting, (now + copy.after, self._order, octets, copy.by))
                else:
                    self._send(octets, copy.by)

    def _send(self, octets: bytes, by: str = "") -> None:
        try:
            if by:
                version = octets[0] >> 4
                target = octets[16:20] if version == 4 else octets[24:40]
                self._forgers[by][version].sendto(octets, (socket.inet_ntop(_FAMILIES[version], target), 0))
            else:
                os.write(self._tun, octets)
        except OSError as error:
            # The device takes what it can; what it refuses is lost, as on any path.
            self.log.append(Dealt(time.time_ns(), 0, 0, -(error.errno or 1), 0))


def _forger() -> dict[int, socket.socket]:
    """Sockets to which whole packets are given, by IP version: raw(7), ipv6(7)."""
    return {
        version: socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        for version, family in _FAMILIES.items()
    }
