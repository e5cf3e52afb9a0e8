"""Causes that begin with a segment that a tracker calls INVALID: NF01 to NF03, NF05, NF06, NF09; decoys."""

from __future__ import annotations

import socket

from bypeer.lab.detour import ITSELF, Copy, Meddling
from bypeer.lab.edit import Edit
from bypeer.lab.scenario import Act, Expected, Scenario
from bypeer.lab.topologies import PUBLISHED
from bypeer.lab.traffic import Traffic

# Segments as they come from the far side: of a download, of an upload to a published port, of a chat.
_DATA = 'iifname "p0" tcp sport 80 meta length > 200'
_UPLOADED = 'iifname "p0" tcp dport 80 meta length > 200'
_ANSWER = _DATA
_EIGHT = "limit rate 1/hour burst 8 packets"
_ONE = "limit rate 1/hour burst 1 packets"

_COMPLETED = Expected("none", None, "completed")
_ID = 34_530  # a copy's own identification, far from its original's

_RATE = 20_000_000  # octets/s: what is done in mid-download comes in mid-download, on a loaded machine too

_WIDE_WINDOW = (("client", socket.SOL_SOCKET, socket.SO_RCVBUF, 200_000),)
# A client whose window is small and stays so: what is late is below it, however slow the machine.
_SMALL_WINDOW = (("client", socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000),)


def _beyond(after: float = 0.0, ack: int | None = None) -> Copy:
    """A copy far above the window."""
    return Copy(after, Edit(seq=50_000_000, ack=ack, ip_id=_ID))


_IDLE = Traffic(octets=2_000_000, server="wait", at=1_000_000, pause=2.0, patience=3.0)
_CHAT = Traffic("chat", rounds=20, pause=0.05)

_LATE = (
    Scenario(
        name="late-segment",
        code="NF01",
        says="every 60th segment is held for 120 ms, and retransmitted meanwhile: the investigation's case",
        # Late means: by more than the container ever lets the server send at once. At this rate and with this
        # window much more than that passes meanwhile, and there is always something under way.
        traffic=Traffic(octets=20_000_000),
        settings={"container": {"net.ipv4.tcp_rmem": "4096 131072 524288"}},
        acts=(Act(0, "path", "tc", "qdisc add dev p1 root tbf rate 160mbit burst 64kb latency 50ms"),),
        meddling=(Meddling(f"{_DATA} numgen inc mod 60 0", (Copy(after=0.12),), at=1_000_000),),
        expected={
            # Seldom, on a slow machine, the client has all that was under way when the server is reset.
            "<6.1": [
                Expected("host", "NF01", "reset", "certain"),
                Expected("host", "NF01", "hung", "certain"),
            ],
            ">=6.1": [_COMPLETED],
        },
        elsewhere="the tracker ignores that they are late: they are forwarded, and nothing is reset",
    ),
    Scenario(
        name="late-duplicate",
        code="NF01",
        says="a segment comes a second time, 120 ms later, when it was acknowledged long ago",
        traffic=Traffic(octets=20_000_000, rate=_RATE, options=_SMALL_WINDOW),
        meddling=(Meddling(_DATA, (ITSELF, Copy(after=0.12, edit=Edit(ip_id=_ID))), at=5_000_000, times=1),),
        expected={
            # Whether anything is under way then, by which the client learns of it, is a matter of timing.
            "<6.1": [
                Expected("host", "NF01", "reset", "certain"),
                Expected("host", "NF01", "hung", "certain"),
            ],
            ">=6.1": [_COMPLETED],
        },
        elsewhere="the tracker ignores that it is late: it is forwarded, and nothing is reset",
    ),
    Scenario(
        name="late-duplicate-hang",
        code="NF01",
        says="it comes while the server pauses: the server is reset, the client is never told",
        traffic=_IDLE._replace(options=_SMALL_WINDOW),
        meddling=(Meddling(f"{_DATA} {_ONE}", (ITSELF, Copy(1.2, Edit(ip_id=_ID))), times=1),),
        expected={
            "<6.1": [Expected("host", "NF01", "hung", "certain")],
            ">=6.1": [_COMPLETED],
        },
        elsewhere="the tracker ignores that it is late: it is forwarded, and nothing is reset",
    ),
    Scenario(
        name="duplicates",
        code="NF01",
        says="segments come twice, 2 ms apart: a fork in the captures that hurts nobody",
        # Never a window apart, so that no kernel takes them for late.
        traffic=Traffic(octets=2_000_000, rate=2_000_000, options=_WIDE_WINDOW),
        meddling=(
            Meddling(f"{_DATA} numgen inc mod 5 0", (ITSELF, Copy(0.002, Edit(ip_id=_ID))), at=500_000),
        ),
        # Before 6.1 it is the fault itself where the second comes more than a window late: a slow machine.
        expected={
            "<6.1": [
                _COMPLETED,
                Expected("host", "NF01", "reset", "certain"),
                Expected("host", "NF01", "hung", "certain"),
            ],
            ">=6.1": [_COMPLETED],
        },
    ),
)

