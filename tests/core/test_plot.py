"""What each segment becomes in a picture, and where it lies."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.core.picture import Picture
from tests.drawing import NAMES, drawn, kinds, rows
from tests.scene import ASKED, FAR, OPEN

BACK = 91_449 - 1_449  # octets that the first ones of FAR lie behind its end
LATE = FAR + " 0.060 < . 1:1449(1448) ack 101 win 509"


def fate(picture: Picture, kind: str) -> list[tuple[int, int, int]]:
    return rows(picture, kind)


def test_an_ordinary_answer() -> None:
    found = drawn(ASKED)
    assert kinds(found.marks) == {"data": 2, "ack": 3, "window": 2}
    assert rows(found, "data") == [(0, 0, 0), (1, 1448, 0)]  # the SYN/ACK; the data


def test_where_acknowledgements_and_windows_lie() -> None:
    found = drawn(ASKED)
    assert [low for low, _, _ in rows(found, "ack")] == [1, 1, 1449]
    assert rows(found, "window") == [
        (1 + (502 << 7), 0, -(502 << 7)),
        (1449 + (502 << 7), 0, -(502 << 7)),
    ]


def test_the_upload_is_drawn_where_it_is_more() -> None:
    found = drawn(OPEN + " 0.02 > . 1:5001(5000) ack 1 win 502\n 0.03 < . 1:101(100) ack 5001 win 500\n")
    assert found.direction == "to the server"
    assert rows(found, "data") == [(0, 0, 0), (1, 5000, 0)]
    assert [low for low, _, _ in rows(found, "ack")] == [1, 5001]


@pytest.mark.parametrize(
    ("line", "kind", "behind"),
    [
        (" 0.060 < . 1:1449(1448) ack 101 win 509", "late", BACK),
        (" 0.060 < . 1:1449(1448) ack 101 win 509 !", "kept", BACK),
        (" 0.060 < . 61449:62897(1448) ack 101 win 509", "again", 91_449 - 62_897),
        (" 0.060 < . 91449:92897(1448) ack 101 win 509 !", "kept", -1448),
        (" 0.060 < . 9091449:9092897(1448) ack 101 win 509 !", "kept", 91_449 - 9_092_897),
    ],
)
def test_one_more_segment(line: str, kind: str, behind: int) -> None:
    found = drawn(f"{FAR}{line}\n 0.07 < . 91449:91549(100) ack 101 win 509\n", ipv6=False)
    (one,) = rows(found, kind)
    assert one[2] == behind
    assert rows(found, "data", "again")[-1] == (
        91449,
        100,
        0,
    )  # the frontier was not moved by what was not believed


def test_octets_that_fill_a_hole_are_no_repeat() -> None:
    found = drawn(
        ASKED
        + """
        0.030 < . 2897:4345(1448) ack 101 win 509
        0.031 < . 1449:2897(1448) ack 101 win 509
        0.032 < . 1449:2897(1448) ack 101 win 509
    """
    )
    assert rows(found, "data")[-2:] == [(2897, 1448, 0), (1449, 1448, 1448)]
    assert rows(found, "again") == [(1449, 1448, 1448)]


def test_a_duplicate_block_is_drawn_where_it_lies() -> None:
    found = drawn(FAR + " 0.06 > . 101:101(0) ack 91449 win 502 <sack 1:1449>\n")
    assert rows(found, "sack") == [(1, 1448, 91_449 - 1449)]


def test_a_reset_of_the_host_lies_among_the_acknowledgements() -> None:
    found = drawn(LATE + " !\n 0.0601 H> R 101:101(0) win 0\n", timestamps=True)
    assert rows(found, "rst-host") == [(91449, 0, 0)]
    assert rows(found, "kept") == [(1, 1448, BACK)]


@pytest.mark.parametrize(
    ("line", "kind", "low"),
    [
        ("0.06 < R 91449:91449(0) win 0", "rst-outside", 91449),
        ("0.06 > R 101:101(0) win 0", "rst-inside", 91449),
        ("0.06 < R 91449:91449(0) win 0 ttl 200", "rst-path", 91449),
        ("0.06 < R 2000000000:2000000000(0) win 0", "rst-outside", 91449),  # nobody's number
    ],
)
def test_resets_by_author(line: str, kind: str, low: int) -> None:
    assert [one[0] for one in rows(drawn(f"{FAR}{line}\n"), kind)] == [low]


def test_an_answer_that_was_not_forwarded() -> None:
    found = drawn(FAR + " 0.06 > . 101:101(0) ack 91449 win 502 !\n 0.07 > . 101:101(0) ack 91449 win 502\n")
    assert rows(found, "kept") == [(91449, 0, 0)]


def test_a_hole_in_the_captures_is_none_in_the_stream() -> None:
    """What comes behind it is far above the window that was seen last, and goes on there."""
    story = FAR + "".join(
        f"{0.06 + at * 0.001:.6f} < . {1 + at * 30000}:{1 + (at + 1) * 30000}(30000) ack 101 win 509 -i -o\n"
        for at in range(4, 40)
    )
    story += """
        0.200 < . 1200001:1201449(1448) ack 101 win 509
        0.201 < . 1201449:1202897(1448) ack 101 win 509
        0.202 > . 101:101(0) ack 1202897 win 502
    """
    found = drawn(story)
    assert "beyond" not in kinds(found.marks)
    assert rows(found, "data")[-2:] == [(1200001, 1448, 0), (1201449, 1448, 0)]


def test_what_was_forwarded_beyond_the_window() -> None:
    """By kernels that count a slight overshoot and let it pass."""
    edge = 91_449 + (502 << 7)
    found = drawn(f"{FAR} 0.06 < . {edge + 1}:{edge + 101}(100) ack 101 win 509\n"
                  " 0.07 < . 91449:92449(1000) ack 101 win 509\n")  # fmt: skip
    assert [low for low, _, _ in rows(found, "beyond")] == [edge + 1]
    assert rows(found, "data")[-1] == (91449, 1000, 0)


def test_frames_of_both_sides_and_times() -> None:
    found = drawn(LATE + " !\n", clock=2.5)
    marks = found.marks
    assert list(marks.ts) == sorted(marks.ts)
    assert marks.ts[0] == 0
    assert all(marks.outside)
    unseen = [NAMES[kind] for kind, frame in zip(marks.kind, marks.inside, strict=True) if not frame]
    assert unseen == ["kept"]


@pytest.mark.parametrize("how", [{"sides": "outside"}, {"sides": "inside"}], ids=str)
def test_one_side_alone(how: dict[str, Any]) -> None:
    found = drawn(LATE + "\n", **how)
    assert kinds(found.marks)["late"] == 1
    assert "kept" not in kinds(found.marks)
    one, other = ("outside", "inside") if how["sides"] == "outside" else ("inside", "outside")
    assert all(getattr(found.marks, one))
    assert not any(getattr(found.marks, other))


def test_a_clock_that_was_set_back() -> None:
    from tests.drawing import Memory, pictured, sources

    captures = sources(FAR)
    turned = []
    for memory in captures:
        taken = [one._replace(ts=one.ts - 10**9) if at > 9 else one for at, one in enumerate(memory.taken)]
        turned.append(Memory(taken))
    marks = pictured(turned).marks
    assert list(marks.ts) == sorted(marks.ts)
    assert kinds(marks)["data"] == kinds(pictured(captures).marks)["data"]
