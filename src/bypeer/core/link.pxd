# The C types of link.py: a pointer has no end, so all is checked against `end`. -5 marks an exception: it is none of the negative answers.
cimport cython

from bypeer.core cimport octets as net
from bypeer.core.segment cimport Segment

cdef long long _NO_IP, _ENDS_EARLY, _WRONG_VERSION, _UNKNOWN_LINK
cdef long long _NULL, _ETHERNET, _RAW_BSD, _RAW_OPENBSD, _RAW, _LOOP, _SLL, _IPV4, _IPV6, _SLL2
cdef long long _FAMILY_IPV4, _FAMILIES_IPV6
cdef long long _TYPE_IPV4, _TYPE_IPV6, _TYPE_VLAN, _TYPE_SERVICE_VLAN, _TYPE_OLD_VLAN
cdef long long _TYPE_EXTENDED_TAG, _TYPE_FABRIC_PATH, _SNAP
cdef long long _TYPE_MPLS, _TYPE_MPLS_MULTICAST, _TYPE_PPPOE, _LONGEST_LLC, _PPP_IPV4, _PPP_IPV6, _MOST_TAGS, _MOST_LABELS

cpdef long long network(
    const unsigned char *octets, long long start, long long end, long long link_type, Segment segment
) except -5
@cython.locals(size="long long", _="long long")
cpdef long long past_tags(const unsigned char *octets, long long at, long long end, long long ether_type) except -5
cpdef long long told_by_version(const unsigned char *octets, long long at, long long end) except -5
@cython.locals(family="long long")
cdef long long _rarer(const unsigned char *octets, long long start, long long end, long long link_type) except -5
@cython.locals(protocol="long long", _="long long")
cdef long long _shimmed(const unsigned char *octets, long long at, long long end, long long ether_type) except -5
cdef long long _tag_size(long long ether_type) except -1
