# The C types of generate.py.
cimport cython
from bypeer.core.entry cimport Entry, Step
from bypeer.core.segment cimport Segment
from bypeer.lab.chance cimport Chance
from bypeer.lab.endpoint cimport Endpoint, blank
from bypeer.lab.mutate cimport onwards, spoil
from bypeer.lab.tracker cimport Tracker, cell
from bypeer.lab.wire cimport Batch, Packer

cdef int _REPEATS, _LONGEST, _REFUSED, ENDPOINTS, TRACKER, REPEATER

cdef class Generator:
    cdef public Chance chance
    cdef public dict coverage
    cdef public tuple ends
    cdef public int kind, left, share, way
    cdef public bint nat, reasons
    cdef public Packer packer
    cdef public object seed
    cdef public Segment segment
    cdef public Tracker tracker
    cpdef fill(self, Batch batch, object number)
    @cython.locals(chance=Chance, end=Endpoint)
    cpdef begin(self, object number)
    cpdef bint follow(self) except -1
    @cython.locals(chance=Chance, tracker=Tracker, segment=Segment, one=Endpoint, other=Endpoint,
                   end=Endpoint, over=bint)
    cdef _converse(self)
    @cython.locals(chance=Chance, tracker=Tracker, entry=Entry, direction="int")
    cdef _wander(self)
    @cython.locals(tracker=Tracker, segment=Segment, answer="int", out=Step, found="long long")
    cdef _play(self, Batch batch, int conversation)
    @cython.locals(end=Endpoint)
    cpdef answered(self, int answer)
