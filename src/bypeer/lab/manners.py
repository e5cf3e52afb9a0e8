"""How a program treats its connection once the traffic has come so far: the ways in which endpoints fail.

A manner that makes an end of the connection raises Left; the others return, and the traffic goes on.

Source: socket(7), SO_LINGER; tcp(7); RFC 9293, 3.10.4 and 3.10.5; tcp_repair in CRIU's documentation.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

_LINGER_0 = struct.pack("ii", 1, 0)
_TCP_REPAIR = 19  # include/uapi/linux/tcp.h
_CHUNK = 1 << 16


class Left(Exception):  # noqa: N818 - nothing went wrong: a program is done with its connection
    """Its own program made an end of the connection, or found that it had come: `how`."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


def linger(one: socket.socket, patience: float) -> None:
    """Abort: what was sent and not acknowledged is forgotten, and the kernel sends RST."""
    del patience
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
    one.close()
    raise Left("ABORTED")


def close(one: socket.socket, patience: float) -> None:
    """Read what has come, and close in order: FIN."""
    del patience
    one.settimeout(0)
    with suppress(BlockingIOError):
        while one.recv(_CHUNK):
            pass
    one.close()
    raise Left("LEFT")


def unread(one: socket.socket, patience: float) -> None:
    """Close once something has come that nobody has read: the kernel sends RST."""
    del patience
    one.recv(1, socket.MSG_PEEK)
    one.close()
    raise Left("ABORTED")


def killed(one: socket.socket, patience: float) -> None:
    """The process that has the socket is killed: its kernel closes it, as `close` does."""
    del patience
    with subprocess.Popen(["sleep", "60"], pass_fds=[one.fileno()]) as process:
        one.close()
        process.kill()
    raise Left("LEFT")


def vanish(one: socket.socket, patience: float) -> None:
    """The socket is gone without a word, as after a power cut: a socket under repair is closed silently."""
    del patience
    one.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
    one.close()
    raise Left("VANISHED")


def half_close(one: socket.socket, patience: float) -> None:
    """Say that nothing more will be sent (FIN), and go on receiving."""
    del patience
    one.shutdown(socket.SHUT_WR)


def wait(one: socket.socket, patience: float) -> None:
    """Go on after the traffic's pause."""
    del one, patience


def stall(one: socket.socket, patience: float) -> None:
    """Do nothing for longer than the client has patience, then close."""
    time.sleep(patience + 0.5)
    one.close()
    raise Left("STALLED")


MANNERS: dict[str, Callable[[socket.socket, float], None]] = {
    "linger": linger,
    "close": close,
    "unread": unread,
    "killed": killed,
    "vanish": vanish,
    "half-close": half_close,
    "wait": wait,
    "stall": stall,
}
