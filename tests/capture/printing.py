"""Reads printed text as the program does, to segments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bypeer.capture.read import Capture, open_capture
from bypeer.core.decode import KINDS, decode
from bypeer.core.segment import Segment

# The investigation's dump (https://github.com/moby/libnetwork/issues/1090 tells its story).
EXCERPT = """\
A
22:26:19.414064 ethertype IPv4 (0x0800), length 26820: 74.125.195.136.https > 10.138.0.12.60790: Flags [.], seq 35556934:35583686, ack 789, win 265, options [nop,nop,TS val 2940395388 ecr 3057320826], length 26752
22:26:19.414076 ethertype IPv4 (0x0800), length 26818: 74.125.195.136.https > 172.17.0.2.60790: Flags [.], seq 35556934:35583686, ack 789, win 265, options [nop,nop,TS val 2940395388 ecr 3057320826], length 26752

B
22:26:19.414077 ethertype IPv4 (0x0800), length 2884: 74.125.195.136.https > 10.138.0.12.60790: Flags [.], seq 34355910:34358726, ack 789, win 265, options [nop,nop,TS val 2940395383 ecr 3057320821], length 2816

C
22:26:19.414091 ethertype IPv4 (0x0800), length 56: 10.138.0.12.60790 > 74.125.195.136.https: Flags [R], seq 821696165, win 0, length 0

...
X
22:26:19.416605 ethertype IPv4 (0x0800), length 66: 172.17.0.2.60790 > 74.125.195.136.https: Flags [.], ack 35731526, win 1408, options [nop,nop,TS val 3057320829 ecr 2940395388], length 0
22:26:19.416626 ethertype IPv4 (0x0800), length 68: 10.138.0.12.60790 > 74.125.195.136.https: Flags [.], ack 35731526, win 1408, options [nop,nop,TS val 3057320829 ecr 2940395388], length 0

Y
22:26:19.416715 ethertype IPv4 (0x0800), length 56: 74.125.195.136.https > 10.138.0.12.60790: Flags [R], seq 3900322453, win 0, length 0
22:26:19.416735 ethertype IPv4 (0x0800), length 54: 74.125.195.136.https > 172.17.0.2.60790: Flags [R], seq 3900322453, win 0, length 0
"""  # noqa: E501


def opened(directory: Path, text: str | bytes) -> Capture:
    """The text as a capture."""
    path = directory / "printed.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return open_capture(path)


def decoded(capture: Capture) -> Iterator[tuple[str, Segment]]:
    """The kind and the segment of each packet."""
    for batch in capture.frames():
        for row in range(batch.count):
            one = Segment()
            one.interface, one.ts = batch.interface[row], batch.ts[row]
            one.frame, one.offset, one.length = batch.first + row, batch.offset[row], batch.length[row]
            where = batch.octets, batch.start[row], batch.captured[row], batch.length[row]
            kind = decode(*where, capture.interfaces[one.interface].link_type, one, True)
            yield KINDS[kind], one


def segments(directory: Path, text: str | bytes) -> list[Segment]:
    """The TCP segments of a text."""
    return [one for kind, one in decoded(opened(directory, text)) if kind == "tcp"]
