# The C types of shuttle.py.
cimport cython
from bypeer.lab.wire cimport Batch

cdef int _PATIENCE, _SEEN, _SURE, _GONE, _IS_INVALID, _IS_ESTABLISHED, _IS_NEW
cdef int _INVALID, _DROPPED, _OTHER, _NO_TIMER, _TIMER, _REPLY, _SEEN_REPLY, _ASSURED, _DYING, _TRANSLATED
cdef int _SLOT, _AT_EXPIRATION, _AT_STATUS, _AT_DIRECTION, _AT_STATE
cdef long long _STEP

cdef class Shuttle:
    cdef public bytearray buffer
    cdef public object clients, servers, zeros
    cdef public list into
    cdef public int ip
    cdef public tuple timers, marks
    cdef public long long lost, strays
    @cython.locals(answers=list, headers=list, sizes=list, ways=list, count="int", number="int", at="int",
                   size="long long", way="int")
    cpdef play(self, Batch batch)
    @cython.locals(got="int")
    cdef int _answer(self, object fd, int way, int number) except -1
    @cython.locals(buffer=bytearray, label="int")
    cdef int _number(self, int got) except -2
    @cython.locals(buffer=bytearray, tcp="int", marks=tuple, state="int", mark="int", answer="int",
                   status="long long", left="long long", timer="int")
    cdef int _read(self, int way) except -1
    @cython.locals(buffer=bytearray)
    cdef long long _word(self, int at) except -1
