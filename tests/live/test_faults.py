"""What may go wrong while a recorder runs: it says so, goes on where it can, and leaves nothing behind."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import bypeer
from bypeer.errors import HostError
from tests import make
from tests.live.command import LONGEST, begun, there
from tests.live.nat import CLIENT, SERVER, Net, nat_host, run, state, until
from tests.live.test_record import cases, ended, killed, recorder


@pytest.fixture
def net() -> Iterator[Net]:
    try:
        with nat_host() as found:
            found.server.set_sysctls({"net.ipv4.tcp_timestamps": 0})
            yield found
    except HostError as error:
        pytest.skip(str(error))


def test_the_target_is_gone(net: Net, tmp_path: Path) -> None:
    with net.client.call(subprocess.Popen, ["sleep", "60"]) as target:
        arguments = ["record", "--pid", str(target.pid), "--to", SERVER, "-w", str(tmp_path / "cases")]
        process = begun(net, arguments, tmp_path)
        time.sleep(1.5)
        assert process.poll() is None
        target.kill()
    _, told = process.communicate(timeout=LONGEST)
    assert process.returncode == 0
    assert f"pid {target.pid} is gone" in told


def test_an_interface_is_gone_and_the_other_side_goes_on(net: Net, tmp_path: Path) -> None:
    process = recorder(net, tmp_path)
    net.host.call(run, "ip", "link", "del", "out")
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGUSR1)
    assert until(lambda: len(cases(tmp_path)) == 1, 10)
    assert process.poll() is None
    ended(process)
    assert process.returncode == 0


def test_the_disk_is_full(net: Net, tmp_path: Path) -> None:
    """No part of a case file is left, and the recorder goes on."""
    arguments = ["record", "--netns", there(net.client), "--to", SERVER, "-w", str(tmp_path / "cases")]

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))

    process = begun(net, arguments, tmp_path, preexec_fn=small)
    time.sleep(1.5)
    process.send_signal(signal.SIGUSR1)
    time.sleep(1)
    assert process.poll() is None
    told = ended(process)
    assert process.returncode == 0
    assert "File too large" in told
    assert "1 not written" in told
    assert list((tmp_path / "cases").iterdir()) == []


def test_two_recorders_at_once(net: Net, tmp_path: Path) -> None:
    before = state(net.host)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    both = [recorder(net, folder, "--allow-system-changes", "--after", "1") for folder in folders]
    killed(net)
    assert until(lambda: all(cases(folder) for folder in folders), 10)
    told = [ended(one) for one in both]
    assert "nflog" not in told[0]
    assert "not heard: nflog" in told[1], "group 0 has one reader"
    for folder in folders:
        assert bypeer.explain([cases(folder)[0]]).verdict.killed_by == "host"
    assert state(net.host) == before


def test_who_reads_its_words_has_left(net: Net, tmp_path: Path) -> None:
    """SIGPIPE, or rather what Python makes of it: nothing is left on the host."""
    before = state(net.host)
    process = recorder(net, tmp_path, "--allow-system-changes", "--after", "0.1")
    assert process.stderr
    process.stderr.close()
    killed(net)
    process.send_signal(signal.SIGTERM)
    process.wait(LONGEST)
    assert process.stdout
    process.stdout.close()
    assert until(lambda: state(net.host) == before, 3)
    assert cases(tmp_path)


def test_a_verdict_over_a_time_with_drops_says_so(net: Net, tmp_path: Path) -> None:
    """The recorder is stopped for so long that its rings run over."""
    process = recorder(net, tmp_path, "--after", "1")
    process.send_signal(signal.SIGSTOP)
    with net.client.call(socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        packet = make.ip(make.tcp(make.ACK_, 1, 1, sport=9, dport=9), src=CLIENT, dst=SERVER)
        for _ in range(150):
            raw.sendto(packet, (SERVER, 0))
            time.sleep(0.02)
    process.send_signal(signal.SIGCONT)
    killed(net)
    assert until(lambda: bool(cases(tmp_path)), 10)
    told = ended(process)
    found = bypeer.explain([cases(tmp_path)[0]])
    assert any(one.losses for one in found.inputs), told
    assert (found.verdict.killed_by, found.verdict.certainty) == ("host", "likely")
