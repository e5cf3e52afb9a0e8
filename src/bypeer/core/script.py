"""Packet scripts: packetdrill's notation of segments, with what the tracker is expected to say.

A line is a segment, then what is expected of it:

    +0.1 > S.  0:0(0) ack 1 win 65535 <mss 1460,sackOK,wscale 7> => SYN_RECV ESTABLISHED

`>` is the original direction, `<` the reply. Numbers count from the side's initial one, SYN being
0, so the first octet of data is 1; they may be negative. The end must be the start and the size in
parentheses. What the line leaves out: no wait, window 65535, no options, no acknowledgement. Three
things that packetdrill cannot say: `(ack 1)` fills the field without the flag, `badsum` at the end
is a wrong checksum, `long` a header that claims to be longer than its packet.

After `=>` stand ct_state and ctstate, where `-` expects nothing and leaves the other to count alone;
then the reason, if there is one (`seq-over`: kernels.Reason), and the timer that the entry was given
last, if it is not the state's own (`timer max_retrans`). Where kernels differ, lines below say so;
the last that fits counts:

    > . 2002:2002(0) ack 1 => ESTABLISHED ESTABLISHED overshoot
      on ..6.0             => ESTABLISHED INVALID overshoot
      on 4.19, 5.4..5.10   => ESTABLISHED INVALID seq-over

Before all segments, and `on` also before those of a story:

    set tcp_loose 0            a sysctl, without its `nf_conntrack_`
    initial 4294967000 5       the sides' initial sequence numbers
    on 5.15..                  kernels for which it is meant; a patch level may follow: 6.1.9

`story NAME` begins another connection. Segments before the first one begin every story.
`//` or `#` begins a comment.

Source: packetdrill's README and syntax. Left out: its system calls and its `...` ranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bypeer.core import tcp
from bypeer.core.expected import ALL, NEWEST, Answer, Kernels, Version, read_answer, read_kernels
from bypeer.core.kernels import TIMERS, Sysctls
from bypeer.core.segment import ABSENT, BAD, UNKNOWN, Segment
from bypeer.core.seq import add, before, distance

# Initial sequence numbers of the two directions: far apart, the second about to wrap.
INITIAL = (1_000_000_000, 0xFFFF_FF00)
WINDOW = 65_535
START = 1_600_000_000 * 10**9  # ns since the epoch: when a script begins

_LINE = re.compile(
    r"(?:\+(?P<wait>\d{1,9}(?:\.\d{1,9})?)\s+)?(?P<way>[<>])\s+(?P<flags>[FSRPUEW.]+|none)"
    r"\s+(?P<start>-?\d+):(?P<end>-?\d+)\((?P<size>\d+)\)"
    r"(?:\s+(?P<void>\()?ack\s+(?P<ack>-?\d+)(?(void)\)))?(?:\s+win\s+(?P<win>\d+))?"
    r"(?:\s+<(?P<options>[^>]*)>)?(?P<badsum>\s+badsum)?(?P<long>\s+long)?"
)
_LETTERS = dict(zip("FSRP.UEW", (1 << bit for bit in range(8)), strict=True))
# Of Sysctls.timeouts, by their names; NONE and SYN_SENT2 have none.
_TIMEOUTS = {
    f"tcp_timeout_{name.lower()}": index
    for index, name in enumerate(TIMERS)
    if name not in ("NONE", "SYN_SENT2")
}
_SWITCHES = ("tcp_be_liberal", "tcp_loose", "tcp_ignore_invalid_rst", "checksum")


@dataclass(frozen=True, slots=True)
class Line:
    """A segment of a script, and what the tracker is expected to make of it."""

    number: int  # of the line, from 1
    direction: int  # 0 original, 1 reply
    segment: Segment
    text: str  # as it was written
    answers: tuple[tuple[Kernels, Answer], ...] = ()

    def expected(self, version: Version = NEWEST) -> Answer:
        """What that kernel is expected to answer."""
        found = [answer for kernels, answer in self.answers if kernels.cover(version)]
        return found[-1] if found else Answer()


@dataclass(frozen=True, slots=True)
class Story:
    """One connection."""

    name: str
    kernels: Kernels
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A file: its settings and its stories."""

    settings: tuple[tuple[str, int], ...]
    stories: tuple[Story, ...]

    def sysctls(self, base: Sysctls) -> Sysctls:
        """The tracker's settings, where `base` is what the script does not set."""
        for name, value in self.settings:
            base = _with(base, name, value)
        return base


