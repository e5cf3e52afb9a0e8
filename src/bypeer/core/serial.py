"""Serial lines: PPP, Cisco's HDLC, Frame Relay.

Models PPP in HDLC-like framing (RFC 1662) with and without its address field, Cisco's HDLC (RFC 1547,
4.3.1), and Frame Relay as RFC 2427 and as Cisco wrap IP in it. Answers as in ether.py.
"""

from __future__ import annotations

from bypeer.core import octets as net
from bypeer.core.ether import ENDS_EARLY, NO_IP, past_ethernet, past_ppp, past_type, told_by_version

_NO_IP, _ENDS_EARLY = NO_IP, ENDS_EARLY

_ALL_STATIONS, _CISCO_UNICAST, _CISCO_BROADCAST = 0xFF, 0x0F, 0x8F  # HDLC addresses
_UNNUMBERED = 0x03  # HDLC control field
_MOST_ADDRESSES = 4  # octets of a Q.922 address, the last of which is odd

# Network layer protocols (ISO/IEC TR 9577, RFC 2427).
_NLPID_SNAP, _NLPID_IPV4, _NLPID_IPV6, _NLPID_PPP = 0x80, 0xCC, 0x8E, 0xCF
_OUI_ETHER_TYPE, _OUI_BRIDGED, _BRIDGED, _BRIDGED_WITH_FCS = 0x000000, 0x0080C2, 0x0007, 0x0001


def past_hdlc(octets: bytearray, at: int, end: int) -> int:
    """Step over PPP's header, whose address field may be missing, or Cisco's HDLC, which its address tells.

    Some captures have the direction, 0 or 1, where the address was.
    """
    if end - at < 2:
        return _ENDS_EARLY
    address = octets[at]
    if address in (_CISCO_UNICAST, _CISCO_BROADCAST):
        return past_cisco(octets, at, end)
    if address in (_ALL_STATIONS, 0, 1) and octets[at + 1] == _UNNUMBERED:
        at += 2
    return _past_protocol(octets, at, end)


def _past_protocol(octets: bytearray, at: int, end: int) -> int:
    """Step over PPP's protocol field, whose last octet is odd; it may have only that one."""
    if end - at < 2:
        return _ENDS_EARLY
    if octets[at] & 1:
        return past_ppp(octets, at + 1, end, octets[at])
    return past_ppp(octets, at + 2, end, net.u16(octets, at))


def past_cisco(octets: bytearray, at: int, end: int) -> int:
    """Step over Cisco's HDLC: address, control, EtherType."""
    if end - at < 4:
        return _ENDS_EARLY
    return past_type(octets, at + 4, end, net.u16(octets, at + 2))


def past_frame_relay(octets: bytearray, at: int, end: int) -> int:
    """Step over a Q.922 address and what says what follows it."""
    for _ in range(_MOST_ADDRESSES):
        if at >= end:
            return _ENDS_EARLY
        at += 1
        if octets[at - 1] & 1:
            break
    else:
        return _NO_IP
    if end - at < 2:
        return _ENDS_EARLY
    if octets[at] != _UNNUMBERED:  # Cisco's: an EtherType
        return past_type(octets, at + 2, end, net.u16(octets, at))
    at += 1
    if octets[at] == 0:  # to make it even
        at += 1
    return _past_nlpid(octets, at, end)


def _past_nlpid(octets: bytearray, at: int, end: int) -> int:
    if at >= end:
        return _ENDS_EARLY
    protocol = octets[at]
    at += 1
    if protocol in (_NLPID_IPV4, _NLPID_IPV6):
        return told_by_version(octets, at, end)
    if protocol == _NLPID_PPP:
        return _past_protocol(octets, at, end)
    if protocol != _NLPID_SNAP:
        return _NO_IP
    if end - at < 5:
        return _ENDS_EARLY
    organisation, kind = octets[at] << 16 | net.u16(octets, at + 1), net.u16(octets, at + 3)
    at += 5
    if organisation == _OUI_ETHER_TYPE:
        return past_type(octets, at, end, kind)
    if organisation == _OUI_BRIDGED and kind in (_BRIDGED, _BRIDGED_WITH_FCS):
        return past_ethernet(octets, at, end)
    return _NO_IP
