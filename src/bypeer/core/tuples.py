"""Tuples as numbers: a hash that is the same for both directions, and unforeseeable from run to run.

Strangers choose tuples, so that none may know where they lead: the seed is Python's own secret of
this process.
"""

from __future__ import annotations

from typing import Any

from bypeer.core import lines, tcp

_SEED = hash("bypeer.core.tuples") & (1 << 64) - 1
_SYN, _ACK = tcp.SYN, tcp.ACK_
_MIX_PORT, _MIX_HIGH = 0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F
_MIX_1, _MIX_2 = 0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53


def hash_packets(packets: Any, count: int, hashes: Any) -> None:
    """The hashes of the first `count` packets."""
    for place in range(count):
        packet = lines.packet_at(packets, place)
        source = _mixed(packet.src_hi, packet.src_lo, packet.sport)
        target = _mixed(packet.dst_hi, packet.dst_lo, packet.dport)
        hashes[place] = _folded(source, target, packet.interface)


def hash_of(line: lines.Line) -> int:
    """The hash of a row's tuple."""
    client = _mixed(line.client_hi, line.client_lo, line.client_port)
    server = _mixed(line.server_hi, line.server_lo, line.server_port)
    return _folded(client, server, line.interface)


def hash_of_ends(one: tuple[int, int, int], other: tuple[int, int, int], interface: int) -> int:
    """The same of two endpoints."""
    high, low, port = one
    source = _mixed(high, low, port)
    high, low, port = other
    target = _mixed(high, low, port)
    return _folded(source, target, interface)


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


def _mixed(high: int, low: int, port: int) -> int:
    """An endpoint as 64 bits (the finishing steps of MurmurHash3, with a secret seed)."""
    mixed = lines.wrapped((low ^ _SEED) + port * _MIX_PORT + high * _MIX_HIGH)
    mixed = lines.wrapped((mixed ^ mixed >> 33) * _MIX_1)
    return mixed ^ mixed >> 29


def _folded(one: int, other: int, interface: int) -> int:
    mixed = lines.wrapped(one + other + interface * _MIX_PORT)
    mixed = lines.wrapped((mixed ^ mixed >> 32) * _MIX_2)
    return mixed ^ mixed >> 32