_BEYOND = (
    Scenario(
        name="beyond-window",
        code="NF02",
        says="a copy of a segment comes 50 MB above the window",
        traffic=Traffic(octets=20_000_000, rate=_RATE),
        meddling=(Meddling(_DATA, (ITSELF, _beyond()), at=5_000_000, times=1),),
        expected={"any": [Expected("host", "NF02", "reset", "certain")]},
    ),
    Scenario(
        name="beyond-window-published",
        code="NF02",
        says="a far client uploads to a published port; a copy of its segment comes 50 MB above the window",
        topology=PUBLISHED,
        traffic=Traffic("upload", octets=20_000_000, rate=_RATE),
        meddling=(Meddling(_UPLOADED, (ITSELF, _beyond()), at=5_000_000, times=1),),
        expected={"any": [Expected("host", "NF02", "reset", "certain")]},
    ),
    Scenario(
        name="beyond-window-hang",
        code="NF02",
        says="the same while the server pauses: it is reset, the client is never told",
        traffic=_IDLE,
        meddling=(Meddling(f"{_DATA} {_ONE}", (ITSELF, _beyond(1.2)), times=1),),
        expected={"any": [Expected("host", "NF02", "hung", "certain")]},
    ),
    Scenario(
        name="beyond-window-slightly",
        code="NF02",
        says="a copy of a segment overshoots the window by less than one window",
        traffic=_CHAT,
        # Nothing is under way, so that the window ends some 64,200 octets on. Not more than 66,000 octets, or
        # the tracker takes the client's later acknowledgements for overly delayed ones.
        meddling=(Meddling(_ANSWER, (ITSELF, Copy(edit=Edit(seq=65_000, ip_id=_ID))), at=8, times=1),),
        expected={
            "<6.1": [Expected("host", "NF02", "reset")],
            ">=6.1": [_COMPLETED],
        },
        elsewhere="the tracker accepts it: the client's own kernel discards it, and nothing is reset",
    ),
    Scenario(
        name="overshoot",
        code="NF03",
        says="the same, by more: from 6.1 on what follows is ignored, and its acknowledgement INVALID",
        traffic=_CHAT,
        meddling=(Meddling(_ANSWER, (ITSELF, Copy(edit=Edit(seq=100_000, ip_id=_ID))), at=8, times=1),),
        expected={
            "<6.1": [Expected("host", "NF02", "reset")],
            ">=6.1": [Expected("host", "NF03", "reset", "certain")],
        },
    ),
)

_ACKS = (
    Scenario(
        name="ack-of-unseen-data",
        code="NF03",
        says="a copy of a segment acknowledges 1 MB that nobody sent: the host's RST hurts nobody",
        traffic=Traffic(octets=20_000_000, rate=_RATE),
        meddling=(
            Meddling(_DATA, (ITSELF, Copy(edit=Edit(ack=1_000_000, ip_id=_ID))), at=5_000_000, times=1),
        ),
        expected={"any": [_COMPLETED]},
    ),
)

_MALFORMED = (
    Scenario(
        name="bad-checksum",
        code="NF05",
        says="copies of segments come with bad checksums: INVALID, and no RST",
        traffic=_CHAT,
        meddling=(Meddling(_ANSWER, (ITSELF, Copy(edit=Edit(bad_sum=True, ip_id=_ID))), at=3, times=5),),
        expected={"any": [_COMPLETED]},
    ),
    Scenario(
        name="malformed-flags",
        code="NF05",
        says="copies of segments come with SYN and FIN, and with no flags: the host's RSTs hurt nobody",
        traffic=_CHAT,
        meddling=(
            Meddling(
                _ANSWER,
                (ITSELF, Copy(edit=Edit(flags=0x03, ip_id=_ID)), Copy(edit=Edit(flags=0, ip_id=_ID + 1))),
                at=3,
                times=3,
            ),
        ),
        expected={"any": [_COMPLETED]},
    ),
    Scenario(
        name="malformed-flags-acknowledging",
        code="NF05",
        says="a copy of a segment comes with SYN, FIN and ACK: the host's RST has the right number",
        traffic=Traffic(octets=20_000_000, rate=_RATE),
        meddling=(Meddling(_DATA, (ITSELF, Copy(edit=Edit(flags=0x13, ip_id=_ID))), at=5_000_000, times=1),),
        expected={"any": [Expected("host", "NF05", "reset", "certain")]},
    ),
    Scenario(
        name="syn-in-mid-stream",
        code="NF05",
        says="a SYN comes from the server in mid-stream: the host's RST hurts nobody",
        traffic=_CHAT,
        meddling=(
            Meddling(_ANSWER, (ITSELF, Copy(edit=Edit(flags=0x02, payload=b"", ip_id=_ID))), at=3, times=1),
        ),
        expected={"any": [_COMPLETED]},
    ),
)


