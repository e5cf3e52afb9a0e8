# The C types of fate.py: of what looks at each segment, again and again.
cimport cython
from bypeer.core.study cimport Sighting

cdef int _FIN

@cython.locals(one=Sighting)
cpdef fin(object segments)
@cython.locals(one=Sighting, highest="long long")
cpdef long long highest_ack(object segments) except? -1
@cython.locals(one=Sighting, highest="long long")
cpdef long long highest_end(object segments, long long default) except? -1
