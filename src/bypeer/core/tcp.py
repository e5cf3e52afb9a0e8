"""The TCP header: where its fields lie, and its flag bits (RFC 9293, 3.1)."""

from __future__ import annotations

# Octets from the start of the header.
SPORT, DPORT, SEQ, ACK, OFFSET, FLAGS, WINDOW, CHECKSUM, URGENT = 0, 2, 4, 8, 12, 13, 14, 16, 18
SHORTEST = 20

# Bits of the octet at FLAGS. ACK is also a field, hence the underscore.
FIN, SYN, RST, PSH, ACK_, URG, ECE, CWR = (1 << bit for bit in range(8))
OPENING = SYN | FIN | RST | ACK_  # a segment that has SYN alone of these asks for a connection

# Option kinds: RFC 9293, 3.1; RFC 7323; RFC 2018.
EOL, NOP, MSS, WSCALE, SACK_PERMITTED, SACK, TIMESTAMPS = 0, 1, 2, 3, 4, 5, 8

# RFC 7323, 2.3: a larger shift must be taken as 14.
WSCALE_MAX = 14

_LETTERS = ((FIN, "F"), (SYN, "S"), (RST, "R"), (PSH, "P"), (ACK_, "."), (URG, "U"), (ECE, "E"), (CWR, "W"))


def letters(flags: int) -> str:
    """The flags as tcpdump writes them: `S.` for SYN with ACK, `none` for no flag at all."""
    return "".join(letter for bit, letter in _LETTERS if flags & bit) or "none"
