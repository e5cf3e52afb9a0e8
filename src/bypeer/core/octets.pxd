# The C types of octets.py. -1 marks an exception: a 16- or 32-bit number never is.
cimport cython

cpdef long long u16(bytearray octets, long long at) except -1
@cython.locals(high="long long")
cpdef long long u32(bytearray octets, long long at) except -1
@cython.locals(high="unsigned long long")
cpdef unsigned long long u64(bytearray octets, long long at) except? 1
