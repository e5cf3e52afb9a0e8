"""NF: SYNs that the NAT host's tracker dropped, for want of room or of a port; its counters tell."""

from __future__ import annotations

from collections.abc import Sequence

from bypeer.core import tcp
from bypeer.core.causes.model import Cause, Finding, Seen, refuted, supported, untestable
from bypeer.core.connection import TO_SERVER
from bypeer.core.evidence import number
from bypeer.core.study import Sighting

_COUNT, _MAX = "net.netfilter.nf_conntrack_count", "net.netfilter.nf_conntrack_max"


def table_full(seen: Seen) -> Finding:
    """The conntrack table was full: new connections are dropped, others leak.

    Predicts:    "nf_conntrack: table full, dropping packet"; SYNs not forwarded, never answered;
                 drop rises in conntrack -S, and insert_failed does not; early_drop may.
    Refuted by:  the SYNs having been forwarded; drop not rising meanwhile.
    Untestable:  without the kernel log or the counters; a case file has them.
    Remedy:      raise nf_conntrack_max; shorten timeouts.
    Source:      measured on 6.18.
    """
    silence = seen.fates.silence
    if silence is None or not silence.copies[0].segment.flags & tcp.SYN:
        return untestable("needs the kernel log or conntrack -S of the host")
    if any(one.twin is not None for one in silence.copies):
        return refuted("the SYN was forwarded", *silence.copies[:1])
    dropped, failed = _rises(seen, silence.copies)
    if dropped is None or failed is None:
        return untestable("needs the kernel log or conntrack -S of the host")
    if dropped <= failed:
        return refuted("the tracker dropped nothing for want of an entry meanwhile", *silence.copies[:1])
    facts = seen.heard.evidence.facts
    count, most = number(facts, _COUNT), number(facts, _MAX)
    full = count is not None and most is not None and count >= most
    held = f"; the table held {count} entries of {most}" if full else ""
    return supported(
        f"{len(silence.copies)} SYNs were not forwarded while the tracker dropped {dropped - failed} packets"
        f" for which it made no entry{held}",
        *silence.copies[:2],
        strong=full,
    )


def port_race(seen: Seen) -> Finding:
    """Two connections raced for one translated port; a SYN was lost and connecting took 1, 3, 7 s.

    Predicts:    a SYN not forwarded, its repetition forwarded; insert_failed rises.
    Refuted by:  each SYN forwarded; insert_failed not rising meanwhile.
    Untestable:  without conntrack -S; a case file has it.
    Remedy:      MASQUERADE --random-fully; a newer kernel.
    Source:      measured on 6.18, with a port that was taken.
    """
    study = seen.study
    asked = [
        one
        for one in study.at(study.ingress(TO_SERVER), TO_SERVER)
        if one.segment.flags & tcp.OPENING == tcp.SYN
    ]
    lost = [one for one in asked if one.twin is None]
    if asked and not lost:
        return refuted("each SYN was forwarded", asked[0])
    failed = _rises(seen, lost)[1] if lost else None
    if failed is None:
        return untestable("needs insert_failed of conntrack -S on the host")
    if not failed:
        return refuted("no entry of the tracker's failed to be inserted meanwhile", lost[0])
    return supported(
        f"{len(lost)} SYNs were not forwarded while {failed} entries could not be inserted",
        *lost[:2],
        strong=len(lost) < len(asked),
    )


def _rises(seen: Seen, while_: Sequence[Sighting]) -> tuple[int | None, int | None]:
    """By how much `drop` and `insert_failed` rose while these came; None where it was not read."""
    row = while_[0].home.vantage[0]
    times = [one.segment.ts for one in while_]
    return (
        seen.heard.evidence.rise(row, "drop", min(times), max(times)),
        seen.heard.evidence.rise(row, "insert_failed", min(times), max(times)),
    )


CAUSES = (
    Cause("NF11", "table-full", table_full),
    Cause("NF13", "port-race", port_race),
)
