# The C types of window.py: with them the module runs at C speed when compiled.
cimport cython
from bypeer.core.entry cimport Entry, Rules, Side, Step
from bypeer.core.segment cimport Segment
from bypeer.core.seq cimport before, add

cdef int _REPLY, _SYN_SENT, _SYN_RECV, _ACK, _REFUSED
cdef int _OK, _SEQ_OVER, _SEQ_UNDER, _ACK_OVER, _ACK_UNDER, _OVERSHOOT, _UNKNOWN_BOUND
cdef int _WINDOW_SCALE, _SACK_PERM, _BE_LIBERAL, _UNACKNOWLEDGED, _MAXACK_SET
cdef int _F_SYN, _F_RST, _F_ACK, _NO_OPTION, _WSCALE_MAX, _PASSES, _STOPS
cdef long long _ACK_LAG, _MASK

cpdef long long end_of(Segment segment)
@cython.locals(scaled=bint, others=bint)
cpdef read_options(Side side, Segment segment, Rules rules)
@cython.locals(sender=Side, receiver=Side, seq="long long", end="long long", ack="long long",
               sack="long long", flags="int", reason="int")
cpdef int judge(Entry entry, int direction, int kind, Segment segment, Rules rules, Step out) except -1
@cython.locals(sender=Side, receiver=Side, sack="long long")
cpdef stretch(Entry entry, int direction, Segment segment)
@cython.locals(syn=bint)
cdef bint _begins(Entry entry, Side sender, Side receiver, int direction, long long end, long long sack,
                  Segment segment, Rules rules) except -1
cdef _open(Side sender, Side receiver, int direction, long long end, bint settles, Segment segment, Rules rules)
@cython.locals(wnd="long long")
cdef _pick_up(Side sender, Side receiver, long long end, long long sack, int win)
@cython.locals(seen="long long", width="long long", lag="long long", newest="long long",
               late=bint, believed=bint, slight=bint)
cdef int _failed(Side sender, Side receiver, long long seq, long long end, long long sack,
                 Rules rules, Step out) except -1
@cython.locals(liberal=bint, passes=bint)
cdef int _conclude(Side sender, int reason, long long seq, long long end, long long sack,
                   Rules rules, Step out) except -1
@cython.locals(wnd="long long", widest="long long", permitted="long long")
cdef _advance(Side sender, Side receiver, long long seq, long long end, long long ack, long long sack,
              Segment segment)
@cython.locals(seen="long long", width="long long", lag="long long", newest="long long")
cdef _stretch(Side sender, Side receiver, long long seq, long long end, long long sack)
@cython.locals(same=bint)
cdef _count_repeat(Entry entry, int direction, long long seq, long long ack, long long end, int win)
