# The C types of ether.py. -5 marks an exception: it is none of the negative answers.
cimport cython

from bypeer.core cimport octets as net

cdef long long _NO_IP, _ENDS_EARLY, _WRONG_VERSION
cdef long long _TYPE_IPV4, _TYPE_IPV6, _TYPE_VLAN, _TYPE_SERVICE_VLAN, _TYPE_OLD_VLAN
cdef long long _TYPE_BACKBONE, _TYPE_MACSEC, _TYPE_TRILL
cdef long long _TYPE_EXTENDED_TAG, _TYPE_VN_TAG, _TYPE_FABRIC_PATH, _TYPE_EDSA
cdef long long _TYPE_MPLS, _TYPE_MPLS_MULTICAST, _TYPE_PPPOE, _LONGEST_LLC
cdef long long _SNAP, _LLC_IP, _UNNUMBERED, _OUI_ETHER_TYPE, _OUI_CISCO, _OUI_BRIDGED
cdef long long _BRIDGED, _BRIDGED_WITH_FCS, _PPP_IPV4, _PPP_IPV6, _PPP_MPLS
cdef long long _SECTAG_ENCRYPTED, _SECTAG_CHANGED, _SECTAG_CHANNEL, _MOST_TAGS, _MOST_LABELS

cpdef long long past_ethernet(const unsigned char *octets, long long at, long long end) except -5
@cython.locals(size="long long", _="long long")
cpdef long long past_type(const unsigned char *octets, long long at, long long end, long long ether_type) except -5
cpdef long long past_llc(const unsigned char *octets, long long at, long long end) except -5
cpdef long long past_pppoe(const unsigned char *octets, long long at, long long end) except -5
cpdef long long past_ppp(const unsigned char *octets, long long at, long long end, long long protocol) except -5
@cython.locals(_="long long")
cpdef long long past_labels(const unsigned char *octets, long long at, long long end) except -5
cpdef long long told_by_version(const unsigned char *octets, long long at, long long end) except -5
cdef long long _tag_size(const unsigned char *octets, long long at, long long end, long long ether_type) except -5
cdef long long _secured_size(const unsigned char *octets, long long at, long long end, long long ether_type) except -5
@cython.locals(organisation="long long")
cdef long long _snap_size(const unsigned char *octets, long long at, long long end) except -5
cdef long long _shimmed(const unsigned char *octets, long long at, long long end, long long ether_type) except -5
