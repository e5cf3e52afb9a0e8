# The C types of scan.py.
cimport cython

from bypeer.core cimport lines, plain
from bypeer.core.connections cimport Connections
from bypeer.core.decode cimport decode
from bypeer.core.excerpt cimport Excerpt
from bypeer.core.frames cimport Frames
from bypeer.core.lines cimport Packet
from bypeer.core.points cimport Lane
from bypeer.core.segment cimport Segment

cdef int _TCP, _TUNNEL, _UNSUPPORTED, _LAST_TCP, _RST, _GROUP, _ETHERNET
cdef long long _UNDATED

@cython.final
cdef class Passing:
    cdef public Connections table
    cdef public dict kept, lanes
    cdef public long long resets
    cdef public dict unsupported
    cdef bytearray _packets, _ports
    cdef long long[::1] _rows, _counts
    cdef long long _count
    cdef Segment _segment
    cdef long long _interface, _link_type
    cdef object _interfaces
    cdef dict _wanted
    cdef unsigned long long[::1] _tuples
    cdef unsigned long long _mask

    cpdef long long count(self, int kind) except? 0
    @cython.locals(mixed="unsigned long long", at="unsigned long long")
    cpdef want(self, object wanted)
    @cython.locals(table=Connections, row="long long", place="long long", found="long long")
    cpdef see(self, Frames batch, object interfaces)
    @cython.locals(starts="long long[::1]", captured="long long[::1]", interfaces="long long[::1]",
                   ts="long long[::1]", packet="Packet *", count="long long", plain_ones="long long",
                   resets="long long", ethernet="bint")
    cdef Py_ssize_t _gather(self, Frames batch, const unsigned char *octets, Py_ssize_t row) except -1
    @cython.locals(ports="long long")
    cdef bint _unwanted(self, const unsigned char *octets, long long start, long long captured) except -1
    @cython.locals(kind="int")
    cdef bint _begin(self, Frames batch, long long row, Packet *packet) except -1
    cdef _turn(self, long long interface)
    @cython.locals(segment=Segment)
    cdef int _decode(self, Frames batch, long long row, bint verify) except -1
    @cython.locals(at="unsigned long long")
    cdef bint _is_wanted(self, unsigned long long mixed) except -1
    @cython.locals(number="long long", frame="long long", kept=dict, excerpt=Excerpt)
    cdef _keep(self, long long row, Frames batch, long long at)
    @cython.locals(number="long long", lanes=dict, wanted=dict, lane=Lane)
    cdef _draw(self, long long row, Frames batch, long long at)

@cython.locals(began="long long", ended="long long", undated="long long", row="long long", ts="long long")
cdef _clock(object found, Frames batch)
