# The C types of link.py; -5 as in ether.pxd.
cimport cython

from bypeer.core.ether cimport past_ethernet, past_llc, past_pppoe, past_type, told_by_version
from bypeer.core cimport octets as net
from bypeer.core.segment cimport Segment
from bypeer.core.serial cimport past_cisco, past_frame_relay, past_hdlc
from bypeer.core.wireless cimport past_avs, past_prism, past_radiotap, past_wireless

cdef long long _NO_IP, _ENDS_EARLY, _UNKNOWN_LINK
cdef long long _NULL, _ETHERNET, _RAW_BSD, _RAW_OPENBSD, _RAW, _LOOP, _SLL, _IPV4, _IPV6, _SLL2
cdef long long _TOKEN_RING, _PFLOG, _NFLOG, _PPI, _PKTAP, _ATM_CLIP
cdef long long _BY_TYPE, _BY_VERSION, _BY_LLC, _BY_HDLC, _BY_CISCO, _BY_FRAME_RELAY, _BY_ETHERNET
cdef long long _BY_PPPOE, _BY_RADIOTAP, _BY_AVS, _BY_PRISM
cdef dict _FIXED, _OF_JUNIPER
cdef long long _FAMILY_IPV4, _FAMILIES_IPV6, _PAYLOAD, _MAGIC, _EXTENDED, _NO_LINK_LAYER
cdef long long _ROUTED, _SLL_LLC, _FIRST_TYPE

cpdef long long network(
    const unsigned char *octets, long long start, long long end, long long link_type, Segment segment
) except -5
cdef long long _cooked(const unsigned char *octets, long long at, long long end, long long protocol) except -5
@cython.locals(llc="bint")
cdef long long _rarer(const unsigned char *octets, long long start, long long end, long long link_type) except -5
@cython.locals(size="long long", what="long long", where="long long")
cdef long long _past_fixed(const unsigned char *octets, long long start, long long end, tuple row) except -5
cdef long long _past(const unsigned char *octets, long long at, long long end, long long what) except -5
@cython.locals(family="long long")
cdef long long _past_family(const unsigned char *octets, long long start, long long end) except -5
@cython.locals(at="long long")
cdef long long _past_token_ring(const unsigned char *octets, long long start, long long end) except -5
@cython.locals(at="long long", size="long long", kind="long long")
cdef long long _past_nflog(const unsigned char *octets, long long start, long long end) except -5
cdef long long _past_pflog(const unsigned char *octets, long long start, long long end) except -5
@cython.locals(flags="long long", at="long long")
cdef long long _past_juniper(const unsigned char *octets, long long start, long long end, long long what) except -5
@cython.locals(size="long long", inner="long long")
cdef long long _past_ppi(const unsigned char *octets, long long start, long long end, Segment segment) except -5
cdef long long _past_pktap(const unsigned char *octets, long long start, long long end, Segment segment) except -5
cdef long long _inner(
    const unsigned char *octets, long long start, long long end, long long size, long long shortest, long long link_type,
    Segment segment
) except -5
@cython.locals(high="long long")
cdef long long _u32(const unsigned char *octets, long long at) except -5
