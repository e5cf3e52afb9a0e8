"""Explanations built by hand, one for each kind of story that a report must tell.

The killed one is the original investigation's download: its A, B, C, X and Y.
"""

from __future__ import annotations

from bypeer.core.explanation import (
    ConnectionReport,
    Damage,
    Ends,
    Event,
    Evidence,
    Explanation,
    File,
    Filter,
    Input,
    KernelSays,
    Loss,
    Octets,
    Outcome,
    Pair,
    Remedy,
    ResetReport,
    Subject,
    Tool,
    Totals,
    Trigger,
    Vantage,
    Verdict,
)

T0 = 1_580_423_179_414_064_000  # 2020-01-30 22:26:19.414064 UTC
INSIDE = Pair("172.17.0.2:60790", "74.125.195.136:443")
OUTSIDE = Pair("10.138.0.12:60790", "74.125.195.136:443")
HOSTILE = "evil\x1b[2J\u202egnp.\u200b\x7f\x9b|`*<b>\n# head @you \udcff"


def killed() -> Explanation:
    """The host killed a download: NF01, certain."""
    verdict = Verdict(
        killed_by="host",
        cause="NF01",
        candidates=["NF01"],
        certainty="certain",
        headline="The NAT host itself reset this download: it took a late packet from the server for "
        "an invalid one and answered it with a reset, so the server gave up",
        connection="c1",
        client_outcome="reset",
        needs=[],
    )
    return Explanation(
        tool=Tool("bypeer", "0.1.0"),
        inputs=[_input("container.pcap", 24_180, 1), _input("host.pcap", 25_002, 4)],
        vantages=[Vantage("v1", 0, "", "inside", "EN10MB"), Vantage("v2", 1, "", "outside", "EN10MB")],
        kernel=KernelSays("5.10", False, ["5.10", "4.19"], "Linux 6.1 and newer would have forwarded B"),
        verdict=verdict,
        connections=[_download(verdict)],
        totals=Totals(connections=1, failed=1, reset=1, resets=4, listed=1),
        resets=_resets(),
        outcomes=_outcomes(),
        remedies=remedies(),
        filters=[
            Filter("the late packet, B", "v2", "frame.number == 24877"),
            Filter("the NAT host's RST, C", "v2", "frame.number == 24878"),
            Filter("every RST of this connection", "v2", "tcp.port == 60790 && tcp.flags.reset == 1"),
        ],
        host={},
        evidence=[Evidence("model", "B is INVALID on Linux 5.10, and it did not reach the container", True)],
    )


def remedies() -> list[Remedy]:
    """What heals NF01, the narrowest first."""
    return [
        Remedy(
            "Drop what conntrack calls INVALID before the host answers it",
            "iptables -I INPUT -m conntrack --ctstate INVALID -j DROP",
            ["NF01"],
            "holds for every service of the host; breaks asymmetric or multi-homed routing; such "
            "packets then vanish without a trace",
            "until reboot or a firewall reload",
        ),
        Remedy(
            "Make conntrack accept segments outside its window",
            "sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1",
            ["NF01"],
            "holds for the whole namespace; data outside the window is passed on to the container",
            "until reboot; /etc/sysctl.d keeps it",
        ),
        Remedy("Run Linux 6.1 or newer on the NAT host", "", ["NF01"], "an upgrade and a reboot"),
    ]


def _input(path: str, packets: int, rst: int) -> Input:
    digest = f"{sum(path.encode('utf-8', 'surrogatepass')):064x}"
    return Input(path, digest, "pcap", packets, packets - 4, rst, {}, None, [])


