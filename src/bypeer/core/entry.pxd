# The C types of entry.py.
from bypeer.core.seq cimport after

cdef int _NONE, _NO_FLAGS, _REFUSED, _OK
cdef bytes _CELLS, _KINDS
cdef tuple _TABLES
cdef long long _NO_BOUND, _UNDATED

cdef class Rules:
    cdef public object kernel, sysctls
    cdef public bytes cells, kinds
    cdef public list timeouts
    cdef public int max_retrans
    cdef public long long retrans, unack, close
    cdef public bint liberal, loose, checksum, ignore_invalid_rst
    cdef public bint late_is_invalid, overshoot_counts, overshoot_passes, liberal_overshoot_counts
    cdef public bint judged_together, closing_rst_unchecked, rst_after_syn_unchecked, own_syn_counts
    cdef public bint zero_rst_unchecked, challenge_ack_noted, reinit_needs_syn, resync_keeps_liberal
    cdef public bint inexact_rst_unack, lowers_timer

cdef class Side:
    cdef public unsigned int td_end, td_maxend, td_maxwin, td_maxack
    cdef public int td_scale, flags
    cdef public bint estimated
    cpdef take(self, Side other)
    cpdef widen(self, Side other)
    cpdef forget(self, int kept)

cdef class Entry:
    cdef public Side original, reply
    cdef public int state, last_index, last_dir, last_win, last_wscale, last_flags, retrans
    cdef public bint seen_reply, assured
    cdef public unsigned int last_seq, last_ack, last_end
    cdef public long long timeout, deadline, gaps
    cpdef clear(self)
    cpdef Entry copy(self)
    cpdef Side side(self, int direction)

cdef class Step:
    cdef public int ctstate, direction, index, state_before, state_after, reason
    cdef public long long bound, beyond, seq_over, seq_under, ack_over, ack_under
    cdef public bint lowered, reopened, unreplied
    cpdef reset(self, int direction, int index, int state)
