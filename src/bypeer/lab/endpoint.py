"""A small TCP endpoint that behaves: what it would send next, and what it makes of what comes.

It has no timers and no queue: chance decides whether it sends data, repeats, acknowledges or closes,
and all of these are legal. Two of them make the conversations that `mutate` then spoils.

Source: RFC 9293, 3.3.2 and 3.10; RFC 2018; RFC 7413 for data on a SYN. Left out: congestion
control, urgent data, the difference between a lost and a late segment.
"""

from __future__ import annotations

from bypeer.core.segment import Segment
from bypeer.core.seq import after
from bypeer.lab.chance import Chance

_FIN, _SYN, _RST, _PSH, _ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_ABSENT = -1  # segment.ABSENT
_MASK, _HALF = 0xFFFF_FFFF, 1 << 31

_SIZES = (1, 10, 100, 536, 1448, 1448, 1448, 2896, 14_480, 40_000, 64_000)
_WINDOWS = (1, 100, 501, 1000, 8000, 29_200, 65_535, 65_535)
_SHIFTS = (0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255)
_BIRTHS = (0, 1, 0xFFFF_FFFF, 0xFFFF_FF00, 0x7FFF_FFFF, 0x8000_0000)


class Endpoint:
    """One end of a conversation (names of RFC 9293, 3.3.1)."""

    __slots__ = (
        "dead", "edge", "fin_got", "fin_sent", "iss", "peer_win", "peer_wscale", "rcv_nxt", "sack", "snd_nxt",
        "snd_una", "syn_got", "syn_sent", "timestamps", "win", "wscale",
    )  # fmt: skip

    iss: int
    snd_nxt: int
    snd_una: int
    rcv_nxt: int
    edge: int  # highest octet that came, more than rcv_nxt if something before it is missing
    win: int  # that it offers, unscaled
    wscale: int  # that it offers, or ABSENT
    peer_win: int  # octets that the other permits beyond snd_una
    peer_wscale: int
    sack: bool
    timestamps: bool
    syn_sent: bool
    syn_got: bool
    fin_sent: bool
    fin_got: bool
    dead: bool  # a RST ended it

    def __init__(self) -> None:
        self.iss = self.snd_nxt = self.snd_una = self.rcv_nxt = self.edge = 0
        self.win = self.peer_win = 0
        self.wscale = self.peer_wscale = _ABSENT
        self.sack = self.timestamps = self.dead = False
        self.syn_sent = self.syn_got = self.fin_sent = self.fin_got = False

    def be_born(self, chance: Chance) -> None:
        """Begin a connection, the first or another on the same port."""
        self.iss = chance.word() if chance.percent(60) else chance.of(_BIRTHS)
        if self.syn_sent and chance.percent(60):
            self.iss = (self.snd_nxt + chance.below(200_000)) & _MASK  # as a stack that counts on
        self.snd_nxt = self.snd_una = self.iss
        self.rcv_nxt = self.edge = 0
        self.win = chance.of(_WINDOWS)
        self.wscale = chance.of(_SHIFTS) if chance.percent(70) else _ABSENT
        self.peer_win, self.peer_wscale = 65_535, _ABSENT
        self.sack, self.timestamps = chance.percent(60), chance.percent(50)
        self.dead = self.syn_sent = self.syn_got = self.fin_sent = self.fin_got = False

    def say(self, segment: Segment, chance: Chance) -> None:
        """Write what it sends next."""
        blank(segment)
        segment.win, segment.seq = self.win, self.snd_nxt
        segment.timestamps = self.timestamps
        if not self.syn_sent or (not self.syn_got and chance.percent(90)):
            self._say_syn(segment, chance)
            return
        if self.syn_got:
            segment.flags, segment.ack = _ACK, self.rcv_nxt
        else:
            segment.flags = _ACK if chance.percent(50) else _RST
        if self.snd_una == self.iss and chance.percent(40):
            segment.seq, segment.flags = self.iss, _SYN | _ACK  # it comes again
            self._offer(segment)
        else:
            self._say_more(segment, chance)
        self._selective(segment)

    def _say_syn(self, segment: Segment, chance: Chance) -> None:
        segment.seq, segment.flags = self.iss, _SYN
        self._offer(segment)
        if self.syn_got and chance.percent(92):  # else the SYNs cross: simultaneous open
            segment.flags, segment.ack = _SYN | _ACK, self.rcv_nxt
        if not self.syn_sent:
            if chance.percent(8):
                segment.size = chance.of(_SIZES)  # Fast Open
            self.snd_nxt = (self.iss + 1 + segment.size) & _MASK
        self.syn_sent = True
        segment.sack = segment.ack

    def _offer(self, segment: Segment) -> None:
        segment.mss = 1460
        segment.wscale = self.wscale
        segment.sack_permitted = self.sack

    def _say_more(self, segment: Segment, chance: Chance) -> None:
        """Data, an acknowledgement, something again, or the end."""
        what = chance.below(100)
        unacknowledged = (self.snd_nxt - self.snd_una) & _MASK
        if what < 36 and not self.fin_sent:
            self._say_data(segment, chance)
        elif what < 44 and unacknowledged and unacknowledged < _HALF:
            segment.seq = self.snd_una
            segment.size = min(unacknowledged, 1448)
        elif what < 47:
            segment.seq = (self.snd_nxt - 1) & _MASK  # keep-alive
            segment.size = chance.below(2)
        elif what < 50:
            self.snd_nxt = (self.snd_nxt + 1448) & _MASK  # a segment that is lost before it comes here
            segment.seq = self.snd_nxt
        elif what < 57 and (not self.fin_sent or chance.percent(30)):
            if self.fin_sent:
                segment.seq = (self.snd_nxt - 1) & _MASK
            else:
                self.snd_nxt = (self.snd_nxt + 1) & _MASK
            self.fin_sent = True
            segment.flags |= _FIN
        elif what < 59:
            segment.flags = _RST | _ACK if chance.percent(50) else _RST
            self.dead = True
        elif what < 64:
            self.win = segment.win = chance.of(_WINDOWS) if chance.percent(70) else 0

    def _say_data(self, segment: Segment, chance: Chance) -> None:
        permitted = (self.snd_una + self.peer_win - self.snd_nxt) & _MASK
        if permitted == 0 or permitted >= _HALF:
            segment.size = 1  # a probe of a closed window
            return
        segment.size = min(chance.of(_SIZES), permitted)
        if chance.percent(40):
            segment.flags |= _PSH
        self.snd_nxt = (self.snd_nxt + segment.size) & _MASK

    def _selective(self, segment: Segment) -> None:
        segment.sack = segment.ack
        if self.sack and self.edge != self.rcv_nxt and segment.flags & _ACK:
            segment.sack_count = 1
            segment.dsack_left = (self.edge - 1) & _MASK
            segment.dsack_right = segment.sack = self.edge

    def hear(self, segment: Segment) -> None:
        """Take what came; what is out of place is left out of account."""
        flags = segment.flags
        if flags & _RST:
            if segment.seq == self.rcv_nxt or not self.syn_got:
                self.dead = True
            return
        end = segment.end
        if flags & _SYN:
            if not self.syn_got or segment.seq == (self.rcv_nxt - 1) & _MASK:
                self.syn_got = True
                self.rcv_nxt = self.edge = end
                self.peer_wscale = segment.wscale if self.wscale != _ABSENT else _ABSENT
        elif self.syn_got and end != self.rcv_nxt and after(end, self.rcv_nxt):
            self._take(segment, end)
        if flags & _ACK and not after(segment.ack, self.snd_nxt) and not after(self.snd_una, segment.ack):
            self.snd_una = segment.ack
            shift = min(self.peer_wscale, 14) if self.peer_wscale > 0 and not flags & _SYN else 0
            self.peer_win = segment.win << shift

    def _take(self, segment: Segment, end: int) -> None:
        """Octets that are new, or too new."""
        if after(end, self.edge):
            self.edge = end
        if not after(segment.seq, self.rcv_nxt):
            self.rcv_nxt = self.edge
            self.fin_got = self.fin_got or segment.flags & _FIN != 0


def blank(segment: Segment) -> None:
    """A segment without anything, to be written to."""
    segment.flags = segment.seq = segment.ack = segment.sack = segment.size = segment.win = 0
    segment.mss = segment.wscale = _ABSENT
    segment.sack_permitted = segment.timestamps = False
    segment.tsval = segment.tsecr = 0
    segment.sack_count = segment.dsack_left = segment.dsack_right = 0
    segment.checksum = 1  # segment.GOOD
