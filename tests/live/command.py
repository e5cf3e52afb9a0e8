"""bypeer's commands run on a NAT host of the test's own, with a client that the host's RST kills."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import make
from tests.live.nat import PORT, SERVER, Net, _send, _syn, _tap

BYPEER = str(Path(sys.executable).with_name("bypeer"))
LONGEST = 60  # s

# Sends until it is told that the peer has reset it; curl's exit status for that.
CLIENT = f"""
import socket, sys, time
one = socket.create_connection(("{SERVER}", {PORT}), 5)
one.settimeout(0.2)
for _ in range(40):
    try:
        one.send(b"are you there?")
        if not one.recv(100):
            sys.exit(3)
        time.sleep(0.5)  # else what it sends next would make the RST one that RFC 5961 has challenged
    except TimeoutError:
        continue
    except ConnectionResetError as error:
        print(error.strerror)
        sys.exit(56)
print("survived")
"""


def there(namespace: Any) -> str:
    """The path of a namespace, for another process."""
    return f"/proc/{os.getpid()}/fd/{namespace.fileno()}"


def begun(net: Net, arguments: Sequence[str], folder: Path, **how: Any) -> subprocess.Popen[str]:
    """A bypeer command on the NAT host."""
    return net.host.call(
        subprocess.Popen, [BYPEER, *arguments], cwd=folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, **how,
    )  # fmt: skip


@contextmanager
def serving(net: Net, beyond: int = 100_000_000, times: int = 1) -> Iterator[list[int]]:
    """A server that answers so many connections with a segment that far beyond the window, if it is any.

    Gives their sequence numbers.
    """
    sent: list[int] = []
    listener = net.server.call(socket.socket)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((SERVER, PORT))
    listener.listen()
    listener.settimeout(LONGEST)
    tap = net.server.call(_tap)
    tap.settimeout(LONGEST)
    held: list[socket.socket] = []

    def serve() -> None:
        for _ in range(times):
            try:
                one, (seen_from, port) = listener.accept()
            except OSError:
                return
            held.append(one)
            ack = (_syn(tap, ack=False) + 1) & 0xFFFF_FFFF
            seq = (_syn(tap, ack=True) + 1 + beyond) & 0xFFFF_FFFF
            one.recv(100)
            one.send(b"here")
            if beyond:
                segment = make.tcp(
                    make.ACK_, seq, (ack + 14) & 0xFFFF_FFFF, sport=PORT, dport=port, payload=b"beyond"
                )
                net.server.call(_send, make.ip(segment, src=SERVER, dst=seen_from), seen_from)
                sent.append(seq)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield sent
    finally:
        listener.close()
        tap.close()
        for one in held:
            one.close()
        thread.join(5)