def parse(text: str, initial: Sequence[int] = INITIAL) -> Iterator[Line]:
    """The segments of a script of one story; ValueError where it makes no sense."""
    (story,) = read(text, initial).stories
    yield from story.lines


def read(text: str, initial: Sequence[int] = INITIAL) -> Script:
    """A whole script, its segments dated from START by their waits; ValueError where it makes no sense."""
    reader = _Reader(initial)
    for number, line in enumerate(text.split("\n"), 1):
        words = re.split(r"//|#", line, maxsplit=1)[0].strip()
        try:
            if words:
                reader.take(number, words)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}: {words}") from None
    return reader.script()


@dataclass
class _Part:
    """A story while it is read; the first is what begins every one."""

    name: str
    now: int  # ns since the epoch
    kernels: Kernels = ALL
    lines: list[Line] = field(default_factory=list)


class _Reader:
    """What was read so far."""

    def __init__(self, initial: Sequence[int]) -> None:
        self.initial = initial
        self.settings: dict[str, int] = {}
        self.parts = [_Part("", START)]

    def script(self) -> Script:
        head, *others = self.parts
        stories = [Story(one.name, one.kernels, (*head.lines, *one.lines)) for one in others]
        whole = Story("", head.kernels, tuple(head.lines))
        return Script(tuple(self.settings.items()), tuple(stories or [whole]))

    def take(self, number: int, words: str) -> None:
        """Read one line."""
        part = self.parts[-1]
        match words.split():
            case ["set" | "initial", *_] if len(self.parts) > 1 or part.lines:
                raise ValueError("settings stand before all segments")
            case ["set", name, value]:
                _with(Sysctls(), name, int(value))  # or it raises
                self.settings[name] = int(value)
            case ["initial", ours, theirs]:
                self.initial = (_number(ours, 32), _number(theirs, 32))
            case ["story", _, *_]:
                head = self.parts[0]
                self.parts.append(_Part(words.split(maxsplit=1)[1], head.now, head.kernels))
            case ["on", *_]:
                self._on(part, words)
            case _:
                self._segment(part, number, words)

    def _on(self, part: _Part, words: str) -> None:
        said, arrow, expected = words[2:].partition("=>")
        kernels = read_kernels(said)
        if not arrow:
            if part.lines:
                raise ValueError("a story's kernels stand before its segments")
            part.kernels = kernels
            return
        if not part.lines or not part.lines[-1].answers:
            raise ValueError("no expectation above that it could change")
        line = part.lines[-1]
        part.lines[-1] = replace(line, answers=(*line.answers, (kernels, read_answer(expected))))

    def _segment(self, part: _Part, number: int, words: str) -> None:
        said, arrow, expected = words.partition("=>")
        found = _LINE.fullmatch(said.strip())
        if found is None:
            raise ValueError("no segment")
        part.now += round(float(found["wait"] or 0) * 10**9)
        segment = _segment(found, self.initial)
        segment.ts = part.now
        answers = ((ALL, read_answer(expected)),) if arrow else ()
        part.lines.append(Line(number, int(found["way"] == "<"), segment, said.strip(), answers))


def _with(sysctls: Sysctls, name: str, value: int) -> Sysctls:
    """The settings with one changed."""
    if name in _TIMEOUTS and 0 < value < 1 << 31:
        timeouts = list(sysctls.timeouts)
        timeouts[_TIMEOUTS[name]] = value
        return sysctls._replace(timeouts=tuple(timeouts))
    if name in _SWITCHES and value in (0, 1):
        return sysctls._replace(**{name: bool(value)})  # type: ignore[arg-type]
    if name == "tcp_max_retrans" and 0 <= value < 256:
        return sysctls._replace(tcp_max_retrans=value)
    raise ValueError("no such setting")


