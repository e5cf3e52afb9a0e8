"""Where a study has looked its word counts; elsewhere the columns speak, and say no more than they know."""

from __future__ import annotations

import pytest

from bypeer.core.overlay import Notes, scale, trace
from bypeer.core.study import INSIDE, OUTSIDE
from tests.core.test_study import studied
from tests.drawing import collected, drawn, kinds, rows
from tests.scene import FAR, OPEN, sources

LATE = FAR + " 0.060 < . 1:1449(1448) ack 101 win 509 !\n"


def test_texts_are_kept_once() -> None:
    notes = Notes()
    assert [notes.row(text) for text in ("a", "", "b", "a")] == [0, -1, 1, 0]
    assert notes.texts == ["a", "b"]


@pytest.mark.parametrize(("clock", "drift"), [(0.0, 0.0), (-2.5, 0.0), (0.0, 0.005), (-2.5, -0.0009)])
def test_numbers_and_times_are_the_studys(clock: float, drift: float) -> None:
    captures = sources(LATE, clock=clock, drift=drift)
    study, traces = studied(*captures), trace(studied(*captures), collected(captures))
    for one in study.sightings:
        here = traces[one.side]
        assert here is not None
        row = here.row(one.segment.frame)
        assert (here.start[row], here.points.ts[row] + here.shift) == (one.start, one.ts)
        assert here.numbers[row] == one.ack
    assert {one.side for one in study.sightings} == {INSIDE, OUTSIDE}


def test_numbers_are_the_studys_without_a_handshake() -> None:
    captures = sources("\n".join(LATE.splitlines()[4:]))
    study, traces = studied(*captures), trace(studied(*captures), collected(captures))
    for one in study.sightings:
        here = traces[one.side]
        assert here is not None
        assert here.start[here.row(one.segment.frame)] == one.start


def test_what_the_host_answered_was_not_forwarded_though_the_other_capture_ended() -> None:
    """The inside capture ends before the late one comes."""
    story = LATE + " 0.0601 H> R 101:101(0) win 0\n"
    inside, outside = sources(story, linger=0.0)
    found = rows(drawn(story), "kept")
    assert len(found) == 1
    assert inside.taken[-1].ts < outside.taken[-2].ts


MORE = " 0.06 < . 91449:91549(100) ack 101 win 509\n 0.061 > . 101:101(0) ack 91549 win 502\n"


@pytest.mark.parametrize("more", [MORE, ""], ids=["in the middle", "at the end"])
def test_what_was_acknowledged_was_forwarded_though_the_other_capture_lacks_it(more: str) -> None:
    lost = FAR.replace("0.050 < . 61449:91449(30000) ack 101 win 509",
                       "0.050 < . 61449:91449(30000) ack 101 win 509 -i")  # fmt: skip
    found = drawn(lost + more)
    assert "kept" not in kinds(found.marks)
    row = list(found.marks.low).index(61449)
    assert found.notes[found.marks.note[row]].startswith("not seen on the other side")


@pytest.mark.parametrize(
    ("story", "shift"),
    [
        (OPEN, 7),
        (OPEN.replace(",wscale 7>", ">", 1), 0),
        (OPEN.replace(",wscale 7>", ",wscale 15>"), 14),
        ("\n".join(OPEN.splitlines()[3:]) + "\n 0.02 < . 1:101(100) ack 1 win 509\n", -1),
    ],
)
def test_how_windows_are_scaled(story: str, shift: int) -> None:
    assert scale(studied(*sources(story)), 1) == shift


def test_judgements_become_notes() -> None:
    found = drawn(LATE + " 0.0601 H> R 101:101(0) win 0\n")
    noted = {found.notes[note] for note in found.marks.note if note >= 0}
    assert any(text.startswith("conntrack: INVALID") for text in noted)
    assert any(text.startswith("RST made by the NAT host itself") for text in noted)
