from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest

from bypeer.capture import source
from bypeer.capture.read import Capture, open_capture
from bypeer.capture.stream import SIZE, Stream
from bypeer.errors import CaptureError
from tests import make
from tests.make import Taken

FRAMES = [Taken(bytes((number,)) * 900) for number in range(200)] * 20  # 3.6 MB: several buffers


def octets_of(path: Path) -> list[bytes]:
    with closing(open_capture(path)) as capture:
        return taken(capture)


def taken(capture: Capture) -> list[bytes]:
    """What a reading gives."""
    return [
        bytes(batch.octets[batch.start[row] : batch.start[row] + batch.captured[row]])
        for batch in capture.frames()
        for row in range(batch.count)
    ]


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_the_format_is_told_by_content_not_by_name(tmp_path: Path, form: str) -> None:
    path = tmp_path / "mail.txt"
    path.write_bytes((make.pcap if form == "pcap" else make.pcapng)(FRAMES[:3]))
    capture = open_capture(str(path))
    assert (capture.format, capture.path) == (form, str(path))
    assert octets_of(path) == [one.octets for one in FRAMES[:3]]


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_a_capture_can_be_read_again_from_its_start(tmp_path: Path, form: str) -> None:
    path = tmp_path / "capture"
    path.write_bytes((make.pcap if form == "pcap" else make.pcapng)(FRAMES))
    capture = open_capture(path)
    seen = []
    for _ in range(2):
        frames = sum(batch.count for batch in capture.frames())
        seen.append((frames, capture.packets, len(capture.interfaces), capture.interfaces))
    assert seen[0][:3] == seen[1][:3] == (len(FRAMES), len(FRAMES), 1)
    assert seen[0][3] is not seen[1][3]


