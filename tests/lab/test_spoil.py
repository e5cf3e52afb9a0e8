"""What spoilers make of a recording: the captures that `explain` gets are misleading, each in its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from bypeer import api
from bypeer.capture import case
from bypeer.core.explanation import Explanation
from bypeer.lab.spoil import SPOILERS, Rows, _sides, spoilt
from tests import scene

# The host answers a segment beyond the window, and the server dies of it.
KILLED = (
    scene.FAR
    + """
    0.200 < . 90001449:90001549(100) ack 101 win 509 !
    0.2001 H> R 101:101(0) win 0
    0.300 > P. 101:201(100) ack 91449 win 502
    0.310 < R 91449:91449(0) win 0
"""
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A case file of both sides, with nothing said by the kernel."""
    names = ("inside: container web", "outside: the host's way out")
    sources = scene.sources(KILLED, timestamps=True)
    vantages = [case.Vantage(one, "eth0", name) for one, name in zip(sources, names, strict=True)]
    path = tmp_path / "case.pcapng"
    case.write(path, case.About("test"), vantages, ())
    return path


def rows(recording: Path, how: str) -> dict[str, Rows]:
    """The frames of each side that are left."""
    return dict(SPOILERS[how](_sides(recording)))


def explained(recording: Path, how: str) -> Explanation:
    return api.explain(spoilt(recording, how, recording.parent))


def test_two_plain_captures_tell_the_same(recording: Path) -> None:
    assert explained(recording, "apart").verdict[:4] == ("host", "NF02", ["NF02"], "certain")
    assert api.explain([recording]).verdict[:4] == ("host", "NF02", ["NF02"], "certain")


def test_one_side_alone(recording: Path) -> None:
    assert list(rows(recording, "inside")) == ["inside"]
    assert list(rows(recording, "outside")) == ["outside"]
    assert explained(recording, "inside").verdict.certainty == "undetermined"
    assert explained(recording, "outside").verdict.certainty == "likely"


@pytest.mark.parametrize(("how", "source"), [("requests", 0), ("answers", 1)])
def test_one_direction_alone(recording: Path, how: str, source: int) -> None:
    for side, left in rows(recording, how).items():
        ends = [(one.octets[26:30], one.octets[30:34]) for one in left]  # IPv4's addresses, behind Ethernet
        assert ends, side
        assert len({pair[source] for pair in ends}) == 1
        assert len(left) < len(_sides(recording)[side])


def test_packets_are_lacking_on_either_side(recording: Path) -> None:
    whole, left = _sides(recording), rows(recording, "thinned")
    lacking = {side: [at for at, one in enumerate(whole[side]) if one not in left[side]] for side in whole}
    assert lacking["inside"] == [5, 12]
    assert lacking["outside"] == [5, 16]


def test_what_the_host_answered_is_lacking(recording: Path) -> None:
    whole, left = _sides(recording), rows(recording, "blind")
    assert left["inside"] == whole["inside"]
    (lacking,) = [one for one in whole["outside"] if one not in left["outside"]]
    assert lacking.length == 14 + 20 + 20 + 12 + 100  # the burst, with its timestamp option
    assert explained(recording, "blind").verdict.certainty == "undetermined"


def test_one_clock_is_ahead(recording: Path) -> None:
    found = explained(recording, "shifted")
    (told,) = found.connections
    assert told.clock_offset_ns is not None
    assert abs(told.clock_offset_ns - 1_700_000_000) < 200_000
    assert found.verdict.certainty == "certain"


def test_each_packet_twice(recording: Path) -> None:
    for side, left in rows(recording, "doubled").items():
        assert [one.octets for one in left[::2]] == [one.octets for one in left[1::2]], side
    assert any(
        one.cause == "AR05" and one.answer == "supported" for one in explained(recording, "doubled").outcomes
    )


def test_without_the_handshake(recording: Path) -> None:
    for left in rows(recording, "headless").values():
        assert not any(one.octets[23] == 6 and one.octets[47] & 2 for one in left)
    assert explained(recording, "headless").verdict.certainty == "likely"


def test_headers_are_cut(recording: Path) -> None:
    assert {len(one.octets) for one in rows(recording, "no-options")["inside"] if one.length > 54} == {54}
    assert explained(recording, "no-options").verdict[:4] == ("host", "NF02", ["NF02"], "likely")
    assert explained(recording, "no-headers").totals.connections == 0
