"""Open a capture file, told by its magic number."""

from __future__ import annotations

import os

from bypeer.capture import pcap
from bypeer.capture.model import Capture, Comment, Damage, Loss, Reader, unpacked
from bypeer.capture.source import Origin, origin
from bypeer.capture.stream import Stream
from bypeer.capture.unpack import Packing, packing
from bypeer.errors import CaptureError

__all__ = ["Capture", "Comment", "Damage", "Loss", "open_capture"]

_SNIFFED = 1 << 16  # octets in which a first line of a packet must be found, if it is text


def open_capture(path: str | os.PathLike[str]) -> Capture:
    """Open a capture of any supported format, compressed or not; `-` is standard input.

    A regular file is not held open between readings. What can be read only once is, and is copied
    as it is read (see source.py): close the capture. Raises CaptureError.
    """
    name = os.fspath(path)
    try:
        source = origin(name)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise CaptureError(name, 0, getattr(error, "strerror", None) or str(error)) from error
    try:
        head, failure = _head(name, source, None)
        packed = packing(head)
        if packed is not None:
            head, failure = _head(name, source, packed)
        form, reader = _reader(name, head, failure, packed)
    except BaseException:
        source.close()
        raise
    return Capture(name, form, reader, source, packed)


def _head(name: str, source: Origin, packed: Packing | None) -> tuple[bytes, str]:
    """The first octets, unpacked, and why there are no more if reading failed."""
    try:
        stream = Stream(unpacked(source.open(), packed))
    except ImportError as error:
        what = f"a {packed.name} file: to read it, pip install 'bypeer[{packed.extra}]'" if packed else ""
        raise CaptureError(name, 0, what) from error
    except OSError as error:
        raise CaptureError(name, 0, error.strerror or str(error)) from error
    try:
        stream.fill(_SNIFFED)
        return bytes(stream.octets[: min(_SNIFFED, stream.end)]), stream.failure
    finally:
        stream.close()


def _reader(name: str, head: bytes, failure: str, packed: Packing | None) -> tuple[str, Reader]:
    """The name of the format and what reads it."""
    if pcap.is_pcap(head):
        pcap.check(head, name, failure)
        return "pcap", pcap.read
    from bypeer.capture import pcapng, snoop  # what most captures need not wait for

    if pcapng.is_pcapng(head):
        return "pcapng", pcapng.read
    if snoop.is_snoop(head):
        snoop.check(head, name, failure)
        return "snoop", snoop.read
    from bypeer.capture import text  # its patterns take time that a capture file need not spend

    if form := text.sniff(head):
        return form, text.read
    raise CaptureError(name, 0, failure or _why_not(head, packed))


def _why_not(head: bytes, packed: Packing | None) -> str:
    """Say what a file is that is no capture."""
    within = f"in the {packed.name} data: " if packed else ""
    again = packing(head)
    if not head:
        return f"{within}the file is empty"
    if packed and again:
        return f"{within}a {again.name} file again, and captures are unpacked only once"
    magics = "no magic number of pcap, pcapng or snoop, and no line of tcpdump's or tshark's"
    return f"{within}not a capture file: {magics}"
