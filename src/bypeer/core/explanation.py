"""What `explain` returns: the records that every report is rendered from.

The field names are those of the JSON document "bypeer.explanation/1"; within version 1 keys
and enumeration values may be added, nothing else changes. All times are ns since the epoch
UTC by the clock of the vantage named beside them (the outside's where none is), None where the
source has no date. All sequence numbers are absolute, as on the wire.
"""

# No annotations as text here: NamedTuple would compile each, which costs a millisecond of start-up.
from collections.abc import Sequence
from typing import Literal, NamedTuple

Killer = Literal["host", "inside", "outside", "on-path", "none", "unknown"]
Author = Literal["host", "inside", "outside", "on-path", "unknown"]
Effect = Literal["lethal", "harmless", "unknown"]
Certainty = Literal["certain", "likely", "undetermined"]
Role = Literal["inside", "outside", "peer", "unknown"]
EndpointOutcome = Literal["reset", "hung", "refused", "completed", "aborted", "unknown"]
Nat = Literal["source", "destination", "both", "none", "unknown"]
Answer = Literal["supported", "refuted", "untestable"]
EventKind = Literal[
    "normal",  # a segment forwarded as it should be, for comparison (the investigation's A)
    "trigger",  # the segment that a RST answers (B)
    "reset",  # a RST (C, Y)
    "segment",  # any other segment that the story needs (X)
    "leak",  # left the host untranslated
    "silence",  # nothing passed from here on
    "syn",
    "fin",
]


class Tool(NamedTuple):
    """Which bypeer said so."""

    name: str
    version: str


class Damage(NamedTuple):
    """Where reading had to stop, and why; all before it was analysed."""

    offset: int  # octets from the start of the file
    reason: str


class Loss(NamedTuple):
    """Packets that a capture is known to miss."""

    vantage: str | None  # vantage id, or None for the whole input
    packets: int  # at least so many
    because: str  # how it is known: the file's own count, or acknowledged data never captured


class File(NamedTuple):
    """One of the files of an input that consists of several."""

    path: str
    sha256: str | None  # None: a large file, of which nobody asked for it
    format: str
    packets: int
    first_frame: int  # the number of its first frame, the frames of all files counted on
    began_ns: int | None  # its first packet with a date, and its last
    ended_ns: int | None
    gap: bool  # between the file before and this one packets may be missing
    damage: Damage | None


class Input(NamedTuple):
    """One capture: a file, or several that follow one another and were read as one."""

    path: str  # of several: "a.pcap and 2 more"
    # Of several: of theirs, a line each: sha256sum FILE... | cut -c-64 | sha256sum. None: a large file,
    # or one among them, of which nobody asked for it.
    sha256: str | None
    format: str  # "pcap", "pcapng", "snoop", "tcpdump text", "tshark text"; compressed as "pcap, gzip"
    packets: int  # all frames
    tcp: int  # frames whose first IP header carries TCP
    rst: int  # of these, with the RST flag
    weird: dict[str, int]  # kind of oddity: frames
    damage: Damage | None  # of several: the first one's, whose reason names the file
    losses: list[Loss]
    files: Sequence[File] = ()  # in order of time; none, if it is only one

    def locate(self, frame: int) -> tuple[File | None, int]:
        """Which of its files has that frame, if there are several, and the frame's number in it."""
        for one in reversed(self.files):
            if one.first_frame <= frame:
                return one, frame - one.first_frame + 1
        return None, frame


class Vantage(NamedTuple):
    """Where packets were taken: an interface of an input, with its place in the story."""

    id: str
    input: int  # row of inputs
    interface: str  # its name, or its number where it has none; "" for a file with only one
    role: Role
    link_type: str  # "EN10MB", "LINUX_SLL2" ...


class KernelSays(NamedTuple):
    """The conntrack rules that were used, and which fit what was observed."""

    assumed: str  # profile, "5.10"; given by the user or chosen
    given: bool  # the user said so (--kernel)
    consistent_with: list[str]  # profiles whose judgement fits every packet's fate
    note: str  # in users' words
    recorded: bool = False  # the host's own word, recorded beside the packets


class Evidence(NamedTuple):
    """One source's word on a reset, and whether it agrees with the verdict."""

    source: Literal["model", "kernel", "counter"]
    says: str
    agrees: bool


class Verdict(NamedTuple):
    """Who ended a connection, and why."""

    killed_by: Killer
    cause: str | None  # code
    candidates: list[str]  # all codes that the evidence cannot tell apart, the likeliest first
    certainty: Certainty
    headline: str  # the sentence that one would say to a colleague
    connection: str | None  # id
    client_outcome: EndpointOutcome
    needs: list[str]  # captures or facts that would settle it


