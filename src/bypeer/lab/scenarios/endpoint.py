"""Causes that an endpoint makes: EP01 and on; and traffic that nobody harms."""

from __future__ import annotations

import socket

from bypeer.lab.detour import Copy, Meddling
from bypeer.lab.scenario import Act, Expected, Scenario
from bypeer.lab.topologies import PUBLISHED
from bypeer.lab.traffic import Traffic

_CLEAN = {"any": [Expected("none", None, "completed", "certain")]}
_PATH_DROPS = "table inet gap { chain forward { type filter hook forward priority 0; policy drop; }; }"


def _keepalive(end: str) -> tuple[tuple[str, int, int, int], ...]:
    """Options of a socket that probes after 1 s without a word, and gives up after two probes."""
    return (
        (end, socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (end, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
        (end, socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
        (end, socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
    )


def _abort_or_unread(killed_by: str, outcome: str) -> tuple[Expected, ...]:
    """What may be told of a close with data unread; linger 0 is one too, if some are."""
    return Expected(killed_by, "EP03", outcome), Expected(killed_by, "EP02", outcome, "likely")


_CLOSED_PORT = Scenario(
    name="closed-port",
    code="EP01",
    says="nobody listens at the server's port",
    traffic=Traffic("connect", server="absent"),
    expected={"any": [Expected("outside", "EP01", "refused")]},
)
_ABORT = Scenario(
    name="abortive-close",
    code="EP02",
    says="the server's program closes in mid-stream with linger 0",
    traffic=Traffic(octets=20_000_000, server="linger", at=5_000_000),
    expected={"any": [Expected("outside", "EP02", "reset")]},
)
_ABORT_CLIENT = Scenario(
    name="abortive-close-client",
    code="EP02",
    says="the client's program closes in mid-stream with linger 0",
    traffic=Traffic(octets=20_000_000, client="linger", at=5_000_000),
    expected={"any": _abort_or_unread("inside", "aborted")},
)
# An abort and a close with data unread look the same on the wire: the verdict names both, unless the kernel
# that sent the RST said why (Linux 6.12, where tracepoints may be read).
_UNREAD = Scenario(
    name="unread-data-close",
    code="EP03",
    says="the server's program closes in mid-upload without having read all that came",
    traffic=Traffic("upload", octets=20_000_000, server="unread", at=5_000_000),
    expected={"any": _abort_or_unread("outside", "reset")},
)
_AFTER_CLOSE = Scenario(
    name="data-after-close",
    code="EP04",
    says="the server's program has read what came and closes; the client goes on sending",
    traffic=Traffic("upload", octets=4_000_000, rate=2_000_000, server="close", at=1_000_000),
    expected={"any": [Expected("outside", "EP04", "reset")]},
)
_FIN, _RST = (f'iifname "p0" tcp flags & {flag} == {flag}' for flag in ("fin", "rst"))
_RACE = Scenario(
    name="idle-race",
    code="EP04",
    says="the server closes an idle connection while the client's next question is on its way",
    traffic=Traffic("chat", rounds=10, pause=0.1, server="close", at=5),
    meddling=(Meddling(_FIN, (Copy(after=0.3),)), Meddling(_RST, (Copy(after=0.3),))),
    expected={"any": [Expected("outside", "EP04", "reset")]},
)
_LOST = Scenario(
    name="lost-state",
    code="EP05",
    says="the server forgets the connection, as after a power cut, and answers the next question with RST",
    traffic=Traffic("chat", rounds=20, pause=0.05, server="vanish", at=5),
    expected={"any": [Expected("outside", "EP05", "reset")]},
)
_LATE_ANSWER = Scenario(
    name="aborted-client",
    code="EP08",
    says="the client waits for 1 s and gives up; the server's answer comes later",
    traffic=Traffic(octets=5_000_000, server="wait", pause=1.7, patience=1.0),
    expected={"any": [Expected("inside", "EP08", "aborted")]},
)
_RETRANSMISSION = Scenario(
    name="retransmission-timeout",
    code="EP07",
    says="the path loses all; the client sends its question again, until its kernel gives up",
    traffic=Traffic(
        "chat", rounds=20, pause=0.05, patience=6,
        options=(("client", socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2000),),
    ),
    acts=(Act(5, "path", "nft", _PATH_DROPS),),
    expected={"any": [Expected("outside", "EP07", "hung", "undetermined")]},
)  # fmt: skip

SCENARIOS = (
    _CLOSED_PORT,
    _CLOSED_PORT._replace(
        name="closed-port-published",
        says="nobody listens at the container's port that its host publishes",
        topology=PUBLISHED,
        expected={"any": [Expected("inside", "EP01", "refused")]},
    ),
    _ABORT,
    _ABORT._replace(name="abortive-close-ipv6", family=6),
    _ABORT._replace(
        name="abortive-close-published",
        topology=PUBLISHED,
        expected={"any": [Expected("inside", "EP02", "reset")]},
    ),
    _ABORT_CLIENT,
    _ABORT_CLIENT._replace(
        name="abortive-close-client-published",
        topology=PUBLISHED,
        expected={"any": _abort_or_unread("outside", "aborted")},
    ),
    Scenario(
        name="killed-server",
        code="EP02",
        says="the server's process is killed in mid-download with nothing unread: FIN, and no reset",
        traffic=Traffic(octets=20_000_000, server="killed", at=5_000_000),
        expected=_CLEAN,
    ),
    Scenario(
        name="killed-client",
        code="EP02",
        says="the client's process is killed in mid-download",
        traffic=Traffic(octets=20_000_000, client="killed", at=5_000_000),
        # Mostly something lies unread; else its kernel sends FIN, and RST for what comes after.
        expected={
            "any": [*_abort_or_unread("inside", "aborted"), Expected("inside", "EP08", "aborted")],
        },
    ),
    _UNREAD,
    _UNREAD._replace(
        name="unread-data-close-published",
        topology=PUBLISHED,
        expected={"any": _abort_or_unread("inside", "reset")},
    ),
    Scenario(
        name="unread-data-close-client",
        code="EP03",
        says="the client's program closes in mid-download without having read all that came",
        traffic=Traffic(octets=20_000_000, client="unread", at=5_000_000),
        expected={"any": _abort_or_unread("inside", "aborted")},
    ),
    _AFTER_CLOSE,
    _AFTER_CLOSE._replace(name="data-after-close-ipv6", family=6),
    _AFTER_CLOSE._replace(
        name="data-after-close-published",
        topology=PUBLISHED,
        expected={"any": [Expected("inside", "EP04", "reset")]},
    ),
    _RACE,
    _RACE._replace(
        name="idle-race-overtaken",
        says="the same; and the server's answer, a RST, overtakes its FIN on the path",
        meddling=(Meddling(_FIN, (Copy(after=0.25),)),),
    ),
    _RACE._replace(
        name="idle-race-short-connections",
        says="of ten connections one meets that race",
        traffic=_RACE.traffic._replace(connections=10),
        meddling=(Meddling(_FIN, (Copy(after=0.3),), times=1), Meddling(_RST, (Copy(after=0.3),))),
    ),
    _LOST,
    _LOST._replace(name="lost-state-ipv6", family=6),
    _LOST._replace(
        name="lost-state-published",
        topology=PUBLISHED,
        expected={"any": [Expected("inside", "EP05", "reset")]},
    ),
    Scenario(
        name="lost-state-client",
        code="EP05",
        says="the client forgets the connection in mid-download, and answers the data with RST",
        traffic=Traffic(octets=20_000_000, client="vanish", at=5_000_000),
        expected={"any": [Expected("inside", "EP05", "unknown")]},
    ),
    Scenario(
        name="lost-state-hang",
        code="EP05",
        says="the server forgets the connection in mid-download: the client is never told, and waits",
        traffic=Traffic(octets=20_000_000, server="vanish", at=5_000_000, pause=0.3, patience=1.5),
        expected={"any": [Expected("outside", "EP05", "aborted")]},
    ),
    Scenario(
        name="keepalive-unanswered",
        code="EP06",
        says="the path loses all while the client waits; its keepalive probes are not answered",
        traffic=Traffic(
            "chat", rounds=9, pause=0.05, patience=5, server="stall", at=5, options=_keepalive("client")
        ),
        acts=(Act(5, "path", "nft", _PATH_DROPS, after=0.4),),
        expected={"any": [Expected("outside", "EP06", "hung", "undetermined")]},
    ),
    Scenario(
        name="keepalive-unanswered-published",
        code="EP06",
        says="the path loses all while the client is idle; the container's probes are not answered",
        traffic=Traffic("chat", rounds=2, pause=4.5, patience=1, options=_keepalive("server")),
        topology=PUBLISHED,
        acts=(Act(1, "path", "nft", _PATH_DROPS, after=0.3),),
        expected={"any": [Expected("outside", "EP06", "unknown", "undetermined")]},
    ),
    Scenario(
        name="keepalive-reset",
        code="EP06",
        says="the server forgets an idle connection; the client's keepalive probe is answered with RST",
        traffic=Traffic("chat", rounds=9, pause=1.5, server="vanish", at=1, options=_keepalive("client")),
        expected={"any": [Expected("outside", "EP06", "reset")]},
    ),
    Scenario(
        name="keepalive-reset-published",
        code="EP06",
        says="the client forgets an idle connection; the server's keepalive probe is answered with RST",
        traffic=Traffic("chat", rounds=9, pause=0.1, client="vanish", at=1, options=_keepalive("server")),
        topology=PUBLISHED,
        expected={"any": [Expected("outside", "EP06", "unknown")]},
    ),
    _RETRANSMISSION,
    Scenario(
        name="retransmission-timeout-server",
        code="EP07",
        says="the path loses all in mid-download; the server's kernel gives up, and the client waits",
        traffic=Traffic(
            octets=50_000_000,
            rate=50_000_000,
            patience=2.2,
            options=(("server", socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3300),),
        ),
        acts=(Act(2_000_000, "path", "nft", _PATH_DROPS),),
        expected={"any": [Expected("outside", "EP07", "hung", "undetermined")]},
    ),
    Scenario(
        name="retransmission-timeout-published",
        code="EP07",
        says="the path loses all in mid-download; the container's kernel gives up",
        traffic=Traffic(
            octets=50_000_000,
            rate=50_000_000,
            patience=4,
            options=(("server", socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2000),),
        ),
        topology=PUBLISHED,
        acts=(Act(2_000_000, "path", "nft", _PATH_DROPS),),
        expected={"any": [Expected("outside", "EP07", "unknown", "undetermined")]},
    ),
    Scenario(
        name="connect-timeout",
        code="EP07",
        says="the path loses all: the SYN is sent again, and never answered",
        traffic=Traffic("connect"),
        settings={"container": {"net.ipv4.tcp_syn_retries": 1}},
        acts=(Act(0, "path", "nft", _PATH_DROPS),),
        expected={"any": [Expected("outside", "EP07", "hung", "undetermined")]},
    ),
    _LATE_ANSWER,
    _LATE_ANSWER._replace(
        name="aborted-client-published",
        topology=PUBLISHED,
        expected={"any": [Expected("outside", "EP08", "aborted")]},
    ),
    Scenario(
        name="max-time",
        code="EP08",
        says="the client's time for a download is over: it closes in order, while data are on their way",
        traffic=Traffic(octets=4_000_000, rate=2_000_000, client="close", at=1_000_000),
        expected={"any": [Expected("inside", "EP08", "aborted")]},
    ),
    Scenario(
        name="clean-download",
        code="EP02",
        says="a download that nobody harms",
        traffic=Traffic(octets=20_000_000),
        expected=_CLEAN,
    ),
    Scenario(
        name="clean-download-published",
        code="EP02",
        says="a download from a published port, with IPv6, that nobody harms",
        traffic=Traffic(octets=20_000_000),
        topology=PUBLISHED,
        family=6,
        expected=_CLEAN,
    ),
    Scenario(
        name="clean-upload",
        code="EP03",
        says="an upload that nobody harms",
        traffic=Traffic("upload", octets=20_000_000),
        expected=_CLEAN,
    ),
    Scenario(
        name="clean-chat",
        code="EP04",
        says="questions and answers that nobody harms",
        traffic=Traffic("chat", rounds=50, pause=0.01),
        expected=_CLEAN,
    ),
    Scenario(
        name="half-close",
        code="EP04",
        says="the client sends FIN after its request, and then receives all that it wanted",
        traffic=Traffic(octets=20_000_000, client="half-close"),
        expected=_CLEAN,
    ),
    Scenario(
        name="short-connections",
        code="EP04",
        says="forty short connections that nobody harms",
        traffic=Traffic("chat", rounds=2, pause=0.02, connections=40),
        expected=_CLEAN,
    ),
)
