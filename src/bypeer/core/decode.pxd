# The C types of decode.py: with them the module runs at C speed when compiled.
cimport cython

from bypeer.core.ether cimport past_ethernet, past_type, told_by_version
from bypeer.core.link cimport network
from bypeer.core.octets cimport u16, u32, u64
from bypeer.core.segment cimport Segment
from bypeer.core.seq cimport before

cdef long long _P_ICMP, _P_IPIP, _P_TCP, _P_UDP, _P_IPV6, _P_GRE, _P_ICMPV6
cdef long long _P_HOP, _P_ROUTING, _P_FRAGMENT, _P_AH, _P_DESTINATION
cdef long long _MOST_EXTENSIONS, _MOST_TUNNELS, _BRIDGED, _ONES
cdef long long _PORT_VXLAN, _PORT_VXLAN_LINUX, _PORT_GENEVE, _VXLAN_VALID, _INSIDE_TUNNEL
cdef unsigned long long _MAPPED
cdef long long _SEQ, _ACK, _OFFSET, _FLAGS, _WINDOW, _SHORTEST, _ACK_FLAG, _EOL, _NOP
cdef long long _MSS, _WSCALE, _SACK_PERMITTED, _SACK, _TIMESTAMPS
cdef int _ABSENT, _UNKNOWN, _IS_TCP, _IS_LAST_TCP, _IS_OTHER

@cython.locals(end="long long", at="long long")
cpdef int decode(
    bytearray octets, long long start, long long captured, long long length, long long link_type,
    Segment segment, bint verify=*
) except -1

cdef int _ip(
    bytearray octets, long long at, long long end, long long wire, Segment segment, bint verify, int depth
) except -1

@cython.locals(header="long long", total="long long", fragment="long long", protocol="long long")
cdef int _ipv4(
    bytearray octets, long long at, long long end, long long wire, Segment segment, bint verify, int depth
) except -1

@cython.locals(room="long long", following="long long", ip="long long", size="long long", _="long long")
cdef int _ipv6(
    bytearray octets, long long at, long long end, long long wire, Segment segment, bint verify, int depth
) except -1

cdef long long _extension_size(long long header, long long units) except -1

@cython.locals(stop="long long", header="long long")
cdef int _tcp(
    bytearray octets, long long at, long long end, long long room, Segment segment, bint verify
) except -1

cdef void _clear(Segment segment) except *

@cython.locals(have="long long")
cdef void _first_octets(bytearray octets, long long at, long long end, Segment segment) except *

@cython.locals(kind="long long", size="long long")
cdef void _options(bytearray octets, long long at, long long stop, Segment segment) except *

cdef void _syn_option(bytearray octets, long long at, long long kind, long long size, Segment segment) except *

@cython.locals(edge="long long", right="long long")
cdef void _sack(bytearray octets, long long at, long long size, Segment segment) except *

@cython.locals(size="long long", addresses="unsigned long long")
cdef int _checksum(bytearray octets, long long at, long long end, Segment segment) except -1

@cython.locals(kind="int")
cdef int _within(
    bytearray octets, long long at, long long stop, long long end, long long protocol, Segment segment,
    bint verify, int depth
) except -1

@cython.locals(version="long long")
cdef bint _quotes_tcp(bytearray octets, long long at, long long end, long long protocol) except -1

@cython.locals(flags="long long", size="long long", port="long long")
cdef long long _unwrapped(bytearray octets, long long at, long long end, long long protocol) except -5

cdef long long _bridged(bytearray octets, long long at, long long end, long long ether_type) except -5
