"""The script's own arithmetic, apart from a page: what is unpacked, ticks, labels, ranges."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

from bypeer.core.picture import KINDS, Bound, Marks
from bypeer.report.packed import Packed, packed_bounds, packed_marks
from tests.picture import picture

SOURCE = "\n".join(files("bypeer.report").joinpath(name).read_text() for name in ("scale.js", "unpack.js"))
NAMES = [name for name, _ in KINDS]


@pytest.fixture(scope="module")
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def run(page: Any, code: str, given: Any = None) -> Any:
    """What a piece of script says that has the page's functions."""
    return page.evaluate(f"async (given) => {{ {SOURCE}\n{code} }}", given)


def told(packed: Packed) -> dict[str, Any]:
    """As the page has it."""
    return {"rows": packed.rows, "columns": [list(one) for one in packed.columns], "text": packed.text}


UNPACK = """
const [marks, bounds, kinds] = given;
const all = placed(await columns(marks, marks.text), kinds);
const lines = bounded(await columns(bounds, bounds.text), all, kinds);
const found = grouped(all, kinds);
const plain = (record) => Object.fromEntries(Object.entries(record).map(([name, it]) => [name, [...it]]));
return [plain(found), plain(lines)];
"""


def scattered(count: int, seed: int) -> Marks:
    """Marks with numbers of any size that a browser can hold."""
    throw = random.Random(seed)
    far = [throw.choice((1, 1 << 8, 1 << 31, 1 << 32, 1 << 50)) for _ in range(count)]
    ts = sorted(throw.randint(0, 1 << 50) for _ in range(count))
    low = [throw.randint(-one, one) for one in far]
    size = [throw.choice((0, 0, 1_448, throw.randrange(1 << 32))) for _ in range(count)]
    behind = [throw.randint(-one, one) for one in reversed(far)]
    kind = [throw.randrange(len(KINDS)) for _ in range(count)]
    outside = [throw.choice((0, throw.randint(1, 1 << 40))) for _ in range(count)]
    inside = [throw.choice((0, row)) for row in range(count)]
    note = [throw.randint(-1, 300) for _ in range(count)]
    values = (ts, low, size, behind, kind, outside, inside, note)
    return Marks(*(array(code, one) for code, one in zip("qqIqBqqi", values, strict=True)))


@pytest.mark.parametrize("marks", [picture(2_000).marks, scattered(700, 1), scattered(1, 2), scattered(0, 3)])
def test_marks_come_back_by_kind(page: Any, marks: Marks) -> None:
    found, _ = run(page, UNPACK, [told(packed_marks(marks)), told(packed_bounds([], marks)), NAMES])
    rows = sorted(range(len(marks.ts)), key=lambda row: marks.kind[row])
    assert found["rows"] == rows
    assert found["start"] == [sum(one < kind for one in marks.kind) for kind in range(len(KINDS) + 1)]
    assert found["ts"] == [marks.ts[row] for row in rows]
    assert found["low"] == [marks.low[row] for row in rows]
    assert found["end"] == [marks.low[row] + marks.size[row] for row in rows]
    assert found["behind"] == [marks.behind[row] for row in rows]
    assert found["outside"] == list(marks.outside)
    assert found["inside"] == list(marks.inside)
    assert found["note"] == [one & 0xFFFF_FFFF for one in marks.note]


def test_bounds_come_back_on_both_scales(page: Any) -> None:
    one = picture(900)
    throw = random.Random(5)
    lines = [Bound(-5, 7, None), *(it for it in one.bounds if throw.random() < 0.3)]
    lines += [Bound(one.marks.ts[-1] + 9, None, None), Bound(one.marks.ts[-1] + 10, None, 1 << 45)]
    packed = told(packed_bounds(lines, one.marks))
    _, found = run(page, UNPACK, [told(packed_marks(one.marks)), packed, NAMES])
    assert found["ts"] == [it.ts for it in lines]
    for name, values in (("lower", [it.lower for it in lines]), ("upper", [it.upper for it in lines])):
        assert [None if it != it else it for it in found[name]] == values
    front = one.marks.behind[-1] + one.marks.low[-1] + one.marks.size[-1]
    assert found["ahead"][-1] == front - (1 << 45)
    assert found["behind"][0] == -7  # before all marks the newest data is none


