"""The progress line: on a terminal only, after a second only, and gone at the end."""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from bypeer.cli import progress as module
from bypeer.cli.progress import Progress, progress
from tests import make
from tests.make import Taken

# The whole command, but that it does not wait before it shows what it does.
IMPATIENT = """
import sys
from bypeer.cli import main, progress
progress.PATIENCE = progress._PAUSE = {patience}
sys.exit(main(sys.argv[1:]))
"""


def capture(path: Path, frames: int = 3_000) -> Path:
    """Of more octets than are read at a time."""
    octets = make.ethernet(make.ip(make.tcp(payload=bytes(1_400))))
    path.write_bytes(make.pcap([Taken(octets, 10**18 + at * 10**9) for at in range(frames)]))
    return path


def seen(
    *args: str | Path,
    patience: float = -1,
    columns: int = 80,
    term: str = "xterm",
    stdin: bytes | None = None,
) -> str:
    """What a terminal on stderr was sent, while stdout went elsewhere."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    code = IMPATIENT.format(patience=patience)
    with subprocess.Popen(
        [sys.executable, "-c", code, "explain", *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": term},
    ) as run:
        os.close(theirs)
        assert run.stdin is not None
        with run.stdin as pipe:
            pipe.write(stdin or b"")
        found = b"".join(_chunks(ours))
    os.close(ours)
    assert run.returncode in (0, 1, 3, 4)
    return found.decode()


def _chunks(terminal: int) -> Iterable[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # EIO: the other end was closed
            return
        if not chunk:
            return
        yield chunk


def lines(sent: str) -> list[str]:
    """Every line that was shown, as a person saw it."""
    return [one for one in re.split(r"\r|\x1b\[\?25[lh]|\x1b\[2K", sent) if one.strip()]


def left(sent: str) -> str:
    """What is on the last line in the end."""
    line, at = "", 0
    for step in re.findall(r"\r|\x1b\[\?25[lh]|\x1b\[2K|[^\r\x1b]+", sent):
        if step == "\r":
            at = 0
        elif step == "\x1b[2K":
            line = ""
        elif not step.startswith("\x1b"):
            line, at = line[:at].ljust(at) + step + line[at + len(step) :], at + len(step)
    return line.strip()


def test_it_shows_what_is_read_and_how_far_it_is(tmp_path: Path) -> None:
    sent = seen("-o", "json", capture(tmp_path / "a.pcap"), capture(tmp_path / "b.pcap"))
    shown = lines(sent)
    assert {line.split("  ")[0] for line in shown} == {"reading", "checksums"}
    assert all(
        re.fullmatch(r"\w+  \[#*-*\]\s+\d+%(  [\d:]+)?  [\d.]+ [kMG]B(, [\d.]+ [kMG]B/s)?", line.strip())
        for line in shown
    )
    assert [line for line in shown if "100%" in line], "all octets of both"
    assert max(map(len, shown)) < 75
    assert left(sent) == ""
    assert sent.endswith("\x1b[?25h"), "the cursor is there again"


def test_of_what_is_told_as_text_no_checksum_is_made(tmp_path: Path) -> None:
    shown = lines(seen(capture(tmp_path / "a.pcap")))
    assert {line.split("  ")[0] for line in shown} == {"reading"}


def test_a_second_reading_is_called_so(tmp_path: Path) -> None:
    shown = lines(seen("-o", "json", capture(tmp_path / "a.pcap", 20_000)))
    assert list(dict.fromkeys(line.split("  ")[0] for line in shown)) == [
        "reading",
        "reading again",
        "checksums",
    ]


def test_what_other_processes_read_is_shown_too(tmp_path: Path) -> None:
    sent = seen("-j", "2", capture(tmp_path / "a.pcap", 9_000), capture(tmp_path / "b.pcap", 9_000))
    shown = lines(sent)
    assert shown[0].startswith("reading  [")
    assert any("100%" in line for line in shown if line.startswith("reading  "))
    assert left(sent) == ""


def test_of_checksums_the_whole_is_what_is_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [str(capture(tmp_path / name, frames)) for name, frames in (("a.pcap", 1), ("b.pcap", 2))]
    sizes = [os.stat(file).st_size for file in files]
    monkeypatch.setattr(module, "UNASKED", sizes[0])
    totals = {digest: module._totals(module._sizes(files), digest) for digest in (False, True)}
    assert [totals[digest]["checksums"] for digest in (False, True)] == [sizes[0], sum(sizes)]
    assert totals[False]["reading"] == sum(sizes)
    assert module._totals(module._sizes(["/dev/null"]), digest=False) == {}


def test_of_a_compressed_file_the_packed_octets_count(tmp_path: Path) -> None:
    packed = tmp_path / "a.pcap.gz"
    packed.write_bytes(gzip.compress(capture(tmp_path / "a.pcap").read_bytes()))
    shown = lines(seen(packed))
    assert f"100%  {packed.stat().st_size / 1e3:.0f} kB" in shown[-1]


def test_of_a_pipe_the_whole_is_not_known(tmp_path: Path) -> None:
    octets = capture(tmp_path / "a.pcap").read_bytes()
    sent = seen("-", stdin=octets)
    assert all(re.fullmatch(r"\w+  [\d.]+ [kMG]B(, [\d.]+ [kMG]B/s)?", line.strip()) for line in lines(sent))
    assert any(line.startswith(f"reading  {len(octets) / 1e6:.1f} MB") for line in lines(sent))
    assert left(sent) == ""


def test_nothing_is_shown_of_short_work(tmp_path: Path) -> None:
    assert seen(capture(tmp_path / "a.pcap", 10), patience=600) == ""


@pytest.mark.parametrize(("columns", "term"), [(49, "xterm"), (80, "dumb"), (80, "")])
def test_nothing_is_shown_where_it_would_not_do(columns: int, term: str, tmp_path: Path) -> None:
    assert seen(capture(tmp_path / "a.pcap"), columns=columns, term=term) == ""


def test_a_narrow_terminal_gets_no_bar(tmp_path: Path) -> None:
    shown = lines(seen(capture(tmp_path / "a.pcap"), columns=60))
    assert "[" not in "".join(shown)
    assert max(map(len, shown)) <= 50


def test_words_for_people_stand_alone(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcap")
    path.write_bytes(path.read_bytes()[:-1])
    sent = seen(path)
    assert left(sent.partition("bypeer: ")[0]) == ""
    assert "cut short in a frame; what came before was analysed\r\n" in sent


def test_what_is_no_terminal_gets_nothing(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcap")
    run = [sys.executable, "-c", IMPATIENT.format(patience=-1), "explain", str(path)]
    assert subprocess.run(run, capture_output=True, check=False).stderr == b""


# With a clock of our own


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True

    def take(self) -> str:
        """What was written since."""
        said = self.getvalue()
        self.seek(0)
        self.truncate()
        return said.removeprefix("\r\x1b[?25l")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen()
    monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=found))
    return found


def test_it_begins_after_a_second_and_goes_on_in_steps(clock: Clock, screen: Screen) -> None:
    shown = Progress({}, bar=True)
    steps = {0.0: "", 0.5: "", 0.99: "", 1.0: "reading  4 kB, 4 kB/s", 1.05: "", 1.2: "reading  6 kB, 5 kB/s"}
    for at, line in steps.items():
        clock.now = at
        shown("reading", 1_000)
        assert screen.take() == line


def test_what_comes_next_begins_anew(clock: Clock, screen: Screen) -> None:
    shown = Progress({"reading": 10_000, "checksums": 10_000}, bar=False)
    clock.now = 2.0
    shown("reading", 9_000)
    assert screen.take() == "reading   90%  9 kB"
    clock.now = 4.0
    shown("checksums", 1_000)
    assert left("reading   90%  9 kB" + screen.take()) == "checksums   10%  1 kB"
    shown.erase()
    assert screen.take() == "\r\x1b[2K\x1b[?25h"


def test_looking_for_the_order_has_no_end_that_is_known(clock: Clock, screen: Screen) -> None:
    shown = Progress({"reading": 10_000}, bar=True)
    clock.now = 2.0
    shown("looking for the order", 9_000_000_000)
    assert screen.take() == "looking for the order  9.0 GB"


def test_what_showed_nothing_erases_nothing(clock: Clock, screen: Screen) -> None:
    shown = Progress({"reading": 10_000}, bar=True)
    shown("reading", 9_000)
    shown.erase()
    assert screen.take() == ""


def test_without_a_terminal_there_is_nobody_to_watch() -> None:
    with progress(["-"]) as shown:
        assert shown is None
