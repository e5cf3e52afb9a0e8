# The C types of walk.py.
cimport cython
from bypeer.core.frames cimport Frames
from bypeer.core cimport lines
from bypeer.core cimport octets as net

cdef long long _BATCH, _LARGEST, _SECOND, _ENHANCED, _JOURNAL, _SECTION, _SHORTEST, _FIXED
cdef int _AS_TODAY, _SWAPPED

@cython.locals(raw="const unsigned char *", row="long long", at="long long", starts="long long *", sizes="long long *",
               lengths="long long *", times="long long *", interfaces="long long *", offsets="long long *",
               seconds="long long",
               fraction="long long", captured="long long", length="long long")
cpdef long long records(
    bytearray octets, long long pos, long long end, long long base, Frames frames, bint little, long long size,
    long long unit, int order, long long pad
) except -1

@cython.locals(at="long long")
cdef bint _told_twice(const unsigned char *raw, long long pos, long long end, long long total, bint little) noexcept

cdef class Clocks:
    cdef public long long[::1] times, plus, most
    cdef public long long rows

@cython.locals(raw="const unsigned char *", row="long long", starts="long long *", sizes="long long *",
               lengths="long long *", times="long long *", interfaces="long long *", offsets="long long *",
               tick="long long *", plus="long long *", most="long long *", kind="long long", total="long long",
               interface="long long", captured="long long", length="long long", ticks="long long", high="long long", low="long long",
               whole="long long", strange=bint, again="long long")
cpdef long long packets(
    bytearray octets, long long pos, long long end, long long base, Frames frames, bint little, long long first,
    Clocks clocks
) except -1
