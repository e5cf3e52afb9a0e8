"""PA: what the path did, and the dead ends that an investigation must rule out."""

from __future__ import annotations

from itertools import pairwise

from bypeer.core import tcp
from bypeer.core.causes.model import Cause, Finding, Seen, SeenAll, refuted, supported, untestable
from bypeer.core.fate import received, sent
from bypeer.core.resets import ENDPOINTS, Reset
from bypeer.core.study import INSIDE, OUTSIDE, Sighting

_PAUSE = 1_000_000_000  # ns: from here on a pause is one
_IDLE = 10_000_000_000  # ns: few middleboxes forget sooner (RFC 5382 asks for 2 h 4 min)
_COMMON = (240, 350, 600)  # s: defaults of load balancers and NAT gateways
_MANY = 20  # connections to one peer from which on a limit is worth a thought
_TOGETHER = 2_000_000_000  # ns: failures so close are one moment


def injected_reset(reset: Reset, seen: Seen) -> Finding:
    """Something on the path forged the RST in an endpoint's name.

    Predicts:    TTL, identification or options unlike the sender's own; data from the real
                 sender after its "RST"; several RSTs with stepped SEG.SEQ.
    Refuted by:  the RST fitting its sender, who sends nothing more.
    Untestable:  where the forger matches its TTL and the sender falls silent.
    Remedy:      find the box: compare the TTL with traceroute; ask the network's owners.
    """
    if reset.author == "on-path":
        return supported(reset.author_because, reset.sighting)
    if reset.author == "unknown":
        return untestable("needs other packets of its apparent sender to compare it with")
    if reset.author in ENDPOINTS and not reset.passive and _unstamped(reset, seen):
        return supported(
            "it lacks the timestamp that all other segments of its sender bear", reset.sighting, strong=False
        )
    return refuted(f"made by {reset.author}: {reset.author_because}")


def _unstamped(reset: Reset, seen: Seen) -> bool:
    """Whether a RST of an endpoint's own will has no timestamp, where all else that it sends has one.

    RFC 7323, 3.2: such a RST should have one too. Linux's have (measured on 6.18); not every system's do.
    """
    one = reset.sighting
    others = [o.segment.timestamps for o in seen.study.at(one.side, one.direction) if not o.is_rst]
    return not one.segment.timestamps and not one.segment.cut and bool(others) and all(others)


def idle_timeout(seen: Seen) -> Finding:
    """A middlebox forgot the idle connection: the first segment after the pause met a RST or silence.

    Predicts:    a pause longer than the box's timeout (350 s, 240 s and 600 s are common
                 defaults), then a RST or no answer to the very first segment. After one of
                 seconds it is no more than possible: boxes so hasty are rare.
    Refuted by:  no pause before the end, or one about as long that had been survived.
    Untestable:  which box it was, without a capture beyond it.
    Remedy:      keepalive below the timeout, or raise it.
    Source:      RFC 5382, REQ-5.
    """
    first = next((one for one in seen.resets if one.effect == "lethal"), None)
    silence = seen.fates.silence
    if first is not None and first.author == "host":
        return refuted("the host itself reset the connection")
    if first is not None and first.passive and first.trigger is not None:
        at, what = first.trigger, "was answered by RST"
    elif silence is not None:
        at, what = silence.copies[0], "got no answer"
    else:
        return refuted("the connection did not end at a segment that followed a pause")
    pause = seen.idle(at)
    if pause < _PAUSE:
        return refuted(f"there was no long pause before it ended ({pause / 1e9:.1f} s)")
    survived = _longest_pause(seen, at)
    if pause < 2 * survived:
        return refuted(
            f"a pause of {survived / 1e9:.1f} s had been survived before one of {pause / 1e9:.1f} s"
        )
    strong = any(pause >= seconds * 1_000_000_000 for seconds in _COMMON) or (
        pause >= _IDLE and first is not None and first.author == "on-path"
    )
    return supported(f"the first segment after {pause / 1e9:.0f} s of silence {what}", at, strong=strong)


def _longest_pause(seen: Seen, before: Sighting) -> int:
    """The longest time, ns, in which nothing had passed, up to the pause before that segment."""
    times = [one.ts for one in seen.study.sightings if one.ts < before.ts and one is not before.twin]
    return max((later - earlier for earlier, later in pairwise(times)), default=0)


