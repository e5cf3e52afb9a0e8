"""Link types: where in a frame its IP header starts.

Models the link types of https://www.tcpdump.org/linktypes.html that can carry IP and that somebody meets;
ether.py, serial.py and wireless.py model what lies inside them. Every function answers the octet where
the IP header starts, whose version is then 4 or 6, or one of ether.py's negative numbers.
"""

from __future__ import annotations

from bypeer.core import octets as net
from bypeer.core.ether import (
    ENDS_EARLY,
    NO_IP,
    UNKNOWN_LINK,
    past_ethernet,
    past_llc,
    past_pppoe,
    past_type,
    told_by_version,
)
from bypeer.core.segment import Segment
from bypeer.core.serial import past_cisco, past_frame_relay, past_hdlc
from bypeer.core.wireless import past_avs, past_prism, past_radiotap, past_wireless

_NO_IP, _ENDS_EARLY, _UNKNOWN_LINK = NO_IP, ENDS_EARLY, UNKNOWN_LINK

# Snoop's datalink types that have no LINKTYPE_* count from here.
OF_SNOOP = 1 << 32

# RAW was 12 and 14 on some systems before it was 101.
_NULL, _ETHERNET, _RAW_BSD, _RAW_OPENBSD, _RAW, _LOOP, _SLL = 0, 1, 12, 14, 101, 108, 113
_IPV4, _IPV6, _SLL2, _TOKEN_RING, _PFLOG, _NFLOG, _PPI, _PKTAP = 228, 229, 276, 6, 117, 239, 192, 258
_ATM_CLIP = 106

# What follows a header of fixed size.
_BY_TYPE, _BY_VERSION, _BY_LLC, _BY_HDLC, _BY_CISCO, _BY_FRAME_RELAY, _BY_ETHERNET = range(7)
_BY_PPPOE, _BY_WIRELESS, _BY_RADIOTAP, _BY_AVS, _BY_PRISM = range(7, 12)

# Link type: octets of its header, what follows, where in the header its EtherType is.
_FIXED = {
    8: (16, _BY_VERSION, 0),  # SLIP: the direction and a compressed header in front
    9: (0, _BY_HDLC, 0),  # PPP
    10: (13, _BY_LLC, 0),  # FDDI
    11: (0, _BY_LLC, 0),  # ATM_RFC1483, as BSD numbered it
    50: (0, _BY_HDLC, 0),  # PPP_SERIAL
    51: (0, _BY_PPPOE, 0),  # PPP_ETHER
    100: (0, _BY_LLC, 0),  # ATM_RFC1483
    104: (0, _BY_CISCO, 0),  # C_HDLC
    105: (0, _BY_WIRELESS, 0),  # IEEE802_11
    107: (0, _BY_FRAME_RELAY, 0),  # FRELAY
    109: (12, _BY_VERSION, 0),  # ENC: OpenBSD's IPsec, decrypted
    119: (0, _BY_PRISM, 0),  # PRISM_HEADER
    122: (16, _BY_LLC, 0),  # IP_OVER_FC (RFC 2625)
    123: (4, _BY_LLC, 0),  # SUNATM
    127: (0, _BY_RADIOTAP, 0),  # IEEE802_11_RADIO
    138: (18, _BY_TYPE, 16),  # APPLE_IP_OVER_IEEE1394
    163: (0, _BY_AVS, 0),  # IEEE802_11_RADIO_AVS
    166: (0, _BY_HDLC, 0),  # PPP_PPPD
    204: (1, _BY_HDLC, 0),  # PPP_WITH_DIR
    205: (1, _BY_CISCO, 0),  # C_HDLC_WITH_DIR
    206: (1, _BY_FRAME_RELAY, 0),  # FRELAY_WITH_DIR
    226: (24, _BY_VERSION, 0),  # IPNET: Solaris
    240: (4, _BY_ETHERNET, 0),  # NETANALYZER
    242: (44, _BY_TYPE, 40),  # IPOIB (RFC 4391)
    259: (6, _BY_ETHERNET, 0),  # EPON: the end of the preamble
    281: (18, _BY_TYPE, 16),  # DSA_TAG_BRCM: Broadcom's tag, after the addresses
    282: (4, _BY_ETHERNET, 0),  # DSA_TAG_BRCM_PREPEND
    284: (18, _BY_TYPE, 16),  # DSA_TAG_DSA: Marvell's tag, after the addresses
    285: (22, _BY_TYPE, 20),  # DSA_TAG_EDSA: the same with an EtherType of its own
}
# Juniper's: what follows its header of variable size.
_OF_JUNIPER = {178: _BY_ETHERNET, 179: _BY_HDLC, 180: _BY_FRAME_RELAY, 181: _BY_CISCO}

