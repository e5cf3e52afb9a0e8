"""The verdict on one connection, before it is put into words, and what would settle it."""

from __future__ import annotations

from collections.abc import Sequence

from bypeer.core.causes.model import Seen
from bypeer.core.explanation import Certainty, Killer
from bypeer.core.fate import Silence
from bypeer.core.resets import ENDPOINTS, Reset
from bypeer.core.study import INSIDE, OUTSIDE

OTHER_SIDE = "a capture of the same connection on the {} side of the NAT host"
AT_PEER = "a capture at the peer, or beyond the next router"
BOTH_WAYS = "the captures again, with both directions: of this connection they have only one"
CAPTURED = "the capture files that the text was printed from (tcpdump -w): lines of it may have been left out"
RULESET = "the NAT host's ruleset with its counters, and conntrack -S (nft list ruleset; iptables -vnL)"
FROM_THE_START = "the captures from the handshake on, with all TCP options (tcpdump -s 128)"
WHOLE = "the {} capture again without losses (smaller snaplen, larger buffer: tcpdump -s 96 -B 65536)"


class Conclusion:
    """The verdict on one connection, before it is put into words."""

    __slots__ = ("candidates", "cause", "certainty", "first", "killed_by", "needs", "silence")

    def __init__(
        self,
        killed_by: Killer,
        certainty: Certainty,
        candidates: Sequence[str] = (),
        first: Reset | None = None,
        silence: Silence | None = None,
    ) -> None:
        self.killed_by: Killer = killed_by
        self.certainty: Certainty = certainty
        self.candidates = list(candidates)
        self.needs: list[str] = []
        self.first = first  # the lethal RST
        self.silence = silence
        self.cause: str | None = None


def missing(seen: Seen) -> list[str]:
    """The capture that would settle it."""
    lacking = [
        OTHER_SIDE.format(ENDPOINTS[side]) for side in (INSIDE, OUTSIDE) if seen.study.sides[side] is None
    ]
    if lacking:
        return lacking
    lossy = [side for side, info in enumerate(seen.study.sides) if info is not None and info.lossy]
    return [WHOLE.format(ENDPOINTS[side]) for side in lossy] or [AT_PEER]
