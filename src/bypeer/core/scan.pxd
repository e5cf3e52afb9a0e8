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
    cdef bytearray _memory, _ports
    cdef Packet *_packets
    cdef long long[::1] _counts
    cdef Py_ssize_t _count
    cdef Segment _segment
    cdef long long _interface, _link_type
    cdef object _interfaces
    cdef dict _wanted
    cdef unsigned long long[::1] _tuples
    cdef unsigned long long _mask

    cpdef long long count(self, int kind) except? 0
    @cython.locals(mixed="unsigned long long", at="unsigned long long")
    cpdef want(self, object wanted)
    @cython.locals(table=Connections, row="Py_ssize_t", place="Py_ssize_t", packet="Packet *",
                   found="Py_ssize_t", at="long long")
    cpdef see(self, Frames batch, object interfaces)
    @cython.locals(packets="Packet *", before="Py_ssize_t", stop="Py_ssize_t", count="Py_ssize_t",
                   plain_ones="long long")
    cdef Py_ssize_t _gather(self, Frames batch, const unsigned char *octets, Py_ssize_t row) except -1
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

@cython.locals(began="long long", ended="long long", undated="long long", times="long long *", row="long long",
               ts="long long", step="long long")
cdef _clock(object found, Frames batch)
