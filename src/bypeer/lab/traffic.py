"""What a scenario's programs do: a server and a client, threads of this process in their namespaces.

Each end says how its socket ended: that is the truth that verdicts are held against.
"""

from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from bypeer.lab.manners import MANNERS, Left
from bypeer.lab.net import Net
from bypeer.lab.topologies import PORT

_CHUNK = 1 << 16
_SLOW = 0.05  # s between two chunks, while a sender goes slowly
_REQUEST = b"GET /file HTTP/1.1\r\nHost: files.example\r\n\r\n"
_STEP = 0.002  # s between two looks at how it goes
_LATER = 1.0  # s that servers may end after their clients
_LONGEST = 15.0  # s that a server waits for anything
_LOOK = 0.05  # s between two looks at whether all is over
_ROUND = 200  # octets of a question, and of its answer


OCTETS = ("download", "upload")  # kinds whose progress is counted in octets


class Traffic(NamedTuple):
    """What the programs do. How far it has come: octets that the receiver has read, or rounds."""

    kind: str = "download"  # "download", "upload", "chat", "connect"
    octets: int = 20_000_000  # of a download or upload
    rounds: int = 20  # of a chat
    pause: float = 0.0  # s between rounds; before what comes after `at`
    at: int = 0  # once it has come so far, the manners below apply
    server: str = ""  # how the server behaves from there on: one of MANNERS; "absent": there is none
    client: str = ""  # how the client does: the same
    patience: float = 4.0  # s after which the client takes it for hung; the server 2 s later
    rate: int = 0  # octets/s that the sender sends at most; 0: what goes
    options: tuple[tuple[str, int, int, int], ...] = ()  # end, level, option, value: of sockets
    connections: int = 1  # all alike
    apart: float = 0.0  # s between the beginnings of two


class Ended(NamedTuple):
    """How one end's socket ended."""

    # Name of its errno. "TIMEOUT": its program gave up. "OPEN": it still waited. "CUT": the other end closed
    # before its time. "ABORTED", "LEFT", "STALLED", "VANISHED": what a manner made of it. "": it came to its
    # end.
    error: str
    received: int  # octets
    sent: int


