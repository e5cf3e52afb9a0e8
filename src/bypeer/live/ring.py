"""One vantage, live: what passes an interface, from the kernel to a history, with every loss counted.

The kernel writes the packets that a filter lets through into blocks of shared memory; `drain` takes those
that are ready. Beside that socket two more only count, and are never read: one all packets, one those
that the filter rejects. So that of

    received = recorded + dropped + filtered + overwritten

no term is found by subtraction, once the interface is quiet and the last block was drained.

Source: packet(7); Documentation/networking/packet_mmap.rst; include/uapi/linux/if_packet.h.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from bypeer.core import tcp
from bypeer.errors import HostError
from bypeer.live import bpf
from bypeer.live.blocks import AT_STATUS, Blocks, Caught
from bypeer.live.history import History

SNAPLEN = 96  # octets: Ethernet, IPv4 and TCP with all their usual options
MOST_SNAPLEN = 65_521  # what a history keeps of a packet, less the Ethernet header that one may be given
MOST_CAUGHT = 1_024  # segments that one `drain` hands out

_SOL_PACKET = 263
_RX_RING, _STATISTICS, _VERSION, _V3 = 5, 6, 10, 2
_ALL = 0x0003  # ETH_P_ALL
_SIOCGIFFLAGS, _SIOCGIFHWADDR, _IFF_UP = 0x8913, 0x8927, 1
_NAME = 16  # octets of an interface's name, with the 0 at its end
_ETHERNET_LIKE = (1, 772)  # ARPHRD_ETHER, ARPHRD_LOOPBACK
_FRAME = 2_048  # octets; means nothing in this version, but must fit
_KERNELS = 0  # whose a block is: TP_STATUS_KERNEL; else ours
_SECOND = 1_000_000_000  # ns
_KEPT_TIMES = 3_600  # rows of Ring.seconds and Ring.losses


class Counts(NamedTuple):
    """What became of the packets of an interface since the ring was opened."""

    received: int  # all that were shown to sockets like this, in either direction
    recorded: int  # in the history
    dropped: int  # the filter kept them, but there was no room: `drain` came too late
    filtered: int  # the filter rejected them
    overwritten: int  # were in the history, until newer ones needed the room
    freezes: int  # how often there was no room; packets that were dropped in one follow each other


class Second(NamedTuple):
    """The counts as they stood at a time."""

    ts: int  # ns since the epoch UTC
    counts: Counts


class Loss(NamedTuple):
    """Packets that were dropped, at some time between two."""

    since: int  # ns since the epoch UTC
    until: int
    dropped: int


class Ring:
    """The tap on an interface, in the namespace of the thread that makes it; it stays there.

    `fileno` is ready for poll when there is something to drain. Once it is open no privilege is needed.
    """

    def __init__(
        self,
        interface: str,
        history: History,
        snaplen: int = SNAPLEN,
        program: Callable[[int, int], bpf.Program] = bpf.tcp,
        block_size: int = 1 << 18,
        blocks: int = 64,
        patience: int = 20,
        watched: int = tcp.RST,
    ) -> None:
        """`snaplen` octets are kept of each packet that program(snaplen, link) keeps.

        `blocks` of `block_size` octets, a power of two from the page size on; one that is not full is ours
        `patience` ms after its first packet. Segments with one of the `watched` TCP flags are handed out.
        Raises HostError.
        """
        assert 0 < snaplen <= MOST_SNAPLEN
        self.interface, self.fault = interface, ""
        self.history, self.block_size, self.blocks = history, block_size, blocks
        cooked = _hardware(interface) not in _ETHERNET_LIKE
        kept = program(snaplen, bpf.COOKED if cooked else bpf.ETHERNET)
        self._taker = Blocks(history, cooked, watched, MOST_CAUGHT)
        kind = socket.SOCK_DGRAM if cooked else socket.SOCK_RAW
        self._sockets: list[socket.socket] = []
        try:
            self._tap, self._all, self._rest = (self._open(kind) for _ in range(3))
            bpf.attach(self._tap, kept)
            bpf.attach(self._rest, bpf.opposite(kept))
            self._map = _mapped(self._tap, block_size, blocks, patience)
            for one in (self._all, self._rest, self._tap):
                one.bind((interface, _ALL))
        except OSError as error:
            self._close_sockets()
            raise HostError(f"capturing on {interface}: {error.strerror}") from None
        except HostError:
            self._close_sockets()
            raise
        self._octets = memoryview(self._map)
        self._words = self._octets.cast("I")
        self._next = 0  # block
        self._dropped = self._freezes = self._received = self._filtered = 0
        self._looked = time.time_ns()
        self.seconds: deque[Second] = deque(maxlen=_KEPT_TIMES)
        self.losses: deque[Loss] = deque()  # all there were

    def fileno(self) -> int:
        """The descriptor to poll for reading."""
        return self._tap.fileno()

    def close(self) -> None:
        """End it; the history stays as it is."""
        self._words.release()
        self._octets.release()
        self._map.close()
        self._close_sockets()

    def drain(self) -> list[Caught]:
        """Add what is ready to the history, one round of the ring at most; the segments to look at.

        Of more than MOST_CAUGHT the first ones; `caught` counts all. `fault` says afterwards whether the
        interface is there.
        """
        for _ in range(self.blocks):
            at = self._next * self.block_size
            status = at + AT_STATUS >> 2
            if self._words[status] == _KERNELS:
                break
            self._taker.take(self._octets, at, self.block_size)
            self._words[status] = _KERNELS
            self._next = (self._next + 1) % self.blocks
        self._look()
        caught = self._taker.caught
        if caught:
            self._taker.caught = []
        return caught

    @property
    def caught(self) -> int:
        """Segments with one of the watched flags so far."""
        return self._taker.caught_ever

    def counts(self) -> Counts:
        """All counts as they are now; while packets arrive, a few may be in one and not yet in another."""
        self._received += _statistics(self._all)[0]
        self._filtered += _statistics(self._rest)[0]
        self._look_at_losses(time.time_ns())
        history = self.history
        return Counts(
            self._received,
            history.held(),
            self._dropped,
            self._filtered,
            history.overwritten,
            self._freezes,
        )

    def lost(self, since: int, until: int) -> int:
        """Packets that may have been dropped between these times (ns): at most so many."""
        return sum(one.dropped for one in self.losses if one.since <= until and one.until >= since)

    def _open(self, kind: int) -> socket.socket:
        """A socket that gets nothing until it is bound."""
        try:
            made = socket.socket(socket.AF_PACKET, kind | socket.SOCK_CLOEXEC, 0)
        except PermissionError:
            raise HostError("capturing needs root (CAP_NET_RAW)") from None
        self._sockets.append(made)
        # What only counts is full after a packet or two, which costs least. The tap's buffer is the ring.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
        made.setblocking(False)
        return made

    def _close_sockets(self) -> None:
        for one in self._sockets:
            one.close()

    def _look(self) -> None:
        """See what was lost since the last time, and note the counts once a second."""
        now = time.time_ns()
        self._look_at_losses(now)
        if self.fault or self._tap.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            state = _state(self._tap)
            self.fault = f"the interface {self.interface} is {state}" if state else ""
        last = self.seconds[-1].ts if self.seconds else 0
        if not 0 <= now - last < _SECOND:  # also where the clock was set back
            self.seconds.append(Second(now, self.counts()))

    def _look_at_losses(self, now: int) -> None:
        """Place what was dropped since the last look between that and now."""
        _, dropped, freezes = _statistics(self._tap)
        self._dropped += dropped
        self._freezes += freezes
        if dropped:
            since, until = min(self._looked, now), max(self._looked, now)
            last = self.losses[-1] if self.losses else None
            if last and last.until == since and until - last.since < _SECOND:
                self.losses[-1] = Loss(last.since, until, last.dropped + dropped)
            else:
                self.losses.append(Loss(since, until, dropped))
            if len(self.losses) > _KEPT_TIMES:  # of the oldest only the time becomes less sure
                first, second = self.losses.popleft(), self.losses.popleft()
                times = (*first[:2], *second[:2])
                self.losses.appendleft(Loss(min(times), max(times), first.dropped + second.dropped))
        self._looked = now


def _hardware(interface: str) -> int:
    """The interface's type: ARPHRD_*."""
    name = os.fsencode(interface)
    try:
        if not 0 < len(name) < _NAME or b"\0" in name:
            raise OSError(errno.ENODEV, "")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            answer = fcntl.ioctl(asked, _SIOCGIFHWADDR, struct.pack("16s24x", name))
    except OSError as error:
        why = "there is none of that name" if error.errno == errno.ENODEV else error.strerror
        raise HostError(f"the interface {interface}: {why}") from None
    return int(struct.unpack_from("=H", answer, 16)[0])


