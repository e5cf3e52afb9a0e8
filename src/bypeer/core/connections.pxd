# The C types of connections.py.
cimport cython
from bypeer.core.segment cimport Segment
from bypeer.core.seq cimport add, distance

cdef unsigned long long _MIX_SEQ, _MIX_ACK, _MASK, _SEED, _MIX_PORT, _MIX_HIGH, _MIX_1, _MIX_2, _ALL
cdef long long _NUMBERS, _UNDATED
cdef int _SKETCH, _TO_SERVER, _TO_CLIENT, _FIN, _SYN, _RST, _ACK

cdef class Half:
    cdef public long long segments, octets, resets
    cdef public long long isn, first, low, high, fin_end, acked, tsval
    cdef public int mss, wscale
    cdef public bint sack_permitted, timestamps
    cdef public dict reset_ttls
    cdef dict _ttls
    cdef int _ttl, _kept
    cdef long long _ttl_segments
    cdef unsigned int _most
    cdef unsigned int _prints[24]
    cpdef note_ttl(self, int ttl)
    @cython.locals(largest=int, at=int)
    cpdef note_print(self, unsigned int value)

cdef class Connection:
    cdef public long long number, interface, started, ended, first_frame, last_frame
    cdef public unsigned long long client_hi, client_lo, server_hi, server_lo
    cdef public int client_port, server_port, version
    cdef public Half there, back
    cdef public bint opened, reset
    cdef public Segment pending
    cdef public list kept
    cpdef int direction(self, Segment segment) noexcept

@cython.locals(mixed="unsigned long long")
cpdef unsigned int fingerprint(Segment segment) noexcept
cdef bint _from_client(Segment segment) noexcept
cdef _options(Half half, Segment segment)
@cython.locals(half=Half, end="long long", flags=int)
cpdef note(Connection connection, int direction, Segment segment)

@cython.locals(source="unsigned long long", target="unsigned long long")
cpdef unsigned long long tuple_hash(Segment segment) noexcept
@cython.locals(client="unsigned long long", server="unsigned long long")
cpdef unsigned long long tuple_hash_of(Connection connection) noexcept
@cython.locals(mixed="unsigned long long")
cdef unsigned long long _mixed(unsigned long long high, unsigned long long low, unsigned long long port) noexcept
@cython.locals(mixed="unsigned long long")
cdef unsigned long long _folded(unsigned long long one, unsigned long long other, unsigned long long interface) noexcept
@cython.locals(half=Half, other=Half)
cdef bint _reborn(Connection connection, int direction, Segment segment) except -1

cdef class Connections:
    cdef public list rows
    cdef public frozenset keep
    cdef public bint keeps
    cdef public int direction
    cdef unsigned long long[::1] _slots
    cdef unsigned long long _mask
    cdef unsigned long long _tuples
    @cython.locals(mixed="unsigned long long", upper="unsigned long long", at="unsigned long long",
                   slot="unsigned long long", connection=Connection, direction=int)
    cpdef Connection place(self, Segment segment)
    @cython.locals(connection=Connection)
    cdef Connection _begin(self, unsigned long long at, unsigned long long upper, Segment segment, Connection before)
    @cython.locals(old="unsigned long long[::1]", slot="unsigned long long", at="unsigned long long", row="long long")
    cdef _grow(self)
