"""Endpoints as tcpdump prints them: address or host name, then port or name of a service."""

from __future__ import annotations

import hashlib
import socket

from bypeer.core.addresses import NAMED, address, endpoint_text

_MAPPED = bytes(10) + b"\xff\xff"
_REGISTERED = range(1024, 49152)  # RFC 6335, 6: where a service may be that is not known here
_MOST_KNOWN = 20_000  # texts remembered, so that each is parsed once
_MOST_NAMES = 10_000
_MOST_ASKED = 1_000  # names of services looked up: each costs a search through a file

# What /etc/services may lack, or a host without that file.
_SERVICES = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "pop3": 110, "imap2": 143,
    "ldap": 389, "https": 443, "microsoft-ds": 445, "submission": 587, "imaps": 993, "ms-sql-s": 1433,
    "mysql": 3306, "postgresql": 5432, "amqp": 5672, "http-alt": 8080, "webcache": 8080, "https-alt": 8443,
}  # fmt: skip

Host = tuple[bytes, int]  # 16 octets, IPv4 as ::ffff:a.b.c.d; port


class Hosts:
    """The endpoints of one text. Names get an address that is nobody's, the same in every text."""

    __slots__ = ("_asked", "_known", "names")

    def __init__(self, names: dict[str, str]) -> None:
        self._known: dict[bytes, Host] = {}
        self._asked: dict[str, int | None] = {}
        self.names = names  # an endpoint or address made up here, as reports show it: as it was printed

    def endpoint(self, text: bytes) -> Host:
        """`address.port`, either or both perhaps a name."""
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            host, _, port = text.rpartition(b".")
            found = self._known[text] = self.at(host, port)
        return found

    def at(self, host: bytes, port: bytes) -> Host:
        """The endpoint of which host and port are told apart."""
        octets = self._address(host)
        if port.isdigit() and len(port) <= 5 and int(port) <= 0xFFFF:
            return octets, int(port)
        return octets, self._service(port, octets, host.decode("latin-1"))

    def _address(self, host: bytes) -> bytes:
        text = host.decode("latin-1")
        if (octets := _numeric(text)) is not None:
            return octets
        octets = NAMED.to_bytes(8, "big") + hashlib.sha256(host).digest()[:8]
        self._name(address((*_halves(octets), 0)), text)
        return octets

    def _service(self, name: bytes, octets: bytes, host: str) -> int:
        text = name.decode("latin-1")
        known = _SERVICES.get(text) or self._registered(text)
        if known is not None:
            return known
        port = _REGISTERED[int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % len(_REGISTERED)]
        made_up = (*_halves(octets), port)
        numeric = _numeric(host) is not None
        self._name(
            endpoint_text(made_up), f"[{host}]:{text}" if numeric and ":" in host else f"{host}:{text}"
        )
        self._name(f"{address(made_up)}.{port}", f"{host}.{text}")
        return port

    def _registered(self, service: str) -> int | None:
        """The port of a service, if this machine knows it."""
        if service not in self._asked and len(self._asked) < _MOST_ASKED:
            self._asked[service] = _registered(service)
        return self._asked.get(service)

    def _name(self, made_up: str, printed: str) -> None:
        if len(self.names) < _MOST_NAMES:
            self.names[made_up] = printed


def _numeric(text: str) -> bytes | None:
    """The octets of a numeric address."""
    try:
        if ":" in text:
            return socket.inet_pton(socket.AF_INET6, text)
        return _MAPPED + socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return None


def _registered(service: str) -> int | None:
    for protocol in ("tcp", "udp"):
        try:
            return socket.getservbyname(service, protocol)
        except (OSError, ValueError):
            continue
    return None


def _halves(octets: bytes) -> tuple[int, int]:
    return int.from_bytes(octets[:8], "big"), int.from_bytes(octets[8:], "big")
