# The C types of furthest.py.
cimport cython
from bypeer.core.study cimport Sighting

cdef int _FIN
cdef long long _NOWHERE

@cython.locals(one=Sighting)
cpdef fin(object segments)
@cython.locals(one=Sighting, highest="long long")
cpdef long long highest_ack(object segments) except? -1
@cython.locals(one=Sighting, highest="long long")
cpdef long long highest_end(object segments, long long default) except? -1
