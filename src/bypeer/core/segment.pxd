# The C types of segment.py.
cdef class Segment:
    cdef public long long frame, offset, ts, interface, length
    cdef public unsigned long long src_hi, src_lo, dst_hi, dst_lo
    cdef public long long seq, ack, sack, dsack_left, dsack_right, tsval, tsecr, size
    cdef public int version, ttl, ip_id, sport, dport, flags, win
    cdef public int mss, wscale, sack_count, checksum
    cdef public bint df, sack_permitted, timestamps, cut
    cpdef Segment copy(self)
