"""The attack that the original investigation feared (its section IV), to be defended against: docs/attack.md.

Somebody beside the host, or beside the container, sends one segment in the server's name that conntrack
calls INVALID; the host answers it with a RST, and that kills the connection. What the forger has to know
is in what it sends: the path looks at the connection for it, and each edit is what it did not know.
"""

from __future__ import annotations

from bypeer.core import tcp
from bypeer.lab.detour import ITSELF, Copy, Meddling
from bypeer.lab.edit import Edit
from bypeer.lab.remedies import REMEDIES
from bypeer.lab.scenario import OPEN, Expected, Scenario
from bypeer.lab.topologies import NEIGHBOURS
from bypeer.lab.traffic import Traffic

_DATA = 'iifname "p0" tcp sport 80 meta length > 200'
_BEYOND = 500_000_000  # octets: beyond any window
_COMPLETED = [Expected("none", None, "completed")]
# What is forged is beyond the window as well: why its sender did so, nobody can see. The client is never told
# if it had acknowledged all that had come when the server died: then it hangs.
_FORGED = [Expected("host", "NF06", outcome, "likely") for outcome in ("reset", "hung")]


def _forged(by: str, ack: int = 0) -> Copy:
    """One octet in the server's name, beyond the window; `ack`: how far its SEG.ACK is off."""
    edit = Edit(
        seq=_BEYOND, ack=ack, flags=tcp.ACK_ | tcp.PSH, ttl=64, id_is=0, bare=True, payload=b"x", window=500
    )
    return Copy(edit=edit, by=by)


def _attack(name: str, says: str, copies: tuple[Copy, ...], expected: list[Expected]) -> Scenario:
    return Scenario(
        name=name,
        code="NF06",
        says=says,
        topology=NEIGHBOURS,
        traffic=Traffic(octets=20_000_000, rate=20_000_000),
        meddling=(Meddling(_DATA, (ITSELF, *copies), at=5_000_000, times=1),),
        expected={"any": expected},
    )


ONE = _attack(
    "forged-segment",
    "a neighbour on the host's outer segment forges one segment, knowing ports and SEG.ACK",
    (_forged("neighbour"),),
    _FORGED,
)
# What rp_filter does, for IPv6 as well.
_FIB = """
table inet spoofed {
    chain prerouting {
        type filter hook prerouting priority raw; policy accept;
        fib saddr . iif oif missing drop
    }
}
"""
_RP_FILTER = {"host": {"net.ipv4.conf.all.rp_filter": 1}}

SCENARIOS = (
    ONE,
    ONE._replace(name="forged-segment-v6", family=6),
    _attack(
        "forged-segment-blind",
        "as forged-segment, with a SEG.ACK that is off by one: the host's RST harms nobody",
        (_forged("neighbour", ack=1),),
        _COMPLETED,
    ),
    _attack(
        "forged-segments",
        "as forged-segment, without the SEG.ACK: three hundred are tried, one of them is right",
        tuple(_forged("neighbour", ack=off) for off in range(-299, 1)),
        _FORGED,
    ),
    ONE._replace(
        name="forged-segment-drop",
        says="as forged-segment, and the host drops INVALID in INPUT: nothing happens",
        rules={"host": REMEDIES["drop-invalid"].rules},
        expected={"any": _COMPLETED},
    ),
    ONE._replace(
        name="forged-segment-rp-filter",
        says="as forged-segment, with rp_filter=1, which does not help: the way to the server is that link",
        settings=_RP_FILTER,
    ),
    _attack(
        "forged-by-lodger",
        "as forged-segment, by another container of the host's, from where neither capture sees it come",
        (_forged("lodger"),),
        [OPEN],
    ),
    _attack(
        "forged-by-lodger-rp-filter",
        "as forged-by-lodger, with rp_filter=1: what comes from the wrong side is discarded",
        (_forged("lodger"),),
        _COMPLETED,
    )._replace(settings=_RP_FILTER),
    _attack(
        "forged-by-lodger-fib",
        "as forged-by-lodger, over IPv6, and a rule discards what comes from the wrong side",
        (_forged("lodger"),),
        _COMPLETED,
    )._replace(family=6, rules={"host": _FIB}),
)
