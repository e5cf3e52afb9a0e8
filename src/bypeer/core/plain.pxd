# The C types of plain.py.
cimport cython
from bypeer.core cimport lines
from bypeer.core cimport octets as net
from bypeer.core.lines cimport Packet
from bypeer.core.segment cimport Segment

cdef long long _ETHERNET, _SHORTEST, _VERSION_4, _P_TCP, _BARE, _STAMPED, _JUST_TIMESTAMPS, _NUMBERS, _SYN, _ABSENT
cdef unsigned long long _MAPPED

@cython.locals(raw="const unsigned char *", ip="long long", tcp="long long", words="long long", flags="int",
               size="long long")
cdef bint read_plain(const unsigned char *octets, long long start, long long captured, Packet *packet) noexcept
@cython.locals(raw="const unsigned char *", ip="long long")
cdef long long ports_of(const unsigned char *octets, long long start, long long captured) noexcept
cdef void take(Packet *packet, Segment segment) noexcept
