# The C types of excerpt.py.
cimport cython
from bypeer.core.conntrack cimport resume, step
from bypeer.core.entry cimport Entry, Rules, Step
from bypeer.core.segment cimport Segment
from bypeer.core.seq cimport distance

cdef long long _WILD, _UNDATED, _NUMBERS
cdef int _HEAD, _MOST_ROWS, _RST, _SYN, _REFUSED

cdef class Excerpt:
    cdef public list rows, bridges
    cdef public tuple stretches
    cdef Rules _rules
    cdef Entry _entry
    cdef Step _out
    cdef long long _at, _refused, _last, _room
    cdef bint _skipping
    cdef bint _known[2]
    cdef long long _fronts[2]
    cdef long long _advances[2]
    cpdef see(self, int direction, Segment segment)
    cdef bint _wanted(self, long long ts) except -1
    cdef _cross(self, long long ts)
    @cython.locals(entry=Entry, out=Step, rules=Rules, end="long long", ahead="long long")
    cdef _track(self, int direction, Segment segment)
