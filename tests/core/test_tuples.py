"""Tuples as numbers."""

from __future__ import annotations

import pytest

from bypeer.core import tuples
from bypeer.core.connections import Connections
from bypeer.core.tuples import hash_of_ends
from tests import pure
from tests.core.placing import CLIENT, NAT, SERVER, SHAKEN, told

OTHERS = [(1, *CLIENT[1:]), (0, CLIENT[1] + 1, CLIENT[2]), (*CLIENT[:2], CLIENT[2] + 1), NAT]


def test_both_directions_have_one_hash() -> None:
    assert hash_of_ends(CLIENT, SERVER, 3) == hash_of_ends(SERVER, CLIENT, 3)


def test_other_tuples_have_others() -> None:
    hashes = {hash_of_ends(one, SERVER, interface) for one in (CLIENT, *OTHERS) for interface in range(3)}
    assert len(hashes) == 3 * (1 + len(OTHERS))


def test_hashes_spread() -> None:
    """Over the slots of a table and over its upper half, whatever is counted up."""
    for step in ((0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1 << 24, 0)):
        ends = [tuple(a + b * at for a, b in zip(CLIENT, step, strict=True)) for at in range(4096)]
        hashes = [hash_of_ends((one[0], one[1], one[2]), SERVER, 0) for one in ends]
        assert len({one & 4095 for one in hashes}) > 2300, "4096 * (1 - 1/e) are taken by chance: 2589"
        assert len({one >> 32 for one in hashes}) > 4090


def test_a_row_and_its_packets_have_the_same() -> None:
    """Else a table that has grown would not find its rows again."""
    table = Connections()
    for port in range(3000):
        for segment in told(SHAKEN, client=(*CLIENT[:2], 10_000 + port)):
            table.place(segment)
    assert len(table) == 3000


@pytest.mark.skipif(pure.here() == "compiled", reason="a compiled module's functions cannot be replaced")
def test_endpoints_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of IPv6, whose numbers say only that they may be the same."""
    monkeypatch.setattr(tuples, "end_of", lambda high, low, port: tuples.IN_PART)
    table, server = Connections(), (1, 3, 443)
    for low in (5, 6, 5):
        for segment in told(SHAKEN, client=(1, low, 40_000), server=server):
            table.place(segment)
    assert [(row.client, [half.segments for half in row.halves]) for row in table.rows] == [
        ((1, 5, 40_000), [4, 2]),
        ((1, 6, 40_000), [2, 1]),
    ]
