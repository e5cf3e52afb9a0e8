"""Frame octets to one TCP segment, or to the kind of thing the frame is instead.

Models the link layers that `tcpdump` on a Linux or BSD host writes, IPv4 (RFC 791), IPv6
with its extension headers (RFC 8200), and TCP with its options (RFC 9293, 7323, 2018).
Nothing is reassembled. What an ICMP error quotes is recognised and told apart, never filled in. What a
tunnel carries is told apart too, and filled in as seen at a vantage of its own: inside the tunnel.

Every header's length is checked once, before its first octet is read; `octets[at]` never
lies beyond what was captured.
"""

from __future__ import annotations

from bypeer.core import octets as net
from bypeer.core import tcp
from bypeer.core.ether import past_ethernet, past_type, told_by_version
from bypeer.core.link import network
from bypeer.core.segment import ABSENT, BAD, GOOD, UNKNOWN, Segment
from bypeer.core.seq import before

# What `decode` answers: a row of KINDS. Kinds up to LAST_TCP are frames whose first IP header
# carries TCP, in its first fragment; those above TCP_CUT are weird. TCP and TUNNEL fill in a whole segment.
KINDS = (
    "tcp",  # the segment is filled in; its options perhaps cut by snaplen: Segment.cut
    "tcp-cut",  # snaplen cut the TCP header's first 20 octets; what was captured is filled in
    "tcp-short",  # weird: the IP payload ends before the TCP header's 20 octets do
    "tcp-offset-small",  # weird: data offset below 5
    "tcp-offset-large",  # weird: data offset beyond the IP payload
    "other",  # no IP, or no TCP
    "fragment",  # a later fragment of a TCP segment: no TCP header in it
    "in-icmp",  # an ICMP error that quotes a TCP header
    "tunnel",  # TCP in an IP packet in this IP packet: the segment is filled in
    "tunnel-cut",  # the same without a whole TCP header, for whatever reason
    "unsupported",  # link type not known
    "cut",  # snaplen cut the frame before its first IP header ended
    "bad-version",  # weird: the IP version is not what the link layer announced
    "bad-header-length",  # weird: IPv4 header below 20 octets
    "bad-total-length",  # weird: IPv4 total length below the header's
    "bad-extension",  # weird: IPv6 extension headers beyond the payload, or endless
)
TCP, TCP_CUT, TCP_SHORT, TCP_OFFSET_SMALL, TCP_OFFSET_LARGE, OTHER, FRAGMENT, IN_ICMP = range(8)
TUNNEL, TUNNEL_CUT, UNSUPPORTED, CUT, BAD_VERSION, BAD_HEADER_LENGTH = range(8, 14)
BAD_TOTAL_LENGTH, BAD_EXTENSION = 14, 15
LAST_TCP = TCP_OFFSET_LARGE
WEIRD = frozenset(
    {TCP_SHORT, TCP_OFFSET_SMALL, TCP_OFFSET_LARGE}
    | {BAD_VERSION, BAD_HEADER_LENGTH, BAD_TOTAL_LENGTH, BAD_EXTENSION}
)
# What network() found instead of an IP header, by ~answer: ether.NO_IP and following.
_NO_IP = (OTHER, CUT, BAD_VERSION, UNSUPPORTED)

# Protocol numbers (IANA); extension headers: RFC 8200, 4 and RFC 4302.
_P_ICMP, _P_IPIP, _P_TCP, _P_UDP, _P_IPV6, _P_GRE, _P_ICMPV6 = 1, 4, 6, 17, 41, 47, 58
_P_HOP, _P_ROUTING, _P_FRAGMENT, _P_AH, _P_DESTINATION = 0, 43, 44, 51, 60
_MOST_EXTENSIONS = 32
_MOST_TUNNELS = 4
_BRIDGED = 0x6558  # the EtherType of Ethernet in a tunnel
_PORT_VXLAN, _PORT_GENEVE = 4789, 6081  # RFC 7348, 5; RFC 8926, 3.3
_PORT_VXLAN_LINUX = 8472  # what Linux took before there was a number, and what is still its default
_VXLAN_VALID = 0x08  # must be set; others are for extensions, or to be ignored
# Added to Segment.interface: one vantage for all tunnels of an interface, since the two directions of a
# connection may have identifiers (VNI, key) of their own.
_INSIDE_TUNNEL = 1 << 48

_ETHERNET, _ETHERNET_HEADER, _PLAIN_IPV4 = 1, 14, 0x45  # link type; octets; version and length

_MAPPED = 0xFFFF << 32  # ::ffff:0:0/96 (RFC 4291, 2.5.5.2), the lower half
_ONES = 0xFFFF