# Address families in a NULL or LOOP header: IPv6 is 10 on Linux, 23 on Windows, 24 on NetBSD
# and OpenBSD, 28 on FreeBSD, 30 on Darwin.
_FAMILY_IPV4, _FAMILIES_IPV6 = 2, 1 << 10 | 1 << 23 | 1 << 24 | 1 << 28 | 1 << 30
_PAYLOAD = 9  # NFULA_PAYLOAD (nfnetlink_log.h)
_MAGIC, _EXTENDED, _NO_LINK_LAYER = 0x4D4743, 0x80, 0x02  # Juniper's header
_ROUTED = 0x80  # of a Token Ring source address: a routing field follows
_SLL_LLC, _FIRST_TYPE = 4, 1536  # ETH_P_802_2; below EtherTypes lie Linux's own numbers


def network(octets: bytearray, start: int, end: int, link_type: int, segment: Segment) -> int:
    """Find the IP header of the frame octets[start:end]; for SLL2, note the interface's index."""
    if link_type == _ETHERNET:
        return past_ethernet(octets, start, end)
    if link_type == _SLL:
        return (
            _cooked(octets, start + 16, end, net.u16(octets, start + 14))
            if end - start >= 16
            else _ENDS_EARLY
        )
    if link_type == _SLL2:
        if end - start < 20:
            return _ENDS_EARLY
        segment.interface |= net.u32(octets, start + 4) << 16
        return _cooked(octets, start + 20, end, net.u16(octets, start))
    if link_type in (_RAW, _RAW_BSD, _RAW_OPENBSD):
        return told_by_version(octets, start, end)
    if link_type == _PPI:
        return _past_ppi(octets, start, end, segment)
    if link_type == _PKTAP:
        return _past_pktap(octets, start, end, segment)
    return _rarer(octets, start, end, link_type)


def _cooked(octets: bytearray, at: int, end: int, protocol: int) -> int:
    if protocol < _FIRST_TYPE and protocol != _SLL_LLC:
        return _NO_IP
    return past_type(octets, at, end, protocol)


def _rarer(octets: bytearray, start: int, end: int, link_type: int) -> int:
    if link_type == _IPV4:
        return past_type(octets, start, end, 0x0800)
    if link_type == _IPV6:
        return past_type(octets, start, end, 0x86DD)
    if link_type in (_NULL, _LOOP):
        return _past_family(octets, start, end)
    row = _FIXED.get(link_type)
    if row is not None:
        return _past_fixed(octets, start, end, row)
    if link_type == _NFLOG:
        return _past_nflog(octets, start, end)
    if link_type == _PFLOG:
        return _past_pflog(octets, start, end)
    if link_type == _TOKEN_RING:
        return _past_token_ring(octets, start, end)
    if link_type == _ATM_CLIP:  # with an LLC header or without
        llc = end - start >= 2 and net.u16(octets, start) == 0xAAAA
        return past_llc(octets, start, end) if llc else told_by_version(octets, start, end)
    what = _OF_JUNIPER.get(link_type)
    return _UNKNOWN_LINK if what is None else _past_juniper(octets, start, end, what)


def _past_fixed(octets: bytearray, start: int, end: int, row: tuple[int, int, int]) -> int:
    size, what, where = row
    if end - start < size:
        return _ENDS_EARLY
    if what == _BY_TYPE:
        return past_type(octets, start + size, end, net.u16(octets, start + where))
    return _past(octets, start + size, end, what)


def _past(octets: bytearray, at: int, end: int, what: int) -> int:
    """Step over what follows a header."""
    if what in (_BY_VERSION, _BY_LLC):
        return told_by_version(octets, at, end) if what == _BY_VERSION else past_llc(octets, at, end)
    if what == _BY_HDLC:
        return past_hdlc(octets, at, end)
    if what in (_BY_CISCO, _BY_FRAME_RELAY):
        return past_cisco(octets, at, end) if what == _BY_CISCO else past_frame_relay(octets, at, end)
    if what in (_BY_ETHERNET, _BY_PPPOE):
        return past_ethernet(octets, at, end) if what == _BY_ETHERNET else past_pppoe(octets, at, end)
    if what == _BY_RADIOTAP:
        return past_radiotap(octets, at, end)
    if what in (_BY_AVS, _BY_PRISM):
        return past_avs(octets, at, end) if what == _BY_AVS else past_prism(octets, at, end)
    return past_wireless(octets, at, end, False)


