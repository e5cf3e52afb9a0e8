"""Relative sequence numbers: what tcpdump counts from, and what an excerpt has lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bypeer.capture import numbers
from bypeer.capture.numbers import ASSUMED, FORGOTTEN
from tests.capture.printing import decoded, opened, segments

THERE, BACK = "IP 10.0.0.1.4000 > 10.0.0.2.80: Flags ", "IP 10.0.0.2.80 > 10.0.0.1.4000: Flags "
OPEN = f"""\
{THERE}[S], seq 1000000, win 9, length 0
{BACK}[S.], seq 2000000, ack 1000001, win 9, length 0
"""

# Lines, and SEG.SEQ and SEG.ACK of each that they must become.
TEXTS: dict[str, tuple[str, list[tuple[int, int]]]] = {
    "from the handshake on": (
        f"{OPEN}{THERE}[.], ack 1, win 9, length 0\n{THERE}[P.], seq 1:6, ack 1, win 9, length 5\n"
        f"{BACK}[.], ack 6, win 9, length 0\n{BACK}[F.], seq 1, ack 6, win 9, length 0\n{THERE}[R], "
        f"seq 1000006, win 0, length 0",
        [(1000000, 0), (2000000, 1000001), (1000001, 2000001), (1000001, 2000001), (2000001, 1000006),
         (2000001, 1000006), (1000006, 0)],
    ),
    "the same with -S": (
        f"{OPEN}{THERE}[.], ack 2000001, win 9, length 0\n{THERE}[P.], seq 1000001:1000006, "
        f"ack 2000001, length 5\n"
        f"{THERE}[R], seq 1000006, win 0, length 0",
        [(1000000, 0), (2000000, 1000001), (1000001, 2000001), (1000001, 2000001), (1000006, 0)],
    ),
    "begun in the middle": (
        f"{THERE}[.], seq 5000000:5000100, ack 7000000, win 9, length 100\n{BACK}[.], ack 100, "
        f"win 9, length 0\n"
        f"{BACK}[P.], seq 1:11, ack 100, win 9, length 10\n{THERE}[.], seq 100:200, ack 11, win 9, "
        f"length 100\n"
        f"{THERE}[R], seq 5000200, win 0, length 0",
        [(5000000, 7000000), (7000000, 5000100), (7000000, 5000100), (5000100, 7000010), (5000200, 0)],
    ),
    "begun in the middle with an acknowledgement: its number is not known": (
        f"{THERE}[.], ack 7000000, win 9, length 0\n{BACK}[.], seq 1:11, ack 0, win 9, length 10\n"
        f"{THERE}[P.], seq 0:5, ack 11, win 9, length 5\n{BACK}[R], seq 7000010, win 0, length 0",
        [(0, 7000000), (7000000, 0), (0, 7000010), (7000010, 0)],
    ),
    "the same with -S: what comes after tells": (
        f"{THERE}[.], ack 7000000, win 9, length 0\n{BACK}[.], seq 7000000:7000010, ack 5000000, "
        f"win 9, length 10\n"
        f"{THERE}[P.], seq 5000000:5000005, ack 7000010, win 9, length 5",
        [(5000000, 7000000), (7000000, 5000000), (5000000, 7000010)],
    ),
    "an excerpt: a RST is still absolute, and answers": (
        f"{BACK}[.], seq 900:1000, ack 77, win 9, length 100\n{BACK}[.], seq 1000:1100, ack 77, "
        f"win 9, length 100\n"
        f"{THERE}[R], seq 3000000077, win 0, length 0\n{BACK}[.], seq 500:600, ack 80, win 9, length 100\n"
        f"{THERE}[R], seq 3000000080, win 0, length 0\n{THERE}[R], seq 3000000078, win 0, length 0",
        [(900, 77), (1000, 77), (77, 0), (500, 80), (80, 0), (78, 0)],
    ),
    "an excerpt that lacks the SYN/ACK": (
        f"{THERE}[S], seq 1000000, win 9, length 0\n{THERE}[.], ack 1, win 9, length 0\n"
        f"{THERE}[P.], seq 1:6, ack 1, win 9, length 5\n{BACK}[.], ack 6, win 9, length 0",
        [(1000000, 0), (1000001, 1), (1000001, 1), (1, 1000006)],
    ),
    "the same, told by the answer": (
        f"{THERE}[S], seq 1000000, win 9, length 0\n{BACK}[P.], seq 1:6, ack 1, win 9, length 5",
        [(1000000, 0), (1, 1000001)],
    ),
    "one direction only": (
        f"{THERE}[S], seq 1000000, win 9, length 0\n{THERE}[.], ack 2000001, win 9, length 0\n"
        f"{THERE}[P.], seq 0:5, ack 1, win 9, length 5",
        [(1000000, 0), (1000001, 2000001), (1000001, 2000001)],
    ),
    "a refusal": (
        f"{THERE}[S], seq 1000000, win 9, length 0\n{BACK}[R.], seq 0, ack 1000001, win 0, length 0\n"
        f"{THERE}[S], seq 1000000, win 9, length 0\n{BACK}[R.], seq 0, ack 1, win 0, length 0",
        [(1000000, 0), (0, 1000001), (1000000, 0), (0, 1000001)],
    ),
    "a port used again": (
        f"{OPEN}{THERE}[.], ack 1, win 9, length 0\n{THERE}[S], seq 8000000, win 9, length 0\n"
        f"{BACK}[S.], seq 9000000, ack 8000001, win 9, length 0\n{THERE}[P.], seq 1:6, ack 1, "
        f"win 9, length 5",
        [(1000000, 0), (2000000, 1000001), (1000001, 2000001), (8000000, 0), (9000000, 8000001),
         (8000001, 9000001)],
    ),
    "numbers that wrap": (
        f"{THERE}[.], seq 4294967290:4294967295, ack 1, win 9, length 5\n{THERE}[.], seq 5:15, "
        f"ack 1, win 9, length 10",
        [(4294967290, 1), (4294967295, 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_numbers(tmp_path: Path, text: str, expected: list[tuple[int, int]]) -> None:
    assert [(one.seq, one.ack) for one in segments(tmp_path, text)] == expected


def test_sack_blocks_are_relative_even_on_the_line_that_the_account_begins_with(tmp_path: Path) -> None:
    first = f"{THERE}[.], ack 7000000, win 9, options [sack 1 {{101:201}}], length 0\n"
    again = f"{THERE}[.], ack 11, win 9, options [sack 1 {{101:201}}], length 0\n"
    absolute = again.replace("ack 11", "ack 7000010").replace("{101:201}", "{7000100:7000200}")
    for second in (again, absolute):
        found = segments(
            tmp_path, (first if second is again else first.replace("{101:", "{7000100:")) + second
        )
        assert [one.dsack_left for one in found] == [7000100, 7000100]
        assert found[1].ack == 7000010


def test_a_text_whose_numbers_are_known_assumes_nothing(tmp_path: Path) -> None:
    known = opened(tmp_path, f"{OPEN}{THERE}[.], ack 1, win 9, length 0\n")
    assert len(list(decoded(known))) == 3
    assert known.oddities == {}
    excerpt = opened(tmp_path, TEXTS["an excerpt: a RST is still absolute, and answers"][0])
    assert len(list(decoded(excerpt))) == 6
    assert excerpt.oddities == {ASSUMED: 6}


def test_s_is_told_from_the_rest_where_numbers_are_wild(tmp_path: Path) -> None:
    """A scan with numbers drawn by lot, after a conversation that shows how they are printed."""
    chance = random.Random(1)
    wild = [(chance.randrange(1 << 32), chance.randrange(1 << 32)) for _ in range(50)]
    plain = f"{OPEN}{THERE}[.], ack 2000001, win 9, length 0\n"
    plain += "".join(f"IP 1.1.1.1.5 > 1.1.1.1.6: Flags [F.], seq {a}, ack {b}, length 0\n" for a, b in wild)
    assert [(one.seq, one.ack) for one in segments(tmp_path, plain)][3:] == wild


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "_MOST_TALKS", 3)
    line = "IP 10.0.0.1.{} > 10.0.0.2.80: Flags [S], seq 1, win 9, length 0\n"
    capture = opened(tmp_path, "".join(line.format(port) for port in range(5)))
    assert len(list(decoded(capture))) == 5
    assert capture.oddities == {FORGOTTEN: 2}