def test_reading_that_is_broken_off_may_begin_anew(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(make.pcap(FRAMES))
    capture = open_capture(path)
    assert next(iter(capture.frames())).first == 1
    assert sum(batch.count for batch in capture.frames()) == capture.packets == len(FRAMES)


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(make.pcap(FRAMES))
    assert open_capture(path).sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


REFUSED = {
    "an empty file": (b"", "empty"),
    "noise": (bytes(range(1, 200)), "not a capture file"),
    "prose": (b"Dear all,\nthe 2 captures are attached.\n", "not a capture file"),
    "a section header without byte order": (b"\n\r\r\n" + bytes(24), "not a capture file"),
}


PRINTED = {
    "as tickets have it": b"12:34:56.789012 IP 10.0.0.1.40000 > 192.0.2.80.443: Flags [S], seq 1\n",
    "with dates": b"2024-01-02 12:34:56.789012 eth0 In  IP 10.0.0.1.1 > 1.1.1.1.2: tcp 0\n",
    "without time": b"IP 10.0.0.1.40000 > 192.0.2.80.443: Flags [S], seq 1\n",
    "with words before": b"listening on eth0\n12:34:56.789012 IP 1.1.1.1.1 > 2.2.2.2.2: UDP\n",
    "tshark's": "  1   0.000000 10.0.0.1 → 1.1.1.1 TCP 54 4 → 80 [RST] Seq=1 Win=0 Len=0\n".encode(),
}


@pytest.mark.parametrize("name", PRINTED)
def test_printed_text_is_told_by_its_lines(tmp_path: Path, name: str) -> None:
    path = tmp_path / "ticket.pcap"
    path.write_bytes(PRINTED[name])
    capture = open_capture(path)
    assert capture.format == ("tshark text" if name == "tshark's" else "tcpdump text")
    assert (sum(batch.count for batch in capture.frames()), capture.packets) == (1, 1)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_in_plain_words(tmp_path: Path, name: str) -> None:
    octets, words = REFUSED[name]
    path = tmp_path / "file.pcap"
    path.write_bytes(octets)
    with pytest.raises(CaptureError, match=words) as caught:
        open_capture(path)
    assert (caught.value.path, caught.value.offset) == (str(path), 0)


def test_what_cannot_be_opened_is_told_in_the_systems_words(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path, "Is a directory"),
        (tmp_path / "absent", "No such file"),
        (tmp_path / "capture" / "\0", "null"),
    ):
        with pytest.raises(CaptureError, match=words):
            open_capture(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.touch(0o000)
    with pytest.raises(CaptureError, match="Permission denied"):
        open_capture(path)


def test_a_file_that_is_gone_when_it_is_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(make.pcap(FRAMES[:1]))
    capture = open_capture(path)
    path.unlink()
    with pytest.raises(CaptureError, match="No such file"):
        next(capture.frames())


def pipe(path: Path, octets: bytes) -> threading.Thread:
    def write() -> None:
        with suppress(BrokenPipeError):  # where nobody reads on
            path.write_bytes(octets)

    os.mkfifo(path)
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    return writer


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_pipe_is_read_as_often_as_a_file(tmp_path: Path, packed: Callable[[bytes], bytes]) -> None:
    path, octets = tmp_path / "pipe", packed(make.pcapng(FRAMES))
    writer = pipe(path, octets)
    with closing(open_capture(path)) as capture:
        assert next(iter(capture.frames())).first == 1  # broken off
        for _ in range(2):
            assert taken(capture) == [one.octets for one in FRAMES]
        assert capture.sha256() == hashlib.sha256(octets).hexdigest()
    writer.join(10)


def test_a_pipe_that_is_not_read_can_be_given_back(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    writer = pipe(path, make.pcap(FRAMES[:2]))
    capture = open_capture(path)
    capture.close()
    capture.close()
    writer.join(10)
    assert not writer.is_alive()


def test_a_pipe_that_holds_no_capture_is_given_back(tmp_path: Path) -> None:
    writer = pipe(tmp_path / "pipe", b"nothing")
    with pytest.raises(CaptureError, match="not a capture file"):
        open_capture(tmp_path / "pipe")
    writer.join(10)
    assert not writer.is_alive()


def test_a_pipes_copy_leaves_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = SimpleNamespace(f_bavail=source.RESERVE // 4096 + 100, f_frsize=4096)
    monkeypatch.setattr(source.os, "fstatvfs", lambda _: free)
    writer = pipe(tmp_path / "pipe", make.pcap(FRAMES))
    with closing(open_capture(tmp_path / "pipe")) as capture:
        free.f_bavail = source.RESERVE // 4096
        seen = [(taken(capture), capture.damage) for _ in range(2)]
        assert seen[0] == seen[1]  # each reading ends where the copy does
        frames, damage = seen[0]
        assert 0 < len(frames) < len(FRAMES)
        assert damage is not None
        assert "no room left" in damage.reason
    writer.join(10)


def test_a_pipe_without_room_for_its_copy_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "absent"))
    writer = pipe(tmp_path / "pipe", make.pcap(FRAMES))
    with pytest.raises(CaptureError, match=r"no copy of a pipe can be kept in .*absent: No such file"):
        open_capture(tmp_path / "pipe")
    writer.join(10)


RUN = "from bypeer.capture.read import open_capture as o; c = o('-'); "
RUN += "print(*[sum(batch.count for batch in c.frames()) for _ in '12']); c.close()"


def piped(stdin: IO[bytes] | int, octets: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """A process that opens its standard input twice."""
    how = {"input": octets} if octets else {"stdin": stdin}
    return subprocess.run([sys.executable, "-W", "error", "-c", RUN], capture_output=True, timeout=60, **how)


def test_standard_input_is_a_pipe_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(make.pcap(FRAMES))
    with path.open("rb") as file:
        assert piped(file).stdout == b"4000 4000\n"
    done = piped(-1, path.read_bytes())
    assert (done.stdout, done.stderr) == (b"4000 4000\n", b"")


def test_a_terminal_is_no_capture() -> None:
    ours, theirs = os.openpty()
    try:
        assert b"standard input is a terminal" in piped(theirs).stderr
    finally:
        os.close(ours)
        os.close(theirs)


class Trickle:
    """Gives a few octets at a time, then fails."""

    def __init__(self, octets: bytes, failure: OSError | None = None) -> None:
        self.octets, self.failure, self.closed = octets, failure, False

    def readinto(self, buffer: memoryview, /) -> int | None:
        if not self.octets and self.failure:
            raise self.failure
        size = min(7, len(buffer), len(self.octets))
        buffer[:size] = self.octets[:size]
        self.octets = self.octets[size:]
        return size or None

    def close(self) -> None:
        self.closed = True


def test_a_stream_gives_every_octet_in_order_whatever_its_source_gives_at_a_time() -> None:
    stream = Stream(Trickle(bytes(range(100))))
    assert stream.fill(10)
    assert stream.skip(40)
    assert (stream.offset, stream.octets[stream.pos - 1]) == (40, 39)
    assert stream.fill(60)
    assert bytes(stream.octets[stream.pos : stream.end]) == bytes(range(40, 100))
    assert not stream.fill(61)
    assert not stream.skip(61)
    assert (stream.offset, stream.unread) == (100, 0)


def test_a_read_error_ends_the_stream_with_the_systems_words() -> None:
    stream = Stream(Trickle(b"abc", OSError(5, "Input/output error")))
    assert not stream.fill(SIZE)
    assert (stream.unread, stream.failure) == (3, "Input/output error")
