# The C types of tuples.py.
cimport cython
from bypeer.core cimport lines
from bypeer.core.lines cimport Line, Packet

cdef int _SYN, _ACK
cdef unsigned long long _SEED, _MIX_PORT, _MIX_HIGH, _MIX_1, _MIX_2

@cython.locals(place="long long", packet="Packet *", source="unsigned long long", target="unsigned long long")
cdef void hash_packets(bytearray packets, long long count, unsigned long long *hashes) noexcept
@cython.locals(client="unsigned long long", server="unsigned long long")
cdef unsigned long long hash_of(Line *line) noexcept
@cython.locals(high="unsigned long long", low="unsigned long long", port="long long",
               source="unsigned long long", target="unsigned long long")
cpdef unsigned long long hash_of_ends(tuple one, tuple other, long long interface) except? 0
cdef bint from_client(Packet *packet) noexcept
cdef bint one_tuple(Line *one, Line *other) noexcept
@cython.locals(mixed="unsigned long long")
cdef unsigned long long _mixed(unsigned long long high, unsigned long long low, unsigned long long port) noexcept
@cython.locals(mixed="unsigned long long")
cdef unsigned long long _folded(unsigned long long one, unsigned long long other, unsigned long long interface) noexcept
