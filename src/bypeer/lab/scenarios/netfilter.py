"""Causes that the NAT host's netfilter makes: NF01 and on."""

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
_ONE = "limit rate 1/hour burst 1 packets"

_COMPLETED = Expected("none", None, "completed")
_ID = 34_530  # a copy's own identification, far from its original's

_RATE = 20_000_000  # octets/s: what is done in mid-download comes in mid-download, on a loaded machine too

# A client whose window is small and stays so: what is late is below it, however slow the machine.
_SMALL_WINDOW = (("client", socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000),)


def _beyond(ack: int | None = None, **edit: int) -> Copy:
    """A copy far above the window."""
    return Copy(edit=Edit(seq=50_000_000, ack=ack, ip_id=_ID, **edit))


_IDLE = Traffic(octets=2_000_000, server="pause", at=1_000_000, pause=2.0, patience=3.0)
_CHAT = Traffic("chat", rounds=20, pause=0.05)

_LATE = (
    Scenario(
        name="late-segment",
        code="NF01",
        says="every 60th segment is held for 120 ms, and retransmitted meanwhile: the investigation's case",
        # Late means: by more than the container ever lets the server send at once. At this rate and with this
        # window much more than that passes meanwhile, and there is always something under way.
        traffic=Traffic(octets=20_000_000),
        settings={"container": {"net.ipv4.tcp_rmem": "4096 131072 262144"}},
        acts=(Act(0, "path", "tc", "qdisc add dev p1 root tbf rate 160mbit burst 64kb latency 50ms"),),
        meddling=(Meddling(f"{_DATA} numgen inc mod 60 0", (Copy(after=0.12),), at=1_000_000),),
        expected={
            "<6.1": [Expected("host", "NF01", "reset", "certain")],
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
            "<6.1": [Expected("host", "NF01", "reset", "certain")],
            ">=6.1": [_COMPLETED],
        },
        elsewhere="the tracker ignores that it is late: it is forwarded, and nothing is reset",
    ),
    Scenario(
        name="duplicates",
        code="NF01",
        says="every 20th segment comes twice, 5 ms apart: a fork in the captures that hurts nobody",
        traffic=Traffic(octets=5_000_000, rate=5_000_000),
        meddling=(Meddling(f"{_DATA} numgen inc mod 20 0", (ITSELF, Copy(0.005, Edit(ip_id=_ID)))),),
        expected={"any": [_COMPLETED]},
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
        meddling=(
            Meddling(f"{_DATA} {_ONE}", (ITSELF, Copy(1.2, Edit(seq=50_000_000, ip_id=_ID))), times=1),
        ),
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
            "<6.1": [Expected("host", "NF02", "reset", "certain")],
            ">=6.1": [_COMPLETED],
        },
        elsewhere="the tracker accepts it: the client's own kernel discards it, and nothing is reset",
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

_MISSING = (
    Scenario(
        name="entry-flushed",
        code="NF04",
        says="the host's table is flushed in mid-download (several times, for it is a race)",
        traffic=Traffic(octets=20_000_000, rate=_RATE),
        acts=tuple(Act(at * 1_000_000, "host", "flush") for at in range(2, 18)),
        # The first segment after the flush decides: data is taken for the host's own; an ACK makes a new entry.
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
        traffic=Traffic(octets=20_000_000, rate=_RATE, patience=2.0),
        settings={"host": {"net.netfilter.nf_conntrack_tcp_loose": 0}},
        acts=(Act(5_000_000, "host", "flush"),),
        expected={"any": [Expected("host", "NF04", "hung")]},
    ),
    Scenario(
        name="entry-flushed-chat",
        code="NF04",
        says="the table is flushed while an answer is under way; the client repeats its question, and is reset",
        traffic=Traffic("chat", rounds=20, pause=0.02),
        meddling=(Meddling('iifname "p0" tcp sport 80', (Copy(0.15),), at=5),),
        acts=(Act(8, "host", "flush", after=0.07),),
        expected={"any": [Expected("host", "NF04", "reset")]},
    ),
    Scenario(
        name="entry-expired",
        code="NF04",
        says="the entry expires while the server pauses (established timeout of 1 s): the client hangs",
        traffic=_IDLE._replace(pause=1.5),
        settings={
            "host": {
                "net.netfilter.nf_conntrack_tcp_timeout_established": 1,
                "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": 1,
            }
        },
        expected={"any": [Expected("host", "NF04", "hung")]},
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


def _forged(
    what: str, says: str, edit: Edit, expected: Expected = Expected("host", "NF06", "reset")
) -> Scenario:
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

_LEAKED = (
    Scenario(
        name="leaked-fin",
        code="NF10",
        says="the entry is gone when the client says that it has sent all: its FIN leaves untranslated",
        traffic=Traffic("upload", octets=1_000_000, client="pause", at=1_000_000, pause=0.5, patience=2.0),
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
        says="a rule rejects what the server sends, in mid-download: both ends are lost, the client is not told",
        traffic=Traffic(octets=20_000_000, rate=_RATE, patience=2.0),
        acts=(Act(5_000_000, "host", "nft", _REJECT.format(match="tcp sport 80")),),
        expected={"any": [Expected("host", "NF12", "hung")]},
    ),
    Scenario(
        name="reject-rule-once",
        code="NF12",
        says="the rule rejects one segment of the server's: the client learns of it by its next ACK",
        traffic=Traffic(octets=20_000_000, rate=_RATE),
        acts=(
            Act(
                5_000_000,
                "host",
                "nft",
                _REJECT.format(match="tcp sport 80 meta length > 200 limit rate 1/hour burst 1 packets"),
            ),
        ),
        # Whether anything else was under way just then, which the client would acknowledge, is a matter of timing.
        expected={"any": [Expected("host", "NF12", "reset"), Expected("host", "NF12", "hung")]},
    ),
    Scenario(
        name="reject-rule-outward",
        code="NF12",
        says="a rule rejects what the client sends, in mid-download: the client is reset",
        traffic=Traffic(octets=20_000_000, rate=_RATE, patience=1.0),
        acts=(Act(5_000_000, "host", "nft", _REJECT.format(match="tcp dport 80")),),
        expected={"any": [Expected("host", "NF12", "reset")]},
    ),
)

_DECOYS = (
    Scenario(
        name="harmless-resets",
        code="NF02",
        says="copies beyond the window acknowledge one octet less: the host's RSTs hurt nobody; the server's does",
        traffic=Traffic("chat", rounds=20, pause=0.02, server="linger", at=15),
        meddling=(Meddling(_ANSWER, (ITSELF, _beyond(ack=-1)), at=3, times=8),),
        expected={"any": [Expected("outside", "EP02", "reset")]},
    ),
    Scenario(
        name="chatty",
        code="NF02",
        says="copies beyond the window come when the client has said more: the host's RSTs hurt nobody",
        traffic=Traffic("chat", rounds=40, pause=0.01),
        meddling=(Meddling(_ANSWER, (ITSELF, Copy(0.2, Edit(seq=50_000_000, ip_id=_ID))), at=3, times=5),),
        expected={"any": [_COMPLETED]},
    ),
)

_BY_NAME = {one.name: one for table in (_BEYOND, _MISSING) for one in table}
_IPV6 = tuple(
    _BY_NAME[name]._replace(name=f"{name}-ipv6", family=6)
    for name in ("beyond-window", "beyond-window-published", "entry-flushed-chat", "entry-expired")
)

SCENARIOS = (
    *_LATE, *_BEYOND, *_ACKS, *_MISSING, *_MALFORMED, *_FORGED, *_LEAKED, *_REJECTED, *_DECOYS, *_IPV6
)  # fmt: skip
