# The C types of frames.py.
cdef class Frames:
    cdef public bytearray octets
    cdef public long long count, first
    cdef public long long[::1] start, captured, length, ts, interface, offset
