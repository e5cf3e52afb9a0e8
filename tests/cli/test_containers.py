"""`bypeer containers`: what it shows of real namespaces, and of a host made of files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bypeer.cli import Status, main
from bypeer.errors import HostError
from bypeer.live import targets
from bypeer.live.namespace import Namespace
from tests.live.hosts import Host, digits

pytestmark = [pytest.mark.live, pytest.mark.skipif(not shutil.which("ip"), reason="needs ip (iproute2)")]
LAY = """
link add veth9 type veth peer name eth0 netns {}
addr add 172.17.0.1/16 dev veth9
link set veth9 up
link add ens3 type veth peer name street
link set street up
addr add 203.0.113.12/24 dev ens3
link set ens3 up
route add default via 203.0.113.1
"""
WITHIN = "addr add 172.17.0.2/16 dev eth0\nlink set eth0 up\nroute add default via 172.17.0.1\n"


@pytest.fixture
def world() -> Iterator[tuple[Namespace, int]]:
    """A host, and the pid of a process in a namespace behind it."""
    try:
        host, container = Namespace(), Namespace()
    except HostError as error:
        pytest.skip(str(error))
    batch = ["ip", "-batch", "-"]
    with host, container, container.call(subprocess.Popen, ["sleep", "60"]) as child:
        host.call(subprocess.run, batch, input=LAY.format(child.pid), text=True, check=True)
        container.call(subprocess.run, batch, input=WITHIN, text=True, check=True)
        host.set_sysctls({"net.ipv4.ip_forward": 1})
        yield host, child.pid
        child.kill()


def run(host: Namespace, *args: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`bypeer containers` as someone on the host runs it."""
    command = [*before, sys.executable, "-m", "bypeer", "containers", *args]
    return host.call(subprocess.run, command, capture_output=True, text=True)


def test_a_line_for_each(world: tuple[Namespace, int]) -> None:
    host, pid = world
    done = run(host)
    lines = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    assert done.returncode == 0
    assert lines["NAME"][-3:] == ["WHAT", "IT", "IS"]
    assert lines["(the host)"][2:] == ["-", "-", str(host.inode), "ens3"]
    assert lines[f"--pid {pid}"][5:] == ["eth0", ">", "veth9", ">", "ens3", "sleep"]


def test_the_same_for_programs(world: tuple[Namespace, int]) -> None:
    host, pid = world
    found = json.loads(run(host, "-o", "json").stdout)
    (one,) = (each for each in found["targets"] if each["name"] == str(pid))
    assert one["host_network"] is False
    names = {field: tap["name"] for field, tap in one["interfaces"].items()}
    assert names == {"inside": "eth0", "twin": "veth9", "outside": "ens3"}
    assert one["notes"] == []


def test_a_way_that_is_none_is_said_at_its_target(world: tuple[Namespace, int]) -> None:
    host, pid = world
    done = run(host, "--to", "2001:db8::1")
    assert done.returncode == 0
    words = "has no way out: the way to 2001:db8::1: Network is unreachable; interfaces: lo, eth0"
    assert f"    pid {pid} {words}\n" in done.stdout


def test_a_word_that_is_no_address(world: tuple[Namespace, int]) -> None:
    done = run(world[0], "--to", "dl.example.com")
    assert done.returncode == Status.USAGE
    assert "'dl.example.com' is no address" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv (util-linux)")
def test_without_privilege_it_says_what_it_does_not_see(world: tuple[Namespace, int]) -> None:
    host, pid = world
    done = run(host, before=("setpriv", "--bounding-set=-all", "--inh-caps=-all"))
    assert done.returncode == 0
    assert "(the host)" in done.stdout
    assert str(pid) not in done.stdout
    assert "processes the namespace is not to be seen without root (CAP_SYS_PTRACE)\n" in done.stderr


def test_hostile_names_are_shown_as_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(tmp_path)
    host.process(7, 71, f"0::/docker/{digits('a')}", "x\x1b[31m")
    host.write(f"var/lib/docker/containers/{digits('a')}/config.v2.json",
               {"Name": "/a\x1b]0;b\u202e\n", "Config": {"Image": "\ud800"}})  # fmt: skip
    host.write(f"var/lib/docker/containers/{digits('b')}/config.v2.json", "")
    (tmp_path / "run/netns").mkdir(parents=True)
    (tmp_path / "run/netns/c\x1b[2J").touch()
    seen = targets.all_holders(tmp_path)
    monkeypatch.setattr(targets, "all_holders", lambda: seen)
    assert main(["containers"]) == 0
    shown = capsys.readouterr()
    assert r"--container a\x1b]0;b\u202e\x0a" in shown.out
    assert r"c\x1b[2J is no network namespace" in shown.err
    assert "\x1b" not in shown.out + shown.err
    assert main(["containers", "-o", "json"]) == 0
    json.loads(capsys.readouterr().out.encode())
