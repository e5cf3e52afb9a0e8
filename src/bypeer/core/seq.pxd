# The C types of seq.py: with them the module runs at C speed when compiled.
cimport cython

cdef long long HALF
cdef long long WRAP

cpdef bint after(long long a, long long b)
cpdef bint before(long long a, long long b)
@cython.locals(gap="long long")
cpdef long long distance(long long a, long long b)
cpdef long long add(long long a, long long octets)
cpdef long long later(long long a, long long b)
