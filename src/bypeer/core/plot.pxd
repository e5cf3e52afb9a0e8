# The C types of plot.py.
cimport cython
from bypeer.core.points cimport Points
from bypeer.core.trace cimport Gaps, Trace

cdef int _IS_ACK, _IS_WINDOW, _IS_SACK, _IS_DATA, _IS_AGAIN, _IS_LATE, _IS_BEYOND, _IS_KEPT, _IS_TRIGGER
cdef int _INSIDE, _OUTSIDE, _SYN, _FIN, _RST, _ACK
cdef int _KEPT, _UNSEEN, _LATE, _OVER, _REFUSED, _JUDGED, _TRIGGER, _AUTHOR
cdef long long _NOWHERE, _WILD, _FAR, _NUMBERS, _SIGN, _NEVER
cdef unsigned char[::1] _RESETS

@cython.final
cdef class Plot:
    cdef tuple _traces
    cdef int _main, _scale
    cdef signed char[::1] _ingress
    cdef list _columns
    cdef long long[::1] _ts, _low, _behind, _outside, _inside
    cdef unsigned int[::1] _size
    cdef unsigned char[::1] _kind
    cdef int[::1] _note
    cdef bint _sorted, _started
    cdef long long _last, _front, _sent, _acked, _widest, _edge, _window, _pending, _pending_end, _now, _unseen
    cdef Gaps _gaps
    cdef public long long count, began
    @cython.locals(inside=Trace, outside=Trace, here="long long", there="long long", first="long long",
                   second="long long")
    cpdef draw(self, long long since, long long unseen)
    @cython.locals(row="long long")
    cpdef marks(self, long long origin)
    @cython.locals(way="int", twin="long long", frame="long long", frames="long long", outside="long long",
                   inside="long long", note="long long")
    cdef _row(self, Trace trace, Trace other, int side, long long row)
    @cython.locals(hints="int", flags="int", size="long long", start="long long", end="long long", kind="int",
                   behind="long long")
    cdef _data(self, Trace trace, long long row, long long outside, long long inside, long long note)
    @cython.locals(repeated="bint", high="long long")
    cdef int _kind_of(self, long long start, long long end, int hints) except -1
    @cython.locals(far="bint")
    cdef Py_ssize_t _pass(self, long long start, long long end, int hints) except? -1
    @cython.locals(pending="long long")
    cdef _settle(self, long long start)
    cdef _reach(self, long long start, long long end)
    @cython.locals(points=Points, hints="int", ack="long long", behind="long long", scale="int",
                   width="long long", edge="long long")
    cdef _answer(self, Trace trace, long long row, long long outside, long long inside, long long note)
    cdef _call(self, int hints, long long low, long long outside, long long inside, long long note)
    @cython.locals(low="long long", size="long long")
    cdef _sack(self, Points points, long long row, long long ack, long long outside, long long inside, long long note)
    @cython.locals(low="long long", kind="int")
    cdef _reset(self, Trace trace, long long row, int way, long long outside, long long inside, long long note)
    @cython.locals(at="long long")
    cdef _put(self, long long low, long long size, long long behind, int kind, long long outside,
              long long inside, long long note)

@cython.locals(ts="long long")
cdef Py_ssize_t _time(Trace trace, long long row) except? -1
@cython.locals(points=Points, room="long long", row="long long")
cdef Py_ssize_t _room(Trace trace, int main, signed char[::1] ingress, int side) except -1
