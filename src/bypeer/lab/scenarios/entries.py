"""Causes that lie in entries lost, in the way or never made, and in rules: NF04, NF10 to NF13, NF15."""

from __future__ import annotations

from bypeer.lab.detour import Copy, Meddling
from bypeer.lab.scenario import Act, Expected, Scenario
from bypeer.lab.topologies import DOCKER
from bypeer.lab.traffic import Traffic

_COMPLETED = Expected("none", None, "completed")
_RATE = 20_000_000  # octets/s: what is done in mid-download comes in mid-download, on a loaded machine too
_DOWNLOAD = Traffic(octets=20_000_000, rate=_RATE)
_IDLE = Traffic(octets=2_000_000, server="wait", at=1_000_000, pause=1.5, patience=3.0)

_MISSING = (
    Scenario(
        name="entry-flushed",
        code="NF04",
        says="the host's table is flushed in mid-download (several times, for it is a race)",
        traffic=_DOWNLOAD,
        acts=tuple(Act(at * 1_000_000, "host", "flush") for at in range(2, 18)),
        # The first segment after a flush decides: data is taken for the host's, an ACK makes a new entry.
        expected={
            "any": [
                Expected("host", "NF04", "reset"),
                Expected("host", "NF04", "hung"),
                _COMPLETED,
            ]
        },
    ),
    Scenario(
        name="entry-flushed-strict",
        code="NF04",
        says="the same where mid-stream segments make no entries (tcp_loose=0)",
        traffic=_DOWNLOAD._replace(patience=2.0),
        settings={"host": {"net.netfilter.nf_conntrack_tcp_loose": 0}},
        acts=(Act(5_000_000, "host", "flush"),),
        expected={"any": [Expected("host", "NF04", "hung")]},
    ),
    Scenario(
        name="entry-flushed-chat",
        code="NF04",
        says="the table is flushed while an answer is under way; the client asks again, and is reset",
        traffic=Traffic("chat", rounds=20, pause=0.02),
        meddling=(Meddling('iifname "p0" tcp sport 80', (Copy(0.15),), at=5),),
        acts=(Act(8, "host", "flush", after=0.05),),
        # On a machine that is busy the flush may come between two rounds: the next question makes an entry.
        expected={"any": [Expected("host", "NF04", "reset"), Expected("none", None, "completed")]},
    ),
    Scenario(
        name="entry-expired",
        code="NF04",
        says="the entry expires while the server pauses (established timeout of 2 s): the client hangs",
        # Long enough for a keepalive to come first, if there is one.
        traffic=_IDLE._replace(pause=3.2, patience=4.5),
        settings={
            "host": {
                "net.netfilter.nf_conntrack_tcp_timeout_established": 2,
                "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": 2,
            }
        },
        expected={"any": [Expected("host", "NF04", "hung")]},
    ),
)

_LEAKED = (
    Scenario(
        name="leaked-fin",
        code="NF10",
        says="the entry is gone when the client says that it has sent all: its FIN leaves untranslated",
        traffic=Traffic("upload", octets=1_000_000, client="wait", at=1_000_000, pause=1.2, patience=2.0),
        acts=(Act(1_000_000, "host", "flush", after=0.2),),
        expected={"any": [Expected("host", "NF10", "hung")]},
    ),
)

_REJECT = """
table inet witness_rejected {{
    counter rejected {{}}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        {match} counter name rejected reject with tcp reset
    }}
}}
"""
_REJECTED = (
    Scenario(
        name="reject-rule",
        code="NF12",
        says="a rule rejects what the server sends, in mid-download; the client is never told",
        traffic=_DOWNLOAD._replace(patience=2.0),
        acts=(Act(5_000_000, "host", "nft", _REJECT.format(match="tcp sport 80")),),
        expected={"any": [Expected("host", "NF12", "hung")]},
    ),
    Scenario(
        name="reject-rule-once",
        code="NF12",
        says="the rule rejects one segment of the server's: the client learns of it by its next ACK",
        traffic=_DOWNLOAD,
        acts=(
            Act(
                5_000_000,
                "host",
                "nft",
                _REJECT.format(match="tcp sport 80 meta length > 200 limit rate 1/hour burst 1 packets"),
            ),
        ),
        # Whether more was under way just then, which the client would acknowledge, is a matter of timing.
        expected={"any": [Expected("host", "NF12", "reset"), Expected("host", "NF12", "hung")]},
    ),
    Scenario(
        name="reject-rule-outward",
        code="NF12",
        says="a rule rejects what the client sends, in mid-download: the client is reset",
        traffic=_DOWNLOAD._replace(patience=1.0),
        acts=(Act(5_000_000, "host", "nft", _REJECT.format(match="tcp dport 80")),),
        expected={"any": [Expected("host", "NF12", "reset")]},
    ),
)

_FULL = Scenario(
    name="table-full",
    code="NF11",
    says="the tracker's table is full of established connections: the SYN of another is dropped",
    traffic=Traffic("connect", patience=1.5),
    before=(Act(0, "host", "fill"),),
    expected={"any": [Expected("host", "NF11", "hung")]},
)

_ONE_PORT = """
table inet nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 172.17.0.0/16 meta l4proto tcp masquerade to :40000
    }
}
"""
_RACE = Scenario(
    name="port-race",
    code="NF13",
    says="another connection has the port that is to be translated to: the SYN is lost, not its repetition",
    traffic=Traffic("chat", rounds=5),
    topology=DOCKER._replace(rules={"host": _ONE_PORT}),
    acts=(Act(0, "host", "occupy", "172.17.0.3 5000 198.51.100.2 80 198.51.100.2 80 203.0.113.12 40000 1"),),
    expected={"any": [_COMPLETED]},
)

_STALE = Scenario(
    name="stale-entry-reuse",
    code="NF14",
    says="a SYN uses a port whose old connection the server still has: challenge ACK, RST, and the SYN again",
    traffic=Traffic("chat", rounds=5),
    settings={"container": {"net.ipv4.ip_local_port_range": "40000 40000"}},
    before=(Act(0, "client", "abandon", "40000"),),
    expected={"any": [_COMPLETED]},
)

_TOO_LATE = Scenario(
    name="rule-too-late",
    code="NF15",
    says="the rule that masquerades comes after the first SYN: its repetitions follow the untranslated entry",
    topology=DOCKER._replace(rules={}),
    traffic=Traffic("connect", patience=4.0),
    acts=(Act(0, "host", "nft", DOCKER.rules["host"], after=0.3),),
    # Packets alone do not show it: that nobody answers a private address is the other end's doing as well.
    expected={"any": [Expected("outside", "EP07", "hung", "undetermined")]},
)

_IPV6 = tuple(
    one._replace(name=f"{one.name}-ipv6", family=6)
    for one in _MISSING
    if one.name in ("entry-flushed-chat", "entry-expired")
)

SCENARIOS = (*_MISSING, *_LEAKED, *_REJECTED, _FULL, _RACE, _STALE, _TOO_LATE, *_IPV6)
