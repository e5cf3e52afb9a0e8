# The C types of endpoint.py.
cimport cython
from bypeer.core.segment cimport Segment
from bypeer.core.seq cimport after
from bypeer.lab.chance cimport Chance

cdef int _FIN, _SYN, _RST, _PSH, _ACK, _ABSENT
cdef long long _MASK, _HALF

cdef class Endpoint:
    cdef public long long iss, snd_nxt, snd_una, rcv_nxt, edge, peer_win
    cdef public int win, wscale, peer_wscale
    cdef public bint sack, timestamps, syn_sent, syn_got, fin_sent, fin_got, dead
    cpdef be_born(self, Chance chance)
    cpdef say(self, Segment segment, Chance chance)
    cdef _say_syn(self, Segment segment, Chance chance)
    cdef _offer(self, Segment segment)
    @cython.locals(what="int", unacknowledged="long long")
    cdef _say_more(self, Segment segment, Chance chance)
    @cython.locals(permitted="long long")
    cdef _say_data(self, Segment segment, Chance chance)
    cdef _selective(self, Segment segment)
    @cython.locals(flags="int", end="long long", shift="int")
    cpdef hear(self, Segment segment)
    cdef _take(self, Segment segment, long long end)

cpdef blank(Segment segment)