def _download(verdict: Verdict) -> ConnectionReport:
    return ConnectionReport(
        id="c1",
        inside=INSIDE,
        outside=OUTSIDE,
        nat="source",
        clock_offset_ns=-11_000,
        started_ns=T0 - 900_000_000,
        ended_ns=T0 + 2_671_000,
        octets=Octets(35_731_525, 788),
        outcome=Ends("reset", "reset"),
        verdict=verdict,
        resets=["r1", "r2", "r3", "r4"],
        events=[
            _event("A", "v2", 24876, 0, "normal", "server to client 35556934:35583686, forwarded", 24050),
            _event(
                "B",
                "v2",
                24877,
                13_000,
                "trigger",
                "server to client 34355910:34358726, 1,224,960 octets behind; not forwarded; INVALID",
            ),
            _event("C", "v2", 24878, 27_000, "reset", "RST made by the NAT host, in answer to B"),
            _event("X", "v1", 24179, 2_541_000, "segment", "client to server: ack 35731526", 25001),
            _event("Y", "v2", 25002, 2_651_000, "reset", "RST from the server, in answer to X", 24180),
        ],
    )


def _event(
    letter: str, vantage: str, frame: int, after: int, kind: str, text: str, twin: int | None = None
) -> Event:
    other = {"v1": "v2", "v2": "v1"}[vantage] if twin is not None else None
    return Event(letter, vantage, frame, T0 + after, kind, text, other, twin)  # type: ignore[arg-type]


def trigger() -> Trigger:
    """The investigation's B."""
    return Trigger(
        vantage="v2",
        frame=24877,
        time_ns=T0 + 13_000,
        seq=3_899_077_000,
        ack=821_696_165,
        length=2816,
        octets_behind=1_224_960,
        forwarded=False,
        judgement="INVALID",
        reason="SEQ is under the lower bound (already acknowledged data, retransmitted)",
        bound=3_900_100_111,
    )


def _resets() -> list[ResetReport]:
    host = ResetReport(
        id="r1",
        connection="c1",
        time_ns=T0 + 27_000,
        seen={"v2": 24878},
        author="host",
        effect="lethal",
        trigger=trigger(),
        cause="NF01",
        candidates=["NF01"],
        certainty="certain",
        because="TTL 64 where forwarded packets show 63, and it never was inside",
    )
    gone = "the server had no connection any more"
    return [
        host,
        host._replace(id="r2", seen={"v2": 24890}, effect="harmless", because=gone),
        host._replace(id="r3", seen={"v2": 24901}, effect="harmless", because=gone),
        host._replace(
            id="r4",
            time_ns=T0 + 2_651_000,
            seen={"v2": 25002, "v1": 24180},
            author="outside",
            trigger=None,
            cause=None,
            candidates=[],
            because="the server answers X for a connection that it has lost",
        ),
    ]


def _outcomes() -> list[Outcome]:
    reset, connection = Subject("reset", "r1"), Subject("connection", "c1")
    flat = "conntrack's own answer to B explains the RST"
    other = "needs captures of other connections to the same server at that time"
    return [
        Outcome(reset, "NF01", "supported", "B had been acknowledged before it came", [("v2", 24877)]),
        Outcome(Subject("reset", "r2"), "NF01", "supported", "acknowledged before it came", [("v2", 24889)]),
        Outcome(Subject("input", "0"), "AR02", "supported", "segments are larger than the MTU", []),
        Outcome(reset, "NF02", "refuted", "no segment lay beyond the upper bound", []),
        Outcome(reset, "NF04", "refuted", flat, []),
        Outcome(reset, "NF12", "refuted", flat, []),
        Outcome(reset, "NF06", "refuted", "TTL, IP ID and timestamp of B are the server's", []),
        Outcome(connection, "EP02", "refuted", "the first lethal RST was not the server's", []),
        Outcome(connection, "EP03", "refuted", "the first lethal RST was not the server's", []),
        Outcome(connection, "PA01", "refuted", "the RST has the NAT host's TTL", []),
        Outcome(connection, "PA02", "refuted", "no gap is longer than 3 ms", []),
        Outcome(connection, "PA04", "untestable", other, []),
        Outcome(connection, "PA05", "untestable", other, []),
        Outcome(connection, "PA06", "refuted", "other connections opened at the same time", []),
    ]


