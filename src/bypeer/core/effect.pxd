# The C types of effect.py: of what looks at each segment, again and again.
cimport cython
from bypeer.core.sweeps cimport earlier, highest_end
from bypeer.core.segment cimport Segment
from bypeer.core.study cimport Sighting

cdef int _ACK, _SYN
cdef long long _NOWHERE

@cython.locals(one=Sighting, top="long long", acked="long long")
cpdef long long _acked(object before, object own, long long ts) except? -1
@cython.locals(one=Sighting, nxt="long long", beyond=list)
cdef long long _contiguous(object before, long long acked) except? -1
@cython.locals(one=Sighting, segment=Segment, newest="long long")
cdef str _survived(object before, long long reach, long long edge, object sent, object own, long long ts)
@cython.locals(one=Sighting)
cdef bint _sent_since(object sent, long long ts, long long octet) except -1
@cython.locals(one=Sighting, newest="long long")
cdef long long _newest(object before) except? -2
@cython.locals(one=Sighting, edge="long long", win="long long")
cdef long long _permitted(object before, int scale) except? -1
@cython.locals(one=Sighting)
cpdef bint _died(object sent, object own, long long ts, long long at) except -1
