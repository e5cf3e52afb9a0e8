# The C types of serial.py; -5 as in ether.pxd.
cimport cython

from bypeer.core.ether cimport past_ethernet, past_ppp, past_type, told_by_version
from bypeer.core cimport octets as net

cdef long long _NO_IP, _ENDS_EARLY, _ALL_STATIONS, _CISCO_UNICAST, _CISCO_BROADCAST, _UNNUMBERED
cdef long long _MOST_ADDRESSES, _NLPID_SNAP, _NLPID_IPV4, _NLPID_IPV6, _NLPID_PPP
cdef long long _OUI_ETHER_TYPE, _OUI_BRIDGED, _BRIDGED, _BRIDGED_WITH_FCS

@cython.locals(address="long long")
cpdef long long past_hdlc(const unsigned char *octets, long long at, long long end) except -5
cdef long long _past_protocol(const unsigned char *octets, long long at, long long end) except -5
cpdef long long past_cisco(const unsigned char *octets, long long at, long long end) except -5
@cython.locals(_="long long")
cpdef long long past_frame_relay(const unsigned char *octets, long long at, long long end) except -5
@cython.locals(protocol="long long", organisation="long long", kind="long long")
cdef long long _past_nlpid(const unsigned char *octets, long long at, long long end) except -5
