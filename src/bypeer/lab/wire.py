"""Segments as the IP packets that are written to a TUN device, many to a batch.

The payload is zeros: the tracker does not look at it. Addresses say who is who: their second
group is CLIENT, SERVER, or what the NAT makes of them.

Source: RFC 791, RFC 8200, RFC 9293, 3.1; RFC 1071 for the sums.
"""

from __future__ import annotations

from bypeer.core.segment import BAD, Segment

SLOT = 128  # octets of a batch kept for a packet's headers: 40 + 60 at most
CLIENT, SERVER, MASQUERADED, SERVICE = (
    1,
    2,
    3,
    4,
)  # MASQUERADED: a client under SNAT; SERVICE: a DNAT's address
CLIENT_PORT, SERVER_PORT = 1024, 80
CONVERSATIONS = 1 << 14  # at most, between two flushes of the tracker's table
LARGEST = 65_535  # octets of a packet, its headers too

_BAD = BAD
_TTL, _TCP = 64, 6
_MSS, _WSCALE, _SACK_OK, _SACK, _TIMESTAMPS = 2, 3, 4, 5, 8  # tcp.MSS ...
_NO_OPTION = -1  # segment.ABSENT
_NOP, _F_ACK = 1, 0x10
_SLOT, _CLIENT_PORT, _SERVER_PORT = SLOT, CLIENT_PORT, SERVER_PORT
_CLIENT, _SERVER, _MASQUERADED, _SERVICE = CLIENT, SERVER, MASQUERADED, SERVICE


class Batch:
    """Packets to be written, and what the model says of them; lists have a row a packet."""

    def __init__(self, most: int) -> None:
        self.octets = bytearray(SLOT * most)  # packet n's headers begin at n * SLOT
        self.most = most
        self.headers: list[int] = []  # octets
        self.sizes: list[int] = []  # octets of payload
        self.ways: list[int] = []  # 0: written to the clients' device, 1: to the servers'
        self.expected: list[int] = []  # tracker.py: answers
        self.conversations: list[int] = []  # which conversation it belongs to
        self.lines: list[list[str]] = []  # what the model says is logged, where reasons are asked for

    def clear(self) -> None:
        """Make room for other packets."""
        for column in (self.headers, self.sizes, self.ways, self.expected, self.conversations, self.lines):
            column.clear()

    def __len__(self) -> int:
        return len(self.headers)