def _state(tap: socket.socket) -> str:
    """What is wrong with the socket's interface: gone, or down, from which it may come back; else nothing."""
    name = tap.getsockname()[0]  # none if the kernel has forgotten its index
    try:
        answer = fcntl.ioctl(tap, _SIOCGIFFLAGS, struct.pack("16s24x", os.fsencode(name)))
    except OSError:
        return "gone"
    return "" if struct.unpack_from("=H", answer, 16)[0] & _IFF_UP else "down"


def _mapped(tap: socket.socket, block_size: int, blocks: int, patience: int) -> mmap.mmap:
    """Give the socket its ring."""
    tap.setsockopt(_SOL_PACKET, _VERSION, _V3)
    frames = block_size // _FRAME * blocks
    tap.setsockopt(
        _SOL_PACKET, _RX_RING, struct.pack("=7I", block_size, blocks, _FRAME, frames, patience, 0, 0)
    )
    return mmap.mmap(tap.fileno(), block_size * blocks)


def _statistics(of: socket.socket) -> tuple[int, int, int]:
    """Packets that the socket's filter kept since the last call; how many of them were dropped; freezes."""
    octets = of.getsockopt(_SOL_PACKET, _STATISTICS, 12)
    packets, dropped, freezes = struct.unpack("=3I", octets.ljust(12, b"\0"))
    return packets, dropped, freezes
