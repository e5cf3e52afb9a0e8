"""NF: resets and hangs made by netfilter on the NAT host."""

from __future__ import annotations

from bypeer.core import sweeps, tcp
from bypeer.core.causes.model import Cause, Finding, Seen, refuted, supported, untestable
from bypeer.core.kernels import Reason
from bypeer.core.resets import Reset
from bypeer.core.study import INSIDE, OUTSIDE, Sighting

_IDLE = 1_000_000_000  # ns: a pause worth naming beside a missing entry


def _refused(reset: Reset, seen: Seen, reasons: tuple[Reason, ...], what: str) -> Finding:
    """Whether the host's RST answers a segment that conntrack called INVALID for one of these reasons."""
    if reset.author != "host":
        return refuted(f"the RST was not made by the host but: {reset.author}")
    if not seen.translated:
        return refuted(
            "the host does not translate this connection: it forwards INVALID segments like others"
        )
    if reset.trigger is None:
        return untestable("the segment that the RST answers was not captured: needs the other side's capture")
    judgement = seen.judgement(reset.trigger)
    if judgement is None:
        return untestable("needs the capture of the side where the trigger arrived")
    if judgement.invalid and judgement.reason in reasons:
        return supported(
            f"the RST answers {what}, which was INVALID and not forwarded",
            reset.trigger,
            reset.sighting,
            strong=judgement.sure,
        )
    if judgement.invalid:
        return refuted(f"the trigger was INVALID for another reason: {judgement.reason.name}", reset.trigger)
    if judgement.reason == Reason.UNKNOWN_BOUND:
        if Reason.SEQ_UNDER in reasons and not seen.replay.kernel.late_is_invalid:
            return refuted("under these rules a late segment would have been let through", reset.trigger)
        if seen.position(reset.trigger) in reasons:
            return supported(
                f"the RST answers {what}; conntrack's bounds are not known, for the capture lacks segments",
                reset.trigger,
                reset.sighting,
                strong=False,
            )
        return untestable(
            "the capture began too late to know conntrack's bounds: needs it from the handshake on"
        )
    return refuted("conntrack accepts the trigger under these rules", reset.trigger)


def late_segment(reset: Reset, seen: Seen) -> Finding:
    """Conntrack called a late segment INVALID; untranslated, it met no socket; the host reset the peer.

    A segment below conntrack's lower bound: data that was acknowledged long ago, delayed or
    duplicated on the way. Linux before 6.1 only; later kernels ignore such a segment, that is,
    translate and forward it.

    Predicts:    outside, a segment that replay marks INVALID for its lower bound, not
                 forwarded; within microseconds a RST of the host's own (a TTL that no hop has
                 diminished: 64 unless net.ipv4.ip_default_ttl says otherwise) whose SEG.SEQ
                 is the late segment's SEG.ACK; it repeats.
    Refuted by:  the trigger forwarded, or acceptable to conntrack; a kernel >= 6.1.
    Untestable:  without the outside capture, or where it began after the handshake.
    Remedy:      Linux >= 6.1; drop ctstate INVALID in INPUT; nf_conntrack_tcp_be_liberal=1.
    Counters:    conntrack -S invalid rises by 2 per event; log "SEQ is under the lower bound".
    Source:      measured on 5.10; moby/libnetwork#1090.
    """
    return _refused(reset, seen, (Reason.SEQ_UNDER, Reason.ACK_UNDER), "a late segment")


def beyond_window(reset: Reset, seen: Seen) -> Finding:
    """Conntrack called a segment beyond the window INVALID; the host reset the peer.

    A segment above conntrack's upper bound: a burst of a WAN optimiser, a peer with a stale
    window, a forged segment. Every kernel. An overshoot of less than one window is accepted
    from 6.1 on.

    Predicts:    outside, a segment that replay marks INVALID for its upper bound, not
                 forwarded; then the host's own RST whose SEG.SEQ is its SEG.ACK.
    Refuted by:  the trigger forwarded, or acceptable to conntrack.
    Untestable:  without the outside capture.
    Remedy:      drop ctstate INVALID in INPUT; nf_conntrack_tcp_be_liberal=1.
    Counters:    conntrack -S invalid rises by 2 per event; log "SEQ is over".
    Source:      measured on 5.10, 6.12, 6.18.
    """
    return _refused(reset, seen, (Reason.SEQ_OVER, Reason.OVERSHOOT), "a segment beyond the window")