class Packer:
    """Writes headers for one IP version and one kind of NAT."""

    __slots__ = ("client_seen", "ip", "server_seen", "version")

    version: int  # 4 or 6
    ip: int  # octets of its header
    client_seen: int  # the address group by which the servers know the clients
    server_seen: int  # and the clients the servers

    def __init__(self, version: int, nat: str = "") -> None:
        self.version, self.ip = version, 20 if version == 4 else 40
        self.client_seen = MASQUERADED if nat == "snat" else CLIENT
        self.server_seen = SERVICE if nat == "dnat" else SERVER

    def pack(self, batch: Batch, way: int, conversation: int, segment: Segment) -> None:
        """Add a packet to the batch."""
        octets, number = batch.octets, len(batch.headers)
        at = number * _SLOT
        options = _options(octets, at + self.ip + 20, segment)
        # Bad on purpose, so that the header seems longer than the packet: segment.size < 0.
        size = segment.size if segment.size > 0 else 0
        length = 20 + options
        self._ip_header(octets, at, way, conversation, number, length + size)
        tcp = at + self.ip
        port = _CLIENT_PORT + conversation
        _put16(octets, tcp, _SERVER_PORT if way else port)
        _put16(octets, tcp + 2, port if way else _SERVER_PORT)
        _put32(octets, tcp + 4, segment.seq)
        _put32(octets, tcp + 8, segment.ack)
        octets[tcp + 12] = (length // 4 if segment.size >= 0 else 15) << 4
        octets[tcp + 13] = segment.flags
        _put16(octets, tcp + 14, segment.win)
        _put32(octets, tcp + 16, 0)
        total = self._pseudo(octets, at) + _TCP + length + size + _sum(octets, tcp, tcp + length)
        _put16(octets, tcp + 16, _folded(total) ^ (0x5555 if segment.checksum == _BAD else 0))
        batch.headers.append(self.ip + length)
        batch.sizes.append(size)
        batch.ways.append(way)
        batch.conversations.append(conversation)

    def _ip_header(
        self, octets: bytearray, at: int, way: int, conversation: int, number: int, rest: int
    ) -> None:
        source = _SERVER if way else _CLIENT
        target = self.client_seen if way else self.server_seen
        if self.version == 4:
            _put16(octets, at, 0x4500)
            _put16(octets, at + 2, 20 + rest)
            _put16(octets, at + 4, number)  # by it an answer is known
            _put16(octets, at + 6, 0x4000)
            _put16(octets, at + 8, _TTL << 8 | _TCP)
            _put16(octets, at + 10, 0)
            self._address(octets, at + 12, source, conversation)
            self._address(octets, at + 16, target, conversation)
            _put16(octets, at + 10, _folded(_sum(octets, at, at + 20)))
        else:
            _put32(octets, at, 0x6000_0000 | number)  # the flow label, for the same
            _put16(octets, at + 4, rest)
            _put16(octets, at + 6, _TCP << 8 | _TTL)
            self._address(octets, at + 8, source, conversation)
            self._address(octets, at + 24, target, conversation)

    def _address(self, octets: bytearray, at: int, group: int, conversation: int) -> None:
        # The NAT's own addresses are one each; everyone else has one a conversation.
        host = 1 if group in (_MASQUERADED, _SERVICE) else conversation
        if group == _SERVER and self.server_seen == _SERVICE:
            host = 1  # where the one rule of the DNAT leads
        if self.version == 4:
            _put16(octets, at, 10 << 8 | group)
            _put16(octets, at + 2, host)
        else:
            _put32(octets, at, 0xFD00_0000 | group)
            _put32(octets, at + 4, 0)
            _put32(octets, at + 8, 0)
            _put32(octets, at + 12, host)

    def _pseudo(self, octets: bytearray, at: int) -> int:
        """The sum of both addresses (RFC 9293, 3.1)."""
        if self.version == 4:
            return _sum(octets, at + 12, at + 20)
        return _sum(octets, at + 8, at + 40)


def _options(octets: bytearray, at: int, segment: Segment) -> int:
    """Write the options; how many octets they take."""
    start = at
    if segment.mss != _NO_OPTION:
        _put32(octets, at, _MSS << 24 | 4 << 16 | segment.mss)
        at += 4
    if segment.sack_permitted:
        _put32(octets, at, _NOP << 24 | _NOP << 16 | _SACK_OK << 8 | 2)
        at += 4
    if segment.wscale != _NO_OPTION:
        _put32(octets, at, _NOP << 24 | _WSCALE << 16 | 3 << 8 | segment.wscale)
        at += 4
    if segment.timestamps:
        _put32(octets, at, _NOP << 24 | _NOP << 16 | _TIMESTAMPS << 8 | 10)
        _put32(octets, at + 4, segment.tsval)
        _put32(octets, at + 8, segment.tsecr)
        at += 12
    if segment.sack_count:
        at = _blocks(octets, at, segment)
    return at - start


def _blocks(octets: bytearray, at: int, segment: Segment) -> int:
    """Write the SACK option: the first block, perhaps repeated, and last the one with the highest edge."""
    count = segment.sack_count
    _put32(octets, at, _NOP << 24 | _NOP << 16 | _SACK << 8 | (2 + 8 * count))
    for block in range(count):
        last = block > 0 and block == count - 1
        _put32(octets, at + 4 + 8 * block, segment.ack if last else segment.dsack_left)
        _put32(octets, at + 8 + 8 * block, segment.sack if last else segment.dsack_right)
    return at + 4 + 8 * count


def _put16(octets: bytearray, at: int, value: int) -> None:
    octets[at] = value >> 8 & 0xFF
    octets[at + 1] = value & 0xFF


def _put32(octets: bytearray, at: int, value: int) -> None:
    octets[at] = value >> 24 & 0xFF
    octets[at + 1] = value >> 16 & 0xFF
    octets[at + 2] = value >> 8 & 0xFF
    octets[at + 3] = value & 0xFF


def _sum(octets: bytearray, at: int, end: int) -> int:
    total = 0
    while at < end:
        total += octets[at] << 8 | octets[at + 1]
        at += 2
    return total


def _folded(total: int) -> int:
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
