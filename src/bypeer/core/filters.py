"""Wireshark display filters for what was found."""

from __future__ import annotations

from collections.abc import Sequence

from bypeer.core.addresses import address
from bypeer.core.causes.model import Seen
from bypeer.core.explain import Case
from bypeer.core.explanation import Filter, Input
from bypeer.core.groups import Place
from bypeer.core.narrate import VantageId
from bypeer.core.study import Sighting


def filters(case: Case, vantage_id: VantageId, inputs: Sequence[Input]) -> list[Filter]:
    """For the deciding RST, its trigger, all of the host's RSTs, and the whole connection."""
    first, seen = case.conclusion.first, case.seen
    rows = []
    if first is not None:
        shown = [("the trigger", first.trigger), ("the deciding RST", first.sighting)]
        rows = [_frame(what, one, vantage_id, inputs) for what, one in shown if one is not None]
    rows += _made_by_host(seen, vantage_id)
    for place in seen.study.join.places:
        one = next((one for one in seen.study.sightings if one.home is place), None)
        if one is not None:
            rows.append(Filter("the whole connection", vantage_id(one), _of_connection(place)))
    return rows


def _frame(what: str, one: Sighting, vantage_id: VantageId, inputs: Sequence[Input]) -> Filter:
    file, expression = frame(one, inputs)
    return Filter(what, vantage_id(one), expression, file)


def frame(one: Sighting, inputs: Sequence[Input]) -> tuple[str, str]:
    """In which of several files a segment is, "" if there is one only, and the filter that finds it there."""
    file, number = inputs[one.home.vantage[0]].locate(one.segment.frame)
    return file.path if file else "", f"frame.number == {number}"


def _made_by_host(seen: Seen, vantage_id: VantageId) -> list[Filter]:
    made = [one.sighting for one in seen.resets if one.author == "host"]
    if not made:
        return []
    segment = made[0].segment
    field, hop = ("ip", "ttl") if segment.version == 4 else ("ipv6", "hlim")
    source = address((segment.src_hi, segment.src_lo, 0))
    own = f" && {field}.{hop} == {segment.ttl}" if segment.ttl else ""
    where = f"{field}.src == {source}{own} && tcp.port == {segment.dport}"
    what = f"all RSTs that the host made ({len(made)})"
    return [Filter(what, vantage_id(made[0]), f"tcp.flags.reset == 1 && {where}")]


def _of_connection(place: Place) -> str:
    field = "ip" if place.connection.version == 4 else "ipv6"
    client, server = place.client, place.server
    hosts = f"{field}.addr == {address(client)} && {field}.addr == {address(server)}"
    return f"{hosts} && tcp.port == {client[2]} && tcp.port == {server[2]}"
