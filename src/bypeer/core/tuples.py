"""Tuples as numbers: a hash that is the same for both directions, and unforeseeable from run to run.

Strangers choose tuples, so that none may know where they lead: the seeds are Python's own secret of
this process.
"""

from __future__ import annotations

from bypeer.core import lines, tcp

SEED = hash("bypeer.core.tuples") & (1 << 64) - 1
_SEED = SEED  # copies that are C integers when compiled
_ODD = hash("bypeer.core.tuples, addresses") & (1 << 64) - 1 | 1
_SYN, _ACK, _SPECIAL = tcp.SYN, tcp.ACK_, tcp.SYN | tcp.FIN | tcp.RST
_MIX_PORT, _MIX = 0x9E37_79B9_7F4A_7C15, 0xFF51_AFD7_ED55_8CCD
_MAPPED, _ADDRESS = 0xFFFF, 0xFFFF_FFFF  # ::ffff:0:0/96: its last 16 bits, and what follows
IN_PART = 1  # an end of which this hash does not tell all
_IN_PART, _PORT = IN_PART, 0xFFFF


def end_of(high: int, low: int, port: int) -> int:
    """An endpoint as 64 bits: of IPv4 the whole of it; else a hash, which has IN_PART set."""
    if high == 0 and low >> 32 == _MAPPED:
        return (low & _ADDRESS) << 32 | port << 16
    mixed = lines.wrapped((low ^ _SEED) + port * _MIX_PORT + lines.wrapped(high * _ODD))
    return lines.wrapped((mixed ^ mixed >> 33) * _MIX) | _IN_PART


def widen(packet: lines.Packet) -> None:
    """Fill in the addresses and ports of a packet whose ends tell all of them."""
    if (packet.source | packet.target) & _IN_PART:
        return
    packet.src_hi = packet.dst_hi = 0
    packet.src_lo, packet.sport = _MAPPED << 32 | packet.source >> 32, packet.source >> 16 & _PORT
    packet.dst_lo, packet.dport = _MAPPED << 32 | packet.target >> 32, packet.target >> 16 & _PORT


def hash_of(line: lines.Line) -> int:
    """The hash of a row's tuple."""
    return lines.tuple_hash(line.client, line.server, line.interface, _SEED)


def hash_of_ends(one: tuple[int, int, int], other: tuple[int, int, int], interface: int) -> int:
    """The same of two endpoints."""
    high, low, port = one
    source = end_of(high, low, port)
    high, low, port = other
    return lines.tuple_hash(source, end_of(high, low, port), interface, _SEED)


def from_client(packet: lines.Packet) -> bool:
    """Who opened: by SYN (but none with FIN or RST); else a guess, that the lower port is the server's."""
    if packet.flags & _SPECIAL == _SYN:
        return not packet.flags & _ACK
    return packet.dport <= packet.sport


def one_tuple(one: lines.Past, other: lines.Past) -> bool:
    """Whether these are lives of the same tuple, whoever opened it."""
    if (
        one.client_lo == other.client_lo and one.server_lo == other.server_lo
        and one.client_port == other.client_port and one.server_port == other.server_port
        and one.client_hi == other.client_hi and one.server_hi == other.server_hi
    ):  # fmt: skip
        return True
    return (
        one.client_lo == other.server_lo and one.server_lo == other.client_lo
        and one.client_port == other.server_port and one.server_port == other.client_port
        and one.client_hi == other.server_hi and one.server_hi == other.client_hi
    )  # fmt: skip


def direction(past: lines.Past, packet: lines.Packet) -> int:
    """Which way a packet goes, if it is of this row's tuple; else -1: where its ends do not tell all."""
    there = (
        past.client_lo == packet.src_lo and past.server_lo == packet.dst_lo
        and past.client_port == packet.sport and past.server_port == packet.dport
        and past.client_hi == packet.src_hi and past.server_hi == packet.dst_hi
    )  # fmt: skip
    back = (
        past.client_lo == packet.dst_lo and past.server_lo == packet.src_lo
        and past.client_port == packet.dport and past.server_port == packet.sport
        and past.client_hi == packet.dst_hi and past.server_hi == packet.src_hi
    )  # fmt: skip
    if not (there or back):
        return -1
    return 0 if there else 1
