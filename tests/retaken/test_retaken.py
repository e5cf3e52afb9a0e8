"""Ways to take a case otherwise: what is faithful changes nothing that a verdict rests on."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from bypeer.core.decode import decode
from bypeer.core.segment import Segment
from tests import make, pure
from tests.make import Taken
from tests.retaken import run
from tests.retaken.faithful import FAITHFUL
from tests.retaken.lossy import LOSSY
from tests.retaken.pair import SIDES, Pair, changed, headers, peers, read, write

CASE = Path("tests/captures/late-segment")


@pytest.fixture(scope="module")
def pair() -> Pair:
    return read([CASE / f"{side}.pcap" for side in SIDES])


def decoded(one: Taken) -> Segment:
    found = Segment()
    length = len(one.octets) if one.length is None else one.length
    decode(bytearray(one.octets), 0, len(one.octets), length, make.ETHERNET, found, True)
    return found


def test_it_is_read_and_written_as_it_was(pair: Pair, tmp_path: Path) -> None:
    assert read(write(pair, tmp_path)) == pair
    assert peers(pair) == {bytes((198, 51, 100, 2))}
    assert changed(pair, lambda side, draft: None) == pair


@pytest.mark.parametrize("name", FAITHFUL)
def test_what_is_faithful_keeps_checksums_and_lengths(name: str, pair: Pair) -> None:
    found = FAITHFUL[name](pair, Random(name))
    assert found != pair or name == "microseconds", "they are whole ones already"
    for side in SIDES:
        rows = [one for one in found[side] if one.octets[:12] != bytes(12)]  # of others beside it
        assert len(rows) == len(pair[side])
        for one, other in zip(pair[side][:400], rows, strict=False):
            before, after = decoded(one), decoded(other)
            kept = before.checksum, before.size, before.flags, before.win, before.ip_id
            if name == "headers_only":  # of which no checksum can tell
                kept = after.checksum, *kept[1:]
            assert (after.checksum, after.size, after.flags, after.win, after.ip_id) == kept
            if headers(one.octets) is not None and name != "tagged":
                assert sum_of(other) == sum_of(one) == 0, "IP's own"


def sum_of(one: Taken) -> int:
    return make.checksum(one.octets[14:34])


@pytest.mark.parametrize("name", LOSSY)
def test_what_is_lossy_leaves_frames(name: str, pair: Pair) -> None:
    found = LOSSY[name](pair, Random(name))
    assert set(found) == set(SIDES)
    assert all(found.values())


@pytest.mark.skipif(pure.here() == "source", reason="many whole runs: pytest --compiled has them")
def test_what_is_taken_otherwise_is_told_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "KEPT", tmp_path)
    monkeypatch.setattr(run, "FORMS", {run.PAIR: run.FORMS[run.PAIR]})  # tcpdump may not be there
    monkeypatch.delenv("BYPEER_CASES", raising=False)
    assert run.run(60, "as ever") == []
    assert not list(tmp_path.iterdir())


def test_another_verdict_is_a_find() -> None:
    killed = run.Told("host", "NF01", "certain", "reset", frozenset({"NF01"}), 1)
    other = killed._replace(cause="NF12")
    assert not other.agrees(killed, ["milliseconds", run.PAIR])
    assert other._replace(certainty="undetermined").agrees(killed, ["milliseconds", run.PAIR])
    assert not other._replace(certainty="undetermined").agrees(killed, ["tagged", run.PAIR])
    assert other.agrees(killed._replace(fits=frozenset({"NF01", "NF12"})), ["tagged", run.PAIR])
    assert killed.agrees(killed, [run.PAIR])
