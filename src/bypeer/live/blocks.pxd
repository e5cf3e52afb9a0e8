# The C types of blocks.py.
cimport cython
from bypeer.core.decode cimport decode
from bypeer.core.segment cimport Segment
from bypeer.live.history cimport History
from bypeer.live cimport memory

cdef long long _AT_COUNT, _AT_FIRST, _AT_SECONDS, _AT_NANOSECONDS, _AT_CAPTURED, _AT_LENGTH, _AT_FLAGS, _AT_MAC
cdef long long _AT_TCI, _AT_TPID, _AT_PROTOCOL, _AT_WAY, _WHOLE, _TAGGED, _TPID_TOLD, _VLAN
cdef long long _ADDRESSES, _ETHERNET_HEADER, _TAG, _SECOND, _ETHERNET
cdef int _TCP, _TUNNEL, _OUTGOING

cdef class Blocks:
    cdef public list caught
    cdef public long long caught_ever, most
    cdef public History history
    cdef public bint cooked
    cdef public int watched
    cdef public Segment segment
    cdef public const unsigned char[::1] nothing
    @cython.locals(count="long long", pos="long long", before="long long", _="long long")
    cpdef long long take(self, const unsigned char[::1] ring, long long at, long long size) except -1
    @cython.locals(ts="long long", captured="long long", length="long long", flags="long long", way="long long",
                   start="long long", history=History, view="unsigned char[::1]", more="long long", to="long long")
    cdef void _take(self, const unsigned char[::1] ring, long long pos, long long end) except *
    @cython.locals(tpid="long long", tci="long long", view="unsigned char[::1]")
    cdef void _tag(self, const unsigned char[::1] ring, long long pos, long long to, long long flags) except *
    @cython.locals(segment=Segment, kind=int)
    cdef void _watch(self, long long at, long long captured, long long length, long long ts, long long way) except *
