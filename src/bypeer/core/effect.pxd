# The C types of effect.py: of what looks at each segment, again and again.
cimport cython
from bypeer.core.study cimport Sighting

@cython.locals(one=Sighting, top="long long", acked="long long")
cpdef long long _acked(object before, object own, long long ts) except? -1
@cython.locals(one=Sighting)
cpdef bint _died(object sent, object own, long long ts, long long at) except -1
