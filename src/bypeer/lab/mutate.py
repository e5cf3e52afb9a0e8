"""Segments spoilt where it matters: numbers at the tracker's own bounds, flags, windows, options.

A number drawn at random hits a bound once in 2**32 times; these are drawn from the bounds that
the model holds at that moment, exactly, one beside, and far off. That is what reaches the cells that
legal conversations never do (measured: 18 cells against 7,130 in 100,000 packets).
"""

from __future__ import annotations

from bypeer.core.entry import Entry
from bypeer.core.segment import Segment
from bypeer.lab.chance import Chance

_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_ABSENT = -1  # segment.ABSENT
_BAD = 2  # segment.BAD
_MASK, _HALF = 0xFFFF_FFFF, 1 << 31
_LAG = 66_000  # window.py: how far an acknowledgement may lag behind

_BESIDE = (0, 0, 0, 0, 0, 0, 1, -1, 1, -1, 2, -2, 3, 100, -100, 1000, -1000, 70_000, -70_000)
_FLAGS = (0x10,) * 10 + (0x18,) * 5 + (0x02,) * 5 + (0x12,) * 5 + (0x11,) * 5 + (0x04,) * 4 + (0x14,) * 4 + (
    0x31, 0x22, 0xC2, 0x19, 0x38, 0xD0, 0x30, 0x52,
)  # fmt: skip
_WINDOWS = (0, 0, 1, 100, 1000, 5000, 29_200, 29_200, 65_535)
_SIZES = (0, 0, 0, 0, 0, 0, 1, 2, 100, 536, 1448, 1460, 20_000, 40_000, 64_000)
_LARGEST = 65_535 - 20 - 60 - 40  # octets of payload under any headers
_SHIFTS = (_ABSENT, _ABSENT, 0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255)
# Flags that lead on, by state (CtState) and direction: what a legal conversation would send.
_ONWARDS = (
    ((0x02,), (0x02,)), ((0x02,), (0x12,)), ((0x10,), (0x12,)),
    ((0x10, 0x18, 0x10, 0x11), (0x10, 0x18, 0x11)),
    ((0x10, 0x11), (0x10, 0x11)), ((0x10, 0x11), (0x10, 0x11)), ((0x10, 0x02), (0x10,)),
    ((0x10, 0x02), (0x10, 0x02)), ((0x10, 0x02), (0x10, 0x02)), ((0x12, 0x10), (0x12, 0x10)),
)  # fmt: skip


def seq_at(entry: Entry, direction: int, size: int, chance: Chance) -> int:
    """A sequence number at one of the bounds of that direction's sender, or beside it."""
    sender, receiver = entry.side(direction), entry.side(1 - direction)
    at = chance.below(14)
    if at < 4:
        value = sender.td_end
    elif at == 4:
        value = sender.td_maxend + 1  # I
    elif at == 5:
        value = sender.td_end - receiver.td_maxwin - 1 - size  # II, held against the end
    elif at == 6:
        value = sender.td_maxend + receiver.td_maxwin - size  # the furthest overshoot
    elif at == 7 or at == 8:
        value = receiver.td_maxack  # of a RST
    elif at == 9:
        value = entry.last_ack
    elif at == 10:
        value = entry.last_end
    elif at == 11:
        value = entry.last_seq
    elif at == 12:
        value = sender.td_end + _HALF
    else:
        value = 0
    return (value + chance.of(_BESIDE)) & _MASK


def ack_at(entry: Entry, direction: int, chance: Chance) -> int:
    """An acknowledgement at one of the bounds of that direction's receiver, or beside it."""
    sender, receiver = entry.side(direction), entry.side(1 - direction)
    at = chance.below(11)
    if at < 4:
        value = receiver.td_end  # III
    elif at == 4 or at == 5:
        value = receiver.td_end - max(_LAG, sender.td_maxwin) - 1  # IV
    elif at == 6:
        value = sender.td_maxack
    elif at == 7 or at == 8:
        value = entry.last_end
    elif at == 9:
        value = receiver.td_end + _HALF
    else:
        value = 0
    return (value + chance.of(_BESIDE)) & _MASK


