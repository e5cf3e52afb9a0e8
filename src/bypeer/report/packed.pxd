# The C types of packed.py.
cimport cython

cdef unsigned long long _MASK, _SPREAD
cdef int _SHIFT, _SLOTS, _WORDS, _KINDS, _ACK, _WINDOW
cdef long long _UNBOUND

@cython.locals(row="Py_ssize_t", step="long long", before="long long")
cpdef steps(long long[:] values, unsigned long long[:] out)
@cython.locals(row="Py_ssize_t", step="long long", before="long long")
cpdef steps_between(long long[:] values, long long nothing, unsigned long long[:] out)
@cython.locals(
    row="Py_ssize_t", left="Py_ssize_t", value="unsigned long long", slot="unsigned int", known="int",
    slots="unsigned char[:]",
)
cpdef Py_ssize_t words(
    unsigned long long[:] values, unsigned long long[:] found, unsigned char[:] plane, unsigned long long[:] rest
) except -1
@cython.locals(row="Py_ssize_t", step="long long", end="long long", frontier="long long", advance="long long", ends="long long[:]")
cpdef guess(
    long long[:] low,
    unsigned int[:] size,
    long long[:] behind,
    unsigned char[:] kind,
    long long[:] outside,
    unsigned long long[:] lows,
    unsigned long long[:] frontiers,
)
@cython.locals(row="Py_ssize_t", at="Py_ssize_t", edge="long long")
cpdef relate(
    long long[:] ts,
    long long[:] low,
    unsigned int[:] size,
    long long[:] behind,
    unsigned char[:] kind,
    long long[:] when,
    long long[:] lower,
    long long[:] upper,
    long long[:] rows,
    long long[:] after,
)