def _past_family(octets: bytearray, start: int, end: int) -> int:
    """Step over the address family of NULL and LOOP.

    NULL is in the byte order of the capturing host, LOOP in network order. A family is a small
    number, so the order shows; and some who write LOOP have it wrong.
    """
    if end - start < 4:
        return _ENDS_EARLY
    if net.u16(octets, start) == 0:
        family = net.u16(octets, start + 2)
    elif net.u16(octets, start + 2) == 0:
        family = octets[start] | octets[start + 1] << 8
    else:
        return _NO_IP
    if family == _FAMILY_IPV4:
        return past_type(octets, start + 4, end, 0x0800)
    if family < 32 and _FAMILIES_IPV6 >> family & 1:
        return past_type(octets, start + 4, end, 0x86DD)
    return _NO_IP


def _past_token_ring(octets: bytearray, start: int, end: int) -> int:
    """Step over access and frame control, addresses and a routing field (IEEE 802.5), which says its size."""
    if end - start < 16:
        return _ENDS_EARLY
    at = start + 14
    if octets[start + 1] & 0xC0 != 0x40:  # no LLC frame
        return _NO_IP
    if octets[start + 8] & _ROUTED:
        at += octets[at] & 31
    return past_llc(octets, at, end) if at <= end else _ENDS_EARLY


def _past_nflog(octets: bytearray, start: int, end: int) -> int:
    """Find the payload among the attributes that the kernel sent (nfnetlink_log).

    They are in the byte order of the capturing host; types are small numbers, so it shows.
    """
    at = start + 4  # family, version, group
    while end - at >= 4:
        if octets[at + 3] == 0:
            size, kind = octets[at] | octets[at + 1] << 8, octets[at + 2]
        else:
            size, kind = net.u16(octets, at), octets[at + 3]
        if size < 4:
            return _NO_IP
        if kind == _PAYLOAD:
            return told_by_version(octets, at + 4, end)
        at += size + 3 & ~3
    return _ENDS_EARLY


def _past_pflog(octets: bytearray, start: int, end: int) -> int:
    """Step over the header of OpenBSD's packet filter, which starts with its size, unpadded."""
    if end - start < 4:
        return _ENDS_EARLY
    return told_by_version(octets, start + (octets[start] + 3 & ~3), end)


def _past_juniper(octets: bytearray, start: int, end: int, what: int) -> int:
    """Step over the header that Juniper's routers write, and over a protocol number without link layer."""
    if end - start < 6:
        return _ENDS_EARLY
    if octets[start] << 16 | net.u16(octets, start + 1) != _MAGIC:
        return _NO_IP
    flags, at = octets[start + 3], start + 4
    if flags & _EXTENDED:
        at += 2 + net.u16(octets, at)
    if flags & _NO_LINK_LAYER:
        return told_by_version(octets, at + 4, end)
    return _past(octets, at, end, what)


def _past_ppi(octets: bytearray, start: int, end: int, segment: Segment) -> int:
    """Step over a per-packet information header, which names the link type that follows."""
    if end - start < 8:
        return _ENDS_EARLY
    size, inner = octets[start + 2] | octets[start + 3] << 8, _u32(octets, start + 4)
    return _inner(octets, start, end, size, 8, inner, segment)


def _past_pktap(octets: bytearray, start: int, end: int, segment: Segment) -> int:
    """Step over the header of Darwin's packet tap, which names the link type that follows."""
    if end - start < 12:
        return _ENDS_EARLY
    return _inner(octets, start, end, _u32(octets, start), 12, _u32(octets, start + 8), segment)


def _inner(
    octets: bytearray, start: int, end: int, size: int, shortest: int, link_type: int, segment: Segment
) -> int:
    if size < shortest or link_type in (_PPI, _PKTAP):
        return _NO_IP
    return network(octets, start + size, end, link_type, segment) if size <= end - start else _ENDS_EARLY


def _u32(octets: bytearray, at: int) -> int:
    """A little-endian number."""
    high = octets[at + 3] << 8 | octets[at + 2]
    return high << 16 | octets[at + 1] << 8 | octets[at]
