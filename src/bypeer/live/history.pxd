# The C types of history.py.
cimport cython
from bypeer.core.frames cimport Frames
from bypeer.live cimport memory

cdef long long _HEAD, _LARGEST, _BATCH

cdef class Taken(Frames):
    cdef public long long[::1] way
    cdef public long long looked

cdef class History:
    cdef public bytearray octets
    cdef public unsigned char[::1] view
    cdef public list interfaces
    cdef public long long added, overwritten, missed, page, pages, size
    cdef public long long[::1] used, count, oldest, newest, serial
    @cython.locals(size="long long", page="long long", at="long long")
    cpdef long long place(self, long long ts, long long captured, long long length, long long way) except -1
    @cython.locals(page="long long")
    cpdef since(self)
    @cython.locals(turn="long long", page="long long")
    cdef list _now(self, long long since, long long until)
    cdef bint _there(self, long long page, long long serial) except -1
    @cython.locals(serial="long long")
    cdef void _turn(self) except *

@cython.locals(view="unsigned char[::1]", base="long long", row="long long", looked="long long",
               head="long long", ts="long long", captured="long long")
cpdef long long page_part(
    History history, Taken batch, long long page, long long at, long long end, long long since, long long until
) except -1