class Talk:
    """Both programs, and how far they have come: of several connections, the one that is furthest."""

    def __init__(self, net: Net, traffic: Traffic, family: int) -> None:
        self.net, self.traffic, self.family = net, traffic, family
        self.progress = 0
        self.slow = False  # a sender shall send little
        self.clients: list[Ended] = []
        self.servers: list[Ended] = []
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin: the server listens when this returns."""
        topology = self.net.topology
        if self.traffic.server != "absent":
            for host in dict.fromkeys((topology.server, *topology.spares)):
                self._run(self._accept, self.net[host].call(self._listen))
        for number in range(self.traffic.connections):
            self._run(self._use, number * self.traffic.apart)

    @property
    def client(self) -> Ended:
        """How the client's connection ended; of several, one that failed, if any did."""
        return _worst(self.clients)

    @property
    def server(self) -> Ended:
        """How the server's ended."""
        return _worst(self.servers)

    @contextmanager
    def slowly(self) -> Iterator[None]:
        """Meanwhile a sender sends little, though never nothing; a chat begins no round."""
        self.slow = True
        try:
            yield
        finally:
            self.slow = False

    def wait(self, seconds: float) -> bool:
        """Whether all clients ended within that time; servers are waited for a moment longer."""
        deadline, last = time.monotonic() + seconds, 0.0
        while any(thread.is_alive() for thread in self._threads):
            now = time.monotonic()
            if len(self.clients) == self.traffic.connections:
                last = last or now + _LATER
                if now >= last:
                    break
            elif now >= deadline:
                return False
            time.sleep(_STEP)
        return True

    def close(self) -> None:
        """Make an end of what still goes on."""
        for one in self._sockets:
            with suppress(OSError):  # it is closed already, or was never connected
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _run(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _socket(self) -> socket.socket:
        return socket.socket(socket.AF_INET if self.family == 4 else socket.AF_INET6)

    def _listen(self) -> socket.socket:
        listener = self._socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", PORT))
        listener.listen(64)
        listener.settimeout(_LOOK)
        return listener

    def _options(self, end: str, one: socket.socket) -> None:
        for whose, level, option, value in self.traffic.options:
            if whose == end:
                one.setsockopt(level, option, value)

    # Each end: its part of the traffic, and how it ended

    def _use(self, after: float) -> None:
        time.sleep(after)
        counts, error = [0, 0], ""
        one = self.net[self.net.topology.client].call(self._socket)
        self._sockets.append(one)
        try:
            self._options("client", one)
            one.settimeout(self.traffic.patience)
            one.connect((self.net.topology.service[self.family], PORT))
            _PARTS[self.traffic.kind][0](self, one, counts)
        except Left as left:
            error = left.how
        except OSError as failed:
            error = _name(failed)
        self.clients.append(Ended(error, counts[0], counts[1]))
        one.close()

    def _accept(self, listener: socket.socket) -> None:
        """Serve as many as come, until all clients have ended."""
        with listener:
            while True:
                over = len(self.clients) == self.traffic.connections
                try:
                    one, _ = listener.accept()
                except TimeoutError:
                    if over:
                        return
                    continue
                self._sockets.append(one)
                self._run(self._serve, one)

    def _serve(self, one: socket.socket) -> None:
        counts, error = [0, 0], ""
        try:
            self._options("server", one)
            one.settimeout(_LONGEST)  # its client gives up first
            _PARTS[self.traffic.kind][1](self, one, counts)
        except Left as left:
            error = left.how
        except OSError as failed:
            error = _name(failed)
        self.servers.append(Ended(error, counts[0], counts[1]))
        one.close()

    def behave(self, manner: str, one: socket.socket) -> None:
        """Treat it in that manner, now that the traffic has come to `at`. Raises Left where that ends it."""
        if self.traffic.pause and self.traffic.kind != "chat":
            time.sleep(self.traffic.pause)
        MANNERS[manner](one, self.traffic.patience)


def _send_octets(talk: Talk, one: socket.socket, counts: list[int], manner: str, *, leads: bool) -> None:
    """Send as many as there are to send. `leads`: this end counts how far it has come."""
    chunk, traffic, began = bytes(_CHUNK), talk.traffic, time.monotonic()
    behaved = not manner
    while True:
        if not behaved and counts[1] >= traffic.at:
            behaved = True
            talk.behave(manner, one)
        if counts[1] >= traffic.octets:
            return
        counts[1] += one.send(chunk[: traffic.octets - counts[1]])
        if leads:
            talk.progress = max(talk.progress, counts[1])
        if talk.slow:
            time.sleep(_SLOW)
        if traffic.rate:
            time.sleep(max(0.0, began + counts[1] / traffic.rate - time.monotonic()))


def _receive_octets(talk: Talk, one: socket.socket, counts: list[int], manner: str) -> None:
    """Receive until the other end has closed."""
    behaved = not manner
    while True:
        if not behaved and counts[0] >= talk.traffic.at:
            behaved = True
            talk.behave(manner, one)
        got = one.recv(_CHUNK)
        if not got:
            return
        counts[0] += len(got)
        talk.progress = max(talk.progress, counts[0])


def _download_client(talk: Talk, one: socket.socket, counts: list[int]) -> None:
    one.sendall(_REQUEST)
    counts[1] += len(_REQUEST)
    _receive_octets(talk, one, counts, talk.traffic.client)
    if counts[0] < talk.traffic.octets:
        raise Left("CUT")


def _download_server(talk: Talk, one: socket.socket, counts: list[int]) -> None:
    counts[0] += len(one.recv(1000))
    _send_octets(talk, one, counts, talk.traffic.server, leads=False)


def _upload_client(talk: Talk, one: socket.socket, counts: list[int]) -> None:
    _send_octets(talk, one, counts, talk.traffic.client, leads=False)
    one.shutdown(socket.SHUT_WR)
    while got := one.recv(_CHUNK):  # the server's word that all is there
        counts[0] += len(got)


def _upload_server(talk: Talk, one: socket.socket, counts: list[int]) -> None:
    _receive_octets(talk, one, counts, talk.traffic.server)
    one.sendall(b"201 Created")
    counts[1] += 11


def _chat_client(talk: Talk, one: socket.socket, counts: list[int]) -> None:
    for number in range(talk.traffic.rounds):
        if talk.traffic.client and number == talk.traffic.at:
            talk.behave(talk.traffic.client, one)
        # Whoever uses a connection again looks first whether it is still there.
        if select.select([one], [], [], 0)[0] and not one.recv(1, socket.MSG_PEEK):
            return
        one.sendall(bytes(_ROUND))
        counts[1] += _ROUND
        if not _whole_round(one, counts):
            raise Left("CUT")
        talk.progress = max(talk.progress, number + 1)
        time.sleep(talk.traffic.pause)
        while talk.slow:
            time.sleep(_STEP)


def _chat_server(talk: Talk, one: socket.socket, counts: list[int]) -> None:
    number = 0
    while True:
        if talk.traffic.server and number == talk.traffic.at:
            talk.behave(talk.traffic.server, one)
        if not _whole_round(one, counts):
            return
        one.sendall(bytes(_ROUND))
        counts[1] += _ROUND
        number += 1


def _whole_round(one: socket.socket, counts: list[int]) -> bool:
    """Receive a question or an answer; whether it came before the other end closed."""
    left = _ROUND
    while left:
        got = one.recv(left)
        if not got:
            return False
        left -= len(got)
        counts[0] += len(got)
    return True


def _connect_client(talk: Talk, one: socket.socket, counts: list[int]) -> None:
    del counts, one
    talk.progress = 1


def _connect_server(talk: Talk, one: socket.socket, counts: list[int]) -> None:
    del talk
    counts[0] += len(one.recv(1000))


def _worst(ends: Sequence[Ended]) -> Ended:
    return next((one for one in ends if one.error), ends[0] if ends else Ended("OPEN", 0, 0))


Part = Callable[[Talk, socket.socket, list[int]], None]
_PARTS: dict[str, tuple[Part, Part]] = {  # client's, server's
    "download": (_download_client, _download_server),
    "upload": (_upload_client, _upload_server),
    "chat": (_chat_client, _chat_server),
    "connect": (_connect_client, _connect_server),
}


def _name(error: OSError) -> str:
    """The name of an errno."""
    if isinstance(error, TimeoutError) and error.errno is None:
        return "TIMEOUT"
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