# Copies that are C integers when compiled; the names in tcp.py stay visible to Python.
_SEQ, _ACK, _OFFSET, _FLAGS, _WINDOW = tcp.SEQ, tcp.ACK, tcp.OFFSET, tcp.FLAGS, tcp.WINDOW
_SHORTEST, _ACK_FLAG, _EOL, _NOP = tcp.SHORTEST, tcp.ACK_, tcp.EOL, tcp.NOP
_MSS, _WSCALE, _SACK_PERMITTED, _SACK = tcp.MSS, tcp.WSCALE, tcp.SACK_PERMITTED, tcp.SACK
_TIMESTAMPS = tcp.TIMESTAMPS
_WITH_TIMESTAMPS, _JUST_TIMESTAMPS = 32, 0x0101_080A  # the header; NOP, NOP, kind and size
_ABSENT, _UNKNOWN = ABSENT, UNKNOWN
_IS_TCP, _IS_LAST_TCP, _IS_OTHER = TCP, LAST_TCP, OTHER


def decode(
    octets: bytearray,
    start: int,
    captured: int,
    length: int,
    link_type: int,
    segment: Segment,
    verify: bool = False,
) -> int:
    """Decode octets[start : start + captured] into `segment` and say what kind of frame it is.

    `length` is the frame's on the wire. The caller sets the segment's frame, offset, ts and
    length, and its interface, to which an SLL2 frame's interface index is added (see
    `interface_and_index`) and whether it came in a tunnel (see `in_tunnel`). Unless the kind is TUNNEL or
    at most LAST_TCP the segment means nothing.
    With `verify`, the checksum is computed where the segment was captured whole: this reads
    all of the payload, so it is for the segments under study.
    """
    end = start + captured
    assert 0 <= start <= end <= len(octets)
    raw = octets
    at = start + _ETHERNET_HEADER
    # Most frames there are: for them `network` would answer the same, later.
    plain = (
        link_type == _ETHERNET
        and at < end
        and raw[at - 2] == 8
        and raw[at - 1] == 0
        and raw[at] == _PLAIN_IPV4
    )
    if not plain:
        at = network(raw, start, end, link_type, segment)
        if at < 0:
            return _NO_IP[~at]
    return _ip(raw, at, end, length - (at - start), segment, verify, 0)


def interface_and_index(interface: int) -> tuple[int, int]:
    """Split Segment.interface: the capture's interface row, and the SLL2 interface index or 0."""
    return interface & _ONES, (interface & ~_INSIDE_TUNNEL) >> 16


def in_tunnel(interface: int) -> bool:
    """Whether segments of this Segment.interface came in a tunnel."""
    return interface & _INSIDE_TUNNEL != 0


# The network layer. `wire` is what the frame held from `at` on, padding and all; `depth` how many tunnels
# lie round it.


def _ip(octets: bytearray, at: int, end: int, wire: int, segment: Segment, verify: bool, depth: int) -> int:
    if octets[at] >> 4 == 4:
        return _ipv4(octets, at, end, wire, segment, verify, depth)
    return _ipv6(octets, at, end, wire, segment, verify, depth)


def _ipv4(octets: bytearray, at: int, end: int, wire: int, segment: Segment, verify: bool, depth: int) -> int:
    if end - at < 20:
        return CUT
    header = (octets[at] & 15) * 4
    if header < 20:
        return BAD_HEADER_LENGTH
    # Segmentation offload leaves the total length 0 (and BIG TCP does when it exceeds 65,535).
    total = net.u16(octets, at + 2) or wire
    if total < header:
        return BAD_TOTAL_LENGTH
    if end - at < header:
        return CUT
    fragment = net.u16(octets, at + 6)
    protocol = octets[at + 9]
    if protocol != _P_TCP:
        if fragment & 0x1FFF:
            return _IS_OTHER
        return _within(octets, at + header, at + total, end, protocol, segment, verify, depth)
    if fragment & 0x1FFF:
        return FRAGMENT
    segment.version = 4
    segment.ttl = octets[at + 8]
    segment.ip_id = net.u16(octets, at + 4)
    segment.df = fragment & 0x4000 != 0
    segment.src_hi = segment.dst_hi = 0
    segment.src_lo = _MAPPED | net.u32(octets, at + 12)
    segment.dst_lo = _MAPPED | net.u32(octets, at + 16)
    # More fragments: the rest is missing. Options: a source route hides the address that counts.
    verify = verify and fragment & 0x2000 == 0 and header == 20
    return _tcp(octets, at + header, end, total - header, segment, verify)


