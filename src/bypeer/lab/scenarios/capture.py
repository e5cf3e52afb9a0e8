"""Captures that mislead, AR01 and on: what nobody did to a connection, and seems to have happened to it.

Each plays a reset by the host, or a download that nothing happens to, and spoils what was captured of it.
Right is what the rest of the evidence allows: the same verdict, a less certain one, or none.
"""

from __future__ import annotations

from collections.abc import Sequence

from bypeer.lab.scenario import OPEN, Expected, Scenario
from bypeer.lab.scenarios.netfilter import SCENARIOS as _NETFILTER
from bypeer.lab.traffic import Traffic

_KILLED = next(one for one in _NETFILTER if one.name == "beyond-window")._replace(
    # Slow enough for the disturbance to come in time, on a busy machine too.
    traffic=Traffic(octets=20_000_000, rate=20_000_000)
)
# The client is never told if it had acknowledged all that had come when the server died: then it hangs.
_CERTAIN = [Expected("host", "NF02", outcome, "certain") for outcome in ("reset", "hung")]
_LIKELY = [Expected("host", "NF02", outcome, "likely") for outcome in ("reset", "hung")]
_PERHAPS = [OPEN, *_LIKELY, Expected("host", "NF02", "unknown", "likely")]
_COMPLETED = Expected("none", None, "completed")
_UNSEEN = Expected("none", None, "unknown")  # nothing shows what the client got


def _rows(
    code: str,
    spoil: str,
    says: str,
    killed: Sequence[Expected],
    plain: Sequence[Expected],
    *,
    shown: bool = True,
) -> tuple[Scenario, ...]:
    """The same spoilt twice: a reset by the host, and a completed download. `shown`: the cause itself is."""
    return (
        _KILLED._replace(
            name=f"reset-{spoil}",
            code=code,
            says=f"the host resets a download (NF02); {says}",
            spoil=spoil,
            supports=(code,) if shown and killed != [OPEN] else (),
            expected={"any": killed},
        ),
        Scenario(
            name=f"download-{spoil}",
            code=code,
            says=f"a download completes; {says}",
            traffic=Traffic(octets=5_000_000),
            spoil=spoil,
            expected={"any": plain},
        ),
    )


SCENARIOS = (
    # Which packets are lacking is left to chance: perhaps the host's RST, or the segment that it answers.
    *_rows(
        "AR01", "thinned", "both captures lack packets here and there", _PERHAPS, [OPEN, _COMPLETED, _UNSEEN]
    ),
    # Where there is no RST it lacks the end, perhaps with the FINs.
    *_rows(
        "AR01", "blind", "the outside lacks what came in the 5 ms before a RST", [OPEN], [_COMPLETED, _UNSEEN]
    ),
    *_rows("AR02", "apart", "segments are merged, sums not filled in", _CERTAIN, [_COMPLETED]),
    # An offset is found and taken out; what the clock gains meanwhile may confuse the order of close ones.
    *_rows("AR03", "shifted", "one clock is ahead and too fast", [*_CERTAIN, *_LIKELY], [_COMPLETED]),
    *_rows("AR04", "inside", "nothing was captured outside", [OPEN], [_COMPLETED]),
    *_rows("AR04", "outside", "nothing was captured inside", _LIKELY, [_COMPLETED]),
    *_rows("AR04", "requests", "only what goes to the server was captured", [OPEN], [_UNSEEN]),
    *_rows("AR04", "answers", "only what comes from the server was captured", [OPEN], [_UNSEEN]),
    *_rows("AR05", "doubled", "each packet was captured twice", _CERTAIN, [_COMPLETED]),
    *_rows("AR05", "merged", "both sides are in one file", _LIKELY, [_COMPLETED], shown=False),
    *_rows("AR06", "headless", "the captures begin in mid-stream", _LIKELY, [_COMPLETED]),
    *_rows("AR06", "no-options", "snaplen cut the TCP options", _LIKELY, [_COMPLETED]),
    *_rows("AR06", "no-headers", "snaplen cut the TCP header", [OPEN], [OPEN]),
)