def ack_of_unseen_data(reset: Reset, seen: Seen) -> Finding:
    """Conntrack called an acknowledgement of data it never saw INVALID.

    Hardware offload, or an asymmetric or multi-homed path, lets data pass beside conntrack.
    The host's RST is harmless where the acknowledgement was wrong, because its SEG.SEQ is that
    SEG.ACK; it kills where the peer had really received the data (measured with offload in one
    direction). With a rule that drops INVALID the connection hangs instead: at once, if no reply
    ever passes the host, for then the client's first ACK is INVALID too. A capture on the host may
    show data that conntrack never saw.

    From Linux 6.1 on a segment that lies beyond the window by less than a window is let through
    and moves conntrack's bounds: what acknowledges more than 66,000 octets below is then ignored,
    with its data, and the acknowledgement of that data is INVALID (measured on 6.18).

    Predicts:    a segment whose SEG.ACK replay finds above the highest octet that passed, not
                 forwarded; the host's RST with that SEG.ACK as SEG.SEQ.
    Refuted by:  the acknowledged data having passed the host.
    Untestable:  without both captures from the handshake on.
    Remedy:      repair the path; nf_conntrack_tcp_be_liberal=1, unless no reply ever passes
                 (measured on 6.18). Not a DROP rule: take it away.
    Counters:    log "ACK is over".
    Source:      measured on 5.10 and 6.18.
    """
    finding = _refused(reset, seen, (Reason.ACK_OVER,), "an acknowledgement of data that conntrack never saw")
    trigger = reset.trigger
    if trigger is None or reset.author != "host":
        return finding
    over = _overshot(trigger, seen)
    if finding.answer == "supported" and over is not None:
        why = "it had let that pass without noting it, for a segment beyond the window had moved its bounds"
        return finding._replace(because=f"{finding.because}; {why}", shown=(*finding.shown, over))
    if finding.answer != "refuted":
        return finding
    known = max(
        (
            one.ack
            for one in seen.study.at(trigger.side, trigger.direction)
            if one.twin is not None and one.ts < trigger.ts
        ),
        default=trigger.ack,
    )
    judgement = seen.judgement(trigger)
    otherwise = judgement is not None and judgement.invalid and judgement.reason != Reason.OK
    if otherwise or trigger.ack <= known or seen.heard.accepted(trigger):
        return finding
    return supported(
        "it is the first to acknowledge data that the captures saw leave; conntrack may not have (offload)",
        trigger,
        strong=False,
    )


def _overshot(trigger: Sighting, seen: Seen) -> Sighting | None:
    """An overshoot that was let through, for which conntrack ignored what the trigger acknowledges.

    Ignored means forwarded and not noted: the acknowledged data passed, yet conntrack has not seen it.
    """
    judged = seen.judgement(trigger)
    if judged is None or not judged.invalid or judged.reason != Reason.ACK_OVER:
        return None
    over = None
    for one in seen.study.sightings:
        judgement = seen.judgement(one)
        if one.ts >= trigger.ts or judgement is None or judgement.invalid:
            continue
        if one.direction == trigger.direction:
            over = one if judgement.reason == Reason.OVERSHOOT else over
        elif over is not None and judgement.reason == Reason.ACK_UNDER and one.start < trigger.ack <= one.end:
            return over
    return None