def _ipv6(octets: bytearray, at: int, end: int, wire: int, segment: Segment, verify: bool, depth: int) -> int:
    if end - at < 40:
        return CUT
    room = net.u16(octets, at + 4) or wire - 40  # 0: a jumbogram (RFC 2675), or offload as in _ipv4
    following = octets[at + 6]
    ip = at
    at += 40
    for _ in range(_MOST_EXTENSIONS):
        if following not in (_P_HOP, _P_ROUTING, _P_FRAGMENT, _P_AH, _P_DESTINATION):
            break
        if end - at < 8:
            return CUT
        if following == _P_FRAGMENT:
            if net.u16(octets, at + 2) & 0xFFF8:
                return FRAGMENT if octets[at] == _P_TCP else _IS_OTHER
            verify = verify and octets[at + 3] & 1 == 0
        elif following == _P_ROUTING:
            verify = verify and octets[at + 3] == 0  # segments left: the address is not the last
        size = _extension_size(following, octets[at + 1])
        following = octets[at]
        at += size
        room -= size
        if room < 0:
            return BAD_EXTENSION
    else:
        return BAD_EXTENSION
    if following != _P_TCP:
        return _within(octets, at, at + room, end, following, segment, verify, depth)
    segment.version = 6
    segment.ttl = octets[ip + 7]
    segment.ip_id = 0
    segment.df = True
    segment.src_hi, segment.src_lo = net.u64(octets, ip + 8), net.u64(octets, ip + 16)
    segment.dst_hi, segment.dst_lo = net.u64(octets, ip + 24), net.u64(octets, ip + 32)
    return _tcp(octets, at, end, room, segment, verify)


def _extension_size(header: int, units: int) -> int:
    if header == _P_FRAGMENT:
        return 8
    return (units + 2) * 4 if header == _P_AH else (units + 1) * 8


# TCP. `room` is the IP payload's size by the IP length; the frame may hold more (padding) or
# less (snaplen) of it.


def _tcp(octets: bytearray, at: int, end: int, room: int, segment: Segment, verify: bool) -> int:
    _clear(segment)
    stop = at + room
    end = min(end, stop)
    if end - at < _SHORTEST:
        _first_octets(octets, at, end, segment)
        return TCP_SHORT if room < _SHORTEST else TCP_CUT
    segment.sport = net.u16(octets, at)
    segment.dport = net.u16(octets, at + 2)
    segment.seq = net.u32(octets, at + _SEQ)
    segment.ack = segment.sack = net.u32(octets, at + _ACK)
    segment.flags = octets[at + _FLAGS]
    segment.win = net.u16(octets, at + _WINDOW)
    header = (octets[at + _OFFSET] >> 4) * 4
    if header < _SHORTEST:
        return TCP_OFFSET_SMALL
    if header > room:
        return TCP_OFFSET_LARGE
    segment.size = room - header
    options = at + _SHORTEST
    if header == _WITH_TIMESTAMPS and end - at >= header and net.u32(octets, options) == _JUST_TIMESTAMPS:
        segment.timestamps = True
        segment.tsval = net.u32(octets, options + 4)
        segment.tsecr = net.u32(octets, options + 8)
    elif header > _SHORTEST:
        _options(octets, at + _SHORTEST, min(end, at + header), segment)
        segment.cut = at + header > end
    if verify and end == stop:
        segment.checksum = _checksum(octets, at, end, segment)
    return _IS_TCP


def _clear(segment: Segment) -> None:
    segment.sport = segment.dport = segment.flags = segment.win = 0
    segment.seq = segment.ack = segment.sack = segment.size = 0
    segment.mss = segment.wscale = _ABSENT
    segment.sack_permitted = segment.timestamps = segment.cut = False
    segment.tsval = segment.tsecr = segment.sack_count = segment.dsack_left = segment.dsack_right = 0
    segment.checksum = _UNKNOWN


def _first_octets(octets: bytearray, at: int, end: int, segment: Segment) -> None:
    """Fill in what there is of a header that ends early."""
    segment.cut = True
    have = end - at
    if have >= _SEQ:
        segment.sport, segment.dport = net.u16(octets, at), net.u16(octets, at + 2)
    if have >= _ACK:
        segment.seq = net.u32(octets, at + _SEQ)
    if have >= _OFFSET:
        segment.ack = segment.sack = net.u32(octets, at + _ACK)
    if have > _FLAGS:
        segment.flags = octets[at + _FLAGS]
    if have >= _WINDOW + 2:
        segment.win = net.u16(octets, at + _WINDOW)


def _options(octets: bytearray, at: int, stop: int, segment: Segment) -> None:
    """Read the options as Linux does: the first that makes no sense ends them."""
    while at < stop:
        kind = octets[at]
        if kind == _NOP:
            at += 1
            continue
        if kind == _EOL or stop - at < 2:
            return
        size = octets[at + 1]
        if size < 2 or size > stop - at:
            return
        if kind == _TIMESTAMPS and size == 10:
            segment.timestamps = True
            segment.tsval = net.u32(octets, at + 2)
            segment.tsecr = net.u32(octets, at + 6)
        elif kind == _SACK:
            _sack(octets, at, size, segment)
        else:
            _syn_option(octets, at, kind, size, segment)
        at += size


