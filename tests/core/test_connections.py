"""Segments to connections: who opened, where one life of a tuple ends and the next begins."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core import connections as module
from bypeer.core import lines
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.connections import FEWEST_SLOTS, Connections
from bypeer.core.frames import Interface
from bypeer.core.scan import scan
from bypeer.core.script import INITIAL
from bypeer.core.segment import ABSENT, NO_TIME, Segment
from bypeer.core.tcp import ACK_, FIN, PSH, RST, SYN
from tests import make
from tests.core.placing import ANSWER, CLIENT, CLOSED, NEW, RESET, SERVER, SHAKEN, one, placed, told
from tests.pure import here, inside, load_compiled
from tests.scene import Memory

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
    assert (there.isn, there.wscale, there.segments) == (INITIAL[0] + 500_000, 9, 0)
    assert (back.isn, back.segments) == ((INITIAL[1] + 700_000) % 2**32, 1)
    assert rows[0].halves[TO_SERVER].isn == INITIAL[0], "the old life keeps its own"


def test_an_old_syn_is_none_of_a_life_after_the_end() -> None:
    rows, _ = placed(told(SHAKEN + NEW + "< R 1:1(0)\n> S 900000:900000(0)\n"))
    assert rows[1].halves[TO_SERVER].isn == INITIAL[0] + 900_000
    assert rows[1].halves[TO_SERVER].wscale == ABSENT


def test_a_late_answer_to_a_syn_belongs_to_it() -> None:
    _, where = placed(told("> S 0:0(0)\n> R 1:1(0)\n< S. 0:0(0) ack 1\n> R 1:1(0)"))
    assert {row for row, _ in where} == {0}


# Too many


@pytest.mark.skipif(here() == "compiled", reason="a compiled module's constants cannot be changed")
def test_of_too_many_the_finished_and_the_idle_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CONNECTIONS", 8)
    table = Connections()
    for number, story in enumerate((SHAKEN, CLOSED, RESET, SHAKEN, CLOSED, SHAKEN, SHAKEN)):
        for segment in told(story, client=(*CLIENT[:2], 50_000 + number)):
            segment.frame += number * 10
            table.place(segment)
    assert (len(table), table.evicted) == (7, 0)
    (segment,) = told("> . 1:1(0) ack 1", client=(*CLIENT[:2], 50_007))
    segment.frame = 100
    table.place(segment)
    assert [(row.client[2] - 50_000, row.number) for row in table.rows] == [(2, 2), (5, 5), (6, 6), (7, 7)]
    assert table.evicted == 4
    for port, number in ((6, 6), (2, 2), (0, 8), (7, 7)):
        (segment,) = told("< . 1:1(0) ack 1", client=(*CLIENT[:2], 50_000 + port))
        assert table.number(table.place(segment)) == number, "forgotten ones begin anew"
    assert table.direction == TO_CLIENT


def test_the_latest_life_of_a_tuple_keeps_its_place_when_the_table_grows() -> None:
    table = Connections()
    for segment in told(CLOSED + NEW + ANSWER):
        table.place(segment)
    for port in range(1, 2 * FEWEST_SLOTS):
        (segment,) = told("> S 0:0(0)", client=(0, 7, port))
        table.place(segment)
    (segment,) = told("> . 500001:500001(0) ack 700001")
    assert table.place(segment) == 1


HOSTILE = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
        st.integers(0, 2**17), st.integers(0, 2**32 - 1),
    ),
    max_size=30,
)  # fmt: skip


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


@given(HOSTILE)
def test_every_segment_is_counted_once(rows: Any) -> None:
    found, where = placed(hostile(Segment, rows))
    assert sum(half.segments for row in found for half in row.halves) == len(rows) == len(where)
    resets = sum(half.resets for row in found for half in row.halves)
    assert resets == sum(flags & RST != 0 for _, flags, *_ in rows)
    for row in found[1:]:
        frames = [frame for frame, (number, _) in enumerate(where) if number == row.number]
        assert row.first_frame == frames[0]
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
    assert [tuple(row) for row in table.rows] == [tuple(row) for row in ours]


def test_no_segment_is_kept_by_reference() -> None:
    table, record = Connections(), told(NEW)[0]
    for segment in [*told(SHAKEN), record]:
        table.place(segment)
    record.seq = 0
    table.place(told(ANSWER)[0])
    assert [row.halves[TO_SERVER].isn for row in table.rows] == [INITIAL[0], INITIAL[0] + 500_000]


NUMBERS = st.integers(0, 2**32 - 1) | st.integers(0, 9)
PACKETS = st.tuples(
    st.booleans(), st.integers(0, 3), st.sampled_from([ACK_] * 3 + [PSH | ACK_, FIN | ACK_, SYN, RST, 0]),
    NUMBERS, NUMBERS, st.sampled_from([64, 64, 63]), st.sampled_from([1, 1, 0, -5, NO_TIME]),
)  # fmt: skip


@given(st.lists(PACKETS, max_size=600))
def test_the_short_way_does_what_the_long_one_does(packets: list[Any]) -> None:
    """All at once, as a scan takes them in that keeps none, and one by one, as one that keeps them."""
    taken, now = [], 10**18
    for back, port, flags, seq, ack, ttl, step in packets:
        ports = (443, 40_000 + port) if back else (40_000 + port, 443)
        ends = (make.SERVER, make.CLIENT) if back else (make.CLIENT, make.SERVER)
        now += step if step != NO_TIME else 0
        segment = make.tcp(flags, seq, ack, sport=ports[0], dport=ports[1], payload=bytes(seq % 3))
        octets = make.ip(segment, src=ends[0], dst=ends[1], ttl=ttl)
        taken.append(make.Taken(make.ethernet(octets), now if step != NO_TIME else NO_TIME))
    memory = Memory(taken)
    memory.interfaces = [Interface(make.ETHERNET)]
    short, long = scan(memory, keep=False), scan(memory)
    assert [tuple(row) for row in short.table.rows] == [tuple(row) for row in long.table.rows]
    spans = [[one.table.spans([row]) for row in one.table.rows] for one in (short, long)]
    assert spans[0] == spans[1]


def test_rows_beyond_the_first_pieces_are_found_again() -> None:
    """Memory for so many is had by more pieces at once."""
    table, count, late = Connections(), 33 * lines.PIECE + 1, 32 * lines.PIECE - 1
    (segment,) = told("> . 1:1(0) ack 1")
    for row in range(count):
        segment.sport = 1024 + row
        assert table.place(segment) == row
    for row in range(late, count):
        segment.sport = 1024 + row
        assert table.place(segment) == row
    again = pickle.loads(pickle.dumps(table))
    for held in (table, again):
        segments = [held.connection(row).halves[0].segments for row in range(count)]
        assert segments == [1] * late + [2] * (count - late)
