# The C types of trail.py.
cimport cython
from bypeer.core cimport lines

cdef long long _MOST_BLOCKS, _MOST_NOTES, _NEAR, _SOME

@cython.final
cdef class Trail:
    cdef readonly long long block
    cdef readonly bint vague
    cdef long long[::1] _frames, _offsets, _begins
    cdef unsigned int[::1] _rows
    cdef long long _stride, _due
    cdef public long long notes

    @cython.locals(looked_at=bint)
    cpdef begin(self, long long frame, long long offset)
    cdef unsigned int *room(self, long long count) except NULL
    cdef bint note(self, unsigned int row) except -1
    @cython.locals(seen="unsigned int[::1]", notes="long long", blocks="long long", block="long long",
                   first="long long", stop="long long", at="long long", row="unsigned int")
    cpdef halve(self, long long rows)
    cpdef forget(self)
    @cython.locals(wanted=bytearray, lives=list, found=list, at="long long", block="long long", first="long long",
                   last="long long", stop="long long", offset="long long")
    cpdef list spans(self, object rows, long long count)
    @cython.locals(stop="long long", at="long long", flags="const unsigned char *", rows="unsigned int *")
    cdef bint _has(self, long long block, bytearray wanted) except -1
