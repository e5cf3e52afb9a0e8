"""EP: resets and timeouts made by an endpoint."""

from __future__ import annotations

from bypeer.core import tcp
from bypeer.core.causes.model import Cause, Finding, Seen, refuted, supported
from bypeer.core.fate import received, sent
from bypeer.core.resets import ANSWERED, ENDPOINTS, Reset, overtaken
from bypeer.core.study import FOREVER, Sighting, between
from bypeer.core.sweeps import fin

_WAITED = 1_000_000_000  # ns without anything: whoever leaves then has lost patience


def _by_endpoint(reset: Reset) -> Finding | None:
    """None if an endpoint made the RST."""
    if reset.author in ENDPOINTS:
        return None
    return refuted(f"the RST was not made by an endpoint but: {reset.author}")


def _side(reset: Reset) -> int:
    return ENDPOINTS.index(reset.author)


def _earlier(reset: Reset, seen: Seen) -> Reset | None:
    """An earlier RST that had ended the connection of this RST's author."""
    killer = seen.fates.killers[_side(reset)]
    if killer is not None and killer.ts <= reset.ts:
        return killer
    return next(
        (
            one
            for one in seen.resets
            if not one.passive
            and one is not reset
            and one.author == reset.author
            and one.ts <= reset.ts
            and not one.refuses
        ),
        None,
    )


def _closing(reset: Reset, seen: Seen) -> Sighting | None:
    """The FIN with which its sender had closed before; the RST may have overtaken it."""
    closing = fin(sent(seen.study, _side(reset)))
    later = 0 if closing is None else closing.ts - reset.ts
    if closing is None or later >= ANSWERED or (later > 0 and not overtaken(closing, reset.trigger)):
        return None
    return closing


def _told(reset: Reset, seen: Seen, code: str) -> Finding | None:
    """What the kernel that sent the RST says for this cause, or for another; None where it was not heard."""
    means = seen.heard.means(reset)
    if means is None:
        return None
    reason = seen.heard.reasons[id(reset.sighting)]
    if means == code:
        return supported(f"the kernel that sent the RST says why: {reason}", reset.sighting)
    return refuted(f"the kernel that sent the RST gives another reason: {reason}", reset.sighting)


def closed_port(reset: Reset, seen: Seen) -> Finding:
    """Nobody listens on that port: RST|ACK to the SYN.

    Predicts:    a SYN, and RST|ACK whose SEG.ACK is its SEG.SEQ + 1, from the endpoint.
    Refuted by:  the RST answering anything else, or not being the endpoint's.
    Untestable:  a firewall before the peer that rejects with a RST looks the same.
    Remedy:      start the server, or mend the port mapping.
    Source:      RFC 9293, 3.10.7.1.
    """
    finding = _by_endpoint(reset)
    if finding is not None:
        return finding
    flags = reset.trigger.segment.flags if reset.trigger is not None else 0
    if reset.refuses and reset.trigger is not None and flags & (tcp.SYN | tcp.ACK_) == tcp.SYN:
        return supported("RST|ACK answers the SYN", reset.trigger, reset.sighting)
    if reset.refuses:
        return supported("RST|ACK acknowledges the SYN", reset.sighting)
    return refuted("the RST does not answer a SYN")


def abortive_close(reset: Reset, seen: Seen) -> Finding:
    """The application reset the connection in mid-stream: linger 0, a crash, a kill.

    Predicts:    RST|ACK with the endpoint's next sequence number, answering nothing.
    Refuted by:  the RST answering a segment (no ACK flag), or a FIN before it; another reason given by the
                 kernel that sent it (tracepoint tcp_send_reset, Linux 6.12).
    Untestable:  whether data lay unread (unread-data-close) does not show on the wire.
    Remedy:      the application: its log at that time.
    Source:      RFC 9293, 3.10.5 (ABORT).
    """
    finding = _active(reset, seen) or _told(reset, seen, "EP02")
    if finding is not None:
        return finding
    return supported(
        "a RST|ACK that answers nothing: its application or its kernel gave up the connection", reset.sighting
    )


