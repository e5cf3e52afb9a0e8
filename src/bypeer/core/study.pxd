# The C types of study.py.
cimport cython
from bypeer.core.segment cimport Segment

cdef class Sighting:
    cdef public Segment segment
    cdef public object home
    cdef public Sighting twin
    cdef public long long side, direction, ts, start, end, ack, delay
    cdef public bint stray, is_rst, sure, tracked, passed

cpdef tuple identity(Segment segment)
cdef int _RST, _FIN
cdef long long _NOWHERE, _FOREVER, _UNDATED

@cython.locals(one=Sighting, ends="long long[2]", acks="long long[2]", way="long long", both="bint", now="int",
               before="int", found=list)
cdef list _closings(object sightings)
@cython.locals(one=Sighting)
cdef Sighting _sighting(Segment segment, long long side, long long direction, object home, bint stray)
@cython.locals(one=Sighting, before="long long")
cdef bint _in_order(list sightings) except -1
@cython.locals(one=Sighting, rows=list)
cdef _by_row(object found)
@cython.locals(one=Sighting, last="long long[2]", dated="bint")
cdef _date(object found)
@cython.locals(one=Sighting, key=tuple)
cdef dict _unique(object found, int side, int direction)
@cython.locals(one=Sighting, other=Sighting)
cdef _clock(object found)
