# The C types of study.py.
cimport cython
from bypeer.core cimport seq
from bypeer.core.segment cimport Segment

cdef class Sighting:
    cdef public Segment segment
    cdef public object home
    cdef public Sighting twin
    cdef public long long side, direction, ts, start, end, ack, delay
    cdef public bint stray, is_rst, sure, tracked, passed

cpdef tuple identity(Segment segment)
@cython.locals(one=Sighting)
cdef _date(object found)
@cython.locals(one=Sighting, segment=Segment, way="long long", crossed="long long")
cdef _number(object found)
cdef long long _unwrapped(long long number, object base, long long front) except? -1
@cython.locals(one=Sighting, key=tuple)
cdef dict _unique(object found, int side, int direction)
@cython.locals(one=Sighting, other=Sighting)
cdef _offset(object found)
