"""Whatever a picture holds, it can be drawn."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from bypeer.core.picture import KINDS, Bound, Moment
from bypeer.report import braille, svg
from tests.forks import NAMES, Row, columns, moment, picture

TIMES = st.one_of(st.integers(-(2**61), 2**61), st.integers(0, 1000))
OCTETS = st.one_of(st.integers(-(2**45), 2**45), st.integers(0, 5000))
SIZES = st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 2000))
ROWS = st.lists(st.tuples(TIMES, OCTETS, SIZES, OCTETS, st.integers(0, len(KINDS) - 1)), max_size=30)
BOUNDS = st.lists(st.builds(Bound, TIMES, st.none() | OCTETS, st.none() | OCTETS), max_size=8)
MOMENTS = st.lists(
    st.builds(
        moment, st.text(max_size=2), TIMES, st.none() | OCTETS, SIZES, st.sampled_from(list(NAMES)), st.text()
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(
    rows=ROWS,
    bounds=BOUNDS,
    moments=MOMENTS,
    focus=st.tuples(TIMES, TIMES),
    size=st.tuples(st.integers(1, 250), st.integers(1, 80)),
    plain=st.booleans(),
)
def test_any_picture(
    rows: list[Row],
    bounds: list[Bound],
    moments: list[Moment],
    focus: tuple[int, int],
    size: tuple[int, int],
    plain: bool,
) -> None:
    made = picture(columns(sorted(rows)), focus, moments, sorted(bounds, key=lambda one: one.ts))
    ElementTree.fromstring(svg.render(made, 10 * size[0], 10 * size[1]))
    text = re.sub(r"\x1b\[[0-9;]*m", "", braille.render(made, *size, not plain, plain))
    assert all(len(line) <= max(size[0], 20) and line.isprintable() for line in text.splitlines())
    assert not plain or text.isascii()
