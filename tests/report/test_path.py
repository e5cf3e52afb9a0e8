"""The way of a RST through the host is told from the verdict's facts, and nothing else."""

from __future__ import annotations

import re

from bypeer.core.explanation import Explanation, Pair
from bypeer.report.path import ABOVE, BELOW, INSIDE, PEER, drawn, way
from tests.report import sample


def told(found: Explanation) -> str:
    """The steps, in one text."""
    one = way(found)
    assert one is not None
    return " ".join(one.steps)


def killer(found: Explanation, **changes: object) -> Explanation:
    """The same, its deciding RST changed."""
    return found._replace(resets=[found.resets[0]._replace(**changes), *found.resets[1:]])


def test_a_late_segment_goes_in_by_input_and_the_rst_out_to_the_peer() -> None:
    found = sample.killed()
    one = way(found)
    assert one is not None
    assert not one.mirrored
    assert one.trigger[0] == (PEER, ABOVE)
    assert one.reset[-1] == (PEER, BELOW)
    said = told(found)
    assert (
        said.index("PREROUTING")
        < said.index("called it INVALID")
        < said.index("INPUT")
        < said.index("OUTPUT")
    )
    assert "for the peer" in said


def test_what_came_from_inside_is_drawn_from_inside() -> None:
    trigger = sample.trigger()._replace(vantage="v1")
    found = killer(sample.killed(), trigger=trigger)
    one = way(found)
    assert one is not None
    assert one.mirrored
    assert "for the inside endpoint" in told(found)
    svg = drawn(found, one)
    assert '<polyline class="trigger" points="150,230 270,230' in svg


def test_a_rule_that_rejects_stands_in_forward() -> None:
    said = told(killer(sample.killed(), cause="NF12"))
    assert "FORWARD, where a rule rejected it" in said
    assert "INPUT" not in said


def test_a_missing_entry_is_not_called_invalid() -> None:
    assert "Conntrack knew no connection for it." in told(sample.hung())


def test_a_trigger_whose_fate_is_not_known_is_no_fact() -> None:
    said = told(killer(sample.killed(), trigger=sample.trigger()._replace(forwarded=None)))
    assert "Whether it was forwarded is not known." in said


def test_the_peer_s_own_rst_passes_through() -> None:
    one = way(sample.refused())
    assert one is not None
    assert one.reset == [(PEER, ABOVE), (INSIDE, ABOVE)]
    assert not one.trigger
    assert "made by the outside endpoint" in one.steps[0]
    assert not one.forged


def test_a_forged_rst_begins_between_the_boxes() -> None:
    found = sample.refused()
    verdict = found.verdict._replace(killed_by="on-path")
    resets = [found.resets[0]._replace(author="on-path")]
    one = way(found._replace(verdict=verdict, resets=resets))
    assert one is not None
    assert one.forged
    assert INSIDE < one.reset[0][0] < PEER
    assert "<circle" in drawn(found, one)


def test_nothing_is_drawn_where_nothing_is_known() -> None:
    assert way(sample.undetermined()) is None
    assert way(sample.harmless()) is None


def test_addresses_stand_in_the_boxes_if_the_nat_tells_whose_they_are() -> None:
    found = sample.killed()
    one = way(found)
    assert one is not None
    assert re.findall(r"<text[^>]*>([\d.:]+)</text>", drawn(found, one)) == [
        "172.17.0.2:60790",
        "74.125.195.136:443",
    ]
    same = found.connections[0]._replace(outside=sample.INSIDE)
    assert not re.findall(r"<text[^>]*>([\d.:]+)</text>", drawn(found._replace(connections=[same]), one))
    evil = found.connections[0]._replace(inside=Pair("<b>x", sample.INSIDE.server))
    assert "<b>" not in drawn(found._replace(connections=[evil]), one)