def _syn_option(octets: bytearray, at: int, kind: int, size: int, segment: Segment) -> None:
    """Read an option that belongs on a SYN (endpoints ignore it elsewhere; here it is recorded)."""
    if kind == _MSS and size == 4:
        segment.mss = net.u16(octets, at + 2)
    elif kind == _WSCALE and size == 3:
        segment.wscale = octets[at + 2]
    elif kind == _SACK_PERMITTED and size == 2:
        segment.sack_permitted = True


def _sack(octets: bytearray, at: int, size: int, segment: Segment) -> None:
    """SACK blocks (RFC 2018, 3): left and right edge, four octets each."""
    if size < 10 or (size - 2) % 8:
        return
    segment.sack_count = (size - 2) // 8
    segment.dsack_left = net.u32(octets, at + 2)
    segment.dsack_right = net.u32(octets, at + 6)
    if segment.flags & _ACK_FLAG == 0:
        return
    for edge in range(at + 6, at + size, 8):
        right = net.u32(octets, edge)
        if before(segment.sack, right):  # as the kernel compares: at 2**31 apart, too
            segment.sack = right


def _checksum(octets: bytearray, at: int, end: int, segment: Segment) -> int:
    """Whether the sum of pseudo header and segment is right (RFC 9293, 3.1; RFC 8200, 8.1).

    A ones' complement sum of 16-bit words is the number they spell, modulo 2**16 - 1; so the
    halves of addresses add up as they are, and the ffff of a mapped IPv4 address counts nothing.
    """
    size = end - at
    addresses = segment.src_hi % _ONES + segment.src_lo % _ONES
    addresses += segment.dst_hi % _ONES + segment.dst_lo % _ONES
    return BAD if (net.words(octets, at, end) + addresses + _P_TCP + size) % _ONES else GOOD


# What is not the frame's own TCP. `stop` is where the IP packet ends by its length, `end` where the
# captured octets do.


def _within(
    octets: bytearray, at: int, stop: int, end: int, protocol: int, segment: Segment, verify: bool, depth: int
) -> int:
    end = min(end, stop)
    if protocol in (_P_ICMP, _P_ICMPV6):
        return IN_ICMP if depth == 0 and _quotes_tcp(octets, at, end, protocol) else _IS_OTHER
    at = _unwrapped(octets, at, end, protocol) if depth < _MOST_TUNNELS else -1
    if at < 0:
        return _IS_OTHER
    kind = _ip(octets, at, end, stop - at, segment, verify, depth + 1)
    if kind == _IS_TCP:
        segment.interface |= _INSIDE_TUNNEL
        return TUNNEL
    if kind <= _IS_LAST_TCP or kind == FRAGMENT:
        return TUNNEL_CUT
    return kind if kind in (TUNNEL, TUNNEL_CUT) else _IS_OTHER


def _quotes_tcp(octets: bytearray, at: int, end: int, protocol: int) -> bool:
    """Whether an ICMP error (RFC 792; RFC 4443, 3) quotes a packet that carries TCP."""
    if end - at < 8 + 20:
        return False
    if octets[at] not in (3, 4, 5, 11, 12) if protocol == _P_ICMP else octets[at] not in (1, 2, 3, 4):
        return False
    at += 8
    version = octets[at] >> 4
    return version in (4, 6) and octets[at + (9 if version == 4 else 6)] == _P_TCP


def _unwrapped(octets: bytearray, at: int, end: int, protocol: int) -> int:
    """Where the inner IP header starts, or a negative number."""
    if end - at < 8:
        return -1
    if protocol in (_P_IPIP, _P_IPV6):
        return told_by_version(octets, at, end)
    if protocol == _P_GRE:  # RFC 2784 and 2890: checksum, key, sequence number
        flags = octets[at]
        size = 4 + 4 * (flags >> 7) + 4 * (flags >> 5 & 1) + 4 * (flags >> 4 & 1)
        return _bridged(octets, at + size, end, net.u16(octets, at + 2))
    if protocol != _P_UDP or end - at < 16:
        return -1
    port = net.u16(octets, at + 2)
    if port in (_PORT_VXLAN, _PORT_VXLAN_LINUX) and octets[at + 8] & _VXLAN_VALID:
        return _bridged(octets, at + 16, end, _BRIDGED)
    if port == _PORT_GENEVE:
        return _bridged(octets, at + 16 + (octets[at + 8] & 63) * 4, end, net.u16(octets, at + 10))
    return -1


def _bridged(octets: bytearray, at: int, end: int, ether_type: int) -> int:
    if ether_type != _BRIDGED:
        return past_type(octets, at, end, ether_type)
    return past_ethernet(octets, at, end)
