"""Where to listen: the interface inside a target, and the host's way out, found by asking for routes.

Inside is the interface by which the target's kernel would send to the destination; outside the one by
which the host's would forward it: as a packet of the target's, coming in through the target's own
interface, so that rules by source or interface are followed. The other end of the target's interface, and
the bridge that it is a port of, are vantages of their own.

Without a destination it is that of the default route: what leads to a root server of the DNS. No packet
is sent.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bypeer.errors import LiveError
from bypeer.live.hold import Held
from bypeer.live.links import Link, Way, links, number_of, way_to
from bypeer.live.namespace import OWN, Namespace
from bypeer.live.netlink import RefusedError

# a.root-servers.net: both are announced everywhere, and no host has a reason for a route to them alone.
ANYWHERE = ("198.41.0.4", "2001:503:ba3e::2:30")
_TUNNELLED = ("tun", "tap")


class Tap(NamedTuple):
    """An interface to listen at."""

    namespace: Namespace | None  # None: the host's, which is the caller's own
    name: str
    ifindex: int
    kind: str  # rtnetlink's: "veth", "bridge" ...; "" for hardware


class Taps(NamedTuple):
    """The interfaces on the way from a target to a destination."""

    inside: Tap | None  # None: the target is in the host's namespace
    outside: Tap | None  # None: what is for that destination does not leave the host
    twin: Tap | None  # on the host: the other end of inside, or what inside lies upon
    bridge: Tap | None  # on the host: what the twin is a port of
    notes: tuple[str, ...]  # what else one has to know


def taps(held: Held, to: str = "", inside: str = "", outside: str = "") -> Taps:
    """Where to listen for what the target sends to an address; a name takes the place of what is found.

    LiveError says that there is no such interface, or no way.
    """
    addresses = (address(to),) if to else ANYWHERE
    host = links()
    notes: list[str] = []
    if held.namespace is None:
        if inside:
            raise LiveError(f"{held.target} has no namespace of its own, so there is no inside {inside!r}")
        if held.target.kind != "host":
            notes.append(f"{held.target} is in the host's own namespace: nothing is translated between them")
        way = None if outside else _leave(held, host, addresses)[1]
        return Taps(None, _outside(host, outside, way, notes), None, None, tuple(notes))
    within = held.call(links)
    if inside:
        link = _named(within, inside, str(held.target))
        where, source = addresses[0], ""
    else:
        where, way = _leave(held, within, addresses)
        if way.local:
            raise LiveError(f"{where} is an address of {held.target} itself")
        if way.device not in within:
            raise LiveError(f"{held.target}: the interface to {where} has just come or gone")
        link, source = within[way.device], way.source
    twin, bridge = _other_end(held.namespace, within, link, host, notes)
    way = None if outside else _forward(host, where, source, bridge or twin, notes)
    out = _outside(host, outside, way, notes)
    return Taps(
        Tap(held.namespace, link.name, link.ifindex, link.kind), out, _tap(twin), _tap(bridge), tuple(notes)
    )


def address(to: str) -> str:
    """An address as it is usually written; LiveError if it is none."""
    try:
        return str(ipaddress.ip_address(to))
    except ValueError:
        raise LiveError(f"{to!r} is no address") from None


def _leave(held: Held, there: Mapping[int, Link], addresses: Sequence[str]) -> tuple[str, Way]:
    """By which way the target reaches the first of these addresses that it can reach."""
    why = []
    for one in addresses:
        try:
            return one, held.call(way_to, one)
        except RefusedError as error:
            why.append(str(error))
    raise LiveError(f"{held.target} has no way out: {why[0]}; interfaces: {_names(there)}")


def _forward(
    host: Mapping[int, Link], address: str, source: str, through: Link | None, notes: list[str]
) -> Way | None:
    """By which way the host forwards what comes from there; else by which it would send itself."""
    if through and source:
        try:
            return way_to(address, source, through.ifindex)
        except RefusedError as error:
            notes.append(f"the host would not forward from {source} at {through.name}: {error}")
    try:
        return way_to(address)
    except RefusedError as error:
        notes.append(f"the host: {error}; interfaces: {_names(host)}")
        return None


def _outside(host: Mapping[int, Link], name: str, way: Way | None, notes: list[str]) -> Tap | None:
    if name:
        return _tap(_named(host, name, "the host"))
    if way is None:
        return None
    if way.local:
        notes.append("that address is the host's own: what is sent there does not leave it")
        return None
    if len(way.devices) > 1:
        several = ", ".join(host[one].name for one in way.devices if one in host)
        notes.append(f"the host's route has several ways, of which each connection takes one: {several}")
    return _tap(host.get(way.device))


def _other_end(
    namespace: Namespace, within: Mapping[int, Link], link: Link, host: Mapping[int, Link], notes: list[str]
) -> tuple[Link | None, Link | None]:
    """What the interface hangs on in the host's namespace, and the bridge that this is a port of."""
    met = {link.ifindex}
    while link.below in within and link.elsewhere is None and link.below not in met:
        link = within[link.below]  # a VLAN, a bond: what lies below is here too
        met.add(link.ifindex)
    if link.elsewhere is None:
        tunnel = f"{link.name} ends in a program (slirp4netns, pasta, a VPN), not in an interface"
        other = f"{link.name} has no other end on the host: what it sends may not pass the host"
        notes.append(tunnel if link.kind in _TUNNELLED else other)
        return None, None
    own = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        here = namespace.call(number_of, own)
    finally:
        os.close(own)
    if link.elsewhere != here or link.below not in host:
        notes.append(f"the other end of {link.name} is not in the host's namespace: there may be another NAT")
        return None, None
    twin = host[link.below]
    master = host.get(twin.master)
    return twin, master if master and master.kind == "bridge" else None


def _named(there: Mapping[int, Link], name: str, whose: str) -> Link:
    for one in there.values():
        if one.name == name:
            return one
    raise LiveError(f"{whose} has no interface {name!r}; interfaces: {_names(there)}")


def _names(there: Mapping[int, Link]) -> str:
    return ", ".join(one.name for one in there.values()) or "none"


def _tap(link: Link | None) -> Tap | None:
    return Tap(None, link.name, link.ifindex, link.kind) if link else None