def backend_changed(reset: Reset, seen: Seen) -> Finding:
    """A mid-stream segment landed on another backend, which knew nothing of the connection.

    Predicts:    a RST that answers the client's segment, without ACK and with its SEG.ACK for
                 SEG.SEQ; perhaps with another TTL than the first backend's packets.
    Refuted by:  a RST that answers nothing: one without a connection only answers.
    Untestable:  without the load balancer's view: a backend that restarted looks the same, and where
                 TTLs differ a forger does.
    Remedy:      the load balancer's session table.
    Source:      RFC 9293, 3.10.7.1.
    """
    if reset.author not in ("outside", "on-path"):
        return refuted(f"made by {reset.author}: {reset.author_because}")
    if not reset.passive or reset.refuses:
        return refuted("the RST does not answer as one who knows no such connection")
    if reset.author == "on-path":
        if any(one.author == "on-path" and not (one.passive and one.trigger) for one in seen.resets):
            return refuted("the path also sent a RST that answers nothing")
        assert reset.trigger is not None  # for it is one of them
        return supported(
            "it answers the segment as a server would that knows no such connection",
            reset.trigger,
            reset.sighting,
            strong=False,
        )
    return untestable("needs the load balancer's session table or captures at the backends")


def rate_limited(every: SeenAll) -> Finding:
    """The peer, or a box before it, limits rate or abuse: resets after a steady amount.

    Predicts:    resets by the peer after about the same number of octets or at the same rate;
                 a plateau of throughput before; many connections to one peer.
    Refuted by:  the failures not being the peer's resets; or different amounts.
    Untestable:  with a single failure: needs several.
    Remedy:      ask the peer; slow down; try from another address.
    """
    killed = [one for one in every.seen if any(r.effect == "lethal" for r in one.resets)]
    if not killed:
        return refuted("no connection was reset")
    by_peer = [one for one in killed if _first_author(one) in ("outside", "on-path")]
    if not by_peer:
        return refuted("none of the resets came first from the peer, or a box before it")
    if len(by_peer) < 3:
        return untestable("needs several connections that the peer reset, to compare their amounts")
    amounts = [max(_octets(one), 1) for one in by_peer]
    if max(amounts) <= 1.1 * min(amounts):
        return supported(
            f"{len(amounts)} connections were reset after about the same {amounts[0]} octets", strong=False
        )
    return refuted(
        f"the peer's resets came after different amounts ({min(amounts)} to {max(amounts)} octets)"
    )


def _first_author(seen: Seen) -> str:
    return next((one.author for one in seen.resets if one.effect == "lethal"), "unknown")


def _octets(seen: Seen) -> int:
    return sum(
        max((one.end for one in way if not one.is_rst), default=0)
        for way in (received(seen.study, INSIDE), sent(seen.study, INSIDE))
    )


def peer_outage(every: SeenAll) -> Finding:
    """The peer failed: several unrelated connections to it ended in one moment.

    Predicts:    connections to one peer fail together.
    Refuted by:  one failing while others to the same peer go on.
    Untestable:  with one connection: needs others to the same peer in the capture.
    Remedy:      the peer's status; its logs at that time.
    """
    ends = sorted(when for when in (_end(one) for one in every.seen if one.fates.failed) if when is not None)
    if every.connections < 2:
        return untestable("needs more than one connection to the peer in the capture")
    if not ends:
        return refuted("no connection failed")
    if every.failed < every.connections:
        return refuted(f"only {every.failed} of {every.connections} connections failed")
    if ends[-1] - ends[0] <= _TOGETHER and len(ends) > 2:
        return supported(
            f"all {len(ends)} connections failed within {(ends[-1] - ends[0]) / 1e9:.1f} s", strong=False
        )
    return refuted("the failures do not lie together in time")


def _end(seen: Seen) -> int | None:
    lethal = [one.ts for one in seen.resets if one.effect == "lethal"]
    return lethal[0] if lethal else (seen.fates.silence.since if seen.fates.silence else None)


def nat_ports_exhausted(every: SeenAll) -> Finding:
    """No translated port was free: new connections fail while old ones live.

    Predicts:    SYNs without an answer from one translated address, many connections to one peer.
    Refuted by:  connections failing after they were established, or few connections in all.
    Untestable:  beyond the host (a cloud's NAT), without that NAT's own counters.
    Remedy:      more addresses or ports per host; reuse connections.
    """
    unanswered = [
        one for one in every.seen if one.fates.silence and one.fates.silence.copies[0].segment.flags & tcp.SYN
    ]
    if not unanswered:
        return refuted("no SYN was left without an answer")
    watched = any(one.study.both for one in every.seen)  # the outside was captured
    held_back = [one for one in unanswered if watched and one.study.sides[OUTSIDE] is None]
    if held_back and every.connections >= _MANY:
        return supported(
            f"{len(held_back)} SYNs were not translated, of {every.connections} connections", strong=False
        )
    return untestable("needs the port counters of every NAT on the path")


CAUSES = (
    Cause("PA01", "injected-reset", injected_reset),
    Cause("PA02", "idle-timeout", idle_timeout),
    Cause("PA03", "backend-changed", backend_changed),
    Cause("PA04", "rate-limited", rate_limited),
    Cause("PA05", "peer-outage", peer_outage),
    Cause("PA06", "nat-ports-exhausted", nat_ports_exhausted),
)