def undetermined() -> Explanation:
    """Only the inside capture is there: a RST came, from whomever."""
    found = killed()
    verdict = found.verdict._replace(
        killed_by="unknown",
        cause=None,
        candidates=["NF01", "NF02", "NF04", "EP05", "PA01"],
        certainty="undetermined",
        headline="A reset reached the client; one side alone does not tell who made the server send it",
        needs=["a capture on the NAT host's external interface, taken at the same time as this one"],
    )
    reset = found.resets[3]._replace(seen={"v1": 24180}, author="unknown", certainty="undetermined")
    side, needs = Subject("connection", "c1"), "needs the outside capture"
    return found._replace(
        inputs=found.inputs[:1],
        vantages=found.vantages[:1],
        verdict=verdict,
        connections=[_inside_only(found.connections[0], verdict)],
        totals=Totals(1, 1, 1, 1, 1),
        resets=[reset],
        outcomes=[
            *(Outcome(side, code, "untestable", needs, []) for code in ("NF01", "NF02", "NF04", "NF12")),
            Outcome(side, "EP01", "refuted", "the connection had been open", []),
        ],
        remedies=[],
        filters=[found.filters[2]._replace(vantage="v1")],
        evidence=[],
    )


def _inside_only(connection: ConnectionReport, verdict: Verdict) -> ConnectionReport:
    return connection._replace(
        outside=None,
        clock_offset_ns=None,
        nat="unknown",
        outcome=Ends("reset", "unknown"),
        verdict=verdict,
        resets=["r4"],
        events=[
            _event("A", "v1", 24179, 2_541_000, "segment", "client to server: ack 35731526"),
            _event("B", "v1", 24180, 2_651_000, "reset", "RST from the server's address, in answer to A"),
        ],
    )


def harmless() -> Explanation:
    """Nothing was killed, though the host made three RSTs."""
    found = killed()
    verdict = found.verdict._replace(
        killed_by="none",
        cause=None,
        candidates=[],
        client_outcome="completed",
        headline="No connection was killed: the one in these captures finished normally",
    )
    host = found.resets[0]._replace(
        effect="harmless",
        cause="NF03",
        candidates=["NF03"],
        because="its sequence number is not the one that the server expects, so the server ignored it",
    )
    return found._replace(
        verdict=verdict,
        connections=[found.connections[0]._replace(verdict=verdict, outcome=Ends("completed", "completed"))],
        totals=Totals(1, 0, 0, 3, 1),
        resets=[host._replace(id=f"r{one}", seen={"v2": 800 + one}) for one in (1, 2, 3)],
        outcomes=[Outcome(Subject("reset", "r1"), "NF03", "supported", "it acknowledges unseen data", [])],
        remedies=[],
        evidence=[
            Evidence(
                "kernel", "12 segments: ignored ACK under lower bound (possible overly delayed)", agrees=True
            )
        ],
    )


def refused() -> Explanation:
    """Nobody listened: EP01."""
    found = killed()
    verdict = found.verdict._replace(
        killed_by="outside",
        cause="EP01",
        candidates=["EP01"],
        client_outcome="refused",
        headline="The server refused the connection: nothing listens on 74.125.195.136:443",
    )
    connection = found.connections[0]._replace(
        verdict=verdict,
        outcome=Ends("refused", "refused"),
        octets=Octets(0, 0),
        resets=["r1"],
        events=[
            _event("A", "v1", 1, 0, "syn", "client to server: SYN", 1),
            _event("B", "v2", 2, 210_000, "reset", "RST from the server, in answer to A", 2),
        ],
    )
    reset = found.resets[3]._replace(id="r1", cause="EP01", candidates=["EP01"], seen={"v1": 2, "v2": 2})
    because = "the server's host answered the SYN with RST"
    return found._replace(
        verdict=verdict,
        connections=[connection],
        resets=[reset],
        remedies=[],
        evidence=[],
        outcomes=[Outcome(Subject("reset", "r1"), "EP01", "supported", because, [("v2", 2)])],
        totals=Totals(1, 1, 1, 1, 1),
    )


