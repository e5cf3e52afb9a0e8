# The C types of tuples.py.
cimport cython
from bypeer.core cimport lines
from bypeer.core.lines cimport Line, Packet

cdef int _SYN, _ACK
cdef unsigned long long _SEED, _ODD, _MIX_PORT, _MIX_1, _MIX_2, _MAPPED, _ADDRESS, _IN_PART

@cython.locals(mixed="unsigned long long")
cdef unsigned long long end_of(unsigned long long high, unsigned long long low, unsigned long long port) noexcept
@cython.locals(place="Py_ssize_t", packet="Packet *")
cdef void hash_packets(Packet *packets, Py_ssize_t count) noexcept
cdef unsigned long long hash_of(Line *line) noexcept
@cython.locals(high="unsigned long long", low="unsigned long long", port="long long", source="unsigned long long")
cpdef unsigned long long hash_of_ends(tuple one, tuple other, long long interface) except? 0
cdef bint from_client(Packet *packet) noexcept
cdef bint one_tuple(Line *one, Line *other) noexcept
@cython.locals(there="bint", back="bint")
cdef int direction(Line *line, Packet *packet) noexcept
@cython.locals(mixed="unsigned long long")
cdef unsigned long long _mixed(unsigned long long one, unsigned long long other, unsigned long long interface) noexcept
