# The C types of tuples.py.
cimport cython
from bypeer.core cimport lines
from bypeer.core.lines cimport Line, Packet, Past

cdef int _SYN, _ACK, _SPECIAL
cdef unsigned long long _SEED, _ODD, _MIX_PORT, _MIX, _MAPPED, _ADDRESS, _IN_PART, _PORT

@cython.locals(mixed="unsigned long long")
cdef unsigned long long end_of(unsigned long long high, unsigned long long low, unsigned long long port) noexcept
cdef void widen(Packet *packet) noexcept
cdef unsigned long long hash_of(Line *line) noexcept
@cython.locals(high="unsigned long long", low="unsigned long long", port="long long", source="unsigned long long")
cpdef unsigned long long hash_of_ends(tuple one, tuple other, long long interface) except? 0
cdef bint from_client(Packet *packet) noexcept
cdef bint one_tuple(Past *one, Past *other) noexcept
@cython.locals(there="bint", back="bint")
cdef int direction(Past *past, Packet *packet) noexcept
