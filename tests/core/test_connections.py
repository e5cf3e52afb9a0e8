"""Segments to connections: who opened, where one life of a tuple ends and the next begins, summaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bypeer.core.connections import SKETCH, TO_CLIENT, TO_SERVER, Connection, Connections, Half, fingerprint
from bypeer.core.script import INITIAL, START, parse
from bypeer.core.segment import ABSENT, NO_TIME, Segment
from bypeer.core.tcp import FIN, RST, SYN
from tests.pure import inside, load_compiled

CLIENT, SERVER = (0, 0xFFFF_0A00_0001, 40_000), (0, 0xFFFF_C000_0250, 443)
NAT = (0, 0xFFFF_CB00_7105, 61_234)

SHAKEN = """
    > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7,TS val 10 ecr 0>
    < S. 0:0(0) ack 1 win 65160 <mss 1400,wscale 8>
    > . 1:1(0) ack 1
"""
CLOSED = SHAKEN + """
    > F. 1:1(0) ack 1
    < F. 1:1(0) ack 2
    > . 2:2(0) ack 2
"""  # fmt: skip
RESET = SHAKEN + "< R 1:1(0)\n"
NEW = "> S 500000:500000(0) <mss 9>\n"
ANSWER = "< S. 700000:700000(0) ack 500001\n"


def told(
    story: str, client: Any = CLIENT, server: Any = SERVER, ttl: int = 64, isns: Sequence[int] = INITIAL
) -> list[Segment]:
    """The segments of a script, between these endpoints; frames count from 1."""
    segments = []
    for frame, line in enumerate(parse(story, isns), 1):
        one = line.segment
        ends = (client, server) if line.direction == TO_SERVER else (server, client)
        (one.src_hi, one.src_lo, one.sport), (one.dst_hi, one.dst_lo, one.dport) = ends
        one.frame, one.ttl, one.version = frame, ttl, 4
        segments.append(one)
    return segments


def placed(segments: Iterable[Segment]) -> tuple[list[Connection], list[tuple[int, int]]]:
    """The connections, and of each segment the row and the direction there."""
    table = Connections()
    found = [(table.place(one).number, table.direction) for one in segments]
    return table.rows, found


def one(story: str, **how: Any) -> Connection:
    """The only connection of a story."""
    (row,), _ = placed(told(story, **how))
    return row


# Who opened

OPENERS = {
    "a SYN's sender is the client": ("> S 0:0(0)", CLIENT, SERVER, True),
    "also from a low port to a high one": ("< S 0:0(0)", SERVER, CLIENT, True),
    "a SYN/ACK's sender is the server": ("< S. 0:0(0) ack 1", CLIENT, SERVER, True),
    "also from a high port": ("> S. 0:0(0) ack 1", SERVER, CLIENT, True),
    "else the lower port is the server's": ("> . 1:1(0) ack 1", CLIENT, SERVER, False),
    "whoever sent first": ("< . 1:1(0) ack 1", CLIENT, SERVER, False),
    "a RST first": ("< R 1:1(0)", CLIENT, SERVER, False),
}


@pytest.mark.parametrize(("story", "client", "server", "opened"), OPENERS.values(), ids=OPENERS)
def test_who_opened(story: str, client: object, server: object, opened: bool) -> None:
    row = one(story)
    assert (row.client, row.server, row.opened) == (client, server, opened)


def test_of_equal_ports_the_first_sender_is_the_client() -> None:
    peers = {"client": (*CLIENT[:2], 7000), "server": (*SERVER[:2], 7000)}
    assert one("> . 1:1(0) ack 1\n< . 1:1(0) ack 1", **peers).client == peers["client"]
    assert one("< . 1:1(0) ack 1\n> . 1:1(0) ack 1", **peers).client == peers["server"]


def test_each_way_has_its_direction() -> None:
    rows, where = placed(told(SHAKEN))
    assert len(rows) == 1
    assert where == [(0, TO_SERVER), (0, TO_CLIENT), (0, TO_SERVER)]


OTHERS = {
    "another port": {"client": (*CLIENT[:2], 40_001)},
    "another address": {"client": (0, CLIENT[1] + 1, 40_000)},
    "another upper half": {"client": (1, CLIENT[1], 40_000)},
    "another server": {"server": (0, SERVER[1] + 1, 443)},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_tuple_is_another_connection(other: dict[str, Any]) -> None:
    rows, where = placed([*told(SHAKEN), *told(SHAKEN, **other), *told("< . 1:1(0) ack 1")])
    assert [row.number for row in rows] == [0, 1]
    assert where[3:] == [(1, TO_SERVER), (1, TO_CLIENT), (1, TO_SERVER), (0, TO_CLIENT)]


def test_another_interface_is_another_connection() -> None:
    twice = [segment for pair in zip(told(SHAKEN), told(SHAKEN), strict=True) for segment in pair]
    for segment in twice[1::2]:
        segment.interface = 5
    rows, _ = placed(twice)
    assert [(row.interface, row.halves[TO_SERVER].segments) for row in rows] == [(0, 2), (5, 2)]


# Lives of a tuple: after the story, in which row is each further segment?

LIVES = {
    "after FINs a SYN": (CLOSED, NEW + ANSWER, [1, 1]),
    "after FINs, from the server": (CLOSED, "< S 500000:500000(0)", [1]),
    "after FINs not yet acknowledged": (CLOSED.rpartition(">")[0], NEW, [1]),
    "after a FIN of one side only": (SHAKEN + "> F. 1:1(0) ack 1", NEW, [0]),
    "after a RST a SYN": (RESET, NEW + ANSWER, [1, 1]),
    "after a RST that refused": ("> S 0:0(0)\n< R. 0:0(0) ack 1", NEW, [1]),
    "after a RST that ended nothing": (RESET + "< . 1:1(0) ack 1", NEW, [0]),
    "after RSTs and nothing else": (RESET + "< R 1:1(0)\n> R 1:1(0)", NEW, [1]),
    "after FINs a SYN/ACK, its SYN missed": (CLOSED, ANSWER + "> . 500001:500001(0) ack 700001", [1, 1]),
    "the same SYN after the end": (RESET, "> S 0:0(0)", [0]),
    "a RST with a SYN after the end": (CLOSED, "> SR 500000:500000(0)", [0]),
    "a FIN with a SYN after the end": (CLOSED, "> SF 500000:500000(0)", [0]),
    "a SYN again": ("> S 0:0(0)", "> S 0:0(0)\n< S. 0:0(0) ack 1", [0, 0]),
    "a SYN/ACK again": (SHAKEN, "< S. 0:0(0) ack 1", [0]),
    "in mid-stream a lone SYN": (SHAKEN, NEW + "< . 1:1(0) ack 1\n> . 1:5(4) ack 1", [0, 0, 0]),
    "in mid-stream a SYN answered": (SHAKEN, NEW + ANSWER + "> . 500001:500001(0) ack 700001", [0, 1, 1]),
    "answered after a challenge ACK": (SHAKEN, NEW + "< . 1:1(0) ack 1\n" + NEW + ANSWER, [0, 0, 0, 1]),
    "answered with another number": (SHAKEN, NEW + "< S. 700000:700000(0) ack 500002", [0, 0]),
    "the latest SYN counts": (SHAKEN, NEW + "> S 600000:600000(0)\n" + ANSWER, [0, 0, 0]),
    "an answer to no SYN": (SHAKEN, ANSWER, [0]),
    "SYN and FIN, answered": (SHAKEN, "> SF 500000:500000(0)\n" + ANSWER, [0, 0]),
    "a SYN answered with SYN, FIN and ACK": (SHAKEN, NEW + "< SF. 700000:700000(0) ack 500001", [0, 0]),
    "picked up, then a SYN answered": ("> . 1:1(0) ack 1", NEW + ANSWER, [0, 1]),
    "simultaneous open": ("> S 0:0(0)\n< S 0:0(0)", "> S. 0:0(0) ack 1\n< S. 0:0(0) ack 1", [0, 0]),
    "three lives": (RESET, NEW + "< R. 0:0(0) ack 500001\n> S 900000:900000(0)", [1, 1, 2]),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "rows"), LIVES.values(), ids=LIVES)
def test_a_tuple_is_used_again(before: str, after: str, rows: list[int]) -> None:
    _, where = placed(told(before + "\n" + after))
    assert [row for row, _ in where][-len(rows) :] == rows
    assert {row for row, _ in where[: -len(rows)]} == {0}


def test_a_new_life_may_turn_the_tuple_round() -> None:
    rows, where = placed(told(CLOSED + "< S 500000:500000(0)\n> S. 9:9(0) ack 500001\n"))
    assert [(row.client, row.server) for row in rows] == [(CLIENT, SERVER), (SERVER, CLIENT)]
    assert where[-2:] == [(1, TO_SERVER), (1, TO_CLIENT)]


def test_an_answered_syn_gives_its_options_to_the_new_life() -> None:
    rows, _ = placed(told(SHAKEN + NEW + ANSWER))
    there, back = rows[1].halves
    assert (there.isn, there.mss, there.segments) == (INITIAL[0] + 500_000, 9, 0)
    assert (back.isn, back.segments) == ((INITIAL[1] + 700_000) % 2**32, 1)
    assert rows[0].halves[TO_SERVER].isn == INITIAL[0], "the old life keeps its own"


def test_an_old_syn_is_none_of_a_life_after_the_end() -> None:
    rows, _ = placed(told(SHAKEN + NEW + "< R 1:1(0)\n> S 900000:900000(0)\n"))
    assert rows[1].halves[TO_SERVER].isn == INITIAL[0] + 900_000
    assert rows[1].halves[TO_SERVER].mss == ABSENT


def test_a_late_answer_to_a_syn_belongs_to_it() -> None:
    _, where = placed(told("> S 0:0(0)\n> R 1:1(0)\n< S. 0:0(0) ack 1\n> R 1:1(0)"))
    assert {row for row, _ in where} == {0}


# Summaries


def test_the_summary_of_a_handshake() -> None:
    row = one(SHAKEN)
    there, back = row.halves
    assert (there.isn, there.mss, there.wscale, there.sack_permitted, there.timestamps) == (
        INITIAL[0], 1460, 7, True, True,
    )  # fmt: skip
    assert (back.isn, back.mss, back.wscale, back.sack_permitted, back.timestamps) == (
        INITIAL[1], 1400, 8, False, False,
    )  # fmt: skip
    assert (there.acked, back.acked) == (INITIAL[1] + 1, INITIAL[0] + 1)
    assert (there.segments, back.segments, there.octets, row.version) == (2, 1, 0, 4)


def test_a_handshake_without_its_syn_has_no_client_options() -> None:
    row = one("< S. 0:0(0) ack 1 <mss 1400>\n> . 1:1(0) ack 1")
    assert (row.halves[TO_SERVER].isn, row.halves[TO_SERVER].mss) == (-1, ABSENT)
    assert (row.halves[TO_CLIENT].isn, row.halves[TO_CLIENT].mss) == (INITIAL[1], 1400)
    assert one("> . 1:1(0) ack 1\n> S 500000:500000(0)").halves[TO_SERVER].isn == -1, "no opening"


def test_numbers_that_wrap() -> None:
    half = one(SHAKEN + "< . 1:1001(1000) ack 1\n> . 1:1(0) ack 1001\n").halves
    assert (half[TO_CLIENT].first, half[TO_CLIENT].low) == (INITIAL[1], INITIAL[1])
    assert half[TO_CLIENT].high == half[TO_SERVER].acked == (INITIAL[1] + 1001) % 2**32 < INITIAL[1]
    assert half[TO_CLIENT].octets == 1000


def test_octets_count_again_and_acknowledgements_do_not_go_back() -> None:
    row = one(SHAKEN + "> . 1:101(100) ack 50\n> . 1:101(100) ack 40\n> . -9:1(10) ack 1\n")
    there = row.halves[TO_SERVER]
    assert (there.octets, there.acked) == (210, INITIAL[1] + 50)
    assert (there.first, there.low, there.high) == (INITIAL[0], INITIAL[0] - 9, INITIAL[0] + 101)


def test_a_reset_is_counted_apart() -> None:
    row = one("> . 1:11(10) ack 1\n> R. 900:950(50) ack 9")
    there = row.halves[TO_SERVER]
    assert (there.segments, there.resets, there.octets, row.reset) == (2, 1, 10, True)
    assert (there.high, there.acked, len(there.sketch)) == (INITIAL[0] + 11, INITIAL[1] + 1, 1)


def test_ttls_are_counted_resets_apart() -> None:
    segments = told("> . 1:1(0) ack 1\n> . 1:1(0) ack 1\n> . 2:2(0) ack 1\n> R 1:1(0)\n> R 1:1(0)\n")
    for segment, ttl in zip(segments, (63, 62, 62, 64, 64), strict=True):
        segment.ttl = ttl
    (row,), _ = placed(segments)
    there, back = row.halves
    assert (there.ttls, there.reset_ttls, there.ttl) == ({63: 1, 62: 2}, {64: 2}, 62)
    assert back.ttl == 0


def test_the_last_timestamp() -> None:
    row = one("> . 1:1(0) ack 1 <TS val 5 ecr 1>\n> . 1:1(0) ack 1 <TS val 9 ecr 1>\n> . 1:1(0) ack 1\n")
    assert (row.halves[TO_SERVER].tsval, row.halves[TO_CLIENT].tsval) == (9, -1)


def test_frames_and_dates() -> None:
    segments = told("+1 > S 0:0(0)\n+1 < S. 0:0(0) ack 1\n+1 > . 1:1(0) ack 1")
    segments[2].ts = NO_TIME
    (row,), _ = placed(segments)
    assert (row.first_frame, row.last_frame) == (1, 3)
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
    assert (row.closed, row.finished) == (closed, finished)


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


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=80), st.randoms())
def test_two_vantages_keep_the_same_sketch(starts: list[int], chance: Any) -> None:
    story = stream((start, 100) for start in starts)
    inner = told(story)
    outer = told(story, client=NAT, ttl=63)
    chance.shuffle(outer)
    (here,), _ = placed(inner)
    (there,), _ = placed(outer)
    assert here.halves[TO_SERVER].sketch == there.halves[TO_SERVER].sketch
    expected = sorted({fingerprint(segment) for segment in inner})[:SKETCH]
    assert here.halves[TO_SERVER].sketch == expected
    assert here.halves[TO_CLIENT].sketch == []


FINGERS = {
    "seq": "> . 2:2(0) ack 1 <TS val 7 ecr 0>",
    "ack": "> . 1:1(0) ack 2 <TS val 7 ecr 0>",
    "timestamp": "> . 1:1(0) ack 1 <TS val 8 ecr 0>",
}


@pytest.mark.parametrize("other", FINGERS.values(), ids=FINGERS)
def test_what_a_fingerprint_tells_apart(other: str) -> None:
    (first,), (second,) = told("> . 1:1(0) ack 1 <TS val 7 ecr 0>"), told(other)
    assert fingerprint(first) != fingerprint(second)


def test_what_a_fingerprint_does_not_look_at() -> None:
    (first,) = told("> . 1:101(100) ack 1 win 7")
    (second,) = told("> P. 1:301(300) ack 1 win 9", client=NAT, ttl=5)
    assert fingerprint(first) == fingerprint(second)
    assert 0 <= fingerprint(first) < 2**31


def test_a_connection_takes_no_more_room_however_long_it_lasts() -> None:
    table = Connections()
    for segment in told(stream((at * 100, 100) for at in range(5000))):
        segment.ttl = segment.frame % 256
        table.place(segment)
    (row,) = table.rows
    half: Half = row.halves[TO_SERVER]
    assert half.segments == 5000
    assert (len(half.sketch), len(half.ttls), row.pending) == (SKETCH, 256, None)


HOSTILE = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
        st.integers(0, 2**17), st.integers(0, 2**32 - 1),
    ),
    max_size=30,
)  # fmt: skip
SUMMARY = [name for name in Half.__slots__ if not name.startswith("_")] + ["ttls", "ttl", "sketch"]
FIELDS = ("client", "ended", "first_frame", "last_frame", "number", "opened", "reset", "server", "started")


def hostile(new: type[Segment], rows: Any) -> list[Segment]:
    segments = []
    for frame, (way, flags, seq, ack, size, tsval) in enumerate(rows):
        segment = new()
        ends = (CLIENT, SERVER)[:: -1 if way else 1]
        (segment.src_hi, segment.src_lo, segment.sport), (segment.dst_hi, segment.dst_lo, segment.dport) = (
            ends
        )
        segment.frame, segment.ts, segment.flags, segment.seq = frame, frame, flags, seq
        segment.ack, segment.size, segment.timestamps, segment.tsval = ack, size, bool(tsval & 1), tsval
        segments.append(segment)
    return segments


def summary(rows: Iterable[Connection]) -> list[object]:
    return [
        [[getattr(row, name) for name in (*FIELDS, "closed", "finished")]]
        + [{name: getattr(half, name) for name in SUMMARY} for half in row.halves]
        for row in rows
    ]


@given(HOSTILE)
def test_every_segment_is_counted_once(rows: Any) -> None:
    found, where = placed(hostile(Segment, rows))
    assert sum(half.segments for row in found for half in row.halves) == len(rows) == len(where)
    resets = sum(half.resets for row in found for half in row.halves)
    assert resets == sum(flags & RST != 0 for _, flags, *_ in rows)
    for row in found[1:]:
        frames = [frame for frame, (number, _) in enumerate(where) if number == row.number]
        assert (row.first_frame, row.last_frame) == (frames[0], frames[-1])
        assert rows[frames[0]][1] & (SYN | FIN | RST) == SYN, "only a SYN or SYN/ACK begins another life"


@given(HOSTILE)
def test_compiled_and_source_place_alike(rows: Any) -> None:
    module = load_compiled("bypeer.core.connections")
    record = load_compiled("bypeer.core.segment").Segment
    with inside("compiled"):
        table = module.Connections()
        for segment in hostile(record, rows):
            table.place(segment)
    ours, _ = placed(hostile(Segment, rows))
    assert summary(table.rows) == summary(ours)


def test_no_segment_is_kept_by_reference() -> None:
    table, record = Connections(), told(NEW)[0]
    for segment in [*told(SHAKEN), record]:
        table.place(segment)
    record.seq = 0
    table.place(told(ANSWER)[0])
    assert [row.halves[TO_SERVER].isn for row in table.rows] == [INITIAL[0], INITIAL[0] + 500_000]
