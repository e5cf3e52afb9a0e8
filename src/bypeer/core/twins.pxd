# The C types of twins.py.
cimport cython
from bypeer.core cimport lines
from bypeer.core.points cimport Points
from bypeer.core.trace cimport Trace

cdef long long _EARLY, _LATE, _BACK, _NEAR, _ABOVE, _TRIES
cdef int _FIN, _SYN, _RST, _PAIRED, _KEPT, _UNSEEN
cdef unsigned long long _SEED, _MIX_1, _MIX_2, _MIX_3

@cython.locals(left="long long", waiting=_Waiting, row="long long", found="long long")
cpdef pair(Trace came, Trace went, int way, long long early)
@cython.locals(at="long long", left="long long", shift="long long", row="long long", ts="long long",
               near="long long", below="long long", last="long long")
cdef Py_ssize_t _in_order(Trace came, Trace went, int way, long long early) except -1

@cython.final
cdef class _Waiting:
    cdef Trace _trace
    cdef unsigned long long _mask
    cdef int[::1] _keys, _latest, _next
    @cython.locals(at="unsigned long long")
    cdef add(self, long long row)
    @cython.locals(at="unsigned long long", came=Trace, ts="long long", found="long long")
    cdef Py_ssize_t take(self, Trace went, long long row, long long early) except? -1
    @cython.locals(points=Points, size="unsigned long long", flags="unsigned long long",
                   mixed="unsigned long long", at="unsigned long long")
    cdef Py_ssize_t _slot(self, Trace trace, long long row) except -1


cdef bint _alike(Points points, long long row, Points others, long long other) except -1

@cython.locals(left="int[::1]", rows="int[::1]", tiles=_Tiles, at="long long", row="long long")
cpdef tile(Trace wholes, Trace others, int way, int later)
@cython.locals(points=Points, found="int[::1]", count="long long", row="long long", alone="bint")
cdef _unpaired(Trace trace, int way)

@cython.final
cdef class _Tiles:
    cdef Trace _trace
    cdef int[::1] _rows
    cdef long long[::1] _given
    cdef long long _at, _time
    cdef int _later
    @cython.locals(ts="long long", points=Points, rows="int[::1]", begin="long long", end="long long",
                   stamp="unsigned long long", found="long long", since="long long")
    cdef Py_ssize_t under(self, Trace wholes, long long row) except? -1
    @cython.locals(trace=Trace, rows="int[::1]", at="long long", first="long long", have="long long",
                   row="long long", lag="long long", high="long long")
    cdef Py_ssize_t _from(self, long long since, long long until, long long begin, long long end,
                         unsigned long long stamp, long long ts, long long whole) except? -1
    @cython.locals(trace=Trace, have="long long", at="long long", row="long long", high="long long")
    cdef _give(self, long long first, long long last, long long begin, long long end, unsigned long long stamp,
               long long whole)

@cython.locals(at="long long", edges="long long[::1]", row="long long", ts="long long", unseen="bint",
               end="long long")
cpdef absent(Trace came, Trace went, int way, object spans)

cdef unsigned long long _stamp(Points points, long long row) except? 0
