"""Causes that the path makes, PA01 and on; and what a path does to packets without harm."""

from __future__ import annotations

from bypeer.core import tcp
from bypeer.lab.detour import ITSELF, Copy, Meddling
from bypeer.lab.edit import Edit
from bypeer.lab.scenario import OPEN, Act, Expected, Scenario
from bypeer.lab.topologies import BALANCED
from bypeer.lab.traffic import Traffic

# A question of a chat as it comes from the client, and an answer to one.
_QUESTION = 'iifname "p1" tcp dport 80 meta length > 200'
_ANSWER = 'iifname "p0" tcp sport 80 meta length > 200'
_DATA = _ANSWER  # segments of a download
_CHAT = Traffic("chat", rounds=20, pause=0.02)
_SHORT = Traffic("chat", rounds=2, pause=3.0, patience=3.0)


def _rst(**how: int | bool) -> Edit:
    """A RST in place of a packet: of its sender's, or `back` in its receiver's name."""
    return Edit(payload=b"", bare=True, **{"flags": tcp.RST | tcp.ACK_, "window": 0, **how})  # type: ignore[arg-type]


def _box(verdict: str) -> str:
    """A middlebox that knows connections, and forgets them after its tracker's time."""
    return f"""
table inet box {{
    chain forward {{
        type filter hook forward priority filter; policy accept;
        meta l4proto tcp ct state established accept
        tcp flags & (syn | ack) == syn accept
        meta l4proto tcp {verdict}
    }}
}}
"""


_FORGETS = {
    "path": {
        "net.netfilter.nf_conntrack_tcp_timeout_established": 2,
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": 2,
        "net.netfilter.nf_conntrack_tcp_loose": 0,
    }
}
# As a kernel that has just started: a RST for whatever comes.
_KNOWS_NOTHING = """
table inet restarted {
    chain input {
        type filter hook input priority filter; policy accept;
        meta l4proto tcp reject with tcp reset
    }
}
"""
_FEW_PORTS = """
table inet ports {
    chain postrouting {
        type nat hook postrouting priority srcnat - 1; policy accept;
        oifname "ext0" meta l4proto tcp masquerade to :40000-40003
    }
}
"""

INJECTED = Scenario(
    name="injected-reset",
    code="PA01",
    says="the path resets the client in the server's name; its TTL is unlike the server's",
    traffic=_CHAT,
    meddling=(Meddling(_ANSWER, (Copy(edit=_rst(ttl=120)), ITSELF), at=5, times=1),),
    expected={"any": [Expected("on-path", "PA01", "reset", "certain")]},
)
IDLE = Scenario(
    name="idle-reset",
    code="PA02",
    says="a box on the path forgets the connection after 2 s, and answers what comes after 3 s with RST",
    traffic=_SHORT,
    settings=_FORGETS,
    rules={"path": _box("reject with tcp reset")},
    expected={"any": [Expected("on-path", "PA01", "reset", "likely")]},
)
CHANGED = Scenario(
    name="backend-changed",
    code="PA03",
    says="a load balancer turns to another server in mid-stream, which knows no such connection",
    topology=BALANCED,
    traffic=_CHAT,
    acts=(
        Act(5, "path", "ip", "route add 198.51.100.2/32 via 192.0.2.2"),
        Act(5, "path", "ip", "route add 2001:db8:51::2/128 via 2001:db8:2::2"),
    ),
    expected={"any": [Expected("outside", "EP05", "reset", "likely")]},
    supports=("PA03",),
)

