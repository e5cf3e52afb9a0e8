# The C types of numbering.py.
cimport cython
from bypeer.core cimport seq
from bypeer.core.segment cimport Segment
from bypeer.core.study cimport Sighting

cdef int _ACK
cdef long long _NOWHERE, _NEVER, _WILD

@cython.locals(one=Sighting, segment=Segment, way="long long", back="long long", crossed="long long", acks="bint",
               known="bint[2]", base="long long[2]", front="long long[2]", first="long long[4]",
               until="long long", initial=list)
cpdef number(object found)
@cython.locals(direction="long long", began="long long")
cdef _cross(object crossing, long long *first, long long *front)
cdef long long _unwrapped(long long number, bint known, long long base, long long front) noexcept