def malformed(reset: Reset, seen: Seen) -> Finding:
    """Conntrack refused a malformed segment: SYN from the wrong side, SYN with FIN, no flags.

    Without the ACK flag the host answers with RST|ACK and SEG.SEQ 0, which harms nobody; with it
    (SYN|FIN|ACK) its RST bears the right SEG.SEQ and kills (measured). A segment with a bad
    checksum is INVALID too, but no RST follows: the host's TCP discards it as well. Captures
    taken before offload show bad checksums that never existed on the wire.

    Predicts:    a segment with impossible flags, not forwarded; the host's RST|ACK whose
                 SEG.ACK is that segment's end.
    Refuted by:  the trigger's flags being good.
    Untestable:  without the capture of the side where the trigger arrived.
    Remedy:      the NIC's or hypervisor's offload, or whoever sends such segments.
    Counters:    log "invalid tcp flag combination", "packet (index 0) in dir 1 invalid".
    Source:      measured on 6.18.
    """
    if reset.author != "host":
        return refuted(f"the RST was not made by the host but: {reset.author}")
    if reset.trigger is None:
        return untestable("the segment that the RST answers was not captured: needs the other side's capture")
    judgement = seen.judgement(reset.trigger)
    odd = judgement is not None and judgement.invalid
    flags = reset.trigger.segment.flags
    if (
        odd
        and judgement is not None
        and judgement.reason in (Reason.BAD_FLAGS, Reason.INVALID_STATE, Reason.BAD_CHECKSUM)
    ):
        return supported(
            f"the trigger's flags [{tcp.letters(flags)}] make no sense there", reset.trigger, reset.sighting
        )
    return refuted(f"the trigger's flags [{tcp.letters(flags)}] are good", reset.trigger)


def forged_invalid(reset: Reset, seen: Seen) -> Finding:
    """The INVALID segment that made the host reset the peer was not the peer's own.

    Who knows the four-tuple and the exact SEG.ACK needs one segment far beyond the window; the
    host's answer then kills the connection (section IV of the original investigation). Without
    the SEG.ACK each guess costs a segment: docs/attack.md.

    Predicts:    as beyond-window or late-segment, but the trigger's TTL, identification or
                 timestamp does not fit its apparent sender's other packets.
    Refuted by:  all three fitting.
    Untestable:  without the outside capture, or where nothing of the sender's can be compared.
    Remedy:      drop ctstate INVALID in INPUT. rp_filter=1 (IPv6: nft fib saddr . iif oif missing
                 drop) against forgers among the containers or on other links, not against one on
                 the way to the peer (measured on 6.18).
    Source:      measured on 5.10, 6.12, 6.18.
    """
    finding = _refused(
        reset, seen, (Reason.SEQ_OVER, Reason.SEQ_UNDER, Reason.ACK_OVER, Reason.ACK_UNDER), ""
    )
    if finding.answer != "supported":
        return finding
    assert reset.trigger is not None
    misfits = _misfits(reset.trigger, seen)
    if not misfits and not reset.trigger.segment.ttl:
        return untestable("the trigger's TTL is not known: needs the capture file")
    if not misfits:
        return refuted(
            "the trigger's TTL, identification and timestamp fit its sender's other packets", reset.trigger
        )
    strong = any(not misfit.startswith("identification") for misfit in misfits)
    return supported(
        "the trigger does not fit its apparent sender: " + "; ".join(misfits), reset.trigger, strong=strong
    )


def _misfits(trigger: Sighting, seen: Seen) -> list[str]:
    """What of a segment does not fit the packets of its sender round it."""
    segment, rows = trigger.segment, seen.study.at(trigger.side, trigger.direction)
    fellows = sweeps.fellows(rows, trigger, _IDLE)
    found: list[str] = []
    if not fellows.many:
        return found
    if segment.ttl and not fellows.ttl:
        found.append(f"TTL {segment.ttl}")
    if segment.ip_id and fellows.identification:
        found.append(f"identification {segment.ip_id}, which another segment bears")
    least, most = fellows.least, fellows.most
    if segment.timestamps and least is not None and most is not None:
        # What is late may be older than all that was captured, but for a sender's beginning.
        begun = rows[0].segment.flags & tcp.SYN
        if segment.tsval > most or (begun and segment.tsval < least):
            found.append(f"timestamp {segment.tsval}, outside its sender's {least} to {most}")
    elif (least is not None or most is not None) != segment.timestamps:
        found.append("timestamp option " + ("present" if segment.timestamps else "missing"))
    return found


