"""The library's other door: capture files in, Pictures out, of the same work as an Explanation."""

from __future__ import annotations

from pathlib import Path

import pytest

import bypeer
from bypeer.api import explain, looked_into
from tests.scene import ASKED, FAR, captures


def test_pictures_come_from_the_same_work(tmp_path: Path) -> None:
    killed = f"{FAR} 0.06 < . 1:1449(1448) ack 101 win 509 !\n 0.0601 H> R 101:101(0) win 0\n"
    paths = [tmp_path / "inside.pcap", tmp_path / "outside.pcap"]
    for path, octets in zip(paths, captures(killed, killed, ASKED), strict=True):
        path.write_bytes(octets)
    read: dict[str, int] = {}

    def watch(doing: str, octets: int) -> None:
        read[doing] = read.get(doing, 0) + octets

    with looked_into(paths, watch=watch) as work:
        assert work.explanation == explain(paths)
        drawn = work.pictures(["c2", "c1"])
        assert [one.connection for one in drawn] == ["c2", "c1"]
        assert work.pictures() == [drawn[1]]
        assert work.pictures([]) == []
        with pytest.raises(ValueError, match="no connection 'c4' was looked at closely: there are c1, c2"):
            work.pictures(["c4"])
    size = sum(path.stat().st_size for path in paths)
    assert all(read[doing] == size for doing in ("reading", "reading again", "reading once more"))
    assert bypeer.pictures(paths) == [drawn[1]]
    assert bypeer.pictures(paths, "c2") == [drawn[0]]


def test_names_of_printed_text_are_spelt_in_pictures(tmp_path: Path) -> None:
    path = tmp_path / "said.txt"
    path.write_text(
        "12:00:00.000000 IP box.40000 > web.example.http: Flags [S], seq 100, win 64240, length 0\n"
        "12:00:00.010000 IP web.example.http > box.40000: Flags [S.], seq 500, ack 101, win 65160, length 0\n"
        "12:00:00.011000 IP box.40000 > web.example.http: Flags [R], seq 101, win 0, length 0\n"
    )
    (found,) = bypeer.pictures([path])
    assert "web.example" in found.title
    assert any("web.example" in one.text for one in found.moments)
