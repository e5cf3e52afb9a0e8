"""What the kernel says while packets are recorded: one record for all who may speak.

    source      fields
    nflog       prefix (the tracker's line); the segment; clock: whose the time is, "packet" or "reader"
    nft         rule ("invalid", "reset"), hook ("prerouting", "forward", "output"); the segment; clock
    tracepoint  name ("tcp:tcp_send_reset", "skb:kfree_skb"), skbaddr; where known: src ... dport, reason,
                state
    conntrack   event ("NEW", "DESTROY", "ENTRY": was asked for), src ... dport, reply_src ... reply_dport,
                status, id, where known state, timeout (s), liberal; clock
    counters    of (whose), and the counters by the kernel's names; "reset output" and its like: our rules'
    host        kernel, sysctls by their names, ruleset, routes ...
    recorder    used and lost (sources), missing_SOURCE and broken_SOURCE (why), changed_SYSCTL (what it was)

The segment: src, sport, dst, dport, seq, ack, flags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bypeer.core.addresses import address
from bypeer.core.decode import TCP, TCP_OFFSET_LARGE, TCP_OFFSET_SMALL, decode
from bypeer.core.segment import Segment

# Who may speak: the tracker's log, rules of bypeer's own nft table, tracepoints, ctnetlink's
# events, counters read at times, facts of the host, and the recorder itself.
SOURCES = ("nflog", "nft", "tracepoint", "conntrack", "counters", "host", "recorder")

_WHOLE = (TCP, TCP_OFFSET_SMALL, TCP_OFFSET_LARGE)  # the header's first 20 octets are there
_RAW = 101  # LINKTYPE_RAW: IPv4 or IPv6
_LONGEST = 1 << 16  # octets: how long the packet really was stands in its own header


class Event(NamedTuple):
    """One thing that the kernel said, or that was read from it."""

    ts: int  # ns since the epoch UTC, by the clock that AF_PACKET stamps packets with
    source: str  # one of SOURCES
    fields: Mapping[str, str | int]


def segment_fields(packet: bytes) -> dict[str, str | int]:
    """What names a segment, from the beginning of its IP packet; empty without a whole TCP header."""
    segment = Segment()
    if decode(bytearray(packet), 0, len(packet), _LONGEST, _RAW, segment) not in _WHOLE:
        return {}
    return {
        "src": address((segment.src_hi, segment.src_lo, 0)),
        "sport": segment.sport,
        "dst": address((segment.dst_hi, segment.dst_lo, 0)),
        "dport": segment.dport,
        "seq": segment.seq,
        "ack": segment.ack,
        "flags": segment.flags,
    }
