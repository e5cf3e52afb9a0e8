"""What the kernel might have said of a story: events about segments that were seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bypeer.core.addresses import Endpoint, address
from bypeer.core.evidence import Event, Evidence
from bypeer.core.explain import Analysis
from bypeer.core.segment import Segment
from bypeer.core.study import Sighting
from tests import scene

LATE = "nf_ct_proto_6: SEQ is under the lower bound (already ACKed data retransmitted)"
BEGIN = scene.START - 10**9


def ends(segment: Segment) -> dict[str, Any]:
    """Source and destination."""
    source: Endpoint = (segment.src_hi, segment.src_lo, segment.sport)
    target: Endpoint = (segment.dst_hi, segment.dst_lo, segment.dport)
    return {"src": address(source), "sport": source[2], "dst": address(target), "dport": target[2]}


def about(segment: Segment) -> dict[str, Any]:
    """The fields of an event about a segment."""
    return {**ends(segment), "seq": segment.seq, "ack": segment.ack}


def logged(one: Sighting, line: str, after: int = 5_000) -> Event:
    """A line of the tracker's log; the kernel ends it with a space."""
    return Event(one.segment.ts + after, "nflog", {"prefix": line + " ", **about(one.segment)})


def ruled(one: Sighting, rule: str, hook: str, after: int = 0) -> Event:
    """A packet that a rule of bypeer's own table met."""
    return Event(one.segment.ts + after, "nft", {"rule": rule, "hook": hook, **about(one.segment)})


def listening(*sources: str, lost: str = "") -> Event:
    """The recorder's own account."""
    return Event(BEGIN, "recorder", {"used": " ".join(sources), "lost": lost})


def play(story: str, events: Sequence[Event], **how: Any) -> Analysis:
    """The story with these events beside each of its captures."""
    return scene.play(story, evidence=lambda: Evidence({0: events, 1: events}), **how)