def hung() -> Explanation:
    """The entry was gone: the peer was reset, the client never heard of it."""
    found = killed()
    verdict = found.verdict._replace(
        cause="NF04",
        candidates=["NF04", "NF12"],
        certainty="likely",
        client_outcome="hung",
        headline="The NAT host forgot the connection and reset the server; the client waits for nothing",
        needs=["the events of conntrack -E over that time"],
    )
    event = found.connections[0].events[1]
    silence = event._replace(
        letter="X", kind="silence", vantage="v1", frame=24179, text="nothing passed from here on"
    )
    connection = found.connections[0]._replace(
        verdict=verdict,
        outcome=Ends("hung", "reset"),
        clock_offset_ns=3_700_000_000,
        events=[*found.connections[0].events[:3], silence],
    )
    new = trigger()._replace(judgement="NEW", reason="", bound=None, octets_behind=0)
    cause = found.resets[0]._replace(cause="NF04", candidates=["NF04", "NF12"], trigger=new)
    return found._replace(verdict=verdict, connections=[connection], resets=[cause], remedies=[], outcomes=[])


def many(number: int = 40) -> Explanation:
    """One killed by the host, and `number` others that failed otherwise."""
    found = killed()
    others = []
    for one in range(2, number + 2):
        verdict = found.verdict._replace(killed_by="outside", cause="EP02", connection=f"c{one}")
        client = Pair(f"172.17.0.2:{50_000 + one}", "198.51.100.7:443")
        others.append(found.connections[0]._replace(id=f"c{one}", inside=client, verdict=verdict, events=[]))
    return found._replace(
        connections=[*found.connections, *others],
        totals=Totals(1200, number + 9, number + 3, 77, number + 1),
    )


def hostile() -> Explanation:
    """Every string that could come from a packet or a path is out to break the report."""
    found = many(2)
    bad = found.inputs[0]._replace(
        path=f"/tmp/{HOSTILE}.pcap",
        weird={HOSTILE: 3},
        damage=Damage(99, HOSTILE),
        losses=[Loss("v1", 5, HOSTILE)],
        files=[_file(f"{HOSTILE}{at}", 9, 1 + 9 * at)._replace(damage=Damage(99, HOSTILE)) for at in (0, 1)],
    )
    event = found.connections[0].events[1]._replace(text=f"``` {HOSTILE}")
    return found._replace(
        inputs=[bad, found.inputs[1]],
        vantages=[found.vantages[0]._replace(interface=HOSTILE, role="unknown"), found.vantages[1]],
        verdict=found.verdict._replace(headline=f"On {HOSTILE} it died"),
        connections=[found.connections[0]._replace(events=[event]), *found.connections[1:]],
        outcomes=[Outcome(Subject("connection", "c1"), "NF01", "supported", HOSTILE, [])],
        filters=[Filter(HOSTILE, "v1", f'frame.interface_name == "{HOSTILE}"')],
        host={"kernel": HOSTILE},
    )


def rotated() -> Explanation:
    """As `killed`, but the outside capture consists of three files, and something may lie between two."""
    found = killed()
    files = [
        _file("out/host.pcap", 10_000, 1),
        _file("out/host.pcap1", 10_000, 10_001)._replace(damage=Damage(99, "cut short in a frame")),
        _file("out/host.pcap2", 5_002, 20_001)._replace(gap=True),
    ]
    outside = found.inputs[1]._replace(path="out/host.pcap and 2 more", files=files)
    filters = [found.filters[0]._replace(expression="frame.number == 4877", file="out/host.pcap2")]
    return found._replace(inputs=[found.inputs[0], outside], filters=filters)


def _file(path: str, packets: int, first: int) -> File:
    began = T0 + first * 1_000_000
    digest = _input(path, 4, 0).sha256
    return File(path, digest, "pcap", packets, first, began, began + 9_000_000_000, False, None)


ALL = {one.__name__: one for one in (killed, undetermined, harmless, refused, hung, many, hostile, rotated)}
