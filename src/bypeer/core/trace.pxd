# The C types of trace.py.
cimport cython
from bypeer.core.points cimport Points

cdef long long _WILD, _NOWHERE, _SIGN, _NUMBERS
cdef int _FIN, _SYN, _RST, _ACK

@cython.final
cdef class Gaps:
    cdef public list starts, ends, times
    cdef public bint forgotten
    cpdef open(self, long long start, long long end, long long since, long long until)
    cpdef bint meet(self, long long start, long long end) except -1
    cpdef move(self, long long octets)
    cpdef Py_ssize_t fill(self, long long start, long long end) except -1

@cython.final
cdef class Trace:
    cdef public Points points
    cdef public long long shift
    cdef public long long[::1] start, numbers, front, acked, octets
    cdef public int[::1] twin
    cdef public unsigned short[::1] hints
    cdef public unsigned char[::1] began
    cdef public dict notes
    cdef public tuple gaps
    @cython.locals(points=Points, row="long long", way="int", flags="int", start="long long", end="long long",
                   ack="long long", begun="long long[::1]", base="long long[::1]", last="long long[::1]")
    cdef _number(self, long long there, long long back)
    @cython.locals(front="long long", gaps=Gaps)
    cdef _cover(self, int way, long long start, long long end, long long since, long long until)
    @cython.locals(gaps=Gaps)
    cpdef bint lost(self, int way, long long start, long long end) except -1
    @cython.locals(points=Points, gaps=Gaps, row="long long")
    cpdef move(self, int way, long long octets)
    @cython.locals(frames="long long[::1]", low="long long", high="long long", middle="long long")
    cpdef Py_ssize_t row(self, long long frame) except? -1

cdef long long _signed(long long number) noexcept