class Pair(NamedTuple):
    """Client and server as `address:port`, as one vantage saw them."""

    client: str
    server: str


class Octets(NamedTuple):
    """Payload that passed, counted once."""

    to_client: int
    to_server: int


class Ends(NamedTuple):
    """What each endpoint's socket saw."""

    client: EndpointOutcome
    server: EndpointOutcome


class Event(NamedTuple):
    """One line of the lettered timeline."""

    letter: str
    vantage: str  # id
    frame: int  # frame number in that vantage's input; through several files it is counted on
    time_ns: int | None
    kind: EventKind
    text: str  # one line, complete by itself
    twin: str | None = None  # vantage id where the same segment was seen as well
    twin_frame: int | None = None
    dump: Sequence[str] = ()  # as tcpdump prints it, where it was seen, in order


class Trigger(NamedTuple):
    """The segment that a RST answers."""

    vantage: str
    frame: int
    time_ns: int | None
    seq: int
    ack: int
    length: int  # payload octets
    octets_behind: int  # its end behind the highest end so far in its direction; negative: beyond
    forwarded: bool | None  # None: the capture that would tell is missing or was not complete
    judgement: str  # conntrack's ctstate, told by `told_by`: "INVALID", "ESTABLISHED", "NEW", "unknown"
    reason: str  # its reason, as the log has it; "" where it had none
    bound: int | None  # the sequence number that it was compared with
    told_by: Literal["model", "kernel"] = "model"  # whose words judgement, reason and bound are


class ResetReport(NamedTuple):
    """One RST: four answers."""

    id: str
    connection: str
    time_ns: int | None
    seen: dict[str, int]  # vantage id: frame number
    author: Author
    effect: Effect
    trigger: Trigger | None
    cause: str | None
    candidates: list[str]
    certainty: Certainty
    because: str = ""  # why this author and effect, one sentence


class ConnectionReport(NamedTuple):
    """A connection that failed, or that carried a RST."""

    id: str
    inside: Pair | None
    outside: Pair | None
    nat: Nat
    clock_offset_ns: int | None  # outside clock minus inside clock; None: not both seen
    started_ns: int | None
    ended_ns: int | None
    octets: Octets
    outcome: Ends
    verdict: Verdict
    resets: list[str]  # ids
    events: list[Event]


class Totals(NamedTuple):
    """Of all connections, listed or not."""

    connections: int  # joined: one seen at two vantages counts once
    failed: int
    reset: int
    resets: int  # RST segments, each counted once
    listed: int  # rows of connections
    passed_over: int = 0  # did not end in order, and were not looked at closely: too many
    going_on: int = 0  # had not ended when the capture did, and were not looked at closely: nothing was amiss


class Subject(NamedTuple):
    """What an outcome is about."""

    kind: Literal["reset", "connection", "input"]
    id: str


class Outcome(NamedTuple):
    """One cause, tested on one subject."""

    subject: Subject
    cause: str
    answer: Answer
    because: str
    frames: list[tuple[str, int]]  # (vantage id, frame number) that show it


class Remedy(NamedTuple):
    """Something to do about it, with its price."""

    title: str
    command: str  # to be pasted; "" where it is no command
    heals: list[str]  # causes of this verdict that it heals
    cost: str
    persistence: str = ""


class Filter(NamedTuple):
    """A Wireshark display filter for one finding."""

    what: str
    vantage: str
    expression: str
    file: str = ""  # path of the one file in which to look, where the input has several


class Explanation(NamedTuple):
    """Everything that `bypeer explain` found out."""

    tool: Tool
    inputs: list[Input]
    vantages: list[Vantage]
    kernel: KernelSays
    verdict: Verdict
    connections: list[ConnectionReport]
    totals: Totals
    resets: list[ResetReport]
    outcomes: list[Outcome]
    remedies: list[Remedy]
    filters: list[Filter]
    host: dict[str, str]  # facts of the NAT host
    evidence: list[Evidence]
    schema: str = "bypeer.explanation/1"

    @property
    def exit_status(self) -> int:
        """0 the host killed nothing; 1 it did; 3 nothing to analyse; 4 undetermined (3, 1, 4, 0)."""
        if not self.totals.connections:
            return 3
        if self.verdict.killed_by == "host" and self.verdict.certainty != "undetermined":
            return 1
        return 4 if self.verdict.certainty == "undetermined" else 0