def _active(reset: Reset, seen: Seen) -> Finding | None:
    """None if an endpoint's RST is one of its own will, in mid-stream."""
    finding = _by_endpoint(reset)
    if finding is not None:
        return finding
    if reset.refuses or reset.passive:
        return refuted("the RST answers a segment, as one without a connection does")
    if _earlier(reset, seen) is not None:
        return refuted("its sender's connection had ended before")
    return None


def unread_data_close(reset: Reset, seen: Seen) -> Finding:
    """The application closed with received data unread, so its kernel sent RST instead of FIN.

    Predicts:    RST|ACK soon after data arrived that nobody read.
    Refuted by:  no data having reached the endpoint; another reason given by the kernel that sent it.
    Untestable:  whether it had been read is invisible: alike abortive-close.
    Remedy:      the application: read to the end before closing.
    Source:      RFC 9293, 3.10.4 and RFC 1122, 4.2.2.13.
    """
    finding = _active(reset, seen) or _told(reset, seen, "EP03")
    if finding is not None:
        return finding
    came = between(received(seen.study, _side(reset)), -FOREVER, reset.ts)
    data = next((one for one in reversed(came) if one.segment.size), None)
    if data is None:
        return refuted("no data had reached it")
    return supported(
        "data had reached it; whether it had read them does not show", data, reset.sighting, strong=False
    )


def data_after_close(reset: Reset, seen: Seen) -> Finding:
    """Data came after the receiver had closed: its kernel answered with RST.

    Predicts:    the endpoint's FIN, then data for it, then its RST with their SEG.ACK.
    Refuted by:  no FIN before the RST.
    Untestable:  where the capture began after the FIN.
    Remedy:      the protocol: agree on who closes first; or the closer should read on.
    Source:      RFC 1122, 4.2.2.13.
    """
    finding = _by_endpoint(reset)
    if finding is not None:
        return finding
    closing, told = _closing(reset, seen), _told(reset, seen, "EP04")
    if told is not None and (closing is None or told.answer == "refuted"):
        return told
    if closing is None:
        return refuted("its sender had not closed (no FIN)")
    if reset.trigger is not None and reset.trigger.end > reset.trigger.start:
        return supported(
            "the RST answers data that came after its sender's FIN", closing, reset.trigger, reset.sighting
        )
    return supported("its sender had closed before", closing, reset.sighting, strong=False)


def lost_state(reset: Reset, seen: Seen) -> Finding:
    """The endpoint knew nothing of the connection any more: rebooted, replaced, or reset unseen.

    Predicts:    in mid-stream a RST without ACK whose SEG.SEQ is the trigger's SEG.ACK, with
                 the TTL of the endpoint's other packets, and nothing that ended it before.
    Refuted by:  a FIN or a lethal RST before.
    Untestable:  a RST that reached the endpoint beyond this vantage looks the same.
    Remedy:      find out what became of the endpoint (uptime, pod restarts), or capture there.
    Source:      RFC 9293, 3.10.7.1.
    """
    finding = _by_endpoint(reset)
    if finding is not None:
        return finding
    if reset.refuses or not reset.passive:
        return refuted("the RST is one of a living connection")
    earlier = _earlier(reset, seen)
    if earlier is not None:
        return refuted(
            f"a RST made by {earlier.author} had ended its sender's connection before", earlier.sighting
        )
    closing = _closing(reset, seen)
    if closing is not None:
        return refuted("its sender had closed before (FIN)", closing)
    told = _told(reset, seen, "EP05")
    if told is not None:
        return told
    if reset.trigger is None:
        return supported("a RST without ACK in mid-stream", reset.sighting, strong=False)
    if reset.trigger.stray:
        return refuted("it answers a segment of a connection that it never had", reset.trigger)
    return supported(
        "in mid-stream, its sender answers as one that knows no such connection",
        reset.trigger,
        reset.sighting,
        strong=not reset.injected,
    )