def onwards(entry: Entry, direction: int, segment: Segment, chance: Chance) -> None:
    """Write a segment that the tracker expects next, as well as its bounds tell."""
    state = entry.state
    flags = _ONWARDS[state][direction]
    segment.flags = chance.of(flags)
    segment.seq = entry.side(direction).td_end
    if state == 0:
        segment.seq = chance.word()
    segment.ack = entry.side(1 - direction).td_end if segment.flags & _ACK else 0
    segment.sack = segment.ack
    segment.size = 0 if segment.flags & _SYN else chance.of(_SIZES)
    segment.win = chance.of(_WINDOWS)
    if segment.flags & _SYN:
        _offer(segment, chance)


def spoil(entry: Entry, direction: int, segment: Segment, chance: Chance) -> None:
    """Change one to three things about the segment."""
    for _ in range(1 + chance.below(3)):
        what = chance.below(100)
        if what < 32:
            segment.seq = seq_at(entry, direction, segment.size, chance)
        elif what < 57:
            segment.ack = ack_at(entry, direction, chance)
        elif what < 71:
            segment.flags = chance.of(_FLAGS) if chance.percent(96) else chance.below(256)
        elif what < 78:
            segment.win = chance.of(_WINDOWS) if chance.percent(80) else chance.below(65_536)
        elif what < 86:
            _resize(entry, direction, segment, chance)
        else:
            _spoil_seldom(entry, segment, chance)
    _settle(entry, direction, segment, chance)


def _spoil_seldom(entry: Entry, segment: Segment, chance: Chance) -> None:
    """Change what matters less often."""
    what = chance.below(14)
    if what < 4:
        _offer(segment, chance)
    elif what < 6:
        segment.seq = chance.word()
    elif what < 8:
        segment.checksum = _BAD
    elif what < 11:
        segment.timestamps = not segment.timestamps
    else:
        _repeat(entry, segment)


def _resize(entry: Entry, direction: int, segment: Segment, chance: Chance) -> None:
    """Another size, at times one whose end lies at a bound."""
    sender, receiver = entry.side(direction), entry.side(1 - direction)
    at = chance.below(6)
    end = sender.td_maxend if at < 2 else sender.td_maxend + receiver.td_maxwin
    wanted = (end + chance.of(_BESIDE) - segment.seq) & _MASK
    segment.size = wanted if at < 3 and wanted <= _LARGEST else chance.of(_SIZES)


def _offer(segment: Segment, chance: Chance) -> None:
    """Options as of a SYN, or none."""
    segment.mss = 1460 if chance.percent(70) else _ABSENT
    segment.wscale = chance.of(_SHIFTS)
    segment.sack_permitted = chance.percent(60)
    segment.timestamps = chance.percent(50)


def _repeat(entry: Entry, segment: Segment) -> None:
    """The last segment once more, as far as the entry remembers it."""
    segment.seq, segment.ack, segment.win = entry.last_seq, entry.last_ack, entry.last_win
    size = (entry.last_end - entry.last_seq) & _MASK
    segment.size = size if size <= _LARGEST else 0
    segment.flags = _ACK


def _settle(entry: Entry, direction: int, segment: Segment, chance: Chance) -> None:
    """Make one packet of it: what does not go together goes."""
    syn = segment.flags & _SYN != 0
    if not syn and (segment.mss != _ABSENT or segment.wscale != _ABSENT) and chance.percent(90):
        segment.mss = segment.wscale = _ABSENT
        segment.sack_permitted = False
    if syn and segment.size and chance.percent(70):
        segment.size = 0
    if chance.below(200) == 0:
        segment.size = -1  # a header that claims to be longer than the packet
    if segment.flags & _ACK == 0 and chance.percent(95):
        segment.ack = 0
    segment.sack, segment.sack_count = segment.ack, 0
    room = segment.mss == _ABSENT and segment.wscale == _ABSENT and not segment.sack_permitted
    room = room and segment.size >= 0  # forty octets of options would make that claim true
    if room and segment.flags & _ACK and chance.percent(15):
        _select(entry, direction, segment, chance)


def _select(entry: Entry, direction: int, segment: Segment, chance: Chance) -> None:
    """SACK blocks, the highest of which ends at a bound."""
    segment.sack_count = 1 + chance.below(3)
    right = ack_at(entry, direction, chance)
    segment.dsack_left, segment.dsack_right = (right - 100) & _MASK, right
    segment.sack = _highest(segment.ack, right)
    if segment.sack_count > 1:
        segment.sack = _highest(segment.sack, ack_at(entry, direction, chance))


def _highest(one: int, other: int) -> int:
    """The later of two edges; of two that are 2**31 apart the second, as the kernel compares them."""
    gap = (other - one) & _MASK
    return other if gap <= _HALF else one
