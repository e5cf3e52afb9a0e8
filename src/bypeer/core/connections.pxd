# The C types of connections.py.
cimport cython
from bypeer.core.segment cimport Segment

cdef unsigned long long _MIX_SEQ, _MIX_ACK, _MASK

cdef class Half:
    cdef public long long segments, octets, resets
    cdef public long long isn, first, low, high, fin_end, acked, tsval
    cdef public int mss, wscale
    cdef public bint sack_permitted, timestamps
    cdef public dict ttls, reset_ttls
    cdef public list sketch

cdef class Connection:
    cdef public long long number, interface, started, ended, first_frame, last_frame
    cdef public int version
    cdef public tuple client, server, halves
    cdef public bint opened, reset
    cdef public Segment pending

@cython.locals(mixed="unsigned long long")
cpdef long long fingerprint(Segment segment)

@cython.locals(value="long long", kept=list)
cdef _sketch(Half half, Segment segment)

@cython.locals(half=Half, end="long long", flags=int)
cpdef note(Connection connection, int direction, Segment segment)

cdef class Connections:
    cdef public list rows
    cdef dict _lives
    cpdef tuple place(self, Segment segment)
