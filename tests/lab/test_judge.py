"""A judge that finds each way in which a verdict may be wrong, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bypeer.core.explanation import Explanation
from bypeer.lab.detour import Dealt
from bypeer.lab.judge import wrong
from bypeer.lab.scenario import OPEN, Act, Expected, Pace, Scenario, applies, paced
from bypeer.lab.scenarios import SCENARIOS
from bypeer.lab.stage import Truth
from bypeer.lab.traffic import Traffic
from tests.lab.told import found, truth

ROW = Scenario(
    name="late",
    code="NF01",
    says="",
    expected={
        "<6.1": [Expected("host", "NF01", "reset", "certain"), Expected("host", "NF01", "hung")],
        ">=6.1": [Expected("none", None, "completed")],
    },
)
OLD, NEW = "5.10.0-46-amd64", "6.18.44"
RESET, COMPLETED = found("host", "NF01", "reset", resets=2), found("none", None, "completed")


def judged(what: Explanation, known: Truth, release: str = OLD, *, remedied: bool = False) -> list[str]:
    return wrong(ROW, release, what, known, remedied=remedied)


RIGHT = {
    "as expected": (RESET, truth("ECONNRESET", made=2), OLD),
    "the other way": (found("host", "NF01", "hung", "likely", resets=1), truth("TIMEOUT", made=1), OLD),
    "on the other kernel": (COMPLETED, truth(), NEW),
    "more RSTs than are listed": (
        found("host", "NF01", "reset", resets=80, listed=50), truth("ECONNRESET", made=80), OLD,
    ),
}  # fmt: skip
WRONG = {
    "another killer": (
        found("outside", "EP02", "reset"), truth("ECONNRESET"), OLD,
        ["found outside EP02 reset (certain); right would be host NF01 reset (certain) or host NF01 hung"],
    ),
    "less sure than it must be": (
        found("host", "NF01", "reset", "likely", resets=1), truth("ECONNRESET", made=1), OLD,
        ["found host NF01 reset (likely); right"],
    ),
    "undetermined": (
        found("host", "NF01", "hung", "undetermined", resets=1), truth("TIMEOUT", made=1), OLD,
        ["found host NF01 hung (undetermined); right"],
    ),
    "what is right elsewhere": (COMPLETED, truth(), OLD, ["found none - completed (certain); right"]),
    "the client's socket says otherwise": (
        RESET, truth("TIMEOUT", made=2), OLD,
        ["told that the client's connection was reset; its socket: TIMEOUT"],
    ),
    "fewer RSTs are told than were made": (
        RESET, truth("ECONNRESET", made=3), OLD, ["2 RSTs are told to be made by host; it made 3"],
    ),
    "more RSTs are told than were made": (
        RESET, truth("ECONNRESET", made=1), OLD, ["2 RSTs are told to be made by host; it made 1"],
    ),
    "more are listed than were made": (
        found("host", "NF01", "reset", resets=80, listed=50), truth("ECONNRESET", made=40), OLD,
        ["50 RSTs are told to be made by host; it made 40"],
    ),
    "a killer that made no RST": (
        found("host", "NF01", "reset"), truth("ECONNRESET"), OLD,
        ["the host is said to have"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("what", "known", "release"), RIGHT.values(), ids=RIGHT)
def test_nothing_is_wrong(what: Explanation, known: Truth, release: str) -> None:
    assert judged(what, known, release) == []


@pytest.mark.parametrize(("what", "known", "release", "lines"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(what: Explanation, known: Truth, release: str, lines: Sequence[str]) -> None:
    said = judged(what, known, release)
    assert [line[: len(start)] for line, start in zip(said, lines, strict=True)] == lines


def test_an_open_verdict_is_right_where_it_names_what_would_settle_it() -> None:
    row = ROW._replace(expected={"any": [OPEN]})
    unsettled = found("unknown", None, "unknown", "undetermined")
    needing = unsettled._replace(verdict=unsettled.verdict._replace(needs=["the other side"]))
    assert wrong(row, NEW, needing, truth("ECONNRESET"), remedied=False) == []
    assert wrong(row, NEW, RESET, truth("ECONNRESET", made=2), remedied=False) == [
        "found host NF01 reset (certain); right would be undetermined"
    ]


def test_a_client_that_nobody_told_hangs_for_the_same_cause() -> None:
    row = ROW._replace(expected={"any": [Expected("host", "NF01", "reset", "certain")]})
    hung = found("host", "NF01", "hung", resets=1)
    assert wrong(row, NEW, hung, truth("TIMEOUT", made=1), remedied=False) == []
    assert len(wrong(row, NEW, hung, truth("ECONNRESET", made=1), remedied=False)) == 2


def test_other_causes_have_to_be_found_possible() -> None:
    row = ROW._replace(supports=("NF01", "PA02"))
    assert wrong(row, OLD, RESET, truth("ECONNRESET", made=2), remedied=False) == [
        "PA02 is not found to be possible"
    ]


def test_spoilt_captures_need_not_show_each_rst() -> None:
    row = ROW._replace(spoil="thinned")
    assert wrong(row, OLD, RESET, truth("ECONNRESET", made=99), remedied=False) == []
    assert wrong(row, OLD, RESET, truth("ECONNRESET", made=1), remedied=False) == []
    lines = wrong(row, OLD, RESET, truth("ECONNRESET"), remedied=False)
    assert lines[0] == "2 RSTs are told to be made by host, who made none"


def test_what_the_path_does_in_an_ends_name_is_not_held_against_that_end() -> None:
    row = ROW._replace(expected={"any": [Expected("outside", "EP02", "reset")]})
    forged = found("outside", "EP02", "reset", resets=1)
    forged = forged._replace(resets=[one._replace(author="outside") for one in forged.resets])
    assert len(wrong(row, NEW, forged, truth("ECONNRESET"), remedied=False)) == 1
    assert wrong(row._replace(forges="outside"), NEW, forged, truth("ECONNRESET"), remedied=False) == []


def test_a_path_that_did_nothing_made_no_rst() -> None:
    row = ROW._replace(expected={"any": [Expected("on-path", "PA01", "reset")]})
    forged = found("on-path", "PA01", "reset", resets=1)
    forged = forged._replace(resets=[one._replace(author="on-path") for one in forged.resets])
    known = truth("ECONNRESET")
    assert wrong(row, NEW, forged, known, remedied=False) == [
        "1 RSTs are told to be the path's, which did nothing"
    ]
    dealt = known._replace(dealt=[[Dealt(0, 0, 0, 0, 1)]])
    assert wrong(row, NEW, forged, dealt, remedied=False) == []


def test_a_kernel_that_the_row_is_not_for() -> None:
    row = ROW._replace(expected={"<6.1": ROW.expected["<6.1"]})
    (line,) = wrong(row, NEW, COMPLETED, truth(), remedied=False)
    assert line.endswith("right would be nothing: it is not for this kernel")


REMEDIED = {
    "it helps": (COMPLETED, truth(), ""),
    "it does not": (RESET, truth("ECONNRESET", made=2), ""),
    "it hangs instead": (found("host", "NF01", "hung", resets=0), truth("TIMEOUT"), ""),
    "it is not known why": (found("unknown", None, "hung", "undetermined"), truth("TIMEOUT"), ""),
    "it helps, and is told not to": (
        found("host", "NF01", "completed", resets=1), truth(made=1), "but the client's connection completed",
    ),
    "it cannot be told apart from another": (
        found("host", "NF10", "hung", "likely")._replace(
            verdict=found("host", "NF10", "hung", "likely").verdict._replace(candidates=["NF10", "NF01"])
        ),
        truth("TIMEOUT"), "",
    ),
    "another cause is told": (
        found("outside", "EP02", "reset"), truth("ECONNRESET"), "the scenario is about NF01",
    ),
    "it helps, and the client is told to hang": (
        found("none", None, "hung"), truth(), "told that the client's connection was hung; its socket: no",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("what", "known", "said"), REMEDIED.values(), ids=REMEDIED)
def test_with_a_remedy_what_came_of_it_is_told(what: Explanation, known: Truth, said: str) -> None:
    lines = judged(what, known, remedied=True)
    assert (len(lines), said in "".join(lines)) == (bool(said), True)


KERNELS = {
    ("any", "5.10.0-46-amd64"): True,
    ("<6.1", "5.10.0-46-amd64"): True,
    ("<6.1", "6.0.19"): True,
    ("<6.1", "6.1.0-9-amd64"): False,
    ("<6.1", "6.12.118+deb13-amd64"): False,
    (">=6.1", "6.1.0-9-amd64"): True,
    (">=6.1", "6.12.118+deb13-amd64"): True,
    (">=6.1", "5.10.0"): False,
    (">=5.14", "5.4.0-150-generic"): False,
    (">=6.2", "6.18.44-fc-v857"): True,
}


@pytest.mark.parametrize(("kernels", "release"), KERNELS)
def test_which_kernels_a_condition_is_for(kernels: str, release: str) -> None:
    assert applies(kernels, release) == KERNELS[kernels, release]


@pytest.mark.parametrize("kernels", ["", "6.1", "=6.1", "<6", "all"])
def test_no_condition(kernels: str) -> None:
    with pytest.raises(ValueError, match="no condition on kernels"):
        applies(kernels, "6.1.0")


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_says_what_is_right_on_one_kernel_at_least(name: str) -> None:
    for kernels in SCENARIOS[name].expected:
        applies(kernels, OLD)
    assert any(SCENARIOS[name].right(release) for release in (OLD, "6.1.0", NEW))


def test_a_slower_machine_sends_less_and_waits_longer() -> None:
    row = ROW._replace(traffic=Traffic(octets=1000, patience=2.0, at=10), longest=20)
    slow = paced(row, Pace(octets=0.5, patience=3))
    assert slow == row._replace(traffic=Traffic(octets=500, patience=6.0, at=10), longest=60)
    assert paced(row, Pace()) == row


@pytest.mark.parametrize(("at", "octets"), [(100, 500), (400, 800), (700, 1000), (1000, 1000)])
def test_what_is_done_in_mid_stream_is_done_there_on_a_slower_machine_too(at: int, octets: int) -> None:
    row = ROW._replace(traffic=Traffic(octets=1000), acts=[Act(at, "host", "flush")])
    assert paced(row, Pace(octets=0.5)).traffic.octets == octets


def test_what_is_limited_in_rate_takes_its_time_everywhere() -> None:
    row = ROW._replace(traffic=Traffic(octets=1000, rate=100))
    assert paced(row, Pace(octets=0.5)).traffic == row.traffic


def test_with_a_remedy_for_the_leak_alone_its_reason_is_told() -> None:
    row, missing = ROW._replace(code="NF10", expected={"any": ()}), found("host", "NF04", "hung")
    assert wrong(row, OLD, missing, truth("TIMEOUT"), remedied=True) == []
    assert wrong(row, OLD, found("host", "NF02", "hung"), truth("TIMEOUT"), remedied=True) != []
