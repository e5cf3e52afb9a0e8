# The C types of points.py.
cimport cython
from bypeer.core.segment cimport Segment

cdef long long _FURTHEST

@cython.final
cdef class Points:
    cdef public long long room, skip, count, passed, last
    cdef public long long[::1] ts, frame
    cdef public unsigned int[::1] seq, ack, size, tsval, left, right
    cdef public unsigned short[::1] win
    cdef public unsigned char[::1] flags, way, stray
    @cython.locals(row="long long")
    cpdef see(self, int way, bint stray, Segment segment)
    @cython.locals(row="long long")
    cpdef lean(self, long long since, long long until, double rate)

@cython.final
cdef class Lane:
    cdef public Points points
    cdef public bint flipped, stray
    cpdef see(self, int direction, Segment segment)
