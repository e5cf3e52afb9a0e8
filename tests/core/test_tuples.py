"""Tuples as numbers."""

from __future__ import annotations

from bypeer.core.connections import Connections
from bypeer.core.tuples import hash_of_ends
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
