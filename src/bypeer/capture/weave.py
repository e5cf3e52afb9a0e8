"""Frames of several vantages to pcapng's packet blocks, in order of time: the hot half of case.py."""

from __future__ import annotations

from bypeer.core.frames import Frames

# Octets that a block of a packet takes beside the packet: its fields, a link header, padding.
OVERHEAD = 64
ETHERNET = 14  # octets of a header

_OVERHEAD, _ETHERNET = OVERHEAD, ETHERNET


class Lane:
    """Where the writing of one vantage's frames stands."""

    __slots__ = ("bare", "frames", "interface", "row", "stop")

    frames: Frames
    row: int  # the next to be written
    stop: int  # the first that is not to be written here
    interface: int  # number in the file
    bare: bool  # its frames begin with the IP header

    def __init__(self, interface: int, bare: bool) -> None:
        self.frames = Frames()
        self.row = self.stop = 0
        self.interface, self.bare = interface, bare


def _put(out: bytearray, at: int, value: int) -> int:
    """A number of 32 bits, in little-endian order."""
    out[at] = value & 255
    out[at + 1] = value >> 8 & 255
    out[at + 2] = value >> 16 & 255
    out[at + 3] = value >> 24 & 255
    return 0


def packet(lane: Lane, out: bytearray, at: int, options: int) -> int:
    """Write the lane's next frame as an Enhanced Packet Block, and go on to the one after it.

    Says where the room for `options` octets of options begins; their padding to four octets is not
    counted. The second length of the block follows them.
    """
    frames, row = lane.frames, lane.row
    start, captured = frames.start[row], frames.captured[row]
    link = _ETHERNET if lane.bare else 0
    assert 0 <= row < frames.count
    assert start >= 0
    assert 0 <= captured <= len(frames.octets) - start
    assert at >= 0
    assert options >= 0
    assert captured + options + _OVERHEAD <= len(out) - at
    ts = max(frames.ts[row], 0)
    size = captured + link
    padded = size + 3 & ~3
    total = 32 + padded + (options + 3 & ~3)
    _put(out, at, 6)
    _put(out, at + 4, total)
    _put(out, at + 8, lane.interface)
    _put(out, at + 12, ts >> 32)
    _put(out, at + 16, ts & 0xFFFF_FFFF)
    _put(out, at + 20, size)
    _put(out, at + 24, frames.length[row] + link)
    at += 28
    if link:
        six = captured > 0 and frames.octets[start] >> 4 == 6
        for offset in range(12):
            out[at + offset] = 0
        out[at + 12], out[at + 13] = (0x86, 0xDD) if six else (0x08, 0x00)
    out[at + link : at + size] = frames.octets[start : start + captured]
    for offset in range(size, padded):
        out[at + offset] = 0
    _put(out, at + padded + (options + 3 & ~3), total)
    lane.row += 1
    return at + padded


def weave(lanes: list[Lane], until: int, out: bytearray, at: int) -> int:
    """Write the lanes' frames up to time `until`, ns, the earliest first; where the output ends.

    Returns as soon as a lane comes to its stop, or the next frame might find no room.
    """
    while lanes:
        first = lanes[0]
        for lane in lanes:
            if lane.row >= lane.stop:
                return at
            if lane.frames.ts[lane.row] < first.frames.ts[first.row]:
                first = lane
        row = first.row
        if first.frames.ts[row] > until or first.frames.captured[row] + _OVERHEAD > len(out) - at:
            return at
        at = packet(first, out, at, 0) + 4
    return at
