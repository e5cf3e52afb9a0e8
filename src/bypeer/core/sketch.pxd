# The C types of sketch.py.
cimport cython
from bypeer.core cimport lines
from bypeer.core.lines cimport Packet, Past, Way

cdef unsigned long long _MIX_SEQ, _MIX_ACK, _PRINT
cdef int _SKETCH

@cython.locals(mixed="unsigned long long")
cpdef unsigned int fingerprint(unsigned int seq, unsigned int ack, unsigned int tsval) noexcept
@cython.locals(place="Py_ssize_t", packet="Packet *")
cdef void print_packets(Packet *packets, Py_ssize_t count) noexcept
@cython.locals(base="int", kept="int", largest="int", at="int", most="unsigned int")
cdef void keep(Way *way, Past *past, int direction, unsigned int value) noexcept
