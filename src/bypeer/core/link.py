"""Link layers: where in a frame its IP header starts.

Models the link types that `tcpdump` on a Linux or BSD host writes, with VLAN tags, LLC/SNAP,
PPPoE and MPLS between them and IP. Every function answers the octet where the IP header
starts, whose version is then 4 or 6, or one of the negative numbers below.
"""

from __future__ import annotations

from bypeer.core import octets as net
from bypeer.core.segment import Segment

# No IP in it; the frame ends before its IP header starts; the version is not the announced
# one; the link type is not known.
_NO_IP, _ENDS_EARLY, _WRONG_VERSION, _UNKNOWN_LINK = -1, -2, -3, -4

# https://www.tcpdump.org/linktypes.html; RAW was 12 and 14 on some systems before it was 101.
_NULL, _ETHERNET, _RAW_BSD, _RAW_OPENBSD, _RAW, _LOOP, _SLL = 0, 1, 12, 14, 101, 108, 113
_IPV4, _IPV6, _SLL2 = 228, 229, 276
# Address families in a NULL or LOOP header: IPv6 is 10 on Linux, 23 on Windows, 24 on NetBSD
# and OpenBSD, 28 on FreeBSD, 30 on Darwin.
_FAMILY_IPV4, _FAMILIES_IPV6 = 2, 1 << 10 | 1 << 23 | 1 << 24 | 1 << 28 | 1 << 30

# EtherTypes (IEEE 802 numbers at IANA), and where a frame's tags must have come to an end.
_TYPE_IPV4, _TYPE_IPV6 = 0x0800, 0x86DD
_TYPE_VLAN, _TYPE_SERVICE_VLAN, _TYPE_OLD_VLAN = 0x8100, 0x88A8, 0x9100
_TYPE_MPLS, _TYPE_MPLS_MULTICAST, _TYPE_PPPOE = 0x8847, 0x8848, 0x8864
_LONGEST_LLC = 1500  # IEEE 802.3, 3.2.6: up to here it is a length
_PPP_IPV4, _PPP_IPV6 = 0x0021, 0x0057  # RFC 1332, RFC 5072
_TYPE_EXTENDED_TAG, _TYPE_FABRIC_PATH = 0x893F, 0x8903  # IEEE 802.1BR; Cisco: a frame in a frame
_SNAP = 0xAAAA  # both LLC addresses of a SNAP header (IEEE 802.2)
_MOST_TAGS = 16
_MOST_LABELS = 16

# As tcpdump names them (tcpdump -L).
_NAMES = {
    _NULL: "NULL", _ETHERNET: "EN10MB", _RAW_BSD: "RAW", _RAW_OPENBSD: "RAW", _RAW: "RAW", _LOOP: "LOOP",
    _SLL: "LINUX_SLL", _IPV4: "IPV4", _IPV6: "IPV6", _SLL2: "LINUX_SLL2",
}  # fmt: skip


def link_type_name(link_type: int) -> str:
    """What tcpdump calls a link type; its number where it is not supported here."""
    return _NAMES.get(link_type, str(link_type))


def network(octets: bytearray, start: int, end: int, link_type: int, segment: Segment) -> int:
    """Find the IP header of the frame octets[start:end]; for SLL2, note the interface's index."""
    if link_type == _ETHERNET:
        if end - start < 14:
            return _ENDS_EARLY
        return past_tags(octets, start + 14, end, net.u16(octets, start + 12))
    if link_type == _SLL:
        if end - start < 16:
            return _ENDS_EARLY
        return past_tags(octets, start + 16, end, net.u16(octets, start + 14))
    if link_type == _SLL2:
        if end - start < 20:
            return _ENDS_EARLY
        segment.interface |= net.u32(octets, start + 4) << 16
        return past_tags(octets, start + 20, end, net.u16(octets, start))
    if link_type in (_RAW, _RAW_BSD, _RAW_OPENBSD):
        return told_by_version(octets, start, end)
    return _rarer(octets, start, end, link_type)


def _rarer(octets: bytearray, start: int, end: int, link_type: int) -> int:
    if link_type == _IPV4:
        return past_tags(octets, start, end, _TYPE_IPV4)
    if link_type == _IPV6:
        return past_tags(octets, start, end, _TYPE_IPV6)
    if link_type not in (_NULL, _LOOP):
        return _UNKNOWN_LINK
    if end - start < 4:
        return _ENDS_EARLY
    # NULL is in the byte order of the capturing host, LOOP in network order. A family is a
    # small number, so the order shows; and some who write LOOP have it wrong.
    if net.u16(octets, start) == 0:
        family = net.u16(octets, start + 2)
    elif net.u16(octets, start + 2) == 0:
        family = octets[start] | octets[start + 1] << 8
    else:
        return _NO_IP
    if family == _FAMILY_IPV4:
        return past_tags(octets, start + 4, end, _TYPE_IPV4)
    if family < 32 and _FAMILIES_IPV6 >> family & 1:
        return past_tags(octets, start + 4, end, _TYPE_IPV6)
    return _NO_IP


def past_tags(octets: bytearray, at: int, end: int, ether_type: int) -> int:
    """Step over the VLAN tags and other headers that EtherTypes announce, to the IP header."""
    for _ in range(_MOST_TAGS):
        if ether_type in (_TYPE_IPV4, _TYPE_IPV6):
            if at >= end:
                return _ENDS_EARLY
            return at if octets[at] >> 4 == (4 if ether_type == _TYPE_IPV4 else 6) else _WRONG_VERSION
        size = _tag_size(ether_type)
        if size == 0:
            return _shimmed(octets, at, end, ether_type)
        if end - at < size:
            return _ENDS_EARLY
        if ether_type <= _LONGEST_LLC and net.u16(octets, at) != _SNAP:
            return _NO_IP
        ether_type = net.u16(octets, at + size - 2)
        at += size
    return _NO_IP


def _tag_size(ether_type: int) -> int:
    """Octets of the header that this EtherType announces and another EtherType ends, or 0."""
    if ether_type in (_TYPE_VLAN, _TYPE_SERVICE_VLAN, _TYPE_OLD_VLAN):
        return 4
    if ether_type <= _LONGEST_LLC or ether_type == _TYPE_EXTENDED_TAG:
        return 8
    return 16 if ether_type == _TYPE_FABRIC_PATH else 0


def _shimmed(octets: bytearray, at: int, end: int, ether_type: int) -> int:
    """Step over PPPoE (RFC 2516) or MPLS (RFC 3032), if it is one of these."""
    if ether_type == _TYPE_PPPOE and end - at >= 8:
        protocol = net.u16(octets, at + 6)
        if protocol in (_PPP_IPV4, _PPP_IPV6):
            return told_by_version(octets, at + 8, end)
    elif ether_type in (_TYPE_MPLS, _TYPE_MPLS_MULTICAST):
        for _ in range(_MOST_LABELS):
            if end - at < 4:
                return _ENDS_EARLY
            at += 4
            if octets[at - 2] & 1:  # bottom of the stack
                return told_by_version(octets, at, end)
    return _NO_IP


def told_by_version(octets: bytearray, at: int, end: int) -> int:
    """Believe that an IP header starts at `at` if its version says so."""
    if at >= end:
        return _ENDS_EARLY
    return at if octets[at] >> 4 in (4, 6) else _NO_IP
