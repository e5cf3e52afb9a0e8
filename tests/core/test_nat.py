"""Connections of several vantages to joins: which are the same, where the NAT is, which side is inside."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.addresses import Endpoint
from bypeer.core.connection import TO_CLIENT, TO_SERVER, Connection
from bypeer.core.connections import Connections
from bypeer.core.groups import Place
from bypeer.core.nat import Join, join
from bypeer.core.script import INITIAL, START, parse
from bypeer.core.segment import NO_TIME
from bypeer.core.tcp import RST

NEAR, HOST, FAR = "172.17.0.2 40000", "203.0.113.12 40000", "198.51.100.2 443"
OPEN = "> S 0:0(0)\n< S. 0:0(0) ack 1\n> . 1:1(0) ack 1\n"
ASKED = """
    > P. 1:101(100) ack 1
    < . 1:1001(1000) ack 101
    < . 1001:2001(1000) ack 101
    > . 101:101(0) ack 2001
"""
TALK = OPEN + ASKED


def end(text: str) -> Endpoint:
    address, port = text.split()
    number = int(ip_address(address))
    if "." in address:
        number |= 0xFFFF << 32
    return number >> 64, number & (1 << 64) - 1, int(port)


class View(NamedTuple):
    """A connection as one vantage has it."""

    client: str = NEAR
    server: str = FAR
    ttls: tuple[int, int] = (64, 56)  # of what the client, the server sent
    story: str = TALK
    interface: int = 0
    isns: tuple[int, int] = INITIAL
    start: int = 0  # ns
    reset_ttl: int = 0

    def rows(self) -> list[Connection]:
        """What `scan` makes of it."""
        table = Connections()
        for frame, line in enumerate(parse(self.story, self.isns), 1):
            one, ends = line.segment, (end(self.client), end(self.server))[:: -1 if line.direction else 1]
            (one.src_hi, one.src_lo, one.sport), (one.dst_hi, one.dst_lo, one.dport) = ends
            one.frame, one.interface, one.ttl = frame, self.interface, self.ttls[line.direction]
            one.ts = NO_TIME if self.start == NO_TIME else one.ts - START + self.start
            one.ttl = self.reset_ttl if self.reset_ttl and one.flags & RST else one.ttl
            table.place(one)
        return table.rows


def joined(*inputs: View | Sequence[View], roles: Any = None) -> list[Join]:
    """Join the captures; an input is one view, or several in one file."""
    files = [[one] if isinstance(one, View) else one for one in inputs]
    found = {file: [row for view in views for row in view.rows()] for file, views in enumerate(files)}
    for file, rows in found.items():
        found[file] = [row._replace(number=number) for number, row in enumerate(rows)]
    return join(found, roles)


def where(place: Place | None) -> tuple[int, int] | None:
    return None if place is None else (place.vantage[0], place.connection.number)


def seen(found: Join) -> dict[str, object]:
    """What a join says, in plain values."""
    return {
        "inside": where(found.inside), "outside": where(found.outside), "nat": found.nat,
        "client_inside": found.client_inside, "beyond": found.beyond, "sure": found.sure,
        "extra": sorted((role, where(place)) for role, place in found.extra),
        "strays": sorted((role, where(place)) for role, place in found.strays),
    }  # fmt: skip


PLAIN = {"beyond": False, "sure": True, "extra": [], "strays": []}

# The two sides of a NAT of every kind: inside, outside, what it is called, whether the client is inside.

INSIDE, OUTSIDE = View(), View(HOST, FAR, (63, 57))
CALLER, PORT, SHOWN = "198.51.100.9 55555", "172.17.0.2 80", "203.0.113.12 8080"
VIRTUAL, POD = "10.96.0.10 80", "10.244.2.9 8080"
SIX, SIX_HOST, SIX_FAR = "fd00::2 40000", "2001:db8::c 40000", "2001:db8:2::2 443"
SIDES = {
    "source": (INSIDE, OUTSIDE, "source", True),
    "only the port": (INSIDE, View("172.17.0.2 1024", FAR, (63, 57)), "source", True),
    "published port": (View(CALLER, PORT, (56, 64)), View(CALLER, SHOWN, (57, 63)), "destination", False),
    "caller on the link": (View(CALLER, PORT, (63, 64)), View(CALLER, SHOWN, (64, 63)), "destination", False),
    "service": (View(NEAR, VIRTUAL), View(NEAR, POD, (63, 57)), "destination", True),
    "pod on the link": (View(NEAR, VIRTUAL, (64, 63)), View(NEAR, POD, (63, 64)), "destination", True),
    "public addresses": (View(CALLER, SHOWN, (64, 63)), View(CALLER, FAR, (63, 64)), "destination", True),
    "both": (View(NEAR, VIRTUAL), View(HOST, POD, (63, 57)), "both", True),
    "published and masqueraded": (
        View("172.17.0.1 50000", PORT, (56, 64)), View(CALLER, SHOWN, (57, 63)), "both", False),
    "routed": (View(), View(ttls=(63, 57)), "none", True),
    "routed, from outside": (View(CALLER, PORT, (56, 64)), View(CALLER, PORT, (57, 63)), "none", False),
    "routed, both on the link": (View(ttls=(64, 63)), View(ttls=(63, 64)), "none", True),
    "IPv6, source": (View(SIX, SIX_FAR), View(SIX_HOST, SIX_FAR, (63, 57)), "source", True),
    "IPv6, published": (
        View("2001:db8:9::1 5000", "fd00::2 80", (63, 64)),
        View("2001:db8:9::1 5000", "2001:db8::c 80", (64, 63)), "destination", False),
    "NAT64": (View("fd00::2 40000", "64:ff9b::c633:6402 443"), OUTSIDE, "both", True),
}  # fmt: skip


@pytest.mark.parametrize(("inner", "outer", "nat", "client_inside"), SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("story", [TALK, ASKED], ids=["opened", "picked up"])
@pytest.mark.parametrize("turned", [False, True])
def test_two_sides(inner: View, outer: View, nat: str, client_inside: bool, story: str, turned: bool) -> None:
    views = [one._replace(story=story) for one in (inner, outer)]
    (found,) = joined(*views[:: -1 if turned else 1])
    assert seen(found) == PLAIN | {
        "inside": (int(turned), 0), "outside": (int(not turned), 0),
        "nat": nat, "client_inside": client_inside,
    }  # fmt: skip
    assert not found.merged
    assert (found.places[0].client, found.places[0].server) == (end(inner.client), end(inner.server))


# Which connections are the same

LATER = "> . 101:101(0) ack 2001\n< . 2001:3001(1000) ack 101\n> . 101:151(50) ack 3001\n"
ELSE = "> . 5000101:5000111(10) ack 3000001\n< . 3000001:3000051(50) ack 5000111\n"
COARSE = "> P. 1:101(100) ack 1\n< . 1:2001(2000) ack 101\n> . 101:101(0) ack 2001\n"
MERGED = "< . 1:2001(2000) ack 101\n> P. 51:101(50) ack 1\n"  # shares one fingerprint with COARSE
ALIKE = {
    "by both initial numbers": (TALK, OPEN),
    "by the SYN alone": (TALK, "> S 0:0(0)"),
    "by the SYN/ACK alone": ("< S. 0:0(0) ack 1", TALK),
    "by segments, one picked up": (TALK, ASKED),
    "by segments, both picked up": (ASKED, ASKED + LATER),
    "by the only segment": (TALK, "< . 1:1001(1000) ack 101"),
    "by ranges": (COARSE, MERGED),
    "by ranges, one opened": (OPEN + COARSE, "> . 40:80(40) ack 900\n< . 500:600(100) ack 70"),
}


@pytest.mark.parametrize("stories", ALIKE.values(), ids=ALIKE)
@pytest.mark.parametrize("turned", [False, True])
def test_the_same_connection(stories: tuple[str, str], turned: bool) -> None:
    for inner, outer in itertools.permutations(stories):
        views = [INSIDE._replace(story=inner), OUTSIDE._replace(story=outer)]
        (found,) = joined(*views[:: -1 if turned else 1])
        assert (found.nat, found.client_inside) == ("source", True)


STRANGER = "203.0.113.80 9"
DIFFERENT = {
    "other numbers": (TALK, FAR, TALK, (5, 6)),
    "the client's number is the same by chance": (TALK, FAR, TALK, (INITIAL[0], 6)),
    "the server's number is the same by chance": (TALK, FAR, TALK, (5, INITIAL[1])),
    "picked up, far apart": (ASKED, FAR, ELSE, INITIAL),
    "one way far apart": (ASKED, FAR, "> . 50:60(10) ack 9\n< . 900000:900010(10) ack 77", INITIAL),
    "only one way seen": (ASKED, FAR, "> . 50:60(10) ack 9\n", INITIAL),
    "ranges without a common endpoint": (COARSE, STRANGER, MERGED, INITIAL),
    "one segment in common of several": (
        ASKED, STRANGER, "> P. 1:101(100) ack 1\n> . 900:901(1) ack 9\n< . 1:5(4) ack 5", INITIAL),
    "a RST of nobody": (TALK, STRANGER, "> R 1:1(0)", INITIAL),
}  # fmt: skip


@pytest.mark.parametrize(("story", "server", "other", "isns"), DIFFERENT.values(), ids=DIFFERENT)
def test_different_connections(story: str, server: str, other: str, isns: tuple[int, int]) -> None:
    stranger = View(HOST, server, (63, 57), other, isns=isns)
    assert len(joined(INSIDE._replace(story=story), stranger)) == 2
    assert len(joined(stranger, INSIDE._replace(story=story))) == 2


def test_ranges_that_fit_two_are_no_proof() -> None:
    def piece(at: int) -> str:
        return "".join(f"{way} . {at}:{at + 9}(9) ack {ack}\n" for way in "<>" for ack in (at, at + 1))

    two = [INSIDE._replace(story=piece(1)), INSIDE._replace(client="172.17.0.3 40000", story=piece(9001))]
    wide = OUTSIDE._replace(story="> . 5:9005(9000) ack 7\n< . 5:9005(9000) ack 7")
    assert len(joined(two[0], wide)) == len(joined(two[1], wide)) == 1
    assert len(joined(two, wide)) == 3


def test_two_lives_of_a_tuple_are_two_joins() -> None:
    again = "< R 2001:2001(0)\n> S 500000:500000(0)\n< S. 700000:700000(0) ack 500001\n"
    found = joined(*(one._replace(story=TALK + again) for one in (OUTSIDE, INSIDE)))
    assert [(where(one.inside), where(one.outside)) for one in found] == [((1, 0), (0, 0)), ((1, 1), (0, 1))]
    pieces = COARSE, "> . 40:80(40) ack 900\n< . 5:6(1) ack 70"  # ranges overlap; but one vantage, one tuple
    assert len(joined([INSIDE._replace(story=one) for one in pieces])) == 2


def test_a_client_guessed_wrong_is_turned_round() -> None:
    # Outside, the published port is above the caller's; what was seen opening is believed.
    caller = "198.51.100.9 3000"
    inner = View(caller, "172.17.0.2 80", (56, 64), OPEN + COARSE)
    for story in (COARSE, "> . 40:80(40) ack 900\n< . 500:600(100) ack 70"):
        outer = View(caller, "203.0.113.12 8080", (57, 63), story)
        (found,) = joined(inner, outer)
        assert found.outside is not None
        assert (found.outside.client, found.outside.server) == (end(caller), end(outer.server))
        assert found.outside.half(TO_SERVER) is found.outside.connection.halves[TO_CLIENT], "guessed so"
        assert (found.nat, found.outside.segments) == ("destination", story.count(":"))


# Packets with the tuple of the other side

LEAK = View(NEAR, FAR, (63, 57), "> R 2001:2001(0)")
RETURN = View(NEAR, POD, (64, 56), "< R 9000001:9000001(0)")
STRAYS = {
    "left untranslated": (INSIDE, [OUTSIDE, LEAK], "outside"),
    "left in mid-stream": (INSIDE, [OUTSIDE, LEAK._replace(story="> . 1:101(100) ack 1")], "outside"),
    "arrived untranslated": ([View(NEAR, VIRTUAL), RETURN], View(NEAR, POD, (63, 57)), "inside"),
    "from a port below the server's": (
        View("172.17.0.2 99"), [OUTSIDE, LEAK._replace(client="172.17.0.2 99")], "outside"),
}  # fmt: skip


@pytest.mark.parametrize(("inner", "outer", "role"), STRAYS.values(), ids=STRAYS)
def test_untranslated_packets_are_strays(inner: Any, outer: Any, role: str) -> None:
    for inputs in ((inner, outer), (outer, inner)):
        (found,) = joined(*inputs)
        ((said, place),) = found.strays
        home = found.places[role == "outside"]
        assert (said, place.vantage) == (role, home.vantage)
        assert place.client[:2] == end(NEAR)[:2], "turned round where the port misled"


@pytest.mark.parametrize(("at", "home"), [(150, 1), (250, 2), (999, 3), (50, 3)])
def test_a_leak_belongs_to_the_life_of_its_time(at: int, home: int) -> None:
    lives: list[Any] = [{"isns": (n, n + 9), "start": n * 100} for n in (1, 2, 3)]
    inner, outer = ([one._replace(**life) for life in lives] for one in (INSIDE, OUTSIDE))
    found = joined(inner, [*outer, LEAK._replace(start=at)])
    assert [len(one.strays) for one in found] == [int(n == home) for n in (1, 2, 3)]


def test_a_tuple_that_never_opened_is_nobodys_home() -> None:
    assert len(joined(INSIDE._replace(story=ASKED), LEAK)) == 2


# One vantage alone

ALONE = {
    # TTLs of client and server, of RSTs, in which direction; role given -> role, client inside, sure
    "the client is on the link": ((64, 57), 0, "", None, "inside", True, False),
    "and so it was said": ((64, 57), 0, "", "inside", "inside", True, True),
    "but outside, it was said": ((64, 57), 0, "", "outside", "outside", False, True),
    "the server is on the link": ((57, 64), 0, "", None, "outside", True, False),
    "and inside, it was said": ((57, 64), 0, "", "inside", "inside", False, True),
    "both are on the link": ((64, 128), 0, "", None, "outside", True, False),
    "none is on the link": ((57, 50), 0, "", None, "outside", True, False),
    "none, inside, it was said": ((57, 50), 0, "", "inside", "inside", True, True),
    "the host's own RST to the server": ((57, 50), 64, ">", None, "outside", True, True),
    "the host's own RST to the client": ((57, 50), 255, "<", None, "outside", False, True),
    "a RST of the host's own, both ways": ((57, 50), 64, "<>", None, "outside", True, False),
    "a RST that was forwarded": ((57, 50), 57, ">", None, "outside", True, False),
    "a RST with a TTL seen before": ((64, 63), 64, ">", None, "inside", True, False),
}


@pytest.mark.parametrize("case", ALONE.values(), ids=ALONE)
def test_a_lone_vantage(case: Any) -> None:
    ttls, ttl, ways, told, role, client_inside, sure = case
    resets = "".join(f"{way} R 1:1(0)\n" for way in ways)
    view = View(ttls=ttls, story=TALK + resets, reset_ttl=ttl)
    (found,) = joined(view, roles={0: told} if told else None)
    expected = {"inside": None, "outside": None, role: (0, 0), "nat": "unknown"}
    assert seen(found) == PLAIN | expected | {"client_inside": client_inside, "sure": sure}


def test_rsts_alone_do_not_tell_who_made_them() -> None:
    (found,) = joined(View(ttls=(57, 50), story="> S 0:0(0)\n< R. 0:0(0) ack 1", reset_ttl=64))
    assert seen(found)["sure"] is False


# Three and more

PEER = View(HOST, FAR, (61, 59))
BRIDGE = View(story=OPEN)
FLAT = View(ttls=(50, 50))
HOPS = View(), View(ttls=(63, 57)), View(ttls=(62, 58))
SWAPPED, IN0 = {0: "outside", 1: "inside"}, [("inside", 0)]
MANY = {
    # inputs, roles -> inside, outside, further ones, NAT, client inside, beyond
    "a vantage further out": ((PEER, INSIDE, OUTSIDE), {}, 1, 2, [("peer", 0)], "source", True, False),
    "inside and far out": ((PEER, INSIDE), {}, 1, 0, [], "source", True, True),
    "both beyond, the user knows better": ((PEER, OUTSIDE), {1: "inside"}, 1, 0, [], "none", True, True),
    "routed through several hops": (HOPS[::-1], {}, 2, 1, [("peer", 0)], "none", True, False),
    "a bridge's port saw more": ((OUTSIDE, BRIDGE, INSIDE), {}, 2, 0, [("inside", 1)], "source", True, False),
    "routed, twice inside": ((BRIDGE, HOPS[1], INSIDE), {}, 2, 1, [("inside", 0)], "none", True, False),
    "two captures of one link": ((View(), View()), {}, 0, 1, [], "none", True, False),
    "the user says the first": ((FLAT, FLAT), {0: "inside"}, 0, 1, [], "none", True, False),
    "the user says the second": ((FLAT, FLAT), {1: "inside"}, 1, 0, [], "none", False, False),
    "the user says not the first": ((FLAT, FLAT), {0: "outside"}, 1, 0, [], "none", False, False),
    "the user says not the second": ((FLAT, FLAT), {1: "outside"}, 0, 1, [], "none", True, False),
    "the user outweighs translation": ((INSIDE, OUTSIDE), SWAPPED, 1, 0, [], "source", False, False),
    "the NAT lies between the roles": (HOPS, {1: "inside", 2: "outside"}, 1, 2, IN0, "none", True, False),
    "equal roles say nothing": (HOPS[:2], {0: "inside", 1: "inside"}, 0, 1, [], "none", True, False),
}  # fmt: skip


@pytest.mark.parametrize("case", MANY.values(), ids=MANY)
def test_many_vantages(case: Any) -> None:
    inputs, roles, inner, outer, extra, nat, client_inside, beyond = case
    (found,) = joined(*inputs, roles=roles)
    assert seen(found) == PLAIN | {
        "inside": (inner, 0), "outside": (outer, 0), "beyond": beyond, "nat": nat,
        "client_inside": client_inside, "extra": [(role, (number, 0)) for role, number in extra],
    }  # fmt: skip


OUT, RST_OUT, RST_IN = View(HOST, FAR, (63, 58)), TALK + "> R 101:101(0)", TALK + "< R 2001:2001(0)"
BEYOND = {
    # nearer to the client, further: is `outside` the nearer, is it sure
    "nobody on either link": (OUT, View(HOST, FAR, (60, 61)), True, False),
    "the server on the further link": (OUT, View(HOST, FAR, (57, 64)), True, True),
    "a private server, a private client": (View(NEAR, POD, (63, 58)), View(NEAR, POD, (57, 64)), True, True),
    "the host's RST starts at the nearer": (
        OUT._replace(story=RST_OUT, reset_ttl=64), View(HOST, FAR, (57, 64), RST_OUT, reset_ttl=58),
        True, True),
    "the host's RST starts at the further": (
        View(CALLER, FAR, (64, 57), RST_IN, reset_ttl=58), View(CALLER, FAR, (58, 63), RST_IN, reset_ttl=64),
        False, True),
}  # fmt: skip


@pytest.mark.parametrize(("near", "far", "nearer", "sure"), BEYOND.values(), ids=BEYOND)
@pytest.mark.parametrize("turned", [False, True])
def test_both_beyond_the_host(near: View, far: View, nearer: bool, sure: bool, turned: bool) -> None:
    (found,) = joined(*(near, far)[:: -1 if turned else 1])
    assert seen(found) == PLAIN | {
        "inside": None, "outside": (int(turned == nearer), 0), "nat": "unknown", "client_inside": nearer,
        "sure": sure, "extra": [("peer", (int(turned != nearer), 0))],
    }  # fmt: skip


def test_all_vantages_beyond_the_host_are_kept() -> None:
    (found,) = joined(OUT, View(HOST, FAR, (62, 59)), View(HOST, FAR, (60, 61)))
    assert sorted(where(place) for _, place in found.extra) == [(1, 0), (2, 0)]


@pytest.mark.parametrize("other", [(63, 57), (62, 58), (64, 56)], ids=["one hop", "two hops", "none"])
def test_only_tuples_one_hop_apart_are_two_sides(other: tuple[int, int]) -> None:
    leak = View(NEAR, "198.51.100.2 80", (63, 57), "> . 1:101(100) ack 1")
    for views in ([INSIDE, View(HOST, FAR, other), leak], [View(HOST, FAR, other), INSIDE, leak]):
        (found,) = joined(views)
        assert (found.merged, found.nat == "source") == (other == (63, 57),) * 2
        assert len(found.strays) == 2 - found.merged


# Order


def test_joins_are_in_order_of_time_the_undated_first() -> None:
    views = [View(isns=(n, n + 9), start=at) for n, at in ((100, 5), (200, 3), (300, 4), (400, NO_TIME))]
    found = joined([views[0], views[1]], [views[2], views[3]])
    assert [where(one.inside) for one in found] == [(1, 1), (0, 1), (1, 0), (0, 0)]
    assert [one.started for one in found] == [NO_TIME, 3, 4, 5]
    assert Join().started == NO_TIME


FILES = {
    "inside": [INSIDE], "outside": [OUTSIDE], "peer": [PEER], "bridge": [BRIDGE],
    "leak": [OUTSIDE, LEAK], "both": [INSIDE, OUTSIDE],
    "SYN": [INSIDE._replace(story="> S 0:0(0)")], "SYN/ACK": [OUTSIDE._replace(story="< S. 0:0(0) ack 1")],
}  # fmt: skip
SETS = (
    "inside outside", "inside outside peer", "bridge inside outside peer", "inside leak peer", "both",
    "both peer", "inside SYN SYN/ACK",
)  # fmt: skip


def by_name(files: list[str]) -> str:
    """What is said of the one connection in these, in their names instead of their numbers."""
    (found,) = joined(*(FILES[name] for name in files))
    return re.sub(r"\((\d), ", lambda row: f"({files[int(row[1])]}, ", str(seen(found)))


@pytest.mark.parametrize("names", SETS)
@given(data=st.data())
def test_the_order_of_the_files_does_not_matter(names: str, data: st.DataObject) -> None:
    assert by_name(data.draw(st.permutations(names.split()))) == by_name(names.split())


def test_a_leak_seen_twice_inside_is_no_leak_outside() -> None:
    near = [View(NEAR, VIRTUAL), RETURN]
    (found,) = joined([*near, *(one._replace(interface=1) for one in near)], View(NEAR, POD, (63, 57)))
    assert {role for role, _ in found.strays} == {"inside"}
