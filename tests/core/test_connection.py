"""What is summed up of a connection while its segments pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bypeer.core.connection import LIVELY, MOST_MARKS, SKETCH, TICK, TO_CLIENT, TO_SERVER, Half
from bypeer.core.connections import Connections
from bypeer.core.script import INITIAL, START
from bypeer.core.segment import ABSENT, NO_TIME
from tests.core.placing import CLOSED, RESET, SHAKEN, one, placed, told

# Summaries


def test_the_summary_of_a_handshake() -> None:
    row = one(SHAKEN)
    there, back = row.halves
    assert (there.isn, there.wscale) == (INITIAL[0], 7)
    assert (back.isn, back.wscale) == (INITIAL[1], 8)
    assert (there.acked, back.acked) == (INITIAL[1] + 1, INITIAL[0] + 1)
    assert (there.segments, back.segments, row.version) == (2, 1, 4)


def test_a_handshake_without_its_syn_has_no_client_options() -> None:
    row = one("< S. 0:0(0) ack 1 <wscale 4>\n> . 1:1(0) ack 1")
    assert (row.halves[TO_SERVER].isn, row.halves[TO_SERVER].wscale) == (-1, ABSENT)
    assert (row.halves[TO_CLIENT].isn, row.halves[TO_CLIENT].wscale) == (INITIAL[1], 4)
    assert one("> . 1:1(0) ack 1\n> S 500000:500000(0)").halves[TO_SERVER].isn == -1, "no opening"


def test_numbers_that_wrap() -> None:
    half = one(SHAKEN + "< . 1:1001(1000) ack 1\n> . 1:1(0) ack 1001\n").halves
    assert (half[TO_CLIENT].first, half[TO_CLIENT].low) == (INITIAL[1], INITIAL[1])
    assert half[TO_CLIENT].high == half[TO_SERVER].acked == (INITIAL[1] + 1001) % 2**32 < INITIAL[1]


def test_acknowledgements_do_not_go_back() -> None:
    row = one(SHAKEN + "> . 1:101(100) ack 50\n> . 1:101(100) ack 40\n> . -9:1(10) ack 1\n")
    there = row.halves[TO_SERVER]
    assert there.acked == INITIAL[1] + 50
    assert (there.first, there.low, there.high) == (INITIAL[0], INITIAL[0] - 9, INITIAL[0] + 101)


def test_a_reset_is_counted_apart() -> None:
    row = one("> . 1:11(10) ack 1\n> R. 900:950(50) ack 9")
    there = row.halves[TO_SERVER]
    assert (there.segments, there.resets, row.reset) == (2, 1, True)
    assert (there.high, there.acked, len(there.sketch)) == (INITIAL[0] + 11, INITIAL[1] + 1, 1)


def test_ttls_are_counted_resets_apart() -> None:
    segments = told("> . 1:1(0) ack 1\n> . 1:1(0) ack 1\n> . 2:2(0) ack 1\n> R 1:1(0)\n> R 1:1(0)\n")
    for segment, ttl in zip(segments, (63, 62, 62, 64, 64), strict=True):
        segment.ttl = ttl
    (row,), _ = placed(segments)
    there, back = row.halves
    assert (there.ttls, there.reset_ttls, there.ttl) == ({63: 1, 62: 2}, {64: 2}, 62)
    assert back.ttl == 0


def test_frames_and_dates() -> None:
    segments = told("+1 > S 0:0(0)\n+1 < S. 0:0(0) ack 1\n+1 > . 1:1(0) ack 1")
    segments[2].ts = NO_TIME
    (row,), _ = placed(segments)
    assert row.first_frame == 1
    assert (row.started, row.ended) == (START + 10**9, START + 2 * 10**9)


ENDINGS = {
    "open": (SHAKEN, False, False),
    "one FIN": (SHAKEN + "> F. 1:1(0) ack 1\n< . 1:1(0) ack 2", False, False),
    "two FINs, one acknowledged": (CLOSED.rpartition(">")[0], True, False),
    "two FINs, the other acknowledged": (
        SHAKEN + "> F. 1:1(0) ack 1\n< F. 1:1(0) ack 1\n> . 2:2(0) ack 2", True, False),
    "closed": (CLOSED, True, True),
    "acknowledged beyond": (CLOSED + "< . 2:2(0) ack 99\n> . 2:2(0) ack 99", True, True),
    "reset": (RESET, True, False),
    "closed, then reset": (CLOSED + "> R 2:2(0)", True, True),
    "a RST that ended nothing": (RESET + "> . 1:1(0) ack 1", False, False),
}  # fmt: skip


@pytest.mark.parametrize(("story", "closed", "finished"), ENDINGS.values(), ids=ENDINGS)
def test_how_it_ended(story: str, closed: bool, finished: bool) -> None:
    row = one(story)
    table = Connections()
    for segment in told(story):
        table.place(segment)
    (begun,) = told("> S 900000:900000(0)")
    assert row.finished == finished
    assert (table.place(begun) == 1) == closed, "then a SYN begins another life"


# Streams and sketches


RANGES = st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 60)), min_size=1, max_size=20)


def stream(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(f"> . {start}:{start + size}({size}) ack 1\n" for start, size in ranges)


@given(RANGES)
def test_the_highest_of_a_stream_in_any_order(ranges: list[tuple[int, int]]) -> None:
    half = one(stream(ranges)).halves[TO_SERVER]
    assert half.high == INITIAL[0] + max(start + size for start, size in ranges)
    assert half.first == INITIAL[0] + ranges[0][0]


@given(RANGES)
@example([(0, 0), (-5, 10)])
def test_the_lowest_of_a_stream_in_any_order(ranges: list[tuple[int, int]]) -> None:
    half = one(stream(ranges)).halves[TO_SERVER]
    assert half.low == INITIAL[0] + min(start for start, _ in ranges)


def test_a_connection_takes_no_more_room_however_long_it_lasts() -> None:
    table = Connections()
    for segment in told(stream((at * 100, 100) for at in range(5000))):
        segment.ttl = segment.frame % 256
        table.place(segment)
    (row,) = table.rows
    half: Half = row.halves[TO_SERVER]
    assert half.segments == 5000
    assert (len(half.sketch), len(half.ttls)) == (SKETCH, 256)


# Moments


def lasting(story: str, every: int = 10**9) -> Any:
    """The connection of a story with a segment each second."""
    segments = told(story)
    for number, segment in enumerate(segments):
        segment.ts = START + number * every
    (row,), _ = placed(segments)
    return row


def test_a_moment_reaches_back_three_to_four_ticks() -> None:
    for more in (0, 1, TICK - 1):
        row = lasting(SHAKEN + "> . 1:1(0) ack 1\n" * (9 * TICK - 3 + more))
        since, at = row.mark
        assert at == row.ended
        assert 3 * TICK - TICK <= (at - since) // 10**9 <= 4 * TICK
    assert lasting(SHAKEN).mark == (START, START + 2 * 10**9)


def test_fins_and_resets_leave_a_mark_the_first_and_the_last_ones() -> None:
    assert [at for _, at in lasting(CLOSED).marks] == [START + 3 * 10**9, START + 4 * 10**9]
    row = lasting(SHAKEN + "> R 1:1(0)\n" * 100)
    assert len(row.marks) == MOST_MARKS
    half = MOST_MARKS // 2
    assert [at for _, at in row.marks[:half]] == [START + (3 + one) * 10**9 for one in range(half)]
    assert row.marks[-1][1] == row.ended


def test_the_longest_pause() -> None:
    segments = told(SHAKEN + "> . 1:1(0) ack 1\n" * 3)
    for segment, second in zip(segments, (0, 1, 2, 9, 10, 12), strict=True):
        segment.ts = START + second * 10**9
    (row,), _ = placed(segments)
    assert (row.pause, row.paused) == (7 * 10**9, (START, START + 2 * 10**9))


# Quiet ones

S = 10**9  # ns
QUIET = {
    "closed": (CLOSED, 100, True),
    "goes on": (SHAKEN + "> . 1:11(10) ack 1\n", 0, True),
    "went on until a second before": (SHAKEN, 1, True),
    "fell silent before": (SHAKEN, 1.1, False),
    "reset": (RESET, 0, False),
    "half closed": (SHAKEN + "> F. 1:1(0) ack 1\n", 0, False),
    "its SYN was not captured": (SHAKEN.split("\n", 2)[2], 0, False),
    "not answered": ("> S 0:0(0)\n> S 0:0(0)\n", 0, False),
    "picked up": ("> . 1:11(10) ack 1\n< . 1:11(10) ack 11\n", 0, False),
}


@pytest.mark.parametrize(("story", "later", "quiet"), QUIET.values(), ids=QUIET)
def test_which_is_quiet(story: str, later: float, quiet: bool) -> None:
    table = Connections()
    for number, segment in enumerate(told(story)):
        segment.ts = START + number * S // 10
        table.place(segment)
    ended = table.connection(0).ended
    assert table.connection(0, ended + int(later * S)).quiet == quiet
    assert table.connection(0).quiet == table.connection(0).finished, "of a capture that is kept"


def test_one_that_paused_is_not_quiet() -> None:
    for more, quiet in ((0, True), (1, False)):
        table = Connections()
        for segment in told(SHAKEN + "> . 1:11(10) ack 1\n"):
            segment.ts = START + (LIVELY + more if segment.frame == 4 else 0)
            table.place(segment)
        assert table.connection(0, table.connection(0).ended).quiet == quiet
