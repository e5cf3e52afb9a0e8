"""802.11, with and without what a driver writes in front of it.

Models data frames of IEEE 802.11 (9.3.2) with QoS, four addresses, HT control and mesh control, and the
first part of an aggregate (A-MSDU); radiotap (radiotap.org), the AVS and the Prism header. What is
encrypted is not IP to anybody here. Later fragments have no LLC header and are no IP either. Answers as in
ether.py.
"""

from __future__ import annotations

from bypeer.core import octets as net
from bypeer.core.ether import ENDS_EARLY, NO_IP, past_llc

_NO_IP, _ENDS_EARLY = NO_IP, ENDS_EARLY

# Frame control, read as little-endian: protocol version and type, the bits of a data frame's subtype, flags.
_VERSION_AND_TYPE, _DATA, _EMPTY, _QOS = 0x000F, 0x0008, 0x0040, 0x0080
_TO_AND_FROM, _ENCRYPTED, _HT_CONTROL = 0x0300, 0x4000, 0x8000
_FRAGMENT = 0x000F  # of the sequence control field
_AGGREGATE, _MESH = 0x0080, 0x0100  # of the QoS field
_LONGEST_MESH = 3  # of mesh control's address extension

_PRISM = 144
_COOKIE, _COOKIE_VERSION = 0x80211000, 0xFFFFF000  # how an AVS header starts

# Radiotap: the fields that the first word announces, the least bit first.
_TIME, _FLAGS = 1, 2
_PADDED = 0x20  # of the flags: the 802.11 header has a multiple of four octets


def past_radiotap(octets: bytearray, at: int, end: int) -> int:
    """Step over a radiotap header and what follows it."""
    if end - at < 8:
        return _ENDS_EARLY
    size = _u16(octets, at + 2)
    if size < 8:
        return _NO_IP
    if end - at < size:
        return _ENDS_EARLY
    return past_wireless(octets, at + size, end, _is_padded(octets, at, at + size))


def _is_padded(octets: bytearray, start: int, stop: int) -> bool:
    """Whether the driver says that it aligned what follows the 802.11 header."""
    present = _u16(octets, start + 4)
    if present & _FLAGS == 0:
        return False
    at = start + 4
    while octets[at + 3] & 0x80:  # another word of bits
        at += 4
        if stop - at < 4:
            return False
    at += 4
    if present & _TIME:  # aligned to its eight octets
        at = start + (at - start + 7 & ~7) + 8
    return at < stop and octets[at] & _PADDED != 0


def past_avs(octets: bytearray, at: int, end: int) -> int:
    """Step over an AVS header, whose size is its second word, and what follows it."""
    if end - at < 8:
        return _ENDS_EARLY
    size = net.u32(octets, at + 4)
    if size < 8:
        return _NO_IP
    return past_wireless(octets, at + size, end, False) if size <= end - at else _ENDS_EARLY


def past_prism(octets: bytearray, at: int, end: int) -> int:
    """Step over a Prism header and what follows it; some drivers wrote AVS's under its name."""
    if end - at >= 4 and net.u32(octets, at) & _COOKIE_VERSION == _COOKIE:
        return past_avs(octets, at, end)
    return past_wireless(octets, at + _PRISM, end, False) if end - at >= _PRISM else _ENDS_EARLY


def past_wireless(octets: bytearray, at: int, end: int, padded: bool) -> int:
    """Step over an 802.11 header and the LLC header that follows it."""
    if end - at < 24:
        return _ENDS_EARLY
    control = _u16(octets, at)
    if control & _VERSION_AND_TYPE != _DATA or control & (_EMPTY | _ENCRYPTED):
        return _NO_IP
    if _u16(octets, at + 22) & _FRAGMENT:
        return _NO_IP
    relayed = control & _TO_AND_FROM == _TO_AND_FROM
    size = 30 if relayed else 24
    quality = 0
    if control & _QOS:
        if end - at < size + 2:
            return _ENDS_EARLY
        quality = _u16(octets, at + size)
        size += 6 if control & _HT_CONTROL else 2
    if padded:
        size = size + 3 & ~3
    if quality & _AGGREGATE:
        size += 14  # addresses and length of the first part
    if relayed and quality & _MESH:
        if end - at <= size:
            return _ENDS_EARLY
        size += 6 + 6 * (octets[at + size] & _LONGEST_MESH)
    return past_llc(octets, at + size, end) if size <= end - at else _ENDS_EARLY


def _u16(octets: bytearray, at: int) -> int:
    return octets[at] | octets[at + 1] << 8
