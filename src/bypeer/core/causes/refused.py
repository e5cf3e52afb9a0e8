"""NF: resets made by the NAT host on segments that conntrack's rules do not object to."""

from __future__ import annotations

from bypeer.core import tcp
from bypeer.core.causes.model import Cause, Finding, Seen, refuted, supported, untestable
from bypeer.core.kernels import Reason
from bypeer.core.resets import Reset
from bypeer.core.study import Sighting

_IDLE = 1_000_000_000  # ns: a pause worth naming beside a missing entry


def entry_missing(reset: Reset, seen: Seen) -> Finding:
    """The connection's conntrack entry was gone; a good segment was taken for one to the host itself.

    Flushed (conntrack -F or -D), expired while idle, evicted, or lost when a container's
    network was rebuilt. With tcp_loose=1 the segment is picked up as NEW, addressed to the
    host: no socket, a RST, and neither INVALID nor a log line. With tcp_loose=0, or if it is a
    FIN, it is INVALID; then what the inside sends leaks, and a client that sends hangs too.

    A client that only waits for data hangs, for nothing reaches it any more; it is reset if it
    sends (measured, 12 of 12).

    Predicts:    a segment that conntrack would accept, not forwarded, and the host's RST;
                 nothing of its direction is forwarded until a segment the other way makes a
                 new entry; FINs and RSTs of the inside leave untranslated within 10 s (later,
                 a living entry that the RST closed may have expired).
    Refuted by:  replay calling the trigger INVALID; the entry shown alive by a later segment, or
                 by the kernel, which was listened to from its making on and reported no end.
    Untestable:  without both captures.
    Remedy:      stop the flush; raise nf_conntrack_tcp_timeout_established; keepalive. Neither
                 a DROP rule for INVALID (with tcp_loose=1) nor be_liberal helps.
    Counters:    conntrack events show DESTROY, then a short-lived NEW towards the host; a case
                 file has them.
    Source:      measured on 6.18.
    """
    finding = _unexplained(reset, seen)
    trigger = reset.trigger
    if finding is not None:
        return finding if trigger is None or not _for_want_of_one(reset, seen) else _refused_new(reset, seen)
    assert trigger is not None
    if trigger.direction == seen.study.outward:
        return refuted("an outward segment without an entry makes a new one and is translated", trigger)
    gone = seen.heard.gone_before(trigger)
    if gone is not None:
        return supported(
            f"a good segment was not forwarded; its entry had been destroyed {gone / 1e6:.1f} ms before, "
            "as the kernel reported",
            trigger,
            reset.sighting,
        )
    alive = seen.alive(trigger)
    if alive is not None:
        return refuted("a later segment was translated by the entry, so it was there", alive)
    if seen.heard.kept(trigger):
        return refuted("the kernel, which was listened to, reported no end of the entry", trigger)
    return _followed(reset, seen, trigger)


def _followed(reset: Reset, seen: Seen, trigger: Sighting) -> Finding:
    """Whether what followed a good segment that was not forwarded shows that there was no entry."""
    leaks = seen.leaks_after(trigger)
    pause = seen.idle(trigger)
    idle = f", after {pause / 1e9:.1f} s without a segment" if pause >= _IDLE else ""
    if leaks:
        return supported(
            f"a good segment was not forwarded{idle}, and what the inside sent later left untranslated",
            trigger,
            reset.sighting,
            leaks[0],
        )
    again = seen.recovered(trigger)
    if again is not None:
        return supported(
            f"a good segment was not forwarded{idle}; forwarding began again after a segment the other way",
            trigger,
            reset.sighting,
            again,
            strong=False,
        )
    return supported(f"a good segment was not forwarded{idle}", trigger, reset.sighting, strong=False)


