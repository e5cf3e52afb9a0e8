"""Open a capture file, told by its magic number."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path

from bypeer.capture import pcap, pcapng, text
from bypeer.capture.model import Capture, Comment, Damage, Loss
from bypeer.capture.stream import Stream
from bypeer.errors import CaptureError

__all__ = ["Capture", "Comment", "Damage", "Loss", "open_capture"]

_SNIFFED = 512  # octets; enough for a line of text

_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
}


def open_capture(path: str | os.PathLike[str]) -> Capture:
    """Open a capture file of any supported format.

    A regular file is not held open between readings. A pipe is, until `Capture.frames` has
    read it, once.
    """
    name = os.fspath(path)
    stream = _stream(name)
    kept = False
    try:
        stream.fill(_SNIFFED)
        head = bytes(stream.octets[: min(_SNIFFED, stream.end)])
        reopen = partial(_stream, name)
        if pcap.is_pcap(head):
            pcap.layout(stream, name)
            capture = Capture(name, "pcap", pcap.read, reopen)
        elif pcapng.is_pcapng(head):
            capture = Capture(name, "pcapng", pcapng.read, reopen)
        elif form := text.sniff(stream):
            capture = Capture(name, form, text.read, reopen)
        else:
            raise CaptureError(name, 0, stream.failure or _why_not(head))
        if not _can_be_read_again(name):
            capture.keep(stream)
            kept = True
    finally:
        if not kept:
            stream.close()
    return capture


def _stream(path: str) -> Stream:
    try:
        return Stream(Path(path).open("rb", buffering=0))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise CaptureError(path, 0, getattr(error, "strerror", None) or str(error)) from error


def _can_be_read_again(path: str) -> bool:
    return stat.S_ISREG(Path(path).stat().st_mode)


def _why_not(head: bytes) -> str:
    """Say what a file is that is no capture."""
    if not head:
        return "the file is empty"
    for magic, name in _COMPRESSED.items():
        if head.startswith(magic):
            return f"a {name} file: compressed captures are not supported yet"
    return "not a capture file: no pcap or pcapng magic number, and no line of tcpdump's or tshark's"
