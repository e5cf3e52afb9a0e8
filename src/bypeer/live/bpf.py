"""Classic BPF: which packets the kernel hands to a socket, and how many octets of each.

`tcp` keeps TCP and whatever may be a part of it. `compile_filter` asks libpcap, where it is
installed, what an expression of tcpdump's means. `opposite` turns a program round: a socket with
it counts what one with the other leaves out.

Source: Documentation/networking/filter.rst; include/uapi/linux/filter.h, if_ether.h; RFC 8200, 4.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from bypeer.errors import HostError

LARGEST = 65_535  # octets that a snaplen may keep: those of a datagram

# Where a socket's packets begin: SOCK_RAW on an Ethernet device, SOCK_DGRAM on any other. Also what libpcap
# calls them: DLT_EN10MB, DLT_RAW.
ETHERNET, COOKED = 1, 12

_RET, _RET_A, _LD_LEN = 0x06, 0x16, 0x80
_JA, _JEQ_X, _JGE_K, _JGE_X, _SUB_K = 0x05, 0x1D, 0x35, 0x3D, 0x14
_LD_IMM, _LD_MEM, _LDX_MEM, _ST, _STX = 0x00, 0x60, 0x61, 0x02, 0x03
_DIV_X, _MOD_X = 0x3C, 0x9C
_CLASS, _JUMP = 0x07, 0x05
_ABSOLUTE = {0x20: 4, 0x28: 2, 0x30: 1}  # loads into A from [k]: octets
_INDEXED = {0x40: 4, 0x48: 2, 0x50: 1}  # from [x + k]
_LDX_MSH = 0xB1  # 4 * ([k] & 15) into X
_ANCILLARY = 0xFFFF_F000  # a load from here on is no load of octets
_LAST_CELL = 15  # of the scratch memory

_SO_ATTACH_FILTER = 26
_NO_NETMASK = 0xFFFF_FFFF


class Instruction(NamedTuple):
    """One of a program's; jumps count from the next one."""

    code: int
    if_true: int
    if_false: int
    k: int


Program = Sequence[Instruction]

# The words below, with their codes.
_CODES = {"ldx": 0x01, "ldh": 0x28, "ldhx": 0x48, "ldbx": 0x50, "jeq": 0x15, "ret": _RET}
# On Ethernet X is the size of the tags that lie in the packet; the first is usually not in it but beside it.
_ON_ETHERNET = """
          ldx  0
          ldhx 12
          jeq  0x8100 tagged
          jeq  0x88a8 tagged
          jeq  0x9100 tagged type
tagged    ldx  4
          ldhx 12
          jeq  0x8100 twice
          jeq  0x88a8 twice
          jeq  0x9100 twice type
twice     ldx  8
          ldhx 12
"""
_COOKED = """
          ldx  0
          ldh  0xfffff000
"""
# What follows an IPv6 extension header that is not looked into may be TCP.
_TCP = """
type      jeq  0x0800 ipv4
          jeq  0x86dd ipv6 no
ipv4      ldbx {ipv4}
          jeq  6 yes no
ipv6      ldbx {ipv6}
          jeq  6 yes
          jeq  44 fragment
          jeq  0 yes
          jeq  43 yes
          jeq  51 yes
          jeq  60 yes no
fragment  ldbx {fragment}
          jeq  6 yes
          jeq  51 yes
          jeq  60 yes no
yes       ret  {snaplen}
no        ret  0
"""


def tcp(snaplen: int, link: int = ETHERNET) -> Program:
    """Keep that many octets of TCP over IPv4 and IPv6, in up to two VLAN tags, every fragment of it too.

    Also kept: IPv6 packets with extension headers, whatever those carry.
    """
    head, ip = (_ON_ETHERNET, 14) if link == ETHERNET else (_COOKED, 0)
    return _assembled(head + _TCP.format(ipv4=ip + 9, ipv6=ip + 6, fragment=ip + 40, snaplen=snaplen))


def _assembled(text: str) -> Program:
    """A line an instruction: a label or blanks; code, k; where to jump if it is true, and if not."""
    lines = [line for line in text.splitlines() if line]
    labels = {line.split()[0]: row for row, line in enumerate(lines) if not line.startswith(" ")}
    program = []
    for row, line in enumerate(lines):
        code, k, *targets = line.split()[0 if line.startswith(" ") else 1 :]
        jumps = [labels[target] - row - 1 for target in targets] + [0, 0]
        program.append(Instruction(_CODES[code], jumps[0], jumps[1], int(k, 0)))
    return program


