"""`bypeer lab agree --kernel`: under another kernel, with a stand-in for QEMU and in earnest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bypeer.cli import Status, main
from bypeer.core.kernels import Kernel
from bypeer.errors import HostError
from bypeer.lab import agree, debian, vm
from tests.lab.conftest import Stand

pytestmark = pytest.mark.lab


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the machine is told to run, by line."""
    lines: list[str] = []

    def note(machine: debian.Cached, command: str) -> bytes:
        lines.extend(command.splitlines())
        return b""

    monkeypatch.setattr(vm, "_initrd", note)
    return lines


def told(script: list[str]) -> str:
    """The command line of bypeer in it."""
    (line,) = (line for line in script if " -m bypeer " in line)
    return line.partition(" -m bypeer ")[2].rpartition(") > out")[0]


def test_it_runs_there_as_here(stand_in: Stand, script: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    stand_in("echo ready > $status; echo found > $out; printf '\\r7 of 9' > $err; echo 1 > $status")
    assert main(["lab", "agree", "--kernel", "6.1", "--packets", "9", "--seed", "4"]) == 1
    out, err = capfd.readouterr()
    assert out == "found\n"
    assert err.startswith("\r7 of 9")
    assert err.endswith(" s\n")
    assert "booted in " in err
    # The whole version of that kernel, patch level and all, says whose rules.
    assert told(script) == "lab agree --packets 9 --seed 4 --rules 6.1.27 --no-progress -o text"


def test_all_that_was_asked_is_asked_there(stand_in: Stand, script: list[str]) -> None:
    stand_in("echo ready > $status; echo 0 > $status")
    asked = ["--reasons", "--progress", "-o", "json", "--rules", "5.10.3"]
    assert main(["lab", "agree", "--kernel", "6.1", *asked]) == 0
    assert told(script).split() == [
        "lab", "agree", "--packets", "300000", "--seed", "1", "--reasons", "--rules", "5.10.3", "--progress",
        "-o", "json",
    ]  # fmt: skip


def test_a_kernel_that_was_not_fetched(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "agree", "--kernel", "6.1"]) == Status.HOST_LACKS
    wanted = "bypeer: the kernel 6.1 is not in the cache: `bypeer lab kernels fetch 6.1` fetches it\n"
    assert capsys.readouterr().err == wanted


def test_without_qemu(
    one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["lab", "agree", "--kernel", "6.1"]) == Status.HOST_LACKS
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bypeer: qemu-system-x86_64 is missing: apt-get install ")


def test_a_kernel_that_is_none(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "agree", "--kernel", "5.9"]) == Status.USAGE
    assert "no kernel '5.9': there are 5.10, 6.1, 6.12, newest, and what runs here" in capsys.readouterr().err


@pytest.mark.parametrize("more", ["", "-o json"])
def test_what_runs_here_wants_no_machine(
    running: Kernel,
    empty: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: str,
) -> None:
    monkeypatch.setattr(vm, "run", None)
    asked = ["lab", "agree", "--kernel", ".".join(agree.running().split(".")[:2]), "--packets", "2000"]
    assert main([*asked, *more.split()]) == 0
    assert agree.running() in capsys.readouterr().out


def test_a_name_of_the_cache_may_be_what_runs_here(
    running: Kernel, one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = json.loads((one / debian.ABOUT).read_text()) | {"version": agree.running()}
    (one / debian.ABOUT).write_text(json.dumps(about))
    monkeypatch.setattr(vm, "run", None)
    assert main(["lab", "agree", "--kernel", "6.1", "--packets", "2000"]) == 0


@pytest.mark.parametrize(("release", "version", "found"), [
    ("5.10.0-46-amd64", "#1 SMP Debian 5.10.262-1 (2026-09-12)", "5.10.262"),
    ("6.12.118+deb13-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1 (2026-11-20)", "6.12.118"),
    ("6.18.44-fc-v857", "#1 SMP PREEMPT_DYNAMIC @0", "6.18.44-fc-v857"),
    ("5.4.0-150-generic", "#167-Ubuntu SMP Mon May 15 17:35:05 UTC 2023", "5.4.0-150-generic"),
])  # fmt: skip
def test_debian_says_its_patch_level_elsewhere(
    monkeypatch: pytest.MonkeyPatch, release: str, version: str, found: str
) -> None:
    uname = os.uname_result(("Linux", "host", release, version, "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: uname)
    assert agree.running() == found


CACHED = [one.name for one in debian.cached()]


@pytest.mark.skipif(
    not os.environ.get("BYPEER_VM"), reason="boots machines, minutes: BYPEER_VM=1 asks for them"
)
@pytest.mark.skipif(
    not CACHED, reason="no kernel in the cache: `bypeer lab kernels fetch 5.10 6.1 6.12 newest`"
)
@pytest.mark.parametrize("name", CACHED)
def test_each_rule_of_a_measured_kernel_shows_there(name: str) -> None:
    """What `m` in rules.py means: were the rule otherwise, that kernel would be seen to disagree."""
    try:
        vm._demand_tools()
    except HostError as error:
        pytest.skip(str(error))
    tests = ["tests/lab/test_agree.py", "-k", "flipped or changed_cell"]
    done = vm.run(name, [sys.executable, "-m", "pytest", "-q", "--compiled", *tests], timeout=3000)
    assert done.status == 0, done.stdout.decode()


def test_the_table_of_all_kernels(tmp_path: Path) -> None:
    """`make agree-all` prints a line a kernel and ends with the worst status."""
    stand = tmp_path / "bypeer"
    found = {"release": "6.1.27", "packets": 9, "timed_packets": 1, "logged": 3, "disagreement": None}
    wrong = found | {
        "release": "9.9",
        "disagreement": {"differs": ["verdict"], "world": "snat", "script": "> S"},
    }
    stand.write_text(
        "#!/bin/sh\n"
        f"case $* in *9.9*) echo '{json.dumps(wrong)}'; exit 1;; esac\necho '{json.dumps(found)}'\n"
    )
    stand.chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    command = [str(tmp_path / "python"), "bench/kernels.py", "6.1", "9.9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["kernel", "packets", "log", "lines", "disagreements", "seconds"]
    assert [row.split()[:4] for row in rows] == [["6.1.27", "10", "3", "0"], ["9.9", "10", "3", "1"]]
    assert done.stderr == "verdict (settings: snat)\n> S\n"
