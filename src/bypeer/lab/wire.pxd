# The C types of wire.py.
cimport cython
from bypeer.core.segment cimport Segment

cdef int _BAD, _TTL, _TCP, _MSS, _WSCALE, _SACK_OK, _SACK, _TIMESTAMPS, _NO_OPTION, _NOP, _F_ACK
cdef int _SLOT, _CLIENT_PORT, _SERVER_PORT, _CLIENT, _SERVER, _MASQUERADED, _SERVICE

cdef class Batch:
    cdef public bytearray octets
    cdef public int most
    cdef public list headers, sizes, ways, expected, conversations, lines

cdef class Packer:
    cdef public int version, ip, client_seen, server_seen
    @cython.locals(octets=bytearray, number="int", at="int", options="int", size="long long", length="int", tcp="int",
                   port="int", total="long long")
    cpdef pack(self, Batch batch, int way, int conversation, Segment segment)
    @cython.locals(source="int", target="int")
    cdef _ip_header(self, bytearray octets, int at, int way, int conversation, int number, long long rest)
    @cython.locals(host="int")
    cdef _address(self, bytearray octets, int at, int group, int conversation)
    cdef long long _pseudo(self, bytearray octets, int at) except -1

@cython.locals(start="int")
cdef int _options(bytearray octets, int at, Segment segment) except -1
@cython.locals(count="int", block="int", last=bint)
cdef int _blocks(bytearray octets, int at, Segment segment) except -1
cdef int _put16(bytearray octets, int at, long long value) except -1
cdef int _put32(bytearray octets, int at, long long value) except -1
@cython.locals(total="long long")
cdef long long _sum(bytearray octets, int at, int end) except -1
cdef int _folded(long long total) except -1
