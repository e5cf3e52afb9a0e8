"""Netlink: messages, attributes, and a socket that asks and waits for the answer.

What is here is the frame that all families share; `route`, `nftables`, `conntrack` and `nflog`
know what to say in it.

Source: netlink(7); include/uapi/linux/netlink.h, nfnetlink.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from bypeer.errors import HostError

ROUTE, NETFILTER = 0, 12  # protocols
REQUEST, ACK, DUMP, CREATE, APPEND = 0x01, 0x04, 0x300, 0x400, 0x800
_ERROR, _DONE = 2, 3
_NESTED = 0x8000
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_ATTRIBUTE = struct.Struct("=HH")
_SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h; Python has no name for it
_LARGEST = 1 << 16  # octets of a datagram: dumps come in pages, NFLOG copies no more than it is told


class RefusedError(HostError):
    """The kernel answered with an error; `code` is its errno."""

    def __init__(self, why: str, code: int) -> None:
        super().__init__(why)
        self.code = code


class Message(NamedTuple):
    """A netlink message: its type and what follows the header."""

    type: int
    body: bytes


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four octets."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(attributes))


def number(kind: int, value: int) -> bytes:
    """An attribute of netfilter's: 32 bits in network byte order."""
    return attribute(kind, struct.pack("!I", value & 0xFFFF_FFFF))


def name(kind: int, value: str) -> bytes:
    """An attribute that is a string."""
    return attribute(kind, value.encode() + b"\0")


def attributes(octets: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """The attributes from that offset on: kind and value; stops where a length makes no sense."""
    while at + 4 <= len(octets):
        length, kind = _ATTRIBUTE.unpack_from(octets, at)
        if length < 4 or at + length > len(octets):
            return
        yield kind & 0x3FFF, octets[at + 4 : at + length]
        at += (length + 3) & ~3


def netfilter_header(family: int, resource: int = 0) -> bytes:
    """What follows the header in each message of netfilter: struct nfgenmsg."""
    return struct.pack("!BBH", family, 0, resource)


def pack(kind: int, flags: int, body: bytes, sequence: int = 0) -> bytes:
    """A message as it goes over the socket."""
    return _HEADER.pack(16 + len(body), kind, flags, sequence, 0) + body


class Netlink:
    """A netlink socket in the namespace of the thread that makes it."""

    def __init__(self, protocol: int, receive_buffer: int = 1 << 20) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self.socket.bind((0, 0))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
        except OSError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._sequence = 0

    def close(self) -> None:
        """End it; what was bound to it is unbound."""
        self.socket.close()

    def do(self, doing: str, kind: int, body: bytes, flags: int = 0) -> None:
        """One message, and its acknowledgement; HostError says that `doing` failed."""
        self.do_all(doing, [(kind, flags | ACK, body)])

    def do_all(self, doing: str, parts: list[tuple[int, int, bytes]]) -> None:
        """Messages (type, flags, body) in one datagram; each with the flag ACK is waited for."""
        packed = []
        waiting = set()
        for kind, flags, body in parts:
            self._sequence += 1
            packed.append(pack(kind, flags | REQUEST, body, self._sequence))
            if flags & ACK:
                waiting.add(self._sequence)
        self.socket.send(b"".join(packed))
        while waiting:
            for kind, sequence, body in _messages(self.socket.recv(_LARGEST)):
                if kind == _ERROR:
                    _raise(doing, body)
                    waiting.discard(sequence)

    def ask(self, doing: str, kind: int, body: bytes) -> Message:
        """The one answer to a question; RefusedError where the kernel has none."""
        self._sequence += 1
        self.socket.send(pack(kind, REQUEST, body, self._sequence))
        while True:
            for answer, sequence, octets in _messages(self.socket.recv(_LARGEST)):
                if sequence != self._sequence:
                    continue
                if answer == _ERROR:
                    _raise(doing, octets)
                return Message(answer, octets)

    def dump(self, doing: str, kind: int, body: bytes) -> Iterator[Message]:
        """Everything of a kind that the kernel has."""
        self._sequence += 1
        self.socket.send(pack(kind, REQUEST | DUMP, body, self._sequence))
        while True:
            for answer, sequence, octets in _messages(self.socket.recv(_LARGEST)):
                if sequence != self._sequence:
                    continue
                if answer == _DONE:
                    return
                if answer == _ERROR:
                    _raise(doing, octets)
                yield Message(answer, octets)

    def receive(self) -> list[Message] | None:
        """What has come by itself; None if nothing has (the socket must not block)."""
        try:
            return [Message(kind, body) for kind, _, body in _messages(self.socket.recv(_LARGEST))]
        except BlockingIOError:
            return None


def _messages(octets: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The messages of a datagram: type, sequence number, body."""
    at = 0
    while at + 16 <= len(octets):
        length, kind, _, sequence, _ = _HEADER.unpack_from(octets, at)
        if length < 16:
            return
        yield kind, sequence, octets[at + 16 : at + length]
        at += (length + 3) & ~3


def _raise(doing: str, body: bytes) -> None:
    code = -struct.unpack_from("=i", body)[0]
    if code == errno.EPERM:
        raise RefusedError(f"{doing} needs root (CAP_NET_ADMIN)", code)
    if code:
        raise RefusedError(f"{doing}: {os.strerror(code)}", code)
