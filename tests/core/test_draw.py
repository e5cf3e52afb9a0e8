"""A whole picture: what it is of, its moments, what it shows first, and that nothing is too much for it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bypeer.core.draw import shares
from bypeer.core.picture import BULK, Picture
from tests import pure
from tests.drawing import NAMES, drawn, kinds, pictured, rows
from tests.scene import ASKED, FAR, OPEN, Memory, sources

KILLED = (
    FAR
    + """
    0.0600 < . 1:1449(1448) ack 101 win 509 !
    0.0601 H> R 101:101(0) win 0
    0.0700 > . 101:101(0) ack 91449 win 600
    0.0710 < R 91449:91449(0) win 0
"""
)
LONG = OPEN + "".join(
    f"{0.02 + at * 0.001:.6f} < . {1 + at * 1000}:{1001 + at * 1000}(1000) ack 1 win 509\n"
    f"{0.0202 + at * 0.001:.6f} > . 1:1(0) ack {1001 + at * 1000} win 502\n"
    for at in range(600)
) + """
    0.700 < . 1:1001(1000) ack 1 win 509 !
    0.7001 H> R 1:1(0) win 0
    0.702 > . 1:1(0) ack 600001 win 600
    0.703 < R 600001:600001(0) win 0
"""  # fmt: skip
PAIR = Path(__file__).parent.parent / "captures/late-segment"


def moments(found: Picture) -> list[tuple[str, str, int | None]]:
    return [(one.letter, one.kind, one.low) for one in found.moments]


def test_what_the_picture_is_of() -> None:
    found = drawn(KILLED)
    assert (found.connection, found.direction) == ("c1", "to the client")
    assert found.title == "198.51.100.2:443 > 172.17.0.2:40000"
    assert found.origin + found.marks.ts[0] == 1_700_000_000_010_000_000  # the SYN/ACK
    assert drawn(KILLED, nat="port").title == "172.17.0.2:80 > 198.51.100.2:40000"
    assert drawn(KILLED, sides="outside").title == "198.51.100.2:443 > 203.0.113.12:40000"


def test_the_events_are_where_their_marks_are() -> None:
    found = drawn(KILLED)
    assert moments(found) == [
        ("A", "data", 61449), ("B", "trigger", 1), ("C", "rst-host", 91449),
        ("X", "trigger", 91449), ("Y", "rst-outside", 91449),
    ]  # fmt: skip
    marks = found.marks
    places = {(ts, NAMES[kind], low) for ts, kind, low in zip(marks.ts, marks.kind, marks.low, strict=True)}
    assert all((one.ts, one.kind, one.low) in places for one in found.moments)
    trigger = found.moments[1]
    assert trigger.frames == "outside 15"
    assert trigger.filter == "frame.number == 15"
    assert found.moments[0].frames == "outside 13, inside 13"
    assert len(found.moments[0].dump) == 2
    assert "late" in trigger.text


def test_of_text_wireshark_has_no_filter() -> None:
    assert {one.filter for one in drawn(KILLED, printed=True).moments} == {""}


def test_first_it_shows_what_led_to_the_reset() -> None:
    found = drawn(LONG + "3.5 > R 1:1(0) win 0\n")
    since, until = found.focus
    marks = found.marks
    shown = [NAMES[kind] for ts, kind in zip(marks.ts, marks.kind, strict=True) if since <= ts <= until]
    assert shown.count("data") == 60
    assert {"kept", "trigger", "rst-host", "rst-outside"} <= set(shown)
    assert since > 0
    assert until < found.marks.ts[-1]


@pytest.mark.parametrize("story", [ASKED, FAR])
def test_without_a_reset_it_shows_all(story: str) -> None:
    found = drawn(story)
    assert found.focus == (found.marks.ts[0], found.marks.ts[-1])
    assert not found.moments


def test_too_many_marks_are_thinned_the_rare_ones_never() -> None:
    every, some = drawn(LONG), drawn(LONG, marks=700)
    assert len(some.marks.ts) + some.thinned == len(every.marks.ts)
    assert 100 < len(some.marks.ts) < 1_000 < len(every.marks.ts)
    for name in NAMES[BULK:]:
        assert rows(some, name) == rows(every, name)
    assert moments(some) == moments(every)


def test_of_too_many_segments_the_last_are_drawn() -> None:
    every, some = drawn(KILLED), drawn(KILLED, most=8)
    assert every.skipped == 0
    assert some.skipped > 0
    assert moments(some)[1:] == moments(every)[1:]
    assert rows(some, "kept", "rst-host") == rows(every, "kept", "rst-host")
    last = list(every.marks.low)[-4:]
    assert list(some.marks.low)[-4:] == last


@pytest.mark.parametrize(
    ("wanted", "most", "found"),
    [
        ({}, 9, {}),
        ({"a": 5, "b": 3}, 9, {"a": 5, "b": 3}),
        ({"a": 50, "b": 3}, 9, {"a": 6, "b": 3}),
        ({"a": 50, "b": 60, "c": 1}, 9, {"a": 4, "b": 4, "c": 1}),
    ],
)
def test_room_is_shared(wanted: dict[str, int], most: int, found: dict[str, int]) -> None:
    assert shares(wanted, most) == found


def test_a_stream_longer_than_numbers() -> None:
    """Its octets go round three times; segments are of 60 kB, windows of half a gigabyte."""
    lines, step, at, ts = [OPEN.replace("wscale 7", "wscale 14")], 500_000_000, 1, 0.02
    for _ in range(26):
        for start in (at, at + step - 60_000):
            lines.append(f"{ts:.6f} < . {start}:{start + 60_000}(60000) ack 1 win 509")
            ts += 0.001
        lines.append(f"{ts:.6f} > . 1:1(0) ack {at + step} win 40000")
        at, ts = at + step, ts + 0.001
    lines.insert(1, "0.0199 > . 1:1(0) ack 1 win 40000")
    lines.append(f"{ts:.6f} < R {at}:{at}(0) win 0")
    found = drawn("\n".join(lines))
    assert rows(found, "data")[-1][0] == 1 + 26 * step - 60_000 > 3 << 32
    assert rows(found, "ack")[-1][0] == 1 + 26 * step
    assert rows(found, "rst-outside")[-1][0] == 1 + 26 * step


@pytest.mark.parametrize("how", [{"merged": "interfaces"}, {"merged": "blind"}, {"ipv6": True},
                                 {"nat": "routed"}, {"nat": "service"}, {"timestamps": True, "clock": 5.0}],
                         ids=str)  # fmt: skip
def test_however_it_was_captured(how: dict[str, Any]) -> None:
    plain, found = drawn(KILLED), drawn(KILLED, **how)
    assert kinds(found.marks) == kinds(plain.marks)
    assert moments(found) == moments(plain)


def test_a_leak_is_drawn() -> None:
    found = drawn(FAR + " 0.06 < . 91449:92897(1448) ack 101 win 509 !\n 0.0601 H> R 101:101(0) win 0\n"
                  " 0.5 >~ F. 101:101(0) ack 91449 win 502\n")  # fmt: skip
    (leak,) = (one for one in found.moments if "untranslated" in one.text)
    assert (leak.kind, leak.low) == ("ack", 91449)
    assert leak.frames.startswith("inside")


def test_nothing_at_all() -> None:
    """A lone SYN has no number that is drawn, and a lone RST has."""
    assert kinds(drawn(" 0 > S 0:0(0) win 64240 <mss 1460>\n").marks) == {}
    assert drawn(" 0 > S 0:0(0) win 64240 <mss 1460>\n").focus == (0, 0)
    assert sum(kinds(drawn(" 0 < R 5:5(0) win 0\n").marks).values()) == 1


def test_packets_in_no_order() -> None:
    captures = [Memory(memory.taken[::-1]) for memory in sources(KILLED)]
    marks = pictured(captures).marks
    assert list(marks.ts) == sorted(marks.ts)


def test_compiled_and_source_draw_the_same() -> None:
    found = []
    for world in ("source", "compiled"):
        for name in ("points", "trace", "twins", "plot"):
            if world == "compiled":
                pure.load_compiled(f"bypeer.core.{name}")
        with pure.inside(world):
            (one,) = import_module("bypeer.api").pictures([PAIR / "inside.pcap", PAIR / "outside.pcap"])
            found.append(plain(one))
    assert found[0] == found[1]


def plain(value: Any) -> Any:
    """Records of either world as tuples."""
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    return list(value) if hasattr(value, "typecode") else value
