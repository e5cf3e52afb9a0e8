"""`bypeer record` on a real NAT host: what it writes, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import bypeer
from bypeer.errors import HostError
from tests.live.command import CLIENT, LONGEST, begun, serving, there
from tests.live.nat import SERVER, Net, nat_host, state, until


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    try:
        with nat_host() as found:
            found.server.set_sysctls(
                {"net.ipv4.tcp_timestamps": 0}
            )  # so that what it forges looks like its own
            yield found
    except HostError as error:
        pytest.skip(str(error))


def recorder(net: Net, folder: Path, *more: str) -> subprocess.Popen[str]:
    """A recorder that is ready."""
    arguments = ["record", "--netns", there(net.client), "--to", SERVER, "-w", str(folder / "cases"), *more]
    process = begun(net, arguments, folder)
    assert process.stderr
    line = b""
    # Octet by octet: what a buffer had read beyond it, `communicate` would not get.
    while not (line.endswith(b"\n") and b"recording" in line):
        octet = os.read(process.stderr.fileno(), 1)
        assert octet, line
        line += octet
    time.sleep(0.5)  # the lines on what is not heard, and giving up privileges
    return process


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    process.send_signal(number)
    return process.communicate(timeout=LONGEST)[1]


def killed(net: Net, times: int = 1) -> None:
    """So many connections that the host's RST kills."""
    with serving(net, times=times):
        for _ in range(times):
            assert (
                net.client.call(
                    subprocess.run, [sys.executable, "-c", CLIENT], capture_output=True
                ).returncode
                == 56
            )


def cases(folder: Path) -> list[Path]:
    return sorted((folder / "cases").glob("*.case.pcapng"))


def test_a_case_file_for_what_the_host_killed(net: Net, tmp_path: Path) -> None:
    before = state(net.host)
    process = recorder(net, tmp_path, "--after", "1.5")
    killed(net)
    assert until(lambda: len(cases(tmp_path)) == 1, 10)
    (path,) = cases(tmp_path)
    found = bypeer.explain([path])
    assert (found.verdict.killed_by, found.verdict.cause) == ("host", "NF02")
    told = ended(process)
    assert (process.returncode, len(cases(tmp_path))) == (0, 1), told
    assert state(net.host) == before


def test_one_on_demand_and_the_pending_one_at_the_end(net: Net, tmp_path: Path) -> None:
    process = recorder(net, tmp_path, "--after", "60")
    process.send_signal(signal.SIGUSR1)
    assert until(lambda: len(cases(tmp_path)) == 1, 10)
    killed(net)
    told = ended(process)
    assert len(cases(tmp_path)) == 2, told
    assert bypeer.explain([cases(tmp_path)[1]]).verdict.killed_by == "host", told


def test_there_is_no_more_than_was_allowed(net: Net, tmp_path: Path) -> None:
    process = recorder(net, tmp_path, "--max-cases", "2")
    for count in (1, 2):
        process.send_signal(signal.SIGUSR1)
        assert until(lambda count=count: len(cases(tmp_path)) == count, 10)
    process.send_signal(signal.SIGUSR1)
    time.sleep(1)
    told = ended(process)
    assert len(cases(tmp_path)) == 2
    assert "0 RSTs seen, 2 case files, 1 not written" in told


def test_resets_without_end_are_counted_and_share_case_files(net: Net, tmp_path: Path) -> None:
    process = recorder(net, tmp_path, "--after", "0.1")
    killed(net, times=3)
    told = ended(process)
    first, rest = cases(tmp_path)
    assert "9 RSTs seen, 2 case files" in told
    assert [bypeer.explain([path]).totals.connections for path in (first, rest)] == [1, 3]


def test_it_works_without_privileges_and_leaves_nothing_behind(net: Net, tmp_path: Path) -> None:
    before = state(net.host)
    process = recorder(net, tmp_path, "--allow-system-changes")
    fields = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
    )
    assert (int(fields["CapEff"], 16), fields["NoNewPrivs"]) == (0, "1")
    assert state(net.host) != before, "the kernel was told to say more"
    ended(process, signal.SIGKILL)
    assert until(lambda: state(net.host) == before, 2)
    assert not [path for path in (tmp_path / "cases").iterdir() if path not in cases(tmp_path)]


def test_a_filter_chooses(net: Net, tmp_path: Path) -> None:
    process = recorder(net, tmp_path, "tcp", "port", "9")
    killed(net)
    time.sleep(0.3)
    told = ended(process)
    if "libpcap" in told:
        pytest.skip(told)
    assert not cases(tmp_path), told


def test_a_filter_that_makes_no_sense(net: Net, tmp_path: Path) -> None:
    arguments = [
        "record",
        "--netns",
        there(net.client),
        "-w",
        str(tmp_path / "cases"),
        "port",
        "nowhere-at-all",
    ]
    process = begun(net, arguments, tmp_path)
    _, told = process.communicate(timeout=LONGEST)
    assert process.returncode == 5
    assert "filter" in told or "libpcap" in told
