"""The shell round the commands: statuses, errors, where output goes. The library is a stand-in."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from bypeer.cli import COMMANDS, Status, main
from bypeer.cli.explain import KernelName
from bypeer.errors import CaptureError, HostError
from tests import make
from tests.make import Taken


class Library:
    """Stands for bypeer.api: answers as told, remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: dict[str, Any] = {}

    def explain(self, paths: tuple[str, ...], **options: Any) -> Any:
        self.asked = {"paths": paths, **options}
        if isinstance(self.answer, BaseException):
            raise self.answer
        return SimpleNamespace(exit_status=self.answer, inputs=[])


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "a.pcap"
    path.touch()
    return str(path)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a stand-in where the commands import the library and the renderers from."""

    def place(answer: Any, text: str = "a verdict \u2192 yes") -> Library:
        stand_in = Library(answer)
        modules = {
            "bypeer.api": {"explain": stand_in.explain, "UNASKED": 1 << 20},
            "bypeer.report.text": {"render": lambda found, *, colour, width: f"{text} {colour=}"},
            "bypeer.report.markdown": {"render": lambda found: "# a verdict\n"},
            "bypeer.report.json": {"render": lambda found: "{}"},
        }
        for name, members in modules.items():
            module = ModuleType(name)
            vars(module).update(members)
            monkeypatch.setitem(sys.modules, name, module)
            # `from bypeer.report import text` asks the package before it asks sys.modules.
            parent, _, last = name.rpartition(".")
            monkeypatch.setattr(import_module(parent), last, module, raising=False)
        return stand_in

    return place


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "bypeer 0.1.0\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out and line in out for name, line in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: bypeer {name} ")


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["no-such"],
        ["explain"],
        ["explain", "/no/such/file"],
        ["schema", "no-such"],
        ["causes", "no-such"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == Status.USAGE
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("status", [0, 1, 4])
def test_the_explanation_knows_the_status(status: int, library: Any, capture: str) -> None:
    library(status)
    assert main(["explain", capture]) == status


FAILURES = {
    "capture": (
        CaptureError("a", 24, "cut"),
        Status.NOTHING_ANALYSED,
        "bypeer: a: at octet 24: cut\n",
    ),
    "host": (HostError("needs CAP_NET_RAW"), Status.HOST_LACKS, "bypeer: needs CAP_NET_RAW\n"),
    "read": (OSError(5, "I/O error", "a.pcap"), Status.NOTHING_ANALYSED, "bypeer: a.pcap: I/O error\n"),
    "no name": (OSError(5, "I/O error"), Status.NOTHING_ANALYSED, "bypeer: I/O error\n"),
    "interrupt": (KeyboardInterrupt(), Status.INTERRUPTED, "\n"),
}


@pytest.mark.parametrize(("error", "status", "says"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_line_and_its_status(
    error: BaseException,
    status: int,
    says: str,
    library: Any,
    capture: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    library(error)
    assert main(["explain", capture]) == status
    assert capsys.readouterr() == ("", says)


def test_a_fault_of_ours_does_not_look_like_a_verdict(
    library: Any, capture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    library(AssertionError("impossible"))
    assert main(["explain", capture]) == Status.OUR_FAULT
    said = capsys.readouterr().err
    assert "AssertionError: impossible" in said
    assert said.endswith("please report it\n")


def test_what_the_library_is_asked(library: Any, capture: str, tmp_path: Path) -> None:
    other = tmp_path / "b.pcap"
    other.touch()
    asked = library(0)
    assert (
        main(["explain", capture, "--inside", capture, "--outside", str(other), "--kernel", "5.10.0-8"]) == 0
    )
    paths = {"paths": (capture, str(other)), "inside": (capture,), "outside": (str(other),)}
    assert asked.asked == {**paths, "kernel": "5.10.0-8", "digest": None, "jobs": 1, "watch": None}
    assert main(["explain", capture, "--hash", "-j", "3"]) == 0
    nothing = {"kernel": None, "inside": None, "outside": None, "watch": None}
    assert asked.asked == {"paths": (capture,), **nothing, "digest": None, "jobs": 3}, "text shows none"
    for output in ("markdown", "json"):
        assert main(["explain", capture, "-o", output]) == 0
        assert asked.asked["digest"] is False
        assert main(["explain", capture, "-o", output, "--hash"]) == 0
        assert asked.asked["digest"] is True


@pytest.mark.parametrize("given", ["5.10", "6.18.44", "6.1-rc2", "5.10.0-32-amd64", "auto"])
def test_kernel_names(given: str) -> None:
    assert KernelName().convert(given, None, None) == given


@pytest.mark.parametrize("given", ["", "6", "six", "6.1x", "5_10"])
def test_no_kernel_names(given: str, library: Any, capture: str) -> None:
    library(0)
    assert main(["explain", capture, "--kernel", given]) == Status.USAGE


def test_output_to_a_file(
    library: Any, capture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library(1)
    assert main(["explain", capture, "-o", "json", "-w", str(tmp_path / "x.json")]) == 1
    assert (tmp_path / "x.json").read_text() == "{}\n"
    assert capsys.readouterr().out == ""


def test_standard_input_is_no_file_that_could_be_written_over(library: Any, tmp_path: Path) -> None:
    asked = library(0)
    (tmp_path / "x").touch()
    assert main(["explain", "-", "-w", str(tmp_path / "x")]) == 0
    assert asked.asked["paths"] == ("-",)


def reading() -> tuple[subprocess.Popen[bytes], bytes]:
    """A process that reads standard input, of which more than a pipe holds has been read; and the rest."""
    octets = make.pcap([Taken(make.ethernet(make.ip(make.tcp(payload=bytes(1_000))))) for _ in range(1_000)])
    run = [sys.executable, "-m", "bypeer", "explain", "-o", "json", "-"]
    process = subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(octets[:500_000])
    process.stdin.flush()
    return process, octets[500_000:]


def test_the_first_interrupt_is_meant_for_who_writes_into_the_pipe() -> None:
    process, rest = reading()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(rest, timeout=60)
    assert process.returncode not in (Status.INTERRUPTED, Status.OUR_FAULT)
    assert b"interrupt again to give up" in err
    assert json.loads(out)["inputs"][0]["packets"] == 1_000


def test_the_second_interrupt_ends() -> None:
    process, _ = reading()
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    assert b"interrupt again" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == Status.INTERRUPTED


def test_a_capture_is_not_written_over(library: Any, capture: str) -> None:
    library(0)
    assert main(["explain", capture, "-w", capture]) == Status.USAGE


def test_a_file_that_cannot_be_written(library: Any, capture: str, tmp_path: Path) -> None:
    library(0)
    assert main(["explain", capture, "-w", str(tmp_path / "no" / "x")]) == Status.USAGE


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("env", "stream", "colour"),
    [
        ({}, Terminal, True),
        ({"NO_COLOR": ""}, Terminal, True),
        ({"NO_COLOR": "1"}, Terminal, False),
        ({"TERM": "dumb"}, Terminal, False),
        ({}, io.TextIOWrapper, False),
    ],
)
def test_colour_only_on_a_terminal_that_wants_it(
    env: dict[str, str],
    stream: type[io.TextIOWrapper],
    colour: bool,
    library: Any,
    capture: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library(0)
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    out = io.BytesIO()
    with stream(out, encoding="ascii") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(["explain", capture]) == 0
        stdout.flush()
        assert out.getvalue() == f"a verdict \\u2192 yes colour={colour}\n".encode()


def test_a_reader_that_left_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    run = [sys.executable, "-m", "bypeer", "causes"]
    done = subprocess.run(run, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_causes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes"]) == 0
    assert "NF01" in capsys.readouterr().out
    assert main(["causes", "nf01"]) == 0
    assert capsys.readouterr().out.startswith("NF01 ")


def test_causes_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes", "-o", "json"]) == 0
    every = json.loads(capsys.readouterr().out)
    assert main(["causes", "NF01", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) in every


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "explanation"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")
