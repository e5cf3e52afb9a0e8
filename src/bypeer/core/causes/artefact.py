"""AR: the capture misleads."""

from __future__ import annotations

from bypeer.core import tcp
from bypeer.core.causes.model import Cause, Finding, Seen, refuted, side_name, supported, untestable
from bypeer.core.connection import TO_CLIENT, TO_SERVER
from bypeer.core.study import FOREVER, INSIDE, OUTSIDE
from bypeer.core.sweeps import damaged, larger, shortened, with_flags

_MTU = 9_216  # octets: no Ethernet carries more in one frame (jumbo frames)
_ENOUGH = 8  # segments from which on a pattern is none of chance


def capture_loss(seen: Seen) -> Finding:
    """The capture missed packets: acknowledged data was never captured.

    Predicts:    octets that the receiver acknowledged and that this side never saw; drops in the
                 file's own statistics.
    Refuted by:  every acknowledged octet being there.
    Remedy:      a smaller snaplen, a larger buffer (tcpdump -B), a filter; capture again.
    """
    lacking = [
        (side, info)
        for side, info in enumerate(seen.study.sides)
        if info is not None and (info.holes or info.dropped)
    ]
    if not lacking:
        return refuted("every acknowledged octet was captured")
    words = [
        f"the {side_name(side)} capture missed segments at {len(info.holes)} places" for side, info in lacking
    ]
    return supported("; ".join(words), strong=any(info.lossy for _, info in lacking))


def offload(seen: Seen) -> Finding:
    """Offloading shows segments that were never on the wire so: larger than the MTU, sums not filled in.

    Predicts:    segments above the MTU; bad checksums on what the captured machine itself sends.
    Refuted by:  small segments with good sums.
    Remedy:      none needed: bypeer matches by octet ranges. ethtool -K dev gro off tso off to compare.
    """
    large, bad = larger(seen.study.sightings, _MTU), damaged(seen.study.sightings)
    if large or bad:
        return supported(
            f"{len(large)} segments above any MTU, {len(bad)} with a bad checksum", *(large or bad)[:1]
        )
    return refuted("no segment above any MTU, no bad checksum among those captured whole")


def clocks(seen: Seen) -> Finding:
    """The captures' clocks differ, so that times across them mislead.

    Predicts:    forwarded segments that leave before they arrive.
    Refuted by:  every forwarded segment leaving after it arrived.
    Untestable:  with one vantage.
    Remedy:      none needed: the offset is estimated from both directions' least delays.
    """
    if not seen.study.both:
        return untestable("needs both sides")
    clock = seen.study.clock
    if clock is not None and seen.study.apart:
        gains = f", and gains {clock.rate * 1e6:+.1f} ppm on it" if clock.rate else ""
        return supported(f"the outside clock is {clock.offset / 1e9:+.6f} s from the inside clock{gains}")
    return refuted("both captures agree on the time")


def one_sided(seen: Seen) -> Finding:
    """Only one side, or one direction, was captured: what the other would show is not known.

    Predicts:    no inside or no outside capture of this connection.
    Refuted by:  both sides and both directions being there.
    Remedy:      capture in the container's network and on the host's outer interface at once.
    """
    missing = [side_name(side) for side in (INSIDE, OUTSIDE) if seen.study.sides[side] is None]
    if missing:
        return supported(f"not captured: {', '.join(missing)}")
    directions = {direction for _, direction in seen.study.rows}
    if len(directions) < 2 and len(seen.study.sightings) >= _ENOUGH:
        return supported("only one direction was captured")
    return refuted("both sides and both directions were captured")


def duplicated(seen: Seen) -> Finding:
    """Each packet was captured twice, as on a bridge and its port.

    Predicts:    nearly all segments twice, with the same identification and TTL, microseconds apart.
    Refuted by:  segments seen once.
    Remedy:      none needed: bypeer leaves the copies out. Capture one interface only.
    """
    for side, info in enumerate(seen.study.sides):
        if info is not None and info.copies:
            many = info.copies + info.sightings
            return supported(f"{info.copies} of {many} segments on the {side_name(side)} side are copies")
    return refuted("segments were captured once")


def cut(seen: Seen) -> Finding:
    """The capture began after the handshake, or snaplen cut the TCP header.

    Predicts:    no SYN; options missing.
    Refuted by:  the handshake being there, whole.
    Untestable:  what conntrack's bounds were, where they depend on what came before.
    Remedy:      start the capture first; snaplen 96 or more.
    """
    shown = shortened(seen.study.sightings)
    if shown:
        return supported(f"snaplen cut the TCP options of {len(shown)} segments", shown[0])
    for side in (INSIDE, OUTSIDE):
        rows = [seen.study.at(side, way) for way in (TO_SERVER, TO_CLIENT)]
        if seen.study.sides[side] is not None and not any(with_flags(some, tcp.SYN) for some in rows):
            return supported(f"the {side_name(side)} capture began after the handshake")
    for side, info in enumerate(seen.study.sides):
        if (
            info is not None
            and any(hole.octets and hole.since > -FOREVER for hole in info.holes)
            and not info.lossy
        ):
            return supported(f"the {side_name(side)} capture was cut in the middle")
    return refuted("the captures hold the handshake and what follows")


CAUSES = (
    Cause("AR01", "capture-loss", capture_loss),
    Cause("AR02", "offload", offload),
    Cause("AR03", "clocks", clocks),
    Cause("AR04", "one-sided", one_sided),
    Cause("AR05", "duplicated", duplicated),
    Cause("AR06", "cut", cut),
)
