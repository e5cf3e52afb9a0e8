# The C types of fate.py: of what looks at each segment, again and again.
cimport cython
from bypeer.core.sweeps cimport earlier, fin, highest_ack, highest_end
from bypeer.core.study cimport Sighting

cdef int _PROBES_NOT, _SYN
cdef long long _NOWHERE

@cython.locals(one=Sighting, first="long long", open_ended="bint")
cdef long long _first_beyond(object own, long long acked) except? -1
@cython.locals(one=Sighting, syn=Sighting)
cdef long long _opened(object own) except? -1
@cython.locals(one=Sighting, below="bint", found=list)
cdef list _probes(object own, long long top, long long last)
@cython.locals(one=Sighting)
cdef bint _answered_unseen(object study, long long side, Sighting first) except -1
