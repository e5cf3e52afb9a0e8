"""A segment as tcpdump prints it, so that it can be pasted beside what tcpdump itself says."""

from __future__ import annotations

from collections.abc import Iterable

from bypeer.core import tcp
from bypeer.core.addresses import NAMED, address
from bypeer.core.segment import ABSENT, NO_TIME, Segment


def dump(one: Segment) -> str:
    """The line of `tcpdump -nn -S`: absolute numbers, so that they can be found again.

    The options are those that bypeer reads; of several SACK blocks, the first.
    """
    parts = [f"Flags [{tcp.letters(one.flags)}]"]
    if one.size:
        parts.append(f"seq {one.seq}:{(one.seq + one.size) % (1 << 32)}")
    elif one.flags & (tcp.SYN | tcp.FIN | tcp.RST):
        parts.append(f"seq {one.seq}")
    if one.flags & tcp.ACK_:
        parts.append(f"ack {one.ack}")
    parts.append(f"win {one.win}")
    options = ",".join(_options(one))
    if options:
        parts.append(f"options [{options}]")
    parts.append(f"length {one.size}")
    source, target = (one.src_hi, one.src_lo, one.sport), (one.dst_hi, one.dst_lo, one.dport)
    ends = f"{address(source)}.{one.sport} > {address(target)}.{one.dport}"
    family = "IP6" if one.version == 6 and NAMED not in (one.src_hi, one.dst_hi) else "IP"
    return f"{_clock(one.ts)}{family} {ends}: {', '.join(parts)}"


def _options(one: Segment) -> Iterable[str]:
    if one.mss != ABSENT:
        yield f"mss {one.mss}"
    if one.sack_permitted:
        yield "sackOK"
    if one.timestamps:
        yield f"TS val {one.tsval} ecr {one.tsecr}"
    if one.wscale != ABSENT:
        yield f"wscale {one.wscale}"
    if one.sack_count:
        more = "..." if one.sack_count > 1 else ""
        yield f"sack {one.sack_count} {{{one.dsack_left}:{one.dsack_right}}}{more}"


def _clock(ts: int) -> str:
    """The time of day in UTC; nothing where there is none."""
    if ts == NO_TIME:
        return ""
    seconds, part = divmod(ts // 1000 % 86_400_000_000, 1_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{part:06} "
