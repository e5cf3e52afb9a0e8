# The C types of connections.py.
cimport cython
from bypeer.core.connection cimport Connection, Half, from_client, note, note_options
from bypeer.core.excerpt cimport Excerpt
from bypeer.core.segment cimport Segment
from bypeer.core.seq cimport add

cdef unsigned long long _SEED, _MIX_PORT, _MIX_HIGH, _MIX_1, _MIX_2, _ALL
cdef long long _NUMBERS, _MOST_CONNECTIONS
cdef int _TO_SERVER, _TO_CLIENT, _FIN, _SYN, _RST, _ACK

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
    cdef public object keep
    cdef public bint keeps
    cdef public int direction
    cdef unsigned long long[::1] _slots
    cdef unsigned long long _mask
    cdef unsigned long long _tuples
    cdef long long _begun
    cdef public long long evicted
    @cython.locals(mixed="unsigned long long", upper="unsigned long long", at="unsigned long long",
                   slot="unsigned long long", connection=Connection, direction=int)
    cpdef Connection place(self, Segment segment)
    @cython.locals(connection=Connection)
    cdef Connection _begin(self, unsigned long long at, unsigned long long upper, Segment segment, Connection before)
    cdef _evict(self)
    cdef _grow(self)
    @cython.locals(connection=Connection, mixed="unsigned long long", upper="unsigned long long",
                   slot="unsigned long long", at="unsigned long long", row="long long")
    cdef _settle(self, long long slots)
