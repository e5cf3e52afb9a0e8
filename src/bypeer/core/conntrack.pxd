# The C types of conntrack.py: with them the module runs at C speed when compiled.
cimport cython
from bypeer.core.entry cimport Entry, Rules, Side, Step
from bypeer.core.segment cimport Segment
from bypeer.core.seq cimport before, distance, add
from bypeer.core.window cimport end_of, judge, read_options, stretch

cdef int _ORIGINAL, _REPLY
cdef int _NONE, _SYN_SENT, _SYN_RECV, _ESTABLISHED, _FIN_WAIT, _CLOSE_WAIT
cdef int _LAST_ACK, _TIME_WAIT, _CLOSE, _SYN_SENT2, _INVALID, _IGNORE
cdef int _SYN, _SYN_ACK, _FIN, _ACK, _RST, _NO_FLAGS, _BAD
cdef int _NEW, _KNOWN, _RELATED, _REFUSED
cdef int _OK, _INVALID_RST, _INVALID_STATE, _IGNORED_STATE, _CHALLENGE_ACK
cdef int _BAD_FLAGS, _BAD_CHECKSUM, _TRUNCATED, _INVALID_NEW, _NOT_LOOSE
cdef int _SACK_PERM, _CLOSE_INIT, _BE_LIBERAL, _UNACKNOWLEDGED, _MAXACK_SET
cdef int _EXP_CHALLENGE_ACK, _SIMULTANEOUS_OPEN, _SUM_BAD
cdef long long _UNDATED, _LOWERED_FROM
cdef int _CHECK, _ACCEPT, _STOP, _DONE

@cython.locals(state="int", kind="int", left="int")
cpdef step(Entry entry, int direction, Segment segment, Rules rules, Step out)
cpdef bint expired(Entry entry, long long ts)
@cython.locals(side=Side)
cpdef resume(Entry entry, Rules rules, long long ts)
@cython.locals(kind="int", refused=bint, gaps="long long")
cpdef adopt(Entry entry, int direction, Segment segment, Rules rules)
cdef int _malformed(int kind, Segment segment, Rules rules) except -1
@cython.locals(cell="int", side=Side)
cdef bint _begin(Entry entry, int kind, Segment segment, Rules rules, Step out) except -1
@cython.locals(cell="int")
cdef int _exceptions(Entry entry, int direction, int kind, Segment segment, Rules rules, Step out) except -1
cdef _simultaneous(Entry entry, int direction, int kind, Step out)
@cython.locals(answers=bint)
cdef int _last_ack(Entry entry, int direction, int kind, Step out) except -1
@cython.locals(state="int", in_order="int")
cdef int _reopened(Entry entry, int direction, int kind, Segment segment, Rules rules, Step out) except -1
@cython.locals(side=Side, answers=bint)
cdef int _ignored(Entry entry, int direction, int kind, Segment segment, Rules rules, Step out) except -1
@cython.locals(side=Side, other=Side)
cdef _resync(Entry entry, Rules rules)
@cython.locals(state="int", receiver=Side, established=bint, follows=bint, outdated=bint)
cdef int _reset(Entry entry, int direction, Segment segment, Rules rules, Step out) except -1
@cython.locals(challenged=bint)
cdef bint _answers_ignored(Entry entry, int direction, Segment segment, Rules rules) except -1
@cython.locals(state="int", new="int", timeout="long long", side=Side, seen_reply=bint)
cdef _accept(Entry entry, int direction, int kind, Segment segment, Rules rules, Step out)
cdef _renew(Entry entry, long long timeout, long long ts)
@cython.locals(timeout="long long", open_ended=bint)
cdef long long _timeout(Entry entry, int kind, Rules rules) except -1
@cython.locals(dated=bint, left="long long")
cdef _lower(Entry entry, int direction, int kind, Segment segment, Rules rules, Step out)
