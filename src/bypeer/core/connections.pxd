# The C types of connections.py.
cimport cython
from bypeer.core cimport connection as summary
from bypeer.core cimport lines, plain, sketch, tuples
from bypeer.core.lines cimport Line, Packet, Past, Way
from bypeer.core.segment cimport Segment
from bypeer.core.trail cimport Trail

cdef long long _NUMBERS, _HALF, _MOST_CONNECTIONS, _UNDATED, _MANY, _MORE
cdef unsigned long long _IN_PART
cdef int _TO_SERVER, _TO_CLIENT, _FIN, _SYN, _RST, _ACK, _SPECIAL, _ABSENT, _FEW_MARKS
cdef int _OPENED, _RESET, _VERSION6, _RARE, _FIRST, _ACKED, _FIN_SEEN, _ISN, _USUAL, _BEGUN

cdef _count(dict counts, int key)

@cython.final
cdef class Connections:
    cdef public long long evicted
    cdef public int direction
    cdef long long _begun
    cdef public long long count
    cdef list _held
    cdef bytearray _memory, _alone
    cdef object _table
    cdef char **pieces
    cdef unsigned long long *_slots
    cdef unsigned long long _mask, _tuples
    cdef public dict rare
    cdef public Trail trail
    cdef unsigned int _block

    @cython.locals(more="bint")
    cdef void expect(self, Packet *packets, Py_ssize_t count) noexcept
    @cython.locals(trail=Trail, row="long long", line="Line *")
    cpdef trace(self, long long frame, long long offset)
    @cython.locals(place="Py_ssize_t", slots="unsigned long long *", mask="unsigned long long",
                   slot="unsigned long long", packet="Packet *", trail=Trail,
                   notes="unsigned int *")
    cdef bint take(self, Packet *packets, Py_ssize_t count) except -1
    @cython.locals(line="Line *", way="Way *", ts="long long", there="unsigned long long",
                   back="unsigned long long", part="unsigned long long", direction="long long",
                   pause="unsigned long long")
    cdef inline bint _add(self, long long row, Packet *packet, Trail trail, unsigned int *notes) except -1
    @cython.locals(packet="Packet *")
    cpdef Py_ssize_t place(self, Segment segment) except -1
    @cython.locals(mixed="unsigned long long", upper="unsigned long long", at="unsigned long long",
                   slot="unsigned long long", row="long long", line="Line *", direction="int")
    cdef Py_ssize_t arrive(self, Packet *packet) except -1
    @cython.locals(there="unsigned long long", back="unsigned long long")
    cdef inline int _direction(self, Line *line, long long row, Packet *packet) noexcept
    @cython.locals(way="Way *", ts="long long")
    cdef inline bint _note(self, Line *line, long long row, int direction, Packet *packet) except -1
    cdef bint _leave(self, Line *line, long long row) except -1
    @cython.locals(way="Way *")
    cdef inline bint _advance(self, Line *line, long long row, int direction, Packet *packet) except -1
    cdef bint _other_ttl(self, Line *line, long long row, int direction, int ttl) except -1
    @cython.locals(way="Way *", past="Past *", flags="int")
    cdef bint _special(self, Line *line, long long row, int direction, Packet *packet) except -1
    @cython.locals(past="Past *")
    cdef bint _mark(self, Line *line, long long row) except -1
    @cython.locals(way="Way *", past="Past *")
    cdef void _options(self, Line *line, long long row, int direction, unsigned int isn, int wscale) noexcept
    cdef _rarity(self, Line *line, long long row)
    @cython.locals(line="Line *", past="Past *", way="Way *", other="Way *", closed=bint, own=bint)
    cdef bint _reborn(self, long long row, int direction, Packet *packet) except -1
    @cython.locals(row="long long", line="Line *")
    cdef Py_ssize_t _begin(self, unsigned long long at, unsigned long long upper, Packet *packet, long long before) except -1
    @cython.locals(latest="long long", source="long long", target="long long")
    cdef Py_ssize_t _evict(self) except -1
    @cython.locals(line="Line *", other="Past *", mixed="unsigned long long", upper="unsigned long long",
                   slot="unsigned long long", at="unsigned long long", row="long long")
    cdef _settle(self, unsigned long long slots)
    cpdef Py_ssize_t number(self, long long row) except -1
