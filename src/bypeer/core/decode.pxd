# The C types of decode.py: with them the module runs at C speed when compiled.
cimport cython

from bypeer.core.ether cimport past_ethernet, past_type, told_by_version
from bypeer.core.link cimport network
from bypeer.core cimport octets as net
from bypeer.core.segment cimport Segment
from bypeer.core.seq cimport before

cdef long long _P_ICMP, _P_IPIP, _P_TCP, _P_UDP, _P_IPV6, _P_GRE, _P_ICMPV6
cdef long long _P_HOP, _P_ROUTING, _P_FRAGMENT, _P_AH, _P_DESTINATION
cdef long long _MOST_EXTENSIONS, _MOST_TUNNELS, _BRIDGED, _ONES
cdef long long _PORT_VXLAN, _PORT_VXLAN_LINUX, _PORT_GENEVE, _VXLAN_VALID, _INSIDE_TUNNEL
cdef unsigned long long _MAPPED
cdef long long _SEQ, _ACK, _OFFSET, _FLAGS, _WINDOW, _SHORTEST, _ACK_FLAG, _EOL, _NOP
cdef long long _MSS, _WSCALE, _SACK_PERMITTED, _SACK, _TIMESTAMPS
cdef long long _WITH_TIMESTAMPS, _JUST_TIMESTAMPS, _ETHERNET, _ETHERNET_HEADER, _PLAIN_IPV4
cdef int _ABSENT, _UNKNOWN, _IS_TCP, _IS_LAST_TCP, _IS_OTHER

@cython.locals(end="long long", at="long long", plain=bint, raw="const unsigned char *")
cpdef int decode(
    bytearray octets, long long start, long long captured, long long length, long long link_type,
    Segment segment, bint verify=*
) except -1

cdef int _ip(
    const unsigned char *octets, long long at, long long end, long long wire, Segment segment, bint verify, int depth
) except -1

@cython.locals(header="long long", total="long long", fragment="long long", protocol="long long")
cdef int _ipv4(
    const unsigned char *octets, long long at, long long end, long long wire, Segment segment, bint verify, int depth
) except -1

@cython.locals(room="long long", following="long long", ip="long long", size="long long", _="long long")
cdef int _ipv6(
    const unsigned char *octets, long long at, long long end, long long wire, Segment segment, bint verify, int depth
) except -1

cdef long long _extension_size(long long header, long long units) except -1

@cython.locals(stop="long long", header="long long", options="long long")
cdef int _tcp(
    const unsigned char *octets, long long at, long long end, long long room, Segment segment, bint verify
) except -1

cdef void _clear(Segment segment) noexcept

@cython.locals(have="long long")
cdef void _first_octets(const unsigned char *octets, long long at, long long end, Segment segment) except *

@cython.locals(kind="long long", size="long long")
cdef void _options(const unsigned char *octets, long long at, long long stop, Segment segment) except *

cdef void _syn_option(const unsigned char *octets, long long at, long long kind, long long size, Segment segment) except *

@cython.locals(edge="long long", right="long long")
cdef void _sack(const unsigned char *octets, long long at, long long size, Segment segment) except *

@cython.locals(size="long long", addresses="unsigned long long")
cdef int _checksum(const unsigned char *octets, long long at, long long end, Segment segment) except -1

@cython.locals(kind="int")
cdef int _within(
    const unsigned char *octets, long long at, long long stop, long long end, long long protocol, Segment segment,
    bint verify, int depth
) except -1

@cython.locals(version="long long")
cdef bint _quotes_tcp(const unsigned char *octets, long long at, long long end, long long protocol) except -1

@cython.locals(flags="long long", size="long long", port="long long")
cdef long long _unwrapped(const unsigned char *octets, long long at, long long end, long long protocol) except -5

cdef long long _bridged(const unsigned char *octets, long long at, long long end, long long ether_type) except -5