def untranslated_reply(reset: Reset, seen: Seen) -> Finding:
    """Conntrack called a reply INVALID, NAT let it pass untouched, the client pod reset it.

    A service's reply reaches the client pod with the backend's own address, of which the pod
    knows no connection.

    Predicts:    outside, a reply that replay marks INVALID shortly before the RST;
                 inside, that segment arriving from the backend's own address;
                 RST SEG.SEQ = that segment's SEG.ACK (RFC 9293, 3.10.7.1).
    Refuted by:  the reply arriving translated, or no INVALID reply at all.
    Untestable:  without an inside capture.
    Remedy:      drop ctstate INVALID in FORWARD, or nf_conntrack_tcp_be_liberal=1;
                 kube-proxy >= 1.15 does the former by itself.
    Source:      kubernetes/kubernetes#74839.
    """
    if seen.study.sides[INSIDE] is None:
        return untestable("needs the inside capture of this connection")
    if reset.author != "inside":
        return refuted("the RST was not made by the inside endpoint")
    arrived = [
        one
        for one in seen.study.at(INSIDE, 1 - seen.study.outward)
        if one.stray and one.ts <= reset.ts and one.segment.ack == reset.sighting.segment.seq
    ]
    if not arrived:
        return refuted("no reply arrived inside with the backend's own address")
    came = arrived[-1].twin
    refused = came is not None and seen.refuses(came)
    why = ", for it was INVALID" if refused else ""
    return supported(
        f"the RST answers a reply that arrived untranslated{why}", arrived[-1], reset.sighting, strong=refused
    )


def redirect_bypass(reset: Reset, seen: Seen) -> Finding:
    """An INVALID segment skipped a REDIRECT (sidecar proxy) and met the application's port directly.

    The pod's own tracker called it so; untranslated, it met no connection at that port, and the
    pod's kernel reset the client.

    Predicts:    a segment far outside the connection's bounds, forwarded to the pod, that the
                 pod answers as one that knows no such connection (whoever has one answers
                 with an ACK: RFC 9293, 3.10.7.4).
    Refuted by:  the RST not coming from inside, or answering a segment within the bounds.
    Untestable:  whether there is a REDIRECT, without the pod's nat rules; conntrack -S there.
    Remedy:      drop ctstate INVALID in the pod.
    Source:      measured on 6.18.
    """
    if reset.author != "inside" or seen.study.join.client_inside:
        return refuted("the RST was not made by a server inside")
    trigger = reset.trigger
    if trigger is None or trigger.segment.flags & tcp.SYN:
        return untestable("needs the pod's nat rules and conntrack -S of the pod's namespace")
    came = trigger.twin or trigger  # before the host forwarded it
    place = seen.position(came)
    if trigger.stray or place not in (Reason.SEQ_OVER, Reason.ACK_OVER):
        return refuted("the RST does not answer a segment outside the connection's bounds", trigger)
    if not all(side is None or side.complete(came.ts) for side in seen.study.sides):
        return untestable("needs captures without losses: what came just before is missing")
    return supported(
        "the pod answers as a stranger to a segment that its own tracker would call INVALID", trigger
    )


def leaked_untranslated(seen: Seen) -> Finding:
    """A segment of the inside left the host with its private address: the peer is never told.

    The entry had closed or was gone, so the container's own RST or FIN is INVALID and passes
    untranslated. The peer cannot match it and may wait for ever.

    Predicts:    outside, segments with the inside address and the connection's own numbers.
    Refuted by:  all that left being translated.
    Untestable:  without the outside capture.
    Remedy:      drop ctstate INVALID in FORWARD.
    Source:      measured on 5.10 and 6.18.
    """
    if seen.study.sides[OUTSIDE] is None:
        return untestable("needs the outside capture")
    leaks = seen.leaks()
    if not leaks:
        return refuted("nothing left the host untranslated")
    kinds = sorted({tcp.letters(one.segment.flags) for one in leaks})
    return supported(f"{len(leaks)} segments [{' '.join(kinds)}] left with the inside address", *leaks[:3])


CAUSES = (
    Cause("NF01", "late-segment", late_segment),
    Cause("NF02", "beyond-window", beyond_window),
    Cause("NF03", "ack-of-unseen-data", ack_of_unseen_data),
    Cause("NF05", "malformed", malformed),
    Cause("NF06", "forged-invalid", forged_invalid),
    Cause("NF07", "untranslated-reply", untranslated_reply),
    Cause("NF09", "redirect-bypass", redirect_bypass),
    Cause("NF10", "leaked-untranslated", leaked_untranslated),
)
