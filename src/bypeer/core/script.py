"""Packet scripts: packetdrill's notation of segments, to segments and back.

A line is a segment, then what is expected of it:

    +0.1 > S.  0:0(0) ack 1 win 65535 <mss 1460,sackOK,wscale 7> => SYN_RECV ESTABLISHED

`>` is the original direction, `<` the reply. Numbers count from the side's initial one, SYN being
0, so the first octet of data is 1; they may be negative. The end must be the start and the size in
parentheses. What the line leaves out: no wait, window 65535, no options, no acknowledgement; and
after `=>` a `-` expects nothing. `//` or `#` begins a comment.

Source: packetdrill's README and syntax. Left out: its system calls and its `...` ranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bypeer.core import tcp
from bypeer.core.segment import ABSENT, Segment
from bypeer.core.seq import add, before, distance

# Initial sequence numbers of the two directions: far apart, the second about to wrap.
INITIAL = (1_000_000_000, 0xFFFF_FF00)
WINDOW = 65_535
START = 1_600_000_000 * 10**9  # ns since the epoch: when a script begins

_LINE = re.compile(
    r"(?:\+(?P<wait>\d+(?:\.\d+)?)\s+)?(?P<way>[<>])\s+(?P<flags>[FSRPUEW.]+|none)"
    r"\s+(?P<start>-?\d+):(?P<end>-?\d+)\((?P<size>\d+)\)"
    r"(?:\s+ack\s+(?P<ack>-?\d+))?(?:\s+win\s+(?P<win>\d+))?(?:\s+<(?P<options>[^>]*)>)?"
    r"(?:\s*=>\s*(?P<state>[A-Z0-9_]+|-)(?:\s+(?P<ctstate>[A-Z]+|-))?)?\s*"
)
_LETTERS = dict(zip("FSRP.UEW", (1 << bit for bit in range(8)), strict=True))


@dataclass(frozen=True, slots=True)
class Line:
    """A segment of a script, and what the tracker is expected to make of it (None: anything)."""

    number: int  # of the line, from 1
    direction: int  # 0 original, 1 reply
    segment: Segment
    state: str | None = None  # CtState's name
    ctstate: str | None = None  # Ctstate's name


def parse(text: str, initial: Sequence[int] = INITIAL) -> Iterator[Line]:
    """The segments of a script, dated from START by its waits; ValueError where it makes no sense."""
    now = START
    for number, line in enumerate(text.splitlines(), 1):
        words = re.split(r"//|#", line, maxsplit=1)[0].strip()
        if not words:
            continue
        found = _LINE.fullmatch(words)
        if found is None:
            raise ValueError(f"line {number}: no segment: {words}")
        now += round(float(found["wait"] or 0) * 10**9)
        try:
            segment = _segment(found, initial)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}: {words}") from None
        segment.ts = now
        expected = [None if found[name] in (None, "-") else found[name] for name in ("state", "ctstate")]
        yield Line(number, int(found["way"] == "<"), segment, *expected)


def written(direction: int, segment: Segment, initial: Sequence[int] = INITIAL) -> str:
    """The line that stands for this segment, without its time and an expectation."""
    start = distance(segment.seq, initial[direction])
    letters = "".join(letter for letter, bit in _LETTERS.items() if segment.flags & bit) or "none"
    words = [f"{'><'[direction]} {letters} {start}:{start + segment.size}({segment.size})"]
    if segment.flags & tcp.ACK_:
        words.append(f"ack {distance(segment.ack, initial[1 - direction])}")
    words.append(f"win {segment.win}")
    options = _written_options(segment, initial[1 - direction])
    return " ".join([*words, f"<{options}>"] if options else words)


def _segment(found: re.Match[str], initial: Sequence[int]) -> Segment:
    ours = int(found["way"] == "<")
    segment = Segment()
    segment.flags = sum({_LETTERS[letter] for letter in found["flags"] if found["flags"] != "none"})
    segment.seq = add(initial[ours], int(found["start"]))
    segment.size = int(found["size"])
    if int(found["end"]) - int(found["start"]) != segment.size:
        raise ValueError("start, end and size do not agree")
    if (found["ack"] is not None) != (segment.flags & tcp.ACK_ != 0):
        raise ValueError("`ack` goes with the flag `.`")
    segment.ack = segment.sack = add(initial[1 - ours], int(found["ack"])) if found["ack"] else 0
    segment.win = WINDOW if found["win"] is None else int(found["win"])
    if segment.win > WINDOW:
        raise ValueError("the window has 16 bits")
    for option in (found["options"] or "").split(","):
        _read_option(segment, option.split(), initial[1 - ours])
    return segment


def _read_option(segment: Segment, words: list[str], theirs: int) -> None:
    match words:
        case [] | ["nop"] | ["eol"]:
            pass
        case ["mss", size]:
            segment.mss = int(size)
        case ["wscale", shift]:
            segment.wscale = int(shift)
        case ["sackOK"]:
            segment.sack_permitted = True
        case ["TS", "val", value, "ecr", echo]:
            segment.timestamps, segment.tsval, segment.tsecr = True, int(value), int(echo)
        case ["sack", *blocks]:
            _read_blocks(segment, [block.partition(":") for block in blocks], theirs)
        case _:
            raise ValueError(f"no option: {' '.join(words)}")


def _read_blocks(segment: Segment, blocks: list[tuple[str, str, str]], theirs: int) -> None:
    if not blocks:
        raise ValueError("no block in the option")
    edges = [(add(theirs, int(left)), add(theirs, int(right))) for left, _, right in blocks]
    segment.sack_count = len(edges)
    segment.dsack_left, segment.dsack_right = edges[0]
    for _, right in edges:
        if before(segment.sack, right):  # as the kernel compares: at 2**31 apart, too
            segment.sack = right


def _written_options(segment: Segment, theirs: int) -> str:
    """The options, as far as a Segment keeps them: the first SACK block, then the highest edge."""
    options = []
    if segment.mss != ABSENT:
        options.append(f"mss {segment.mss}")
    if segment.sack_permitted:
        options.append("sackOK")
    if segment.wscale != ABSENT:
        options.append(f"wscale {segment.wscale}")
    if segment.timestamps:
        options.append(f"TS val {segment.tsval} ecr {segment.tsecr}")
    if segment.sack_count:
        edges = [segment.dsack_left, segment.dsack_right]
        if segment.sack_count > 1:
            edges += [segment.ack, segment.sack]
        edges = [distance(edge, theirs) for edge in edges]
        blocks = zip(edges[::2], edges[1::2], strict=True)
        options.append("sack " + " ".join(f"{left}:{right}" for left, right in blocks))
    return ",".join(options)