@pytest.mark.parametrize(
    ("span", "unit", "labels"),
    [
        (3_600_000_000_000 * 7, "h after 22:26:19 UTC", ["0", "1", "2", "3", "4", "5", "6", "7"]),
        (1_200_000_000_000, "min after 22:26:19 UTC", ["0", "5", "10", "15", "20"]),
        (60_000_000_000, "s after 22:26:19 UTC", ["0", "10", "20", "30", "40", "50", "60"]),
        (9_000_000, "ms after 22:26:19 UTC", ["0", "2", "4", "6", "8"]),
        (9_000, "us after 22:26:19 UTC", ["0", "2", "4", "6", "8"]),
        (1_000, "ns after 22:26:19 UTC", ["0", "200", "400", "600", "800", "1000"]),
    ],
)
def test_time_is_told_in_the_unit_that_reads_best(page: Any, span: int, unit: str, labels: list[str]) -> None:
    found = run(page, "return timeTicks(0, given, 1580423179000000000n, 8);", span)
    assert found["title"] == unit
    assert found["labels"] == labels


def test_ticks_count_from_a_moment_near_by(page: Any) -> None:
    found = run(page, "return timeTicks(48439611, 48440611, 1580423179000000000n, 8);")
    assert found["title"] == "ns after 22:26:19.048439 UTC"
    assert found["labels"][:2] == ["800", "1000"]


def test_octets_are_told_to_the_octet_where_that_is_close(page: Any) -> None:
    say = "return octetTicks(...given, 6).labels;"
    assert run(page, say, [0, 3_000_000_000]) == [
        "0",
        "0.5 GB",
        "1.0 GB",
        "1.5 GB",
        "2.0 GB",
        "2.5 GB",
        "3.0 GB",
    ]
    assert run(page, say, [-500_000, 1_500_000])[:3] == ["-500 kB", "0", "500 kB"]
    assert run(page, say, [80_000_100, 80_000_400])[0] == "80,000,100"


def test_labels_keep_apart_near_where_they_belong(page: Any) -> None:
    throw = random.Random(7)
    for _ in range(50):
        wanted = sorted(throw.uniform(0, 1_000) for _ in range(throw.randint(1, 30)))
        found = run(page, "return spread(given, 24, 1000);", wanted)
        assert all(right - left >= 24 - 1e-6 for left, right in pairwise(found))
        assert found[0] >= -1e-6
        assert found[-1] <= 1_000 + 1e-6
    assert run(page, "return spread([500, 500, 500], 24, 1000);") == [476, 500, 524]
    assert run(page, "return spread([0, 900], 24, 1000);") == [0, 900]
    crowd = run(page, "return spread(given, 24, 100);", [50] * 20)
    assert crowd == sorted(crowd)
    assert crowd[-1] <= 100 + 1e-6


def test_ranges_are_found_by_heaps_as_by_looking_at_all(page: Any) -> None:
    throw = random.Random(9)
    values = [throw.uniform(-1e9, 1e9) for _ in range(3_000)]
    for _ in range(40):
        first = throw.randint(0, 3_000)
        last = throw.randint(first, 3_000)
        code = "const heap = heaped(given[0]), rows = given.slice(1);"
        code += "return [leastOf(heap, ...rows), greatestOf(heap, ...rows)];"
        low, high = run(page, code, [values, first, last])
        part = values[first:last]
        assert (low, high) == (min(part, default=float("inf")), max(part, default=float("-inf")))


def test_what_is_far_away_does_not_flatten_the_rest(page: Any) -> None:
    assert run(page, "return range([0, 100], [50, 120], 2.5);") == [-6, 126]
    assert run(page, "return range([0, 100], [50, 9e9], 2.5);") == [-5, 105]
    assert run(page, "return range([Infinity, -Infinity], [7, 7], 2.5);") == [6, 8]
    assert run(page, "return range([Infinity, -Infinity], [Infinity, -Infinity], 2.5);") == [0, 1]
