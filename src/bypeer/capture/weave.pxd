# The C types of weave.py.
cimport cython
from bypeer.core.frames cimport Frames

cdef long long _OVERHEAD, _ETHERNET

cdef class Lane:
    cdef public Frames frames
    cdef public long long row, stop, interface
    cdef public bint bare

cdef int _put(bytearray out, long long at, long long value) except -1

@cython.locals(frames=Frames, row="long long", start="long long", captured="long long", link="long long",
               ts="long long", size="long long", padded="long long", total="long long", six=bint,
               offset="long long")
cpdef long long packet(Lane lane, bytearray out, long long at, long long options) except -1

@cython.locals(first=Lane, lane=Lane, row="long long")
cpdef long long weave(list lanes, long long until, bytearray out, long long at) except -1
