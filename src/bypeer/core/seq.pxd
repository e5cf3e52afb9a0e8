# The C types of seq.py: with them the module runs at C speed when compiled.
cimport cython

cdef long long HALF, WRAP, MASK

cpdef bint after(long long a, long long b) noexcept
cpdef bint before(long long a, long long b) noexcept
@cython.locals(gap="long long")
cpdef long long distance(long long a, long long b) noexcept
cpdef long long add(long long a, long long octets) noexcept
cpdef long long later(long long a, long long b) noexcept