def keepalive_failed(seen: Seen) -> Finding:
    """Keepalive probes were answered by RST, or not at all.

    Predicts:    segments with SEG.SEQ one below what is expected, evenly spaced, then the end.
    Refuted by:  no probe in the capture.
    Remedy:      find what forgot the idle connection; shorten tcp_keepalive_time below its timeout.
    Source:      RFC 9293, 3.8.4. Every 2 h is Linux' default.
    """
    silence = seen.fates.silence
    if silence is not None and _is_probe(silence.copies[-1], seen):
        return supported(f"{len(silence.copies)} keepalive probes without an answer", *silence.copies[-2:])
    for reset in seen.resets:
        if reset.author == "host":
            continue  # which has reasons of its own to refuse what comes
        told = _told(reset, seen, "EP06")
        if told is not None and told.answer == "supported":
            return told
        if reset.trigger is not None and _is_probe(reset.trigger, seen) and reset.effect == "lethal":
            return supported("a keepalive probe was answered by RST", reset.trigger, reset.sighting)
    return refuted("no keepalive probe failed")


def _is_probe(one: Sighting, seen: Seen) -> bool:
    """RFC 9293, 3.8.4: SEG.SEQ = SND.NXT - 1, with no or one octet.

    Where the other's window is shut, that asks whether it has opened (3.8.6.1).
    """
    heard = [
        other.segment.win
        for other in seen.study.at(one.side, 1 - one.direction)
        if other.ts < one.ts and not other.is_rst
    ]
    if heard and heard[-1] == 0:
        return False
    before = [
        other.end
        for other in seen.study.at(one.side, one.direction)
        if other.ts < one.ts and not other.is_rst
    ]
    return (
        bool(before)
        and one.start == max(before) - 1
        and one.end <= max(before)
        and not one.segment.flags & (tcp.SYN | tcp.FIN)
    )


def retransmission_timeout(seen: Seen) -> Finding:
    """Retransmissions with growing pauses and no answer: ETIMEDOUT.

    Predicts:    the same octets again and again, nothing from the other side.
    Refuted by:  an answer, or nothing sent again.
    Untestable:  whether the peer or the path fell silent, without a capture at the peer.
    Remedy:      capture at the peer.
    Source:      RFC 6298; net.ipv4.tcp_retries2, tcp_syn_retries.
    """
    silence = seen.fates.silence
    if silence is None:
        return refuted("nothing was sent again without an answer")
    if _is_probe(silence.copies[-1], seen):
        return refuted("the unanswered segments are keepalive probes")
    span = (silence.copies[-1].ts - silence.copies[0].ts) / 1e9
    return supported(
        f"sent {len(silence.copies)} times in {span:.1f} s without an answer", *silence.copies[:2]
    )


def aborted_client(seen: Seen) -> Finding:
    """The client gave up first: its own timeout, a user's abort, or enough data received.

    Predicts:    the client's FIN or RST while the server still sends or is still silent.
    Refuted by:  the server having ended first.
    Remedy:      the client's timeout, or the server's slowness.
    """
    side = 0 if seen.study.join.client_inside else 1
    name = ENDPOINTS[side]
    acts = [one for one in seen.resets if one.author == name and one.effect != "harmless"]
    if not acts:
        return refuted("the client sent no RST that mattered")
    first = acts[0]
    if seen.heard.means(first) == "EP06":
        return refuted("its kernel gave up, not its program: keepalive failed", first.sighting)
    if any(one.ts < first.ts and one.effect == "lethal" for one in seen.resets):
        return refuted("another RST came before the client's")
    closing = fin(sent(seen.study, side))
    theirs = fin(received(seen.study, side))
    if theirs is not None and theirs.ts < first.ts:
        return refuted("the server had closed before", theirs)
    if closing is not None and closing.ts <= first.ts:
        return supported(
            "the client closed while the server still sent, and reset what came after",
            closing,
            first.sighting,
        )
    if first.passive:
        return refuted("the client's RST answers a segment: it knew no such connection")
    pause = seen.idle(first.sighting)
    waited = f" after waiting {pause / 1e9:.1f} s" if pause >= _WAITED else ""
    return supported(
        f"the client itself reset the connection{waited}", first.sighting, strong=pause >= _WAITED
    )


CAUSES = (
    Cause("EP01", "closed-port", closed_port),
    Cause("EP02", "abortive-close", abortive_close),
    Cause("EP03", "unread-data-close", unread_data_close),
    Cause("EP04", "data-after-close", data_after_close),
    Cause("EP05", "lost-state", lost_state),
    Cause("EP06", "keepalive-failed", keepalive_failed),
    Cause("EP07", "retransmission-timeout", retransmission_timeout),
    Cause("EP08", "user-timeout-or-aborted-client", aborted_client),
)