SCENARIOS = (
    INJECTED,
    INJECTED._replace(name="injected-reset-v6", family=6),
    INJECTED._replace(
        name="injected-to-both",
        says="at a question the path resets both ends, the client with a series of stepped SEG.SEQ",
        meddling=(
            Meddling(
                _QUESTION,
                (
                    *(Copy(edit=_rst(back=True, seq=step, ttl=90, id_is=7)) for step in (0, 1460, 4380)),
                    Copy(edit=_rst(ttl=90, id_is=7)),
                    ITSELF,
                ),
                at=5,
                times=1,
            ),
        ),
    ),
    INJECTED._replace(
        name="injected-to-server",
        says="the path resets the server in the client's name, where no capture of the host can see it",
        meddling=(Meddling(_QUESTION, (Copy(edit=_rst(ttl=90)), ITSELF), at=5, times=1),),
        expected={"any": [Expected("outside", "EP05", "reset", "likely")]},
        supports=("PA01",),
    ),
    INJECTED._replace(
        name="injected-well",
        says="the path's RST has the server's own TTL and identification 0; the server goes on sending",
        meddling=(Meddling(_ANSWER, (Copy(edit=_rst(id_is=0)), ITSELF), at=5, times=1),),
        expected={"any": [Expected("on-path", "PA01", "reset", "likely")]},
    ),
    INJECTED._replace(
        name="injected-as-an-answer",
        says="the path's RST has the server's own TTL and no ACK, as if the server knew no such connection",
        meddling=(Meddling(_ANSWER, (Copy(edit=_rst(flags=tcp.RST, id_is=0)), ITSELF), at=5, times=1),),
        # But the server then answers the very question.
        expected={"any": [Expected("on-path", "PA01", "reset", "likely")]},
    ),
    INJECTED._replace(
        name="injected-perfectly",
        says="the path resets both ends with the right TTL: nothing shows that the server did not",
        meddling=(
            Meddling(
                _QUESTION,
                (Copy(edit=_rst(back=True, ttl=64)), Copy(edit=_rst())),
                at=5,
                times=1,
            ),
        ),
        expected={"any": [Expected("outside", "EP02", "reset", "likely")]},
        supports=("PA01",),
        forges="outside",
    ),
    IDLE,
    IDLE._replace(
        name="idle-drop",
        says="a box on the path forgets the connection after 2 s, and drops what comes after 3 s",
        rules={"path": _box("drop")},
        expected={"any": [Expected("outside", "EP07", "hung", "undetermined")]},
        supports=("PA02",),
    ),
    CHANGED,
    CHANGED._replace(
        name="backend-changed-ttl",
        says="as backend-changed, and the other server's packets begin with a TTL of 128",
        settings={"other": {"net.ipv4.ip_default_ttl": 128}},
        # The packets do not tell it from a RST forged on the path.
        expected={"any": [Expected("on-path", "PA01", "reset", "likely")]},
    ),
    Scenario(
        name="rate-limited",
        code="PA04",
        says="each of four connections is held to 1 MB/s, and reset by the server after 500 kB",
        traffic=Traffic(octets=20_000_000, server="linger", at=500_000, pause=0.6, connections=4, apart=0.9),
        acts=(Act(0, "path", "tc", "qdisc add dev p1 root tbf rate 16mbit burst 32k latency 400ms"),),
        expected={"any": [Expected("outside", "EP02", "reset")]},
        supports=("PA04",),
    ),
    Scenario(
        name="peer-outage",
        code="PA05",
        says="the server is gone in the middle of three connections",
        traffic=Traffic("chat", rounds=200, pause=0.02, connections=3, patience=2.5),
        acts=(Act(20, "server", "ip", "link set s0 down"),),
        expected={"any": [Expected("outside", "EP07", "hung", "undetermined")]},
        supports=("PA05",),
    ),
    Scenario(
        name="peer-restarted",
        code="PA05",
        says="in the middle of three connections the server begins to know none of them",
        traffic=Traffic("chat", rounds=200, pause=0.02, connections=3, patience=2.5),
        acts=(Act(20, "server", "nft", _KNOWS_NOTHING),),
        expected={"any": [Expected("outside", "EP05", "reset", "likely")]},
        supports=("PA05",),
    ),
    Scenario(
        name="nat-ports-exhausted",
        code="PA06",
        says="six connections where the host has four ports to translate to",
        traffic=Traffic("chat", rounds=60, pause=0.05, connections=6, patience=2.0),
        rules={"host": _FEW_PORTS},
        # Who dropped the SYNs, and why, the captures do not show.
        expected={"any": [Expected("host", "PA06", "hung", "likely"), OPEN]},
    ),
    Scenario(
        name="lossy-path",
        code="PA01",
        says="the path loses every 40th segment, and harms nobody",
        traffic=Traffic(octets=5_000_000),
        meddling=(Meddling(f"{_DATA} numgen inc mod 40 0", ()),),
        expected={"any": [Expected("none", None, "completed")]},
    ),
    Scenario(
        name="reordering-path",
        code="NF01",
        says="the path hands every 30th segment on 3 ms later, and harms nobody",
        traffic=Traffic(octets=5_000_000),
        meddling=(Meddling(f"{_DATA} numgen inc mod 30 0", (Copy(after=0.003),)),),
        # Before 6.1 that is the investigation's own fault, if more than a window passes meanwhile.
        expected={
            "<6.1": [
                Expected("none", None, "completed"),
                Expected("host", "NF01", "reset", "certain"),
                Expected("host", "NF01", "hung", "certain"),
            ],
            ">=6.1": [Expected("none", None, "completed")],
        },
    ),
    Scenario(
        name="slow-path",
        code="EP07",
        says="the path takes 200 ms for each packet, and harms nobody",
        traffic=Traffic("chat", rounds=8),
        meddling=(Meddling('iifname "p0" meta l4proto tcp', (Copy(after=0.2),)),),
        expected={"any": [Expected("none", None, "completed")]},
    ),
)
