# The C types of plain.py.
cimport cython
from bypeer.core cimport lines, tuples
from bypeer.core cimport octets as net
from bypeer.core.frames cimport Frames
from bypeer.core.lines cimport Packet
from bypeer.core.segment cimport Segment

cdef int _RARE, _NOP, _EOL, _TIMESTAMPS
cdef unsigned int _NUMBERS, _JUST_TIMESTAMPS
cdef unsigned long long _SEED

@cython.locals(starts="long long *", captured="long long *", interfaces="long long *", times="long long *",
               interface="long long", raw="const unsigned char *", first="long long", ip="long long",
               left="long long", header="long long", size="long long", tsval="unsigned int", packet="Packet *",
               source="unsigned long long", target="unsigned long long",
               seq="unsigned int", ack="unsigned int", flags="unsigned int")
cdef Py_ssize_t read_plain(
    Frames batch, const unsigned char *octets, Py_ssize_t row, Py_ssize_t stop, Packet *packets,
    Py_ssize_t count
) except -1
@cython.locals(raw="const unsigned char *", found="unsigned int", size="long long")
cdef unsigned int _tsval(const unsigned char *octets, long long at, long long stop) noexcept
@cython.locals(starts="long long *", captured="long long *", interfaces="long long *",
               hints="const unsigned char *", raw="const unsigned char *", interface="long long", ip="long long")
cdef Py_ssize_t past_unwanted(
    Frames batch, const unsigned char *octets, Py_ssize_t row, bytearray ports
) except -1
cdef void take(Packet *packet, Segment segment) noexcept
