"""Tuples as numbers: a hash that is the same for both directions, and unforeseeable from run to run.

Strangers choose tuples, so that none may know where they lead: the seeds are Python's own secret of
this process.
"""

from __future__ import annotations

from typing import Any

from bypeer.core import lines, tcp

_SEED = hash("bypeer.core.tuples") & (1 << 64) - 1
_ODD = hash("bypeer.core.tuples, addresses") & (1 << 64) - 1 | 1
_SYN, _ACK = tcp.SYN, tcp.ACK_
_MIX_PORT, _MIX_1, _MIX_2 = 0x9E37_79B9_7F4A_7C15, 0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53
_MAPPED, _ADDRESS = 0xFFFF, 0xFFFF_FFFF  # ::ffff:0:0/96: its last 16 bits, and what follows
_IN_PART = 1 << 63


def end_of(high: int, low: int, port: int) -> int:
    """An endpoint as 64 bits: of IPv4 the whole of it; else a hash, which has IN_PART set."""
    if high == 0 and low >> 32 == _MAPPED:
        return (low & _ADDRESS) << 16 | port
    mixed = lines.wrapped((low ^ _SEED) + port * _MIX_PORT + lines.wrapped(high * _ODD))
    return lines.wrapped((mixed ^ mixed >> 33) * _MIX_1) | _IN_PART


def hash_packets(packets: Any, count: int) -> None:
    """Give the first `count` packets their hashes."""
    for place in range(count):
        packet = lines.packet_at(packets, place)
        packet.mixed = _mixed(packet.source, packet.target, packet.interface)


def hash_of(line: lines.Line) -> int:
    """The hash of a row's tuple."""
    return _mixed(line.client, line.server, line.interface)


def hash_of_ends(one: tuple[int, int, int], other: tuple[int, int, int], interface: int) -> int:
    """The same of two endpoints."""
    high, low, port = one
    source = end_of(high, low, port)
    high, low, port = other
    return _mixed(source, end_of(high, low, port), interface)


def from_client(packet: lines.Packet) -> bool:
    """Who opened: by SYN; else a guess, that the lower port is the server's."""
    if packet.flags & _SYN:
        return not packet.flags & _ACK
    return packet.dport <= packet.sport


def one_tuple(one: lines.Line, other: lines.Line) -> bool:
    """Whether these are lives of the same tuple, whoever opened it."""
    if one.interface != other.interface:
        return False
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


def direction(line: lines.Line, packet: lines.Packet) -> int:
    """Which way a packet goes, if it is of this row's tuple; else -1: where its ends do not tell all."""
    there = (
        line.client_lo == packet.src_lo and line.server_lo == packet.dst_lo
        and line.client_port == packet.sport and line.server_port == packet.dport
        and line.client_hi == packet.src_hi and line.server_hi == packet.dst_hi
    )  # fmt: skip
    back = (
        line.client_lo == packet.dst_lo and line.server_lo == packet.src_lo
        and line.client_port == packet.dport and line.server_port == packet.sport
        and line.client_hi == packet.dst_hi and line.server_hi == packet.src_hi
    )  # fmt: skip
    if line.interface != packet.interface or not (there or back):
        return -1
    return 0 if there else 1


def _mixed(one: int, other: int, interface: int) -> int:
    """Two ends to 64 bits, in either order (the product is that of wyhash, with a secret seed)."""
    mixed = lines.wrapped(lines.folded(one ^ _SEED, other ^ _SEED) + interface * _MIX_PORT)
    mixed = lines.wrapped(mixed * _MIX_2)
    return mixed ^ mixed >> 32
