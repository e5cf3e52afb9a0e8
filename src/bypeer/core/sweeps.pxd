# The C types of sweeps.py.
cimport cython
from bypeer.core.segment cimport Segment
from bypeer.core.study cimport Sighting

cdef int _FIN, _BAD
cdef long long _NOWHERE, _UNDATED

@cython.locals(one=Sighting, found=list)
cpdef list earlier(object segments, long long until)
@cython.locals(one=Sighting, segment=Segment, like=Segment, count="long long", ttl="bint", borne="bint")
cpdef fellows(object segments, Sighting odd, long long near)
@cython.locals(one=Sighting)
cpdef fin(object segments)
@cython.locals(one=Sighting, highest="long long")
cpdef long long highest_ack(object segments) except? -1
@cython.locals(one=Sighting, highest="long long")
cpdef long long highest_end(object segments, long long default) except? -1
@cython.locals(one=Sighting)
cpdef with_flags(object segments, int flags)
@cython.locals(one=Sighting, first="long long", last="long long")
cpdef span(object segments)
@cython.locals(one=Sighting, found=list)
cpdef list larger(object segments, long long size)
@cython.locals(one=Sighting, found=list)
cpdef list damaged(object segments)
@cython.locals(one=Sighting, found=list)
cpdef list shortened(object segments)
