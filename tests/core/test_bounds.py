"""Conntrack's bounds as a picture has them, held against what the same rules say of each segment."""

from __future__ import annotations

from bypeer.core.bounds import changes, few
from bypeer.core.connection import TO_CLIENT
from bypeer.core.picture import Bound
from bypeer.core.replay import replay, tracked
from tests.drawing import drawn
from tests.scene import FAR, case

LATE = FAR + " 0.060 < . 1:1449(1448) ack 101 win 509 !\n 0.0601 H> R 101:101(0) win 0\n"
OVER = FAR + " 0.060 < . 9091449:9092897(1448) ack 101 win 509 !\n 0.0601 H> R 101:101(0) win 0\n"


def holding(bounds: list[Bound], ts: int) -> Bound:
    """Those that hold just before a moment."""
    return [one for one in bounds if one.ts < ts][-1]


def test_the_trigger_is_below_the_lower_or_above_the_upper_bound() -> None:
    for story, late in ((LATE, True), (OVER, False)):
        found = drawn(story)
        (trigger,) = (one for one in found.moments if one.letter == "B")
        bound = holding(list(found.bounds), trigger.ts)
        assert trigger.low is not None
        assert bound.lower is not None
        assert bound.upper is not None
        assert (trigger.low + trigger.size < bound.lower) == late
        assert (trigger.low > bound.upper) == (not late)


def test_they_are_those_that_the_model_names() -> None:
    """The first number that fails, as the log has it, is the one behind the bound."""
    for story in (LATE, OVER):
        found, picture = case(story), drawn(story)
        (reset,) = (one for one in found.seen.resets if one.author == "host")
        assert reset.trigger is not None
        judgement = found.seen.judgement(reset.trigger)
        assert judgement is not None
        assert judgement.bound is not None
        bound = holding(list(picture.bounds), reset.trigger.ts - picture.origin)
        at = reset.trigger.start + judgement.bound - reset.trigger.segment.seq
        wrapped = at - (at - reset.trigger.start + (1 << 31) & ~((1 << 32) - 1))
        assert wrapped in ((bound.lower or 0) - 1, (bound.upper or 0) + 1)


def test_a_replay_that_is_watched_says_the_same() -> None:
    found = case(LATE).seen
    seen, shown = tracked(found.study, frozenset()), []
    watched = replay(found.study, found.replay.rules, seen, lambda one, entry: shown.append(one))
    assert watched.judgements == replay(found.study, found.replay.rules, seen).judgements
    assert shown == seen


def test_without_a_handshake_they_are_not_known() -> None:
    story = "\n".join(FAR.splitlines()[4:])
    found = drawn(story)
    assert all(one.lower is None and one.upper is None for one in found.bounds)
    assert "not known" in found.bounds_note


def test_only_changes_are_kept_the_last_of_a_moment() -> None:
    told = [Bound(0, None, None), Bound(1, 1, 2), Bound(2, 1, 2), Bound(3, 1, 3), Bound(3, 2, 3)]
    assert changes(told) == [Bound(0, None, None), Bound(1, 1, 2), Bound(3, 2, 3)]


def test_of_too_many_all_that_begin_in_focus_stay() -> None:
    told = [Bound(ts, ts, 2 * ts) for ts in range(10_000)]
    found = few(told, (5_000, 5_099), 1_000)
    assert set(told[5_000:5_100]) <= set(found)
    assert 800 < len(found) <= 1_100
    assert few(told, (0, 0), 10_000) == told


def test_the_note_says_whose_rules() -> None:
    assert f"the rules of Linux {case(LATE).seen.replay.kernel.name}" in drawn(LATE).bounds_note
    assert TO_CLIENT == 1
