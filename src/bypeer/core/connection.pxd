# The C types of connection.py.
cimport cython
from bypeer.core.excerpt cimport Excerpt
from bypeer.core.segment cimport Segment
from bypeer.core.seq cimport distance

cdef unsigned long long _MIX_SEQ, _MIX_ACK, _MASK
cdef long long _NUMBERS, _UNDATED, _TICK
cdef int _SKETCH, _TO_SERVER, _TO_CLIENT, _FIN, _SYN, _RST, _ACK

cdef class Half:
    cdef public long long segments, octets, resets
    cdef public long long isn, first, low, high, fin_end, acked, tsval
    cdef public int mss, wscale
    cdef public bint sack_permitted, timestamps
    cdef dict _ttls, _reset_ttls
    cdef int _ttl, _kept
    cdef long long _ttl_segments
    cdef unsigned int _most
    cdef unsigned int _prints[24]
    cdef note_reset(self, int ttl)
    cdef note_ttl(self, int ttl)
    @cython.locals(largest=int, at=int)
    cdef note_print(self, unsigned int value)

cdef class Connection:
    cdef public long long number, interface, started, ended, first_frame, last_frame
    cdef public unsigned long long client_hi, client_lo, server_hi, server_lo
    cdef public int client_port, server_port, version
    cdef public Half there, back
    cdef public bint opened, reset
    cdef public Segment pending
    cdef list _marks
    cdef public long long pause
    cdef long long _paused_at, _paused_since
    cdef long long _segments
    cdef long long _clock[4]
    cdef public Excerpt excerpt
    cdef note_time(self, long long ts)
    cdef note_mark(self)
    cdef int direction(self, Segment segment) noexcept

@cython.locals(mixed="unsigned long long")
cpdef unsigned int fingerprint(Segment segment) noexcept
cpdef bint from_client(Segment segment) noexcept
cpdef note_options(Half half, Segment segment)
@cython.locals(half=Half, end="long long", flags=int)
cpdef note(Connection connection, int direction, Segment segment)