def settings(sysctls: Sysctls, base: Sysctls) -> Iterator[str]:
    """The lines of a script that change the settings of `base` to these."""
    for name, index in _TIMEOUTS.items():
        if sysctls.timeouts[index] != base.timeouts[index]:
            yield f"set {name} {sysctls.timeouts[index]}"
    for name in (*_SWITCHES, "tcp_max_retrans"):
        if getattr(sysctls, name) != getattr(base, name):
            yield f"set {name} {int(getattr(sysctls, name))}"


def written(direction: int, segment: Segment, initial: Sequence[int] = INITIAL) -> str:
    """The line that stands for this segment, without its time and an expectation."""
    start, size = distance(segment.seq, initial[direction]), max(segment.size, 0)
    letters = "".join(letter for letter, bit in _LETTERS.items() if segment.flags & bit) or "none"
    words = [f"{'><'[direction]} {letters} {start}:{start + size}({size})"]
    ack = f"ack {distance(segment.ack, initial[1 - direction])}"
    if segment.flags & tcp.ACK_:
        words.append(ack)
    elif segment.ack:
        words.append(f"({ack})")
    words.append(f"win {segment.win}")
    if options := _written_options(segment, initial[1 - direction]):
        words.append(f"<{options}>")
    if segment.checksum == BAD:
        words.append("badsum")
    return " ".join([*words, "long"] if segment.size < 0 else words)


def _segment(found: re.Match[str], initial: Sequence[int]) -> Segment:
    ours = int(found["way"] == "<")
    segment = Segment()
    segment.flags = sum({_LETTERS[letter] for letter in found["flags"] if found["flags"] != "none"})
    segment.seq = add(initial[ours], int(found["start"]))
    segment.size = _number(found["size"], 32)
    if int(found["end"]) - int(found["start"]) != segment.size:
        raise ValueError("start, end and size do not agree")
    if found["long"]:
        if segment.size:
            raise ValueError("a header that is too long leaves no data")
        segment.size = -1
    if (found["ack"] is not None and not found["void"]) != (segment.flags & tcp.ACK_ != 0):
        raise ValueError("`ack` goes with the flag `.`, `(ack)` without it")
    segment.ack = segment.sack = add(initial[1 - ours], int(found["ack"])) if found["ack"] else 0
    segment.win = WINDOW if found["win"] is None else _number(found["win"], 16)
    segment.checksum = BAD if found["badsum"] else UNKNOWN
    for option in (found["options"] or "").split(","):
        _read_option(segment, option.split(), initial[1 - ours])
    return segment


def _number(words: str, bits: int) -> int:
    number = int(words)
    if not 0 <= number < 1 << bits:
        raise ValueError(f"{number} is no number of {bits} bits")
    return number


def _read_option(segment: Segment, words: list[str], theirs: int) -> None:
    match words:
        case [] | ["nop"] | ["eol"]:
            pass
        case ["mss", size]:
            segment.mss = _number(size, 16)
        case ["wscale", shift]:
            segment.wscale = _number(shift, 8)
        case ["sackOK"]:
            segment.sack_permitted = True
        case ["TS", "val", value, "ecr", echo]:
            segment.timestamps = True
            segment.tsval, segment.tsecr = _number(value, 32), _number(echo, 32)
        case ["sack", *blocks]:
            _read_blocks(segment, [block.partition(":") for block in blocks], theirs)
        case _:
            raise ValueError(f"no option: {' '.join(words)}")


def _read_blocks(segment: Segment, blocks: list[tuple[str, str, str]], theirs: int) -> None:
    if not 0 < len(blocks) < 5:
        raise ValueError("the option holds one block to four")
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
