# The C types of chance.py.
cimport cython

cdef unsigned long long _MASK, _GAMMA, _FIRST, _SECOND

cdef class Chance:
    cdef public unsigned long long state
    @cython.locals(mixed="unsigned long long")
    cpdef unsigned long long word(self)
    cpdef long long below(self, unsigned long long limit)
    cpdef bint percent(self, int share)
    cpdef long long of(self, tuple values)
