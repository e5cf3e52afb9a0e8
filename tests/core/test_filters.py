"""Wireshark display filters: of the right frames, at the right vantage, in Wireshark's words."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.explanation import File, Filter, Input
from bypeer.core.filters import filters
from bypeer.core.study import INSIDE, Sighting
from tests.scene import ASKED, case

HOST = ASKED + "+.01 < . 90000001:90000101(100) ack 101 win 509 !\n+.0001 H> R 101:101(0) win 0\n"
SERVER = ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"
INPUTS = [Input(f"{name}.pcap", "", "pcap", 100, 100, 1, {}, None, []) for name in ("in", "out")]


def side(one: Sighting) -> str:
    return "in" if one.side == INSIDE else "out"


def found(story: str, **how: Any) -> list[Filter]:
    return filters(case(story, **how), side, INPUTS)


def whole(vantage: str, client: str, server: str, ports: tuple[int, int] = (40000, 443)) -> Filter:
    field = "ipv6" if ":" in client else "ip"
    hosts = f"{field}.addr == {client} && {field}.addr == {server}"
    return Filter(
        "the whole connection", vantage, f"{hosts} && tcp.port == {ports[0]} && tcp.port == {ports[1]}"
    )


BOTH = [whole("in", "172.17.0.2", "198.51.100.2"), whole("out", "203.0.113.12", "198.51.100.2")]


def test_of_a_kill_by_the_host() -> None:
    # Outside: a datagram, the seven of ASKED, the trigger, the RST.
    assert found(HOST) == [
        Filter("the trigger", "out", "frame.number == 9"),
        Filter("the deciding RST", "out", "frame.number == 10"),
        Filter(
            "all RSTs that the host made (1)", "out",
            "tcp.flags.reset == 1 && ip.src == 203.0.113.12 && ip.ttl == 64 && tcp.port == 443",
        ),
        *BOTH,
    ]  # fmt: skip


def test_of_several_files_the_one_is_named_and_its_own_number() -> None:
    files = [File(f"out.pcap{at}", "", "pcap", 9, 1 + 9 * at, None, None, False, None) for at in range(2)]
    rows = filters(case(HOST), side, [INPUTS[0], INPUTS[1]._replace(files=files)])
    assert rows[:2] == [
        Filter("the trigger", "out", "frame.number == 9", "out.pcap0"),
        Filter("the deciding RST", "out", "frame.number == 1", "out.pcap1"),
    ]
    assert [row.file for row in rows[2:]] == [""] * 3


def test_ipv6_has_other_fields() -> None:
    rows = found(HOST, ipv6=True)
    assert rows[2].expression == (
        "tcp.flags.reset == 1 && ipv6.src == 2001:db8::c && ipv6.hlim == 64 && tcp.port == 443"
    )
    assert rows[3:] == [whole("in", "fd00::2", "2001:db8:2::2"), whole("out", "2001:db8::c", "2001:db8:2::2")]


def test_a_published_port_is_another_on_each_side() -> None:
    assert found(SERVER, nat="port")[-2:] == [
        whole("in", "198.51.100.2", "172.17.0.2", (40000, 80)),
        whole("out", "198.51.100.2", "203.0.113.12", (40000, 8080)),
    ]


def test_all_of_the_hosts_are_counted() -> None:
    rows = found(HOST + "+.001 H> R 101:101(0) win 0\n" * 2)
    assert [one.what for one in rows if "host" in one.what] == ["all RSTs that the host made (3)"]


def test_a_wilful_rst_has_no_trigger_and_is_not_the_hosts() -> None:
    assert found(SERVER) == [Filter("the deciding RST", "out", "frame.number == 9"), *BOTH]


def test_without_a_deciding_rst_the_hosts_harmless_ones_stay() -> None:
    rows = found(ASKED + "+.01 H> R 55:55(0) win 0\n")
    assert [one.what for one in rows] == ["all RSTs that the host made (1)", *["the whole connection"] * 2]


@pytest.mark.parametrize(("sides", "rows"), [("inside", BOTH[:1]), ("outside", BOTH[1:])])
def test_of_one_side_only_that_one(sides: str, rows: list[Filter]) -> None:
    assert found(ASKED, sides=sides) == rows


def test_a_side_of_which_nothing_was_kept_has_no_filter() -> None:
    one = case(SERVER)
    study = one.seen.study
    study.sightings = [sighting for sighting in study.sightings if sighting.side == INSIDE]
    assert [row.vantage for row in filters(one, side, INPUTS) if row.what == "the whole connection"] == ["in"]