_FORGERY = Expected("host", "NF06", "reset")


def _forged(what: str, says: str, edit: Edit, expected: Expected = _FORGERY) -> Scenario:
    return Scenario(
        name=f"forged-{what}",
        code="NF06",
        says=f"as beyond-window, but the segment's {says}",
        traffic=Traffic(octets=20_000_000, rate=_RATE),
        meddling=(Meddling(_DATA, (ITSELF, Copy(edit=edit)), at=5_000_000, times=1),),
        expected={"any": [expected]},
    )


_FORGED = (
    _forged("ttl", "TTL is not the server's", Edit(seq=50_000_000, ip_id=_ID, ttl=250)),
    # Numbers of 16 bits recur: by that alone it may well be the server's own.
    _forged(
        "identification",
        "identification is that of another",
        Edit(seq=50_000_000),
        Expected("host", "NF02", "reset", "likely"),
    ),
    _forged("timestamp", "timestamp is not the server's", Edit(seq=50_000_000, ip_id=_ID, tsval=1 << 28)),
    _forged("bare", "options are missing", Edit(seq=50_000_000, ip_id=_ID, bare=True)),
)

_OFFLOADED = """
table netdev beside {
    chain ingress {
        type filter hook ingress device veth0 priority 0; policy accept;
        ip saddr 172.17.0.2 tcp dport 80 ip length > 200 ip saddr set 203.0.113.12 ip ttl set 63 jump leave
    }
    chain leave {
        ether daddr set 02:00:00:00:00:01 fwd to "ext0"
    }
}
"""
_OFFLOAD = Scenario(
    name="offloaded",
    code="NF03",
    says="what the client uploads passes beside the tracker, as with offload in one direction",
    traffic=Traffic("upload", octets=20_000_000, rate=_RATE),
    acts=(
        Act(0, "path", "ip", "link set p1 address 02:00:00:00:00:01"),
        Act(2_000_000, "host", "nft", _OFFLOADED),
    ),
    expected={"any": [Expected("host", "NF03", "reset")]},
)

_SIDECAR = Scenario(
    name="redirect-bypass",
    code="NF09",
    says="an INVALID segment skips the pod's REDIRECT to its proxy: the pod's own kernel resets",
    topology=PUBLISHED._replace(
        rules={
            "host": PUBLISHED.rules["host"].replace("172.17.0.2:80", "172.17.0.2:8080"),
            "container": """
table inet sidecar {
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        tcp dport 8080 redirect to :80
    }
}
""",
        }
    ),
    settings={"host": {"net.netfilter.nf_conntrack_tcp_be_liberal": 1}},
    traffic=Traffic("upload", octets=20_000_000, rate=_RATE),
    meddling=(Meddling(_UPLOADED, (ITSELF, _beyond()), at=5_000_000, times=1),),
    expected={"any": [Expected("inside", "NF09", "reset")]},
)

_DECOYS = (
    Scenario(
        name="harmless-resets",
        code="NF02",
        says="copies beyond the window, SEG.ACK one less: the host's RSTs hurt nobody, the server's does",
        traffic=Traffic("chat", rounds=20, pause=0.02, server="linger", at=15),
        # The others do not take the detour, on which they would be overtaken by the server's RST.
        meddling=(Meddling(f"{_ANSWER} {_EIGHT}", (ITSELF, _beyond(ack=-1)), at=3),),
        expected={"any": [Expected("outside", "EP02", "reset")]},
    ),
    Scenario(
        name="chatty",
        code="NF02",
        says="copies beyond the window come when the client has said more: the host's RSTs hurt nobody",
        traffic=Traffic("chat", rounds=40, pause=0.01),
        meddling=(Meddling(_ANSWER, (ITSELF, _beyond(0.2)), at=3, times=5),),
        expected={"any": [_COMPLETED]},
    ),
)

_IPV6 = tuple(
    one._replace(name=f"{one.name}-ipv6", family=6)
    for one in _BEYOND
    if one.name in ("beyond-window", "beyond-window-published")
)

SCENARIOS = (
    *_LATE, *_BEYOND, *_ACKS, _OFFLOAD, *_MALFORMED, *_FORGED, _SIDECAR, *_DECOYS, *_IPV6
)  # fmt: skip
