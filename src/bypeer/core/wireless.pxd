# The C types of wireless.py; -5 as in ether.pxd.
cimport cython

from bypeer.core.ether cimport past_llc
from bypeer.core cimport octets as net

cdef long long _NO_IP, _ENDS_EARLY, _VERSION_AND_TYPE, _DATA, _EMPTY, _QOS
cdef long long _TO_AND_FROM, _ENCRYPTED, _HT_CONTROL, _FRAGMENT, _AGGREGATE, _MESH, _LONGEST_MESH
cdef long long _PRISM, _COOKIE, _COOKIE_VERSION, _TIME, _FLAGS, _PADDED

@cython.locals(size="long long")
cpdef long long past_radiotap(const unsigned char *octets, long long at, long long end) except -5
@cython.locals(present="long long", at="long long")
cdef bint _is_padded(const unsigned char *octets, long long start, long long stop) except -1
@cython.locals(size="long long")
cpdef long long past_avs(const unsigned char *octets, long long at, long long end) except -5
cpdef long long past_prism(const unsigned char *octets, long long at, long long end) except -5
@cython.locals(control="long long", relayed="bint", size="long long", quality="long long")
cpdef long long past_wireless(const unsigned char *octets, long long at, long long end, bint padded) except -5
cdef long long _u16(const unsigned char *octets, long long at) except -5
