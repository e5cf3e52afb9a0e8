# The C types of tracker.py.
cimport cython
from bypeer.core.conntrack cimport expired, step
from bypeer.core.entry cimport Entry, Rules, Step
from bypeer.core.segment cimport Segment

cdef int _REFUSED, _REPLY, _SEEN_REPLY, _ASSURED, _DYING, _TRANSLATED, _TIMER, _NO_TIMER, _NO_BOUND
cdef long long _SECOND, _MASK, _HALF, _FAR

cdef class Tracker:
    cdef public Entry entry
    cdef public Step out
    cdef public int turned, answered
    cdef public Rules rules
    cdef public bint nat
    cdef public dict timers
    cpdef begin(self)
    @cython.locals(entry=Entry, out=Step, old="long long", answer="int")
    cpdef int see(self, int way, Segment segment) except -1
    cpdef list lines(self)
    @cython.locals(index="int")
    cpdef int timer(self, long long timeout) except -1

@cython.locals(end="long long", above="int", seq="int", ack="int", found="long long")
cpdef long long cell(Step out, Segment segment) except -1
@cython.locals(place="int")
cdef int _place(long long gap, int lower) except -1
