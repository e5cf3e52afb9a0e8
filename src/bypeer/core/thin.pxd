# The C types of thin.py.
cimport cython

cdef int _BULK, _OUTLINE

@cython.locals(row="Py_ssize_t", found="long long")
cdef long long _fixed(
    const long long[::1] ts, const unsigned char[::1] kinds, unsigned char[::1] kept, long long start, long long end
) except -1
@cython.locals(at="long long[::1]", rows="long long[::1]", row="Py_ssize_t", start="long long", column="long long",
               kind="int", base="int", one="int")
cdef _outline(
    const long long[::1] ts, const long long[::1] lows, const unsigned int[::1] sizes,
    const long long[::1] behinds, const unsigned char[::1] kinds, unsigned char[::1] kept, long long wide
)
@cython.locals(best="Py_ssize_t")
cdef int _extend(
    long long[::1] rows, int base, Py_ssize_t row, const long long[::1] lows, const unsigned int[::1] sizes,
    const long long[::1] behinds
) except -1
@cython.locals(one="int")
cdef int _keep(long long[::1] rows, int base, unsigned char[::1] kept) except -1
@cython.locals(row="Py_ssize_t", to="Py_ssize_t", at="Py_ssize_t")
cdef _take(const unsigned char[::1] column, const unsigned char[::1] kept, unsigned char[::1] out, Py_ssize_t wide)