def _for_want_of_one(reset: Reset, seen: Seen) -> bool:
    """Whether conntrack refused the trigger with nothing against it but that it cannot make an entry."""
    trigger = reset.trigger
    judgement = seen.judgement(trigger) if trigger is not None else None
    if reset.author != "host" or trigger is None or judgement is None or not judgement.invalid:
        return False
    if judgement.reason in (Reason.OK, Reason.INVALID_NEW):
        return True
    return seen.heard.gone_before(trigger) is not None and not judgement.log


def _refused_new(reset: Reset, seen: Seen) -> Finding:
    """A good segment was INVALID: without an entry, and by the rules it may not make one."""
    trigger = reset.trigger
    assert trigger is not None
    gone = seen.heard.gone_before(trigger)
    judgement = seen.judgement(trigger)
    said = judgement is not None and judgement.reason == Reason.INVALID_NEW
    when = f"; its own had been destroyed {gone / 1e6:.1f} ms before" if gone is not None else ""
    return supported(
        f"conntrack refused to make an entry for a good segment{when}",
        trigger,
        reset.sighting,
        strong=said or gone is not None,
    )


def reject_rule(reset: Reset, seen: Seen) -> Finding:
    """A rule of the host's firewall rejected a good segment with a RST.

    An iptables or nft REJECT with tcp-reset. The RST passes OUTPUT, is not counted in
    TcpOutRsts, and fires no tcp_send_reset event.

    Predicts:    a segment that conntrack accepts, not forwarded, and the host's RST, while the
                 entry lives: a FIN or RST the other way still leaves translated, or segments
                 are refused after a new entry was made.
    Refuted by:  replay calling the trigger INVALID; the inside's FIN or RST leaving untranslated.
    Untestable:  without both captures.
    Remedy:      the rule: its counter shows it (nft list ruleset, iptables -vnL).
    Source:      measured on 6.18.
    """
    asked = reset.trigger
    opening = asked is not None and asked.segment.flags & tcp.OPENING == tcp.SYN
    if reset.author == "host" and asked is not None and opening and asked.twin is None:
        return supported("the host refused the SYN itself", asked, reset.sighting)
    finding = _unexplained(reset, seen)
    if finding is not None:
        return finding
    trigger = reset.trigger
    assert trigger is not None
    if seen.heard.gone_before(trigger) is not None:
        return refuted("the kernel had reported its entry destroyed", trigger)
    leaks = seen.leaks_after(trigger)
    if leaks:
        return refuted("what the inside sent later left untranslated, so the entry was gone", leaks[0])
    if trigger.direction == seen.study.outward:
        return supported("an outward segment was refused by the host itself", trigger, reset.sighting)
    alive = seen.alive(trigger) or seen.refused_later(trigger)
    if alive is not None:
        return supported(
            "a good segment was refused although the entry was there", trigger, reset.sighting, alive
        )
    return supported("a good segment was refused by the host", trigger, reset.sighting, strong=False)


def _unexplained(reset: Reset, seen: Seen) -> Finding | None:
    """None if the host's RST answers a segment that conntrack's rules do not object to."""
    if reset.author != "host":
        return refuted(f"the RST was not made by the host but: {reset.author}")
    if reset.trigger is None:
        return untestable("the segment that the RST answers was not captured: needs the other side's capture")
    if reset.trigger.segment.flags & tcp.SYN:
        return refuted("the trigger is a SYN, which makes its own entry", reset.trigger)
    judgement = seen.judgement(reset.trigger)
    if judgement is None:
        return untestable("needs the capture of the side where the trigger arrived")
    if judgement.reason == Reason.UNKNOWN_BOUND and seen.position(reset.trigger) != Reason.OK:
        return untestable("whether conntrack refused the trigger: needs the capture from the handshake on")
    if judgement.invalid and seen.translated:
        return refuted(
            f"conntrack's rules explain it: the trigger was INVALID ({judgement.reason.name})", reset.trigger
        )
    return None


CAUSES = (
    Cause("NF04", "entry-missing", entry_missing),
    Cause("NF12", "reject-rule", reject_rule),
)
