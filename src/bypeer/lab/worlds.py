"""Under which settings the model and the kernel are compared: one row a world.

In most worlds every state has a timer of its own, far apart, so that the timer tells the state; in those
named "timers" the two that other rules choose come first, so that these rules show. Real
waiting for real timers is timed.py's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bypeer.core.kernels import RETRANS, UNACK, CtState, Sysctls

# s by CtState, then max_retrans and unacknowledged. All but SYN_SENT2, which has no setting, are
# multiples of shuttle.STEP. ESTABLISHED is the longest, as the kernel's own is.
TELLING = (120, 3000, 3500, 9000, 4000, 4500, 5000, 5500, 6000, 120, 50_000, 60_000)
_TIMERS = (*TELLING[:RETRANS], 2500, 2000)
_CLOSE_LAST = (120, 1500, 2000, 9000, 2500, 3000, 3500, 4000, 7000, 120, 6000, 5000)

# The sysctls of Sysctls.timeouts, by index; NONE and SYN_SENT2 have none.
TIMEOUT_SYSCTLS: dict[int, str] = {
    int(state): f"nf_conntrack_tcp_timeout_{state.name.lower()}"
    for state in CtState
    if CtState.NONE < state < CtState.SYN_SENT2
}
TIMEOUT_SYSCTLS[RETRANS] = "nf_conntrack_tcp_timeout_max_retrans"
TIMEOUT_SYSCTLS[UNACK] = "nf_conntrack_tcp_timeout_unacknowledged"


@dataclass(frozen=True, slots=True)
class World:
    """Settings of the tracker, and what else is different."""

    name: str
    sysctls: Sysctls = field(default_factory=lambda: Sysctls(timeouts=TELLING))
    nat: str = ""  # snat, dnat
    version: int = 4


def _settings(timeouts: tuple[int, ...] = TELLING, **changed: int) -> Sysctls:
    return Sysctls(timeouts=timeouts, **changed)  # type: ignore[arg-type]


WORLDS = (
    World("plain"),
    World("timers", _settings(_TIMERS)),
    World("snat", nat="snat"),
    World("liberal", _settings(tcp_be_liberal=True)),
    World("IPv6", version=6),
    World("not loose", _settings(tcp_loose=False)),
    World("checksums", _settings(checksum=True)),
    World("timers, CLOSE long", _settings(_CLOSE_LAST)),
    World("dnat", nat="dnat"),
    World("RST unchecked", _settings(tcp_ignore_invalid_rst=True)),
    World("no repeats", _settings(_TIMERS, tcp_max_retrans=0)),
    World("IPv6, snat, checksums", _settings(checksum=True), "snat", 6),
    World("many repeats", _settings(_TIMERS, tcp_max_retrans=255)),
    World("IPv6, dnat, timers", _settings(_CLOSE_LAST), "dnat", 6),
    World(
        "liberal, RST unchecked, timers", _settings(_TIMERS, tcp_be_liberal=True, tcp_ignore_invalid_rst=True)
    ),
    World("one repeat, not loose", _settings(_CLOSE_LAST, tcp_max_retrans=1, tcp_loose=False)),
)
