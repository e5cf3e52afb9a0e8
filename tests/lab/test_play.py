"""The running kernel answers the packet scripts as they expect; `bypeer lab play` says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bypeer.core.kernels import Kernel
from bypeer.core.script import read
from bypeer.lab.agree import agree
from bypeer.lab.play import play
from bypeer.lab.worlds import WORLDS
from tests.core.tracking import SCRIPTS, scripts
from tests.lab.unprivileged import without_privilege

pytestmark = pytest.mark.lab

RELEASE = os.uname().release
COMMAND = [sys.executable, "-m", "bypeer", "lab", "play"]
HANDSHAKE = "> S 0:0(0) => SYN_SENT NEW\n< S. 0:0(0) ack 1 => SYN_RECV ESTABLISHED\n"


def wrong(text: str, release: str = RELEASE) -> list[str]:
    """The segments of a script that are not answered as expected."""
    return [row.line.text for _, rows in play(read(text), release) for row in rows if not row.right]


@pytest.mark.parametrize("ip", [4, 6])
@pytest.mark.parametrize("name", sorted(scripts()))
def test_the_kernel_answers_as_the_script_expects(running: Kernel, name: str, ip: int) -> None:
    played = [row for _, rows in play(scripts()[name], RELEASE, ip) for row in rows]
    assert [(row.line.number, row.model, row.kernel) for row in played if not row.right] == []


def test_a_script_has_something_to_play_here(running: Kernel) -> None:
    assert sum(len(rows) for script in scripts().values() for _, rows in play(script, RELEASE)) > 1500


WRONG = {
    "another verdict": ("=> SYN_RECV NEW", 1),
    "another state": ("=> ESTABLISHED ESTABLISHED", 1),
    "another reason": ("=> SYN_RECV ESTABLISHED ignored-state", 1),
    "another timer": ("=> SYN_RECV ESTABLISHED timer CLOSE", 1),
    "anything": ("=> - -", 0),
    "nothing": ("", 0),
    "the state alone": ("=> SYN_RECV", 0),
    "the verdict alone": ("=> - ESTABLISHED", 0),
    "only of another kernel": ("=> SYN_RECV ESTABLISHED\non 3.2 => NONE INVALID", 0),
}


@pytest.mark.parametrize(("expectation", "count"), WRONG.values(), ids=WRONG)
def test_what_is_expected_wrongly_is_found(running: Kernel, expectation: str, count: int) -> None:
    assert len(wrong(f"> S 0:0(0) => SYN_SENT NEW\n< S. 0:0(0) ack 1 {expectation}")) == count


def test_the_kernel_alone_is_judged_too(running: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """By rules that are not its own it does not answer as they have it."""
    from bypeer.lab import play as module

    late = "> . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED\n> . -90000:-90000(0) ack 1 => ESTABLISHED {}"
    other = not running.late_is_invalid
    monkeypatch.setattr(module, "named", lambda _: running._replace(late_is_invalid=other))
    expected = "INVALID seq-under" if other else "ESTABLISHED seq-under"
    assert wrong(HANDSHAKE + late.format(expected)) == ["> . -90000:-90000(0) ack 1"]


def test_as_much_as_can_be_played(running: Kernel) -> None:
    for ip in (4, 6):
        (story,) = play(
            read("> S 0:65435(65435) <mss 1,sackOK,wscale 1,TS val 1 ecr 1> => SYN_SENT NEW"), RELEASE, ip
        )
        assert story[1][0].right
    late = "> . -90000:-90000(0) ack 1 => - -\n"
    assert wrong("> . 1:1(0) ack 1 => ESTABLISHED NEW\n< . 1:1(0) ack 1 => - -\n" + late * 498) == []
    assert wrong(HANDSHAKE + "> . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED\n" + late * 497) == []


def test_timers_that_tell_no_state_are_refused() -> None:
    for setting in ("close 700", "close 9000", "close 120", "close 100500"):
        with pytest.raises(ValueError, match="timeouts must differ"):
            wrong(f"set tcp_timeout_{setting}\n> S 0:0(0)")


@pytest.mark.parametrize("world", [WORLDS[0], WORLDS[3]], ids=lambda world: world.name)
def test_a_disagreement_is_a_script_that_can_be_played(running: Kernel, world: object) -> None:
    broken = running._replace(late_is_invalid=not running.late_is_invalid, inexact_rst_unack=True)
    found = agree(30_000, 1, broken, worlds=[world], timed=False).disagreement  # type: ignore[list-item]
    assert found is not None
    assert wrong(found.script) == []
    assert ("set tcp_be_liberal 1" in found.script) == (world is WORLDS[3])


def run(*args: str, command: list[str] = COMMAND) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *args], capture_output=True, text=True, check=False)


def test_the_command_prints_each_line(running: Kernel, tmp_path: Path) -> None:
    file = tmp_path / "one.pkt"
    file.write_text(f"{HANDSHAKE}story two\n> . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED\n")
    done = run(str(file))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"// {file}: two"
    assert lines[5:] == [
        "> . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED",
        "//   both:   ESTABLISHED, reply seen, assured, timer ESTABLISHED",
    ]
    assert done.stderr == f"3 segments played by the rules of Linux {RELEASE}, all as expected\n"
    assert run("-q", "-6", str(file)).stdout == ""


def test_the_command_ends_with_1_where_something_is_not_as_expected(running: Kernel, tmp_path: Path) -> None:
    file = tmp_path / "one.pkt"
    file.write_text(HANDSHAKE + "> . 1:1(0) ack 1 => FIN_WAIT INVALID invalid-state\n")
    done = run("-q", str(file))
    assert done.returncode == 1
    assert (
        "//   NOT AS EXPECTED in line 3\n//   model:  ESTABLISHED ESTABLISHED: ESTABLISHED, " in done.stdout
    )
    assert "1 of them not as expected" in done.stderr


def test_the_command_takes_other_rules(running: Kernel) -> None:
    other = "5.10" if not running.late_is_invalid else "6.18"
    done = run("-q", "--rules", other, str(SCRIPTS / "windows.pkt"))
    assert done.returncode == 1
    assert f"by the rules of Linux {other}," in done.stderr


BAD = {
    "no script": (b"> S 0:0(0)\n\x1b[2J", "line 2: no segment: \\x1b[2J"),
    "not UTF-8": (b"\xff", "utf-8"),
    "too much data": (b"> S 0:65436(65436)", "line 1: more than 65435 octets"),
    "too many segments": (b"> S 0:0(0)\n" * 501, "more than 500 segments"),
    "timers": (b"set tcp_timeout_close 7\n> S 0:0(0)", "timeouts must differ"),
}


@pytest.mark.parametrize(("octets", "why"), BAD.values(), ids=BAD)
def test_what_cannot_be_played_is_said_plainly(octets: bytes, why: str, tmp_path: Path) -> None:
    file = tmp_path / "one.pkt"
    file.write_bytes(octets)
    done = run(str(file))
    assert done.returncode == 2
    assert why in done.stderr
    assert "\x1b" not in done.stderr


def test_nothing_to_play_is_no_success(running: Kernel, tmp_path: Path) -> None:
    file = tmp_path / "one.pkt"
    file.write_text(f"on ..3.2\n{HANDSHAKE}")
    done = run(str(file))
    assert (done.returncode, done.stdout) == (3, "")
    assert "no story is meant for" in done.stderr


def test_rules_of_no_kernel() -> None:
    done = run("--rules", "banana", str(SCRIPTS / "life.pkt"))
    assert done.returncode == 2
    assert "--rules" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
def test_without_privilege_it_ends_with_5() -> None:
    done = run(str(SCRIPTS / "life.pkt"), command=[*without_privilege(), *COMMAND[1:]])
    assert done.returncode == 5, done.stderr
    assert "needs root" in done.stderr
