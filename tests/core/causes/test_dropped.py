"""SYNs that the tracker dropped: what its counters tell of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bypeer.core.evidence import Event
from bypeer.core.explain import Case
from tests.scene import START
from tests.telling import BEGIN, play

# SYNs that the host did not forward.
LOST = "0.000 > S 0:0(0) win 64240 !\n1.000 > S 0:0(0) win 64240 !\n3.000 > S 0:0(0) win 64240 !\n"
# The first is lost, its repetition forwarded and answered; then nobody answers any more.
LATER = """
    0.000 > S  0:0(0)       win 64240 !
    1.000 > S  0:0(0)       win 64240
    1.010 < S. 0:0(0) ack 1 win 65160
    1.011 > .  1:1(0) ack 1 win 502
    1.012 > P. 1:101(100) ack 1 win 502
    1.022 < R. 1:1(0) ack 101 win 0
"""
LATE = START + 60 * 10**9


def counted(ts: int, **values: int) -> Event:
    return Event(ts, "counters", {"of": "host", **values})


def rose(drop: int, insert_failed: int) -> list[Event]:
    """Readings before and after the story, between which the counters rose so much."""
    return [
        counted(BEGIN, drop=7, insert_failed=3),
        counted(LATE, drop=7 + drop, insert_failed=3 + insert_failed),
    ]


def facts(count: int) -> Event:
    names = ("count", "max")
    values = (str(count), "1000")
    said = {f"net.netfilter.nf_conntrack_{name}": value for name, value in zip(names, values, strict=True)}
    return Event(BEGIN, "host", said)


def told(story: str, events: Sequence[Event]) -> Case:
    (case,) = play(story, events).cases
    return case


def test_a_full_table_is_the_cause() -> None:
    case = told(LOST, [*rose(3, 0), facts(1000)])
    finding = case.by_connection["NF11"]
    assert (finding.answer, finding.strong) == ("supported", True)
    assert "the table held 1000 entries of 1000" in finding.because
    assert (case.conclusion.killed_by, case.conclusion.cause) == ("host", "NF11")
    assert case.conclusion.certainty == "likely"


def test_without_the_count_it_is_possible() -> None:
    finding = told(LOST, [*rose(3, 0), facts(999)]).by_connection["NF11"]
    assert (finding.answer, finding.strong) == ("supported", False)


@pytest.mark.parametrize(
    ("events", "full", "race"),
    [
        ([], "untestable", "untestable"),
        (rose(0, 0), "refuted", "refuted"),
        (rose(3, 3), "refuted", "supported"),  # what could not be inserted is dropped as well
        ([counted(BEGIN, drop=7, insert_failed=3)], "untestable", "untestable"),
        ([one._replace(ts=LATE + row) for row, one in enumerate(rose(3, 3))], "untestable", "untestable"),
        (
            [one._replace(fields={**one.fields, "of": "inside"}) for one in rose(3, 0)],
            "untestable",
            "untestable",
        ),
    ],
    ids=["unread", "still", "ports", "read once", "read later", "of another"],
)
def test_the_counters_tell(events: list[Event], full: str, race: str) -> None:
    found = told(LOST, events).by_connection
    assert (found["NF11"].answer, found["NF13"].answer) == (full, race)


def test_a_syn_that_was_forwarded_was_not_dropped() -> None:
    found = told(LOST.replace(" !", ""), rose(3, 3)).by_connection
    assert (found["NF11"].answer, found["NF13"].answer) == ("refuted", "refuted")


def test_a_lost_race_costs_a_syn_and_its_repetition_passes() -> None:
    finding = told(LATER, rose(1, 1)).by_connection["NF13"]
    assert (finding.answer, finding.strong) == ("supported", True)
    assert told(LATER, rose(1, 0)).by_connection["NF13"].answer == "refuted"
    assert told(LATER, rose(1, 1)).by_connection["NF11"].answer == "untestable"  # it was answered


def test_where_every_port_was_taken_there_may_be_none_left() -> None:
    case = told(LOST, rose(3, 3))
    assert (case.conclusion.killed_by, case.conclusion.candidates) == ("host", ["PA06", "NF13"])
