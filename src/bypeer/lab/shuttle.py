"""The hot loop: write a packet to one device, read it from the other, take the kernel's answer out of it.

What a late rule of the oracle's writes over the TCP header (RULES of oracle.py says where):
ct state, and if the packet has an entry, direction, status and the timer's rest.

Source: NF_CT_STATE_BIT and IPS_* in include/uapi/linux/netfilter/nf_conntrack_common.h.
"""

from __future__ import annotations

import os
import select

from bypeer.lab.tracker import (
    ASSURED,
    DROPPED,
    DYING,
    INVALID,
    NO_TIMER,
    OTHER,
    REPLY,
    SEEN_REPLY,
    TIMER,
    TRANSLATED,
)
from bypeer.lab.wire import CLIENT, LARGEST, MASQUERADED, SERVER, SERVICE, SLOT, Batch

# Where the rule writes, octets from the start of the TCP header. Not on its data offset (12): since 7.3 a
# rule that writes there does not go on (measured on 7.3.4).
AT_EXPIRATION, AT_STATUS, AT_DIRECTION, AT_STATE = 4, 8, 14, 16
STEP = 500_000  # ms between the timers of a world's states (worlds.py)

_PATIENCE = 200  # ms until a packet counts as dropped: it normally comes out before write() returns
_SEEN, _SURE, _GONE = 1 << 1, 1 << 2, 1 << 9  # IPS_SEEN_REPLY, IPS_ASSURED, IPS_DYING
# ct state as a mask; what else there is does not come up here.
_IS_INVALID, _IS_ESTABLISHED, _IS_NEW = 1, 2, 8
_INVALID, _DROPPED, _OTHER, _NO_TIMER, _TIMER = INVALID, DROPPED, OTHER, NO_TIMER, TIMER
_REPLY, _SEEN_REPLY, _ASSURED, _DYING, _TRANSLATED = REPLY, SEEN_REPLY, ASSURED, DYING, TRANSLATED
_SLOT, _STEP = SLOT, STEP
_AT_EXPIRATION, _AT_STATUS, _AT_DIRECTION, _AT_STATE = AT_EXPIRATION, AT_STATUS, AT_DIRECTION, AT_STATE


class Shuttle:
    """Two TUN devices, and how the answers are to be read."""

    __slots__ = ("buffer", "clients", "into", "ip", "lost", "marks", "servers", "strays", "timers", "zeros")

    clients: int  # descriptor of the device on the clients' side
    servers: int
    ip: int  # octets of the IP header
    timers: tuple[int, ...]  # by how many STEPs the timer has left, rounded up: its index
    marks: tuple[int, ...]  # by way: where the address lies that NAT changes, and its group if it did
    strays: int  # packets that were not ours
    lost: int  # packets that did not come out

    def __init__(self, clients: int, servers: int, version: int, nat: str, timers: tuple[int, ...]) -> None:
        self.clients, self.servers, self.timers = clients, servers, timers
        self.ip = 20 if version == 4 else 40
        # Of the two octets of an address's group the second: wire.py.
        source, target = (13, 17) if version == 4 else (11, 27)
        self.marks = {
            "": (0, 0, 0, 0),
            "snat": (source, MASQUERADED, target, CLIENT),
            "dnat": (target, SERVER, source, SERVICE),
        }[nat]
        self.buffer = bytearray(_SLOT)
        self.into = [memoryview(self.buffer)]
        self.zeros = memoryview(bytes(LARGEST))
        self.strays = self.lost = 0

    def play(self, batch: Batch) -> list[int]:
        """Play every packet of the batch: the kernel's answer to each."""
        answers = []
        octets = memoryview(batch.octets)
        headers, sizes, ways = batch.headers, batch.sizes, batch.ways
        count = len(headers)
        for number in range(count):
            at = number * _SLOT
            header = octets[at : at + headers[number]]
            size, way = sizes[number], ways[number]
            entry, other = (self.servers, self.clients) if way else (self.clients, self.servers)
            if size:
                os.writev(entry, (header, self.zeros[:size]))
            else:
                os.write(entry, header)
            answers.append(self._answer(other, way, number))
        return answers

    def _answer(self, fd: int, way: int, number: int) -> int:
        """The answer to the packet of that number in its batch."""
        while True:
            try:
                got = os.readv(fd, self.into)
            except BlockingIOError:
                waiting = select.poll()
                waiting.register(fd, select.POLLIN)
                if waiting.poll(_PATIENCE):
                    continue
                self.lost += 1
                return _DROPPED
            if self._number(got) == number:
                return self._read(way)
            self.strays += 1

    def _number(self, got: int) -> int:
        """Which packet of the batch this is, or -1."""
        buffer = self.buffer
        if got < self.ip + 20:
            return -1
        if self.ip == 20:
            return buffer[4] << 8 | buffer[5] if buffer[0] == 0x45 and buffer[9] == 6 else -1
        label = (buffer[1] & 15) << 16 | buffer[2] << 8 | buffer[3]
        return label if buffer[0] >> 4 == 6 and buffer[6] == 6 else -1

    def _read(self, way: int) -> int:
        buffer, tcp, marks = self.buffer, self.ip, self.marks
        state = buffer[tcp + _AT_STATE] | buffer[tcp + _AT_STATE + 3]  # either order of octets
        mark = marks[2 * way]
        answer = _TRANSLATED if mark and buffer[mark] == marks[2 * way + 1] else 0
        if state == _IS_INVALID:
            return answer | _INVALID
        if state != _IS_NEW and state != _IS_ESTABLISHED:
            return _OTHER
        answer |= 1 if state == _IS_ESTABLISHED else 0
        if buffer[tcp + _AT_DIRECTION]:
            answer |= _REPLY
        status = self._word(tcp + _AT_STATUS)
        if status & _GONE:
            answer |= _DYING
        else:
            answer |= (_SEEN_REPLY if status & _SEEN else 0) | (_ASSURED if status & _SURE else 0)
        left = (self._word(tcp + _AT_EXPIRATION) + _STEP - 1) // _STEP
        timer = self.timers[left] if 0 <= left < len(self.timers) else _NO_TIMER
        return answer | timer << _TIMER

    def _word(self, at: int) -> int:
        """A number in the machine's order: this is read on little-endian machines only (oracle.py)."""
        buffer = self.buffer
        return buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16 | buffer[at + 3] << 24
