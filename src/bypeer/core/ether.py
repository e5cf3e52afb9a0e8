"""EtherTypes: what lies between a link layer's header and IP, for all link types that name one.

Models VLAN stacks (IEEE 802.1Q), what switches put in front of a frame or into it (802.1ad, 802.1ah,
802.1AE without encryption, 802.1BR, VN-Tag, FabricPath, TRILL, Marvell's EDSA), LLC and SNAP (802.2),
frames bridged over SNAP (RFC 2684), MPLS (RFC 3032) and PPPoE (RFC 2516). Every function answers the octet
where the IP header starts, whose version is then 4 or 6, or one of the negative numbers below.
"""

from __future__ import annotations

from bypeer.core import octets as net

# No IP in it; the frame ends before its IP header starts; the version is not the announced
# one; the link type is not known.
NO_IP, ENDS_EARLY, WRONG_VERSION, UNKNOWN_LINK = -1, -2, -3, -4
_NO_IP, _ENDS_EARLY, _WRONG_VERSION = NO_IP, ENDS_EARLY, WRONG_VERSION

# EtherTypes (IEEE 802 numbers at IANA).
_TYPE_IPV4, _TYPE_IPV6 = 0x0800, 0x86DD
_TYPE_VLAN, _TYPE_SERVICE_VLAN, _TYPE_OLD_VLAN = 0x8100, 0x88A8, 0x9100
_TYPE_BACKBONE, _TYPE_MACSEC, _TYPE_TRILL = 0x88E7, 0x88E5, 0x22F3
_TYPE_EXTENDED_TAG, _TYPE_VN_TAG, _TYPE_FABRIC_PATH, _TYPE_EDSA = 0x893F, 0x8926, 0x8903, 0xDADA
_TYPE_MPLS, _TYPE_MPLS_MULTICAST, _TYPE_PPPOE = 0x8847, 0x8848, 0x8864
_LONGEST_LLC = 1500  # IEEE 802.3, 3.2.6: up to here it is a length

# LLC (IEEE 802.2): both addresses and the control octet; the organisations of SNAP headers.
_SNAP, _LLC_IP, _UNNUMBERED = 0xAAAA, 0x0606, 0x03
_OUI_ETHER_TYPE, _OUI_CISCO, _OUI_BRIDGED = 0x000000, 0x0000F8, 0x0080C2
_BRIDGED, _BRIDGED_WITH_FCS = 0x0007, 0x0001  # RFC 2684, 5.2

_PPP_IPV4, _PPP_IPV6, _PPP_MPLS = 0x0021, 0x0057, 0x0281  # RFC 1332, RFC 5072, RFC 3032
_SECTAG_ENCRYPTED, _SECTAG_CHANGED, _SECTAG_CHANNEL = 0x08, 0x04, 0x20  # IEEE 802.1AE, 9.5

_MOST_TAGS = 16
_MOST_LABELS = 16


def past_ethernet(octets: bytearray, at: int, end: int) -> int:
    """Step over an Ethernet header and what follows it."""
    if end - at < 14:
        return _ENDS_EARLY
    return past_type(octets, at + 14, end, net.u16(octets, at + 12))


def past_type(octets: bytearray, at: int, end: int, ether_type: int) -> int:
    """Step over the tags and other headers that EtherTypes announce, to the IP header."""
    for _ in range(_MOST_TAGS):
        if ether_type in (_TYPE_IPV4, _TYPE_IPV6):
            if at >= end:
                return _ENDS_EARLY
            return at if octets[at] >> 4 == (4 if ether_type == _TYPE_IPV4 else 6) else _WRONG_VERSION
        size = _tag_size(octets, at, end, ether_type)
        if size == 0:
            return _shimmed(octets, at, end, ether_type)
        if end - at < size:
            return _ENDS_EARLY
        ether_type = net.u16(octets, at + size - 2)
        at += size
    return _NO_IP


def past_llc(octets: bytearray, at: int, end: int) -> int:
    """Step over an LLC header and what follows it."""
    return past_type(octets, at, end, 0)


def _tag_size(octets: bytearray, at: int, end: int, ether_type: int) -> int:
    """Octets of the header that this EtherType announces and another EtherType ends, or 0."""
    if ether_type in (_TYPE_VLAN, _TYPE_SERVICE_VLAN, _TYPE_OLD_VLAN):
        return 4
    if ether_type <= _LONGEST_LLC:
        return _snap_size(octets, at, end)
    if ether_type == _TYPE_VN_TAG:
        return 6
    if ether_type in (_TYPE_EXTENDED_TAG, _TYPE_EDSA):
        return 8
    if ether_type == _TYPE_FABRIC_PATH:  # the rest of its tag, and a frame
        return 16
    if ether_type == _TYPE_BACKBONE:  # the service's tag, and a frame
        return 18
    return _secured_size(octets, at, end, ether_type)


def _secured_size(octets: bytearray, at: int, end: int, ether_type: int) -> int:
    """The same, of the headers whose size they say themselves."""
    if end - at < 2:
        return 0
    if ether_type == _TYPE_TRILL:  # RFC 6325, 3: options in units of 4; and a frame
        return 6 + (net.u16(octets, at) >> 6 & 31) * 4 + 14
    if ether_type == _TYPE_MACSEC and octets[at] & (_SECTAG_ENCRYPTED | _SECTAG_CHANGED) == 0:
        return 16 if octets[at] & _SECTAG_CHANNEL else 8
    return 0


def _snap_size(octets: bytearray, at: int, end: int) -> int:
    """The same, of LLC and SNAP."""
    if end - at < 8:
        return 8 if end - at < 2 or net.u16(octets, at) == _SNAP else 0
    if net.u16(octets, at) != _SNAP or octets[at + 2] != _UNNUMBERED:
        return 0
    organisation = octets[at + 3] << 16 | net.u16(octets, at + 4)
    if organisation in (_OUI_ETHER_TYPE, _OUI_CISCO):
        return 8
    if organisation == _OUI_BRIDGED and net.u16(octets, at + 6) in (_BRIDGED, _BRIDGED_WITH_FCS):
        return 8 + 2 + 14  # two octets of padding, and a frame
    return 0


def _shimmed(octets: bytearray, at: int, end: int, ether_type: int) -> int:
    """Step over a header that no EtherType ends, if IP may follow it."""
    if ether_type == _TYPE_PPPOE:
        return past_pppoe(octets, at, end)
    if ether_type in (_TYPE_MPLS, _TYPE_MPLS_MULTICAST):
        return past_labels(octets, at, end)
    if ether_type > _LONGEST_LLC or end - at < 3 or net.u16(octets, at) != _LLC_IP:
        return _NO_IP
    return told_by_version(octets, at + 3, end) if octets[at + 2] == _UNNUMBERED else _NO_IP


def past_pppoe(octets: bytearray, at: int, end: int) -> int:
    """Step over the header of a PPPoE session (RFC 2516, 4), and PPP's protocol."""
    if end - at < 8:
        return _ENDS_EARLY
    return past_ppp(octets, at + 8, end, net.u16(octets, at + 6))


def past_ppp(octets: bytearray, at: int, end: int, protocol: int) -> int:
    """Believe PPP's protocol number, of which this one starts at `at`."""
    if protocol in (_PPP_IPV4, _PPP_IPV6):
        return told_by_version(octets, at, end)
    return past_labels(octets, at, end) if protocol == _PPP_MPLS else _NO_IP


def past_labels(octets: bytearray, at: int, end: int) -> int:
    """Step over a stack of MPLS labels; nothing says what follows but its first octet."""
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
