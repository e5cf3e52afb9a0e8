"""What the answer tells of a capture that consists of several files."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest

from bypeer import api
from bypeer.api import explain
from bypeer.cli import main
from bypeer.core.explanation import Damage, File
from bypeer.report import markdown
from tests import make
from tests.make import Taken
from tests.scene import ASKED, START, captures
from tests.test_api import invalid

SERVER = ASKED + "+.01 < R. 1449:1449(0) ack 101 win 0\n"
S = 10**9  # ns


def pcap(*seconds: float) -> bytes:
    packet = make.ip(make.tcp())
    return make.pcap([Taken(packet, START + round(at * S)) for at in seconds], make.RAW, nano=True)


def written(folder: Path, **files: bytes) -> list[Path]:
    paths = [folder / name.replace("_", ".") for name in files]
    for path, octets in zip(paths, files.values(), strict=True):
        path.write_bytes(octets)
    return paths


def test_the_files_are_told_in_order(tmp_path: Path) -> None:
    paths = written(tmp_path, x_pcap1=gzip.compress(pcap(10, 20, 30)), x_pcap0=pcap(0, 9))
    (one,) = explain(paths).inputs
    first, second = str(paths[1]), str(paths[0])
    assert (one.path, one.format, one.packets, one.tcp) == (f"{first} and 1 more", "pcap; pcap, gzip", 5, 5)
    assert [file._replace(sha256="") for file in one.files] == [
        File(first, "", "pcap", 2, 1, START, START + 9 * S, False, None),
        File(second, "", "pcap, gzip", 3, 3, START + 10 * S, START + 30 * S, True, None),
    ]
    assert [one.locate(frame)[1] for frame in range(1, 6)] == [1, 2, 1, 2, 3]
    assert [file.path for frame in (2, 3) if (file := one.locate(frame)[0])] == [first, second]
    assert invalid(explain(paths)) == []


def test_the_digest_is_what_the_schema_says(tmp_path: Path) -> None:
    paths = written(tmp_path, x_pcap0=pcap(0, 9), x_pcap1=pcap(10, 20))
    command = 'sha256sum "$@" | cut -c-64 | sha256sum | cut -c-64'
    said = subprocess.run(["sh", "-c", command, "sh", *paths], capture_output=True, text=True, check=True)
    assert explain(paths).inputs[0].sha256 == said.stdout.strip()


def test_where_one_is_large_the_whole_has_a_digest_if_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = written(tmp_path, x_pcap0=pcap(0, 9), x_pcap1=pcap(10, 20, 21))
    monkeypatch.setattr(api, "UNASKED", paths[0].stat().st_size)
    asked, found = explain(paths, digest=True), explain(paths)
    assert [file.sha256 is None for file in found.inputs[0].files] == [False, True]
    assert found.inputs[0].sha256 is None
    assert invalid(found) == []
    assert markdown.render(found).count("not computed (--hash)") == 2
    assert asked.inputs[0].sha256 is not None
    assert asked.inputs[0].files[0].sha256 == found.inputs[0].files[0].sha256


def test_a_lone_file_has_no_files(tmp_path: Path) -> None:
    (one,) = explain(written(tmp_path, x_pcap=pcap(0, 9))).inputs
    assert (one.files, one.locate(2)) == ((), (None, 2))


def test_damage_names_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = written(tmp_path, x_pcap0=pcap(0, 9), x_pcap1=pcap(10, 20)[:-1], x_pcap2=pcap(21, 30))
    (one,) = explain(paths).inputs
    offset = 24 + 16 + len(make.ip(make.tcp()))
    assert one.damage == Damage(offset, f"in {paths[1]}: cut short in a frame")
    assert [file.damage for file in one.files] == [None, Damage(offset, "cut short in a frame"), None]
    assert [file.gap for file in one.files] == [False, True, True]
    assert one.packets == 5
    main(["explain", *map(str, paths)])
    shown = capsys.readouterr()
    assert shown.err == (
        f"bypeer: {paths[1]}: at octet {offset}: cut short in a frame; what came before was analysed\n"
    )
    assert f"{paths[1]} is damaged at octet {offset}: cut short in a frame." in shown.out
    assert "10 s between x.pcap1 and x.pcap2" not in shown.out
    assert "11 s between x.pcap1 and x.pcap2 may lack packets" in shown.out


def test_a_count_that_goes_on_from_file_to_file_is_not_added_up(tmp_path: Path) -> None:
    """Dumpcap counts what it dropped from the start of the capture, not of the file."""

    def counted(at: int, lost: int) -> bytes:
        statistics = make.block(5, bytes(12) + make.option(5, lost.to_bytes(8, "little")))
        return make.pcapng([Taken(make.ip(make.tcp()), START + at * S)], make.RAW) + statistics

    paths = written(tmp_path, x_pcapng0=counted(0, 3), x_pcapng1=counted(1, 7))
    (one,) = explain(paths).inputs
    assert len(one.files) == 2
    assert [(loss.packets, loss.because) for loss in one.losses] == [(7, "the file's own count (isb_ifdrop)")]


def test_a_connection_goes_on_from_file_to_file(tmp_path: Path) -> None:
    """Of two files taken apart each would be a vantage, and neither would show the whole connection."""
    octets = captures(SERVER, sides="outside", linger=0.001)[1]
    cut = 24 + sum(16 + size for size in _sizes(octets)[:5])
    paths = written(tmp_path, x_pcap0=octets[:cut], x_pcap1=octets[:24] + octets[cut:])
    whole = written(tmp_path, whole_pcap=octets)
    found = explain(paths)
    assert found.totals == explain(whole).totals
    assert found.verdict == explain(whole).verdict
    assert len(found.vantages) == 1


def _sizes(octets: bytes) -> list[int]:
    """Of the frames of a pcap file."""
    found, at = [], 24
    while at < len(octets):
        found.append(int.from_bytes(octets[at + 8 : at + 12], "little"))
        at += 16 + found[-1]
    return found


def test_the_side_that_was_given_is_that_of_all_files(tmp_path: Path) -> None:
    paths = written(tmp_path, mon_pcap=pcap(0, 9), tue_pcap=pcap(10, 19))
    apart = explain(paths)
    assert [one.files for one in apart.inputs] == [(), ()]
    found = explain(paths, inside=paths)
    assert [len(one.files) for one in found.inputs] == [2]
    assert {one.role for one in found.vantages} == {"inside"}
