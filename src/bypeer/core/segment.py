"""One TCP segment as a vantage saw it: what `decode` fills in and everything else reads.

The record is mutable for one reason: on the hot path one of them is filled again and again.
Whoever wants to keep a segment keeps a `copy`.
"""

from __future__ import annotations

# Segment.ts where the source has no date (a pcapng Simple Packet Block).
NO_TIME = -(1 << 63)

# Segment.checksum
UNKNOWN, GOOD, BAD = 0, 1, 2

# Segment.wscale and Segment.mss where the option is absent.
ABSENT = -1


class Segment:
    """A TCP segment, with the few fields of its IP packet and frame that tell who made it.

    Numbers are as on the wire, in host byte order; sequence numbers are absolute.
    """

    __slots__ = (
        "ack", "checksum", "cut", "df", "dport", "dsack_left", "dsack_right", "dst_hi", "dst_lo", "flags",
        "frame", "interface", "ip_id", "length", "mss", "offset", "sack", "sack_count", "sack_permitted",
        "seq", "size", "sport", "src_hi", "src_lo", "timestamps", "ts", "tsecr", "tsval", "ttl", "version",
        "win", "wscale",
    )  # fmt: skip

    frame: int  # number in its file, from 1
    offset: int  # octets from the start of the file to the frame's record
    ts: int  # ns since 1970-01-01T00:00Z by the capturing host's clock, or NO_TIME
    interface: int  # pcapng interface number; combined with SLL2's ifindex and in_tunnel (decode.py)
    length: int  # octets of the frame on the wire
    version: int  # 4 or 6
    src_hi: int  # address as 128 bits in two halves; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)
    src_lo: int
    dst_hi: int
    dst_lo: int
    ttl: int  # or hop limit; 0 where the source does not say (printed text)
    ip_id: int  # IPv4 identification; 0 for IPv6
    df: bool  # IPv4 Don't Fragment; True for IPv6
    sport: int
    dport: int
    seq: int  # SEG.SEQ (RFC 9293, 3.3.1)
    ack: int  # SEG.ACK; void unless flags & tcp.ACK_
    flags: int  # tcp.SYN | tcp.ACK_ ...
    win: int  # SEG.WND as on the wire, unscaled
    size: int  # payload octets by the IP length, not by what was captured
    mss: int  # option, or ABSENT
    wscale: int  # option, as sent (may exceed 14), or ABSENT
    sack_permitted: bool  # option
    timestamps: bool  # whether the option is there; then:
    tsval: int
    tsecr: int
    sack_count: int  # SACK blocks
    sack: int  # highest right edge, or `ack` where no block lies beyond it
    dsack_left: int  # first block (a duplicate SACK if below ack or inside the second: RFC 2883)
    dsack_right: int
    checksum: int  # UNKNOWN (payload not captured whole), GOOD or BAD; BAD may be offload
    cut: bool  # snaplen cut the TCP header or its options

    def __init__(self) -> None:
        self.frame = self.offset = self.interface = self.length = self.version = 0
        self.ts = NO_TIME
        self.src_hi = self.src_lo = self.dst_hi = self.dst_lo = 0
        self.ttl = self.ip_id = self.sport = self.dport = 0
        self.seq = self.ack = self.flags = self.win = self.size = 0
        self.mss = self.wscale = ABSENT
        self.tsval = self.tsecr = self.sack = self.sack_count = self.dsack_left = self.dsack_right = 0
        self.checksum = UNKNOWN
        self.df = self.sack_permitted = self.timestamps = self.cut = False

    def copy(self) -> Segment:
        """The same segment in a record of its own."""
        other = Segment()
        other.frame, other.offset, other.ts = self.frame, self.offset, self.ts
        other.interface, other.length, other.version = self.interface, self.length, self.version
        other.src_hi, other.src_lo = self.src_hi, self.src_lo
        other.dst_hi, other.dst_lo = self.dst_hi, self.dst_lo
        other.ttl, other.ip_id, other.df = self.ttl, self.ip_id, self.df
        other.sport, other.dport = self.sport, self.dport
        other.seq, other.ack, other.flags, other.win = self.seq, self.ack, self.flags, self.win
        other.size, other.mss, other.wscale = self.size, self.mss, self.wscale
        other.sack_permitted, other.timestamps = self.sack_permitted, self.timestamps
        other.tsval, other.tsecr = self.tsval, self.tsecr
        other.sack_count, other.sack = self.sack_count, self.sack
        other.dsack_left, other.dsack_right = self.dsack_left, self.dsack_right
        other.checksum, other.cut = self.checksum, self.cut
        return other

    @property
    def end(self) -> int:
        """The sequence number after the segment's last: SYN and FIN count as one each."""
        return (self.seq + self.size + (self.flags & 1) + (self.flags >> 1 & 1)) % (1 << 32)