def opposite(program: Program) -> Program:
    """Keep an octet of each packet that the program rejects, and none of those that it keeps.

    The kernel rejects a packet too if the program reads beyond its end or divides by 0: such
    accidents are seen before they happen. Raises HostError for a program without room for that.
    """
    assert all(one.code != _RET_A for one in program)
    if any(one.code in (_LD_MEM, _LDX_MEM, _ST, _STX) and one.k == _LAST_CELL for one in program):
        raise HostError("the filter is too long")
    parts = [_turned(one) for one in program]
    begins = [0]
    for part in parts:
        begins.append(begins[-1] + len(part))
    kept = begins[-1]  # where what an accident leads to stands
    turned: list[Instruction] = []
    for row, part in enumerate(parts):
        for one in part:
            if one.code == _JA:  # holds the row that it leads to, -1: an accident
                to = kept if one.k < 0 else begins[row + 1 + one.k]
                one = one._replace(k=to - len(turned) - 1)
            turned.append(one)
    return [*turned, Instruction(_RET, 0, 0, 1)]


def _turned(one: Instruction) -> list[Instruction]:
    """The opposite of an instruction; a JA's k counts instructions of the old program, -1 is an accident."""
    accident = Instruction(_JA, 0, 0, -1)
    store, load = Instruction(_ST, 0, 0, _LAST_CELL), Instruction(_LD_MEM, 0, 0, _LAST_CELL)
    length = Instruction(_LD_LEN, 0, 0, 0)
    if one.code == _RET:
        return [one._replace(k=0 if one.k else 1)]
    if one.code & _CLASS == _JUMP:
        if one.code == _JA:
            return [one]
        # Further than 255 from here, perhaps.
        jumps = [Instruction(_JA, 0, 0, one.if_true), Instruction(_JA, 0, 0, one.if_false)]
        return [Instruction(one.code, 0, 1, one.k), *jumps]
    if one.code in _ABSOLUTE and one.k < _ANCILLARY:  # A is about to be overwritten
        return [length, Instruction(_JGE_K, 1, 0, one.k + _ABSOLUTE[one.code]), accident, one]
    if one.code in _INDEXED:
        size = one.k + _INDEXED[one.code]
        room = [Instruction(_JGE_K, 1, 0, size), accident, Instruction(_SUB_K, 0, 0, size)]
        return [length, *room, Instruction(_JGE_X, 1, 0, 0), accident, one]
    if one.code == _LDX_MSH:
        return [store, length, Instruction(_JGE_K, 1, 0, one.k + 1), accident, load, one]
    if one.code in (_DIV_X, _MOD_X):
        return [store, Instruction(_LD_IMM, 0, 0, 0), Instruction(_JEQ_X, 0, 1, 0), accident, load, one]
    return [one]


def attach(to: socket.socket, program: Program) -> None:
    """Let the socket have only what the program keeps; HostError if the kernel does not take it."""
    octets = b"".join(struct.pack("=HBBI", *one) for one in program)
    code = ctypes.create_string_buffer(octets, len(octets))
    try:
        to.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code))
        )
    except (OSError, struct.error) as error:
        raise HostError(
            f"the kernel does not take the filter of {len(program)} instructions: {error}"
        ) from None


class _Compiled(ctypes.Structure):
    """libpcap's struct bpf_program."""

    _fields_ = (("size", ctypes.c_uint), ("rows", ctypes.c_void_p))


def compile_filter(text: str, snaplen: int, link: int = ETHERNET) -> Program:
    """What libpcap makes of a filter expression; HostError where there is no libpcap, or it refuses."""
    name = ctypes.util.find_library("pcap")
    if name is None:
        raise HostError("a filter needs libpcap, which is not installed (Debian: libpcap0.8)")
    pcap = ctypes.CDLL(name)
    pcap.pcap_open_dead.restype, pcap.pcap_geterr.restype = ctypes.c_void_p, ctypes.c_char_p
    handle = ctypes.c_void_p(pcap.pcap_open_dead(link, snaplen))
    found = _Compiled()
    try:
        if "\0" in text:
            raise HostError("a filter cannot hold the character 0")
        words = ctypes.c_char_p(text.encode(errors="surrogateescape"))
        if pcap.pcap_compile(handle, ctypes.byref(found), words, 1, ctypes.c_uint32(_NO_NETMASK)):
            why = pcap.pcap_geterr(handle).decode(errors="replace")
            raise HostError(f"not a filter: {text}: {why}")
        octets = ctypes.string_at(found.rows, found.size * 8)
        pcap.pcap_freecode(ctypes.byref(found))
    finally:
        pcap.pcap_close(handle)
    return [Instruction(*one) for one in struct.iter_unpack("=HBBI", octets)]
